"""`# noqa` comments, read as Ruff and flake8 read them. Called by `analysis.py` when a file's findings are known."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable

from tielint.findings import Finding

_NOQA = re.compile(
    r"#\s*noqa(?![\w-])(?:\s*:\s*(?P<codes>[a-z]+[0-9]*(?:[\s,]+[a-z]+[0-9]+(?![\w-]))*)|(?P<broken>\s*:))?",
    re.IGNORECASE,
)
_NEWLINE = re.compile(r"\r\n|\r")


def unsuppressed(findings: Iterable[Finding], text: str) -> list[Finding]:
    """The findings that no comment silences, on their own first line or on the last line of their statement."""
    kept = list(findings)
    if not kept or "noqa" not in text.lower():
        return kept
    silenced = _silenced_codes(text)
    return [
        finding for finding in kept if not any(_silences(silenced.get(row), finding.code) for row in _rows(finding))
    ]


def _rows(finding: Finding) -> tuple[int, ...]:
    end = finding.span.end
    last = end.row - 1 if end.column == 1 and end.row > finding.span.start.row else end.row
    return (finding.span.start.row, last)


def _silences(codes: tuple[str, ...] | None, code: str) -> bool:
    """No codes at all is a blanket; a code also stands for those that start with it, as in flake8."""
    return codes is not None and (not codes or code.startswith(codes))


def _silenced_codes(text: str) -> dict[int, tuple[str, ...]]:
    """By line, the codes that its comment names."""
    silenced = {}
    for row, comment in _comments(_NEWLINE.sub("\n", text)):
        match = _NOQA.search(comment)
        if match and not match["broken"]:
            silenced[row] = tuple(re.split(r"[\s,]+", match["codes"].upper())) if match["codes"] else ()
    return silenced


def _comments(text: str) -> list[tuple[int, str]]:
    """Real comments only, not what looks like one inside a string; if Python's tokenizer gives up, every line's."""
    try:
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]
    except (tokenize.TokenError, SyntaxError):
        return list(enumerate(text.split("\n"), start=1))

"""The cheap gate in front of the parser: bytes in, which rules can find something in them out, and where.

Patterns are held against the text as if each statement stood on one line, without comments; where names are imported
under other names, against none.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache, reduce

from tielint.candidates import EVERY, SPEAKS_OF_SHARING, AfterTie, renames

TYPE_CHECKING = False  # as type checkers know it: to import `typing` takes its time
if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import TypeAlias

    from tielint.matching import Candidate
    from tielint.rule import Rule

    Site: TypeAlias = tuple[Candidate, int]
    """What a candidate saw, and in which row."""

TORCH = (b"torch", b"import *")
"""Without one of these, no name in a file can mean PyTorch."""

_COMMENT = re.compile(rb"#(?<=\s#)[^\n\"']{0,400}$", re.MULTILINE)
_PERHAPS_A_COMMENT = re.compile(rb"#(?<=\s#)[^\n]*")
_GOES_ON_WITH_A_DOT = re.compile(rb"\\\n(?=[ \t]*\.)")
_GOES_ON = re.compile(rb"\n(?<!import \*\n)(?:(?<=[\[({,=*\\]\n)\s*|\s{0,400}(?=[.)\]}*]))")
"""The end of a line after which its statement surely goes on, also where a comment was, and the blanks behind it."""


@lru_cache(maxsize=1)
def _on_one_line(data: bytes) -> bytes:
    """A text without comments whose statements stand on one line each."""
    text = _GOES_ON.sub(b"", _without_comments(data))
    return text.replace(b"\\", b" ") if b"\\" in text else text


def _without_comments(data: bytes) -> bytes:
    if b"\r" in data:  # rows mean nothing then: no places are asked for
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b"#" in data:
        data = _PERHAPS_A_COMMENT.sub(_outside_strings, _COMMENT.sub(b"", data))
    if b"\\\n" in data:
        data = _GOES_ON_WITH_A_DOT.sub(b"\n", data)
    return reduce(_without_blanks, _BLANKS, data)


_BLANKS = (b"\t", *(b" " * width for width in (64, 32, 16, 8, 4, 2, 1)))
"""Together, up to 127 blanks at the end of a row."""


def _without_blanks(data: bytes, blanks: bytes) -> bytes:
    return data.replace(blanks + b"\n", b"\n")


def _outside_strings(found: re.Match[bytes]) -> bytes:
    """A comment with quotes in it, if no string is open before it."""
    data, at = found.string, found.start()
    before = data[data.rfind(b"\n", 0, at) + 1 : at]
    return found[0] if before.count(b'"') % 2 or before.count(b"'") % 2 else b""


def _lines_gone(data: bytes) -> list[int]:
    """The offsets, in a text on one line, of the ends of lines that are gone."""
    gone: list[int] = []
    cut = 0
    for match in _GOES_ON.finditer(_without_comments(data)):
        gone += [match.start() - cut] * match[0].count(b"\n")
        cut += len(match[0])
    return gone


def speaks_of_torch(data: bytes) -> bool:
    """Whether any name in a file can mean PyTorch: elsewhere, with or without the gate, nothing is a finding."""
    return any(word in data for word in TORCH)


def is_bare(data: bytes, path: Path | str) -> bool:
    """Whether none of the rules that are on by default can find anything in a file: told without loading one."""
    text = _on_one_line(data)
    return not renames(text) and not any(True for candidate in EVERY for _ in candidate(text, path))


def wanted_by(data: bytes, path: Path, rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules that can find something in a file with these bytes."""
    if not speaks_of_torch(data):
        return ()
    rules = tuple(rules)
    present: dict[bytes, bool] = {}
    known: dict[Candidate, bool] = {}

    def has(word: bytes) -> bool:
        if word not in present:
            present[word] = word in data
        return present[word]

    def found(candidate: Candidate) -> bool:
        if candidate not in known:
            text = data if candidate is SPEAKS_OF_SHARING else _on_one_line(data)
            known[candidate] = not isinstance(candidate, AfterTie) and any(True for _ in candidate(text, path))
        return known[candidate]

    triggered = tuple(rule for rule in rules if all(any(map(has, group)) for group in rule.triggers))
    if not triggered or renames(_on_one_line(data)):
        return triggered
    return tuple(
        rule for rule in triggered if all(any(map(found, group)) for group in (rule.sites, *rule.candidates) if group)
    )


def sites_of(data: bytes, path: Path, rules: Iterable[Rule]) -> list[Site] | None:
    """The rows at which these rules can find something; None where one of them can anywhere."""
    text = _on_one_line(data)
    if not all(rule.sites for rule in rules) or renames(text):
        return None
    gone = _lines_gone(data)
    candidates = dict.fromkeys(candidate for rule in rules for candidate in rule.sites)
    sites = []
    for candidate in candidates:
        row, last = 1, 0
        for offset in sorted(candidate(text, path)):
            row += text.count(b"\n", last, offset)
            last = offset
            sites.append((candidate, row + bisect_right(gone, offset)))
    return sites

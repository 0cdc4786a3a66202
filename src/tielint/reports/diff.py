"""The change that fixes would make to a file, as a unified diff that `patch` accepts. Called by the command line."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff

from tielint.source import SourceFile

_COLOURS = {"@@": "cyan", "-": "red", "+": "green"}


def render(before: SourceFile, after: str) -> str:
    """Headed by the path as it was named, as in Ruff."""
    path = str(before.path)
    lines = unified_diff(_lines(before, before.text), _lines(before, after), path, path)
    return "".join(_marked(lines))


def colour(line: str) -> str | None:
    """The colour of a diff's line on a terminal."""
    return next((colour for start, colour in _COLOURS.items() if line.startswith(start)), None)


def _lines(file: SourceFile, text: str) -> list[str]:
    """As patch sees them: ended by a line feed alone, and with the BOM in the first."""
    whole = "\ufeff" + text if file.bom else text
    lines = [line + "\n" for line in whole.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _marked(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"

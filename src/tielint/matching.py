"""How patterns are held against bytes. The patterns are in `candidates.py` and `layer_lists.py`.

A pattern that starts with a literal is searched for many times faster than another, so each candidate looks for a
literal first, and only there at what is around it.
"""

from __future__ import annotations

import re
from functools import cache

TYPE_CHECKING = False  # as type checkers know it: to import `typing` takes its time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from typing import TypeAlias

    Candidate: TypeAlias = Callable[[bytes, Path | str], Iterable[int]]
    """Where, in a file's bytes, a finding may be made: offsets. The path is the file's."""


CLASS = rb"class[ \t]+(\w+)[ \t]*(?:\[[^\]\n]*\][ \t]*)?"
"""The head of a class, before its bases; it may have type parameters."""


@cache
def compiled(pattern: bytes) -> re.Pattern[bytes]:
    """Compiled when it is first asked for: to compile all takes longer than to read most files."""
    return re.compile(pattern, re.MULTILINE)


class Likeness:
    """Wherever the pattern matches; it starts with a literal, unless few files are asked."""

    def __init__(self, pattern: bytes) -> None:
        self.pattern = pattern

    def __call__(self, data: bytes, _path: Path | str) -> Iterator[int]:
        return (match.start() for match in compiled(self.pattern).finditer(data))


class Near:
    """Wherever the pattern matches that starts somewhere on a line with the literal."""

    def __init__(self, literal: bytes, pattern: bytes) -> None:
        self.literal = literal
        self.pattern = pattern

    def __call__(self, data: bytes, _path: Path | str) -> Iterator[int]:
        around, done = compiled(rb"[^\n]*?(?:" + self.pattern + rb")"), -1
        for literal in compiled(self.literal).finditer(data):
            start = data.rfind(b"\n", 0, literal.start()) + 1
            if start > done and around.match(data, start):
                yield literal.start()
            done = start


def preceding(data: bytes, literal: bytes, pattern: bytes) -> Iterator[re.Match[bytes]]:
    """What stands before a pattern that starts with a literal, on the same line."""
    for found in compiled(literal).finditer(data):
        start = data.rfind(b"\n", 0, found.start()) + 1
        if match := compiled(pattern).search(data[max(start, found.start() - 400) : found.start()]):
            yield match


def places_of(word: bytes, data: bytes) -> Iterator[int]:
    place = data.find(word)
    while place >= 0:
        yield place
        place = data.find(word, place + len(word))

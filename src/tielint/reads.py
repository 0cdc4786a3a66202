"""What an answer depends on: the paths that were looked at, and how they were then. Kept by `cache.py` and `replay.py`.

Whoever reads a file, lists a directory or asks whether something is there, says so here. Nothing is kept unless someone
records. Imports next to nothing: it is on the way of the fastest answers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, wraps
from typing import ParamSpec, TypeAlias, TypeVar

Stamp: TypeAlias = tuple[int, int] | bool | None
"""When a file or directory was last changed, in ns, and its size in bytes; None where nothing is. True or False where
only that mattered."""

P = ParamSpec("P")
T = TypeVar("T")

_recording: list[dict[str, Stamp]] = []


def stamp(path: str | os.PathLike[str]) -> Stamp:
    """How a path is now."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return (status.st_mtime_ns, status.st_size)


def read(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Says that what is in a file or directory matters; (0, 0) where nothing is. To be called before it is read."""
    now = stamp(path)
    note({os.fspath(path): now})
    return now if isinstance(now, tuple) else (0, 0)


def is_there(path: str | os.PathLike[str]) -> bool:
    """Says that it matters whether there is a path, and tells it."""
    found = os.path.exists(path)
    note({os.fspath(path): found})
    return found


def is_file(path: str | os.PathLike[str]) -> bool:
    """Says that it matters whether there is a path, and tells whether it is a file."""
    return is_there(path) and os.path.isfile(path)


def is_directory(path: str | os.PathLike[str]) -> bool:
    """Says that it matters whether there is a path, and tells whether it is a directory."""
    return is_there(path) and os.path.isdir(path)


def note(reads: Mapping[str, Stamp]) -> None:
    """What was recorded elsewhere matters here, too."""
    if _recording:
        known = _recording[-1]
        for path, how in reads.items():
            if path not in known or isinstance(known[path], bool):  # to have read it says more
                known[path] = how


@contextmanager
def recorded() -> Iterator[dict[str, Stamp]]:
    """All that is said while this runs; the recording around it does not hear of it."""
    reads: dict[str, Stamp] = {}
    _recording.append(reads)
    try:
        yield reads
    finally:
        _recording.pop()


def remembered(maxsize: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """`lru_cache` for functions that look at files: a remembered answer matters as much as a new one."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @lru_cache(maxsize)
        def answered(*args: P.args, **kwargs: P.kwargs) -> tuple[T, dict[str, Stamp]]:
            with recorded() as reads:
                return function(*args, **kwargs), reads

        @wraps(function)
        def remember(*args: P.args, **kwargs: P.kwargs) -> T:
            answer, reads = answered(*args, **kwargs)  # type: ignore[arg-type]
            note(reads)
            return answer

        return remember

    return decorate

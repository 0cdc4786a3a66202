"""What an answer depends on: the paths that were looked at, and how they were then. Kept by `cache.py` and `replay.py`.

Whoever reads a file, lists a directory or asks whether something is there, says so here. Nothing is kept unless someone
records. Imports next to nothing: it is on the way of the fastest answers.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from functools import lru_cache, wraps

TYPE_CHECKING = False  # as type checkers know it: to import `typing` takes its time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import ParamSpec, TypeAlias, TypeVar

    P = ParamSpec("P")
    T = TypeVar("T")

Stamp: TypeAlias = tuple[int, int] | bool | None
"""When a file or directory was last changed, in ns, and its size in bytes, below 0 where nobody may read it; None where
nothing is. True or False where only that mattered."""

UNSETTLED_NS = 2_000_000_000


class Record:
    """What was looked at, and what remembered answers that were used had looked at."""

    __slots__ = ("own", "used")

    def __init__(self) -> None:
        self.own: dict[str, Stamp] = {}
        self.used: dict[int, Record] = {}

    def all(self) -> dict[str, Stamp]:
        """Every path, also of the answers that were used."""
        found: dict[str, Stamp] = {}
        seen: set[int] = set()
        waiting = [self]
        while waiting:
            record = waiting.pop()
            if id(record) not in seen:
                seen.add(id(record))
                _add(record.own, found)
                waiting += record.used.values()
        return found


_recording: list[Record] = []
_forgetting: list[Callable[[], None]] = []


def stamp(path: str | os.PathLike[str]) -> Stamp:
    """How a path is now."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    readable = status.st_mode & 0o444
    return (status.st_mtime_ns, status.st_size if readable else ~status.st_size)


def again(path: str | os.PathLike[str], how: object) -> Stamp:
    """How a path is now, as far as it mattered when it was `how`."""
    return os.path.exists(path) if isinstance(how, bool) else stamp(path)


def is_unsettled(changed: int) -> bool:
    """Whether a file changed so shortly ago (its time in ns) that it may change again and keep its time."""
    return time.time_ns() - changed < UNSETTLED_NS


def upward(directory: str) -> Iterator[str]:
    """A directory, and all that it lies in."""
    while True:
        yield directory
        above = os.path.dirname(directory)
        if above == directory:
            return
        directory = above


def read(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Says that what is in a file or directory matters; (0, 0) where nothing is. To be called before it is read."""
    now = stamp(path)
    note({os.fspath(path): now})
    return now if isinstance(now, tuple) else (0, 0)


def unreadable(path: str | os.PathLike[str]) -> None:
    """Says that a file could not be read, whatever its time says: that may pass, and leave no trace."""
    if _recording:
        _recording[-1].own[os.fspath(path)] = (time.time_ns(), -1)


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
        _add(reads, _recording[-1].own)


def _add(reads: Mapping[str, Stamp], found: dict[str, Stamp]) -> None:
    for path, how in reads.items():
        if path not in found or isinstance(found[path], bool):  # to have read it says more
            found[path] = how


@contextmanager
def recorded() -> Iterator[Record]:
    """All that is said while this runs; the recording around it does not hear of it."""
    record = Record()
    _recording.append(record)
    try:
        yield record
    finally:
        _recording.pop()


def remembered(maxsize: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """`lru_cache` for functions that look at files: a remembered answer matters as much as a new one."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @lru_cache(maxsize)
        def answered(*args: P.args, **kwargs: P.kwargs) -> tuple[T, Record]:
            with recorded() as record:
                return function(*args, **kwargs), record

        @wraps(function)
        def remember(*args: P.args, **kwargs: P.kwargs) -> T:
            answer, record = answered(*args, **kwargs)  # type: ignore[arg-type]
            if _recording:
                _recording[-1].used[id(record)] = record
            return answer

        _forgetting.append(answered.cache_clear)
        return remember

    return decorate


def forget() -> None:
    """Remembered answers hold for one run: files may change before the next one in this process."""
    for clear in _forgetting:
        clear()

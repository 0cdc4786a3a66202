"""Says again what the last run said, where nothing that it depends on has changed: no file, no directory, no setting.

Asked by `__main__.py` before anything that takes its time is imported; `cli.py` keeps what is needed.
"""

from __future__ import annotations

import json
import os
import sys
from binascii import crc32

from tielint.reads import again, is_unsettled, stamp, upward

TYPE_CHECKING = False  # as type checkers know it: to import `typing` takes its time
if TYPE_CHECKING:
    from collections.abc import Mapping

    from tielint.reads import Stamp

DIRECTORY = ".tielint_cache"
LAST = "last.json"

_ENVIRONMENT = ("NO_COLOR", "FORCE_COLOR", "TERM", "COLORTERM", "COLUMNS", "LINES", "LANG", "LC_ALL", "JPY_PARENT_PID")
_ENVIRONMENT_PREFIXES = ("TTY_", "PYTHON", "JUPYTER_")


def answer(arguments: list[str]) -> int | None:
    """Prints what the last run printed, and returns its status; None where that was another run, or things changed."""
    if arguments[:1] != ["check"] or "--no-cache" in arguments:
        return None
    file = _nearest(os.getcwd())
    try:
        with open(file or "", "rb") as stream:
            checksum, _, text = stream.read().partition(b"\n")
        kept = json.loads(text) if int(checksum, 16) == crc32(text) else {}
        if kept["run"] != _run(arguments) or not all(_is_as_it_was(*read) for read in kept["reads"].items()):
            return None
        status, out, err = int(kept["status"]), str(kept["out"]), str(kept["err"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    forgive_odd_names()
    sys.stderr.write(err)
    sys.stdout.write(out)
    sys.stdout.flush()
    return status


def forgive_odd_names() -> None:
    """A path or a message that the terminal's encoding can't show is spelled out; it must not end the run."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def last_run(arguments: list[str], reads: Mapping[str, Stamp], status: int, out: str, err: str) -> str | None:
    """What `answer` needs; None where a file is too new to be known by its time."""
    if any(isinstance(how, tuple) and is_unsettled(how[0]) for how in reads.values()):
        return None
    paths = [path for path in sys.path if os.path.isdir(path)]  # where rules of others may be installed
    every = {**reads, **{path: stamp(path) for path in paths}}
    kept = {"run": _run(arguments), "reads": every, "status": status, "out": out, "err": err}
    text = json.dumps(kept, separators=(",", ":"))
    return f"{crc32(text.encode()):x}\n{text}"


def _run(arguments: list[str]) -> list[object]:
    """What besides files a run depends on."""
    terminals = [_width(stream) for stream in (sys.stdout, sys.stderr)]
    environment = sorted(
        f"{name}={value}"
        for name, value in os.environ.items()
        if name in _ENVIRONMENT or name.startswith(_ENVIRONMENT_PREFIXES)
    )
    return [arguments, os.getcwd(), sys.version, sys.path, terminals, environment, sys.stdout.encoding]


def _width(stream: object) -> int | None:
    """Of the terminal that a stream is; None for a file or a pipe."""
    try:
        return os.get_terminal_size(stream.fileno()).columns  # type: ignore[attr-defined]
    except (OSError, ValueError, AttributeError):
        return None


def _is_as_it_was(path: str, how: object) -> bool:
    now = again(path, how)
    return (list(now) if isinstance(now, tuple) else now) == how


def _nearest(directory: str) -> str | None:
    """The last run's file in the nearest directory upward that has one."""
    files = (os.path.join(place, DIRECTORY, LAST) for place in upward(directory))
    return next(filter(os.path.exists, files), None)

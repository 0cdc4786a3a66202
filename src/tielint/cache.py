"""Keeps what linting a file gave, until the file or something that it depends on changes.

Asked by `run.py`; `cli.py` has the last run kept.

One file holds the results of all files, for one version of the rules and one choice of settings: a line with a checksum
of the second line, which is JSON. `paths` are files and how they were: time in ns (-1 where that may not last), size
and a digest of the content, or whether there was one at all. `files` are the results: whether the syntax was checked,
the numbers of the paths that it depends on, and the report. A path that results saw in different states has several
numbers. The file is replaced as a whole, so that runs side by side can't spoil it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import get_ident
from typing import Any, TypeAlias

from tielint import __version__
from tielint.findings import Applicability, Confidence, Edit, Finding, Fix, Position, Span, Verdict
from tielint.reads import Stamp, again, is_unsettled, note, stamp
from tielint.registry import all_rules
from tielint.replay import DIRECTORY, LAST, last_run
from tielint.report import FileReport
from tielint.settings import Settings

RESULTS = "results.json"

_Lasting: TypeAlias = tuple[int, int, str | None] | bool | None
"""Time, size and digest of what is in a file; of a directory, without a digest; or whether there is anything."""
_State: TypeAlias = tuple[str, _Lasting]
_Entry: TypeAlias = tuple[bool, list[int], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Result:
    """What linting a file gave. syntax: whether its syntax was checked even if no rule had to parse it."""

    report: FileReport
    reads: Mapping[str, Stamp]
    syntax: bool


class Cache:
    """The results of earlier runs in a project, and those of this one."""

    def __init__(self, root: Path, settings: Settings) -> None:
        self._root = os.path.abspath(root)
        self._directory = root / DIRECTORY
        self._version = _version(settings)
        self._paths: list[_State] = []
        self._numbers: dict[_State, int] = {}
        self._files: dict[str, _Entry] = {}
        self._now: dict[int, tuple[str, Stamp] | None] = {}
        self._new: dict[tuple[str, Stamp], int] = {}
        self._changed = False
        self._load()

    def result(self, path: Path, *, syntax: bool) -> FileReport | None:
        """What is known of a file, if all is as it was; `syntax`: its syntax must have been checked."""
        entry = self._files.get(self._name(path))
        if entry is None or (syntax and not entry[0]):
            return None
        checked, reads, found = entry
        now = [self._as_it_was(number) for number in reads]
        if None in now:
            return None
        report = _report(path, found)
        if report.problem and checked and not syntax:
            return None  # another run asked for more than this one
        note(dict(filter(None, now)))
        return report

    def add(self, result: Result) -> None:
        reads = [self._number(name, how) for name, how in result.reads.items()]
        self._files[self._name(result.report.path)] = (result.syntax, reads, _plain(result.report))
        self._changed = True

    def keep(self) -> None:
        """Writes all results that are still of use, if there are new ones."""
        if self._changed:
            self._write()

    # ------------------------------------------------------------------ paths and how they were

    def _name(self, path: Path | str) -> str:
        """Relative to the project, so that it may move; as it is where it lies on another drive."""
        try:
            return os.path.relpath(path, self._root)
        except ValueError:
            return os.path.abspath(path)

    def _place(self, name: str) -> str:
        return os.path.normpath(os.path.join(self._root, name))

    def _number(self, path: str, how: Stamp) -> int:
        """Of a path as a result saw it; other results may have seen it otherwise. Many have seen the same."""
        if (path, how) not in self._new:
            state: _State = (self._name(path), _lasting(path, how))
            number = self._numbers.setdefault(state, len(self._paths))
            if number == len(self._paths):
                self._paths.append(state)
            self._new[path, how] = number
        return self._new[path, how]

    def _as_it_was(self, number: int) -> tuple[str, Stamp] | None:
        """A path and its stamp, if nothing changed since it was last kept."""
        if number not in self._now:
            name, how = self._paths[number]
            path = self._place(name)
            now = again(path, how)
            state = _same(path, how, now)
            if state is not None and state != how:
                self._paths[number] = (name, state)
                self._changed = True
            self._now[number] = (path, now) if state is not None or how is now else None
        return self._now[number]

    # ------------------------------------------------------------------ the file

    def _load(self) -> None:
        try:
            checksum, _, text = (self._directory / RESULTS).read_bytes().partition(b"\n")
        except OSError:
            return
        if checksum.decode(errors="replace") != _digest_of(text):
            return
        kept = json.loads(text)
        if kept["version"] == self._version:
            self._paths = [(name, tuple(how) if isinstance(how, list) else how) for name, how in kept["paths"]]
            self._files = {name: (checked, reads, found) for name, (checked, reads, found) in kept["files"].items()}
            self._numbers = {state: number for number, state in enumerate(self._paths)}

    def _write(self) -> None:
        """Without files that are gone, and paths that no result speaks of any more."""
        files = {name: entry for name, entry in self._files.items() if os.path.exists(self._place(name))}
        used: dict[int, int] = {}
        renumbered = {
            name: (checked, [used.setdefault(number, len(used)) for number in reads], found)
            for name, (checked, reads, found) in files.items()
        }
        kept = {"version": self._version, "paths": [self._paths[number] for number in used], "files": renumbered}
        text = json.dumps(kept, separators=(",", ":"))
        write(self._directory, RESULTS, f"{_digest_of(text.encode())}\n{text}")


def prepare(directory: Path) -> None:
    """Makes the cache's directory, where that is possible. What lists the project afterwards finds it already there."""
    try:
        if not directory.exists():
            directory.mkdir()
            (directory / ".gitignore").write_text("# Made by tielint.\n*\n", encoding="utf-8")
    except OSError:
        pass


def write(directory: Path, name: str, text: str) -> None:
    """Replaces a file of the cache as a whole. Where nothing can be written, there is no cache."""
    prepare(directory)
    temporary = directory / f"{name}.{os.getpid()}-{get_ident()}"
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, directory / name)
    except OSError:
        with suppress(OSError):
            temporary.unlink()


def clean(root: Path) -> bool:
    """Removes a project's cache; False where there is none.

    Raises:
        OSError: it can't be removed.
    """
    import shutil

    directory = root / DIRECTORY
    if not directory.is_dir():
        return False
    if directory.is_symlink():
        directory.unlink()
    else:
        shutil.rmtree(directory)
    return True


def keep_run(
    root: Path, arguments: list[str], reads: Mapping[str, Stamp], status: int, out: list[str], err: list[str]
) -> None:
    """Keeps what a run said, to be said again as long as nothing changes."""
    every = {**reads, **{file: stamp(file) for file in _own_files()}}
    kept = last_run(arguments, every, status, "".join(out), "".join(err))
    if kept is not None:
        write(root / DIRECTORY, LAST, kept)


def _own_files() -> list[str]:
    """The modules of tielint, all rules and what is beside them, and LibCST's first: findings change with them."""
    rules = {type(rule).__module__ for rule in all_rules()}
    files = {file for home in {name.rpartition(".")[0] or name for name in rules} for file in _files_of(home)}
    parser = find_spec("libcst")
    if parser and parser.origin:
        files.add(parser.origin)
    return sorted(files)


def _files_of(home: str) -> Iterator[str]:
    """All files of a package, and of those that it is in; of a module in none, what is loaded from its directory."""
    steps = home.split(".")
    around = [sys.modules[".".join(steps[: number + 1])] for number in range(len(steps))]
    for package in around:
        for place in getattr(package, "__path__", ()):
            yield from map(str, Path(place).rglob("*.py"))
    if not hasattr(around[0], "__path__"):
        directory = os.path.dirname(around[0].__file__ or "")
        loaded = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
        yield from (file for file in loaded if file and os.path.dirname(file) == directory)


def _version(settings: Settings) -> str:
    files = [(file, stamp(file)) for file in _own_files()]
    return repr((__version__, sys.version, settings, files))


def _lasting(path: str, how: Stamp) -> _Lasting:
    """A stamp with the content that it stands for, which is not known any more where the file has changed since."""
    if not isinstance(how, tuple):
        return how
    digest = _digest(path)
    content = digest if stamp(path) == how else None
    return (-1 if is_unsettled(how[0]) else how[0], how[1], content)


def _same(path: str, how: _Lasting, now: Stamp) -> _Lasting:
    """How the path is to be kept from now on, if its content is as it was; else None."""
    if not isinstance(how, tuple) or not isinstance(now, tuple) or how[1] != now[1]:
        return None
    if how[0] == now[0]:
        return how
    return _lasting(path, now) if how[2] is not None and _digest(path) == how[2] else None


def _digest(path: str) -> str | None:
    try:
        if not os.path.isfile(path):
            return None  # a directory, say, or a pipe that would never end
        with open(path, "rb") as file:
            return _digest_of(file.read())
    except OSError:
        return None


def _digest_of(data: bytes) -> str:
    from hashlib import blake2b

    return blake2b(data, digest_size=16).hexdigest()


# ---------------------------------------------------------------------- reports as plain data


def _plain(report: FileReport) -> dict[str, Any] | None:
    if report.problem is None and not report.findings:
        return None
    findings = [{**asdict(finding), "path": None} for finding in report.findings]
    return {"problem": report.problem, "findings": findings}


def _report(path: Path, found: dict[str, Any] | None) -> FileReport:
    if found is None:
        return FileReport(path)
    findings = tuple(_finding(path, finding) for finding in found["findings"])
    return FileReport(path, findings, found["problem"])


def _finding(path: Path, plain: dict[str, Any]) -> Finding:
    values = dict(plain)
    source, fix = values["source_span"], values["fix"]
    values |= {
        "path": path,
        "verdict": Verdict(values["verdict"]),
        "confidence": Confidence(values["confidence"]),
        "span": _span(values["span"]),
        "source_span": source and _span(source),
        "fix": fix and _fix(fix),
    }
    return Finding(**values)


def _fix(plain: dict[str, Any]) -> Fix:
    edits = tuple(Edit(edit["content"], _span(edit["span"])) for edit in plain["edits"])
    return Fix(Applicability(plain["applicability"]), plain["message"], edits)


def _span(plain: dict[str, Any]) -> Span:
    return Span(Position(**plain["start"]), Position(**plain["end"]))

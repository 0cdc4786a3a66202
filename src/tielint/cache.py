"""Keeps what linting a file gave, until the file or something that it depends on changes. Asked by `run.py`.

One JSON file holds the results of all files, for one version of the rules and one choice of settings. A file is known
by its time and size, and where these changed, by its content. It is replaced as a whole, so that runs side by side
can't spoil it; what is wrong with it is as if it were not there.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from tielint import __version__
from tielint.findings import Applicability, Confidence, Edit, Finding, Fix, Position, Span, Verdict
from tielint.reads import Stamp, again, is_unsettled, note, stamp
from tielint.registry import all_rules
from tielint.replay import DIRECTORY, LAST, last_run
from tielint.report import FileReport
from tielint.settings import Settings

RESULTS = "results.json"


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
        self._paths: list[list[object]] = []
        self._numbers: dict[str, int] = {}
        self._files: dict[str, list[object]] = {}
        self._now: dict[int, tuple[str, Stamp] | None] = {}
        self._kept: dict[str, tuple[int, Stamp]] = {}
        self._changed = False
        self._load()

    def result(self, path: Path, *, syntax: bool) -> FileReport | None:
        """What is known of a file, if all is as it was; `syntax`: its syntax must have been checked."""
        entry = self._files.get(self._name(path))
        match entry:
            case [bool(checked), list(reads), found] if checked or not syntax:
                try:
                    now = [self._as_it_was(number) for number in reads]
                    if None in now:
                        return None
                    report = _report(path, found)
                    if report.problem and checked and not syntax:
                        return None  # another run asked for more than this one
                    note(dict(filter(None, now)))
                    return report
                except (KeyError, TypeError, ValueError, IndexError, AssertionError):
                    return None
        return None

    def add(self, result: Result) -> None:
        reads = [self._number(name, how) for name, how in result.reads.items()]
        self._files[self._name(result.report.path)] = [result.syntax, reads, _plain(result.report)]
        self._changed = True

    def keep(self) -> None:
        """Writes all results that are still of use, if there are new ones."""
        if self._changed:
            self._write()

    # ------------------------------------------------------------------ paths and how they were

    def _name(self, path: Path | str) -> str:
        """Relative to the project, so that it may move."""
        return os.path.relpath(path, self._root)

    def _place(self, name: str) -> str:
        return os.path.normpath(os.path.join(self._root, name))

    def _number(self, path: str, how: Stamp) -> int:
        """Many results depend on the same paths: each is looked into once, and again where it turns out to be read."""
        number, kept = self._kept.get(path, (-1, False))
        if number >= 0 and (isinstance(how, bool) or not isinstance(kept, bool)):
            return number
        name = self._name(path)
        known: object = how if isinstance(how, bool) or how is None else [*_settled(how), _digest(path)]
        number = self._numbers.setdefault(name, len(self._paths))
        if number == len(self._paths):
            self._paths.append([name, known])
        elif not isinstance(how, bool):
            self._paths[number] = [name, known]
        self._now[number] = (path, how)
        self._kept[path] = (number, how)
        return number

    def _as_it_was(self, number: int) -> tuple[str, Stamp] | None:
        """A path and its stamp, if nothing changed since it was last kept."""
        if number not in self._now:
            name, how = self._paths[number]
            path = self._place(str(name))
            now = again(path, how)
            self._now[number] = (path, now) if self._is_same(number, path, how, now) else None
        return self._now[number]

    def _is_same(self, number: int, path: str, how: object, now: Stamp) -> bool:
        match how:
            case [int(changed), int(size), digest] if isinstance(now, tuple) and size == now[1]:
                if changed != now[0] and digest is not None and _digest(path) == digest:
                    self._paths[number] = [self._paths[number][0], [*_settled(now), digest]]
                    self._changed = True
                    return True
                return changed == now[0]
        return how is now

    # ------------------------------------------------------------------ the file

    def _load(self) -> None:
        try:
            kept = json.loads((self._directory / RESULTS).read_bytes())
            if kept["version"] == self._version:
                self._paths, self._files = list(kept["paths"]), dict(kept["files"])
                self._numbers = {str(path[0]): number for number, path in enumerate(self._paths)}
        except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError):
            self._paths, self._numbers, self._files = [], {}, {}

    def _write(self) -> None:
        """Without files that are gone, and paths that no result speaks of any more."""
        files: dict[str, list[object]] = {}
        used: dict[int, int] = {}
        places = range(len(self._paths))
        for name, entry in self._files.items():
            match entry:
                case [checked, list(reads), found] if all(n in places for n in reads):
                    if os.path.exists(self._place(name)):
                        files[name] = [checked, [used.setdefault(number, len(used)) for number in reads], found]
        kept = {"version": self._version, "paths": [self._paths[number] for number in used], "files": files}
        write(self._directory, RESULTS, json.dumps(kept, separators=(",", ":")))


def write(directory: Path, name: str, text: str) -> None:
    """Replaces a file of the cache as a whole. Where nothing can be written, there is no cache."""
    import tempfile

    try:
        if not directory.exists():
            directory.mkdir()
            (directory / ".gitignore").write_text("# Made by tielint.\n*\n", encoding="utf-8")
        handle, temporary = tempfile.mkstemp(prefix=name, dir=directory)
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, directory / name)
    except OSError:
        pass


def clean(root: Path) -> bool:
    """Removes a project's cache; False where there is none.

    Raises:
        OSError: it can't be removed.
    """
    import shutil

    directory = root / DIRECTORY
    if not directory.is_dir():
        return False
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
    """The modules of tielint and of all rules: whatever they find changes with them."""
    rules = {sys.modules[type(rule).__module__].__file__ for rule in all_rules()}
    package = Path(__file__).parent
    return sorted({*map(str, package.rglob("*.py")), *(file for file in rules if file)})


def _version(settings: Settings) -> str:
    files = [(file, stamp(file)) for file in _own_files()]
    return repr((__version__, sys.version, settings, files))


def _settled(how: tuple[int, int]) -> tuple[int, int]:
    changed, size = how
    return (-1 if is_unsettled(changed) else changed, size)


def _digest(path: str) -> str | None:
    from hashlib import blake2b

    try:
        with open(path, "rb") as file:
            return blake2b(file.read(), digest_size=16).hexdigest()
    except OSError:  # a directory, say
        return None


# ---------------------------------------------------------------------- reports as plain data


def _plain(report: FileReport) -> object:
    if report.problem is None and not report.findings:
        return None
    findings = [{**asdict(finding), "path": None} for finding in report.findings]
    return {"problem": report.problem, "findings": findings}


def _report(path: Path, found: object) -> FileReport:
    if not isinstance(found, dict):
        return FileReport(path)
    findings = tuple(_finding(path, finding) for finding in found["findings"])
    return FileReport(path, findings, found["problem"])


def _finding(path: Path, plain: dict[str, object]) -> Finding:
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
    return Finding(**values)  # type: ignore[arg-type]


def _fix(plain: object) -> Fix:
    assert isinstance(plain, dict)
    edits = tuple(Edit(edit["content"], _span(edit["span"])) for edit in plain["edits"])
    return Fix(Applicability(plain["applicability"]), plain["message"], edits)


def _span(plain: object) -> Span:
    assert isinstance(plain, dict)
    return Span(Position(**plain["start"]), Position(**plain["end"]))

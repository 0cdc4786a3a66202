"""One run: what is asked for in, an outcome for each path out; fixed files are rewritten on the way.

Called by `cli.py`, which knows the options and the terminal.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from tielint.cache import Cache, prepare
from tielint.config import Config
from tielint.discovery import Discovered, discover, is_excluded, repository_root
from tielint.findings import Applicability
from tielint.reads import forget, note
from tielint.registry import all_rules
from tielint.replay import DIRECTORY
from tielint.report import FileReport, Problem, Repair, Report
from tielint.settings import ConfigError
from tielint.source import MAX_BYTES, SourceError, SourceFile

STDIN = Path("-")

FEW_FILES = 200
"""Up to here, Python is asked about the syntax of every file, also of those that no rule has to parse."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be linted and which fixes are wanted. `fix` is None where none are.

    force_exclude: exclude also what is named, as pre-commit names files. cache: use and keep what earlier runs found.
    """

    paths: tuple[Path, ...]
    stdin_filename: Path | None
    fix: Applicability | None
    unsafe: bool
    diff: bool
    force_exclude: bool = False
    cache: bool = True

    @property
    def from_stdin(self) -> bool:
        return self.paths == (STDIN,) or (not self.paths and self.stdin_filename is not None)


@dataclass(frozen=True, slots=True)
class Linted:
    """The outcome for every path. standard_output: the fixed code of standard input."""

    files: tuple[FileReport, ...]
    problems: tuple[Problem, ...]
    standard_output: bytes | None = None

    def report(self, request: Request) -> Report:
        """Everything that is to be said."""
        problems = (*self.problems, *(Problem(file.path, file.problem) for file in self.files if file.problem))
        return Report(
            findings=tuple(finding for file in self.files for finding in file.findings),
            problems=tuple(sorted(problems, key=lambda problem: os.path.abspath(problem.path))),
            files=len(self.files) + len(self.problems),
            sources={file.path: file.source for file in self.files if file.source},
            root=repository_root(Path()) or Path.cwd(),
            rules=all_rules(),
            repairs=tuple(
                Repair(file.path, file.fixed, len(file.findings), file.withdrawn)
                for file in self.files
                if file.fixed or file.withdrawn
            ),
            applicable=Applicability.UNSAFE if request.unsafe else Applicability.SAFE,
        )


def lint(request: Request, config: Config) -> Linted:
    """Lints standard input, or all files that the paths lead to."""
    forget()
    if request.from_stdin:
        return _lint_stdin(request, config)
    return _lint_files(request, config)


def _lint_stdin(request: Request, config: Config) -> Linted:
    """Whoever pipes one file in wants to hear of its syntax errors, whatever it imports."""
    from tielint.linter import lint_source

    path = request.stdin_filename or STDIN
    if sys.stdin is None:
        raise ConfigError("standard input is closed")
    # Also where nothing could be fixed: an editor that filters a buffer through this must not find it empty.
    wanted = request.fix is not None and not request.diff
    data = sys.stdin.buffer.read(-1 if wanted else MAX_BYTES + 1)
    fixed = data
    if request.force_exclude and is_excluded(path, config.settings.exclude, config.root):
        return Linted((), (), standard_output=fixed if wanted else None)
    try:
        source = SourceFile.from_bytes(data, path)
        report = lint_source(source, config.settings, fix=request.fix, check_syntax=True)
        if report.new_text is not None:
            fixed = source.encode(report.new_text)
    except SourceError as error:
        report = FileReport(path, problem=str(error))
    return Linted((report,), (), standard_output=fixed if wanted else None)


def _lint_files(request: Request, config: Config) -> Linted:
    """A file that is named, and any file of a small run, is told of its syntax errors even if no rule needs it.

    In a large tree that would cost more than the linting; there, syntax is checked in the files that rules parse.
    """
    if request.cache and request.fix is None:
        prepare(project_root(config) / DIRECTORY)
    found = discover(request.paths or (Path(),), config.settings.exclude, config.root, force=request.force_exclude)
    few = len(found.files) <= FEW_FILES
    checked = frozenset(found.files) if few else found.named
    if request.fix is None:
        return Linted(_lint_unfixed(found.files, checked, request, config), found.problems)
    return _fix_files(found, checked, request, config)


def _lint_unfixed(
    files: tuple[Path, ...], checked: frozenset[Path], request: Request, config: Config
) -> tuple[FileReport, ...]:
    """What is known from earlier runs is not linted again."""
    from tielint.workers import lint_all

    cache = Cache(project_root(config), config.settings) if request.cache else None
    reports: dict[Path, FileReport] = {}
    if cache:
        for path in files:
            known = cache.result(path, syntax=path in checked)
            if shown := known and _with_source(known):
                reports[path] = shown
    unknown = [path for path in files if path not in reports]
    try:
        for result in lint_all(unknown, config.settings, checked, recording=request.cache):
            if result.report.findings or result.report.problem:  # a copy of each path would fill memory
                reports[result.report.path] = result.report
            note(result.reads)
            if cache:
                cache.add(result)
    finally:  # whoever interrupts a run goes on from there
        if cache:
            cache.keep()
    return tuple(reports.get(path) or FileReport(path) for path in files)


def _with_source(report: FileReport) -> FileReport | None:
    """Findings are shown in their text; None where it can't be read any more."""
    try:
        return replace(report, source=SourceFile.read(report.path)) if report.findings else report
    except SourceError:
        return None


def project_root(config: Config) -> Path:
    """Where the cache lies: beside the configuration, else in the repository's root, else where the run is made."""
    if config.file:
        return config.file.parent
    return repository_root(Path()) or Path.cwd()


def _fix_files(found: Discovered, checked: frozenset[Path], request: Request, config: Config) -> Linted:
    """One after the other: what is fixed in one file may be read by the next."""
    from tielint.linter import lint_file

    reports: list[FileReport] = []
    changed = False
    cache = Cache(project_root(config), config.settings) if request.cache else None
    for path in found.files:
        known = cache.result(path, syntax=path in checked) if cache and not changed else None
        if known and not known.findings:
            reports.append(known)
            continue
        report = lint_file(path, config.settings, fix=request.fix, check_syntax=path in checked)
        if report.original and report.new_text is not None and not request.diff:
            try:
                _rewrite(report.original, report.new_text)
                changed = True
            except SourceError as error:
                report = replace(lint_file(path, config.settings), problem=str(error))
        reports.append(report)
    return Linted(tuple(reports), found.problems)


def _rewrite(linted: SourceFile, text: str) -> None:
    """An editor may have saved the file since it was read."""
    if SourceFile.read(linted.path).text != linted.text:
        raise SourceError("changed while it was linted, and not fixed")
    linted.write(text)

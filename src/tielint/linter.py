"""Lints one file: reads it, looks whether it can hold a finding, finds, and fixes if asked. Called by `run.py`."""

from __future__ import annotations

from pathlib import Path

from tielint.analysis import find, selected_rules
from tielint.findings import Applicability
from tielint.parsing import LintError, syntax_problem
from tielint.prefilter import wanted_by
from tielint.report import FileReport
from tielint.settings import Settings
from tielint.source import SourceError, SourceFile, read_bytes


def lint_file(
    path: Path, settings: Settings, *, fix: Applicability | None = None, check_syntax: bool = False
) -> FileReport:
    """Reads and lints a file; never writes.

    A syntax error is reported in every file that speaks of torch, and with `check_syntax` in any other too: files that
    can't hold a finding are else not parsed.
    """
    if path.suffix == ".ipynb":
        return FileReport(path, problem="a notebook; make it a script first, with `jupyter nbconvert --to script`")
    try:
        data = read_bytes(path)
        source = SourceFile.from_bytes(data, path)
    except SourceError as error:
        return FileReport(path, problem=str(error))
    if settings.prefilter and not wanted_by(data, selected_rules(settings)):
        look = check_syntax or b"torch" in data
        return FileReport(path, problem=syntax_problem(data) if look else None)
    return lint_source(source, settings, fix=fix)


def lint_source(source: SourceFile, settings: Settings, *, fix: Applicability | None = None) -> FileReport:
    """Lints a text; never writes."""
    try:
        findings = find(source, settings)
    except LintError as error:
        return FileReport(source.path, problem=str(error), source=source)
    if fix is None or not findings:
        return FileReport(source.path, findings, source=source)
    from tielint.fixer import repair

    return repair(source, findings, settings, fix)

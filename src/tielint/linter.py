"""Lints one file: reads it, looks whether it can hold a finding, finds, and fixes if asked. Called by `run.py`."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tielint.analysis import UnfinishedError, find, wanted_rules
from tielint.findings import Applicability
from tielint.parsing import LintError
from tielint.report import FileReport
from tielint.settings import Settings
from tielint.source import SourceError, SourceFile
from tielint.syntax import syntax_problem


def lint_file(
    path: Path, settings: Settings, *, fix: Applicability | None = None, check_syntax: bool = False
) -> FileReport:
    """Reads and lints a file; never writes.

    A syntax error is reported in every file that a rule has to look into, and with `check_syntax` in any other too.
    """
    if path.suffix == ".ipynb":
        return FileReport(path, problem="a notebook; make it a script first, with `jupyter nbconvert --to script`")
    try:
        source = SourceFile.read(path)
    except SourceError as error:
        return FileReport(path, problem=str(error))
    return lint_source(source, settings, fix=fix, check_syntax=check_syntax)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Trees are made of very many objects that live until the file is done: none of them is garbage before.

    What is garbage then is all young, and is collected at once: else it would pile up file by file.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
            gc.collect(1)


def lint_source(
    source: SourceFile, settings: Settings, *, fix: Applicability | None = None, check_syntax: bool = False
) -> FileReport:
    """Lints a text; never writes. `check_syntax` is as in `lint_file`."""
    rules = wanted_rules(source, settings)
    if not rules:
        return FileReport(source.path, problem=syntax_problem(source.text) if check_syntax else None)
    try:
        with _uncollected():
            findings = find(source, settings, rules)
    except UnfinishedError as error:
        return FileReport(source.path, error.findings, str(error), source)
    except LintError as error:
        return FileReport(source.path, problem=str(error), source=source)
    if fix is None or not findings:
        return FileReport(source.path, findings, source=source)
    from tielint.fixer import repair

    return repair(source, findings, settings, fix)

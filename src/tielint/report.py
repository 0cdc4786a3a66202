"""What linting gave, for one file and for a whole run. Turned into text by each of reports/."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tielint.findings import Applicability, Finding
from tielint.rule import Rule
from tielint.source import SourceFile


@dataclass(frozen=True, slots=True)
class FileReport:
    """What linting one file gave.

    `findings` are those left, sorted, unsuppressed, selected and sure enough; they refer to `source`, which is the
    fixed text where fixes were applied, and `original` the text before. `problem` is why the file could not be linted,
    in one line without the path. `withdrawn` names, one line each, the fixes that did not hold.
    """

    path: Path
    findings: tuple[Finding, ...] = ()
    problem: str | None = None
    source: SourceFile | None = None
    fixed: int = 0
    original: SourceFile | None = None
    new_text: str | None = None
    withdrawn: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """A path that could not be linted, and why, in one line."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Repair:
    """What fixes did, or would do, to one file: how many of its findings are gone, and which fixes did not hold."""

    path: Path
    fixed: int
    left: int
    withdrawn: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A whole run. `files` counts what was looked at, problems included; `sources` has those with findings at least.

    `applicable` is what a fix run would apply; `root` is what relative paths in SARIF are relative to.
    """

    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...] = ()
    files: int = 0
    sources: Mapping[Path, SourceFile] = field(default_factory=dict)
    root: Path = field(default_factory=Path.cwd)
    rules: tuple[Rule, ...] = ()
    repairs: tuple[Repair, ...] = ()
    applicable: Applicability = Applicability.SAFE

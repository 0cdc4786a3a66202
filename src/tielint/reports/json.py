"""The JSON report: a list of findings whose form is a contract with editors and scripts. Called by the command line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TextIO

from tielint.findings import Edit, Finding, Fix, Position
from tielint.report import Report


def write(report: Report, stream: TextIO) -> None:
    """The report alone, with nothing around it."""
    stream.write(render(report))


def render(report: Report) -> str:
    """Sorted by file, line and column; problems are not part of it."""
    findings = sorted(report.findings, key=lambda finding: (filename(finding.path), finding.span, finding.code))
    return json.dumps([_finding(finding) for finding in findings], indent=2) + "\n"


def filename(path: Path) -> str:
    """Absolute, as in Ruff; standard input without a name stays `-`."""
    return "-" if path == Path("-") else os.path.abspath(path)


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "code": finding.code,
        "name": finding.name,
        "message": finding.message,
        "verdict": finding.verdict.value,
        "confidence": finding.confidence.value,
        "filename": filename(finding.path),
        "location": _position(finding.span.start),
        "end_location": _position(finding.span.end),
        "source": finding.source,
        "target": finding.target,
        "url": finding.url,
        "fix": _fix(finding.fix) if finding.fix else None,
    }


def _fix(fix: Fix) -> dict[str, object]:
    return {
        "applicability": fix.applicability.value,
        "message": fix.message,
        "edits": [_edit(edit) for edit in fix.edits],
    }


def _edit(edit: Edit) -> dict[str, object]:
    return {
        "content": edit.content,
        "location": _position(edit.span.start),
        "end_location": _position(edit.span.end),
    }


def _position(position: Position) -> dict[str, int]:
    return {"row": position.row, "column": position.column}

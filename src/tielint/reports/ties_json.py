"""What a live model's ties really are, as JSON for scripts. Called by the command line."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TextIO

from tielint.torch.tie_report import Group, TieReport


def write(report: TieReport, stream: TextIO) -> None:
    """`ok` is what the exit status says."""
    stream.write(json.dumps(as_object(report), indent=2, ensure_ascii=False) + "\n")


def as_object(report: TieReport) -> dict[str, object]:
    """The report in the types that JSON has."""
    return {
        "model": report.model,
        "ok": report.ok,
        "counts": asdict(report.counts),
        "groups": [_group(group) for group in report.groups],
        "notes": list(report.notes),
    }


def _group(group: Group) -> dict[str, object]:
    return {
        "verdict": group.relation.value,
        "broken": group.is_broken,
        "members": [{"name": member.name, "layout": member.layout.value} for member in group.members],
        "shape": list(group.shape),
        "expected": group.expected or None,
        "detail": group.detail or None,
        "after": [asdict(outcome) for outcome in group.outcomes],
        "origins": [asdict(origin) for origin in group.origins],
    }

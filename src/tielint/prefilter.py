"""The cheap gate in front of the parser: bytes in, which rules can find something in them out, and where."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tielint.candidates import Candidate
from tielint.quick import speaks_of_torch
from tielint.rule import Rule


def wanted_by(data: bytes, path: Path, rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules that can find something in a file with these bytes."""
    if not speaks_of_torch(data):
        return ()
    known: dict[Candidate, bool] = {}

    def found(candidate: Candidate) -> bool:
        if candidate not in known:
            known[candidate] = any(True for _ in candidate(data, path))
        return known[candidate]

    return tuple(
        rule
        for rule in rules
        if all(any(word in data for word in group) for group in rule.triggers)
        and all(any(map(found, group)) for group in (rule.sites, *rule.candidates) if group)
    )


def sites_of(data: bytes, path: Path, rules: Iterable[Rule]) -> set[int] | None:
    """The rows at which these rules can find something; None where one of them can anywhere."""
    candidates: set[Candidate] = set()
    for rule in rules:
        if not rule.sites:
            return None
        candidates.update(rule.sites)
    offsets = sorted({offset for candidate in candidates for offset in candidate(data, path)})
    rows, row, last = set(), 1, 0
    for offset in offsets:
        row += data.count(b"\n", last, offset)
        last = offset
        rows.add(row)
    return rows

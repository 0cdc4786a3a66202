"""The cheap gate in front of the parser: bytes in, which rules can find something in them out, and where."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from tielint.candidates import AfterTie, Candidate
from tielint.quick import speaks_of_torch
from tielint.rule import Rule

Site: TypeAlias = tuple[Candidate, int]
"""What a candidate saw, and in which row."""


def wanted_by(data: bytes, path: Path, rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules that can find something in a file with these bytes."""
    if not speaks_of_torch(data):
        return ()
    present: dict[bytes, bool] = {}
    known: dict[Candidate, bool] = {}

    def has(word: bytes) -> bool:
        if word not in present:
            present[word] = word in data
        return present[word]

    def found(candidate: Candidate) -> bool:
        if candidate not in known:
            known[candidate] = not isinstance(candidate, AfterTie) and any(True for _ in candidate(data, path))
        return known[candidate]

    return tuple(
        rule
        for rule in rules
        if all(any(map(has, group)) for group in rule.triggers)
        and all(any(map(found, group)) for group in (rule.sites, *rule.candidates) if group)
    )


def sites_of(data: bytes, path: Path, rules: Iterable[Rule]) -> list[Site] | None:
    """The rows at which these rules can find something; None where one of them can anywhere."""
    if not all(rule.sites for rule in rules):
        return None
    candidates = dict.fromkeys(candidate for rule in rules for candidate in rule.sites)
    sites = []
    for candidate in candidates:
        row, last = 1, 0
        for offset in sorted(candidate(data, path)):
            row += data.count(b"\n", last, offset)
            last = offset
            sites.append((candidate, row))
    return sites

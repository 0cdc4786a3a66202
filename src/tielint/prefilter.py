"""The cheap gate in front of the parser: bytes in, whether the file can hold a finding out.."""

from __future__ import annotations

import re
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
            known[candidate] = bool(
                candidate.search(data) if isinstance(candidate, re.Pattern) else candidate(data, path)
            )
        return known[candidate]

    return tuple(
        rule
        for rule in rules
        if all(any(word in data for word in group) for group in rule.triggers)
        and all(any(found(candidate) for candidate in group) for group in rule.candidates)
    )

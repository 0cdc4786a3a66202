"""What a rule is. Each file in rules/ defines one subclass; registry.py finds them, analysis.py runs them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from tielint.findings import Verdict

if TYPE_CHECKING:
    from tielint.facts import FileFacts
    from tielint.judgement import Judgement
    from tielint.matching import Candidate


class Rule(ABC):
    """Judges the facts of one file. Its docstring is its documentation, in sections headed `## What it does` etc.

    `triggers` is the prefilter's contract: groups of byte strings; a file can hold a finding of this rule only if it
    contains at least one string of *every* group. `sites` (of `candidates.py`, `layer_lists.py`) tell where in it a
    finding may be made: only functions that have one of them, and what these have to do with, are looked into; without
    sites, the whole file is. `candidates` tell what the file must have besides: one of every group. An `AfterTie` among
    the sites opens no file: beside it stand `TIES`.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    verdict: ClassVar[Verdict]
    triggers: ClassVar[tuple[tuple[bytes, ...], ...]]
    sites: ClassVar[tuple[Candidate, ...]] = ()
    candidates: ClassVar[tuple[tuple[Candidate, ...], ...]] = ()
    default: ClassVar[bool] = True

    @abstractmethod
    def check(self, facts: FileFacts) -> Iterator[Judgement]:
        """Yields what is wrong in the file; positions and fixes are added by the engine."""

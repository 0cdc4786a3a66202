"""What `inspect` found in a live model, as plain data. Shown by the `ties_…` files in `reports/`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Relation(str, Enum):
    """What joins the weights of a group.

    tied: one Parameter, or one Parameter and what a layer computes from it at every use. alias: several Parameters over
    one storage. copy: equal numbers, separate storage. stale: a tensor that was once made from a Parameter and kept.
    grad-cut: a Parameter used in `forward` without its gradient. untrained: a Parameter that shapes the output and gets
    no gradient at all.
    """

    TIED = "tied"
    ALIAS = "alias"
    COPY = "copy"
    STALE = "stale"
    GRAD_CUT = "grad-cut"
    UNTRAINED = "untrained"


class Layout(str, Enum):
    """How a member lies to the first one of its group."""

    SAME = "same"
    TRANSPOSED = "transposed"
    OVERLAPPING = "overlapping"


@dataclass(frozen=True, slots=True)
class Member:
    """One name of a group, a dotted path in the model."""

    name: str
    layout: Layout = Layout.SAME


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is left of a group after an operation: a word as `Relation` has them, or `independent`, `error`."""

    operation: str
    left: str
    kept: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a group comes from in the source: a finding of the linter, or the line that runs."""

    path: str
    row: int
    code: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Weights that belong together. expected: why it is right as it is; empty for what looks like a broken tie."""

    relation: Relation
    members: tuple[Member, ...]
    shape: tuple[int, ...] = ()
    expected: str = ""
    detail: str = ""
    outcomes: tuple[Outcome, ...] = ()
    origins: tuple[Origin, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The members' paths in the model."""
        return tuple(member.name for member in self.members)

    @property
    def is_broken(self) -> bool:
        """Whether it looks like a tie, or like training, and is none."""
        return self.relation is not Relation.TIED and not self.expected


@dataclass(frozen=True, slots=True)
class Counts:
    """The size of a model: `elements` and `nbytes` count each Parameter and storage once, the others every name."""

    parameters: int = 0
    names: int = 0
    elements: int = 0
    elements_by_name: int = 0
    nbytes: int = 0
    nbytes_by_name: int = 0


@dataclass(frozen=True, slots=True)
class TieReport:
    """What a live model's ties really are.

    notes: what could not be tried, and why. layers: the modules that hold Parameters, in the model's order.
    """

    model: str
    counts: Counts
    groups: tuple[Group, ...] = ()
    notes: tuple[str, ...] = ()
    layers: tuple[str, ...] = field(default=(), repr=False)

    @property
    def ok(self) -> bool:
        """No tie is broken."""
        return not self.broken

    @property
    def broken(self) -> tuple[Group, ...]:
        """The groups that are not what they look like."""
        return tuple(group for group in self.groups if group.is_broken)

    @property
    def ties(self) -> tuple[Group, ...]:
        """One Parameter under several names, or computed with at every use."""
        return self._of(Relation.TIED)

    @property
    def aliases(self) -> tuple[Group, ...]:
        """Several Parameters over one storage."""
        return self._of(Relation.ALIAS)

    @property
    def copies(self) -> tuple[Group, ...]:
        """Equal numbers in separate storage."""
        return self._of(Relation.COPY)

    def _of(self, relation: Relation) -> tuple[Group, ...]:
        return tuple(group for group in self.groups if group.relation is relation)

    def __str__(self) -> str:
        from tielint.reports.ties_text import as_text

        return as_text(self)

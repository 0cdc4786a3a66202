"""What a rule says of a tie or an event. Made by the rules, turned into findings by `analysis.py`."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from tielint.facts import Event, Tie
from tielint.findings import Applicability, Confidence, Verdict
from tielint.intent import Intent, Strength, two_owners
from tielint.tensor import Storage


@dataclass(frozen=True, slots=True)
class Remedy:
    """What a rule itself knows to do; without an edit, it is advice.

    replacements: expressions, and what to write in their place. then: a statement to write below the finding's own.
    wrapped: an expression, and the name in torch.nn of what it is to be given to. replaces: the layer whose name the
    edit gives to another one; it must not stand anywhere else. shares: the layers that become one.
    """

    message: str
    replacements: tuple[tuple[cst.CSTNode, str], ...] = ()
    applicability: Applicability = Applicability.DISPLAY_ONLY
    then: str | None = None
    wrapped: tuple[cst.CSTNode, str] | None = None
    replaces: str | None = None
    shares: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """A tie that is none: what it is instead, how sure that is, and what to tell the user.

    The fix of a tie follows from the tie; that of an event is the rule's `remedy`.
    """

    subject: Tie | Event
    verdict: Verdict
    confidence: Confidence
    message: str
    intent: Intent
    remedy: Remedy | None = None


ALIAS_FOLLOWS = (
    "each has its own gradient and optimizer state (Adam steps the shared storage twice), and `.to()` another dtype or "
    "device, `deepcopy` or pickling parts them"
)


COPY_FOLLOWS = "two Parameters with two storages, which part at the first optimizer step"


def alias_confidence(tie: Tie, intent: Intent) -> Confidence | None:
    """An alias between two owners is a defect whatever was meant; words and known layers make it certain.

    Of a part of a weight, or where the storage is not known to be shared, only words tell.
    """
    if not two_owners(tie, intent):
        return None
    known = not tie.source.cell.presumed and not tie.target.cell.presumed
    said = intent.tie is not Strength.NONE and not intent.against and not intent.initialise
    if not tie.state.whole or tie.state.storage is Storage.UNKNOWN:
        return Confidence.LIKELY if said else None
    return Confidence.CERTAIN if known and said else Confidence.LIKELY


def turned(tie: Tie) -> str:
    """How the target sees the source."""
    return " (transposed)" if tie.state.transposed else ""


def consequence_of_misfit(tie: Tie) -> str:
    """What shapes that can't agree lead to, or an empty string where they do agree (or nobody knows)."""
    if tie.misfit is None:
        return ""
    wanted, given = _shape(tie.target.cell.shape), _shape(tie.given_shape)
    return (
        f". And {tie.target.text} needs shape {wanted}, not {given}: PyTorch checks nothing here, a forward pass does"
    )


def _shape(shape: tuple[object, ...] | None) -> str:
    return "(" + ", ".join("?" if dim is None else str(dim) for dim in shape or ()) + ")"


def in_forward(tie: Tie) -> bool:
    """Whether it happens again at every forward pass."""
    return tie.place.every_forward


def shapes_of(tie: Tie) -> tuple[str, str]:
    """The target's own shape and the one it is given, for messages."""
    return _shape(tie.target.cell.shape), _shape(tie.given_shape)

"""What one file does with its Parameters, as plain facts. Written by `visitor.py`, judged by the rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import libcst as cst

from tielint.layers import Dim, Shape
from tielint.tensor import Tensor
from tielint.values import Cell, ClassDefinition, Condition, FunctionDefinition, Instance, Root


class Write(Enum):
    """How a Parameter is given something."""

    ASSIGN = "assignment"
    REGISTER = "register_parameter"
    TABLE = "_parameters"
    DATA = ".data ="
    COPY = "copy_"
    SET = "set_"

    @property
    def binds(self) -> bool:
        """Whether the module gets another object, and not other values."""
        return self in (Write.ASSIGN, Write.REGISTER, Write.TABLE)


class Slot(Enum):
    """What stands where something is assigned, before it is."""

    PARAMETER = "a Parameter"
    PRESUMED = "a Parameter by its name"
    FREE = "nothing, or no Parameter"


class Fit(Enum):
    """How the shapes of two Parameters compare."""

    EQUAL = "equal"
    REVERSED = "reversed"
    SQUARE = "square"
    UNFIT = "unfit"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Side:
    """One end of a tie: a Parameter, and the module that holds it, as this place in the code can spell them.

    `step` is how the module hangs on its own holder at that moment (`.decoder`, `[0]`), if it does.
    """

    cell: Cell
    text: str
    owner: Instance | None
    owner_text: str | None
    root: Root | None
    step: str | None = None

    @property
    def layer(self) -> str | None:
        return self.owner.layer if self.owner else None


@dataclass(frozen=True, slots=True)
class Place:
    """Where something happens: the statement, the running functions from the outermost in, and what guards them.

    hook: one of the functions is a forward hook.
    """

    statement: cst.CSTNode
    line: cst.CSTNode | None
    block: tuple[cst.CSTNode, ...]
    functions: tuple[FunctionDefinition, ...]
    classes: tuple[ClassDefinition, ...]
    conditions: tuple[Condition, ...]
    loops: int
    grad: bool
    hook: bool = False

    @property
    def every_forward(self) -> bool:
        """Whether it happens again at every forward pass."""
        return self.hook or any(function.name == "forward" for function in self.functions)

    @property
    def function(self) -> FunctionDefinition | None:
        return self.functions[-1] if self.functions else None

    @property
    def method(self) -> str:
        """The innermost function's name, or an empty string at module level."""
        return self.functions[-1].name if self.functions else ""


@dataclass(frozen=True, slots=True)
class Repetition:
    """An expression that makes a list of one object several times (`[layer] * n`), and where it stands."""

    node: cst.CSTNode
    place: Place


@dataclass(slots=True)
class Tie:
    """A Parameter (the target) is given another one (the source), or something computed from it.

    state: what the algebra says of the value; `value` is the expression that made it, `assigned` the one at the
        assignment, `written` the expression that is assigned to.
    in_part: only a part of the target is written. into_leaf: it is written in place, past no `.data`.
    alternatives: how many things the value may be, by the branches before. varying_target: so may the target.
    model, same_model, source_live, target_frozen, target_escapes, followed: known only when the code around has run:
        the outermost module of the target, whether the source is in it, too, whether the source is still in use,
        whether the target is kept from training, whether the function that made its layer returns it, and whether a
        real tie of the target surely follows.
    """

    target: Side
    source: Side
    state: Tensor
    write: Write
    slot: Slot
    value: cst.BaseExpression | None
    assigned: cst.BaseExpression | None
    written: cst.BaseExpression | None
    place: Place
    in_part: bool = False
    into_leaf: bool = False
    alternatives: int = 1
    varying_target: bool = False
    model: Instance | None = None
    same_model: bool = False
    source_live: bool = True
    target_frozen: bool = False
    target_escapes: bool = False
    followed: bool = False

    @property
    def fit(self) -> Fit:
        """How the target's own shape compares with the source's own, whatever operations stand between."""
        return compare(self.target.cell.shape, self.source.cell.shape)

    @property
    def given_shape(self) -> Shape | None:
        """The shape of what the target is given."""
        shape, axes = self.source.cell.shape, self.state.axes
        if shape is None or axes is None or not self.state.whole or len(axes) != len(shape):
            return None
        return tuple(shape[axis] for axis in axes)

    @property
    def misfit(self) -> Fit | None:
        """UNFIT where sizes differ for certain, REVERSED where their names are swapped; None where all is well."""
        outcome = compare(self.target.cell.shape, self.given_shape)
        return outcome if outcome in (Fit.UNFIT, Fit.REVERSED) else None

    @property
    def is_tie(self) -> bool:
        """The target becomes the source itself: a real tie."""
        return self.write.binds and self.state.is_origin is True

    @property
    def holds(self) -> bool:
        """A real tie whose shapes agree."""
        return self.is_tie and self.misfit is None

    @property
    def key(self) -> tuple[int, int]:
        """The same code, however often it runs."""
        return (id(self.place.statement), id(self.value))

    @property
    def presumed(self) -> int:
        """How many of its Parameters are ones by their name alone."""
        return int(self.source.cell.presumed) + int(self.target.cell.presumed)

    @property
    def target_text(self) -> str:
        return self.target.text

    @property
    def source_text(self) -> str:
        return self.source.text

    @property
    def made(self) -> cst.CSTNode | None:
        """Where the source's Parameter or layer is created."""
        return self.source.cell.node


class EventKind(Enum):
    """What else can happen to layers and Parameters."""

    REPEATED = "one layer stands several times in a container"
    STATE_LOADED = "load_state_dict of another layer's state_dict"
    DEEP_COPIED = "a layer is deep-copied"
    KEPT = "what was computed from a Parameter once is kept"
    USED_DETACHED = "a forward pass computes with a Parameter's values, without its graph"
    DERIVED_DETACHED = "a forward pass stores what it computed from a Parameter's values, without its graph"
    REPLACED = "one side of a tie is replaced"
    WRAPPED = "a function that changes a module's Parameters is applied to one side of a tie"
    REMADE = "a model whose tie is in sight gets new Parameters everywhere"
    NOT_A_MODULE = "a function for modules is given a Parameter"
    UNREGISTERED = "layers or Parameters hang in a list or dict of Python"
    TAKEN_AS_WEIGHT = "a new layer takes another's weight as its initial values"
    TIED_KEYS_LISTED = "a transformers model names its tied weights in a list"
    COMPARED = "two Parameters are compared by their values"
    LISTED_TWICE = "both sides of a tie stand in one list of an optimizer"
    ADAPTED = "an adapter of PEFT copies an embedding and an output layer"
    TIE_UNDECLARED = "a transformers model ties by hand"
    GROUPED = "both sides of a tie stand in parameter groups of one optimizer"


@dataclass(slots=True)
class Event:
    """Something that happens to layers or Parameters besides ties.

    node: the expression that does it. made: where the source is created. target, source: the objects, where there are.
    tie: the tie that it undoes. retie: the statement that would make it again, where one surely does.
    order: how many ties came before it. origin: where the list was made that it is about. fits: whether what replaces
    a tied layer has its shape; None: nobody knows.
    state, value: what the algebra says of the tensor, and the expression that made it.
    same_model, lasting, mended, has_parameters, frozen: known only when the code around has run: whether both belong to
        one model, whether it is still so at its end, whether a tie that it undoes is made again, whether the source is
        a module with Parameters (None: nobody knows), and whether the cell is kept from training.
    """

    kind: EventKind
    target_text: str
    source_text: str
    place: Place
    node: cst.CSTNode
    made: cst.CSTNode | None = None
    target: Instance | None = None
    source: Instance | None = None
    cell: Cell | None = None
    tie: Tie | None = None
    state: Tensor | None = None
    value: cst.BaseExpression | None = None
    detail: str = ""
    retie: str = ""
    origin: Place | None = None
    fits: bool | None = None
    same_model: bool = False
    lasting: bool = True
    mended: bool = False
    has_parameters: bool | None = None
    frozen: bool = False
    order: int = 0
    presumed: int = 0

    @property
    def key(self) -> tuple[int, int]:
        """The same code, however often it runs."""
        return (id(self.place.statement), id(self.node))


def compare(target: Shape | None, source: Shape | None) -> Fit:
    """Compares two shapes; sizes are equal if they are the same number or the same expression."""
    if target is None or source is None:
        return Fit.UNKNOWN
    if len(target) != len(source):
        return Fit.UNFIT
    if any(_differ(a, b) for a, b in zip(target, source, strict=True)):
        swapped = not any(_differ(a, b) for a, b in zip(target, _mirrored(source), strict=True))
        return Fit.REVERSED if swapped else Fit.UNFIT
    if None in target or None in source:
        return Fit.UNKNOWN
    if target == source:
        return Fit.SQUARE if len(target) == 2 and target[0] == target[1] else Fit.EQUAL
    if target == _mirrored(source):
        return Fit.REVERSED
    return Fit.UNKNOWN


def _mirrored(shape: Shape) -> Shape:
    """The shape of a layer that goes the other way: inputs and outputs swapped."""
    return (*shape[1::-1], *shape[2:])


def _differ(a: Dim, b: Dim) -> bool:
    return isinstance(a, int) and isinstance(b, int) and a != b


@dataclass(slots=True)
class FileFacts:
    """All facts of one file.

    names: the qualified names of what the module's own names were imported as, but for type checkers alone. unfollowed:
    those of functions that are given layers and answer something, and that were not looked into. exhausted: the file
    was too long to be followed to its end.
    """

    module: cst.Module
    ties: list[Tie] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    imports: frozenset[str] = frozenset()
    names: dict[str, str] = field(default_factory=dict)
    unfollowed: list[str] = field(default_factory=list)
    exhausted: bool = False

"""The objects of an abstract run: modules, Parameters, tensors, functions, constants. Made and changed by `visitor.py`
and what it asks: `expressions.py`, `calls.py`, `stores.py`.

State that can differ between branches lives in dictionaries, so that one journal can undo and join it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING

import libcst as cst

from tielint.layers import LAYERS, Dim, Shape
from tielint.spelling import last_name
from tielint.tensor import Tensor, origin

if TYPE_CHECKING:
    from tielint.modules import Modules


MOST_HOLDERS = 20


NO_MODULES = (
    "builtins.",
    "torch.optim.",
    "torch.utils.data.",
    "torch.autograd.",
    "torch.distributions.",
    "abc.",
    "typing.",
)
"""Where classes live that are no `nn.Module`."""


class Root(Enum):
    """How the code got hold of an object."""

    SELF = "self"
    ARGUMENT = "argument"
    BUILT = "built"
    PART = "part"


@dataclass(eq=False, slots=True)
class Instance:
    """An object with identity: a module, a container, an argument, or something unknown that is reached by name.

    `place` says where it was first stored: the holder and the step from there (`.encoder`, `[0]`).
    """

    root: Root
    label: str | None = None
    kind: str | None = None
    definition: ClassDefinition | None = None
    arguments: dict[str, Value] = field(default_factory=dict)
    attributes: dict[str, Value] = field(default_factory=dict)
    items: dict[int, Value] | None = None
    marks: dict[str, object] = field(default_factory=dict)
    node: cst.CSTNode | None = None
    stable: bool = True

    @property
    def place(self) -> tuple[Instance, str] | None:
        place = self.marks.get("place")
        return place if isinstance(place, tuple) else None

    def outward(self) -> Iterator[Instance]:
        """Itself, what holds it, what holds that, and so on; a holder that holds itself is not followed for ever."""
        current: Instance | None = self
        for _ in range(MOST_HOLDERS):
            if current is None:
                return
            yield current
            current = current.place[0] if current.place else None

    @property
    def unnamed(self) -> str:
        """`Linear(…)`: what a layer that has no name of its own is called."""
        own = self.definition.name if self.definition else "Module"
        return f"{(self.layer or self.kind or own).rpartition('.')[2]}(…)"

    def unseen_classes(self) -> Iterator[str]:
        """The qualified names of its class, or of the bases of its class, where their definitions are not in sight."""
        if self.definition:
            yield from self.definition.outside_bases()
        elif self.kind:
            yield self.kind

    @property
    def layer(self) -> str | None:
        """The torch layer class that it is or derives from."""
        if self.kind in LAYERS:
            return self.kind
        return self.definition.layer if self.definition else None


@dataclass(eq=False, slots=True)
class Cell:
    """One Parameter, or one plain tensor that may become one.

    presumed: only its name says that it is a Parameter.
    """

    name: str
    owner: Instance | None
    shape: Shape | None = None
    rank: int = 2
    parameter: bool = True
    presumed: bool = False
    marks: dict[str, object] = field(default_factory=dict)
    node: cst.CSTNode | None = None

    @property
    def home(self) -> Instance | None:
        """The module that holds it: as created, or the first that it was assigned to."""
        adopted = self.marks.get("owner")
        return adopted if isinstance(adopted, Instance) else self.owner


@dataclass(frozen=True, slots=True)
class TensorValue:
    """A tensor computed from a cell, and the expression that made it.

    `conditions` hold where it is one arm of a conditional expression.
    """

    cell: Cell
    state: Tensor
    node: cst.BaseExpression | None = None
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """A test that holds (or, with `holds` False, does not) where something happens."""

    test: cst.BaseExpression
    holds: bool


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, string, boolean or None."""

    value: int | float | str | bool | None


@dataclass(frozen=True, slots=True)
class Qualified:
    """Something imported or built in, by its qualified name."""

    name: str


@dataclass(eq=False, slots=True)
class FunctionDefinition:
    """A function of the file, with the frame it was defined in.

    decorators: the last names of its decorators: `property`, `staticmethod`.
    """

    node: cst.FunctionDef
    frame: Frame
    owner: ClassDefinition | None = None
    name: str = field(init=False)
    decorators: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.name = self.node.name.value
        self.decorators = frozenset(name for d in self.node.decorators if (name := last_name(d.decorator)))


@dataclass(frozen=True, slots=True)
class LambdaDefinition:
    """A lambda expression, with the frame that it closes over."""

    node: cst.Lambda
    frame: Frame


@dataclass(frozen=True, slots=True)
class Partial:
    """`functools.partial(function, …)`."""

    function: Value
    positional: tuple[Value, ...]
    keywords: tuple[tuple[str, Value], ...]


@dataclass(eq=False, slots=True)
class ClassDefinition:
    """A class: its bases as they are written, its methods by name, and the frame that it was defined in."""

    node: cst.ClassDef
    written_bases: tuple[Value, ...]
    frame: Frame
    methods: dict[str, FunctionDefinition] = field(default_factory=dict)
    attributes: dict[str, Value] = field(default_factory=dict)
    found_bases: tuple[Value, ...] | None = None
    found_ancestry: tuple[ClassDefinition, ...] | None = None

    @property
    def name(self) -> str:
        return self.node.name.value

    @property
    def bases(self) -> tuple[Value, ...]:
        """Its bases, those in other modules of the project too: these are looked for at the first question."""
        if self.found_bases is None:
            self.found_bases = self.written_bases
            self.found_bases = tuple(self.frame.module.imported(base) for base in self.written_bases)
            self.found_ancestry = None
        return self.found_bases

    @property
    def ancestry(self) -> Sequence[ClassDefinition]:
        """The class and its bases in sight, depth first; a class that inherits from itself is not walked again."""
        if self.found_ancestry is None:
            found: dict[int, ClassDefinition] = {}
            stack = [self]
            while stack:
                current = stack.pop()
                if id(current) not in found:
                    found[id(current)] = current
                    stack.extend(base for base in reversed(current.bases) if isinstance(base, ClassDefinition))
            self.found_ancestry = tuple(found.values())
        return self.found_ancestry

    def method(self, name: str) -> FunctionDefinition | None:
        return next((c.methods[name] for c in self.ancestry if name in c.methods), None)

    def method_above(self, below: ClassDefinition, name: str) -> FunctionDefinition | None:
        """What `super().name` means in `below`, for an object of this class."""
        line = self.ancestry
        start = line.index(below) + 1 if below in line else 0
        return next((c.methods[name] for c in line[start:] if name in c.methods), None)

    def outside_bases(self) -> Iterator[str]:
        """Qualified names of the bases that are not in sight."""
        for current in self.ancestry:
            for base in current.bases:
                if isinstance(base, Qualified):
                    yield base.name

    @property
    def layer(self) -> str | None:
        return next((name for name in self.outside_bases() if name in LAYERS), None)

    @property
    def module(self) -> bool | None:
        """Whether it is an `nn.Module`; None where an unknown base decides."""
        names = list(self.outside_bases())
        if any(name.startswith("torch.nn.") for name in names):
            return True
        known = all(name.startswith(NO_MODULES) for name in names)
        return False if known and all(not isinstance(b, Unknown) for c in self.ancestry for b in c.bases) else None

    @property
    def probably_module(self) -> bool:
        """Whether it is an `nn.Module`, or has a base that nobody knows and a `forward`."""
        return bool(self.module) or (self.module is None and self.method("forward") is not None)


@dataclass(frozen=True, slots=True)
class Bound:
    """A method of an object, not yet called."""

    receiver: Value
    name: str
    function: FunctionDefinition | None = None
    node: cst.BaseExpression | None = None


@dataclass(frozen=True, slots=True)
class SuperOf:
    """`super()` in a method of `below`, for `receiver`."""

    receiver: Instance
    below: ClassDefinition


@dataclass(frozen=True, slots=True)
class Each:
    """Something to iterate over: each element is drawn from these values, side by side.

    `rows` are all the elements, where they are known.
    """

    lanes: tuple[Value, ...]
    single: bool = True
    rows: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Unknown:
    """Anything else; `text` identifies equal expressions, unless it may change (`stable` is False)."""

    text: str = ""
    stable: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values, depending on a branch taken."""

    options: tuple[Value, ...]


Value = (
    Instance
    | TensorValue
    | Constant
    | Qualified
    | FunctionDefinition
    | LambdaDefinition
    | Partial
    | ClassDefinition
    | Bound
    | SuperOf
    | Each
    | Unknown
    | Choice
)

UNKNOWN = Unknown()
DELETED = Unknown("<deleted>")
MOST_OPTIONS = 4


class Frame:
    """The names of one running function, class body or module.

    stars: the modules that all names were imported from. modules: what a module's frame knows of the other modules.
    loops: how many loops ran around it when it was entered. borrowed: names of another frame that it binds there.
    """

    __slots__ = (
        "borrowed",
        "definition",
        "enclosing",
        "function",
        "locals",
        "loops",
        "modules",
        "receiver",
        "roots",
        "stars",
    )

    def __init__(
        self,
        enclosing: Frame | None = None,
        function: FunctionDefinition | None = None,
        receiver: Value | None = None,
        definition: ClassDefinition | None = None,
        modules: Modules | None = None,
    ) -> None:
        self.enclosing = enclosing
        self.function = function
        self.receiver = receiver
        self.definition = definition
        self.locals: dict[str, Value] = {}
        self.roots: dict[int, str] = {}
        self.stars: list[str] = []
        self.modules = modules
        self.loops = 0
        self.borrowed: dict[str, Frame] = {}

    def borrow(self, names: Iterable[str], owner: Frame | None = None) -> None:
        """`global` and `nonlocal`: these names are `owner`'s, or the nearest enclosing function's that has them."""
        for name in names:
            frame = owner or self.enclosing
            while owner is None and frame is not None and name not in frame.locals:
                frame = frame.enclosing
            if frame is not None:
                self.borrowed[name] = frame

    def owner_of(self, name: str) -> Frame:
        """The frame in which a name is bound here."""
        return self.borrowed.get(name, self)

    def lookup(self, name: str) -> Value | None:
        frame: Frame | None = self.owner_of(name)
        while frame is not None:
            if name in frame.locals:
                return frame.locals[name]
            frame = frame.enclosing
        return None

    @property
    def module(self) -> Frame:
        """The frame of the module that it belongs to."""
        frame = self
        while frame.enclosing is not None:
            frame = frame.enclosing
        return frame

    def imported(self, value: Value) -> Value:
        """What an imported name means, where another module of the project defines it; else the name."""
        modules = self.module.modules
        found = modules.find(value.name) if modules and isinstance(value, Qualified) else None
        return value if found is None else found

    def star_imports(self) -> Iterator[str]:
        """The modules that all names were imported from, here or around."""
        frame: Frame | None = self
        while frame is not None:
            yield from frame.stars
            frame = frame.enclosing


_MISSING = object()
Change = tuple[dict[object, object], object, object]


class Journal:
    """Records every change to the run's dictionaries, so that a branch can be undone and joined with its sibling."""

    __slots__ = ("_log", "_new")

    def __init__(self) -> None:
        self._log: list[Change] = []
        self._new: list[set[int]] = [set()]  # by mark: what is made after it, and is gone where that is undone

    def made(self, *tables: dict) -> None:  # type: ignore[type-arg]
        """Says that dictionaries are new: their changes mean nothing to whoever goes back further than that."""
        self._new[-1].update(map(id, tables))

    def set(self, table: dict, key: object, value: object) -> None:  # type: ignore[type-arg]
        """Changes one entry; `table` is any of the run's dictionaries."""
        if id(table) not in self._new[-1]:
            self._log.append((table, key, table.get(key, _MISSING)))
        table[key] = value

    def mark(self) -> int:
        self._new.append(set())
        return len(self._log)

    def undo(self, mark: int) -> dict[tuple[int, object], Change]:
        """Takes back all changes since the last `mark`; they are, per entry, the table, the key and its last value."""
        self._new.pop()
        before: dict[tuple[int, object], Change] = {}
        for change in self._log[mark:]:
            before.setdefault((id(change[0]), change[1]), change)
        del self._log[mark:]
        changes: dict[tuple[int, object], Change] = {}
        for place, (table, key, old) in before.items():
            changes[place] = (table, key, table.get(key, _MISSING))
            if old is _MISSING:
                table.pop(key, None)
            else:
                table[key] = old
        return changes

    def join(self, *branches: dict[tuple[int, object], Change]) -> None:
        """Applies the outcome of exactly one of these branches, not known which."""
        every: dict[tuple[int, object], Change] = {}
        for branch in branches:
            every.update(branch)
        for place, (table, key, _) in every.items():
            now = table.get(key, _MISSING)
            outcomes = [branch[place][2] if place in branch else now for branch in branches]
            values = [value for value in outcomes if value is not _MISSING]
            if values:
                self.set(table, key, _joined(values))


def _joined(values: list[object]) -> object:
    first = values[0]
    for value in values:
        if value is not first and value != first:
            break
    else:
        return first
    found = [value for value in values if isinstance(value, Value)]
    return choice(found) if len(found) == len(values) else values[-1]


def options(value: Value) -> tuple[Value, ...]:
    """The possible values of a value."""
    return value.options if isinstance(value, Choice) else (value,)


def for_each(value: Value, result: Callable[[Value], Value]) -> Value:
    """The result for whichever of its options a value is."""
    return choice(map(result, value.options)) if isinstance(value, Choice) else result(value)


def choice(values: Iterable[Value]) -> Value:
    """One of these values; the same one once."""
    found: list[Value] = []
    for value in values:
        for option in options(value):
            for known in found:
                if option is known or option == known:
                    break
            else:
                found.append(option)
    if not found:
        return UNKNOWN
    return found[0] if len(found) == 1 else Choice(tuple(found[:MOST_OPTIONS]))


def plain_tensor(name: str, node: cst.CSTNode | None, rank: int = 2, shape: Shape | None = None) -> TensorValue:
    """A tensor that no module holds yet."""
    cell = Cell(name, None, shape, rank, parameter=False, node=node)
    return TensorValue(cell, replace(origin(rank), is_parameter=False, requires_grad=False))


def dimension(value: Value | None) -> Dim:
    """A size as far as the code tells it; expressions with the same text are the same size."""
    match value:
        case Constant(value=bool()):
            return None
        case Constant(value=int(number)):
            return number
        case Unknown(text=text, stable=True) if text:
            return text
        case Instance(stable=True) as instance:
            return absolute_path(instance)
    return None


def absolute_path(instance: Instance) -> str | None:
    """A name that is the same in every frame, for objects that were passed around."""
    steps: list[str] = []
    for current in instance.outward():
        if current.root is not Root.PART and current.label is not None:
            return current.label + "".join(reversed(steps))
        if current.place:
            steps.append(current.place[1])
    return None

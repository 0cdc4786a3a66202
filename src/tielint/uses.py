"""What else a file does with a layer that a fix is about to replace or to share. Asked by `fixes.py`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial

import libcst as cst

from tielint.facts import Place, Tie
from tielint.findings import Position
from tielint.layers import LINEAR, canonical
from tielint.positions import Positions
from tielint.spelling import dotted_name, last_name
from tielint.tree import Tree
from tielint.values import Instance


@dataclass(frozen=True, slots=True)
class Uses:
    """earlier: the layer's weight is touched before the tie. needed: something needs a real `nn.Linear` there.

    perhaps_needed: something is done with the whole list that the layer is an element of.
    """

    earlier: bool
    needed: bool
    perhaps_needed: bool


class _Use(Enum):
    ANY_MODULE = auto()
    """Any module serves."""
    WEIGHT = auto()
    """A weight that is computed at every forward pass serves: it is read, or written in place."""
    LINEAR = auto()
    """Only a layer with a Parameter of its own serves."""


def uses_of(layer: Instance, tie: Tie, tree: Tree, positions: Positions, ties: Collection[cst.CSTNode]) -> Uses:
    """Reads the file for other uses of the target's layer: by its attribute's name, whatever object it hangs on.

    `ties` are the nodes of the statements that tie something: they are no uses.
    """
    name = _attribute_of(tie.target.owner_text or "")
    here = positions.span(tie.place.statement).start
    function = tree.function_of(tie.place.statement)
    element = "[" in (tie.target.owner_text or "").rpartition(".")[2]
    earlier = needed = perhaps = False
    for node in _named(name, tree):
        if node in ties:
            continue
        if layer.node and _assigned_to(node, layer.node, tree):
            continue
        use = _indexed(node, tree)
        kind = _kind_of_use(use, tree)
        if kind is _Use.LINEAR:
            perhaps, needed = (True, needed) if element and use is node else (perhaps, True)
        before = positions.span(use).start < here and tree.function_of(use) is function
        earlier = earlier or (kind is _Use.WEIGHT and before)
    return Uses(earlier, needed, perhaps)


def _attribute_of(owner: str) -> str:
    """`decoder` of `self.decoder[0]`."""
    return owner.rpartition(".")[2].partition("[")[0]


def held_elsewhere(owner: str, statement: cst.CSTNode, tree: Tree, positions: Positions) -> bool:
    """Whether the layer that an expression names may also stand in a container, or have a name that is used later.

    What replaces the layer under one of its names leaves it there. Asked for the place of the `statement` that replaces
    it: what the same function does below is done with the new layer, and so is what `forward` does.
    """
    here = positions.span(statement)
    function = tree.function_of(statement)
    for node in _named(_attribute_of(owner), tree):
        use = _indexed(node, tree)
        if tree.inside(use, statement):
            continue
        within = tree.function_of(use)
        if within is function and positions.span(use).start > here.end:
            continue
        if within is not None and within is not function and within.name.value == "forward":
            continue
        if _is_contained(use, tree) or (within is function and _is_named_again(use, here.end, tree, positions)):
            return True
    return False


class Part(Enum):
    """What a fix does to a layer."""

    REPLACED = auto()
    """Another layer takes its place."""
    GIVEN = auto()
    """It is given another Parameter."""
    SOURCE = auto()
    """Its Parameter serves two layers."""


def odd_use(
    owner: str, part: Part, place: Place, tree: Tree, positions: Positions, ties: Collection[cst.CSTNode]
) -> int | None:
    """The line of the first use of a layer, by its attribute's name, that is none of the plain ones, if any.

    Plain is to define it in one function, to call it, to read its sizes or its bias, to compute with its weight, to
    hand it to a container, to go over its elements in `forward`. `ties` are the nodes of the statements that tie.
    """
    name = _attribute_of(owner)
    here = tree.function_of(place.statement)
    below = positions.span(place.statement).end
    listed = "[" in owner.rpartition(".")[2]
    known = _Definitions(tree)
    odd = [positions.span(node).start.row for node in _looked_up(name, tree) if node not in ties]
    for node in _named(name, tree):
        if node in ties:
            continue
        if isinstance(node, cst.Name) and tree.function_of(node) is not here:
            continue
        use = _indexed(node, tree)
        if use is node and _is_definition(use, tree):
            plain = not known.may_be_of_one_object(use)
            known.add(use)
        else:
            later = tree.function_of(use) is here and positions.span(use).start > below
            plain = _is_plain(use, part, tree, later=later) or (use is node and listed and _moves_all(use, tree))
        if not plain:
            odd.append(positions.span(use).start.row)
    return min(odd, default=None)


def _moves_all(container: cst.BaseExpression, tree: Tree) -> bool:
    """`net.parameters()`, `net.to(…)`: done to all layers of a container alike."""
    match tree.parent(container):
        case cst.Attribute(attr=cst.Name(value=name)) as method:
            return name in _OF_ALL and isinstance(tree.parent(method), cst.Call)
    return False


class _Definitions:
    """The functions that define an attribute, by the names of the classes whose objects get it."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._of_class: dict[str, set[cst.FunctionDef | None]] = {}
        self._below: dict[str, set[cst.FunctionDef | None]] = {}
        self._anywhere: set[cst.FunctionDef | None] = set()
        self._every: set[cst.FunctionDef | None] = set()

    def may_be_of_one_object(self, use: cst.CSTNode) -> bool:
        """Whether one of them may be of the same object as this one, and stands in another function."""
        classes = self._classes(use)
        others = self._every
        if classes:
            near = [self._of_class.get(name, set()) for name in classes]
            others = set().union(self._anywhere, self._below.get(classes[0], set()), *near)
        return bool(others - {self._tree.function_of(use)})

    def add(self, use: cst.CSTNode) -> None:
        function, classes = self._tree.function_of(use), self._classes(use)
        self._every.add(function)
        if not classes:
            self._anywhere.add(function)
            return
        self._of_class.setdefault(classes[0], set()).add(function)
        for above in classes[1:]:
            self._below.setdefault(above, set()).add(function)

    def _classes(self, use: cst.CSTNode) -> list[str]:
        """The class whose `self` gets it, and all above it; none where it may be any."""
        within = self._tree.class_of(use)
        return self._tree.line_of(within) if within is not None and _holder(use) == "self" else []


def _holder(attribute: cst.CSTNode) -> str:
    value = attribute.value if isinstance(attribute, cst.Attribute) else None
    return value.value if isinstance(value, cst.Name) else ""


def _is_definition(use: cst.CSTNode, tree: Tree) -> bool:
    holder = tree.parent(use)
    if isinstance(holder, cst.Element):
        holder = tree.parent(tree.parent(holder))
    if isinstance(holder, cst.AssignTarget):
        statement = tree.parent(holder)
        return isinstance(statement, cst.Assign) and len(statement.targets) == 1
    return isinstance(holder, cst.AnnAssign) and holder.target is use


def _is_plain(use: cst.BaseExpression, part: Part, tree: Tree, *, later: bool) -> bool:
    holder = tree.parent(use)
    within = tree.function_of(use)
    forward = within is not None and within.name.value == "forward"
    match holder:
        case cst.Call(func=function) if function is use:
            return True
        case cst.Attribute(attr=cst.Name(value="weight")):
            return _is_plain_for_weight(holder, part, tree)
        case cst.Attribute(attr=cst.Name(value=name)):
            return name in _READ or (name in _PLAIN_METHODS and isinstance(tree.parent(holder), cst.Call))
        case cst.Arg(star=star):
            call = tree.parent(holder)
            callee = tree.text_of(call.func).rpartition(".")[2] if isinstance(call, cst.Call) else ""
            handed_on = part is not Part.REPLACED and callee[:1].isupper()
            return handed_on or (callee in _CONTAINS and callee != "setattr") or (forward and not star)
        case cst.Element() | cst.StarredElement() | cst.DictElement():
            return _is_given_to_a_container(tree.parent(holder), tree)
        case cst.Subscript(value=value) if value is use:
            return forward
        case cst.For() | cst.CompFor():
            return forward
        case cst.Return():
            return True
        case cst.Assign(value=value) if value is use:
            return part is not Part.REPLACED or later
    return False


def _is_plain_for_weight(weight: cst.Attribute, part: Part, tree: Tree) -> bool:
    if _kind_of_weight_use(weight, tree) is _Use.WEIGHT:
        return True
    match tree.parent(weight):
        case cst.AssignTarget() | cst.AnnAssign() | cst.Return() | cst.Expr():
            return part is not Part.REPLACED
        case cst.Assign() | cst.Attribute(attr=cst.Name(value="data")):
            return part is Part.SOURCE
    return False


def _is_given_to_a_container(display: cst.CSTNode | None, tree: Tree) -> bool:
    call = tree.parent(tree.parent(display))
    return isinstance(call, cst.Call) and tree.text_of(call.func).rpartition(".")[2] in _CONTAINS


def _looked_up(name: str, tree: Tree) -> Iterator[cst.BaseExpression]:
    """Where a Parameter or layer is looked up by a name: its own in a text, or any, as far as anyone can tell."""
    for text in tree.every(cst.SimpleString):
        if _speaks_of(name, text) and _is_looked_up(text, tree):
            yield text
    yield from filter(partial(_is_counted, tree=tree), tree.calls_of("parameters"))
    for call in tree.calls_of("named_parameters", "get_parameter", "getattr"):
        match call:
            case cst.Call(func=cst.Attribute(attr=cst.Name(value="named_parameters" | "get_parameter"))):
                yield call
            case cst.Call(func=cst.Name(value="getattr"), args=[cst.Arg(value=holder), cst.Arg(value=key), *_]):
                of_a_package = dotted_name(holder).partition(".")[0] in tree.imported
                if not isinstance(key, cst.SimpleString) and not of_a_package:
                    yield call


def _is_counted(call: cst.Call, tree: Tree) -> bool:
    """`first, second = model.parameters()`, `list(model.parameters())[0]`: a shared Parameter comes once."""
    holder: cst.CSTNode | None = call
    while isinstance(listed := tree.parent(tree.parent(holder)), cst.Call) and last_name(listed.func) in (
        "list",
        "tuple",
    ):
        holder = listed
    match tree.parent(holder):
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Tuple() | cst.List()), *_]) | cst.Subscript():
            return True
    return False


def _speaks_of(name: str, node: cst.SimpleString) -> bool:
    """`"lm_head.weight"` and `"lm"` of `lm_head`, but no sentence."""
    text = node.evaluated_value
    if not isinstance(text, str) or " " in text or len(text) < 2:
        return False
    return name in re.split(r"\W", text) or (len(text) > 2 and name.startswith(text.rstrip(".")))


def _is_looked_up(node: cst.CSTNode, tree: Tree) -> bool:
    for outer in tree.above(node):
        match outer:
            case cst.Index() | cst.Comparison() | cst.ComparisonTarget() | cst.Arg() | cst.DictElement():
                return True
            case cst.BaseStatement() | cst.BaseSmallStatement():
                return False
    return False


def _is_contained(use: cst.CSTNode, tree: Tree) -> bool:
    holder = tree.parent(use)
    match holder:
        case cst.Arg():
            call = tree.parent(holder)
            return isinstance(call, cst.Call) and tree.text_of(call.func).rpartition(".")[2] in _CONTAINS
        case cst.Element() | cst.DictElement() | cst.StarredElement():
            display = tree.parent(holder)
            return not isinstance(tree.parent(display), cst.For | cst.CompFor | cst.AssignTarget)
    return False


def _is_named_again(use: cst.CSTNode, after: Position, tree: Tree, positions: Positions) -> bool:
    match tree.parent(use):
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))], value=value) if value is use:
            function = tree.function_of(use)
            later = (node for node in tree.named(name) if isinstance(node, cst.Name))
            return any(tree.function_of(node) is function and positions.span(node).start > after for node in later)
    return False


def told_by_class(tree: Tree, names: Mapping[str, str]) -> bool:
    """Whether the file picks layers by being an `nn.Linear`: in `isinstance`, a tuple of classes, a comparison.

    A TiedLinear is none, so an initialisation or a choice of parameters by class would pass it over.
    """
    picked = any(_picks_by_class(node, tree) for node in _references(LINEAR, tree, names))
    return picked or any(text.raw_value == "Linear" for text in tree.every(cst.SimpleString))


def goes_over_modules(tree: Tree) -> bool:
    """Whether the file does something with all modules, or all that are inside one, whatever they are called."""
    applied = [call.func for call in tree.calls_of("apply")]
    calls = tree.calls_of("modules", "children", "named_modules", "named_children")
    return bool(calls) or any(
        isinstance(function, cst.Attribute) and not (last_name(function.value) or "")[:1].isupper()
        for function in applied
    )


def listed_apart(tie: Tie, tree: Tree) -> bool:
    """Whether the target's parameters are listed without the model's others.

    Then a shared Parameter would stand in two lists: PyTorch warns and steps it twice, or, in two groups, raises
    ValueError.
    """
    return any(True for _ in _parameter_lists(tie, tree))


def trained_apart(tie: Tie, tree: Tree) -> bool:
    """Whether something is handed the target's parameters alone, as an optimizer of its own."""
    for call in _parameter_lists(tie, tree):
        holder = tree.parent(call)
        user = tree.parent(holder)
        if isinstance(holder, cst.Arg) and isinstance(user, cst.Call):
            name = tree.text_of(user.func).rpartition(".")[2]
            if not holder.star and name not in _JOINS_LISTS:
                return True
    return False


# ---------------------------------------------------------------------- by class


def _references(qualified: str, tree: Tree, names: Mapping[str, str]) -> Iterator[cst.BaseExpression]:
    """All places that name `qualified`, however the file imports it."""
    for node in (*tree.every(cst.Attribute), *tree.every(cst.Name)):
        if isinstance(tree.parent(node), cst.Attribute):
            continue
        first, _, rest = dotted_name(node).partition(".")
        if first in names and canonical(f"{names[first]}.{rest}".rstrip(".")) == qualified:
            yield node


def _picks_by_class(node: cst.BaseExpression, tree: Tree) -> bool:
    match tree.parent(node):
        case cst.Arg() as argument:
            call = tree.parent(argument)
            return isinstance(call, cst.Call) and tree.text_of(call.func).rpartition(".")[2] != "partial"
        case cst.Element() | cst.ComparisonTarget() | cst.Comparison() | cst.BinaryOperation() | cst.DictElement():
            return True
        case cst.MatchClass():
            return True
    return False


# ---------------------------------------------------------------------- by its parameters

_JOINS_LISTS = frozenset(["list", "tuple", "set", "chain", "iter", "len", "sum", "any", "all", "next", "print"])


def _parameter_lists(tie: Tie, tree: Tree) -> Iterator[cst.Call]:
    """The calls `….parameters()` of any part of the model that holds the target and not the source."""
    target, source = _steps(tie.target.owner_text), _steps(tie.source.owner_text)
    shared = next((i for i, (a, b) in enumerate(zip(target, source, strict=False)) if a != b), 0)
    apart = set(target[shared:])
    for call in tree.calls_of("parameters", "named_parameters"):
        if isinstance(call.func, cst.Attribute) and apart.intersection(_steps(tree.text_of(call.func.value))[-1:]):
            yield call


def _steps(owner: str | None) -> list[str]:
    """`self.decoder[0]` as `self`, `decoder`, `[0]`."""
    return re.findall(r"\w+|\[[^\]]*\]", owner or "")


def makes_groups(tree: Tree) -> bool:
    """Whether parameter groups are made: to one of them, a shared Parameter may come twice."""
    if any(text.raw_value == "params" for text in tree.every(cst.SimpleString)):
        return True
    given = [argument.keyword for call in tree.calls_of("dict") for argument in call.args]
    return any(name and name.value == "params" for name in given) or bool(tree.named("add_param_group"))


# ---------------------------------------------------------------------- by its name


def _named(name: str, tree: Tree) -> Iterator[cst.BaseExpression]:
    for node in tree.named(name):
        if isinstance(node, cst.Name):
            holder = tree.parent(node)
            if isinstance(holder, cst.Param):
                continue
            if isinstance(holder, cst.Attribute | cst.Arg) and holder.value is not node:
                continue
        yield node


def _indexed(node: cst.BaseExpression, tree: Tree) -> cst.BaseExpression:
    holder = tree.parent(node)
    while isinstance(holder, cst.Subscript) and holder.value is node:
        node, holder = holder, tree.parent(holder)
    return node


def _kind_of_use(node: cst.BaseExpression, tree: Tree) -> _Use:
    holder = tree.parent(node)
    match holder:
        case cst.Call(func=function) if function is node:
            return _Use.ANY_MODULE
        case cst.Attribute(attr=cst.Name(value="weight")):
            return _kind_of_weight_use(holder, tree)
        case cst.Attribute(attr=cst.Name(value=name)):
            return _Use.ANY_MODULE if name in _ANY_MODULE_HAS else _Use.LINEAR
        case cst.Arg():
            call = tree.parent(holder)
            callee = tree.text_of(call.func) if isinstance(call, cst.Call) else ""
            return _Use.ANY_MODULE if callee.rpartition(".")[2] in _TAKES_ANY_MODULE else _Use.LINEAR
        case cst.AssignTarget() | cst.AnnAssign() | cst.Element():
            return _Use.WEIGHT
    return _Use.ANY_MODULE


def _kind_of_weight_use(weight: cst.Attribute, tree: Tree) -> _Use:
    """A weight that is computed at every forward pass can be read and written in place, but not replaced."""
    holder = tree.parent(weight)
    match holder:
        case cst.AssignTarget() | cst.Assign() | cst.AnnAssign() | cst.AugAssign():
            return _Use.LINEAR
        case cst.Attribute(attr=cst.Name(value="data")) if not isinstance(tree.parent(holder), cst.AssignTarget):
            return _Use.WEIGHT
        case cst.Attribute(attr=cst.Name(value=name)):
            return _Use.LINEAR if name in _OF_PARAMETERS or name.startswith("register_") else _Use.WEIGHT
        case cst.Arg() | cst.Element():
            return _Use.WEIGHT if _only_reads(weight, tree) else _Use.LINEAR
        case cst.BinaryOperation() | cst.UnaryOperation() | cst.Subscript() | cst.Comparison() | cst.ComparisonTarget():
            return _Use.WEIGHT
    return _Use.LINEAR


def _only_reads(node: cst.CSTNode, tree: Tree) -> bool:
    """An argument of a function that reads a tensor, or of an initialisation, which writes it in place."""
    for outer in tree.above(node):
        if isinstance(outer, cst.BaseStatement):
            return False
        if isinstance(outer, cst.Call):
            package, _, name = tree.text_of(outer.func).rpartition(".")
            return package.endswith(("init", "functional")) or package == "F" or name in _READS_A_TENSOR
    return False


def _assigned_to(node: cst.CSTNode, value: cst.CSTNode, tree: Tree) -> bool:
    target = tree.parent(node)
    assignment = tree.parent(target) if isinstance(target, cst.AssignTarget) else target
    if not isinstance(assignment, cst.Assign | cst.AnnAssign) or assignment.value is None:
        return False
    return tree.inside(value, assignment.value) and not tree.inside(node, assignment.value)


_ANY_MODULE_HAS = frozenset(
    [
        "bias",
        "in_features",
        "out_features",
        "parameters",
        "named_parameters",
        "train",
        "eval",
        "to",
        "cuda",
        "cpu",
        "half",
        "float",
        "double",
        "bfloat16",
        "apply",
        "state_dict",
        "load_state_dict",
        "requires_grad_",
        "zero_grad",
        "reset_parameters",
        "modules",
        "children",
        "forward",
        "__class__",
    ]
)
_TAKES_ANY_MODULE = frozenset(
    ["Sequential", "ModuleList", "append", "add_module", "print", "id", "len", "type", "repr"]
)
_OF_PARAMETERS = frozenset(
    ["data", "requires_grad", "requires_grad_", "grad", "retain_grad", "is_leaf", "set_", "share_memory_"]
)
"""What means another thing for a tensor that is computed, or is decided for all layers that share a Parameter."""
_READ = frozenset(["bias", "in_features", "out_features", "embedding_dim", "num_embeddings", "padding_idx"])
_PLAIN_METHODS = frozenset(["zero_grad", "forward"])
_OF_ALL = frozenset(["parameters", "to", "cuda", "cpu", "half", "float", "double", "bfloat16", "state_dict"])
_CONTAINS = frozenset(
    ["Sequential", "ModuleList", "ModuleDict", "append", "extend", "insert", "add_module", "register_module", "setattr"]
)
_READS_A_TENSOR = frozenset(
    [
        "print",
        "randn_like",
        "rand_like",
        "zeros_like",
        "ones_like",
        "empty_like",
        "matmul",
        "mm",
        "addmm",
        "linear",
        "bmm",
        "einsum",
        "allclose",
        "equal",
        "norm",
        "cosine_similarity",
    ]
)

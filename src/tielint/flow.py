"""Whether a place that the gate saw surely comes to nothing: a look at the statements around it, none of them run.

Asked by `segments.py` in large files, where it is worth more than it costs. What it is not sure of, it lets through.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeGuard

from tielint import candidates, layer_lists
from tielint.layers import CONTAINER_NAMES
from tielint.parsing import statements_in
from tielint.tensor import OPERATIONS
from tielint.vocabulary import TIE, TIE_METHOD, words

if TYPE_CHECKING:
    from tielint.matching import Candidate

_HANDS_ON = frozenset(OPERATIONS) | frozenset(
    [
        "pop",
        "get",
        "items",
        "values",
        "keys",
        "children",
        "modules",
        "parameters",
        "named_parameters",
        "named_modules",
        "named_children",
        "state_dict",
        "copy",
        "Tensor",
        "getattr",
        "vars",
        "list",
        "tuple",
        "dict",
        "zip",
        "reversed",
        "next",
        "iter",
        "enumerate",
        "sorted",
        "map",
        "filter",
    ]
)
"""Functions and methods whose result can be what they are given, or have its numbers."""
_MATHEMATICS = frozenset(["torch", "F", "functional", "np", "numpy", "math", "init", "logger", "warnings"])
_PLAIN = frozenset(
    [
        "slice",
        "int",
        "float",
        "str",
        "bool",
        "len",
        "range",
        "sum",
        "max",
        "min",
        "abs",
        "round",
        "format",
        "join",
        "type",
    ]
)
_SETTINGS = frozenset(["config", "cfg", "hparams"])
_COLLECTIONS = frozenset(["list", "dict", "set", "tuple", "defaultdict", "OrderedDict", "deque"])
_KEEP = frozenset(
    [
        "setattr",
        "__setattr__",
        "append",
        "extend",
        "insert",
        "add",
        "update",
        "setdefault",
        "partial",
        "add_module",
        "register_parameter",
        "register_buffer",
        "register_module",
        "load_state_dict",
        "copy_",
        "set_",
        "Parameter",
    ]
)
"""Functions and methods of others that keep what they are given."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a whole file tells.

    contained: the names of what its containers of layers are given. functions: of its functions. mentioned: of those
    that something in it may call.
    """

    contained: frozenset[str]
    functions: frozenset[str]
    mentioned: frozenset[str]


class Flow:
    """One function, in its file. text: of the function, and the name of its class. siblings: of all methods of that."""

    def __init__(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, text: str, siblings: bytes, around: Surroundings
    ) -> None:
        self._node = node
        self._text = text
        self._siblings = siblings
        self._around = around
        self._statements = list(statements_in(node))

    def matters(self, candidate: Candidate, row: int) -> bool:
        """Whether a finding may come of what a candidate saw in a row."""
        test = _TESTS.get(candidate)
        statements = self._at(row) if test else []
        return test is None or not statements or any(test(self, statement) for statement in statements)

    def _at(self, row: int) -> list[ast.stmt]:
        """The statements in a row, and those whose heads are in it; several may share it."""
        return [node for node in self._statements if node.lineno <= row <= _last_row_of_head(node)]

    # ------------------------------------------------------------------ the tests

    def _is_kept(self, statement: ast.stmt) -> bool:
        """Something besides a local name that leads nowhere may get what is computed, unchanged."""
        match statement:
            case ast.Assign(targets=targets, value=value):
                return self._may_be_given(value) and any(map(self._leads_on, targets))
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                return self._may_be_given(value) and self._leads_on(target)
            case ast.AugAssign() | ast.Assert() | ast.Raise() | ast.Delete():
                return False
            case ast.Return(value=ast.expr() as value):
                answer = self._node.name != "forward" and bool(self._origins(value))
                return answer or any(map(self._keeps, _calls(value)))
            case ast.Expr(value=ast.Call() as call):
                return any(map(self._keeps, _calls(call)))
        return True

    def _is_given(self, statement: ast.stmt) -> bool:
        """An attribute gets, or `Parameter` is given, what was not computed just here."""
        match statement:
            case ast.Assign(targets=[ast.Attribute(attr=name)], value=ast.Attribute(attr=same) as value) if (
                name == same
            ):
                ends = statement is self._node.body[-1]
                return self._may_be_given(value) and not (ends and self._is_of_a_caller(value))
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                return self._may_be_given(value) or _computes_with_a_parameter(value)
        return True

    def _is_wrapped(self, statement: ast.stmt) -> bool:
        """`Parameter` is given what was not computed just here."""
        made = [call for call in _calls(statement) if last_name(call.func) == "Parameter"]
        given = [value for call in made for value in (*call.args, *(keyword.value for keyword in call.keywords))]
        return not given or any(map(self._may_be_given, given))

    def _is_of_a_caller(self, value: ast.expr) -> bool:
        """What a caller in another file gives, of which nobody says what it is, and of no tie either."""
        name = self._node.name
        if name == "__init__" or name in self._around.mentioned:
            return False
        plain = {argument.arg for argument in self._node.args.args[1:] if argument.annotation is None}
        bound = {bound for node in self._statements for bound, _ in self._bindings(node)}
        return _root(value) in plain - bound and not self._speaks_of_a_tie

    @cached_property
    def _speaks_of_a_tie(self) -> bool:
        said = words(f"{self._node.name} {self._text}")
        return bool(TIE.search(said) or TIE_METHOD.search(words(self._node.name)))

    def _is_repeated(self, statement: ast.stmt) -> bool:
        """What is repeated may be a layer, and a container may get it."""
        match statement:
            case ast.Assign(targets=targets, value=value):
                return (any(map(self._is_handed_on, targets)) and self._repeats(value)) or self._gives_repeated(value)
            case ast.AugAssign(target=target, value=value) if isinstance(value, ast.List | ast.Tuple) or isinstance(
                statement.op, ast.Mult
            ):
                return self._is_handed_on(target)
            case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.AugAssign(target=target, value=value):
                return (self._is_handed_on(target) and self._repeats(value)) or self._gives_repeated(value)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=grown, attr="append" | "extend" | "insert"))):
                return self._is_handed_on(grown)
            case ast.Return(value=ast.expr() as value):
                return self._repeats(value) or self._gives_repeated(value)
            case ast.Expr(value=value):
                return self._gives_repeated(value)
            case ast.Assert() | ast.Raise():
                return False
        return True

    def _is_plain_list(self, statement: ast.stmt) -> bool:
        """The list may become an attribute, and is not only given to a container."""
        match statement:
            case ast.Assign(targets=[ast.Subscript(value=grown)]) | ast.AugAssign(target=grown):
                return self._is_plain(grown)
        if not any(map(_shows_layers, _outside_containers(statement))):
            return False
        match statement:
            case ast.Assign(targets=targets):
                return any(
                    not isinstance(target, ast.Name) or target.id in self._stored_as_they_are for target in targets
                )
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=grown))):
                return self._is_plain(grown)
        return True

    def _is_plain(self, grown: ast.expr) -> bool:
        """Whether what is grown may be a list or dict that becomes an attribute."""
        match grown:
            case ast.Name(id=name):
                if name == "self" or self._is_container(name):
                    return False
                return name in self._stored_as_they_are or self._is_an_attribute(name)
            case ast.Attribute(attr=name):
                return not layer_lists.is_registered(name.encode(), self._siblings)
        return True

    def _is_an_attribute(self, name: str) -> bool:
        """Whether a local name is given an attribute's value, or together with an attribute."""
        beside = (part for node in self._assignments_of(name) for part in (node.value, *node.targets))
        return any(isinstance(part, ast.Attribute) for part in beside)

    def _is_container(self, name: str) -> bool:
        """Whether a local name only ever holds a container of layers."""
        values = [node.value for node in self._assignments_of(name)]
        return bool(values) and all(map(_makes_container, values))

    def _assignments_of(self, name: str) -> Iterator[ast.Assign]:
        for node in self._statements:
            if isinstance(node, ast.Assign) and any(name in _local_names(target) for target in node.targets):
                yield node

    def _is_set(self, statement: ast.stmt) -> bool:
        """`setattr` of something that can be a Parameter."""
        calls = [call for call in _calls(statement) if last_name(call.func) in ("setattr", "__setattr__")]
        for call in calls:
            settings = _root(call.func) in _SETTINGS or (call.args and last_name(call.args[0]) in _SETTINGS)
            if not settings and (not call.args or self._may_be_given(call.args[-1])):
                return True
        return not calls

    def _is_changed(self, statement: ast.stmt) -> bool:
        """A function changes a module; no method of an object here has its name."""
        objects = self._bound | {"self"}
        return any(isinstance(call.func, ast.Name) or _root(call.func) not in objects for call in _calls(statement))

    # ------------------------------------------------------------------ where local names lead, and come from

    def _leads_on(self, target: ast.expr) -> bool:
        return not _is_plain_target(target) or not self._kept.isdisjoint(_local_names(target))

    def _is_handed_on(self, target: ast.expr) -> bool:
        """Whether a container may get what a target holds: any attribute, and names that lead on."""
        return (
            last_name(target) in self._around.contained
            or self._leads_on(target)
            or self._is_container(last_name(target))
        )

    def _may_be_given(self, value: ast.expr) -> bool:
        return bool(self._origins(value) - self._computed)

    def _keeps(self, call: ast.Call) -> bool:
        """Whether a call may keep what it is given: any but those that compute, and layers."""
        return self._is_able(call.func) and bool(self._given(call) - self._computed)

    def _is_able(self, function: ast.expr) -> bool:
        name = last_name(function)
        if name in _KEEP or name in self._around.functions:
            return True
        if isinstance(function, ast.Attribute):
            return name[:1].isupper()
        return name not in _PLAIN and name not in _HANDS_ON

    def _gives_repeated(self, value: ast.expr) -> bool:
        """Whether a container, or what may make one, is given something repeated."""
        for call in _calls(value):
            given = (*call.args, *(keyword.value for keyword in call.keywords))
            if self._is_able(call.func) and any(map(self._repeats, given)):
                return True
        return False

    @cached_property
    def _stored(self) -> set[str]:
        """Local names that are returned or put somewhere, also under another name."""
        return self._followed(set().union(*map(self._origins, self._put), *map(self._given, self._keeping_as_it_is)))

    @cached_property
    def _stored_as_they_are(self) -> set[str]:
        """Those that are not only put into a container of layers that is made there."""
        put = [value for value in self._put if not _makes_container(value)]
        return self._followed(set().union(*map(self._origins, put), *map(self._given, self._keeping_as_it_is)))

    @cached_property
    def _put(self) -> list[ast.expr]:
        """What is returned, or assigned to more than local names."""
        put: list[ast.expr] = []
        for node in self._statements:
            match node:
                case ast.Assign(targets=targets, value=value) if not all(map(_is_plain_target, targets)):
                    put.append(value)
                case ast.AnnAssign(target=ast.Attribute() | ast.Subscript(), value=ast.expr() as value):
                    put.append(value)
                case ast.Return(value=ast.expr() as value) if self._node.name != "forward":
                    put.append(value)
        return put

    @cached_property
    def _keeping(self) -> list[ast.Call]:
        """Calls that may keep what they are given."""
        return [call for node in self._statements for call in _calls(node) if self._keeps(call)]

    @cached_property
    def _keeping_as_it_is(self) -> list[ast.Call]:
        """Those of them that make no container of layers."""
        return [call for call in self._keeping if not _makes_container(call)]

    @cached_property
    def _passed(self) -> set[str]:
        """Local names that are given to something that may keep them."""
        return self._followed(set().union(*map(self._given, self._keeping)))

    @cached_property
    def _kept(self) -> set[str]:
        """Local names that are returned, put somewhere or passed on."""
        return self._stored | self._passed

    @cached_property
    def _computed(self) -> set[str]:
        """Local names that only ever hold what was computed in the function."""
        bound: dict[str, set[str]] = {}
        for node in self._statements:
            for name, origins in self._bindings(node):
                bound.setdefault(name, set()).update(origins)
        for part in ast.walk(self._node):
            if isinstance(part, ast.MatchAs | ast.MatchStar | ast.ExceptHandler) and part.name:
                bound.pop(part.name, None)
        for argument in _arguments(self._node.args):
            bound.pop(argument, None)
        computed: set[str] = set()
        size = -1
        while size != len(computed):
            size = len(computed)
            computed |= {name for name, origins in bound.items() if origins <= computed}
        return computed

    @cached_property
    def _bound(self) -> set[str]:
        """All names that the function binds, but by imports."""
        names = {name for node in self._statements for name, _ in self._bindings(node)}
        return names.union(_arguments(self._node.args))

    def _followed(self, names: set[str]) -> set[str]:
        """Names, and those that they got their value from."""
        renamed = [binding for node in self._statements for binding in self._bindings(node)]
        size = -1
        while size != len(names):
            size = len(names)
            for name, origins in renamed:
                if name in names:
                    names = names | origins
        return names

    # ------------------------------------------------------------------ what expressions hand on

    def _bindings(self, node: ast.stmt) -> Iterator[tuple[str, set[str]]]:
        """The local names that a statement binds, and where their values come from."""
        for part in _own_parts(node):
            if isinstance(part, ast.NamedExpr):
                yield part.target.id, self._origins(part.value)
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    for name in _local_names(target):
                        yield name, self._origins(value)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                yield name, self._origins(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, self._origins(value)
            case ast.For(target=target, iter=iterated) | ast.AsyncFor(target=target, iter=iterated):
                for name in _local_names(target):
                    yield name, self._origins(iterated) | {_UNKNOWN}
            case ast.With(items=items) | ast.AsyncWith(items=items):
                for item in items:
                    for name in _local_names(item.optional_vars) if item.optional_vars else ():
                        yield name, {_UNKNOWN}
            case ast.FunctionDef(args=arguments) | ast.AsyncFunctionDef(args=arguments):
                for name in _arguments(arguments):
                    yield name, {_UNKNOWN}

    def _origins(self, value: ast.expr) -> set[str]:
        """The first names of what the value may be, or may have the numbers of; empty where it is computed anew."""
        match value:
            case ast.Name(id=name):
                return {name}
            case ast.Attribute(value=holder):
                return set() if last_name(holder) in _SETTINGS else self._origins(holder) | {_root(holder)}
            case (
                ast.Subscript(value=inner)
                | ast.Starred(value=inner)
                | ast.NamedExpr(value=inner)
                | ast.Await(value=inner)
            ):
                return self._origins(inner)
            case ast.Call(func=function):
                receiver = function.value if isinstance(function, ast.Attribute) else None
                if last_name(function) in _COLLECTIONS:
                    return self._given(value) | {_UNKNOWN}
                if last_name(function) in _HANDS_ON:
                    return self._given(value).union(self._origins(receiver) if receiver else ())
                layer = _is_own(function) and value.args and function.attr not in self._around.functions
                if layer or _is_mathematics(function) or last_name(function) in _PLAIN:
                    return set()
                return self._given(value) | {_root(receiver) if receiver else _UNKNOWN}
            case ast.IfExp(body=one, orelse=other):
                return self._origins(one) | self._origins(other)
            case ast.BoolOp(values=parts) | ast.Tuple(elts=parts):
                return set().union(*map(self._origins, parts))
            case ast.List(elts=parts) | ast.Set(elts=parts) | ast.Dict(values=parts):
                return set().union({_UNKNOWN}, *map(self._origins, parts))  # something may be added
            case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element) | ast.DictComp(value=element):
                return self._origins(element).union(*(self._origins(part.iter) for part in value.generators))
            case ast.Lambda(body=body):
                return self._origins(body)
            case ast.BinOp(left=left, op=ast.Add() | ast.Mult(), right=right) if _has_display(value):
                return self._origins(left) | self._origins(right)
        return set()

    def _given(self, call: ast.Call) -> set[str]:
        """The first names of what a call is given."""
        arguments = (*call.args, *(keyword.value for keyword in call.keywords))
        return set().union(*(self._origins(given) for given in arguments if not isinstance(given, ast.Starred)))

    def _repeats(self, value: ast.expr) -> bool:
        """Whether it is, or is made of, several times what may be a layer."""
        match value:
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                sides = (left, right)
                shown = [part for side in sides if isinstance(side, ast.List | ast.Tuple) for part in side.elts]
                return any(map(self._origins, (*shown, *(side for side in sides if isinstance(side, ast.Name)))))
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._repeats(left) or self._repeats(right)
            case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element) | ast.DictComp(value=element):
                return bool(self._origins(element))
            case ast.Call(func=function, args=arguments):
                if _is_mathematics(function) or last_name(function) in _PLAIN:
                    return False
                return last_name(function) in ("repeat", "fromkeys") or any(map(self._repeats, arguments))
            case ast.Starred(value=inner) | ast.Subscript(value=inner):
                return self._repeats(inner)
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return any(map(self._repeats, parts))
            case ast.IfExp(body=one, orelse=other):
                return self._repeats(one) or self._repeats(other)
        return False


_TESTS: dict[Candidate, Callable[[Flow, ast.stmt], bool]] = {
    candidates.ASSIGNED: Flow._is_given,
    candidates.WRAPPED: Flow._is_wrapped,
    candidates.NAMED_ALIKE: Flow._is_given,
    candidates.DATA_ASSIGNED: Flow._is_given,
    candidates.ties_own_parameters: Flow._is_given,
    candidates.SEEN_OTHERWISE: Flow._is_kept,
    candidates.GIVEN_A_NAME: Flow._is_kept,
    layer_lists.repeats_a_layer: Flow._is_repeated,
    layer_lists.lists_layers: Flow._is_plain_list,
    candidates.SET_BY_NAME: Flow._is_set,
    candidates.changes_a_parameter: Flow._is_changed,
}

_UNKNOWN = "()"
"""Stands among names for what nothing is known of."""


def _computes_with_a_parameter(value: ast.expr) -> bool:
    """`2 * layer.weight`, which is a tensor, and no Parameter may be given that."""
    parts = ast.walk(value) if isinstance(value, ast.BinOp | ast.UnaryOp) else ()
    return any(isinstance(part, ast.Attribute) and part.attr in ("weight", "bias") for part in parts)


def _makes_container(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and last_name(node.func) in CONTAINER_NAMES


def _is_own(function: ast.expr) -> TypeGuard[ast.Attribute]:
    return isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "self"


def _is_mathematics(function: ast.expr) -> bool:
    """A function of torch or NumPy that computes; their classes, such as Parameter and ModuleList, are none."""
    names = _dotted(function).split(".")
    return not _MATHEMATICS.isdisjoint(names[:-1]) and "utils" not in names and not names[-1][:1].isupper()


def _outside_containers(node: ast.AST) -> Iterator[ast.AST]:
    """A statement's parts, without what containers of layers are given."""
    yield node
    if not (isinstance(node, ast.expr) and _makes_container(node)):
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.stmt):
                yield from _outside_containers(child)


def _shows_layers(node: ast.AST) -> bool:
    """A list, set, dict or tuple with something made in it, or a name of it, or one that grows by it."""
    match node:
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts) | ast.Dict(values=parts):
            return not all(isinstance(part, ast.Constant) for part in parts)
        case ast.Call(args=parts, keywords=keywords):
            given = (*parts, *(keyword.value for keyword in keywords))
            return not all(isinstance(part, ast.Constant) for part in given)
        case ast.ListComp() | ast.DictComp() | ast.GeneratorExp():
            return True
    return False


def _arguments(arguments: ast.arguments) -> list[str]:
    every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg)
    return [argument.arg for argument in every if argument]


def _has_display(value: ast.expr) -> bool:
    return any(isinstance(part, ast.List | ast.Tuple | ast.ListComp) for part in ast.walk(value))


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """Those of a statement itself, or of an expression."""
    return (part for part in _own_parts(node) if isinstance(part, ast.Call))


def _own_parts(node: ast.AST) -> Iterator[ast.AST]:
    """All that a node is made of, but the statements in it."""
    waiting: list[ast.AST] = [node]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += [child for child in ast.iter_child_nodes(part) if not isinstance(child, ast.stmt)]


def _last_row_of_head(node: ast.stmt) -> int:
    """The last row of a statement, or of what stands before the statements in it."""
    body = getattr(node, "body", None) or getattr(node, "cases", None)
    if not body:
        return node.end_lineno or node.lineno
    first = body[0].pattern if isinstance(body[0], ast.match_case) else body[0]
    return max(node.lineno, first.lineno - 1)


def _is_plain_target(target: ast.expr) -> bool:
    """A local name, or several."""
    if isinstance(target, ast.Tuple | ast.List):
        return all(map(_is_plain_target, target.elts))
    return isinstance(target, ast.Name) or (isinstance(target, ast.Starred) and _is_plain_target(target.value))


def _local_names(target: ast.expr) -> set[str]:
    if isinstance(target, ast.Tuple | ast.List):
        return set().union(*map(_local_names, target.elts))
    if isinstance(target, ast.Starred):
        return _local_names(target.value)
    return {target.id} if isinstance(target, ast.Name) else set()


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _dotted(node: ast.expr) -> str:
    return f"{_dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else _root(node)


def last_name(node: ast.expr) -> str:
    """`c` of `a.b.c`, also with an index behind it."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=value):
            return last_name(value)
    return ""

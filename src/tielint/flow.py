"""Whether a place of interest surely comes to nothing: a look at the statements around it, without running them.

Asked by `segments.py` in large files, where it is worth more than it costs. What it is not sure of, it lets through.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeGuard

from tielint import candidates
from tielint.candidates import Candidate

_HANDS_ON = frozenset(
    [
        "t",
        "T",
        "H",
        "mT",
        "mH",
        "data",
        "detach",
        "clone",
        "transpose",
        "permute",
        "swapaxes",
        "swapdims",
        "contiguous",
        "movedim",
        "moveaxis",
        "adjoint",
        "to",
        "float",
        "half",
        "double",
        "bfloat16",
        "type",
        "cuda",
        "cpu",
        "view",
        "reshape",
        "unsqueeze",
        "squeeze",
        "flatten",
        "unflatten",
        "view_as",
        "reshape_as",
        "expand",
        "narrow",
        "select",
        "requires_grad_",
        "detach_",
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
        "deepcopy",
        "tensor",
        "as_tensor",
        "Tensor",
        "Parameter",
        "getattr",
        "vars",
        "list",
        "tuple",
        "dict",
        "zip",
        "reversed",
        "next",
        "iter",
        "rearrange",
        "index_select",
        "chunk",
        "split",
        "enumerate",
        "sorted",
        "map",
        "filter",
        "cast",
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
        "tuple",
        "list",
        "sum",
        "max",
        "min",
        "abs",
        "round",
        "set",
        "format",
        "join",
        "type",
    ]
)
_CONTAINERS = frozenset(["ModuleList", "Sequential", "ParameterList", "ModuleDict", "ParameterDict"])
_LISTS = frozenset(["list", "tuple"])
_SETTINGS = frozenset(["config", "cfg", "args", "hparams"])
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
_UTILITIES = frozenset(["torch", "nn", "utils", "parametrizations", "parametrize", "prune"])
_PRODUCT = re.compile(r"linear|matmul|mm\(|mv\(|einsum|tensordot|embedding|conv|@")
_SHARING = re.compile(r"(?i)(?<![a-z])(?:tie[sd]?|tying|share[sd]?|sharing)(?![a-z])|绑定|共")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a whole file tells.

    contained: the names of what its containers of layers are given. registered: of the attributes that are such
    containers, and never anything else. functions: of its functions. keeping: of those that put something somewhere.
    """

    contained: frozenset[str]
    registered: frozenset[str]
    keeping: frozenset[str]
    functions: frozenset[str]


class Flow:
    """One function, in its file. `words`: the names of its class and of what calls it."""

    def __init__(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, text: str, words: str, around: Surroundings
    ) -> None:
        self._node = node
        self._text = text
        self._words = words
        self._around = around
        self._statements = [part for part in ast.walk(node) if isinstance(part, ast.stmt) and part is not node]

    def matters(self, candidate: Candidate, row: int) -> bool:
        """Whether a finding may come of what a candidate saw in a row."""
        test = _TESTS.get(candidate)
        statement = self._at(row) if test else None
        return test is None or statement is None or test(self, statement)

    def _at(self, row: int) -> ast.stmt | None:
        """The innermost statement in which a row is."""
        around = [node for node in self._statements if node.lineno <= row <= (node.end_lineno or node.lineno)]
        return max(around, key=lambda node: node.lineno, default=None)

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
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                return self._may_be_given(value)
        return True

    def _is_used(self, statement: ast.stmt) -> bool:
        """A product may be computed with it."""
        return bool(_PRODUCT.search(self._text)) or self._is_kept(statement)

    def _is_repeated(self, statement: ast.stmt) -> bool:
        """What is repeated may be a layer, and a container may get it."""
        match statement:
            case ast.Assign(targets=targets, value=value):
                return (any(map(self._is_contained, targets)) and self._repeats(value)) or self._gives_repeated(value)
            case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.AugAssign(target=target, value=value):
                return (self._is_contained(target) and self._repeats(value)) or self._gives_repeated(value)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=grown, attr="append" | "extend" | "insert"))):
                return self._is_contained(grown) or _last(grown) in self._around.registered
            case ast.Return(value=ast.expr() as value):
                contained = self._node.name in self._around.contained
                return (contained and self._repeats(value)) or self._gives_repeated(value)
            case ast.Expr(value=value):
                return self._gives_repeated(value)
            case ast.Assert() | ast.Raise():
                return False
        return True

    def _is_plain_list(self, statement: ast.stmt) -> bool:
        """The list may become an attribute, and is not only given to a container."""
        if not any(map(_shows_layers, _outside_containers(statement))):
            return False
        match statement:
            case ast.Assign(targets=targets):
                return any(not isinstance(target, ast.Name) or target.id in self._stored for target in targets)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=grown)))):
                return grown != "self" and grown in self._stored and not self._is_container(grown)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Attribute(attr=grown)))):
                return grown not in self._around.registered
        return True

    def _is_container(self, name: str) -> bool:
        """Whether a local name only ever holds a container of layers."""
        values = [
            node.value
            for node in self._statements
            if isinstance(node, ast.Assign) and any(name in _local_names(target) for target in node.targets)
        ]
        made = (isinstance(value, ast.Call) and _last(value.func) in _CONTAINERS for value in values)
        return bool(values) and all(made)

    def _is_set(self, statement: ast.stmt) -> bool:
        """`setattr` of something that can be a Parameter."""
        calls = [call for call in _calls(statement) if _last(call.func) in ("setattr", "__setattr__")]
        for call in calls:
            settings = _root(call.func) in _SETTINGS or (call.args and _last(call.args[0]) in _SETTINGS)
            if not settings and (not call.args or self._may_be_given(call.args[-1])):
                return True
        return not calls

    def _is_changed(self, statement: ast.stmt) -> bool:
        """A function changes a module, and no method of an object has its name."""
        return any(isinstance(call.func, ast.Name) or _root(call.func) in _UTILITIES for call in _calls(statement))

    def _is_copied_to_share(self, statement: ast.stmt) -> bool:
        """Words of sharing stand around a copy."""
        return bool(_SHARING.search(self._words) or _SHARING.search(self._text))

    # ------------------------------------------------------------------ where local names lead, and come from

    def _leads_on(self, target: ast.expr) -> bool:
        return not _is_plain_target(target) or not self._kept.isdisjoint(_local_names(target))

    def _is_contained(self, target: ast.expr) -> bool:
        names = _local_names(target)
        return _last(target) in self._around.contained or not self._passed.isdisjoint(names)

    def _may_be_given(self, value: ast.expr) -> bool:
        return bool(self._origins(value) - self._computed)

    def _keeps(self, call: ast.Call) -> bool:
        """Whether a call may keep what it is given: one that makes an object, or does so in this file."""
        name = _last(call.func)
        able = name[:1].isupper() or name in self._around.keeping or name in _KEEP or not name
        return able and bool(self._given(call) - self._computed)

    def _gives_repeated(self, value: ast.expr) -> bool:
        """Whether a container, or what may make one, is given something repeated."""
        for call in _calls(value):
            name = _last(call.func)
            given = (*call.args, *(keyword.value for keyword in call.keywords))
            if (name[:1].isupper() or name in self._around.keeping) and any(map(self._repeats, given)):
                return True
        return False

    @cached_property
    def _stored(self) -> set[str]:
        """Local names that are returned or put somewhere, also under another name."""
        stored: set[str] = set()
        for node in self._statements:
            match node:
                case ast.Assign(targets=targets, value=value) if not all(map(_is_plain_target, targets)):
                    stored |= self._origins(value)
                case ast.AnnAssign(target=ast.Attribute() | ast.Subscript(), value=ast.expr() as value):
                    stored |= self._origins(value)
                case ast.Return(value=ast.expr() as value) if self._node.name != "forward":
                    stored |= self._origins(value)
            for call in _calls(node):
                if _last(call.func) not in _CONTAINERS and self._keeps(call):
                    stored |= self._given(call)
        return self._followed(stored)

    @cached_property
    def _passed(self) -> set[str]:
        """Local names that are given to something that may keep them."""
        calls = [call for node in self._statements for call in _calls(node) if self._keeps(call)]
        return self._followed(set().union(*map(self._given, calls)))

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
        for argument in _arguments(self._node.args):
            bound.pop(argument, None)
        computed: set[str] = set()
        size = -1
        while size != len(computed):
            size = len(computed)
            computed |= {name for name, origins in bound.items() if origins <= computed}
        return computed

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
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    for name in _local_names(target):
                        yield name, self._origins(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, self._origins(value)
            case ast.For(target=target, iter=iterated):
                for name in _local_names(target):
                    yield name, self._origins(iterated) | {_UNKNOWN}
            case ast.With(items=items):
                for item in items:
                    for name in _local_names(item.optional_vars) if item.optional_vars else ():
                        yield name, {_UNKNOWN}
            case ast.FunctionDef(args=arguments):
                for name in _arguments(arguments):
                    yield name, {_UNKNOWN}

    def _origins(self, value: ast.expr) -> set[str]:
        """The first names of what the value may be, or may have the numbers of; empty where it is computed anew."""
        match value:
            case ast.Name(id=name):
                return {name}
            case ast.Attribute(value=holder):
                return set() if _last(holder) in _SETTINGS else self._origins(holder) | {_root(holder)}
            case ast.Subscript(value=inner) | ast.Starred(value=inner) | ast.NamedExpr(value=inner):
                return self._origins(inner)
            case ast.Call(func=function):
                receiver = function.value if isinstance(function, ast.Attribute) else None
                if _last(function) in _HANDS_ON:
                    return self._given(value).union(self._origins(receiver) if receiver else ())
                layer = _is_own(function) and value.args and function.attr not in self._around.functions
                if layer or _is_mathematics(function) or _last(function) in _PLAIN:
                    return set()
                return self._given(value) | {_root(receiver) if receiver else _UNKNOWN}
            case ast.IfExp(body=one, orelse=other):
                return self._origins(one) | self._origins(other)
            case (
                ast.BoolOp(values=parts)
                | ast.Tuple(elts=parts)
                | ast.List(elts=parts)
                | ast.Set(elts=parts)
                | ast.Dict(values=parts)
            ):
                return set().union(*map(self._origins, parts))
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
                shown = [side for side in (left, right) if isinstance(side, ast.List | ast.Tuple)]
                return any(self._origins(element) for side in shown for element in side.elts)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._repeats(left) or self._repeats(right)
            case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element):
                return bool(self._origins(element))
            case ast.Call(func=function, args=arguments):
                if _is_mathematics(function) or _last(function) in _PLAIN:
                    return False
                return _last(function) == "repeat" or any(map(self._repeats, arguments))
            case ast.Starred(value=inner) | ast.Subscript(value=inner):
                return self._repeats(inner)
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return any(map(self._repeats, parts))
            case ast.IfExp(body=one, orelse=other):
                return self._repeats(one) or self._repeats(other)
        return False


_TESTS: dict[Candidate, Callable[[Flow, ast.stmt], bool]] = {
    candidates.ASSIGNED: Flow._is_given,
    candidates.WRAPPED: Flow._is_given,
    candidates.NAMED_ALIKE: Flow._is_given,
    candidates.DATA_ASSIGNED: Flow._is_given,
    candidates.SEEN_OTHERWISE: Flow._is_kept,
    candidates.GIVEN_A_NAME: Flow._is_kept,
    candidates.repeats_a_layer: Flow._is_repeated,
    candidates.lists_layers: Flow._is_plain_list,
    candidates.SET_BY_NAME: Flow._is_set,
    candidates.changes_a_parameter: Flow._is_changed,
    candidates.COPIED_DEEPLY: Flow._is_copied_to_share,
    **dict.fromkeys(candidates.DETACHED, Flow._is_used),
}

_UNKNOWN = "()"
"""Stands among names for what nothing is known of."""


def _is_own(function: ast.expr) -> TypeGuard[ast.Attribute]:
    return isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "self"


def _is_mathematics(function: ast.expr) -> bool:
    """A function of torch or NumPy that computes; their classes, such as Parameter and ModuleList, are none."""
    names = _dotted(function).split(".")
    return not _MATHEMATICS.isdisjoint(names[:-1]) and "utils" not in names and not names[-1][:1].isupper()


def _outside_containers(node: ast.AST) -> Iterator[ast.AST]:
    """A statement's parts, without what containers of layers are given."""
    yield node
    if not (isinstance(node, ast.Call) and _last(node.func) in _CONTAINERS):
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.stmt):
                yield from _outside_containers(child)


def _shows_layers(node: ast.AST) -> bool:
    """A list, dict or tuple with something made in it, or one that grows by it."""
    match node:
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Dict(values=parts) | ast.Call(args=parts):
            return any(isinstance(part, ast.Call) for part in parts)
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
    waiting: list[ast.AST] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Call):
            yield part
        waiting += [child for child in ast.iter_child_nodes(part) if not isinstance(child, ast.stmt)]


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


def _last(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=value):
            return _last(value)
    return ""

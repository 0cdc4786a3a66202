"""What the methods of a class do with one of its attributes. Asked by `events.py` of lists that hold layers."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from tielint.spelling import dotted_name, last_name, parts_of
from tielint.values import ClassDefinition

_ONLY_READ = frozenset(
    ["len", "enumerate", "zip", "range", "reversed", "list", "tuple", "dict", "iter", "next", "print", "sum", "sorted"]
)
_SAME_ELEMENTS = frozenset(
    ["sum", "enumerate", "zip", "reversed", "list", "tuple", "dict", "set", "iter", "next", "sorted"]
)
_SAME_ELEMENTS_BY_METHOD = frozenset(["values", "items", "copy", "pop", "get"])
_REGISTERING = frozenset(["add_module", "register_module", "register_parameter", "_modules", "_parameters"])
_DECIDING = _REGISTERING | frozenset(["requires_grad_", "requires_grad"])
"""What a loop does with layers that are registered elsewhere, or kept from training on purpose."""
_OF_LISTS_ALONE = frozenset(["sort", "reverse", "clear", "index", "remove", "copy", "count"])
"""What no container of layers can."""


@dataclass(slots=True)
class AttributeUses:
    """read: a method other than the constructor reads it. replaced: one assigns it.

    handed_on: a call is given it, or what is in it, or it stands in a statement that registers something. as_a_list:
    something is done with it that only lists can.
    """

    read: bool = False
    replaced: bool = False
    handed_on: bool = False
    as_a_list: bool = False


def uses_of_attribute(definition: ClassDefinition, name: str) -> AttributeUses:
    """All uses of `self.name` in the class and in its bases in sight, whatever `self` is called."""
    uses = AttributeUses()
    for current in definition.ancestry:
        for function in current.methods.values():
            _look(function.node.body, None, name, uses, constructor=function.name == "__init__")
    return uses


def _look(node: cst.CSTNode, holder: cst.CSTNode | None, name: str, uses: AttributeUses, *, constructor: bool) -> None:
    if _is_it(node, name):
        if isinstance(holder, cst.AssignTarget | cst.AnnAssign):
            uses.replaced = uses.replaced or not constructor
        else:
            uses.read = uses.read or not constructor
        if isinstance(holder, cst.Attribute) and holder.attr.value in _OF_LISTS_ALONE:
            uses.as_a_list = True
    if isinstance(node, cst.SimpleStatementLine):
        names = _attributes_in(node)
        uses.handed_on = uses.handed_on or (name in names and not names.isdisjoint(_REGISTERING))
    if isinstance(node, cst.Assign) and _is_given_on(node, name):
        uses.handed_on = True
    if isinstance(node, cst.For) and _has_its_elements(node.iter, name):
        uses.handed_on = uses.handed_on or not _attributes_in(node.body).isdisjoint(_DECIDING)
    if isinstance(node, cst.Call) and last_name(node.func) not in _ONLY_READ and not _computes(node):
        uses.handed_on = uses.handed_on or any(_has_its_elements(argument.value, name) for argument in node.args)
    for child in node.children:
        _look(child, node, name, uses, constructor=constructor)


def _attributes_in(node: cst.CSTNode) -> set[str]:
    return {part.attr.value for part in parts_of(node) if isinstance(part, cst.Attribute)}


def _is_given_on(node: cst.Assign, name: str) -> bool:
    """`self.first, self.second = self.layers`, `self.first = self.layers[0]`."""
    targets = (target.target for target in node.targets)
    return any(isinstance(t, cst.Attribute | cst.Tuple | cst.List) for t in targets) and _has_its_elements(
        node.value, name
    )


def _is_it(node: cst.CSTNode, name: str) -> bool:
    return isinstance(node, cst.Attribute) and node.attr.value == name and isinstance(node.value, cst.Name)


def _computes(call: cst.Call) -> bool:
    """`torch.cat(…)`, `F.linear(…)`: what they are given, they keep nowhere."""
    return dotted_name(call.func).partition(".")[0] in ("torch", "F") and (last_name(call.func) or "")[:1].islower()


def _has_its_elements(node: cst.CSTNode, name: str) -> bool:
    """Whether the attribute's value, or something out of it, is what an expression gives, or in it."""
    match node:
        case cst.Attribute():
            return _is_it(node, name)
        case cst.Subscript(value=value) | cst.Element(value=value) | cst.StarredElement(value=value):
            return _has_its_elements(value, name)
        case cst.Call(func=cst.Attribute(value=value, attr=cst.Name(value=method))):
            return method in _SAME_ELEMENTS_BY_METHOD and _has_its_elements(value, name)
        case cst.Call(func=function, args=arguments):
            same = last_name(function) in _SAME_ELEMENTS
            return same and any(_has_its_elements(argument.value, name) for argument in arguments)
        case cst.List(elements=elements) | cst.Tuple(elements=elements) | cst.Set(elements=elements):
            return any(_has_its_elements(element, name) for element in elements)
        case cst.ListComp(elt=element, for_in=loop) | cst.GeneratorExp(elt=element, for_in=loop):
            return _has_its_elements(element, name) or (_hands_on(element) and _has_its_elements(loop.iter, name))
        case cst.DictComp(value=element, for_in=loop):
            return _hands_on(element) and _has_its_elements(loop.iter, name)
        case cst.BinaryOperation(left=left, right=right) | cst.BooleanOperation(left=left, right=right):
            return _has_its_elements(left, name) or _has_its_elements(right, name)
        case cst.IfExp(body=body, orelse=orelse):
            return _has_its_elements(body, name) or _has_its_elements(orelse, name)
    return False


def _hands_on(element: cst.BaseExpression) -> bool:
    """Whether what a comprehension makes of what it draws may hold it: the same, or an object around it."""
    made = isinstance(element, cst.Call) and (last_name(element.func) or "")[:1].isupper()
    return made or isinstance(element, cst.Name | cst.Tuple | cst.Subscript)

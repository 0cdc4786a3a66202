"""What the methods of a class do with one of its attributes. Asked by `events.py` of lists that hold layers."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from tielint.spelling import last_name, parts_of
from tielint.values import ClassDefinition

_ONLY_READ = frozenset(
    ["len", "enumerate", "zip", "range", "reversed", "list", "tuple", "iter", "print", "sum", "sorted"]
)
_REGISTERING = frozenset(["add_module", "register_module", "register_parameter", "_modules", "_parameters"])


@dataclass(slots=True)
class AttributeUses:
    """read: a method other than the constructor reads it. replaced: one assigns it.

    handed_on: a call is given it, or it stands in a statement that registers something.
    """

    read: bool = False
    replaced: bool = False
    handed_on: bool = False


def uses_of_attribute(definition: ClassDefinition, name: str) -> AttributeUses:
    """All uses of `self.name` in the class and in its bases in sight, whatever `self` is called."""
    uses = AttributeUses()
    for current in definition.ancestry:
        for function in current.methods.values():
            _look(function.node.body, None, name, uses, constructor=function.name == "__init__")
    return uses


def _look(node: cst.CSTNode, holder: cst.CSTNode | None, name: str, uses: AttributeUses, *, constructor: bool) -> None:
    if isinstance(node, cst.Attribute) and node.attr.value == name and isinstance(node.value, cst.Name):
        if isinstance(holder, cst.AssignTarget | cst.AnnAssign):
            uses.replaced = uses.replaced or not constructor
        else:
            uses.read = uses.read or not constructor
    if isinstance(node, cst.SimpleStatementLine):
        names = {part.attr.value for part in parts_of(node) if isinstance(part, cst.Attribute)}
        uses.handed_on = uses.handed_on or (name in names and not names.isdisjoint(_REGISTERING))
    if isinstance(node, cst.Call) and last_name(node.func) not in _ONLY_READ:
        given = (argument.value for argument in node.args if not argument.star)
        uses.handed_on = uses.handed_on or any(
            isinstance(value, cst.Attribute) and value.attr.value == name for value in given
        )
    for child in node.children:
        _look(child, node, name, uses, constructor=constructor)

"""A file's syntax tree with the way back up, and its nodes by kind and name. Used by the fixes.

They look around each tie of a file, and it may have hundreds: what is the same for all is gathered once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import cache, cached_property
from typing import TypeVar

import libcst as cst

from tielint.parsing import lines_of
from tielint.spelling import last_name

N = TypeVar("N", bound=cst.CSTNode)


class Tree:
    """One parsed module."""

    def __init__(self, module: cst.Module) -> None:
        self.module = module
        self._holders: dict[type[cst.CSTNode], dict[cst.CSTNode, cst.CSTNode | None]] = {}
        self._texts: dict[cst.CSTNode, str] = {}

    @cached_property
    def code(self) -> str:
        return self.module.code

    @cached_property
    def lines(self) -> list[str]:
        return lines_of(self.code)

    @cached_property
    def parents(self) -> dict[cst.CSTNode, cst.CSTNode]:
        parents: dict[cst.CSTNode, cst.CSTNode] = {}
        stack: list[cst.CSTNode] = [self.module]
        while stack:
            node = stack.pop()
            for child in _code_in(node):
                parents[child] = node
                stack.append(child)
        return parents

    @cached_property
    def _kinds(self) -> dict[type[cst.CSTNode], list[cst.CSTNode]]:
        kinds: dict[type[cst.CSTNode], list[cst.CSTNode]] = {}
        for node in self.parents:
            kinds.setdefault(type(node), []).append(node)
        return kinds

    def every(self, kind: type[N]) -> list[N]:
        """All nodes of exactly this class."""
        return [node for node in self._kinds.get(kind, ()) if isinstance(node, kind)]

    @cached_property
    def _names(self) -> dict[str, list[cst.Attribute | cst.Name]]:
        names: dict[str, list[cst.Attribute | cst.Name]] = {}
        for attribute in self.every(cst.Attribute):
            names.setdefault(attribute.attr.value, []).append(attribute)
        for name in self.every(cst.Name):
            names.setdefault(name.value, []).append(name)
        return names

    def named(self, name: str) -> list[cst.Attribute | cst.Name]:
        """All attributes `….name`, and all nodes that are the name itself: those in the attributes, too."""
        return self._names.get(name, [])

    @cached_property
    def _calls(self) -> dict[str, list[cst.Call]]:
        calls: dict[str, list[cst.Call]] = {}
        for call in self.every(cst.Call):
            calls.setdefault(last_name(call.func) or "", []).append(call)
        return calls

    def calls_of(self, *names: str) -> list[cst.Call]:
        """All calls of functions and methods with one of these names."""
        return [call for name in names for call in self._calls.get(name, ())]

    @cached_property
    def imported(self) -> set[str]:
        """The names that imports bind, wherever they stand."""
        names: set[str] = set()
        imports: list[cst.Import | cst.ImportFrom] = [*self.every(cst.Import), *self.every(cst.ImportFrom)]
        for statement in imports:
            for alias in () if isinstance(statement.names, cst.ImportStar) else statement.names:
                names.add(alias.evaluated_alias or alias.evaluated_name.partition(".")[0])
        return names

    def parent(self, node: cst.CSTNode | None) -> cst.CSTNode | None:
        return self.parents.get(node) if node is not None else None

    def above(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """All that holds the node, innermost first."""
        current = self.parent(node)
        while current is not None:
            yield current
            current = self.parent(current)

    def inside(self, node: cst.CSTNode, holder: cst.CSTNode) -> bool:
        """Whether `node` is `holder` or a part of it."""
        return node is holder or any(outer is holder for outer in self.above(node))

    def in_other_branch(self, node: cst.CSTNode, other: cst.CSTNode) -> bool:
        """Whether two nodes are in two branches of one `if` or `match`, of which one runs."""
        ways = [[node, *self.above(node)], [other, *self.above(other)]]
        joint = next((holder for holder in ways[0] if holder in ways[1]), None)
        if not isinstance(joint, cst.If | cst.Match):
            return False
        branches = [way[way.index(joint) - 1] for way in ways if way[0] is not joint]
        return len(branches) == 2 and all(
            isinstance(b, cst.BaseSuite | cst.If | cst.Else | cst.MatchCase) for b in branches
        )

    def function_of(self, node: cst.CSTNode) -> cst.FunctionDef | None:
        return self._nearest(node, cst.FunctionDef)

    def class_of(self, node: cst.CSTNode) -> cst.ClassDef | None:
        return self._nearest(node, cst.ClassDef)

    def _nearest(self, node: cst.CSTNode, kind: type[N]) -> N | None:
        """The innermost of this kind that holds the node."""
        known = self._holders.setdefault(kind, {})
        if node not in known:
            holder = self.parent(node)
            known[node] = holder if holder is None or isinstance(holder, kind) else self._nearest(holder, kind)
        found = known[node]
        return found if isinstance(found, kind) else None

    @cached_property
    def _bases(self) -> dict[str, list[str]]:
        bases: dict[str, list[str]] = {}
        for found in self.every(cst.ClassDef):
            values = (base.value.value if isinstance(base.value, cst.Subscript) else base.value for base in found.bases)
            bases.setdefault(found.name.value, []).extend(name for name in map(last_name, values) if name)
        return bases

    def line_of(self, definition: cst.ClassDef) -> list[str]:
        """The names of a class and of all classes above it, as far as the file tells."""
        names = [definition.name.value]
        for name in names:
            names += [base for base in self._bases.get(name, ()) if base not in names]
        return names

    def text_of(self, node: cst.CSTNode) -> str:
        if node not in self._texts:
            self._texts[node] = self.module.code_for_node(node).strip()
        return self._texts[node]


def _code_in(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """What a node holds, but blanks and comments: those are half of all nodes. `children` takes ten times as long."""
    for name in _fields_of(type(node)):
        value = getattr(node, name)
        if isinstance(value, list | tuple):
            yield from (part for part in value if isinstance(part, cst.CSTNode))
        elif value is not None and not isinstance(value, str | cst.MaybeSentinel | bool | int):
            yield value


@cache
def _fields_of(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    blanks = ("whitespace", "leading_lines", "lines_after", "trailing_whitespace", "header", "footer", "encoding")
    return tuple(field.name for field in fields(kind) if not field.name.startswith(blanks))

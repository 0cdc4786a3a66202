"""A file's syntax tree with the way back up: what holds a node. Used by the fixes, which look around a tie."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cached_property

import libcst as cst


class Tree:
    """One parsed module. The parents are gathered at the first question."""

    def __init__(self, module: cst.Module) -> None:
        self.module = module

    @cached_property
    def parents(self) -> dict[cst.CSTNode, cst.CSTNode]:
        parents: dict[cst.CSTNode, cst.CSTNode] = {}
        stack: list[cst.CSTNode] = [self.module]
        while stack:
            node = stack.pop()
            for child in node.children:
                parents[child] = node
                stack.append(child)
        return parents

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

    def inside_any(self, node: cst.CSTNode, holders: Collection[cst.CSTNode]) -> bool:
        """Whether `node` is one of these or a part of one."""
        return node in holders or any(outer in holders for outer in self.above(node))

    def function_of(self, node: cst.CSTNode) -> cst.FunctionDef | None:
        return next((outer for outer in self.above(node) if isinstance(outer, cst.FunctionDef)), None)

    def class_of(self, node: cst.CSTNode) -> cst.ClassDef | None:
        return next((outer for outer in self.above(node) if isinstance(outer, cst.ClassDef)), None)

    def text_of(self, node: cst.CSTNode) -> str:
        return self.module.code_for_node(node).strip()

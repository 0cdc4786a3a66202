"""Where nodes stand in the text, computed only for what has something to say. Called by `analysis.py`."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from tielint.findings import Position, Span
from tielint.tree import Tree


class Positions:
    """The spans of the nodes of one module, as the text has them.

    They are computed for one statement of the module at a time, when the first node in it is asked for: for a whole
    file they take longer than everything else that a finding needs.
    """

    def __init__(self, tree: Tree, rows: Sequence[int]) -> None:
        """rows: those in which the statements of the module start; without them, they are looked for."""
        body = tree.module.body
        self._tree = tree
        self._rows: dict[cst.CSTNode, int] = dict(zip(body, rows, strict=True)) if len(rows) == len(body) else {}
        self._known: dict[cst.CSTNode, tuple[CodeRange, int]] = {}

    def has(self, node: cst.CSTNode) -> bool:
        """Whether the node is one of this module, and not of another that it imports from."""
        return node in self._tree.parents

    def span(self, node: cst.CSTNode) -> Span:
        """Where a node stands, without the blanks around it; a comment's once its statement was asked for.

        Raises:
            RecursionError: its statement is nested too deeply.
        """
        if node not in self._known:
            *_, statement, _ = (node, *self._tree.above(node))
            self._look_into(statement)
        place, above = self._known[node]
        return Span(
            Position(above + place.start.line, place.start.column + 1),
            Position(above + place.end.line, place.end.column + 1),
        )

    def _look_into(self, statement: cst.CSTNode) -> None:
        module, row = self._tree.module, self._rows.get(statement)
        if row is not None:
            module = module.with_changes(header=(), body=[statement], footer=())
        ranges = _ranges(module)
        above = row - ranges[statement].start.line if row is not None else 0
        self._known.update((node, (place, above)) for node, place in ranges.items())


def _ranges(module: cst.Module) -> dict[cst.CSTNode, CodeRange]:
    wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
    try:
        return dict(wrapper.resolve(PositionProvider))
    except KeyError as error:  # what LibCST makes of a RecursionError on its way out
        raise RecursionError from error

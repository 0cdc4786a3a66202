"""Where nodes stand in the text, computed only for files that have something to say. Called by `analysis.py`."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from tielint.findings import Position, Span


class Positions:
    """The span of every node of one module, as the text has it."""

    def __init__(self, module: cst.Module) -> None:
        wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
        self._ranges: Mapping[cst.CSTNode, CodeRange] = wrapper.resolve(PositionProvider)

    def has(self, node: cst.CSTNode) -> bool:
        """Whether the node is one of this module, and not of another that it imports from."""
        return node in self._ranges

    def span(self, node: cst.CSTNode) -> Span:
        """Where a node stands, without the blanks around it."""
        place = self._ranges[node]
        return Span(
            Position(place.start.line, place.start.column + 1),
            Position(place.end.line, place.end.column + 1),
        )

"""Where nodes stand in the text, computed only for files that have something to say. Called by `analysis.py`."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from tielint.findings import Position, Span


class Positions:
    """The span of every node of one module, as the text has it."""

    def __init__(self, module: cst.Module) -> None:
        """
        Raises:
            RecursionError: the module is nested too deeply.
        """
        wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
        try:
            self._ranges: Mapping[cst.CSTNode, CodeRange] = wrapper.resolve(PositionProvider)
        except KeyError as error:  # what LibCST makes of a RecursionError on its way out
            raise RecursionError from error

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

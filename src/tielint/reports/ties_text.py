"""What a live model's ties really are, as a tree for the terminal. Called by the command line, and by `str(report)`."""

from __future__ import annotations

import io
import os
from collections import Counter
from typing import TextIO

from rich.console import Console
from rich.filesize import decimal
from rich.text import Text
from rich.tree import Tree

from tielint.torch.tie_report import Counts, Group, Layout, Outcome, Relation, TieReport

COLOURS = {
    Relation.TIED: "green",
    Relation.ALIAS: "red",
    Relation.COPY: "yellow",
    Relation.STALE: "magenta",
    Relation.GRAD_CUT: "red",
    Relation.UNTRAINED: "red",
}
LONGEST_LINE = 2000
MEANINGS = {
    Relation.TIED: "one Parameter",
    Relation.ALIAS: "several Parameters over one storage",
    Relation.COPY: "equal numbers in separate storage",
    Relation.STALE: "made from a Parameter once, and kept",
    Relation.GRAD_CUT: "used without its gradient",
    Relation.UNTRAINED: "shapes the output, and gets no gradient",
}


def write(report: TieReport, stream: TextIO) -> None:
    """In colour where the stream is a terminal; elsewhere lines are never broken."""
    if stream.isatty():
        Console(file=stream).print(tree(report), highlight=False)
    else:
        stream.write(as_text(report) + "\n")


def as_text(report: TieReport) -> str:
    """The tree without colours."""
    stream = io.StringIO()
    Console(file=stream, no_color=True, width=LONGEST_LINE).print(tree(report), highlight=False)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def tree(report: TieReport) -> Tree:
    """A branch for each relation, a leaf for each group; what is as it should be comes in one line."""
    root = Tree(Text.assemble((report.model, "bold"), f": {_size(report.counts)}"))
    for relation in Relation:
        groups = [group for group in report.groups if group.relation is relation]
        if groups:
            _add(root, relation, groups)
    if report.ok:
        root.add(Text("No tie is broken." if report.ties else "Nothing is tied, and nothing looks as if it were."))
    for note in report.notes:
        root.add(Text(f"note: {note}", style="cyan"))
    return root


def _add(root: Tree, relation: Relation, groups: list[Group]) -> None:
    told = [group for group in groups if not group.expected]
    heading = Text.assemble(
        (relation.value, f"bold {COLOURS[relation]}" if told else "dim"), f" ({MEANINGS[relation]})"
    )
    branch = root.add(heading)
    for group in told:
        leaf = branch.add(Text(f"{_names(group)}  {_shape(group)}"))
        for line in _lines(group):
            leaf.add(Text(line))
    for reason, number in Counter(group.expected for group in groups if group.expected).items():
        branch.add(Text(f"{number} {'group' if number == 1 else 'groups'}, as expected: {reason}", style="dim"))


def _names(group: Group) -> str:
    sign = " = " if group.relation is Relation.TIED else " ≠ "
    turned = {Layout.TRANSPOSED: " (transposed)", Layout.OVERLAPPING: " (in part)", Layout.SAME: ""}
    return sign.join(f"{member.name}{turned[member.layout]}" for member in group.members)


def _shape(group: Group) -> str:
    return "×".join(map(str, group.shape))


def _lines(group: Group) -> list[str]:
    lines = [group.detail] if group.detail else []
    lines += [f"from {_from_here(origin.path)}:{origin.row} {origin.code}".rstrip() for origin in group.origins]
    lines += [_outcome(outcome) for outcome in group.outcomes if not outcome.kept or outcome.detail]
    return lines


def _from_here(path: str) -> str:
    """Relative to the current directory where it is below it."""
    relative = os.path.relpath(path)
    return path if relative.startswith(os.pardir) else relative


def _outcome(outcome: Outcome) -> str:
    detail = f", {outcome.detail}" if outcome.detail else ""
    return f"after {outcome.operation}: {outcome.left}{detail}"


def _size(counts: Counts) -> str:
    names = f" under {counts.names:,} names" if counts.names != counts.parameters else ""
    elements, nbytes = f"{counts.elements:,} elements", decimal(counts.nbytes)
    if counts.elements_by_name != counts.elements:
        elements += f" ({counts.elements_by_name:,} by name)"
    if counts.nbytes_by_name != counts.nbytes:
        nbytes += f" ({decimal(counts.nbytes_by_name)} by name)"
    return f"{counts.parameters:,} Parameters{names}, {elements}, {nbytes}"

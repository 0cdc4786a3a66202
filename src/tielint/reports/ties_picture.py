"""A live model's layers in a column, its ties as arcs beside it: SVG, or a page. Called by the command line.

The file needs nothing else: no script, no font, no network.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO
from xml.etree import ElementTree

from tielint.reports.ties_text import MEANINGS, as_text
from tielint.torch.tie_report import Group, Relation, TieReport

COLOURS = {
    Relation.TIED: "#1a7f37",
    Relation.ALIAS: "#cf222e",
    Relation.COPY: "#bf8700",
    Relation.STALE: "#8250df",
    Relation.GRAD_CUT: "#bc4c00",
    Relation.UNTRAINED: "#57606a",
}
ROW = 18
TOP = 78
LETTER = 7.3
"""The width of a monospaced letter at 12 pixels."""
HEADING = 640
"""The room that the legend needs."""
QUIET = 4
"""Longer runs of layers that no group is about are drawn as one row."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the column: a layer, or several that nothing is to be said of."""

    text: str
    layers: tuple[str, ...]
    quiet: bool


def write_svg(report: TieReport, stream: TextIO) -> None:
    """The picture alone."""
    stream.write(picture(report) + "\n")


def write_html(report: TieReport, stream: TextIO) -> None:
    """The picture, and below it the report as the terminal shows it."""
    title = html.escape(f"The ties of {report.model}")
    stream.write(
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{title}</title>\n'
        "<style>body{font:15px system-ui,sans-serif;margin:2rem;color:#1f2328;background:#fff}"
        "pre{background:#f6f8fa;padding:1rem;overflow:auto}svg{max-width:100%;height:auto}</style>\n"
        f"<h1>{title}</h1>\n{picture(report)}\n<pre>{html.escape(as_text(report))}</pre>\n</html>\n"
    )


def picture(report: TieReport) -> str:
    """The SVG text. Each arc and dot has its group's names as a tooltip."""
    rows = list(_rows(report))
    places = {layer: index for index, row in enumerate(rows) for layer in row.layers}
    label = max([len(row.text) for row in rows] + [20]) * LETTER + 24
    reach = max([_reach(start, end) for group in report.groups for start, end in _spans(group, places)] + [60])
    width, height = max(label + reach + 40, HEADING), TOP + ROW * len(rows) + 24
    root = ElementTree.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {width:.0f} {height}",
            "width": f"{width:.0f}",
            "height": f"{height}",
            "font-family": "ui-monospace,Menlo,Consolas,monospace",
            "font-size": "12",
        },
    )
    ElementTree.SubElement(root, "rect", {"width": "100%", "height": "100%", "fill": "#ffffff"})
    _head(root, report)
    named = {layer for group in report.groups for layer in _layers(group, places)}
    for index, row in enumerate(rows):
        shade = "#8c959f" if row.quiet else "#1f2328" if named.intersection(row.layers) else "#57606a"
        slant = "italic" if row.quiet else "normal"
        _text(root, 16, _middle(index) + 4, row.text, {"fill": shade, "font-style": slant})
        if not row.quiet:
            ends = {"x1": f"{26 + len(row.text) * LETTER:.0f}", "x2": f"{label:.0f}"}
            heights = {"y1": f"{_middle(index)}", "y2": f"{_middle(index)}"}
            style = {"stroke": "#d0d7de", "stroke-dasharray": "1 4"}
            ElementTree.SubElement(root, "line", {**ends, **heights, **style})
    for group in sorted(report.groups, key=lambda group: group.is_broken):
        _draw(root, group, places, label)
    return ElementTree.tostring(root, encoding="unicode")


def _rows(report: TieReport) -> Iterator[Row]:
    names = [name for group in report.groups if not group.expected for name in group.names]
    named = {name.rpartition(".")[0] for name in names}
    layers = list(dict.fromkeys([*report.layers, *sorted(named - set(report.layers))]))
    run: list[str] = []
    for layer in [*layers, None]:
        if layer is not None and layer not in named:
            run.append(layer)
            continue
        yield from _quiet(run)
        run = []
        if layer is not None:
            leaves = sorted({name.rpartition(".")[2] for name in names if name.rpartition(".")[0] == layer})
            yield Row(f"{layer or report.model}: {', '.join(leaves)}", (layer,), quiet=False)


def _quiet(run: Sequence[str]) -> Iterator[Row]:
    if len(run) > QUIET:
        yield Row(f"{run[0]} … {run[-1]} ({len(run)} layers)", tuple(run), quiet=True)
    else:
        yield from (Row(layer, (layer,), quiet=True) for layer in run)


def _head(root: ElementTree.Element, report: TieReport) -> None:
    _text(root, 16, 26, f"The ties of {report.model}", {"font-size": "16", "font-weight": "bold", "fill": "#1f2328"})
    left = 16.0
    for relation in Relation:
        groups = [group for group in report.groups if group.relation is relation and not group.expected]
        if groups:
            ElementTree.SubElement(
                root, "circle", {"cx": f"{left + 5}", "cy": "46", "r": "5", "fill": COLOURS[relation]}
            )
            text = f"{relation.value}: {len(groups)}"
            _text(root, left + 15, 50, text, {"fill": "#1f2328"}, title=MEANINGS[relation])
            left += 35 + len(text) * LETTER


def _draw(root: ElementTree.Element, group: Group, places: dict[str, int], label: float) -> None:
    colour = COLOURS[group.relation]
    if group.expected:
        return
    title = f"{group.relation.value}: {', '.join(group.names)}" + "".join(
        f"\nafter {outcome.operation}: {outcome.left}" for outcome in group.outcomes if not outcome.kept
    )
    for start, end in _spans(group, places):
        top, bottom, out = _middle(start), _middle(end), _reach(start, end)
        edge = f"{label + out * 1.3:.0f}"
        path = f"M {label:.0f} {top} C {edge} {top}, {edge} {bottom}, {label:.0f} {bottom}"
        if start == end:
            path = f"M {label:.0f} {top - 5} a 6 6 0 1 1 0 10"
        style = {"fill": "none", "stroke": colour, "stroke-width": "2" if group.is_broken else "1.5", "d": path}
        ElementTree.SubElement(ElementTree.SubElement(root, "path", style), "title").text = title
    for place in {places[layer] for layer in _layers(group, places)}:
        dot = {"cx": f"{label:.0f}", "cy": f"{_middle(place)}", "r": "3.5", "fill": colour}
        ElementTree.SubElement(ElementTree.SubElement(root, "circle", dot), "title").text = title


def _layers(group: Group, places: dict[str, int]) -> list[str]:
    return [layer for name in group.names if (layer := name.rpartition(".")[0]) in places]


def _spans(group: Group, places: dict[str, int]) -> Iterable[tuple[int, int]]:
    """From the first member to each other."""
    found = [places[layer] for layer in _layers(group, places)] if not group.expected else []
    return [(min(found[0], other), max(found[0], other)) for other in found[1:]]


def _reach(start: int, end: int) -> float:
    """How far an arc goes out: less than its height, so that long ones stay beside the column."""
    return 18 + 22 * math.pow(end - start, 0.6)


def _middle(row: int) -> int:
    return TOP + row * ROW


def _text(
    root: ElementTree.Element, left: float, base: float, text: str, style: dict[str, str], *, title: str = ""
) -> None:
    node = ElementTree.SubElement(root, "text", {"x": f"{left:.0f}", "y": f"{base:.0f}", **style})
    node.text = text
    if title:
        ElementTree.SubElement(node, "title").text = title

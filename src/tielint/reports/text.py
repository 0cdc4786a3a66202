"""The findings for people: what is wrong, the code that it is about, what helps. Called by the command line.

Without a terminal it is plain text; on one, rich colours it. Lines are never broken, so paths and code stay whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.text import Text

from tielint.findings import Applicability, Finding, Verdict
from tielint.report import Report
from tielint.reports.lines import visible
from tielint.source import SourceFile

CONTEXT = 2
MOST_LINES = 8
MOST_COLUMNS = 160
TAB = 4

_GUTTER = Style(color="blue", bold=True)
_PATH = Style(bold=True)
_NOTE = Style(color="cyan", bold=True)
_FIXABLE = Style(color="green", bold=True)


def write(report: Report, stream: TextIO) -> None:
    """In colour where the stream is a terminal."""
    render(report, Console(file=stream))


def render(report: Report, console: Console) -> None:
    """Prints the findings. What there is to say besides, `lines.py` says."""
    for finding in report.findings:
        text = _finding(finding, report, colour=console.is_terminal)
        console.print(text, soft_wrap=True, markup=False, highlight=False, emoji=False)


def _finding(finding: Finding, report: Report, *, colour: bool) -> Text:
    lines = [_headline(finding, report.applicable)]
    source = report.sources.get(finding.path)
    if source:
        lines += _frame(finding, source, colour=colour)
    lines += _advice(finding, source)
    return Text("\n").join((*lines, Text()))


def _headline(finding: Finding, applicable: Applicability) -> Text:
    start = finding.span.start
    colour = "red" if finding.verdict is Verdict.ERROR else "yellow"
    line = Text.assemble(
        (visible(str(finding.path)), _PATH),
        f":{start.row}:{start.column}: ",
        (finding.code, Style(color=colour, bold=True, link=finding.url)),
        " ",
    )
    if _applies(finding, applicable):
        line.append_text(Text.assemble("[", ("*", _FIXABLE), "] "))
    return line.append(visible(finding.message))


def _applies(finding: Finding, applicable: Applicability) -> bool:
    if not finding.fix or not finding.fix.edits:
        return False
    kinds = (Applicability.SAFE,) if applicable is Applicability.SAFE else (Applicability.SAFE, Applicability.UNSAFE)
    return finding.fix.applicability in kinds


def _frame(finding: Finding, source: SourceFile, *, colour: bool) -> list[Text]:
    """Numbered lines around the finding, its own lines underlined."""
    rows = _rows(finding, source)
    width = len(str(rows[-1]))
    edge = Text(f"{'':{width}} |", _GUTTER)
    lines = [edge]
    for row in rows:
        line = source.line(row)
        start, end = _marked(finding, row, line)
        window = _window(line, start)
        lines.append(_line(Text(f"{row:{width}} |", _GUTTER), _code(line[window.start : window.stop], colour=colour)))
        if start < end:
            before = cell_len(_expanded(line[window.start : start]))
            under = cell_len(_expanded(line[start : min(end, window.stop)]))
            lines.append(_line(edge, Text(" " * before + "^" * max(1, under), _severity(finding))))
    return [*lines, edge]


def _rows(finding: Finding, source: SourceFile) -> range:
    """The finding's lines, and those around it that are not blank at the rim."""
    start, end = finding.span.start.row, min(finding.span.end.row, finding.span.start.row + MOST_LINES)
    first, last = max(1, start - CONTEXT), min(len(source.line_starts), end + 1)
    while first < start and not source.line(first).strip():
        first += 1
    while last > end and not source.line(last).strip():
        last -= 1
    return range(first, last + 1)


def _line(gutter: Text, code: Text) -> Text:
    return Text.assemble(gutter, " ", code) if code.plain else gutter.copy()


def _severity(finding: Finding) -> Style:
    return Style(color="red" if finding.verdict is Verdict.ERROR else "yellow", bold=True)


def _marked(finding: Finding, row: int, line: str) -> tuple[int, int]:
    """The underlined part of a line, from offset to offset; none on lines of context."""
    start, end = finding.span.start, finding.span.end
    if not start.row <= row <= end.row:
        return 0, 0
    indent = len(line) - len(line.lstrip())
    return (start.column - 1 if row == start.row else indent), (end.column - 1 if row == end.row else len(line))


def _window(line: str, start: int) -> range:
    """All of a line of ordinary length; of a longer one what is around the finding."""
    if len(line) <= MOST_COLUMNS:
        return range(len(line))
    left = max(0, min(start - MOST_COLUMNS // 4, len(line) - MOST_COLUMNS))
    return range(left, left + MOST_COLUMNS)


def _code(line: str, *, colour: bool) -> Text:
    shown = _expanded(line).rstrip()
    if not colour:
        return Text(shown)
    from rich.syntax import Syntax  # takes as long to import as all the rest of rich

    text = Syntax("", "python", theme="ansi_dark", background_color="default").highlight(shown)
    text.rstrip()
    return text


def _expanded(line: str) -> str:
    """One cell a character where possible: no tabs, no control characters, no direction marks."""
    return "".join(c if c.isprintable() else "?" for c in line.replace("\t", " " * TAB))


def _advice(finding: Finding, source: SourceFile | None) -> Iterator[Text]:
    made = finding.source_span
    if made and source and made.start.row < finding.span.start.row - CONTEXT:
        place = f"{visible(str(finding.path))}:{made.start.row}:{made.start.column}"
        yield Text.assemble(("note", _NOTE), f": {visible(finding.source)} is made at {place}")
    if finding.fix:
        message = "\n      ".join(visible(line) for line in finding.fix.message.splitlines())
        yield Text.assemble(("help", _NOTE), f": {message}{_condition(finding.fix.applicability)}")


def _condition(applicability: Applicability) -> str:
    return " (unsafe: needs --unsafe-fixes)" if applicability is Applicability.UNSAFE else ""

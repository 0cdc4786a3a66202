"""The report for people, whole: every test shows all that is printed."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import pytest
from conftest import Command
from programs import ALIAS, TIED
from rich.console import Console

from tielint.findings import Applicability, Confidence, Edit, Finding, Fix, Position, Span, Verdict
from tielint.report import Problem, Repair, Report
from tielint.reports import lines, text
from tielint.source import SourceFile


def span(row: int, column: int, end_row: int, end_column: int) -> Span:
    return Span(Position(row, column), Position(end_row, end_column))


def finding(at: Span, path: str = "a.py", made: Span | None = None, fix: Applicability | None = None) -> Finding:
    edits = (Edit("", at),) if fix is not Applicability.DISPLAY_ONLY else ()
    return Finding(
        code="TIE101",
        name="parameter-rewrap",
        message="b is no tie.",
        verdict=Verdict.ALIAS,
        confidence=Confidence.CERTAIN,
        path=Path(path),
        span=at,
        source="a.weight",
        target="b.weight",
        source_span=made,
        fix=Fix(fix, "Tie it.", edits) if fix else None,
    )


def shown(code: str, found: Finding, *, terminal: bool = False, applicable: Applicability = Applicability.SAFE) -> str:
    source = SourceFile(found.path, code)
    report = Report((found,), files=1, sources={found.path: source}, applicable=applicable)
    stream = io.StringIO()
    system: Literal["standard"] | None = "standard" if terminal else None
    text.render(report, Console(file=stream, force_terminal=terminal, color_system=system, width=40))
    return stream.getvalue()


def test_one_line() -> None:
    assert shown("import x\n\na = 1\nb = a\nc = b\n\n\n", finding(span(4, 1, 4, 6), fix=Applicability.SAFE)) == (
        "a.py:4:1: TIE101 [*] b is no tie.\n  |\n3 | a = 1\n4 | b = a\n  | ^^^^^\n5 | c = b\n  |\nhelp: Tie it.\n\n"
    )


def test_several_lines() -> None:
    code = "\n" * 8 + "if x:\n    b = f(\n        a,\n    )\nend\n"
    assert shown(code, finding(span(10, 5, 12, 6))) == (
        "a.py:10:5: TIE101 b is no tie.\n"
        "   |\n"
        " 9 | if x:\n"
        "10 |     b = f(\n"
        "   |     ^^^^^^\n"
        "11 |         a,\n"
        "   |         ^^\n"
        "12 |     )\n"
        "   |     ^\n"
        "13 | end\n"
        "   |\n"
        "\n"
    )


def test_the_line_below_stands_under_its_characters() -> None:
    assert shown("\t'猫é'; b = a\r\n", finding(span(1, 8, 1, 13))) == (
        "a.py:1:8: TIE101 b is no tie.\n  |\n1 |     '猫é'; b = a\n  |            ^^^^^\n  |\n\n"
    )


def test_a_long_line_is_cut_around_the_finding() -> None:
    printed = shown("x" * 5000 + "; b = a", finding(span(1, 5003, 1, 5008)))
    line, under = printed.splitlines()[2:4]
    assert len(line) < 200
    assert line.endswith("; b = a")
    assert under.index("^") == line.index("b = a")


def test_what_moves_the_cursor_is_not_printed() -> None:
    printed = shown("b = '\x1b[2J\u202e'\n", finding(span(1, 1, 1, 12), path="a\x1b[2J\n.py"))
    assert "\x1b" not in printed
    assert "\u202e" not in printed
    assert printed.startswith("a\\x1b[2J\\n.py:1:1: TIE101 ")


def test_brackets_are_no_markup_and_colons_no_emoji() -> None:
    printed = shown("b = a  # [red]:smile:[/red]\n", finding(span(1, 1, 1, 6), path="[bold]/:cat:.py"))
    assert printed.startswith("[bold]/:cat:.py:1:1: TIE101 ")
    assert "# [red]:smile:[/red]" in printed


def test_where_the_source_is_made_if_that_is_out_of_sight() -> None:
    code = "a = 1\n\n\n\n\nb = a\n"
    assert "note: a.weight is made at a.py:1:1\n" in shown(code, finding(span(6, 1, 6, 6), made=span(1, 1, 1, 6)))
    assert "note" not in shown(code, finding(span(2, 1, 2, 1), made=span(1, 1, 1, 6)))


@pytest.mark.parametrize(
    ("fix", "applicable", "mark", "condition"),
    [
        (Applicability.SAFE, Applicability.SAFE, True, ""),
        (Applicability.UNSAFE, Applicability.SAFE, False, " (unsafe: needs --unsafe-fixes)"),
        (Applicability.UNSAFE, Applicability.UNSAFE, True, " (unsafe: needs --unsafe-fixes)"),
        (Applicability.DISPLAY_ONLY, Applicability.UNSAFE, False, ""),
    ],
)
def test_only_what_would_be_fixed_is_marked(
    fix: Applicability, applicable: Applicability, mark: bool, condition: str
) -> None:
    printed = shown("b = a\n", finding(span(1, 1, 1, 6), fix=fix), applicable=applicable)
    assert (" [*] " in printed) is mark
    assert f"help: Tie it.{condition}\n" in printed


def test_colours_are_for_terminals() -> None:
    found = finding(span(1, 1, 1, 6))
    assert "\x1b[" not in shown("b = a\n", found)
    assert "\x1b[" in shown("b = a\n", found, terminal=True)


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (Report(()), "No Python files found."),
        (Report((), files=1), "1 file is clean."),
        (Report((), files=12), "All 12 files are clean."),
        (Report((), (Problem(Path("x"), ""),), files=1), "1 file could not be linted."),
        (Report((), (Problem(Path("x"), ""),), files=3), "2 files are clean; 1 file could not be linted."),
        (Report((finding(span(1, 1, 1, 2)),), files=9), "Found 1 broken tie in 1 file."),
        (
            Report(
                (
                    finding(span(1, 1, 1, 2), fix=Applicability.SAFE),
                    finding(span(1, 1, 1, 2), "b.py", fix=Applicability.SAFE),
                    finding(span(1, 1, 1, 2), "b.py", fix=Applicability.UNSAFE),
                    finding(span(1, 1, 1, 2), "b.py", fix=Applicability.DISPLAY_ONLY),
                ),
                (Problem(Path("x"), ""), Problem(Path("y"), "")),
                files=9,
            ),
            "Found 4 broken ties in 2 files (2 fixable with --fix, 1 more with --unsafe-fixes); "
            "2 files could not be linted.",
        ),
        (
            Report((finding(span(1, 1, 1, 2), fix=Applicability.UNSAFE),), files=1),
            "Found 1 broken tie in 1 file (1 fixable with --unsafe-fixes).",
        ),
    ],
)
def test_the_last_line(report: Report, line: str) -> None:
    assert lines.summary(report) == line


def test_what_fixes_did_and_what_they_did_not() -> None:
    repairs = (Repair(Path("a.py"), 2, 1), Repair(Path("b.py"), 1, 0), Repair(Path("c.py"), 0, 1, ("it is back",)))
    assert list(lines.done(Report((), repairs=repairs))) == [
        "Fixed 2 of 3 broken ties in a.py.",
        "Fixed 1 broken tie in b.py.",
        "Not fixed in c.py: it is back",
    ]


def test_quiet_prints_findings_only(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "clean.py").write_text(TIED)
    assert tielint("check", "--quiet").out == ""
    (tmp_path / "model.py").write_text(ALIAS)
    loud, quiet = tielint("check").out, tielint("check", "--quiet").out
    assert loud == quiet + "Found 1 broken tie in 1 file (1 fixable with --fix).\n"
    assert tielint("check", "--quiet", "--fix").out == ""

"""What the reports look like: the frame for people, and the two forms that other programs read."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from conftest import Command
from programs import ALIAS
from rich.console import Console

from tielint.findings import Applicability, Confidence, Edit, Finding, Fix, Position, Span, Verdict
from tielint.registry import all_rules
from tielint.report import Problem, Report
from tielint.reports import json as json_report
from tielint.reports import sarif, text
from tielint.source import SourceFile

SCHEMA = Path(__file__).parent / "sarif" / "sarif-2.1.0.json"
MESSAGE = (
    "self.head.weight is a second Parameter over the storage of self.embedding.weight, not tied to it: each has its "
    "own gradient and optimizer state (Adam steps the shared storage twice), and `.to()` another dtype or device, "
    "`deepcopy` or pickling parts them"
)
SNAKE = "s\U0001f40d"


def at(row: int, start: int, end: int) -> Span:
    return Span(Position(row, start), Position(row, end))


FINDING = Finding(
    code="TIE101",
    name="parameter-rewrap",
    message="b is not tied to a",
    verdict=Verdict.ALIAS,
    confidence=Confidence.LIKELY,
    path=Path("a.py"),
    span=at(2, 1, 6),
    source="a",
    target="b",
)


def framed(text_of_file: str, found: Finding, *, colour: bool = False) -> list[str]:
    """The lines that a person sees."""
    stream = io.StringIO()
    report = Report((found,), files=1, sources={found.path: SourceFile(found.path, text_of_file)})
    text.render(
        report, Console(file=stream, force_terminal=colour, width=40, color_system="standard" if colour else None)
    )
    return stream.getvalue().splitlines()


def log(report: Report) -> dict[str, Any]:
    """The one run of a valid SARIF log."""
    document = json.loads(sarif.render(report))
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    checker = jsonschema.validators.validator_for(schema)
    checker.check_schema(schema)
    checker(schema, format_checker=checker.FORMAT_CHECKER).validate(document)
    (run,) = document["runs"]
    assert isinstance(run, dict)
    return run


def sarif_of(tielint: Command, *arguments: str) -> dict[str, Any]:
    """The run that the command prints, valid."""
    document = json.loads(tielint("check", "--output-format", "sarif", *arguments).out)
    jsonschema.validate(document, json.loads(SCHEMA.read_text(encoding="utf-8")))
    (run,) = document["runs"]
    assert isinstance(run, dict)
    return run


def test_json_is_exactly_this(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(ALIAS)
    assert json.loads(tielint("check", "--output-format", "json").out) == [
        {
            "code": "TIE101",
            "name": "parameter-rewrap",
            "message": MESSAGE,
            "verdict": "alias",
            "confidence": "likely",
            "filename": str(tmp_path / "a.py"),
            "location": {"row": 9, "column": 9},
            "end_location": {"row": 9, "column": 63},
            "source": "self.embedding.weight",
            "target": "self.head.weight",
            "url": "https://tielint.readthedocs.io/rules/TIE101-parameter-rewrap",
            "fix": {
                "applicability": "safe",
                "message": "Share one Parameter: `self.head.weight = self.embedding.weight`",
                "edits": [
                    {
                        "content": "self.embedding.weight",
                        "location": {"row": 9, "column": 28},
                        "end_location": {"row": 9, "column": 63},
                    }
                ],
            },
        }
    ]


def test_json_of_a_clean_run(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("")
    assert tielint("check", "--output-format", "json").out == "[]\n"


def test_json_is_sorted_by_file_line_and_column() -> None:
    places = [("b.py", 1, 1), ("a.py", 10, 1), ("a.py", 9, 5), ("a.py", 9, 1)]
    report = Report(
        tuple(replace(FINDING, path=Path(path), span=at(row, column, column + 1)) for path, row, column in places)
    )
    told = json.loads(json_report.render(report))
    assert [(Path(f["filename"]).name, f["location"]["row"], f["location"]["column"]) for f in told] == [
        ("a.py", 9, 1),
        ("a.py", 9, 5),
        ("a.py", 10, 1),
        ("b.py", 1, 1),
    ]


def test_json_without_a_fix_and_of_advice_alone() -> None:
    advice = Fix(Applicability.DISPLAY_ONLY, "Look at it")
    none, some = json.loads(json_report.render(Report((FINDING, replace(FINDING, span=at(3, 1, 2), fix=advice)))))
    assert none["fix"] is None
    assert some["fix"] == {"applicability": "display-only", "message": "Look at it", "edits": []}


def test_columns_count_characters(tielint: Command, tmp_path: Path) -> None:
    statement = "        self.head.weight"
    (tmp_path / "a.py").write_text(
        ALIAS.replace(statement, f"        '{SNAKE}'; {statement.strip()}"), encoding="utf-8"
    )
    (told,) = json.loads(tielint("check", "--output-format", "json").out)
    assert told["location"] == {"row": 9, "column": 15}
    (result,) = sarif_of(tielint)["results"]
    assert result["locations"][0]["physicalLocation"]["region"]["startColumn"] == 15


def test_the_frame(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(ALIAS)
    assert tielint("check").out == (
        f"a.py:9:9: TIE101 [*] {MESSAGE}\n"
        "  |\n"
        "7 |         self.embedding = nn.Embedding(100, 16)\n"
        "8 |         self.head = nn.Linear(16, 100, bias=False)\n"
        "9 |         self.head.weight = nn.Parameter(self.embedding.weight)\n"
        "  |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "  |\n"
        "help: Share one Parameter: `self.head.weight = self.embedding.weight`\n"
        "\n"
        "Found 1 broken tie in 1 file (1 fixable with --fix).\n"
    )


def test_the_underline_stands_under_wide_characters_and_tabs() -> None:
    lines = framed("x = 1\n\t'猫'; b = a\n", replace(FINDING, span=at(2, 7, 12)))
    assert lines[2:5] == ["1 | x = 1", "2 |     '猫'; b = a", "  |           ^^^^^"]


def test_each_line_of_a_statement_is_underlined() -> None:
    lines = framed("f(\n    a,\n)\n", replace(FINDING, span=Span(Position(1, 1), Position(3, 2))))
    assert lines[1:8] == ["  |", "1 | f(", "  | ^^", "2 |     a,", "  |     ^^", "3 | )", "  | ^"]


def test_a_long_line_is_cut_to_what_matters() -> None:
    lines = framed(f"x = [{'1, ' * 50_000}]; b = a\n", replace(FINDING, span=at(1, 150_009, 150_014)))
    assert max(map(len, lines)) < 200
    assert any("b = a" in line for line in lines)


def test_control_characters_are_spelled_out() -> None:
    shown = "\n".join(
        framed("x = '\x1b[2J\u202e'\nb = a\n", replace(FINDING, path=Path("a\x1b[2J.py"), message="odd\r\x07"))
    )
    assert not {"\x1b", "\u202e", "\r", "\x07"} & set(shown)


def test_square_brackets_are_text_and_no_markup() -> None:
    lines = framed("x = 1\nb = a\n", replace(FINDING, message="self.layers[0].weight [bold]is[/bold] :smile:"))
    assert lines[0] == "a.py:2:1: TIE101 self.layers[0].weight [bold]is[/bold] :smile:"


def test_a_source_that_is_out_of_sight_is_pointed_at() -> None:
    lines = framed("a = 0\n" + "\n" * 20 + "b = a\n", replace(FINDING, span=at(22, 1, 6), source_span=at(1, 1, 6)))
    assert "note: a is made at a.py:1:1" in lines


def test_an_unsafe_fix_says_what_it_needs() -> None:
    fix = Fix(Applicability.UNSAFE, "Tie it", (Edit("c", at(2, 1, 6)),))
    lines = framed("x = 1\nb = a\n", replace(FINDING, fix=fix))
    assert "[*]" not in lines[0]
    assert "help: Tie it (unsafe: needs --unsafe-fixes)" in lines


def test_a_terminal_gets_colours() -> None:
    assert "\x1b[" in "\n".join(framed("x = 1\nb = a\n", FINDING, colour=True))


def test_sarif_tells_where_and_how_to_fix(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "my models").mkdir()
    (tmp_path / "my models" / "a.py").write_text(ALIAS)
    run = sarif_of(tielint)
    assert run["columnKind"] == "unicodeCodePoints"
    (result,) = run["results"]
    assert (result["ruleId"], result["level"]) == ("TIE101", "warning")
    assert result["message"]["text"] == MESSAGE
    (location,) = result["locations"]
    place = location["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "my%20models/a.py"
    region = {key: place["region"][key] for key in ("startLine", "startColumn", "endLine", "endColumn")}
    assert region == {"startLine": 9, "startColumn": 9, "endLine": 9, "endColumn": 63}
    (related,) = result["relatedLocations"]
    assert related["physicalLocation"]["region"]["startLine"] == 7
    assert related["physicalLocation"]["artifactLocation"]["uri"] == "my%20models/a.py"
    (fix,) = result["fixes"]
    (change,) = fix["artifactChanges"]
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 9, "startColumn": 28, "endLine": 9, "endColumn": 63},
            "insertedContent": {"text": "self.embedding.weight"},
        }
    ]


def test_sarif_describes_every_rule() -> None:
    driver = log(Report((FINDING,), rules=all_rules()))["tool"]["driver"]
    assert [rule["id"] for rule in driver["rules"]] == [rule.code for rule in all_rules()]
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"]
        assert 0 < len(rule["fullDescription"]["text"]) <= 1024
        assert rule["help"]["text"]
        assert "## Fix safety" in rule["help"]["markdown"]
        assert rule["helpUri"].startswith("https://")
        assert rule["properties"]["precision"] in ("very-high", "high", "medium", "low")
        assert rule["properties"]["problem.severity"] in ("error", "warning", "recommendation")
        assert "security-severity" not in rule["properties"]


def test_sarif_results_point_at_their_rule() -> None:
    run = log(Report((FINDING,), rules=all_rules()))
    (result,) = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "TIE101"


@pytest.mark.parametrize(
    ("verdict", "confidence", "level"),
    [
        (Verdict.ERROR, Confidence.CERTAIN, "error"),
        (Verdict.COPY, Confidence.LIKELY, "warning"),
        (Verdict.ERROR, Confidence.POSSIBLE, "note"),
    ],
)
def test_sarif_levels(verdict: Verdict, confidence: Confidence, level: str) -> None:
    (result,) = log(Report((replace(FINDING, verdict=verdict, confidence=confidence),)))["results"]
    assert result["level"] == level


def test_sarif_of_what_could_not_be_linted() -> None:
    run = log(Report((), problems=(Problem(Path("gone.py"), "no such file"),), files=1))
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["message"]["text"] == "no such file"
    assert notification["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "gone.py"


def test_sarif_of_a_clean_run(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("")
    run = sarif_of(tielint)
    assert run["results"] == []
    assert run["invocations"][0]["executionSuccessful"] is True


def test_sarif_paths_count_from_the_root_of_the_repository(
    tielint: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "a.py").write_text(ALIAS)
    monkeypatch.chdir(tmp_path / "pkg")
    (result,) = sarif_of(tielint, "a.py")["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "pkg/a.py"


def fingerprints(tielint: Command) -> list[str]:
    return [result["partialFingerprints"]["tielint/v1"] for result in sarif_of(tielint)["results"]]


def test_a_fingerprint_survives_moved_lines_and_new_layout(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(ALIAS)
    before = fingerprints(tielint)
    (tmp_path / "a.py").write_text(f"import os\n\n\n{ALIAS}")
    assert fingerprints(tielint) == before
    (tmp_path / "a.py").write_text(ALIAS.replace("weight = nn", "weight  =  nn"))
    assert fingerprints(tielint) == before


def test_fingerprints_tell_findings_apart(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(ALIAS + ALIAS.replace("Model", "Other"))
    (tmp_path / "b.py").write_text(ALIAS)
    found = fingerprints(tielint)
    assert len(found) == len(set(found)) == 3

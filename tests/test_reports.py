"""The machine-readable reports: JSON as promised, SARIF as the standard's own schema has it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from conftest import Command
from programs import ALIAS

SCHEMA = Path(__file__).parent / "sarif" / "sarif-2.1.0.json"


@pytest.fixture
def sarif(tielint: Command) -> dict[str, list[dict[str, object]]]:
    Path("pkg dir").mkdir()
    Path("pkg dir/model.py").write_text(ALIAS)
    Path("broken.py").write_text("import torch\ndef f(:\n")
    log = json.loads(tielint("check", "--output-format", "sarif").out)
    jsonschema.validate(log, json.loads(SCHEMA.read_text()))
    run: dict[str, list[dict[str, object]]] = log["runs"][0]
    return run


def test_json_contract(tielint: Command) -> None:
    Path("model.py").write_text(ALIAS)
    run = tielint("check", "--output-format", "json")
    (item,) = json.loads(run.out)
    keys = [
        "code",
        "name",
        "message",
        "verdict",
        "confidence",
        "filename",
        "location",
        "end_location",
        "source",
        "target",
        "url",
        "fix",
    ]
    assert sorted(item) == sorted(keys)
    assert item["filename"] == str(Path("model.py").resolve())
    assert item["location"] == {"row": 9, "column": 9}
    assert item["end_location"] == {"row": 9, "column": 63}
    assert (item["source"], item["target"]) == ("self.embedding.weight", "self.head.weight")
    assert (item["code"], item["verdict"], item["confidence"]) == ("TIE101", "alias", "likely")
    assert item["fix"]["applicability"] == "safe"
    (edit,) = item["fix"]["edits"]
    assert edit == {
        "content": "self.embedding.weight",
        "location": {"row": 9, "column": 28},
        "end_location": {"row": 9, "column": 63},
    }


def test_json_is_sorted_and_a_list_even_when_empty(tielint: Command) -> None:
    assert json.loads(tielint("check", "--output-format", "json").out) == []
    for name in ("b.py", "a.py"):
        Path(name).write_text(ALIAS + ALIAS.replace("import torch.nn as nn\n", ""))
    items = json.loads(tielint("check", "--output-format", "json").out)
    places = [(item["filename"], item["location"]["row"]) for item in items]
    assert places == sorted(places)
    assert len(places) == 4


def test_columns_count_characters(tielint: Command) -> None:
    Path("model.py").write_text(ALIAS.replace("        self.head.weight", '        "größe"; self.head.weight'))
    (item,) = json.loads(tielint("check", "--output-format", "json").out)
    assert item["location"] == {"row": 9, "column": 18}


def test_sarif_places(sarif: dict[str, list[dict[str, object]]]) -> None:
    (result,) = sarif["results"]
    (place,) = result["locations"]  # type: ignore[misc]
    physical = place["physicalLocation"]  # type: ignore[index]
    assert physical["artifactLocation"]["uri"] == "pkg%20dir/model.py"
    assert physical["region"] | {"startLine": 9, "startColumn": 9, "endLine": 9, "endColumn": 63} == physical["region"]
    assert result["relatedLocations"]
    assert result["fixes"]
    assert sarif["columnKind"] == "unicodeCodePoints"


def test_sarif_says_what_could_not_be_linted(sarif: dict[str, list[dict[str, object]]]) -> None:
    assert "broken.py" in json.dumps(sarif["invocations"])


def test_sarif_rules_are_documented(sarif: dict[str, dict[str, dict[str, list[dict[str, object]]]]]) -> None:
    for rule in sarif["tool"]["driver"]["rules"]:
        text = json.dumps(rule)
        for key in ("shortDescription", "fullDescription", "markdown", "precision", "problem.severity"):
            assert key in text
        assert "security-severity" not in text


def test_sarif_fingerprint_survives_moved_lines(tielint: Command) -> None:
    def fingerprints() -> list[dict[str, str]]:
        log = json.loads(tielint("check", "--output-format", "sarif").out)
        return [result["partialFingerprints"] for result in log["runs"][0]["results"]]

    Path("model.py").write_text(ALIAS)
    before = fingerprints()
    Path("model.py").write_text("import os\n\n\n" + ALIAS)
    assert fingerprints() == before

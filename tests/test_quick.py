"""What is answered before anything is loaded is what the long way would have answered."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Command
from programs import ALIAS, TIED

from tielint import quick
from tielint.candidates import EVERY, AfterTie
from tielint.registry import all_rules

BASE = "from torch import nn\n\nclass Base(nn.Module):\n    def __init__(self):\n        super().__init__()\n" + (
    "        self.a = nn.Embedding(8, 4)\n        self.b = nn.Linear(4, 8, bias=False)\n"
    "        self.b.weight = self.a.weight\n"
)
UNDONE = "from torch import nn\nfrom base import Base\n\nclass Model(Base):\n    def __init__(self):\n" + (
    "        super().__init__()\n        self.b = nn.Linear(4, 8, bias=False)\n"
)


@pytest.fixture(params=[True, False], ids=["quick", "the long way"])
def quickly(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not request.param:
        monkeypatch.setattr(quick, "answer", lambda _: None)


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("import os\n", 0, ""),
        ("import torch\nx = torch.ones(2)\n", 0, ""),
        (TIED, 0, ""),
        (ALIAS, 1, ""),
        (UNDONE, 1, ""),
        ("import torch\ndef f(a, a): pass\n", 2, "duplicate argument 'a'"),
        ("def f(a, a): pass\n", 2, "duplicate argument 'a'"),
        ("import torch\nx = (\n", 2, "never closed"),
        ("import torch\nx = '\0'\n", 2, "null byte"),
    ],
)
def test_the_answer_is_the_same(tielint: Command, tmp_path: Path, text: str, status: int, said: str) -> None:
    (tmp_path / "base.py").write_text(BASE)
    (tmp_path / "a.py").write_text(text)
    run = tielint("check", "--no-cache", "a.py")
    assert run.status == status
    assert said in run.err
    assert (run.out == "1 file is clean.\n") == (status == 0)


def test_a_file_that_the_gate_keeps_out_is_answered_quickly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_text("import torch\nx = torch.ones(2)\n")
    assert quick.answer(["check", "a.py"]) == "1 file is clean.\n"
    assert quick.answer(["check", "a.py", "--no-cache", "-q"]) == ""


@pytest.mark.parametrize(
    "arguments", [["check"], ["check", "a.py", "--select", "TIE401"], ["rule", "a.py"], ["check", "gone.py"]]
)
def test_what_is_not_answered_quickly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_text("import torch\n")
    assert quick.answer(arguments) is None


def test_a_configuration_is_left_to_the_long_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_text("import torch\n")
    for text in ("[tool.tielint]\nselect = ['TIE']\n", "[tool.other\n", "# é"):
        Path("pyproject.toml").write_bytes(text.encode("latin-1"))
        assert quick.answer(["check", "a.py"]) is None
    Path("pyproject.toml").write_text("[tool.other]\n")
    assert quick.answer(["check", "a.py"]) is not None


def test_what_opens_a_file_for_a_rule_is_among_all() -> None:
    """Else the quick answer would call a file clean in which this rule finds something."""
    for rule in all_rules():
        if rule.default:
            assert rule.sites, rule.code
            assert {site for site in rule.sites if not isinstance(site, AfterTie)} <= set(EVERY), rule.code


def test_a_clean_model_is_answered_without_rules_and_libcst(tmp_path: Path) -> None:
    (tmp_path / "clean.py").write_text(BASE.replace("        self.b.weight = self.a.weight\n", ""))
    program = "import sys; from tielint.__main__ import main; main(); print(*sorted(sys.modules))"
    command = [sys.executable, "-c", program, "check", "clean.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    said, loaded = done.stdout.splitlines()
    assert said == "1 file is clean."
    assert not {"click", "dataclasses", "libcst", "rich", "tielint.registry", "typing"}.intersection(loaded.split())

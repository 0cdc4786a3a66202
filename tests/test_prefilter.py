"""The gate in front of the parser may let too much through, and never too little."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from proof import fixture_name, fixture_paths

from tielint import analysis
from tielint.findings import Confidence
from tielint.linter import lint_file
from tielint.settings import Settings


@pytest.mark.parametrize("small", [analysis.SMALL, 0], ids=["whole", "in segments"])
@pytest.mark.parametrize("path", fixture_paths(), ids=fixture_name)
def test_no_finding_is_lost(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: int) -> None:
    """On the program alone: its claims, comments and docstrings would open the gate for it."""
    monkeypatch.setattr(analysis, "SMALL", small)
    bare = tmp_path / path.name
    bare.write_text(_without_words(path.read_bytes()), encoding="utf-8")
    behind = lint_file(bare, Settings(select=("",), min_confidence=Confidence.POSSIBLE))
    without = lint_file(bare, Settings(select=("",), min_confidence=Confidence.POSSIBLE, prefilter=False))
    assert behind.findings == without.findings


def _without_words(program: bytes) -> str:
    tree = ast.parse(program)
    claim = re.compile(r"[A-Z_]+")
    tree.body = [
        statement
        for statement in tree.body
        if not isinstance(statement, ast.Assign)
        or not isinstance(statement.targets[0], ast.Name)
        or not claim.fullmatch(statement.targets[0].id)
    ]
    for node in ast.walk(tree):
        match node:
            case ast.Module(body=body) | ast.ClassDef(body=body) | ast.FunctionDef(body=body):
                body[:] = [s for s in body if not _is_text(s)] or [ast.Pass()]
    return ast.unparse(ast.fix_missing_locations(tree))


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def test_the_gate_is_no_rule_of_its_own(tmp_path: Path) -> None:
    """A file that never says torch has no findings, whichever road it takes."""
    path = tmp_path / "a.py"
    path.write_text(
        "from layers import Base, Dense\n\n\nclass Net(Base):\n    def __init__(self):\n"
        "        self.a, self.b = Dense(3, 4), Dense(4, 3)\n        self.b.weight.data = self.a.weight.data\n"
    )
    assert lint_file(path, Settings()).findings == ()
    assert lint_file(path, Settings(prefilter=False)).findings == ()


@pytest.mark.parametrize(
    "text",
    [
        "from torch.nn import *\n\nhead = Linear(2, 3)\n",
        "import tensorflow as tf\nweight = 3\n",
        "x = 1\n",
    ],
)
def test_nothing_is_found_where_nothing_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.py"
    path.write_text(text)
    report = lint_file(path, Settings())
    assert (report.findings, report.problem) == ((), None)

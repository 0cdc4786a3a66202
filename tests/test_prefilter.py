"""The gate in front of the parser may let too much through, and never too little."""

from __future__ import annotations

from pathlib import Path

import pytest
from proof import fixture_name, fixture_paths

from tielint.findings import Confidence
from tielint.linter import lint_file
from tielint.settings import Settings


@pytest.mark.parametrize("path", fixture_paths(), ids=fixture_name)
def test_no_finding_is_lost(path: Path) -> None:
    behind = lint_file(path, Settings(min_confidence=Confidence.POSSIBLE))
    without = lint_file(path, Settings(min_confidence=Confidence.POSSIBLE, prefilter=False))
    assert behind.findings == without.findings


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

"""Runs tielint in a directory of its own, as a user would. Used by the tests of everything that has a command line."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tielint.__main__ import main


@dataclass(frozen=True, slots=True)
class Run:
    """What a run of the command left behind."""

    status: int
    out: str
    err: str


Command = Callable[..., Run]


@pytest.fixture
def tielint(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """`tielint("check", "a.py", stdin=b"")`, with `tmp_path` as the current directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    def run(*arguments: str, stdin: bytes = b"") -> Run:
        monkeypatch.setattr(sys, "argv", ["tielint", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        status = main()
        captured = capsys.readouterr()
        return Run(status, captured.out, captured.err)

    return run


def write_foreign_rules(site: Path, text: str, value: str) -> None:
    """A module of rules, `theirs`, and its entry point, as pip would leave them in a directory of the import path."""
    metadata = site / "theirs-1.0.dist-info"
    metadata.mkdir(parents=True)
    (site / "theirs.py").write_text(text)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[tielint.rules]\ntheirs = {value}\n")

"""Input that can't be linted: one clear line that names file and cause, exit 2, and the rest is still linted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import Command
from programs import ALIAS, TIED

BAD = {
    "syntax error": (b"import torch\ndef f(:\n", "syntax error in line 2"),
    "latin-1 without a cookie": (b"import torch\n# caf\xe9\n", "UTF-8"),
    "unknown cookie": (b"# -*- coding: klingon -*-\nimport torch\n", "klingon"),
    "null byte": (b"import torch\0\n", "null byte"),
    "20 MB": (b"import torch\nx = '" + b"weight " * 3_000_000 + b"'\n", "10 MB"),
    "nested too deeply": (b"import torch\nweight = " + b"(" * 3000 + b")" * 3000 + b"\n", ""),
}


@pytest.mark.parametrize("name", BAD)
def test_one_line_and_the_rest_is_linted(tielint: Command, name: str) -> None:
    data, cause = BAD[name]
    Path("bad.py").write_bytes(data)
    Path("good.py").write_text(ALIAS)
    run = tielint("check")
    assert run.status == 2
    lines = [line for line in run.err.splitlines() if "bad.py" in line]
    assert len(lines) == 1
    assert cause in lines[0]
    assert "good.py:9:9: TIE101" in run.out


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_never_rewritten(tielint: Command, name: str) -> None:
    data, _ = BAD[name]
    Path("bad.py").write_bytes(data)
    assert tielint("check", "--fix", "--unsafe-fixes", "bad.py").status == 2
    assert Path("bad.py").read_bytes() == data
    assert os.listdir() == ["bad.py"]


def test_a_named_file_is_parsed_even_where_no_rule_needs_it(tielint: Command) -> None:
    Path("bad.py").write_text("def f(:\n")
    run = tielint("check", "bad.py")
    assert run.status == 2
    assert "bad.py: syntax error in line 1" in run.err


def test_empty_file_is_clean(tielint: Command) -> None:
    Path("empty.py").touch()
    assert tielint("check", "empty.py").status == 0


def test_missing_path(tielint: Command) -> None:
    Path("good.py").write_text(ALIAS)
    run = tielint("check", "missing.py", "good.py")
    assert run.status == 2
    assert "missing.py" in run.err
    assert "good.py:9:9: TIE101" in run.out


def test_directory_link_loop_ends(tielint: Command) -> None:
    Path("pkg").mkdir()
    Path("pkg/good.py").write_text(TIED)
    Path("pkg/loop").symlink_to("..", target_is_directory=True)
    assert tielint("check").status == 0


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_unreadable_file(tielint: Command) -> None:
    Path("good.py").write_text(ALIAS)
    Path("secret.py").write_text(ALIAS)
    Path("secret.py").chmod(0)
    run = tielint("check")
    assert run.status == 2
    assert "secret.py" in run.err
    assert "good.py:9:9: TIE101" in run.out


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("[tool.tielint]\nselct = []\n", "selct"),
        ("[tool.tielint]\nselect = 'TIE1'\n", "select"),
        ("[tool.tielint]\nselect = ['E501']\n", "E501"),
        ("[tool.tielint\n", "TOML"),
    ],
)
def test_broken_configuration(tielint: Command, text: str, cause: str) -> None:
    Path("pyproject.toml").write_text(text)
    Path("good.py").write_text(TIED)
    run = tielint("check")
    assert run.status == 2
    assert "pyproject.toml" in run.err
    assert cause in run.err

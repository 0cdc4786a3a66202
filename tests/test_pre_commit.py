"""The hooks with the real pre-commit, in a repository made for the test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from programs import ALIAS, TIED

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("src", "rules", "pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml")


def git(*arguments: str, cwd: Path) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main"]
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """tielint as a repository of hooks, as it stands in the working tree."""
    if shutil.which("git") is None:
        pytest.skip("git is missing")
    place = tmp_path_factory.mktemp("hooks")
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, place / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(source, place / part)
    git("init", cwd=place)
    git("add", "--all", cwd=place)
    git("commit", "--message", "hooks", cwd=place)
    return place


@pytest.mark.parametrize(("hook", "after"), [("tielint", ALIAS), ("tielint-fix", TIED)])
def test_hook_stops_a_broken_tie(hooks: Path, tmp_path: Path, hook: str, after: str) -> None:
    revision = git("rev-parse", "HEAD", cwd=hooks)
    (tmp_path / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {hooks}\n  rev: {revision}\n  hooks:\n  - id: {hook}\n"
    )
    (tmp_path / "model.py").write_text(ALIAS)
    git("init", cwd=tmp_path)
    git("add", "--all", cwd=tmp_path)
    environment = {**os.environ, "PRE_COMMIT_HOME": str(hooks.parent / "pre-commit-home")}
    command = [sys.executable, "-m", "pre_commit", "run", "--all-files"]
    first = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert first.returncode == 1, first.stdout + first.stderr
    assert "Failed" in first.stdout
    assert (tmp_path / "model.py").read_text() == after
    (tmp_path / "model.py").write_text(TIED)
    again = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stdout + again.stderr

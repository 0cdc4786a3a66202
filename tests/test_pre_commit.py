"""The hooks, run by the real pre-commit in a repository of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from programs import ALIAS, TIED, UNRELATED

CHECKOUT = Path(__file__).parents[1]
PACKAGED = (".pre-commit-hooks.yaml", "pyproject.toml", "README.md", "LICENSE", "src", "rules")


class Repository:
    """A user's repository; its hooks come from a repository that holds this checkout's files."""

    def __init__(self, place: Path) -> None:
        self.path = place / "project"
        self.hooks = place / "hooks"
        # GIT_* variables of a git hook that these tests may run in would lead git to another repository.
        outer = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        self.environment = outer | {"PRE_COMMIT_HOME": str(place / "home"), "PRE_COMMIT_COLOR": "never"}
        self.hooks.mkdir()
        for name in PACKAGED:
            origin = CHECKOUT / name
            if origin.is_dir():
                unbuilt = shutil.ignore_patterns("__pycache__", "*.egg-info")
                shutil.copytree(origin, self.hooks / name, ignore=unbuilt)
            else:
                shutil.copy(origin, self.hooks / name)
        self._committed(self.hooks)
        self.path.mkdir()
        self.write("plain.py", UNRELATED)
        self._committed(self.path)

    def write(self, name: str, text: str) -> None:
        (self.path / name).write_text(text)

    def read(self, name: str) -> str:
        return (self.path / name).read_text()

    def run_hook(self, hook: str) -> tuple[int, str]:
        """The status and output of one hook over all files of the repository."""
        revision = self._git(self.hooks, "rev-parse", "HEAD")
        self.write(
            ".pre-commit-config.yaml",
            f"repos:\n- repo: {self.hooks.as_uri()}\n  rev: {revision}\n  hooks:\n  - id: {hook}\n",
        )
        self._git(self.path, "add", "--all")
        ran = subprocess.run(
            [sys.executable, "-m", "pre_commit", "run", hook, "--all-files", "--verbose"],
            cwd=self.path,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        return ran.returncode, ran.stdout

    def _committed(self, place: Path) -> None:
        self._git(place, "init", "--quiet")
        self._git(place, "add", "--all")
        author = ("-c", "user.name=tielint", "-c", "user.email=tielint@example.invalid", "-c", "commit.gpgsign=false")
        self._git(place, *author, "commit", "--quiet", "--message", "All files")

    def _git(self, place: Path, *arguments: str) -> str:
        command = ["git", *arguments]
        done = subprocess.run(command, cwd=place, env=self.environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """One for all tests here: pre-commit installs the package into it once."""
    pytest.importorskip("pre_commit")
    return Repository(tmp_path_factory.mktemp("pre-commit"))


def test_the_check_hook_passes_on_clean_files(repository: Repository) -> None:
    repository.write("model.py", TIED)
    status, output = repository.run_hook("tielint")
    assert status == 0, output
    assert "Passed" in output


def test_the_check_hook_fails_and_changes_nothing(repository: Repository) -> None:
    repository.write("model.py", ALIAS)
    status, output = repository.run_hook("tielint")
    assert status == 1, output
    assert "- exit code: 1" in output
    assert "model.py:9:9: TIE101" in output
    assert repository.read("model.py") == ALIAS


def test_the_fix_hook_rewrites_the_file(repository: Repository) -> None:
    repository.write("model.py", ALIAS)
    status, output = repository.run_hook("tielint-fix")
    assert status == 1, output
    assert "files were modified by this hook" in output
    assert repository.read("model.py") == TIED
    status, output = repository.run_hook("tielint-fix")
    assert status == 0, output


def test_only_python_files_are_looked_at(repository: Repository) -> None:
    repository.write("model.py", TIED)
    repository.write("notes.txt", ALIAS)
    status, output = repository.run_hook("tielint")
    assert status == 0, output

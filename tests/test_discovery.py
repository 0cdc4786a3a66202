"""Which files a run looks at."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import Command

from tielint.discovery import discover


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")


def ignore(file: Path, *patterns: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(patterns) + "\n")


def found(*paths: str, exclude: Sequence[str] = ()) -> list[str]:
    return [path.as_posix() for path in discover([Path(path) for path in paths], exclude, Path()).files]


def test_python_files_in_order_of_their_paths(tree: Path) -> None:
    make(tree, "b.py", "a/z.py", "a.py", "notes.txt", "stub.pyi", "a/deep/er/c.py")
    assert found(".") == ["a.py", "a/deep/er/c.py", "a/z.py", "b.py"]


def test_a_named_file_need_not_be_called_py(tree: Path) -> None:
    make(tree, "script")
    assert found("script") == ["script"]


def test_each_file_once(tree: Path) -> None:
    make(tree, "a/b.py")
    (tree / "link.py").symlink_to(tree / "a" / "b.py")
    assert found("a/b.py", "a", ".", "./a/b.py", "link.py") == ["a/b.py"]


def test_directories_of_other_tools_are_skipped_unless_named(tree: Path) -> None:
    make(tree, ".venv/lib/a.py", "node_modules/b.py", "__pycache__/c.py", "build/d.py", "src/e.py")
    assert found(".") == ["src/e.py"]
    assert found(".venv") == [".venv/lib/a.py"]


def test_nested_ignore_files(tree: Path) -> None:
    make(tree, "a.py", "gen/b.py", "gen/keep.py", "pkg/c.py", "pkg/gen/d.py", "pkg/x_pb2.py", "pkg/deep/x_pb2.py")
    ignore(tree / ".gitignore", "*_pb2.py", "/gen/*", "!/gen/keep.py", "# a comment", "")
    ignore(tree / "pkg" / ".gitignore", "c.py", "!deep/x_pb2.py")
    assert found(".") == ["a.py", "gen/keep.py", "pkg/deep/x_pb2.py", "pkg/gen/d.py"]


def test_a_file_in_an_ignored_directory_is_never_kept(tree: Path) -> None:
    make(tree, "gen/keep.py")
    ignore(tree / ".gitignore", "gen/", "!gen/keep.py")
    assert found(".") == []


def test_ignore_files_count_from_the_root_of_the_repository(tree: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tree, check=True)
    make(tree, "a/b/c.py", "a/b/d.py", "a/b/e.py")
    ignore(tree / ".gitignore", "/a/b/c.py")
    ignore(tree / ".git" / "info" / "exclude", "d.py")
    assert found("a/b") == ["a/b/e.py"]


def test_an_ignored_directory_that_is_named_is_searched(tree: Path) -> None:
    make(tree, "env/lib/a.py", "env/lib/gen/b.py")
    ignore(tree / ".gitignore", "env/")
    ignore(tree / "env" / ".gitignore", "*")
    ignore(tree / "env" / "lib" / ".gitignore", "gen")
    assert found(".") == []
    assert found("env/lib") == ["env/lib/a.py"]


def test_nonsense_in_an_ignore_file_is_passed_over(tree: Path) -> None:
    make(tree, "a.py", "b.py")
    (tree / ".gitignore").write_bytes(b"!\n\xff\xfe\n\\\nb.py\n")
    assert found(".") == ["a.py"]


def test_exclude_is_for_what_is_found_not_for_what_is_named(tree: Path) -> None:
    make(tree, "a.py", "b.py", "old/c.py", "pkg/old/d.py")
    assert found(".", exclude=["old"]) == ["a.py", "b.py"]
    assert found(".", exclude=["/old", "b.*"]) == ["a.py", "pkg/old/d.py"]
    assert found("b.py", exclude=["b.py"]) == ["b.py"]


def test_link_loops_end(tree: Path) -> None:
    make(tree, "pkg/a.py")
    (tree / "pkg" / "loop").symlink_to(tree, target_is_directory=True)
    (tree / "self.py").symlink_to("self.py")
    (tree / ".#lock.py").symlink_to("nobody@nowhere")
    assert found(".") == ["pkg/a.py"]


def test_a_path_that_is_not_there_is_a_problem_and_no_end(tree: Path) -> None:
    make(tree, "a.py")
    outcome = discover([Path("gone.py"), Path("a.py"), Path("gone")], (), tree)
    assert [(problem.path.name, problem.reason) for problem in outcome.problems] == [
        ("gone", "no such file or directory"),
        ("gone.py", "no such file or directory"),
    ]
    assert outcome.files == (Path("a.py"),)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root can read all")
def test_a_directory_that_cannot_be_read_is_a_problem(tree: Path) -> None:
    make(tree, "a.py", "secret/b.py")
    (tree / "secret").chmod(0)
    outcome = discover([Path()], (), tree)
    (tree / "secret").chmod(0o755)
    assert [str(problem.path) for problem in outcome.problems] == ["secret"]
    assert outcome.files == (Path("a.py"),)


@pytest.mark.parametrize("pattern", ["!", "x[z-a]y"])
def test_a_wrong_exclude_pattern_is_the_users_to_correct(tielint: Command, pattern: str) -> None:
    run = tielint("check", "--exclude", pattern)
    assert run.status == 2
    assert run.err.startswith("error: exclude: ")


def test_no_files_at_all(tielint: Command) -> None:
    run = tielint("check")
    assert (run.status, run.out) == (0, "No Python files found.\n")

"""Input that can't be linted: one clear line each, the rest is linted all the same, exit status 2."""

from __future__ import annotations

import errno
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Command, Run
from programs import ALIAS, TIED, UNRELATED

from tielint import visitor

NO_ROOT = pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root can read all")
LARGE = 20_000_000


def assert_told(run: Run, *errors: str) -> None:
    """Exactly these errors, and the broken tie of good.py."""
    assert run.err.splitlines() == [f"error: {error}" for error in errors]
    assert run.out.startswith("good.py:9:9: TIE101 ")
    assert run.status == 2


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (ALIAS.encode() + b"x = (\n", "syntax error in line 13: '(' was never closed"),
        (b"import os\nx = (\n", "syntax error in line 2: '(' was never closed"),
        (b"import torch\nx = '\xe9'\n", "not valid UTF-8, and no other encoding is declared: byte 0xe9 in line 2"),
        (ALIAS.encode() + b"x = '\0'\n", "null byte in line 13"),
        (b"x = '\0'\n", "null byte in line 1"),
        (ALIAS.encode("utf-16"), "encoded as UTF-16, which Python does not read"),
    ],
    ids=["syntax", "syntax-without-torch", "latin-1", "null", "null-without-torch", "utf-16"],
)
@pytest.mark.parametrize("named", [True, False])
def test_a_file_that_cannot_be_parsed(tielint: Command, tmp_path: Path, data: bytes, cause: str, named: bool) -> None:
    (tmp_path / "bad.py").write_bytes(data)
    (tmp_path / "good.py").write_text(ALIAS)
    run = tielint("check", *(["good.py", "bad.py"] if named else []))
    assert_told(run, f"bad.py: {cause}")
    assert run.out.endswith("Found 1 broken tie in 1 file (1 fixable with --fix); 1 file could not be linted.\n")


def test_latin_1_where_no_rule_needs_the_file(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_bytes(b"x = '\xe9'\n")
    (tmp_path / "good.py").write_text(ALIAS)
    run = tielint("check")
    (line,) = run.err.splitlines()
    assert line.startswith("error: bad.py: ")
    assert run.status == 2


def test_a_declared_encoding_is_no_error(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(f"# coding: latin-1\n# é\n{TIED}".encode("latin-1"))
    run = tielint("check")
    assert (run.status, run.err) == (0, "")


@pytest.mark.parametrize("data", [b"", b"\n", b"\xef\xbb\xbf", b"# a comment without a newline"])
def test_an_empty_file_is_clean(tielint: Command, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "empty.py").write_bytes(data)
    run = tielint("check", "empty.py")
    assert (run.status, run.out, run.err) == (0, "1 file is clean.\n", "")


def test_a_directory_that_contains_itself_is_searched_once(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(ALIAS)
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    run = tielint("check")
    assert run.out.count("TIE101") == 1
    assert (run.status, run.err) == (1, "")


def test_a_link_to_itself_that_is_named(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(ALIAS)
    (tmp_path / "loop.py").symlink_to("loop.py")
    assert_told(tielint("check", "loop.py", "good.py"), f"loop.py: cannot be read: {os.strerror(errno.ELOOP)}")


@NO_ROOT
def test_an_unreadable_file(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(ALIAS)
    (tmp_path / "secret.py").write_text(ALIAS)
    (tmp_path / "secret.py").chmod(0)
    assert_told(tielint("check"), "secret.py: cannot be read: Permission denied")


def test_paths_that_are_not_there(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(ALIAS)
    run = tielint("check", "gone.py", "good.py", "gone")
    assert_told(run, "gone: no such file or directory", "gone.py: no such file or directory")


@pytest.mark.parametrize("start", [UNRELATED, ALIAS], ids=["without-torch", "with-torch"])
def test_a_large_generated_file(tielint: Command, tmp_path: Path, start: str) -> None:
    line = "x = 'generated'\n"
    (tmp_path / "large.py").write_text(start + line * (LARGE // len(line)))
    (tmp_path / "good.py").write_text(ALIAS)
    assert_told(tielint("check"), "large.py: larger than 10 MB; not linted")


@pytest.mark.parametrize("deep", [f"{'(' * 20_000}1{')' * 20_000}", f"{'-' * 20_000}1", f"a{'.b' * 20_000}"])
def test_what_is_nested_too_deeply(tmp_path: Path, deep: str) -> None:
    (tmp_path / "deep.py").write_text(f"{ALIAS}x = {deep}\n")
    (tmp_path / "good.py").write_text(ALIAS)
    command = [sys.executable, "-m", "tielint", "check"]  # apart, because a crash would end the tests too
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: deep.py: ")
    assert done.stdout.startswith("good.py:9:9: TIE101 ")


@pytest.mark.parametrize("long", [" + ".join("1" * 700), " or ".join("1" * 700), f"a{'.b()' * 300}"])
def test_what_is_nested_deeply_is_linted(tielint: Command, tmp_path: Path, long: str) -> None:
    (tmp_path / "long.py").write_text(f"{ALIAS.rstrip()}, ({long})\n" if "or" in long else f"{ALIAS}x = {long}\n")
    assert tielint("check").out.startswith("long.py:9:9: TIE101 ")


def test_a_file_that_is_too_long_is_said(tielint: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitor, "MOST_STEPS", 400)
    (tmp_path / "a.py").write_text(ALIAS + "x = [1, 2, 3]\n" * 200)
    run = tielint("check")
    assert (run.status, run.err.count("\n")) == (2, 1)
    assert "a.py: more code than can be followed; not linted to its end" in run.err
    assert "TIE101" in run.out
    assert tielint("check") == run


def test_a_table_of_data_hides_nothing(tielint: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitor, "MOST_STEPS", 10_000)
    (tmp_path / "a.py").write_text(f"TABLE = {{{', '.join(f'{n}: {n}' for n in range(20_000))}}}\n{ALIAS}")
    run = tielint("check")
    assert (run.status, run.err) == (1, "")


def test_a_fix_run_fixes_the_rest(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("x = (\n")
    (tmp_path / "good.py").write_text(ALIAS)
    run = tielint("check", "--fix")
    assert run.status == 2
    assert (tmp_path / "good.py").read_text() == TIED
    assert (tmp_path / "bad.py").read_text() == "x = (\n"


def test_a_problem_is_never_forgiven(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("x = (\n")
    assert tielint("check", "--exit-zero").status == 2


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("[tool.tielint]\nselct = []\n", "[tool.tielint] unknown key 'selct'; did you mean 'select'?"),
        ("[tool.tielint\n", "not valid TOML: "),
    ],
)
def test_a_broken_configuration_ends_the_run(tielint: Command, tmp_path: Path, text: str, cause: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    (tmp_path / "good.py").write_text(ALIAS)
    run = tielint("check", "--fix")
    (line,) = run.err.splitlines()
    assert line.startswith(f"error: {tmp_path / 'pyproject.toml'}: {cause}")
    assert (run.status, run.out) == (2, "")
    assert (tmp_path / "good.py").read_text() == ALIAS


@pytest.mark.parametrize("data", [b"x = (\n", b"import torch\nx = (\n"])
def test_standard_input_that_cannot_be_parsed(tielint: Command, data: bytes) -> None:
    run = tielint("check", "-", "--stdin-filename", "buffer.py", stdin=data)
    (line,) = run.err.splitlines()
    assert line.startswith("error: buffer.py: syntax error in line ")
    assert run.status == 2


def test_a_name_that_moves_the_cursor(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "a\nb\x1b[2J.py").write_text("x = (\n")
    run = tielint("check")
    (line,) = run.err.splitlines()
    assert line.startswith("error: a\\nb\\x1b[2J.py: syntax error in line 1")


def test_a_notebook_is_no_clean_file(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "n.ipynb").write_text('{"cells": []}')
    run = tielint("check", "n.ipynb")
    assert run.status == 2
    assert run.err.startswith("error: n.ipynb: a notebook; ")


@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_a_closed_stream_is_said(closed: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import torch\n")
    path = "-" if closed == "<&-" else "a.py"
    command = f"{shlex.quote(sys.executable)} -m tielint check {path} {closed}"
    run = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stderr.startswith("error: ")
    assert "closed" in run.stderr


def test_a_name_that_no_file_can_have(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(ALIAS)
    run = tielint("check", f"{'a' * 300}.py", "good.py")
    assert run.status == 2
    assert run.err.startswith(f"error: {'a' * 300}.py: cannot be read: ")
    assert run.out.startswith("good.py:9:9: TIE101 ")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    command = [sys.executable, "-m", "tielint", "check", "pipe.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr.startswith("error: pipe.py: not a regular file")


def test_a_directory_that_is_gone(tmp_path: Path) -> None:
    program = "import os, sys; os.rmdir(os.getcwd()); from tielint.__main__ import main; sys.exit(main())"
    gone = tmp_path / "gone"
    gone.mkdir()
    command = [sys.executable, "-c", program, "check"]
    done = subprocess.run(command, cwd=gone, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: the current directory: No such file or directory\n"

"""What a run keeps for the next: never a wrong answer, whatever changed, and no file read for nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import Command, write_foreign_rules
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programs import ALIAS, TIED, UNRELATED

from tielint import linter, replay, workers
from tielint.report import FileReport
from tielint.settings import Settings

BASE = """\
import torch.nn as nn


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(100, 16)
        self.head = nn.Linear(16, 100, bias=False)
        self.head.weight = self.embedding.weight
"""
HEIR = """\
import torch.nn as nn
from base import Base


class Heir(Base):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(16, 100, bias=False)

    def forward(self, x):
        return self.head(self.embedding(x))
"""
"""One TIE301 as long as Base ties."""


FOREIGN = '''
from their_words import WORDS

from tielint.findings import Confidence, Verdict
from tielint.intent import read_intent
from tielint.judgement import Judgement
from tielint.rule import Rule


class Theirs(Rule):
    """A rule."""

    code = "XYZ1"
    name = "theirs"
    triggers = ((b"weight",),)
    verdict = Verdict.COPY

    def check(self, facts):
        for tie in facts.ties:
            yield Judgement(tie, self.verdict, Confidence.CERTAIN, WORDS, read_intent(tie))
'''


@pytest.fixture
def linted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were really linted, as they are."""
    names: list[str] = []
    lint_file = linter.lint_file

    def lint(path: Path, *args: object, **options: object) -> FileReport:
        names.append(path.name)
        return lint_file(path, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(workers, "lint_file", lint)
    monkeypatch.setattr(linter, "lint_file", lint)
    return names


def age(directory: Path) -> None:
    """Makes everything so old that its time tells whether it changed."""
    for place, _, files in os.walk(directory):
        for name in files:
            os.utime(Path(place, name), (1_000_000_000, 1_000_000_000))
        os.utime(place, (1_000_000_000, 1_000_000_000))


def codes(out: str) -> list[tuple[str, str]]:
    return [(finding["code"], Path(finding["filename"]).name) for finding in json.loads(out)]


def test_what_is_known_is_not_linted_again(tielint: Command, tmp_path: Path, linted: list[str]) -> None:
    (tmp_path / "a.py").write_text(ALIAS)
    (tmp_path / "b.py").write_text(TIED)
    first = tielint("check")
    assert sorted(linted) == ["a.py", "b.py"]
    assert tielint("check") == first
    (tmp_path / "b.py").write_text(TIED + "\n# changed\n")
    assert tielint("check") == first
    assert sorted(linted) == ["a.py", "b.py", "b.py"]


def test_an_interrupted_run_keeps_what_it_found(
    tielint: Command, tmp_path: Path, linted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.py").write_text(ALIAS)
    (tmp_path / "b.py").write_text(TIED)

    lint_file = linter.lint_file

    def lint_one(path: Path, settings: Settings, *, check_syntax: bool) -> FileReport:
        if path.name == "b.py":
            raise KeyboardInterrupt
        return lint_file(path, settings, check_syntax=check_syntax)

    with monkeypatch.context() as changed, suppress(KeyboardInterrupt):
        changed.setattr(workers, "lint_file", lint_one)
        tielint("check")
    assert [code for code, _ in codes(tielint("check", "--output-format", "json").out)] == ["TIE101"]
    assert sorted(linted) == ["a.py", "b.py"]


def test_every_format_says_the_same_of_known_findings(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(ALIAS)
    for form in ("text", "json", "sarif"):
        fresh = tielint("check", "--output-format", form, "--no-cache")
        assert tielint("check", "--output-format", form) == fresh
        assert tielint("check", "--output-format", form) == fresh


def test_a_touched_file_is_known_by_its_content(tielint: Command, tmp_path: Path, linted: list[str]) -> None:
    file = tmp_path / "a.py"
    file.write_text(ALIAS)
    tielint("check")
    os.utime(file, (1_234_567_890, 1_234_567_890))
    tielint("check")
    assert linted == ["a.py"]


def test_a_changed_file_of_the_same_size_and_time_is_linted_again_if_it_is_young(
    tielint: Command, tmp_path: Path
) -> None:
    file = tmp_path / "a.py"
    file.write_text(ALIAS)
    assert tielint("check").status == 1
    status = file.stat()
    clean = TIED + " " * (len(ALIAS) - len(TIED) - 1) + "\n"
    file.write_text(clean)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert file.stat().st_size == status.st_size
    assert tielint("check").status == 0


def test_a_finding_goes_and_comes_with_the_file_that_it_depends_on(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "heir.py").write_text(HEIR)
    (tmp_path / "base.py").write_text(BASE)
    select = ("check", "--output-format", "json")
    assert codes(tielint(*select).out) == [("TIE301", "heir.py")]
    (tmp_path / "base.py").write_text(BASE.replace("        self.head.weight = self.embedding.weight\n", ""))
    assert codes(tielint(*select).out) == []
    (tmp_path / "base.py").write_text(BASE)
    assert codes(tielint(*select).out) == [("TIE301", "heir.py")]
    (tmp_path / "base.py").unlink()
    assert codes(tielint(*select).out) == []
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "__init__.py").write_text(BASE)
    assert codes(tielint(*select).out) == [("TIE301", "heir.py")]


def test_other_settings_have_other_results(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(ALIAS)
    assert tielint("check").status == 1
    assert tielint("check", "--ignore", "TIE101").status == 0
    assert tielint("check").status == 1
    (tmp_path / "pyproject.toml").write_text('[tool.tielint]\nignore = ["TIE101"]\n')
    assert tielint("check").status == 0


def test_a_problem_is_told_again(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import torch\ndef f(:\n")
    first = tielint("check")
    assert first.status == 2
    assert tielint("check") == first


def test_syntax_that_was_not_looked_at_is_looked_at_when_the_file_is_named(tielint: Command, tmp_path: Path) -> None:
    for number in range(201):
        (tmp_path / f"m{number}.py").write_text(UNRELATED)
    (tmp_path / "m0.py").write_text("def f(:\n")
    assert tielint("check").status == 0
    assert tielint("check", "m0.py").status == 2


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"version": 1}', b"\xff\x00", b'{"version":"x","paths":3,"files":[]}']
)
def test_a_broken_cache_is_none(tielint: Command, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.py").write_text(ALIAS)
    expected = tielint("check")
    for name in ("results.json", "last.json"):
        (tmp_path / ".tielint_cache" / name).write_bytes(content)
    assert tielint("check") == expected
    assert tielint("check") == expected


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(min_value=0), st.integers(min_value=0, max_value=255))
def test_a_changed_byte_changes_no_answer(tielint: Command, tmp_path: Path, place: int, byte: int) -> None:
    (tmp_path / "a.py").write_text(ALIAS)
    (tmp_path / ".gitignore").touch()
    expected = tielint("check")
    file = tmp_path / ".tielint_cache" / "results.json"
    content = bytearray(file.read_bytes())
    content[place % len(content)] = byte
    file.write_bytes(content)
    (tmp_path / ".tielint_cache" / "last.json").unlink(missing_ok=True)
    assert tielint("check") == expected


def test_a_helper_that_changes_between_runs_of_single_files(tielint: Command, tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / f"{name}.py").write_text(HEIR)
    base = tmp_path / "base.py"
    base.write_text(BASE)
    assert tielint("check").status == 1
    base.write_text(BASE.replace(".weight = ", ".weights = "))
    assert tielint("check", "one.py").status == 0
    assert tielint("check", "base.py").status == 0
    assert tielint("check") == tielint("check", "--no-cache")
    assert tielint("check", "other.py").status == 0


@pytest.mark.parametrize("order", [(ALIAS, TIED), (TIED, ALIAS)])
def test_a_file_that_changes_while_it_is_linted(
    tielint: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: tuple[str, str]
) -> None:
    first, second = (text.ljust(2_000, "#") for text in order)
    file = tmp_path / "a.py"
    file.write_text(first)
    age(tmp_path)
    lint_file = linter.lint_file

    def slow(path: Path, *args: object, **options: object) -> FileReport:
        report = lint_file(path, *args, **options)  # type: ignore[arg-type]
        file.write_text(second)
        return report

    monkeypatch.setattr(workers, "lint_file", slow)
    tielint("check")
    monkeypatch.setattr(workers, "lint_file", lint_file)
    assert tielint("check") == tielint("check", "--no-cache")


def test_where_nothing_can_be_written_there_is_no_cache(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(ALIAS)
    (tmp_path / ".tielint_cache").write_text("a file, where a directory is wanted")
    assert tielint("check").status == 1
    assert tielint("check").status == 1


def test_no_cache_neither_reads_nor_writes(tielint: Command, tmp_path: Path, linted: list[str]) -> None:
    (tmp_path / "a.py").write_text(TIED)
    tielint("check", "--no-cache", "--output-format", "json")
    assert not (tmp_path / ".tielint_cache").exists()
    tielint("check")
    tielint("check", "--no-cache", "--output-format", "json")
    assert linted == ["a.py"] * 3


def test_git_does_not_see_the_cache_and_clean_removes_it(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(ALIAS)
    tielint("check")
    assert "*" in (tmp_path / ".tielint_cache" / ".gitignore").read_text().splitlines()
    assert tielint("clean").status == 0
    assert not (tmp_path / ".tielint_cache").exists()
    assert tielint("clean").out == "There is no cache.\n"


def test_runs_side_by_side_leave_a_whole_cache(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(ALIAS)
    expected = tielint("check", "--no-cache")
    from tielint.cache import Cache, Result

    def run(number: int) -> None:
        cache = Cache(tmp_path, Settings())
        cache.add(Result(FileReport(tmp_path / f"{number}.py"), {}, syntax=True))
        cache.keep()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(run, range(40)))
    json.loads((tmp_path / ".tielint_cache" / "results.json").read_text().splitlines()[1])
    assert tielint("check") == expected
    assert {path.name for path in (tmp_path / ".tielint_cache").iterdir()} <= {
        ".gitignore",
        "results.json",
        "last.json",
    }


def test_a_fix_run_uses_what_is_known_to_be_clean(tielint: Command, tmp_path: Path, linted: list[str]) -> None:
    (tmp_path / "0.py").write_text(TIED)
    (tmp_path / "a.py").write_text(ALIAS)
    tielint("check")
    linted.clear()
    assert tielint("check", "--fix").status == 0
    assert linted == ["a.py"]
    assert (tmp_path / "a.py").read_text() == TIED
    assert tielint("check").status == 0


def test_a_changed_helper_of_a_foreign_rule_is_seen(tmp_path: Path) -> None:
    site = tmp_path / "site"
    write_foreign_rules(site, FOREIGN, "theirs")
    (tmp_path / "a.py").write_text(ALIAS)

    def check(words: str) -> str:
        (site / "their_words.py").write_text(f"WORDS = {words!r}\n")
        command = [sys.executable, "-m", "tielint", "check", "--select", "XYZ", "a.py"]
        environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True).stdout

    assert "XYZ1 [*] one" in check("one")
    assert "XYZ1 [*] another" in check("another")


# ---------------------------------------------------------------------- the last run


@pytest.fixture
def unlinted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was answered by saying it again, and what was not."""
    answers: list[str] = []
    answer = replay.answer

    def answered(arguments: list[str]) -> int | None:
        status = answer(arguments)
        answers.append("again" if status is not None else "anew")
        return status

    monkeypatch.setattr(replay, "answer", answered)
    return answers


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a finding, old enough that times tell."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "a.py").write_text(ALIAS)
    (tmp_path / "package" / "b.py").write_text(TIED)
    (tmp_path / ".gitignore").write_text("ignored.py\n")
    (tmp_path / "pyproject.toml").write_text('[tool.tielint]\nexclude = ["other"]\n')
    (tmp_path / ".tielint_cache").mkdir()
    age(tmp_path)
    return tmp_path


def test_the_last_run_is_said_again(tielint: Command, project: Path, unlinted: list[str]) -> None:
    first = tielint("check", ".")
    assert first.status == 1
    assert tielint("check", ".") == first
    assert unlinted == ["anew", "again"]
    tielint("check", "package")
    assert unlinted[-1] == "anew"
    tielint("check", ".", "--quiet")
    assert unlinted[-1] == "anew"


def test_a_damaged_last_run_is_not_said_again(tielint: Command, project: Path, unlinted: list[str]) -> None:
    first = tielint("check", ".")
    last = project / ".tielint_cache" / "last.json"
    last.write_text(last.read_text().replace("Found 1", "Found 7"))
    assert tielint("check", ".") == first
    assert unlinted == ["anew", "anew"]


def test_the_last_run_is_said_again_whatever_the_terminal_shows(
    project: Path,
) -> None:
    (project / "package" / "modèle.py").write_text(ALIAS)
    age(project)
    command = [sys.executable, "-m", "tielint", "check", "."]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    runs = [subprocess.run(command, cwd=project, env=environment, capture_output=True) for _ in range(2)]
    assert (project / ".tielint_cache" / "last.json").exists()
    assert runs[0].stdout == runs[1].stdout
    assert [run.returncode for run in runs] == [1, 1]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("package/a.py", TIED),
        ("package/c.py", ALIAS),
        ("new/c.py", UNRELATED),
        (".gitignore", "ignored.py\na.py\n"),
        ("package/.gitignore", "a.py\n"),
        ("pyproject.toml", '[tool.tielint]\nignore = ["TIE101"]\n'),
    ],
)
def test_what_changes_the_answer_is_seen(
    tielint: Command, project: Path, unlinted: list[str], name: str, content: str
) -> None:
    tielint("check", ".")
    (project / name).parent.mkdir(exist_ok=True)
    (project / name).write_text(content)
    changed = tielint("check", ".")
    assert unlinted == ["anew", "anew"]
    assert changed == tielint("check", ".", "--no-cache")


def test_what_is_gone_is_seen(tielint: Command, project: Path, unlinted: list[str]) -> None:
    tielint("check", ".")
    (project / "package" / "a.py").unlink()
    assert tielint("check", ".").status == 0
    assert unlinted == ["anew", "anew"]


def test_fixes_are_made_anew(tielint: Command, project: Path, unlinted: list[str]) -> None:
    first = tielint("check", "--diff", ".")
    assert tielint("check", "--diff", ".") == first
    tielint("check", "--fix", ".")
    assert (project / "package" / "a.py").read_text() == TIED
    assert set(unlinted) == {"anew"}


def test_a_file_that_could_not_be_read_is_read_again(
    tielint: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.py"
    file.write_text(ALIAS)
    os.utime(file, (1_000_000_000, 1_000_000_000))

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", refuse)
        assert "a.py: cannot be read: Permission denied" in tielint("check", ".").err
    assert tielint("check", ".").out.startswith("a.py:9:9: TIE101 ")

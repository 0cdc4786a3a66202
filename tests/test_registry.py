"""Where rules come from, and what is read from their docstrings."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from conftest import Command, write_foreign_rules
from programs import TIED

from tielint.facts import FileFacts
from tielint.findings import Applicability, Verdict
from tielint.judgement import Judgement
from tielint.registry import all_rules, documentation, rule_by_code
from tielint.rule import Rule

SECTIONS = ["What it does", "Why it is wrong", "Example", "Use instead", "Fix safety", "References"]

RULE = '''
from tielint.findings import Verdict
from tielint.rule import Rule

class Theirs(Rule):
    """A rule of a third party."""
    code = "{code}"
    name = "{name}"
    verdict = Verdict.COPY
    triggers = ((b"weight",),)

    def check(self, facts):
        return iter(())
'''

Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """`install(module's text, entry point's value)`: a package on the import path, as pip would leave it."""
    site = tmp_path / "site"

    def installed(text: str, value: str) -> None:
        write_foreign_rules(site, text, value)
        monkeypatch.syspath_prepend(site)
        importlib.invalidate_caches()
        all_rules.cache_clear()

    yield installed
    monkeypatch.undo()
    importlib.invalidate_caches()
    all_rules.cache_clear()
    sys.modules.pop("theirs", None)


def test_every_file_in_rules_is_found() -> None:
    files = Path(__file__).parents[1].joinpath("rules").glob("[!_]*.py")
    wanted = {match for file in files for match in re.findall(r'^    code = "(\w+)"$', file.read_text(), re.MULTILINE)}
    codes = [rule.code for rule in all_rules()]
    assert wanted <= set(codes)
    assert codes == sorted(codes)


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_a_rule_says_all_that_a_user_needs(rule: Rule) -> None:
    told = documentation(rule)
    assert told.summary
    assert len(told.summary) <= 120
    assert [heading for heading, _ in told.sections] == SECTIONS
    assert all(text for _, text in told.sections)


def test_a_rule_is_found_by_its_code_in_any_case() -> None:
    rule = rule_by_code("tie101")
    assert rule is not None
    assert rule.name == "parameter-rewrap"
    assert rule_by_code("TIE") is None


class Documented(Rule):
    """One line.

    ## Example
    ```python
    ## a comment, and no heading
    x = 1
    ```

    ## Fix safety
    Safe here, unsafe there; safetensors is another word.
    """

    code = "XYZ1"
    name = "documented"
    verdict = Verdict.ERROR
    triggers = ()

    def check(self, facts: FileFacts) -> Iterator[Judgement]:
        return iter(())


def test_a_docstring_is_read_by_its_headings() -> None:
    told = documentation(Documented())
    assert told.summary == "One line."
    assert told.section("Example") == "```python\n## a comment, and no heading\nx = 1\n```"
    assert told.section("Why it is wrong") == ""
    assert told.fixes == (Applicability.SAFE, Applicability.UNSAFE)


@pytest.mark.parametrize("value", ["theirs", "theirs:Theirs"])
def test_a_rule_of_another_package(install: Install, tielint: Command, value: str) -> None:
    install(RULE.format(code="ABC1", name="theirs"), value)
    assert "ABC1" in tielint("rule").out
    assert "A rule of a third party." in tielint("rule", "ABC1").out
    assert tielint("check", "--select", "ABC", "--no-prefilter").status == 0


@pytest.mark.parametrize(
    ("text", "value", "cause"),
    [
        ("import nothing_like_this", "theirs:Theirs", "cannot be loaded: ModuleNotFoundError: No module named"),
        ("1 / 0", "theirs", "cannot be loaded: ZeroDivisionError: division by zero"),
        ("", "theirs:Theirs", "cannot be loaded: AttributeError"),
        ("Theirs = 1", "theirs:Theirs", "neither a Rule class nor a module"),
        (RULE.format(code="TIE101", name="theirs"), "theirs", "the code TIE101 is taken by tielint.rules."),
        (RULE.format(code="abc", name="theirs"), "theirs", "theirs.Theirs has no valid code: 'abc'"),
        (RULE.format(code="ABC1", name="Their Rule"), "theirs", "theirs.Theirs has no valid name: 'Their Rule'"),
        (RULE.format(code="ABC1", name="x").replace("b'", "'").replace('b"', '"'), "theirs", "has no valid triggers"),
        (RULE.format(code="ABC1", name="x").replace("Verdict.COPY", "'copy'"), "theirs", "has no verdict"),
    ],
)
def test_a_broken_rule_is_named_in_one_line(
    install: Install, tielint: Command, tmp_path: Path, text: str, value: str, cause: str
) -> None:
    install(text, value)
    (tmp_path / "clean.py").write_text(TIED)
    run = tielint("check", "clean.py")
    (line,) = run.err.splitlines()
    assert line.startswith(f"error: third-party rule 'theirs' ({value})")
    assert cause in line
    assert (run.status, run.out) == (2, "")


def test_no_entry_point_is_left_behind() -> None:
    assert "theirs" not in {point.name for point in entry_points(group="tielint.rules")}

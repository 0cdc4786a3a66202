"""Every program in `fixtures/`, against the linter and against PyTorch: its findings, its claims, its fix.

`python tests/regenerate_fixed.py` writes the fixed programs anew; what it writes is to be read before it is believed.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from proof import (
    FIXTURES,
    Claims,
    fixture_name,
    fixture_paths,
    program,
    prove_claims,
    prove_tie,
    read_claims,
    settings_for,
)

from tielint.findings import Applicability
from tielint.linter import lint_source
from tielint.registry import all_rules
from tielint.report import FileReport
from tielint.source import SourceFile

PATHS = fixture_paths()
BROKEN = [path for path in PATHS if path.parent.name != "silent"]
SILENT = [path for path in PATHS if path.parent.name == "silent"]

each = pytest.mark.parametrize("path", PATHS, ids=fixture_name)


def lint(path: Path, fix: Applicability | None = None) -> FileReport:
    """Lints a fixture as it would be without its `expect` comments."""
    report = lint_source(SourceFile.from_bytes(program(path), path), settings_for(path), fix=fix)
    assert report.problem is None
    return report


def found(report: FileReport) -> set[tuple[int, str]]:
    return {(finding.span.start.row, finding.code) for finding in report.findings}


@each
def test_findings(path: Path) -> None:
    claims = read_claims(path)
    assert found(lint(path)) == claims.expected


@pytest.mark.parametrize("path", BROKEN, ids=fixture_name)
def test_the_verdict_is_what_torch_shows(path: Path) -> None:
    own = [finding.verdict for finding in lint(path).findings if finding.code == path.parent.name]
    assert set(own) == {read_claims(path).said}


@each
def test_claims_in_torch(path: Path) -> None:
    prove_claims(read_claims(path))


@pytest.mark.parametrize("path", BROKEN, ids=fixture_name)
def test_fix(path: Path) -> None:
    claims = read_claims(path)
    text = lint(path, Applicability.UNSAFE).new_text
    if claims.fix is None:
        assert text is None, "was fixed, although nothing is to be fixed here"
        assert not claims.fixed_path.exists()
        return
    assert claims.fixed_path.exists(), f"{claims.fixed_path.name} is missing: see tests/regenerate_fixed.py"
    assert text is not None, "was not fixed"
    fixed = claims.fixed_path.read_bytes()
    assert SourceFile.from_bytes(program(path), path).encode(text) == fixed
    safely = lint(path, Applicability.SAFE).new_text
    assert safely == text if claims.fix == "safe" else safely is None, f"is not a fix of the kind {claims.fix}"
    again = lint(claims.fixed_path, Applicability.UNSAFE)
    assert found(again) == set()
    assert again.new_text is None, "is fixed again"


@pytest.mark.parametrize("path", [path for path in BROKEN if read_claims(path).fixed_path.exists()], ids=fixture_name)
def test_fixed_program_is_tied(path: Path) -> None:
    claims = read_claims(path)
    prove_tie(claims, claims.fixed_path)


@each
def test_is_a_fair_fixture(path: Path) -> None:
    claims = read_claims(path)
    codes = {code for _, code in claims.expected}
    assert (path.parent.name in codes) if path in BROKEN else not codes
    assert claims.fix in ("safe", "unsafe", None)
    assert (claims.verdict == "error") == (claims.error is not None)
    assert path.read_bytes().lstrip(b"\xef\xbb\xbf").splitlines()[0].startswith((b'"""', b"'''", b"#", b'r"""'))


def test_there_are_enough() -> None:
    assert len(BROKEN) >= 45
    assert len(SILENT) >= 55
    assert {path.parent.name for path in BROKEN} == {rule.code for rule in all_rules()}


def test_no_fixed_program_without_its_fixture() -> None:
    assert set(FIXTURES.glob("*/*.fixed.py")) <= {path.with_suffix(".fixed.py") for path in BROKEN}


def test_a_broken_tie_is_no_tie() -> None:
    """The proof itself: a broken program, taken for its own fix, must be refused."""
    claims: Claims = read_claims(FIXTURES / "TIE101" / "lm_head.py")
    with pytest.raises(AssertionError, match="alias"):
        prove_tie(claims, claims.path)

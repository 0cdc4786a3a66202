"""Applies fixes to a text and lints the result before anyone may write it. Called by `linter.py`.

A fix that leaves its finding, or brings a new one, is withdrawn and said so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tielint.analysis import find
from tielint.findings import Applicability, Edit, Finding
from tielint.orphans import without_orphaned_imports
from tielint.parsing import LintError
from tielint.report import FileReport
from tielint.settings import Settings
from tielint.source import EditError, SourceFile, apply_edits
from tielint.syntax import syntax_problem

MOST_ROUNDS = 20


class _DoesNotHoldError(Exception):
    """Why a fix is withdrawn."""


def repair(source: SourceFile, findings: tuple[Finding, ...], settings: Settings, allowed: Applicability) -> FileReport:
    """Fixes what may be fixed; what is left, and what did not hold, is in the report."""
    total = len(findings)
    current, left, withdrawn = source, findings, dict[tuple[str, str], str]()
    for _ in range(MOST_ROUNDS):
        wanted = [f for f in left if _applicable(f, allowed) and _key(f) not in withdrawn]
        if not wanted:
            break
        try:
            current, left = _applied(current, left, _compatible(wanted), settings)
        except _DoesNotHoldError:
            outcome, failed = _one_of(current, left, wanted, settings)
            withdrawn |= {_key(finding): _said(finding, reason) for finding, reason in failed}
            if outcome is None:
                break
            current, left = outcome
    if current.text == source.text:
        return FileReport(source.path, findings, source=source, withdrawn=tuple(withdrawn.values()))
    tidy = source.with_text(without_orphaned_imports(source.text, current.text))
    if not syntax_problem(tidy.text):
        current, left = tidy, find(tidy, settings)
    return FileReport(
        source.path,
        left,
        source=current,
        fixed=total - len(left),
        original=source,
        new_text=current.text,
        withdrawn=tuple(withdrawn.values()),
    )


def _applicable(finding: Finding, allowed: Applicability) -> bool:
    if finding.fix is None or not finding.fix.edits:
        return False
    applicability = finding.fix.applicability
    return applicability is Applicability.SAFE or (
        applicability is Applicability.UNSAFE and allowed is Applicability.UNSAFE
    )


def _compatible(findings: Sequence[Finding]) -> list[Finding]:
    """The findings whose edits do not touch each other; the others wait for the next round."""
    chosen: list[Finding] = []
    taken: list[Edit] = []
    for finding in findings:
        edits = finding.fix.edits if finding.fix else ()
        if not any(edit != other and _touch(edit, other) for edit in edits for other in taken):
            chosen.append(finding)
            taken.extend(edits)
    return chosen


def _touch(one: Edit, other: Edit) -> bool:
    if one.span == other.span:
        return True
    return one.span.start < other.span.end and other.span.start < one.span.end


def _applied(
    source: SourceFile, before: Sequence[Finding], chosen: Sequence[Finding], settings: Settings
) -> tuple[SourceFile, tuple[Finding, ...]]:
    """The text with these fixes, and its findings.

    Raises:
        _DoesNotHoldError: the result is worse than promised.
    """
    edits = list(dict.fromkeys(edit for finding in chosen if finding.fix for edit in finding.fix.edits))
    try:
        fixed = source.with_text(apply_edits(source, edits))
        if problem := syntax_problem(fixed.text):
            raise _DoesNotHoldError(f"it leads to a {problem}")
        after = find(fixed, settings)
    except (LintError, EditError) as error:
        raise _DoesNotHoldError(str(error)) from None
    fixed_keys = Counter(_key(f) for f in chosen)
    more = Counter(_key(f) for f in after) - (Counter(_key(f) for f in before) - fixed_keys)
    if more:
        same = more.keys() & fixed_keys.keys()
        raise _DoesNotHoldError("it did not remove its finding" if same else "it brought another finding")
    return fixed, after


def _one_of(
    source: SourceFile, before: Sequence[Finding], wanted: Sequence[Finding], settings: Settings
) -> tuple[tuple[SourceFile, tuple[Finding, ...]] | None, list[tuple[Finding, str]]]:
    """The first fix that holds by itself, and those before it that do not, with the reasons."""
    failed: list[tuple[Finding, str]] = []
    for finding in wanted:
        try:
            return _applied(source, before, [finding], settings), failed
        except _DoesNotHoldError as reason:
            failed.append((finding, str(reason)))
    return None, failed


def _key(finding: Finding) -> tuple[str, str]:
    """What a finding is about, wherever its line has moved, and whatever its source is called after another fix."""
    return (finding.code, finding.target)


def _said(finding: Finding, reason: str) -> str:
    row = finding.span.start.row
    return f"line {row}: the fix of {finding.code} ({finding.target}) was withdrawn: {reason}"

"""What is said in single lines: problems, fixes, the sum of a run. Called by the command line.

Plain text, apart from `text.py`, so that a clean run need not import rich.
"""

from __future__ import annotations

from collections.abc import Iterator

from tielint.findings import Applicability
from tielint.report import Problem, Report


def problem_line(problem: Problem) -> str:
    """A path that could not be linted, in one line."""
    return f"error: {visible(str(problem.path))}: {visible(problem.reason)}"


def done(report: Report) -> Iterator[str]:
    """What fixes did to each file, and why some did not hold."""
    return _repairs(report, "Fixed")


def planned(report: Report) -> Iterator[str]:
    """What fixes would do, where only the difference was asked for."""
    yield from _repairs(report, "Would fix")
    if report.findings:
        yield f"{_count(len(report.findings), 'broken tie')} would be left."


def _repairs(report: Report, verb: str) -> Iterator[str]:
    for repair in report.repairs:
        path, found = visible(str(repair.path)), _count(repair.fixed + repair.left, "broken tie")
        if repair.fixed:
            yield f"{verb} {repair.fixed} of {found} in {path}." if repair.left else f"{verb} {found} in {path}."
        for line in repair.withdrawn:
            yield f"Not fixed in {path}: {visible(line)}"


def summary(report: Report) -> str:
    """The last line: how many, where, and what can be done."""
    unlinted = f"{_count(len(report.problems), 'file')} could not be linted" if report.problems else ""
    if report.findings:
        files = len({finding.path for finding in report.findings})
        found = f"Found {_count(len(report.findings), 'broken tie')} in {_count(files, 'file')}{_remedies(report)}"
        return f"{found}; {unlinted}." if unlinted else f"{found}."
    clean = report.files - len(report.problems)
    if unlinted:
        return f"{_count(clean, 'file')} {_are(clean)} clean; {unlinted}." if clean > 0 else f"{unlinted}."
    if not clean:
        return "No Python files found."
    return "1 file is clean." if clean == 1 else f"All {clean} files are clean."


def visible(text: str) -> str:
    """Control characters spelled out: a file name must not move the cursor, nor a message break its line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _remedies(report: Report) -> str:
    kinds = [finding.fix.applicability for finding in report.findings if finding.fix and finding.fix.edits]
    safe, unsafe = kinds.count(Applicability.SAFE), kinds.count(Applicability.UNSAFE)
    told = []
    if safe:
        told.append(f"{safe} fixable with --fix")
    if unsafe:
        told.append(f"{unsafe} {'more ' if safe else 'fixable '}with --unsafe-fixes")
    return f" ({', '.join(told)})" if told else ""

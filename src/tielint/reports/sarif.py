"""The SARIF 2.1.0 report, for code scanning services. Called by the command line.

It holds all rules, all findings with their fixes, and the files that could not be linted.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

import tielint
from tielint.findings import Applicability, Confidence, Edit, Finding, Fix, Span, Verdict, rule_url
from tielint.registry import Documentation, documentation
from tielint.report import Problem, Report
from tielint.rule import Rule
from tielint.source import SourceFile

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
HOME = "https://tielint.readthedocs.io"
ROOT = "SRCROOT"

Object = dict[str, object]


def write(report: Report, stream: TextIO) -> None:
    """The report alone, with nothing around it."""
    stream.write(render(report))


def render(report: Report) -> str:
    """One run of one tool. Columns count code points, and lines end as Python ends them."""
    run: Object = {
        "tool": {"driver": _driver(report.rules)},
        "invocations": [_invocation(report)],
        "originalUriBaseIds": {ROOT: {"uri": _file_uri(report.root).rstrip("/") + "/"}},
        "columnKind": "unicodeCodePoints",
        "newlineSequences": ["\r\n", "\n", "\r"],
        "results": list(_results(report)),
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _driver(rules: tuple[Rule, ...]) -> Object:
    return {
        "name": "tielint",
        "version": tielint.__version__,
        "semanticVersion": tielint.__version__,
        "informationUri": HOME,
        "rules": [_rule(rule) for rule in rules],
    }


def _rule(rule: Rule) -> Object:
    told = documentation(rule)
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": told.summary or rule.name},
        "fullDescription": {"text": _description(told) or rule.name},
        "help": {"text": told.markdown or rule.name, "markdown": told.markdown or rule.name},
        "helpUri": rule_url(rule.code, rule.name),
        "defaultConfiguration": {"enabled": rule.default, "level": _level(rule.verdict)},
        "properties": {
            "precision": _precision(rule),
            "problem.severity": _level(rule.verdict),
            "tags": ["correctness", "pytorch", "weight-tying", rule.verdict.value],
        },
    }


def _description(told: Documentation) -> str:
    """Short enough for code scanning, which cuts at 1024 characters; the help text has it all."""
    what, why = told.section("What it does") or told.summary, told.section("Why it is wrong")
    first_paragraph = why.split("\n\n", 1)[0]
    return f"{what}\n\n{first_paragraph}".strip()


def _level(verdict: Verdict) -> str:
    return "error" if verdict is Verdict.ERROR else "warning"


def _precision(rule: Rule) -> str:
    """What PyTorch itself refuses can't be a false alarm; what is off by default has a reason to be."""
    if not rule.default:
        return "medium"
    return "very-high" if rule.verdict is Verdict.ERROR else "high"


def _invocation(report: Report) -> Object:
    return {
        "executionSuccessful": not report.problems,
        "toolExecutionNotifications": [_notification(problem, report.root) for problem in report.problems],
    }


def _notification(problem: Problem, root: Path) -> Object:
    return {
        "level": "error",
        "message": {"text": problem.reason},
        "locations": [{"physicalLocation": {"artifactLocation": _artifact(problem.path, root)}}],
    }


def _results(report: Report) -> Iterator[Object]:
    indices = {rule.code: index for index, rule in enumerate(report.rules)}
    seen: Counter[str] = Counter()
    for finding in report.findings:
        source = report.sources.get(finding.path)
        identity = _identity(finding, source, report.root)
        yield _result(finding, source, report.root) | {
            "partialFingerprints": {"tielint/v1": _digest(f"{identity}\0{seen[identity]}")},
            **({"ruleIndex": indices[finding.code]} if finding.code in indices else {}),
        }
        seen[identity] += 1


def _result(finding: Finding, source: SourceFile | None, root: Path) -> Object:
    result: Object = {
        "ruleId": finding.code,
        "level": "note" if finding.confidence is Confidence.POSSIBLE else _level(finding.verdict),
        "message": {"text": finding.message},
        "locations": [_location(finding.path, finding.span, root, source)],
        "properties": {"verdict": finding.verdict.value, "confidence": finding.confidence.value},
    }
    if finding.source_span:
        made = _location(finding.path, finding.source_span, root, source)
        result["relatedLocations"] = [made | {"id": 1, "message": {"text": f"{finding.source} is made here"}}]
    if finding.fix and finding.fix.edits:
        result["fixes"] = [_fix(finding.fix, finding.path, root)]
    return result


def _location(path: Path, span: Span, root: Path, source: SourceFile | None) -> Object:
    snippet: Object = {"snippet": {"text": source.slice(span)}} if source else {}
    return {"physicalLocation": {"artifactLocation": _artifact(path, root), "region": _region(span) | snippet}}


def _fix(fix: Fix, path: Path, root: Path) -> Object:
    needs = {Applicability.SAFE: "", Applicability.UNSAFE: " (unsafe)", Applicability.DISPLAY_ONLY: " (not applied)"}
    return {
        "description": {"text": fix.message + needs[fix.applicability]},
        "artifactChanges": [
            {"artifactLocation": _artifact(path, root), "replacements": [_replacement(edit) for edit in fix.edits]}
        ],
    }


def _replacement(edit: Edit) -> Object:
    return {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.content}}


def _region(span: Span) -> Object:
    return {
        "startLine": span.start.row,
        "startColumn": span.start.column,
        "endLine": span.end.row,
        "endColumn": span.end.column,
    }


def _artifact(path: Path, root: Path) -> Object:
    """Under the root a relative URI, which survives on another machine."""
    relative = _below(path, root)
    return {"uri": quote(os.fsencode(relative)), "uriBaseId": ROOT} if relative else {"uri": _file_uri(path)}


def _below(path: Path, root: Path) -> str | None:
    """The POSIX path from `root`, through links too, as temporary directories are on some systems."""
    for place, base in (
        (os.path.abspath(path), os.path.abspath(root)),
        (os.path.realpath(path), os.path.realpath(root)),
    ):
        if Path(place).is_relative_to(base):
            return Path(place).relative_to(base).as_posix()
    return None


def _file_uri(path: Path) -> str:
    return Path(os.path.abspath(path)).as_uri()


def _identity(finding: Finding, source: SourceFile | None, root: Path) -> str:
    """What stays the same when lines are added above, or when the statement is only laid out anew."""
    statement = " ".join(source.slice(finding.span).split()) if source else ""
    where = _below(finding.path, root) or finding.path.as_posix()
    return "\0".join((finding.code, where, finding.source, finding.target, statement))


def _digest(identity: str) -> str:
    return hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()

"""What the rules say of themselves: a page for one, a table of all, either as JSON. Called by `tielint rule`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tielint.findings import rule_url
from tielint.registry import documentation
from tielint.rule import Rule

HEADINGS = ("Code", "Name", "Verdict", "On", "Summary", "Fix")


def page(rule: Rule) -> str:
    """A rule's documentation in Markdown."""
    title = f"# {rule.code} {rule.name}\n\nVerdict: {rule.verdict.value}."
    return f"{title}\n\n{documentation(rule).markdown}\n\n{rule_url(rule.code, rule.name)}\n"


def rows(rules: Sequence[Rule]) -> list[tuple[str, ...]]:
    """A row of the table for each rule, under `HEADINGS`."""
    return [_row(rule) for rule in rules]


def table(rules: Sequence[Rule]) -> str:
    """The table in plain text, with one line a rule."""
    lines = [HEADINGS, *rows(rules)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join("  ".join(map(str.ljust, line, widths)).rstrip() + "\n" for line in lines)


def as_json(rules: Sequence[Rule]) -> str:
    """All that is known of each rule."""
    return json.dumps([_facts(rule) for rule in rules], indent=2) + "\n"


def _row(rule: Rule) -> tuple[str, ...]:
    on = "yes" if rule.default else "no"
    return (rule.code, rule.name, rule.verdict.value, on, documentation(rule).summary, _fixes(rule))


def _fixes(rule: Rule) -> str:
    return ", ".join(kind.value for kind in documentation(rule).fixes) or "none"


def _facts(rule: Rule) -> dict[str, object]:
    told = documentation(rule)
    return {
        "code": rule.code,
        "name": rule.name,
        "verdict": rule.verdict.value,
        "summary": told.summary,
        "fix": [kind.value for kind in told.fixes],
        "default": rule.default,
        "url": rule_url(rule.code, rule.name),
        "documentation": told.markdown,
    }

"""Finds the rules, tielint's own and those of other packages, and reads their docstrings.

Asked by the configuration (which codes are there?), the analysis (what to run?), the reports (what does a rule say?).
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING

from tielint.findings import Applicability, Verdict
from tielint.installed import ENTRY_POINTS, has_foreign_rules
from tielint.later import load_later
from tielint.rule import Rule
from tielint.settings import ConfigError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_CODE = re.compile(r"[A-Z]+[0-9]+")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_FENCE = re.compile(r" {0,3}(```|~~~)")
_SAFETY = re.compile(r"(?<![\w-])(safe|unsafe|display-only)(?![\w-])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Documentation:
    """A rule's docstring: a one-line summary and sections in their order, each a heading and its Markdown."""

    summary: str
    sections: tuple[tuple[str, str], ...]
    markdown: str

    def section(self, heading: str) -> str:
        """A section's Markdown, empty where the rule has no such section."""
        return dict(self.sections).get(heading, "")

    @property
    def fixes(self) -> tuple[Applicability, ...]:
        """The kinds of fix that the section on fix safety speaks of."""
        named = {word.lower() for word in _SAFETY.findall(self.section("Fix safety"))}
        return tuple(kind for kind in Applicability if kind.value in named)


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule there is, sorted by code."""
    load_later("libcst")
    rules: dict[str, type[Rule]] = {}
    for origin, found in (*_own_rules(), *_foreign_rules()):
        _refuse_unfit(found, origin)
        if rules.setdefault(found.code, found) is not found:
            raise ConfigError(f"{origin}: the code {found.code} is taken by {_spelled(rules[found.code])}")
    return tuple(rules[code]() for code in sorted(rules))


def rule_by_code(code: str) -> Rule | None:
    """The rule with exactly this code, however it is capitalised."""
    return next((rule for rule in all_rules() if rule.code == code.upper()), None)


def documentation(rule: Rule) -> Documentation:
    """What a rule's docstring says."""
    import inspect

    markdown = inspect.cleandoc(type(rule).__doc__ or "")
    summary, *rest = markdown.split("\n", 1)
    return Documentation(summary.strip(), tuple(_sections("\n".join(rest))), markdown)


def _own_rules() -> Iterator[tuple[str, type[Rule]]]:
    package = importlib.import_module("tielint.rules")
    for module in pkgutil.iter_modules(package.__path__, "tielint.rules."):
        for rule in _rules_of(importlib.import_module(module.name)):
            yield module.name, rule


def _foreign_rules() -> Iterator[tuple[str, type[Rule]]]:
    """An entry point names a rule's class, or a module of them."""
    if not has_foreign_rules():
        return
    from importlib.metadata import entry_points

    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: (point.name, point.value)):
        origin = f"third-party rule {point.name!r} ({point.value})"
        loaded = _load(point, origin)
        if isinstance(loaded, type) and issubclass(loaded, Rule):
            yield origin, loaded
        elif isinstance(loaded, ModuleType):
            yield from ((origin, rule) for rule in _rules_of(loaded))
        else:
            raise ConfigError(f"{origin}: neither a Rule class nor a module")


def _load(point: EntryPoint, origin: str) -> object:
    try:
        loaded: object = point.load()
    except Exception as error:  # code of strangers: whatever it raises, the user must hear whose it is
        reason = " ".join(str(error).split())
        raise ConfigError(f"{origin} cannot be loaded: {type(error).__name__}: {reason}") from error
    return loaded


def _rules_of(module: ModuleType) -> Iterator[type[Rule]]:
    """The concrete rules that a module itself defines."""
    for value in vars(module).values():
        own = isinstance(value, type) and issubclass(value, Rule) and value.__module__ == module.__name__
        if own and not _is_abstract(value):
            yield value


def _is_abstract(rule: type[Rule]) -> bool:
    return bool(getattr(rule, "__abstractmethods__", None))


def _refuse_unfit(rule: type[Rule], origin: str) -> None:
    """What the reports and the prefilter take for granted."""
    wanted = {"code": _CODE, "name": _NAME}
    for attribute, pattern in wanted.items():
        value = getattr(rule, attribute, None)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ConfigError(f"{origin}: {_spelled(rule)} has no valid {attribute}: {value!r}")
    if not isinstance(getattr(rule, "verdict", None), Verdict):
        raise ConfigError(f"{origin}: {_spelled(rule)} has no verdict")
    if _is_abstract(rule):
        raise ConfigError(f"{origin}: {_spelled(rule)} has no check method")
    if not _are_triggers(getattr(rule, "triggers", None)):
        raise ConfigError(f"{origin}: {_spelled(rule)} has no valid triggers (a tuple of tuples of bytes)")


def _are_triggers(triggers: object) -> bool:
    return isinstance(triggers, tuple) and all(
        isinstance(group, tuple) and all(isinstance(word, bytes) for word in group) for group in triggers
    )


def _spelled(rule: type[Rule]) -> str:
    return f"{rule.__module__}.{rule.__qualname__}"


def _sections(text: str) -> Iterator[tuple[str, str]]:
    """Splits at `## ` headings; a `## ` in a fenced example is a comment and no heading."""
    heading, lines, fenced = "", list[str](), False
    for line in text.splitlines():
        fenced ^= bool(_FENCE.match(line))
        if line.startswith("## ") and not fenced:
            if heading:
                yield heading, "\n".join(lines).strip()
            heading, lines = line[3:].strip(), []
        else:
            lines.append(line)
    if heading:
        yield heading, "\n".join(lines).strip()

"""From a text to its findings: facts, judgements, places and fixes. Called by `linter.py` and `fixer.py`."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from tielint.findings import Finding
from tielint.parsing import LintError, lines_of, parsed, python_tree, rows_of
from tielint.prefilter import sites_of, speaks_of_torch, wanted_by
from tielint.registry import all_rules
from tielint.rule import Rule
from tielint.settings import Settings
from tielint.source import SourceFile
from tielint.suppression import unsuppressed

if TYPE_CHECKING:
    from tielint.facts import FileFacts, Tie
    from tielint.judgement import Judgement


SMALL = 10_000
"""Bytes up to which nothing is left out of a text: it would cost more than it saves."""


class UnfinishedError(LintError):
    """Why a text was not linted to its end, and what was found until then."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("more code than can be followed; not linted to its end")
        self.findings = findings


def wanted_rules(source: SourceFile, settings: Settings) -> tuple[Rule, ...]:
    """The rules that the settings select and, unless they switch it off, the gate lets through."""
    rules = _selected(all_rules(), settings)
    return wanted_by(source.text.encode(), source.path, rules) if settings.prefilter else rules


def find(source: SourceFile, settings: Settings, rules: tuple[Rule, ...] | None = None) -> tuple[Finding, ...]:
    """All findings that the settings want, sorted; `rules` are the wanted ones, where it is known already.

    Raises:
        LintError: the text is not Python, or is nested too deeply to read.
        UnfinishedError: the text is too long to be followed to its end.
    """
    if rules is None:
        rules = wanted_rules(source, settings)
    if not rules:
        return ()
    try:
        found, whole = _found(source, settings, rules)
    except RecursionError:
        raise LintError("nested too deeply to be linted") from None
    findings = tuple(sorted(unsuppressed(found, source.text), key=lambda finding: finding.sort_key))
    if not whole:
        raise UnfinishedError(findings)
    return findings


def _found(source: SourceFile, settings: Settings, rules: tuple[Rule, ...]) -> tuple[list[Finding], bool]:
    """The findings, and whether the code could be followed to its end."""
    data = source.text.encode()
    tree = python_tree(source.text)
    if not speaks_of_torch(data):
        if tree is None:
            parsed(source.text, tree)
        return [], True
    if settings.prefilter and tree and not _promising(source, data, tree, rules):
        return [], True
    from tielint.modules import Modules
    from tielint.visitor import collect_facts

    facts = collect_facts(parsed(source.text, tree), Modules(source.path))
    judged = _judged(facts, rules)
    shown = [pair for pair in judged if pair[1].confidence.rank <= settings.min_confidence.rank]
    located = _located(facts, source, rows_of(tree) if tree else [], shown, settings) if shown else []
    return located, not facts.exhausted


def _promising(source: SourceFile, data: bytes, tree: ast.Module, rules: tuple[Rule, ...]) -> bool:
    """Whether the rules find something in what of the text may matter to them, without reading all that it imports."""
    from tielint.drafts import draft
    from tielint.modules import Modules
    from tielint.segments import Segments, segments_of
    from tielint.visitor import collect_facts

    lines = lines_of(source.text)
    sites = sites_of(data, source.path, rules) if len(data) > SMALL and b"\r" not in data else None
    segments = Segments() if sites is None else segments_of(tree, lines, sites)
    if segments is None:
        return False
    try:
        module = draft(tree, lines, gone=segments.gone, hollow=segments.hollow)
    except RecursionError:
        return True
    modules = Modules(source.path, wanted=())
    facts = collect_facts(module, modules, idle=segments.idle)
    if facts.exhausted or _judged(facts, rules):
        return True
    wanted = frozenset(filter(modules.knows, _told_elsewhere(facts)))
    if not wanted:
        return False
    facts = collect_facts(module, Modules(source.path, wanted=wanted), idle=segments.idle)
    return bool(_judged(facts, rules))


def _told_elsewhere(facts: FileFacts) -> Iterator[str]:
    """The names of what tells more of what is tied here: of the classes of its layers, of functions with its values."""
    yield from facts.unfollowed
    for tie in facts.ties:
        sides = (tie.target, tie.source)
        if tie.in_part or any(side.cell.name not in ("weight", "bias") for side in sides):
            continue
        for side in sides:
            for holder in side.owner.outward() if side.owner and side.cell.presumed else ():
                yield from holder.unseen_classes()


@lru_cache(maxsize=8)
def _selected(rules: tuple[Rule, ...], settings: Settings) -> tuple[Rule, ...]:
    """Asked for each file of a run."""
    return tuple(rule for rule in rules if settings.selects(rule.code, default=rule.default))


def _judged(facts: FileFacts, rules: Iterable[Rule]) -> list[tuple[Rule, Judgement]]:
    """The best judgement of each rule on each tie: the same code may have run several times, knowing more or less."""
    best: dict[tuple[object, ...], tuple[Rule, Judgement]] = {}
    for rule in rules:
        for judgement in rule.check(facts):
            key = (rule.code, *judgement.subject.key)
            known = best.get(key)
            if known is None or _knows_more(judgement, known[1]):
                best[key] = (rule, judgement)
    return list(best.values())


def _knows_more(new: Judgement, old: Judgement) -> bool:
    def ignorance(judgement: Judgement) -> tuple[int, int]:
        return (judgement.confidence.rank, judgement.subject.presumed)

    return ignorance(new) < ignorance(old)


def _tied_differently_by_turn(ties: Iterable[Tie]) -> set[object]:
    """The keys of ties in loops whose turns tie different Parameters."""
    spelled: dict[object, set[tuple[str, str]]] = {}
    for tie in ties:
        if tie.place.loops:
            spelled.setdefault(tie.key, set()).add((tie.target.text, tie.source.text))
    return {key for key, pairs in spelled.items() if len(pairs) > 1}


def _located(
    facts: FileFacts, source: SourceFile, rows: Sequence[int], judged: list[tuple[Rule, Judgement]], settings: Settings
) -> list[Finding]:
    from tielint.fixes import Fixes
    from tielint.positions import Positions
    from tielint.tree import Tree

    tree = Tree(facts.module)
    positions = Positions(tree, rows)
    judged = [pair for pair in judged if positions.has(pair[1].subject.place.statement)]
    fixes = Fixes(tree, positions, settings, facts.names, facts.ties, _tied_differently_by_turn(facts.ties))
    found: dict[tuple[object, ...], Finding] = {}
    for rule, judgement in judged:
        subject = judgement.subject
        span = positions.span(subject.place.statement)
        finding = Finding(
            code=rule.code,
            name=rule.name,
            message=judgement.message,
            verdict=judgement.verdict,
            confidence=judgement.confidence,
            path=source.path,
            span=span,
            source=subject.source_text,
            target=subject.target_text,
            source_span=positions.span(subject.made) if subject.made and positions.has(subject.made) else None,
            fix=fixes.of(judgement),
        )
        found.setdefault((rule.code, span, finding.source, finding.target), finding)
    return list(found.values())

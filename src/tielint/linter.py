"""Lints one file: text, facts, judgements, findings; with a fix asked for, the new text too. Called by `cli.py`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tielint.findings import Applicability, Finding
from tielint.prefilter import wanted_by
from tielint.registry import all_rules
from tielint.rule import Rule
from tielint.settings import Settings
from tielint.source import SourceError, SourceFile, read_bytes
from tielint.suppression import unsuppressed

if TYPE_CHECKING:
    import libcst as cst

    from tielint.facts import FileFacts, Tie
    from tielint.judgement import Judgement


DEEPEST_NESTING = 2_000
"""LibCST 1.9 parses 5,000 levels in the usual stack of 8 MB, and not 20,000."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """What linting one file gave.

    `findings` are those left, sorted, unsuppressed, selected and sure enough; they refer to `source`, which is the
    fixed text where fixes were applied. `problem` is why the file could not be linted, in one line without the path.
    `withdrawn` names, one line each, the fixes that did not hold.
    """

    path: Path
    findings: tuple[Finding, ...] = ()
    problem: str | None = None
    source: SourceFile | None = None
    fixed: int = 0
    new_text: str | None = None
    withdrawn: tuple[str, ...] = ()


def lint_file(
    path: Path, settings: Settings, *, fix: Applicability | None = None, check_syntax: bool = False
) -> FileReport:
    """Reads and lints a file; never writes.

    A syntax error is reported in every file that speaks of torch, and with `check_syntax` in any other too: files that
    can't hold a finding are else not parsed.
    """
    try:
        data = read_bytes(path)
        source = SourceFile.from_bytes(data, path)
    except SourceError as error:
        return FileReport(path, problem=str(error))
    if settings.prefilter and not wanted_by(data, _selected(settings)):
        look = check_syntax or b"torch" in data
        return FileReport(path, problem=_syntax_problem(data) if look else None)
    return lint_source(source, settings, fix=fix)


def lint_source(source: SourceFile, settings: Settings, *, fix: Applicability | None = None) -> FileReport:
    """Lints a text; never writes."""
    try:
        findings = find(source, settings)
    except LintError as error:
        return FileReport(source.path, problem=str(error), source=source)
    if fix is None or not findings:
        return FileReport(source.path, findings, source=source)
    from tielint.fixer import repair

    return repair(source, findings, settings, fix)


class LintError(Exception):
    """Why a text can't be linted, in one line."""


def find(source: SourceFile, settings: Settings) -> tuple[Finding, ...]:
    """All findings that the settings want, sorted.

    Raises:
        LintError: the text is not Python, or is nested too deeply to read.
    """
    rules = _selected(settings)
    if settings.prefilter:
        rules = wanted_by(source.text.encode(errors="surrogateescape"), rules)
    if not rules:
        return ()
    try:
        module = _parsed(source.text)
        from tielint.visitor import collect_facts

        facts = collect_facts(module)
        judged = _judged(facts, rules, settings)
        found = _located(facts, source, judged, settings) if judged else []
    except RecursionError:
        raise LintError("nested too deeply to be linted") from None
    return tuple(sorted(unsuppressed(found, source.text), key=lambda finding: finding.sort_key))


def _selected(settings: Settings) -> tuple[Rule, ...]:
    return tuple(rule for rule in all_rules() if settings.selects(rule.code))


def _parsed(text: str) -> cst.Module:
    import libcst as cst

    if _too_deep(text):
        raise LintError("nested too deeply to be linted")
    try:
        return cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        problem = _syntax_problem(text.encode(errors="replace"))
        message = problem or f"syntax error in line {error.raw_line}"
        raise LintError(message) from None


def _too_deep(text: str) -> bool:
    """Where LibCST's parser would overflow its stack, and take the process with it.

    Python's own parser gives up in time, but for long chains before 3.11.
    """
    import ast
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            level: list[ast.AST] = [ast.parse(text)]
    except SyntaxError as error:
        return "nested" in error.msg
    except (ValueError, RecursionError, MemoryError):
        return True
    depth = 0
    while level and depth <= DEEPEST_NESTING:
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        depth += 1
    return bool(level)


def _syntax_problem(data: bytes) -> str | None:
    """What Python itself says of the syntax."""
    import ast
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(data)
    except SyntaxError as error:
        return f"syntax error in line {error.lineno}: {error.msg}" if error.lineno else f"syntax error: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"can't be parsed: {error}"
    return None


def _judged(facts: FileFacts, rules: Iterable[Rule], settings: Settings) -> list[tuple[Rule, Judgement]]:
    """The best judgement of each rule on each tie: the same code may have run several times, knowing more or less."""
    best: dict[tuple[object, ...], tuple[Rule, Judgement]] = {}
    for rule in rules:
        for judgement in rule.check(facts):
            if judgement.confidence.rank > settings.min_confidence.rank:
                continue
            key = (rule.code, *judgement.tie.key)
            known = best.get(key)
            if known is None or _knows_more(judgement, known[1]):
                best[key] = (rule, judgement)
    return list(best.values())


def _knows_more(new: Judgement, old: Judgement) -> bool:
    def ignorance(judgement: Judgement) -> tuple[int, int]:
        tie = judgement.tie
        return (judgement.confidence.rank, int(tie.source.cell.presumed) + int(tie.target.cell.presumed))

    return ignorance(new) < ignorance(old)


def _several(ties: Iterable[Tie]) -> set[object]:
    """The keys of ties in loops whose turns tie different Parameters."""
    spelled: dict[object, set[tuple[str, str]]] = {}
    for tie in ties:
        if tie.place.loops:
            spelled.setdefault(tie.key, set()).add((tie.target.text, tie.source.text))
    return {key for key, pairs in spelled.items() if len(pairs) > 1}


def _located(
    facts: FileFacts, source: SourceFile, judged: list[tuple[Rule, Judgement]], settings: Settings
) -> list[Finding]:
    from tielint.fixes import Fixes
    from tielint.positions import Positions

    positions = Positions(facts.module)
    fixes = Fixes(
        facts.module, positions, settings, facts.names, (judgement for _, judgement in judged), _several(facts.ties)
    )
    found: dict[tuple[object, ...], Finding] = {}
    for rule, judgement in judged:
        tie = judgement.tie
        span = positions.span(tie.place.statement)
        made = tie.source.cell.node
        finding = Finding(
            code=rule.code,
            name=rule.name,
            message=judgement.message,
            verdict=judgement.verdict,
            confidence=judgement.confidence,
            path=source.path,
            span=span,
            source=tie.source.text,
            target=tie.target.text,
            source_span=positions.span(made) if made is not None else None,
            fix=fixes.of(judgement),
            statement_span=span,
        )
        found.setdefault((rule.code, span, finding.source, finding.target), finding)
    return list(found.values())

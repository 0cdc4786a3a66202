"""Removes imports that a fix left without a use. Called by `fixer.py` on a fixed text."""

from __future__ import annotations

import ast
import warnings

import libcst as cst


def without_orphaned_imports(before: str, after: str) -> str:
    """`after` without the module-level imports that `before` used and it does not.

    An import that nothing used before either, that is exported, or that carries a comment is left alone.
    """
    lost = _used_names(before) - _used_names(after)
    if not lost:
        return after
    module = cst.parse_module(after)
    body = [kept for statement in module.body if (kept := _without(statement, lost)) is not None]
    if body and module.body and body[0] is not module.body[0] and not module.header:
        body[0] = body[0].with_changes(leading_lines=_without_empty_lines(body[0]))
    return module.with_changes(body=body).code


def _without_empty_lines(statement: cst.SimpleStatementLine | cst.BaseCompoundStatement) -> list[cst.EmptyLine]:
    """The lines above what is the first statement now; a file begins with no empty ones."""
    lines = list(statement.leading_lines)
    while lines and lines[0].comment is None:
        lines.pop(0)
    return lines


def _used_names(text: str) -> set[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(text)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    strings = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return names | {
        word for text in strings if len(text) < 200 for word in text.replace(".", " ").replace("[", " ").split()
    }


def _without(
    statement: cst.SimpleStatementLine | cst.BaseCompoundStatement, lost: set[str]
) -> cst.SimpleStatementLine | cst.BaseCompoundStatement | None:
    match statement:
        case cst.SimpleStatementLine(body=[cst.Import() | cst.ImportFrom() as node]):
            names = node.names
            if isinstance(names, cst.ImportStar) or statement.trailing_whitespace.comment:
                return statement
            kept = [alias for alias in names if not _binds(alias, lost)]
            if len(kept) == len(names):
                return statement
            if not kept:
                return statement if any(line.comment for line in statement.leading_lines) else None
            kept[-1] = kept[-1].with_changes(comma=names[-1].comma)
            return statement.with_changes(body=[node.with_changes(names=kept)])
    return statement


def _binds(alias: cst.ImportAlias, lost: set[str]) -> bool:
    if alias.asname and isinstance(alias.asname.name, cst.Name):
        name = alias.asname.name.value
        return name in lost and alias.evaluated_name != name
    return alias.evaluated_name.partition(".")[0] in lost

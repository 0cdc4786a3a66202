"""Parses a file's text, or says in one line why it can't be; what both of its trees are asked for in many places."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from tielint.syntax import syntax_problem

if TYPE_CHECKING:
    import libcst as cst

DEEPEST_NESTING = 2_000
"""LibCST 1.9 parses 5,000 levels in the usual stack of 8 MB, and not 20,000."""


MOST_FRAMES = 3_000
"""Enough for a sum of 700 terms, and little enough for the stack of a process's main thread."""


_NEWLINE = re.compile(r"\r\n|\n|\r")
_QUOTED = r"\"\"\"(?s:\\.|[^\\])*?\"\"\"|'''(?s:\\.|[^\\])*?'''|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
COMMENT_OR_STRING = re.compile(rf"(#[^\n]*)|{_QUOTED}")
"""The first group is a comment; a string is without its prefix."""


def allow_deep_code() -> None:
    """To be called where a process starts: code that people write may be nested more deeply than Python's own limit."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), MOST_FRAMES))


class LintError(Exception):
    """Why a text can't be linted, in one line."""


def python_tree(text: str) -> ast.Module | None:
    """What Python's own parser makes of a text, many times faster than LibCST; None where it can't parse it.

    Raises:
        LintError: LibCST's parser would overflow its stack, and take the process with it. Python's gives up in time,
            but for long chains (not in 3.11): only statements that are long enough to nest so deeply are looked into.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except SyntaxError as error:
        if "nested" in error.msg:
            raise _too_deep() from None
        return None
    except (ValueError, RecursionError, MemoryError):
        raise _too_deep() from None
    if any(map(_deep, _long_statements(tree, list(accumulate([0, *map(len, lines_of(text))]))))):
        raise _too_deep()
    return tree


def lines_of(text: str) -> list[str]:
    """The rows of a text, as Python's own parser counts them."""
    return _NEWLINE.split(text) if "\r" in text else text.split("\n")


def parsed(text: str, tree: ast.Module | None) -> cst.Module:
    """LibCST's tree of a text, of which `python_tree` made this one.

    Raises:
        LintError: LibCST can't read the text.
    """
    import libcst as cst

    if tree is None and (problem := syntax_problem(text)):
        raise LintError(problem)
    try:
        return (_in_pieces(text, tree) if tree else None) or cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        raise LintError(f"line {error.raw_line} can't be read by LibCST, though it is valid") from None
    except cst.CSTValidationError as error:
        raise LintError(f"syntax error: {error}") from None


def _in_pieces(text: str, tree: ast.Module) -> cst.Module | None:
    """What LibCST would make of a text at once, with a fifth of the memory: it is given one statement at a time.

    None where it would read the pieces in another way than the whole, or can't.
    """
    import libcst as cst

    try:
        read = [cst.parse_module(piece) for piece in _pieces(text, tree)]
    except cst.ParserSyntaxError:
        return None
    if len(read) == 1:
        return read[0]
    indents = {piece.default_indent for piece in read if not isinstance(piece.body[-1], cst.SimpleStatementLine)}
    if len(indents) > 1:
        return None
    body = list(read[0].body)
    for before, piece in pairwise(read):
        first, *rest = piece.body
        body += [first.with_changes(leading_lines=(*before.footer, *piece.header, *first.leading_lines)), *rest]
    indent = indents.pop() if indents else read[0].default_indent
    return read[-1].with_changes(header=read[0].header, body=body, encoding=read[0].encoding, default_indent=indent)


def rows_of(tree: ast.Module) -> list[int]:
    """The rows in which the lines of statements that a module holds itself start, without decorators."""
    return [node.lineno for node in _first_in_lines(tree)]


def _first_in_lines(tree: ast.Module) -> list[ast.stmt]:
    """The statements of a module that begin a row: what stands behind one, after a semicolon, does not."""
    later = [after for before, after in pairwise(tree.body) if (before.end_lineno or 0) < first_row(after)]
    return [*tree.body[:1], *later]


def _pieces(text: str, tree: ast.Module) -> Iterator[str]:
    """The text from the first row of each statement of a module to the next; whole, where rows end in other ways."""
    lines = text.split("\n")
    whole = "\r" in text or any(line.strip() == "\\" for line in lines)
    starts = [] if whole else [first_row(node) for node in _first_in_lines(tree)[1:]]
    for first, last in pairwise([1, *starts, len(lines) + 1]):
        yield "\n".join([*lines[first - 1 : last - 1], *([""] if last <= len(lines) else [])])


def _too_deep() -> LintError:
    return LintError("nested too deeply to be linted")


def first_row(node: ast.stmt) -> int:
    """Decorators come before the row that Python gives a definition."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return decorators[0].lineno if decorators else node.lineno


def statements_in(node: ast.AST) -> Iterator[ast.stmt]:
    """All statements that a module or a statement holds, also those in others."""
    for block in blocks_of(node):
        for inner in block:
            yield inner
            yield from statements_in(inner)


def blocks_of(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """The statements that a module or a statement holds itself: those of `if`, of each `except`, and so on."""
    for name in ("body", "handlers", "cases", "orelse", "finalbody"):
        parts: list[ast.stmt] | list[ast.ExceptHandler] | list[ast.match_case] = getattr(node, name, [])
        if name in ("handlers", "cases"):
            yield from (part.body for part in parts if isinstance(part, ast.ExceptHandler | ast.match_case))
        else:
            yield [part for part in parts if isinstance(part, ast.stmt)]


def _long_statements(holder: ast.AST, ends: list[int]) -> Iterator[ast.stmt]:
    """The statements in a module, or in another, that are long enough to nest too deeply. ends: of the rows."""
    for block in blocks_of(holder):
        for node in block:
            last = min(node.end_lineno or node.lineno, len(ends) - 1)
            if ends[last] - ends[node.lineno - 1] > DEEPEST_NESTING:
                yield node
                yield from _long_statements(node, ends)


def _deep(node: ast.stmt) -> bool:
    """Whether a statement, without those in it, is nested too deeply."""
    level: list[ast.AST] = [node]
    depth = 0
    while level and depth <= DEEPEST_NESTING:
        level = [child for node in level for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt)]
        depth += 1
    return bool(level)

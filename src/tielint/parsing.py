"""Parses a file's text, or says in one line why it can't be. Called by `analysis.py` and `linter.py`."""

from __future__ import annotations

import ast
import re
import symtable
import warnings
from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import libcst as cst

DEEPEST_NESTING = 2_000
"""LibCST 1.9 parses 5,000 levels in the usual stack of 8 MB, and not 20,000."""


_NEWLINE = re.compile(r"\r\n|\n|\r")


class LintError(Exception):
    """Why a text can't be linted, in one line."""


def python_tree(text: str) -> ast.Module | None:
    """What Python's own parser makes of a text, many times faster than LibCST; None where it can't parse it.

    Raises:
        LintError: LibCST's parser would overflow its stack, and take the process with it. Python's gives up in time,
            but for long chains before 3.11: only statements that are long enough to nest so deeply are looked into.
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
    ends = list(accumulate([0, *map(len, lines_of(text))]))
    for node in statements_in(tree):
        last = min(node.end_lineno or node.lineno, len(ends) - 1)
        if ends[last] - ends[node.lineno - 1] > DEEPEST_NESTING and _deep(node):
            raise _too_deep()
    return tree


def lines_of(text: str) -> list[str]:
    """The rows of a text, as Python's own parser counts them."""
    return _NEWLINE.split(text) if "\r" in text else text.split("\n")


def parsed(text: str) -> cst.Module:
    """LibCST's tree of a text that `python_tree` has looked at, or of a part of one."""
    import libcst as cst

    try:
        return cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        problem = syntax_problem(text)
        message = problem or f"syntax error in line {error.raw_line}"
        raise LintError(message) from None


def _too_deep() -> LintError:
    return LintError("nested too deeply to be linted")


def statements_in(node: ast.AST) -> Iterator[ast.stmt]:
    """All statements that a module or a statement holds, also those in others."""
    for name in ("body", "handlers", "cases", "orelse", "finalbody"):
        for inner in getattr(node, name, ()):
            if isinstance(inner, ast.stmt):
                yield inner
            yield from statements_in(inner)


def _deep(node: ast.stmt) -> bool:
    """Whether a statement, without those in it, is nested too deeply."""
    level: list[ast.AST] = [node]
    depth = 0
    while level and depth <= DEEPEST_NESTING:
        level = [child for node in level for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt)]
        depth += 1
    return bool(level)


def syntax_problem(text: str) -> str | None:
    """What Python itself says of the syntax, or None where it has nothing to say.

    By way of the symbol table, which costs less than a tree that no one looks at, and finds more errors.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            symtable.symtable(text, "<unknown>", "exec")
    except SyntaxError as error:
        return f"syntax error in line {error.lineno}: {error.msg}" if error.lineno else f"syntax error: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"can't be parsed: {error}"
    return None

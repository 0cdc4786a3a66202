"""How expressions are written: their text, their names. Below everything that reads a tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache, lru_cache

import libcst as cst


def code_of(node: cst.CSTNode) -> str:
    """The source text of a node."""
    return _empty_module().code_for_node(node).strip()


def plain_code_of(node: cst.CSTNode) -> str:
    """The text of an expression or index as Python writes it: without comments, blanks and quotes of anyone's own."""
    return _as_python_writes(code_of(node))


@lru_cache(maxsize=4096)
def _as_python_writes(code: str) -> str:
    try:
        return ast.unparse(ast.parse(f"_[{code}\n]", mode="eval"))[2:-1]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return code


@cache
def _empty_module() -> cst.Module:
    return cst.Module([])


def parts_of(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """A node and all that it holds."""
    yield node
    for child in node.children:
        yield from parts_of(child)


def last_name(node: cst.BaseExpression) -> str | None:
    """`c` of `a.b.c`, of `a.b.c(...)`, and of `c`."""
    match node:
        case cst.Name(value=name):
            return name
        case cst.Attribute(attr=cst.Name(value=name)):
            return name
        case cst.Call(func=function):
            return last_name(function)
    return None


def dotted_name(node: cst.BaseExpression) -> str:
    """`a.b.c`; empty for what is no such name."""
    match node:
        case cst.Attribute(value=value, attr=cst.Name(value=name)):
            return f"{dotted_name(value)}.{name}"
        case cst.Name(value=name):
            return name
    return ""


def template(node: cst.FormattedString) -> str | None:
    """`enc{k}` of `f"enc{k}"`: what names the same attribute wherever `k` is the same; None where it starts unknown."""
    text = ""
    for part in node.parts:
        match part:
            case cst.FormattedStringText(value=literal):
                text += literal
            case cst.FormattedStringExpression(expression=inner, conversion=None, format_spec=None, equal=None):
                text += f"{{{plain_code_of(inner)}}}"
            case _:
                return None
    return text if text[:1].isidentifier() else None

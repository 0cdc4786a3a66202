"""A draft means what LibCST's own tree means: node for node, and comment for comment where statements carry them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import libcst as cst
import pytest
from hypothesis import given
from hypothesis import strategies as st
from proof import fixture_paths

from tielint.drafts import draft
from tielint.parsing import lines_of
from tielint.source import SourceFile
from tielint.visitor import captured, takes_all

EVERYTHING = '''
import os, sys as system, torch.nn.functional as F
from . import a
from ..b.c import (d as e, f)
from x import *

first: int = 1; second = third = 2  # two on a line
del first, third[0].x
del second
assert second, "why"
"""not a docstring"""  # said

@decorated
@also.decorated(1)  # on a decorator
def function(a, b: int = 1, /, c=[1, 2], *rest, d, e=None, **others) -> int:
    global second
    named = lambda x, *y, z=1, **k: (x, y)
    # above
    yield  # here
    received = yield x, 1
    yield from (n for n in range(3) if n if n > 1 for m in n)
    raise ValueError("no") from None

async def waits(*, only): await only(*a, b=1, **c); return

# above the class

# and this
class Model(Base[int], nn.Module, metaclass=Meta):  # a class
    """A docstring."""
    x = {**a, "b": 1, 2: {3, *four}, 5: {k: v for k, v in items}}
    y = {n for n in x}, [*x, 1, (2,)], [n async for n in x], (), [], {}

    def method(self):
        # first in the block
        self.a.b.c[0].d = -x ** ~y @ (not z) + 1.5e3 - 2j // 3 % 4 << 5 >> 6 & 7 | 8 ^ 9 / +10
        total += 1; self.total: int
        if (  # opening
            a and b or c and d and e  # inner
        ):  # the head
            pass
            # ends the block
        # of elif
        elif x is not None is y != 1 < 2 <= 3 > 4 >= 5 in z not in w == q: return x
        else:
            # in else
            if nested: other = 1; more = 2
        for i, (j, *k) in zip(a, b):  # of the loop
            break
        else: pass
        while (n := next(it)):
            continue
        else:
            import late

        # separated

        with open(p) as f, lock: pass  # with
        async_ = 1
        with a:
            # only
            b()
        try:
            t = x[1:2, ::3, ..., None, :], x[(1, 2)], x[a, b], x[1][::-1]
            # between
          # further out
        # of the handler
        except (A, B) as error: pass  # in one line
        except C:
            raise
        except: pass
        # of else
        else: u = f"{a!r:>{width}} {b} text {c:.2f}" "more"
            # ends it
        # of finally
        finally:  # at last
                # too far
            v = a if b else c
        match command:
            case [1, *others] if others:
                w = b"bytes", r"raw\\d", "a" "b", 0xFF, 1_000, True, None
                # ends the case
            # of the case
            case {"key": Point(x=0) as p, **k} | None: pass
            case 1 | Color.RED: pass
            case x if x: pass
            case (name): pass
        value = call(  # of the call
            a,  # of a

            # alone in it
            b=1,
        )
        text = """# no comment
        # neither"""; quote = '# no'  # yes "quoted"
'''

SHAPES = [
    "({}) + ({})",
    "({}) ** ({})",
    "({}) @ ({})",
    "not ({})",
    "-({})",
    "({}) and ({})",
    "({}) or ({})",
    "({}) is ({})",
    "({}) if ({}) else ({})",
    "({}).x",
    "({})[({})]",
    "({})(({}))",
    "lambda: ({})",
    "[({}) for a in ({}) if ({})]",
]
EXPRESSIONS = st.recursive(
    st.sampled_from(["a", "b", "c"]),
    lambda inner: st.builds(str.format, st.sampled_from(SHAPES), inner, inner, inner),
    max_leaves=8,
)

PUNCTUATION = (
    cst.BaseParenthesizableWhitespace,
    cst.TrailingWhitespace,
    cst.EmptyLine,
    cst.Comma,
    cst.Semicolon,
    cst.Colon,
    cst.Dot,
    cst.AssignEqual,
    cst.LeftParen,
    cst.RightParen,
    cst.LeftSquareBracket,
    cst.RightSquareBracket,
    cst.LeftCurlyBrace,
    cst.RightCurlyBrace,
    cst.ParamSlash,
    cst.Asynchronous,
)


LOST = {
    cst.FunctionDef: "returns",
    cst.Raise: "cause",
    cst.Assert: "msg",
    cst.AugAssign: "operator",
}
"""What a draft leaves out: nothing that runs a statement asks for it."""


def meaning(node: cst.CSTNode) -> object:
    """A tree without punctuation; literals by their values, formatted strings by what is in them."""
    match node:
        case cst.Name():
            return node.value
        case cst.SimpleString() | cst.Integer() | cst.Float():
            return repr(node.evaluated_value)
        case cst.ConcatenatedString() if node.evaluated_value is not None:
            return repr(node.evaluated_value)
        case cst.ConcatenatedString() | cst.FormattedString():
            return ["formatted", *(meaning(part.expression) for part in formatted(node))]
        case cst.Imaginary():
            return "imaginary"
        case cst.SubscriptElement(slice=cst.Index(value=value)):
            return ["index", meaning(value)]
        case cst.Expr(value=cst.SimpleString() | cst.ConcatenatedString() | cst.Ellipsis()):
            return ["Pass"]
        case cst.MatchCase(pattern=pattern):
            names = sorted(captured(pattern))
            return [
                "case",
                takes_all(node),
                *names,
                *(meaning(child) for child in node.children if child is not pattern),
            ]
    lost = getattr(node, LOST.get(type(node), ""), None)
    parts = [meaning(child) for child in node.children if child is not lost and not isinstance(child, PUNCTUATION)]
    return [type(node).__name__, *parts]


def formatted(node: cst.CSTNode) -> Iterator[cst.FormattedStringExpression]:
    if isinstance(node, cst.FormattedStringExpression):
        yield node
    for child in node.children:
        yield from formatted(child)


def commented(node: cst.CSTNode) -> Iterator[tuple[object, ...]]:
    """The comments of each statement and branch, in their order: those above it, also empty lines, and those in it."""
    above = [line.comment and line.comment.value for line in getattr(node, "leading_lines", ())]
    inside: list[str] = []
    body = getattr(node, "body", None)
    if isinstance(node, cst.SimpleStatementLine | cst.SimpleStatementSuite):
        parts = [child for child in node.children if not isinstance(child, cst.EmptyLine)]
        inside = [comment.value for part in parts for comment in comments_in(part)]
    elif isinstance(body, cst.IndentedBlock) and body.header.comment:
        inside = [body.header.comment.value]
    if above or inside:
        yield (type(node).__name__, above, " ".join(inside))
    for child in node.children:
        yield from commented(child)


def comments_in(node: cst.CSTNode) -> Iterator[cst.Comment]:
    if isinstance(node, cst.Comment):
        yield node
    for child in node.children:
        yield from comments_in(child)


def texts() -> Iterator[tuple[str, str]]:
    yield "everything", EVERYTHING
    for path in fixture_paths():
        yield path.stem, SourceFile.read(path).text


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in texts()])
def test_a_draft_means_what_the_text_means(text: str) -> None:
    made, read = draft(ast.parse(text), lines_of(text)), cst.parse_module(text)
    assert meaning(made) == meaning(read)
    ours, theirs = list(commented(made)), list(commented(read))
    assert ours == theirs


@given(EXPRESSIONS)
def test_an_expression_keeps_its_terms_apart(expression: str) -> None:
    text = f"x = {expression}"
    tree = ast.parse(text)
    assert ast.dump(ast.parse(draft(tree, [text]).code)) == ast.dump(tree)

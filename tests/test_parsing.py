"""What is parsed, and placed, statement by statement is what LibCST makes of the whole text."""

from __future__ import annotations

import ast
from itertools import product
from pathlib import Path

import libcst as cst
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tielint.parsing import LintError, parsed, python_tree, rows_of
from tielint.positions import Positions
from tielint.tree import Tree

FIXTURES = Path(__file__).parent.parent / "fixtures"

STATEMENTS = [
    "x = 1",
    "x = 1; y = 2",
    "x = [\n    1,\n]",
    "x = '''a\ndef no(): pass\n'''",
    "x = 1 + \\\n    2",
    "if x:\n    pass\nelse:\n  pass",
    "def f():\n    return 1",
    "def f():\n\treturn 1",
    "@d\n@e(1)\nclass A:\n    x = 1\n\n    def f(self):\n        pass",
    "class A: x = 1; y = 2",
    "@(\n    d\n)\ndef f():\n    return 1",
    "\\\n\nx = 1",
    "\x0cx = 1",
]
GAPS = ["", "\n", "# said\n", "    # said\n", "  # said\n", "   \n", "        # said\n# said\n\n    # said\n"]


def is_the_same(text: str) -> bool:
    made, whole = parsed(text, ast.parse(text)), cst.parse_module(text)
    settings = ("default_indent", "default_newline", "encoding", "has_trailing_newline")
    alike = all(getattr(made, name) == getattr(whole, name) for name in settings)
    return alike and made.deep_equals(whole) and made.code == whole.code


def is_in_place(text: str) -> bool:
    tree = Tree(cst.parse_module(text))
    each, whole = Positions(tree, rows_of(ast.parse(text))), Positions(tree, [])
    return all(each.span(node) == whole.span(node) for node in tree.parents)


@pytest.mark.parametrize("end", ["", "\n", "\n\n    # said", "\n# said\n"])
def test_two_statements_with_anything_between(end: str) -> None:
    for one, gap, two in product(STATEMENTS, GAPS, STATEMENTS):
        assert is_the_same(f"{one}\n{gap}{two}{end}")


@pytest.mark.parametrize("text", ["", "\n", "# said\n", "    # said", "x = 1"])
def test_hardly_a_statement(text: str) -> None:
    assert is_the_same(text)


@given(st.lists(st.tuples(st.sampled_from(GAPS), st.sampled_from(STATEMENTS)), min_size=1, max_size=6))
def test_any_statements(parts: list[tuple[str, str]]) -> None:
    text = "".join(f"{gap}{statement}\n" for gap, statement in parts)
    assert is_the_same(text)
    assert is_in_place(text)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_fixtures(newline: str) -> None:
    for path in sorted(FIXTURES.rglob("*.py"))[::7]:
        text = path.read_bytes().decode("latin-1").replace("\r\n", "\n").replace("\n", newline)
        assert is_the_same(text), path
        assert is_in_place(text), path


@pytest.mark.parametrize("statement", ["print 1", "(x): int = 1"])
def test_what_cannot_be_read_is_told_by_its_row_in_the_file(statement: str) -> None:
    text = f"x = 1\n\n\ndef f():\n    pass\n\n\n{statement}\n"
    with pytest.raises(LintError, match="line 8"):
        parsed(text, python_tree(text))

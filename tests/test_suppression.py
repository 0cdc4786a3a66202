"""`# noqa`: which comments silence which findings."""

from __future__ import annotations

from pathlib import Path

import pytest

from tielint.findings import Confidence, Finding, Position, Span, Verdict
from tielint.suppression import unsuppressed


def finding(row: int, last: int | None = None) -> Finding:
    return Finding(
        code="TIE101",
        name="parameter-rewrap",
        message="",
        verdict=Verdict.ALIAS,
        confidence=Confidence.LIKELY,
        path=Path("a.py"),
        span=Span(Position(row, 1), Position(last or row, 5)),
        source="a",
        target="b",
    )


def is_silent(text: str, row: int = 1, last: int | None = None) -> bool:
    return not unsuppressed([finding(row, last)], text)


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "#noqa",
        "# NoQA",
        "# noqa: TIE101",
        "# noqa:TIE101",
        "# noqa : TIE101",
        "# noqa: tie101",
        "# noqa: E501, TIE101",
        "# noqa: E501 TIE101",
        "# noqa: E501,TIE101",
        "# noqa: TIE1",
        "# noqa: TIE",
        "# noqa: TIE101 the alias is wanted",
        "# type: ignore  # noqa: TIE101",
        "# why it is so # noqa",
    ],
)
def test_silenced(comment: str) -> None:
    assert is_silent(f"x = 1  {comment}\n")


@pytest.mark.parametrize(
    "comment",
    [
        "",
        "# noqa: E501",
        "# noqa: TIE102",
        "# noqa: TIE1011",
        "# noqa:",
        "# noqa: , TIE101",
        "# nothing about noqa",
        "# noqa-file",
        "# noqable",
        "# ruff: noqa: TIE101",
    ],
)
def test_not_silenced(comment: str) -> None:
    assert not is_silent(f"x = 1  {comment}\n")


def test_only_the_line_of_the_finding() -> None:
    text = "x = 1  # noqa\ny = 2\n"
    assert is_silent(text, 1)
    assert not is_silent(text, 2)


def test_the_last_line_of_the_statement() -> None:
    text = "x = f(\n    1,  # noqa\n)  # noqa: TIE101\n"
    assert is_silent(text, 1, 3)
    assert not is_silent(text, 1)


def test_a_string_is_no_comment() -> None:
    assert not is_silent("x = '# noqa'\n")
    assert not is_silent('x = """\n# noqa\n"""\n', 2)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_all_newlines_count(newline: str) -> None:
    text = newline.join(["s = '''", "\f\u2028", "'''", "x = 1  # noqa", ""])
    assert is_silent(text, 4)
    assert not is_silent(text, 3)


def test_what_cannot_be_tokenized_is_read_by_line() -> None:
    assert is_silent("x = 1  # noqa\ny = (\n")

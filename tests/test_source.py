"""Reading and rewriting files: what a rewrite must never lose."""

from __future__ import annotations

import codecs
import os
import stat
from pathlib import Path

import libcst as cst
import pytest
from hypothesis import given
from hypothesis import strategies as st
from libcst.metadata import MetadataWrapper, PositionProvider

from tielint.findings import Edit, Position, Span
from tielint.source import MAX_BYTES, SourceError, SourceFile, apply_edits

NAME = Path("a.py")
SEPARATORS = ["\n", "\r\n", "\r", "\f", "\x0b", "\x1c", "\x85", "\u2028"]
ENCODINGS = ["utf-8", "latin-1", "cp1252", "koi8-r", "shift_jis", "gb18030", "euc-jp"]

texts = st.lists(st.sampled_from(["a", " ", "é", "猫", "𝛼", *SEPARATORS]), max_size=40).map("".join)
letters = st.text(st.sampled_from("a\\~¥éßжЖ€猫んア・𝛼"), max_size=20)


def source(text: str) -> SourceFile:
    return SourceFile(NAME, text)


def span(file: SourceFile, start: int, end: int) -> Span:
    return Span(file.position(start), file.position(end))


@given(texts)
def test_every_offset_has_one_position(text: str) -> None:
    file = source(text)
    for offset in range(len(text) + 1):
        assert file.offset(file.position(offset)) == offset


@pytest.mark.parametrize("separator", SEPARATORS)
def test_lines_are_those_of_libcst(separator: str) -> None:
    file = source(f"s = '''a{separator}b'''\nx = 1\n")
    wrapper = MetadataWrapper(cst.parse_module(file.text))
    positions = wrapper.resolve(PositionProvider)
    names = {node.value: at.start for node, at in positions.items() if isinstance(node, cst.Name)}
    assert file.position(file.text.index("x")) == Position(names["x"].line, names["x"].column + 1)


def test_columns_count_characters() -> None:
    file = source("x = '𝛼猫'; y = 1\n")
    assert file.position(file.text.index("y")) == Position(1, 11)


@pytest.mark.parametrize("position", [Position(0, 1), Position(3, 1), Position(1, 0), Position(1, 9)])
def test_a_position_outside_the_text_is_an_error(position: Position) -> None:
    with pytest.raises(ValueError, match="outside"):
        source("x = 1\n").offset(position)


def test_a_line_has_no_newline() -> None:
    file = source("one\r\ntwo\rthree\n")
    assert [file.line(row) for row in (1, 2, 3, 4)] == ["one", "two", "three", ""]


@given(st.data())
def test_edits_change_their_spans_and_nothing_else(data: st.DataObject) -> None:
    file = source(data.draw(texts))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(file.text)), max_size=8)))
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    edits = [Edit(data.draw(texts), span(file, start, end)) for start, end in pairs]
    expected = file.text
    for (start, end), edit in reversed(list(zip(pairs, edits, strict=True))):
        expected = expected[:start] + edit.content + expected[end:]
    assert apply_edits(file, edits) == expected


@given(st.permutations([(0, 1, "A"), (2, 2, "B"), (3, 5, "")]))
def test_the_order_of_edits_does_not_matter(edits: list[tuple[int, int, str]]) -> None:
    file = source("012345")
    assert apply_edits(file, [Edit(content, span(file, start, end)) for start, end, content in edits]) == "A1B25"


@pytest.mark.parametrize("pair", [((0, 3), (2, 4)), ((0, 3), (1, 2)), ((0, 3), (1, 1)), ((0, 3), (0, 3))])
def test_overlapping_edits_are_refused(pair: tuple[tuple[int, int], tuple[int, int]]) -> None:
    file = source("012345")
    with pytest.raises(ValueError, match="overlap"):
        apply_edits(file, [Edit("x", span(file, *bounds)) for bounds in pair])


def test_edits_that_touch_are_no_overlap() -> None:
    file = source("012345")
    edits = [Edit("a", span(file, 0, 2)), Edit("b", span(file, 2, 2)), Edit("c", span(file, 2, 4))]
    assert apply_edits(file, edits) == "abc45"


@given(letters, st.sampled_from(ENCODINGS), st.sampled_from(["\n", "\r\n", "\r"]))
def test_bytes_survive_decoding_and_encoding(text: str, encoding: str, newline: str) -> None:
    written = f"# coding: {encoding}{newline}x = '{text}'{newline}".encode(encoding, errors="ignore")
    file = SourceFile.from_bytes(written, NAME)
    assert file.text.startswith(f"# coding: {encoding}{newline}x")
    assert file.encode(file.text) == written


def test_a_bom_is_kept_and_is_no_text() -> None:
    written = codecs.BOM_UTF8 + "x = 'é'\r\n".encode()
    file = SourceFile.from_bytes(written, NAME)
    assert file.text == "x = 'é'\r\n"
    assert file.encode(file.text) == written


def test_a_cookie_in_the_second_line_counts() -> None:
    file = SourceFile.from_bytes(
        "#!/usr/bin/python\n# vim: set fileencoding=latin-1 :\nx = 'é'\n".encode("latin-1"), NAME
    )
    assert file.text.endswith("x = 'é'\n")


def test_a_cookie_in_the_third_line_does_not_count() -> None:
    with pytest.raises(SourceError, match="not valid UTF-8"):
        SourceFile.from_bytes("\n\n# coding: latin-1\nx = 'é'\n".encode("latin-1"), NAME)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"x = 1\ny = '\xe9'\n", "not valid UTF-8, and no other encoding is declared: byte 0xe9 in line 2"),
        (b"# coding: klingon\n", "unknown encoding: klingon"),
        (b"# coding: rot13\n", "not valid rot13"),
        (b"# coding: ascii\nx = '\xe9'\n", "not valid ascii: byte 0xe9 in line 2"),
        (codecs.BOM_UTF8 + b"# coding: latin-1\n", "its BOM says UTF-8, its cookie says iso-8859-1"),
        ("x = 1\n".encode("utf-16"), "encoded as UTF-16, which Python does not read"),
        ("x = 1\n".encode("utf-32"), "encoded as UTF-32, which Python does not read"),
        (b"x = 1\r\ny\0 = 2\n", "null byte in line 2"),
        (b"#" * (MAX_BYTES + 1), "larger than 10 MB; not linted"),
    ],
)
def test_what_cannot_be_decoded_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(SourceError) as error:
        SourceFile.from_bytes(data, NAME)
    assert str(error.value) == reason


def test_a_text_that_the_encoding_lacks_is_refused() -> None:
    file = SourceFile.from_bytes(b"# coding: latin-1\n", NAME)
    with pytest.raises(SourceError, match="has no"):
        file.encode("x = '猫'\n")


def test_an_encoding_that_loses_bytes_is_never_written() -> None:
    file = SourceFile.from_bytes(b"# coding: utf-7\nx = '+AGE-'\n", NAME)
    with pytest.raises(SourceError, match="not rewritten"):
        file.encode(file.text)


def test_writing_keeps_the_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"x = 1\r\n")
    path.chmod(0o755)
    SourceFile.read(path).write("x = 2\r\n")
    assert path.read_bytes() == b"x = 2\r\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o755


def test_writing_through_a_link_keeps_the_link(tmp_path: Path) -> None:
    target, link = tmp_path / "elsewhere" / "a.py", tmp_path / "a.py"
    target.parent.mkdir()
    target.write_bytes(b"x = 1\n")
    link.symlink_to(target)
    SourceFile.read(link).write("x = 2\n")
    assert link.is_symlink()
    assert target.read_bytes() == b"x = 2\n"


def test_a_failed_write_leaves_all_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"x = 1\n")
    file = SourceFile.read(path)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SourceError, match="cannot be written: No space left on device"):
        file.write("x = 2\n")
    assert path.read_bytes() == b"x = 1\n"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    with pytest.raises(SourceError, match="not a regular file"):
        SourceFile.read(tmp_path / "pipe.py")

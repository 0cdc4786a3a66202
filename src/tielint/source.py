"""One source file: its text, and what a rewrite must keep (encoding, BOM, newlines, permissions).

Read by the linter and the fixer, which need text and offsets; written by `run.py`.
"""

from __future__ import annotations

import codecs
import os
import re
import stat
import tokenize
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from tielint.findings import Edit, Position, Span
from tielint.reads import read, unreadable

MAX_BYTES = 10_000_000
"""Code that people write is far smaller; what is larger was generated and would take minutes to parse."""

_NEWLINE = re.compile(r"\r\n|\n|\r")
_FIRST_LINES = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r|$)")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")


class SourceError(Exception):
    """Why a file can't be linted or rewritten, in one line that does not name the file."""


class EditError(ValueError):
    """Edits that can't be made in a text."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """The text of one file, without its BOM and with its newlines as they are.

    Lines end where LibCST ends them: at `\\r\\n`, `\\n` and `\\r`, never at a form feed or a Unicode separator.
    """

    path: Path
    text: str
    encoding: str = "utf-8"
    bom: bool = False
    faithful: bool = True
    _starts: list[int] = field(default_factory=list, init=False, repr=False, compare=False)

    @classmethod
    def read(cls, path: Path) -> SourceFile:
        """Reads a file from disk."""
        return cls.from_bytes(read_bytes(path), path)

    @classmethod
    def from_bytes(cls, data: bytes, path: Path) -> SourceFile:
        """Decodes as Python itself does: by BOM, by cookie (PEP 263), else as UTF-8."""
        _refuse_too_large(len(data))
        _refuse_other_unicode(data)
        if (null := data.find(b"\0")) >= 0:
            raise SourceError(f"null byte in line {_line_of(data, null)}")
        bom = data.startswith(codecs.BOM_UTF8)
        body = data[len(codecs.BOM_UTF8) :] if bom else data
        encoding = _declared_encoding(body, bom=bom)
        text = _decode(body, encoding)
        return cls(path, text, encoding, bom, faithful=encoding == "utf-8" or _same_bytes(text, encoding, body))

    def with_text(self, text: str) -> SourceFile:
        """The same file with another text."""
        return replace(self, text=text)

    def encode(self, text: str) -> bytes:
        """The bytes of a new text for this file, in its own encoding and with its BOM."""
        if not self.faithful:
            raise SourceError(f"its encoding {self.encoding} does not give the same bytes back; not rewritten")
        try:
            body = text.encode(self.encoding)
        except UnicodeEncodeError as error:
            unfit = error.object[error.start]
            raise SourceError(f"its encoding {self.encoding} has no {unfit!a}; not rewritten") from None
        return codecs.BOM_UTF8 + body if self.bom else body

    def write(self, text: str) -> None:
        """Puts a new text in the file's place, whole or not at all. A link stays a link; its target is rewritten."""
        data = self.encode(text)
        try:
            _replace_file(Path(os.path.realpath(self.path)), data)
        except OSError as error:
            raise SourceError(f"cannot be written: {error.strerror or error}") from None

    @property
    def line_starts(self) -> list[int]:
        """The offset at which each line starts."""
        if not self._starts:
            self._starts.extend((0, *(newline.end() for newline in _NEWLINE.finditer(self.text))))
        return self._starts

    def line(self, row: int) -> str:
        """The text of a line, without its newline."""
        starts = self.line_starts
        end = starts[row] if row < len(starts) else len(self.text)
        return self.text[starts[row - 1] : end].rstrip("\r\n")

    def offset(self, position: Position) -> int:
        """Where in the text a position is."""
        starts = self.line_starts
        if not 1 <= position.row <= len(starts):
            raise EditError(f"{position} is outside a text of {len(starts)} lines")
        offset = starts[position.row - 1] + position.column - 1
        end = starts[position.row] if position.row < len(starts) else len(self.text)
        if position.column < 1 or offset > end:
            raise EditError(f"{position} is outside its line")
        return offset

    def position(self, offset: int) -> Position:
        """Which position an offset is."""
        row = bisect_right(self.line_starts, offset)
        return Position(row, offset - self.line_starts[row - 1] + 1)

    def slice(self, span: Span) -> str:
        """The text of a span."""
        return self.text[self.offset(span.start) : self.offset(span.end)]


def read_bytes(path: Path) -> bytes:
    """A file's bytes; only a regular file's, because a pipe or a device might never end, and only a small one's."""
    read(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise SourceError("not a regular file")
        _refuse_too_large(status.st_size)
        return path.read_bytes()
    except OSError as error:
        unreadable(path)
        raise SourceError(f"cannot be read: {error.strerror or error}") from None
    except ValueError:
        raise SourceError("cannot be read: null byte in its name") from None


def apply_edits(source: SourceFile, edits: Iterable[Edit]) -> str:
    """The text after all edits, which refer to the text before. Insertions at one place keep their order."""
    placed = sorted(
        ((source.offset(edit.span.start), source.offset(edit.span.end), edit.content) for edit in edits),
        key=lambda placed_edit: placed_edit[:2],
    )
    pieces: list[str] = []
    done = 0
    for start, end, content in placed:
        if start < done or end < start:
            raise EditError(f"edits overlap at {source.position(start)}")
        pieces += (source.text[done:start], content)
        done = end
    return "".join((*pieces, source.text[done:]))


def _refuse_too_large(size: int) -> None:
    if size > MAX_BYTES:
        raise SourceError(f"larger than {MAX_BYTES // 1_000_000} MB; not linted")


def _refuse_other_unicode(data: bytes) -> None:
    """UTF-32 comes first: its BOM starts with that of UTF-16."""
    for name, boms in (
        ("UTF-32", (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)),
        ("UTF-16", (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)),
    ):
        if data.startswith(boms):
            raise SourceError(f"encoded as {name}, which Python does not read")


def _declared_encoding(body: bytes, *, bom: bool) -> str:
    """The cookie's encoding, under the name that Python gives it."""
    # tokenize wants lines that end in \n and UTF-8 around the cookie, which itself is always ASCII.
    first = _FIRST_LINES.match(body)
    second = _FIRST_LINES.match(body, first.end()) if first else None
    head = [_NOT_ASCII.sub(b"?", line.group()).rstrip(b"\r\n") + b"\n" for line in (first, second) if line]
    try:
        encoding, _ = tokenize.detect_encoding(iter(head).__next__)
    except SyntaxError as error:
        raise SourceError(str(error)) from None
    if bom and encoding != "utf-8":
        raise SourceError(f"its BOM says UTF-8, its cookie says {encoding}")
    return encoding


def _decode(body: bytes, encoding: str) -> str:
    try:
        text = body.decode(encoding)
        if encoding != "utf-8":
            text.encode()  # an escape-like encoding can make lone surrogates, which no parser takes
    except UnicodeDecodeError as error:
        where = f"byte 0x{body[error.start]:02x} in line {_line_of(body, error.start)}"
        raise SourceError(f"not valid {_spoken(encoding)}: {where}") from None
    except (UnicodeError, LookupError):
        raise SourceError(f"not valid {_spoken(encoding)}") from None
    return text


def _spoken(encoding: str) -> str:
    return "UTF-8, and no other encoding is declared" if encoding == "utf-8" else encoding


def _same_bytes(text: str, encoding: str, body: bytes) -> bool:
    try:
        return text.encode(encoding) == body
    except (UnicodeError, LookupError):
        return False


def _line_of(data: bytes, offset: int) -> int:
    before = data[:offset]
    return 1 + before.count(b"\n") + before.count(b"\r") - before.count(b"\r\n")


def _replace_file(target: Path, data: bytes) -> None:
    mode = stat.S_IMODE(target.stat().st_mode)
    if not os.access(target, os.W_OK):
        raise PermissionError(13, "the file is read-only")
    import tempfile

    handle, name = tempfile.mkstemp(prefix=".tielint-", dir=target.parent)
    try:
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(handle)
        os.chmod(name, mode)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise

"""What the linter says: findings and fixes as plain data. Made by the rules, read by every report."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Verdict(str, Enum):
    """What code that looks like a tie really is."""

    ERROR = "error"
    ALIAS = "alias"
    COPY = "copy"
    GRAD_CUT = "grad-cut"
    STALE = "stale"
    BROKEN_LATER = "broken-later"
    ACCIDENTAL = "accidental"


class Confidence(str, Enum):
    """How sure a finding is. Default runs report `CERTAIN` and `LIKELY`."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"

    @property
    def rank(self) -> int:
        """0 for the surest; a lower rank is more confident."""
        return list(Confidence).index(self)


class Applicability(str, Enum):
    """Who may apply a fix: `--fix` the safe ones, `--unsafe-fixes` also the unsafe ones, nobody a display-only one."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    DISPLAY_ONLY = "display-only"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a text. Rows and columns count from 1, columns in characters."""

    row: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of text from `start` up to, not including, `end`."""

    start: Position
    end: Position


@dataclass(frozen=True, slots=True)
class Edit:
    """Replaces the text of `span` by `content`; an empty span inserts, an empty content deletes."""

    content: str
    span: Span


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that turn a broken tie into a real one. A display-only fix may have no edits: its message is advice."""

    applicability: Applicability
    message: str
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken tie.

    `source` and `target` name the two sides as the code spells them (`self.encoder.weight`, `self.decoder.weight`).
    `source_span` is where the source's layer or Parameter is created, if that is in the same file.
    """

    code: str
    name: str
    message: str
    verdict: Verdict
    confidence: Confidence
    path: Path
    span: Span
    source: str
    target: str
    source_span: Span | None = None
    fix: Fix | None = None

    @property
    def url(self) -> str:
        """Where the rule is documented."""
        return rule_url(self.code, self.name)

    @property
    def sort_key(self) -> tuple[str, Span, str]:
        """Reports are sorted by file, line, column, code."""
        return (str(self.path), self.span, self.code)


def rule_url(code: str, name: str) -> str:
    """The rule's page on the documentation site."""
    return f"https://tielint.readthedocs.io/rules/{code}-{name}"

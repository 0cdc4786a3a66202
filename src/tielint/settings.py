"""What a run was asked to do, after configuration file and command line are merged. Read by linter and fixer."""

from dataclasses import dataclass

from tielint.findings import Confidence


class ConfigError(Exception):
    """Why a run can't do what it was asked to do, in one line."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`select` and `ignore` hold code prefixes (`TIE`, `TIE1`, `TIE101`); the longest matching prefix wins.

    `tied_linear` is the dotted name of the user's own TiedLinear class, which fixes then import instead of writing one.
    """

    select: tuple[str, ...] = ("TIE",)
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    tied_linear: str | None = None
    min_confidence: Confidence = Confidence.LIKELY
    prefilter: bool = True

    def selects(self, code: str, *, default: bool = True) -> bool:
        """Whether a finding with this code is wanted; a rule that is not on by default must be named, or its family."""

        def longest(prefixes: tuple[str, ...]) -> int:
            return max((len(prefix) for prefix in prefixes if code.startswith(prefix)), default=-1)

        select = self.select if default else tuple(prefix for prefix in self.select if not prefix.isalpha())
        return longest(select) > longest(self.ignore)

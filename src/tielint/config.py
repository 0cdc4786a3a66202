"""Reads `[tool.tielint]` and merges it with the command line into Settings. Called by the command line, once a run."""

from __future__ import annotations

import keyword
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tielint.findings import Confidence
from tielint.reads import is_file, read
from tielint.registry import all_rules
from tielint.settings import ConfigError, Settings

KEYS = ("select", "ignore", "exclude", "tied-linear", "min-confidence")

Table = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Config:
    """Settings, the directory that their exclude patterns are relative to, and the file that they come from."""

    settings: Settings
    root: Path
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line says; None is not said."""

    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None
    min_confidence: Confidence | None = None
    prefilter: bool = True


def load(overrides: Overrides, *, file: Path | None = None, directory: Path | None = None) -> Config:
    """The settings of a run in `directory`, from `file` or the nearest pyproject.toml with a `[tool.tielint]` table."""
    directory = directory or Path.cwd()
    found = _named(file) if file else _nearest(directory)
    config = _configured(*found) if found else Config(Settings(), directory)
    return _overridden(config, overrides, directory)


def _named(file: Path) -> tuple[Path, Table]:
    table = _table(file)
    if table is None:
        raise ConfigError(f"{file}: there is no [tool.tielint] table")
    return file, table


def _nearest(directory: Path) -> tuple[Path, Table] | None:
    for parent in (directory, *directory.parents):
        file = parent / "pyproject.toml"
        if is_file(file) and (table := _table(file)) is not None:
            return file, table
    return None


def _table(file: Path) -> Table | None:
    read(file)
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        document: dict[str, object] = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise ConfigError(f"{file}: not valid TOML: {error}") from None
    tools = document.get("tool", {})
    table = tools.get("tielint") if isinstance(tools, dict) else None
    if table is not None and not isinstance(table, dict):
        raise ConfigError(f"{file}: tool.tielint is no table")
    return table


def _configured(file: Path, table: Table) -> Config:
    where = f"{file}: [tool.tielint]"
    for key in table:
        if key not in KEYS:
            raise ConfigError(f"{where} unknown key {key!r}{_did_you_mean(key, KEYS)}")
    settings = Settings()
    if "select" in table:
        settings = replace(settings, select=known_codes(_strings(table, "select", where), f"{where} select"))
    if "ignore" in table:
        settings = replace(settings, ignore=known_codes(_strings(table, "ignore", where), f"{where} ignore"))
    if "exclude" in table:
        settings = replace(settings, exclude=_strings(table, "exclude", where))
    if "tied-linear" in table:
        settings = replace(settings, tied_linear=_dotted_name(table["tied-linear"], where))
    if "min-confidence" in table:
        settings = replace(settings, min_confidence=_confidence(table["min-confidence"], where))
    return Config(settings, file.parent, file)


def _overridden(config: Config, overrides: Overrides, directory: Path) -> Config:
    """`--select` sets the file's `ignore` aside too, so that a code which is asked for by name is never ignored."""
    settings, root = replace(config.settings, prefilter=overrides.prefilter), config.root
    if overrides.select is not None:
        settings = replace(settings, select=known_codes(overrides.select, "--select"), ignore=())
    if overrides.ignore is not None:
        settings = replace(settings, ignore=known_codes(overrides.ignore, "--ignore"))
    if overrides.min_confidence is not None:
        settings = replace(settings, min_confidence=overrides.min_confidence)
    if overrides.exclude is not None:
        settings, root = replace(settings, exclude=overrides.exclude), directory
    return Config(settings, root, config.file)


def known_codes(prefixes: Sequence[str], where: str) -> tuple[str, ...]:
    """Codes and prefixes of codes, of which each fits a rule. `ALL` is the empty prefix."""
    codes = [rule.code for rule in all_rules()]
    if not prefixes and where.endswith("select"):
        raise ConfigError(f"{where} is empty: no rule is on")
    for prefix in prefixes:
        if prefix != "ALL" and not (prefix and any(code.startswith(prefix.upper()) for code in codes)):
            raise ConfigError(f"{where}: no rule has a code like {prefix!r}{_did_you_mean(prefix.upper(), codes)}")
    return tuple("" if prefix == "ALL" else prefix.upper() for prefix in prefixes)


def _strings(table: Table, key: str, where: str) -> tuple[str, ...]:
    value = table[key]
    if not isinstance(value, list):
        raise ConfigError(f"{where} {key} must be a list of strings, not {value!r}")
    for item in value:
        if not isinstance(item, str):
            raise ConfigError(f"{where} {key} must be a list of strings, but has {item!r}")
    return tuple(item for item in value if isinstance(item, str))


def _dotted_name(value: object, where: str) -> str:
    parts = value.split(".") if isinstance(value, str) else []
    if len(parts) < 2 or not all(part.isidentifier() and not keyword.iskeyword(part) for part in parts):
        raise ConfigError(
            f"{where} tied-linear must name a class with its module, as 'pkg.layers.TiedLinear': {value!r}"
        )
    return ".".join(parts)


def _confidence(value: object, where: str) -> Confidence:
    try:
        return Confidence(value)
    except ValueError:
        allowed = ", ".join(confidence.value for confidence in Confidence)
        raise ConfigError(f"{where} min-confidence must be one of {allowed}, not {value!r}") from None


def _did_you_mean(word: str, words: Sequence[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, words, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""

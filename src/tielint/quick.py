"""The answer to the commonest question, whether these few files are clean, where little has to be loaded to know it.

Asked by `__main__.py` before the command line is imported. Where it is not sure it says nothing: the long way is taken.
"""

from __future__ import annotations

import os
import sys

from tielint.reads import upward
from tielint.syntax import syntax_problem

MOST_BYTES = 1_000_000
_PLAIN_OPTIONS = frozenset(["-q", "--quiet", "--fix", "--unsafe-fixes", "--force-exclude", "--exit-zero", "--no-cache"])


def answer(arguments: list[str]) -> str | None:
    """What a run would print whose files are all Python in which no rule finds a candidate; None for any other run."""
    if arguments[:1] != ["check"]:
        return None
    options = [argument for argument in arguments[1:] if argument.startswith("-")]
    paths = [argument for argument in arguments[1:] if not argument.startswith("-")]
    if not paths or not _PLAIN_OPTIONS.issuperset(options) or len({*map(os.path.realpath, paths)}) < len(paths):
        return None
    if not all(_is_clean(path) for path in paths) or _is_configured(os.getcwd()):
        return None
    if not {"-q", "--quiet"}.isdisjoint(options):
        return ""
    return "1 file is clean.\n" if len(paths) == 1 else f"All {len(paths)} files are clean.\n"


def _is_clean(path: str) -> bool:
    if not path.endswith((".py", ".pyi")) or not os.path.isfile(path) or os.path.getsize(path) > MOST_BYTES:
        return False
    try:
        with open(path, "rb") as stream:
            data = stream.read()
        text = data.decode("utf-8")
    except (OSError, ValueError):
        return False
    from tielint.prefilter import speaks_of_torch

    encoded = data.startswith(b"\xef\xbb\xbf") or any(b"coding" in line for line in data.split(b"\n", 2)[:2])
    if encoded or (speaks_of_torch(data) and _may_hold_a_finding(data, path)):
        return False
    return syntax_problem(text) is None


def _may_hold_a_finding(data: bytes, path: str) -> bool:
    """Whether the gate lets the file through for any rule that is on where nothing is configured."""
    from tielint.installed import has_foreign_rules
    from tielint.prefilter import is_bare, wanted_by

    if is_bare(data, path) and not has_foreign_rules():
        return False
    from pathlib import Path

    from tielint.registry import all_rules
    from tielint.settings import ConfigError

    try:
        return bool(wanted_by(data, Path(path), [rule for rule in all_rules() if rule.default]))
    except ConfigError:  # the long way says it
        return True


def _is_configured(directory: str) -> bool:
    """Whether a pyproject.toml above may have something to say."""
    for place in upward(directory):
        try:
            with open(os.path.join(place, "pyproject.toml"), "rb") as stream:
                data = stream.read()
        except OSError:
            continue
        if b"tielint" in data or not _is_toml(data):
            return True
    return False


def _is_toml(data: bytes) -> bool:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        tomllib.loads(data.decode("utf-8"))
    except ValueError:
        return False
    return True

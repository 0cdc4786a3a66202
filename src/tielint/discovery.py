"""Turns the paths of a command line into the files to lint, as Ruff and git would choose them.

Called by `run.py`. What is named is linted; what is found in a directory must be Python, and not be ignored.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tielint.reads import is_there, read
from tielint.report import Problem
from tielint.settings import ConfigError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

# fmt: off
SKIPPED = frozenset({
    ".bzr", ".direnv", ".eggs", ".git", ".git-rewrite", ".hg", ".ipynb_checkpoints", ".mypy_cache", ".nox", ".pants.d",
    ".pyenv", ".pytest_cache", ".pytype", ".ruff_cache", ".svn", ".tielint_cache", ".tox", ".venv", ".vscode",
    "__pycache__", "__pypackages__", "_build", "buck-out", "build", "dist", "node_modules", "site-packages", "venv",
})
# fmt: on
"""Directories that hold other people's code or no code. They are linted only when named."""


@dataclass(frozen=True, slots=True)
class Discovered:
    """Files in the order of their absolute paths, each once, and the paths that could not be searched.

    `named` holds those files that were not found in a directory but asked for.
    """

    files: tuple[Path, ...]
    named: frozenset[Path]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Ignores:
    """The patterns of one file, which are relative to `directory`; None where there are none."""

    directory: Path
    spec: GitIgnoreSpec | None

    def verdict(self, path: Path, *, is_directory: bool) -> bool | None:
        """True for ignored, False for kept by a `!` pattern, None if no pattern is about this path."""
        if self.spec is None or not path.is_relative_to(self.directory):
            return None
        relative = path.relative_to(self.directory).as_posix()
        return self.spec.check_file(relative + "/" if is_directory else relative).include


Entry = tuple[Path, str]
"""A path as the user would write it, and the same path made absolute."""


def discover(paths: Sequence[Path], exclude: Sequence[str], root: Path, *, force: bool = False) -> Discovered:
    """The files under `paths`; `exclude` holds gitignore patterns relative to `root`, with `force` also for `paths`."""
    excluded = exclusions(exclude, root)
    found: list[Entry] = []
    problems: list[Problem] = []
    for path in paths:
        if force and excluded.verdict(_absolute(path), is_directory=os.path.isdir(path)):
            continue
        if os.path.isdir(path):
            _walk(path, excluded, found, problems)
        elif is_there(path) or os.path.lexists(path):
            found.append((path, os.path.abspath(path)))
        else:
            problems.append(Problem(path, _why_not_there(path)))
    named = frozenset(path for path in paths if not os.path.isdir(path))
    return Discovered(tuple(_once(found)), named, tuple(sorted(problems, key=lambda problem: str(problem.path))))


def is_excluded(path: Path, exclude: Sequence[str], root: Path) -> bool:
    """Whether a file that is named, and need not be there, is one of those that `exclude` keeps out."""
    return bool(exclusions(exclude, root).verdict(_absolute(path), is_directory=False))


def _why_not_there(path: Path) -> str:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        pass
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return "no such file or directory"


def exclusions(patterns: Sequence[str], root: Path) -> Ignores:
    """The user's own patterns, of which a wrong one is the user's to correct."""
    try:
        return Ignores(_absolute(root), _spec(patterns))
    except (ValueError, re.error) as error:
        raise ConfigError(f"exclude: {error}") from None


def _spec(patterns: Sequence[str]) -> GitIgnoreSpec | None:
    """Imported only where there is a pattern: it takes its time."""
    if not patterns:
        return None
    from pathspec import GitIgnoreSpec

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of sets in brackets, as in `[[:digit:]]`
        return GitIgnoreSpec.from_lines(patterns)


def repository_root(directory: Path) -> Path | None:
    """The nearest directory upward that git knows as a work tree."""
    absolute = _absolute(directory)
    return next((parent for parent in (absolute, *absolute.parents) if is_there(parent / ".git")), None)


def _absolute(path: Path) -> Path:
    # Not resolve(): what lies behind a link is still reached, and ignored, under the link's own name.
    return Path(os.path.abspath(path))


def _once(found: Iterable[Entry]) -> Iterator[Path]:
    """A file that is reached twice, through a link too, counts once, under its own name where that is among them."""
    seen: set[str] = set()
    kept: list[Entry] = []
    for path, absolute in sorted(found, key=lambda entry: (os.path.islink(entry[1]), entry[1])):
        real = os.path.realpath(absolute)
        if real not in seen:
            seen.add(real)
            kept.append((path, absolute))
    return (path for path, _ in sorted(kept, key=lambda entry: entry[1]))


def _walk(top: Path, excluded: Ignores, found: list[Entry], problems: list[Problem]) -> None:
    """Depth first, without following links to directories: they may form loops, and git does not follow them."""
    absolute = _absolute(top)
    pending = [(top, absolute, _ignores_above(absolute))]
    while pending:
        directory, place, above = pending.pop()
        ignores = (*above, *_ignores_in(place))
        read(directory)
        try:
            entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
        except OSError as error:
            problems.append(Problem(directory, f"cannot be read: {error.strerror or error}"))
            continue
        for entry in entries:
            path, inside = directory / entry.name, place / entry.name
            is_directory = entry.is_dir(follow_symlinks=False)
            if not (is_directory or _is_python(entry)) or (is_directory and entry.name in SKIPPED):
                continue
            if excluded.verdict(inside, is_directory=is_directory) or _ignored(inside, ignores, is_directory):
                continue
            if is_directory:
                pending.append((path, inside, ignores))
            else:
                found.append((path, str(inside)))


def _is_python(entry: os.DirEntry[str]) -> bool:
    """A dangling link, which editors leave as a lock, is no file."""
    try:
        if entry.name.endswith(".py") and entry.is_symlink():
            read(entry.path)  # what it leads to may come and go
        return entry.name.endswith(".py") and entry.is_file()
    except OSError:
        return False


def _ignored(path: Path, ignores: Sequence[Ignores], is_directory: bool) -> bool:
    """The deepest file that has a pattern for this path decides."""
    verdicts = (file.verdict(path, is_directory=is_directory) for file in reversed(ignores))
    return next((verdict for verdict in verdicts if verdict is not None), False)


def _ignores_above(directory: Path) -> tuple[Ignores, ...]:
    """From the repository's root (else the current directory) down to above `directory`.

    None of them count if they ignore `directory` itself: it was named, so it is to be linted.
    """
    top = repository_root(directory) or _absolute(Path())
    if not directory.is_relative_to(top):
        return ()
    chain = [parent for parent in reversed(directory.parents) if parent.is_relative_to(top)]
    ignores = (*_ignores_of(top / ".git" / "info" / "exclude", top), *(file for p in chain for file in _ignores_in(p)))
    steps = (*chain[1:], directory) if chain else ()
    return () if any(_ignored(step, ignores, is_directory=True) for step in steps) else ignores


def _ignores_in(directory: Path) -> tuple[Ignores, ...]:
    return _ignores_of(directory / ".gitignore", directory)


def _ignores_of(file: Path, directory: Path) -> tuple[Ignores, ...]:
    read(file)
    try:
        lines = file.read_text(encoding="utf-8-sig", errors="surrogateescape").splitlines()
    except OSError:
        return ()
    return (Ignores(directory, _spec(list(filter(_is_pattern, lines)))),)


def _is_pattern(line: str) -> bool:
    """Git passes over what it cannot read in an ignore file; pathspec would raise."""
    try:
        _spec([line])
    except (ValueError, re.error):
        return False
    return True

"""The other modules of a file's package: from `pkg.layers.Base` to the class that `pkg/layers.py` defines.

Asked by `visitor.py`, and only for names that something depends on: each answer may mean one more file to parse.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from tielint.parsing import LintError, parsed
from tielint.prefilter import speaks_of_torch
from tielint.source import SourceError, SourceFile, read_bytes
from tielint.values import ClassDefinition, Constant, Frame, FunctionDefinition, Qualified, Value

MOST_BYTES = 1_000_000
MOST_STEPS_OF_AN_IMPORT = 8
"""A name that is handed on from module to module is followed so far, then taken as unknown."""
MODULES_IN_MEMORY = 64
PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg", ".git")


class Modules:
    """What the imports of one file mean, as far as they lead to files of the same project."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    @property
    def package(self) -> str:
        """The dotted name of the package that holds the file: `.` in its relative imports."""
        return ".".join(reversed([directory.name for directory in _packages(self.path)]))

    def absolute(self, name: str) -> str:
        """`..layers` as this file means it, with the package's name."""
        bare = name.lstrip(".")
        level = len(name) - len(bare)
        if not level:
            return name
        holders = self.package.split(".")
        holders = holders[: len(holders) - level + 1]
        return ".".join([*holders, bare] if bare else holders)

    def find(self, name: str) -> Value | None:
        """The function or class that a qualified name means; what else it was imported as; None where no file tells."""
        for _ in range(MOST_STEPS_OF_AN_IMPORT):
            if name.startswith(("torch.", "builtins.")):
                return None
            found = _locate(name, self.path)
            if found is None or found[0] == self.path:
                return None
            value = _defined(found[0], found[1])
            if not isinstance(value, Qualified):
                return value if isinstance(value, ClassDefinition | FunctionDefinition | Constant) else None
            if value.name == name or value.name.startswith("torch."):
                return value
            name = value.name
        return None


def _packages(path: Path) -> Iterator[Path]:
    """The directories that make the file's package, innermost first; a loose file's own directory."""
    directory = path.parent
    yield directory
    while (directory / "__init__.py").is_file() and (directory.parent / "__init__.py").is_file():
        directory = directory.parent
        yield directory


def _top(path: Path) -> Path:
    """Where absolute imports of a file start: beside the package that it is in; beside itself, if it is in none."""
    inside = (path.parent / "__init__.py").is_file()
    return list(_packages(path))[-1].parent if inside else path.parent


def _locate(name: str, asked_by: Path) -> tuple[Path, str] | None:
    """The file that defines `pkg.module.Name`, and the `Name`."""
    first, *rest = name.split(".")
    if not first or not rest:
        return None
    root = _root_of(first, _top(asked_by))
    if root is None:
        return None
    place, module = root, _module_at(root)
    for index, part in enumerate(rest):
        below = place / part
        inner = _module_at(below)
        if inner is None and not below.is_dir():
            left = rest[index:]
            return (module, left[0]) if module and len(left) == 1 else None
        place, module = below, inner
    return None


@lru_cache(maxsize=4096)
def _root_of(package: str, directory: Path) -> Path | None:
    """Where a top-level package or module lies: beside the file or above it, up to the project's own directory."""
    for holder in (directory, *directory.parents):
        for place in (holder / package, holder / "src" / package):
            if _module_at(place) or (place.is_dir() and _holds_modules(place)):
                return place
        if any((holder / file).exists() for file in PROJECT_FILES):
            return None
    return None


def _holds_modules(directory: Path) -> bool:
    return next(directory.glob("*.py"), None) is not None


@lru_cache(maxsize=4096)
def _module_at(place: Path) -> Path | None:
    """`pkg/layers` as `pkg/layers/__init__.py` or `pkg/layers.py`."""
    for file in (place / "__init__.py", place.with_name(f"{place.name}.py")):
        if file.is_file():
            return file
    return None


def _defined(file: Path, name: str) -> Value | None:
    try:
        stat = file.stat()
    except OSError:
        return None
    frame = _names_of(file, stat.st_mtime_ns, stat.st_size)
    if frame is None:
        return None
    if name in frame.locals:
        return frame.locals[name]
    for package in frame.stars:
        found = Modules(file).find(f"{package}.{name}")
        if found is not None:
            return found
    return None


@lru_cache(maxsize=MODULES_IN_MEMORY)
def _names_of(file: Path, changed: int, size: int) -> Frame | None:
    """A module's own names; None where it can't be read, or has nothing to do with PyTorch."""
    from tielint.visitor import run_module

    if size > MOST_BYTES:
        return None
    try:
        data = read_bytes(file)
        if not speaks_of_torch(data) and file.name != "__init__.py":
            return None
        return run_module(parsed(SourceFile.from_bytes(data, file).text), Modules(file))
    except (SourceError, LintError, RecursionError):
        return None

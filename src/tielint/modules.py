"""The other modules of a file's project: from `pkg.layers.Base` to the class that `pkg/layers.py` defines.

Asked by `visitor.py` and, whether a base can tie, by `candidates.py`. An answer may mean one more file to parse, so
outlines tell first whether it is worth it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tielint.layers import canonical
from tielint.outlines import Definition, Head, Outline, head_of, outline_of, ties_when_made
from tielint.parsing import LintError, lines_of, python_tree
from tielint.reads import is_directory, is_file, is_there, read, remembered
from tielint.source import SourceError, SourceFile, read_bytes
from tielint.values import UNKNOWN, ClassDefinition, Frame, FunctionDefinition, Qualified, Value, options

MOST_BYTES = 1_000_000
MOST_STEPS = 8
"""A name that is handed on from module to module, or a line of ancestors, is followed so far."""
MODULES_IN_MEMORY = 48
PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg", ".git")


@dataclass(frozen=True, slots=True)
class Home:
    """Where a class or function is defined."""

    file: Path
    name: str
    definition: Definition


class Modules:
    """What the imports of one file mean, as far as they lead to files of the same project.

    wanted: the names that are found; without it, whatever is asked for. What can tie, by the words in it and in the
    classes above it, is found in any case.
    """

    def __init__(self, path: Path, *, wanted: Collection[str] | None = None) -> None:
        self.path = path.resolve()
        self._wanted = wanted

    def wants(self, name: str) -> bool:
        """Whether what a name means matters, whatever that is."""
        return self._wanted is None or name in self._wanted

    def find(self, name: str) -> Value | None:
        """The class or function that a qualified name means, or its name in torch; None where no file tells."""
        if _is_of_torch(name) or (not self.wants(name) and _is_harmless(name, self.path)):
            return None
        home = _home(name, self.path)
        if not isinstance(home, Home):
            return home
        if home.file == self.path or not (self.wants(name) or _matters(home)):
            return None
        frame = _names_of(home.file, *_version(home.file))
        value = frame.locals.get(home.name, UNKNOWN) if frame else UNKNOWN
        found = (option for option in options(value) if isinstance(option, ClassDefinition | FunctionDefinition))
        return next(found, None)

    def knows(self, name: str) -> bool:
        """Whether another file of the project can define what a qualified name means."""
        located = None if _is_of_torch(name) else _located(name, self.path)
        return located is not None and located[0] != self.path

    def absolute(self, name: str) -> str:
        """`..layers` as this file means it, with the package's name."""
        return _absolute(name, self.path)


def _is_of_torch(name: str) -> bool:
    return name.startswith("torch.")


def _absolute(name: str, asked_by: Path) -> str:
    bare = name.lstrip(".")
    level = len(name) - len(bare)
    if not level:
        return name
    holders = [directory.name for directory in _packages(asked_by.parent)][::-1]
    holders = holders[: len(holders) - level + 1]
    return ".".join([*holders, bare] if bare else holders)


@remembered(65_536)
def _home(name: str, asked_by: Path, steps: int = MOST_STEPS) -> Home | Qualified | None:
    """The file that defines what a qualified name means, through the modules that hand it on."""
    if _is_of_torch(name):
        return Qualified(canonical(name))
    located = _located(name, asked_by) if steps else None
    if located is None:
        return None
    file, own = located
    outline = _outline(file, *_version(file))
    if own in outline.definitions:
        return Home(file, own, outline.definitions[own])
    found = (_home(other, file, steps - 1) for other in _meanings(own, outline, file))
    return next((home for home in found if home), None)


def _meanings(written: str, imports: Head | Outline, file: Path) -> list[str]:
    """The qualified names that a name may have which a file imports: `layers.Base` as `pkg.layers.Base`."""
    first, _, rest = written.partition(".")
    found = imports.imports.get(first) or [f"{star}.{first}" for star in imports.stars]
    return [_absolute(f"{name}.{rest}" if rest else name, file) for name in found]


def _matters(home: Home, steps: int = MOST_STEPS) -> bool:
    """Whether a function can tie, make a Parameter or repeat a layer, or a class, or one above it, can tie."""
    if home.definition.ties or home.definition.makes:
        return True
    outline = _outline(home.file, *_version(home.file))
    above: list[Home | Qualified | None] = []
    for base in home.definition.bases if steps else ():
        if base in outline.definitions:
            above.append(Home(home.file, base, outline.definitions[base]))
        else:
            above += [_home(name, home.file) for name in _meanings(base, outline, home.file)]
    return any(isinstance(found, Home) and _matters(found, steps - 1) for found in above)


@remembered(65_536)
def _is_harmless(name: str, asked_by: Path) -> bool:
    """Whether a name surely means a class that can't tie: told from bytes, without an outline."""
    located = _located(name, asked_by)
    return (
        located is not None
        and located[1] in _head(located[0], *_version(located[0])).classes
        and not _may_tie(name, _start(asked_by.parent), MOST_STEPS)
    )


def may_inherit_a_tie(data: bytes, path: Path) -> bool:
    """Whether a class in these bytes may have a base in another file of the project that ties; asked before parsing."""
    file, head = path.resolve(), head_of(data)
    bases = dict.fromkeys(base for bases in head.classes.values() for base in bases)
    return any(_base_may_tie(base, head, file, MOST_STEPS) for base in bases)


def _base_may_tie(base: str, head: Head, file: Path, steps: int) -> bool:
    if not steps:
        return False
    if any(_base_may_tie(above, head, file, steps - 1) for above in head.classes.get(base, ()) if above != base):
        return True
    if base in head.classes and base not in head.imports:
        return False
    names = _meanings(base, head, file)
    return any(not _is_of_torch(name) and _may_tie(name, _start(file.parent), steps) for name in names)


@remembered(65_536)
def _may_tie(name: str, start: Path, steps: int) -> bool:
    """Whether a class may tie, or a function matter; no class without words of a tie is parsed. start: of `_start`."""
    asked_by = start / "_"
    located = _located(name, asked_by)
    if located is None:
        return False
    file, own = located
    head = _head(file, *_version(file))
    if own not in head.classes:
        home = _home(name, asked_by)
        return isinstance(home, Home) and _matters(home)
    if any(ties_when_made(head.tying[above]) for above in head.ancestry_of(own) if above in head.tying):
        return True
    return any(_base_may_tie(base, head, file, steps - 1) for base in head.classes[own])


@lru_cache(maxsize=4096)
def _head(file: Path, changed: int, size: int) -> Head:
    try:
        return head_of(read_bytes(file)) if size <= MOST_BYTES else Head()
    except SourceError:
        return Head()


@remembered(4096)
def _packages(directory: Path) -> tuple[Path, ...]:
    """The directories that make the package of a file in this one, innermost first; a loose file's own directory."""
    found = [directory]
    while is_file(directory / "__init__.py") and is_file(directory.parent / "__init__.py"):
        directory = directory.parent
        found.append(directory)
    return tuple(found)


@remembered(4096)
def _start(directory: Path) -> Path:
    """Where absolute imports start: beside the package that a directory is in; in it, if it is in none."""
    inside = is_file(directory / "__init__.py")
    return _packages(directory)[-1].parent if inside else directory


def _located(name: str, asked_by: Path) -> tuple[Path, str] | None:
    """`pkg.module.Name` as the module's file, and the `Name`."""
    first, *rest = name.split(".")
    root = _root_of(first, _start(asked_by.parent)) if first and rest else None
    if root is None:
        return None
    place, module = root, _module_at(root)
    for index, part in enumerate(rest):
        below = place / part
        parted = _is_directory(place)
        inner = _module_at(below) if parted else None
        if inner is None and not (parted and _is_directory(below)):
            return (module, part) if module and index == len(rest) - 1 else None
        place, module = below, inner
    return None


@remembered(4096)
def _root_of(package: str, directory: Path) -> Path | None:
    """Where a top-level package or module lies: in the directory or above it, up to the project's own directory."""
    for holder in (directory, *directory.parents):
        sources = holder / "src"
        for place in (holder / package, *([sources / package] if _is_directory(sources) else [])):
            if _module_at(place) or (_is_directory(place) and _has_modules(place)):
                return place
        if any(is_there(holder / file) for file in PROJECT_FILES):
            return None
    return None


@remembered(4096)
def _module_at(place: Path) -> Path | None:
    """`pkg/layers` as `pkg/layers/__init__.py` or `pkg/layers.py`."""
    for file in (place / "__init__.py", place.with_name(f"{place.name}.py")):
        if is_file(file):
            return file
    return None


_is_directory = remembered(4096)(is_directory)


def _has_modules(directory: Path) -> bool:
    read(directory)
    return next(directory.glob("*.py"), None) is not None


def _version(file: Path) -> tuple[int, int]:
    """What changes when a file does: a changed one is read again."""
    return read(file)


@lru_cache(maxsize=4096)
def _outline(file: Path, changed: int, size: int) -> Outline:
    try:
        return outline_of(read_bytes(file)) if size <= MOST_BYTES else Outline()
    except SourceError:
        return Outline()


@remembered(MODULES_IN_MEMORY)
def _names_of(file: Path, changed: int, size: int) -> Frame | None:
    """A module's own names; None where it can't be read."""
    from tielint.drafts import draft
    from tielint.visitor import run_module

    try:
        text = SourceFile.read(file).text
        tree = python_tree(text)
        return run_module(draft(tree, lines_of(text)), Modules(file)) if tree else None
    except (SourceError, LintError, RecursionError):
        return None

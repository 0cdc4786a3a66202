"""What a module imports and defines: from its bytes alone (`Head`), or by Python's own parser (`Outline`).

Both take much less time than a tree that can be run; `modules.py` asks them whether a file is worth one.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from tielint.matching import CLASS
from tielint.parsing import blocks_of

_TIES = tuple(
    re.compile(pattern)
    for name in (rb"weight", rb"bias")
    for pattern in (
        rb"\." + name + rb"\b(?<!\bself\.weight)(?<!\bself\.bias)[\])]*[ \t]*(?:,[^=\n]{0,100}|:[^=\n]{1,60})?"
        rb"=(?!=|[ \t]*(?:None|\d))",
        name + rb"[\"']?[ \t]*[=,][^=\n]{0,200}\.(?:weight|bias)\b",
        name + rb"(?<=[\"']" + name + rb")[\"'][ \t]*[,\]][ \t]*=?[ \t]*(?!None|\"|')[\w(]",
    )
)
"""What may tie in a base class: `head.weight = w`, `setattr(head, "weight", w)`, `self.weight = head.weight`."""
_NAMED_FOR_TYING = re.compile(r"(?i)tie|tying|shar|bind")
_CALLS_ITSELF = re.compile(rb"\bself\.(\w+)\(")
_MAKES = re.compile(rb"Parameter\(|\brange\(|\.(?:data|t|T|clone|detach)\b|\*\s*\w+")


@dataclass(frozen=True, slots=True)
class Definition:
    """A class or function at a module's top level.

    bases: how a class names its bases. ties: words in it (in a class: in what its constructor runs) can mean that it
    ties. makes: it is a function that may make a Parameter, or a list of layers.
    """

    bases: tuple[str, ...]
    ties: bool
    makes: bool


@dataclass(frozen=True, slots=True)
class Outline:
    """imports: what each imported name may mean, with the dots of a relative import. stars: `from … import *`."""

    definitions: dict[str, Definition] = field(default_factory=dict)
    imports: dict[str, tuple[str, ...]] = field(default_factory=dict)
    stars: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Head:
    """What bytes alone tell of a module: classes, also by another name, with their bases, and imports as in `Outline`.

    tying: the texts of the classes that have words of a tie.
    """

    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    imports: dict[str, tuple[str, ...]] = field(default_factory=dict)
    stars: tuple[str, ...] = ()
    tying: dict[str, bytes] = field(default_factory=dict)

    def ancestry_of(self, name: str) -> set[str]:
        """A class, and the classes of the same module that it derives from."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            current = waiting.pop()
            if current in self.classes and current not in found:
                found.add(current)
                waiting += self.classes[current]
        return found


_CLASS = re.compile(CLASS + rb"(?:\(([^)]*)|:)")
_RENAMED = re.compile(rb"\n([A-Z]\w*)[ \t]*=[ \t]*([A-Za-z_][\w.]*)[ \t]*(?=[#\n])")
_NEXT = re.compile(rb"\n(?:@|class\b|def\b|async\b)")
"""What comes after a class."""
_FROM = re.compile(rb"from[ \t]+([\w.]+)[ \t]+import[ \t]*(\([^)]*\)|[^\n;]*)")
_IMPORT = re.compile(rb"import[ \t]+([\w.][\w., \t]*)")
_COMMENT = re.compile(rb"#[^\n]*")
_DOTTED = re.compile(rb"[A-Za-z_][\w.]*")
_BEFORE_A_STATEMENT = (b"", b"\n", b";", b":")


def head_of(data: bytes) -> Head:
    """By patterns, without parsing: it may see too much, in a string say, and what is only imported in a function."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b"\\\n" in data:
        data = data.replace(b"\\\n", b"  ")
    classes: dict[str, tuple[str, ...]] = {}
    tying: dict[str, bytes] = {}
    speaks = _speaks_of_a_tie(data)
    for match in _statements_like(_CLASS, data):
        name = match[1].decode()
        classes[name] = (*classes.get(name, ()), *(base.decode() for base in _DOTTED.findall(match[2] or b"")))
        end = _NEXT.search(data, match.end()) if speaks else None
        text = data[match.start() : end.start() if end else len(data)] if speaks else b""
        if _speaks_of_a_tie(text):
            tying[name] = text
    for match in _RENAMED.finditer(data):
        name = match[1].decode()
        classes[name] = (*classes.get(name, ()), match[2].decode())
    imports, stars = _imports_in(data)
    return Head(classes, imports, stars, tying)


def _imports_in(data: bytes) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """An import that is indented counts only for names that no other binds: it may be an example in a docstring."""
    imports: tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]] = ({}, {})
    stars = []
    for match in _statements_like(_FROM, data):
        module = match[1].decode()
        joint = "" if module.endswith(".") else "."
        for part in _COMMENT.sub(b"", match[2]).strip(b"() \t").split(b","):
            words = part.decode(errors="replace").split()
            if words == ["*"]:
                stars.append(module)
            elif words:
                _add(imports[_is_outside(match)], words[-1], f"{module}{joint}{words[0]}")
    for match in _statements_like(_IMPORT, data):
        for names in match[1].decode().split(","):
            words = names.split()
            if words:
                name, meaning = (words[2], words[0]) if len(words) == 3 else (words[0].partition(".")[0],) * 2
                _add(imports[_is_outside(match)], name, meaning)
    return {**imports[False], **imports[True]}, tuple(stars)


def _is_outside(match: re.Match[bytes]) -> bool:
    return match.string[match.start() - 1 : match.start()] in (b"", b"\n")


def _add(imports: dict[str, tuple[str, ...]], name: str, meaning: str) -> None:
    if meaning not in imports.get(name, ()):
        imports[name] = (*imports.get(name, ()), meaning)


def _statements_like(pattern: re.Pattern[bytes], data: bytes) -> Iterator[re.Match[bytes]]:
    """Matches with nothing before them in their statement. That a pattern starts with a literal makes it fast."""
    for match in pattern.finditer(data):
        if data[max(0, match.start() - 40) : match.start()].rstrip(b" \t")[-1:] in _BEFORE_A_STATEMENT:
            yield match


@lru_cache(maxsize=1024)
def ties_when_made(text: bytes) -> bool:
    """Whether what the constructor of one class runs has words of a tie; also where that can't be told."""
    definitions = outline_of(text).definitions.values()
    return not definitions or any(definition.ties for definition in definitions)


def _speaks_of_a_tie(data: bytes) -> bool:
    return any(pattern.search(data) for pattern in _TIES)


def outline_of(data: bytes) -> Outline:
    """The outline of a module's bytes; an empty one where Python can't parse them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(data).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Outline()
    lines = data.splitlines(keepends=True)
    definitions: dict[str, Definition] = {}
    imports: dict[str, tuple[str, ...]] = {}
    stars = []
    for node in _statements(body):
        match node:
            case ast.ClassDef() | ast.FunctionDef():
                definitions[node.name] = _definition(node, lines)
            case ast.Assign(targets=[ast.Name(id=alias)], value=ast.Name(id=name)) if name in definitions:
                definitions[alias] = definitions[name]
            case ast.Import():
                for imported in node.names:
                    first = imported.name.partition(".")[0]
                    _add(imports, imported.asname or first, imported.name if imported.asname else first)
            case ast.ImportFrom():
                package = "." * node.level + (node.module or "")
                joint = "." if node.module else ""
                for imported in node.names:
                    if imported.name == "*":
                        stars.append(package)
                    else:
                        _add(imports, imported.asname or imported.name, f"{package}{joint}{imported.name}")
    return Outline(definitions, imports, tuple(stars))


def _definition(node: ast.ClassDef | ast.FunctionDef, lines: list[bytes]) -> Definition:
    if isinstance(node, ast.ClassDef):
        text = b"".join(_text(method, lines) for method in _run_when_made(node, lines))
        return Definition(tuple(filter(None, map(_dotted, node.bases))), _speaks_of_a_tie(text), makes=False)
    text = _text(node, lines)
    return Definition((), _speaks_of_a_tie(text), bool(_MAKES.search(text)))


def _run_when_made(node: ast.ClassDef, lines: list[bytes]) -> list[ast.FunctionDef]:
    """The methods that a constructor calls, directly or not, and those that are named for tying."""
    methods = {method.name: method for method in node.body if isinstance(method, ast.FunctionDef)}
    reached = [method for name, method in methods.items() if name == "__init__" or _NAMED_FOR_TYING.search(name)]
    for method in reached:
        called = {name.decode() for name in _CALLS_ITSELF.findall(_text(method, lines))}
        reached += [methods[name] for name in sorted(called & methods.keys()) if methods[name] not in reached]
    return reached


def _text(node: ast.stmt, lines: list[bytes]) -> bytes:
    return b"".join(lines[node.lineno - 1 : node.end_lineno])


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, also those under `if`, `try` and the like."""
    for node in body:
        yield node
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            for block in blocks_of(node):
                yield from _statements(block)


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Attribute(value=value, attr=name):
            return f"{_dotted(value)}.{name}"
        case ast.Name(id=name):
            return name
        case ast.Subscript(value=value):
            return _dotted(value)
    return ""

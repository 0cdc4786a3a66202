"""Leaves out of a text the functions that can have no part in a finding, so that less is run.

Asked by `analysis.py` with the places where a finding may be made. A function that is left out, but may be called,
answers something unknown. A finding in what is left means no more than that the whole text is worth reading.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from tielint import vocabulary
from tielint.candidates import COPIED_DEEPLY, OWN, SPEAKS_OF_SHARING, TIES, AfterTie, written_in_place
from tielint.flow import Flow, Surroundings, last_name
from tielint.layers import CONTAINER_NAMES
from tielint.parsing import COMMENT_OR_STRING, blocks_of, first_row

if TYPE_CHECKING:
    from tielint.matching import Candidate
    from tielint.prefilter import Site

_WORD = re.compile(r"[^\W\d]\w*")
_Holder: TypeAlias = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
_HANDS_OUT = re.compile(rf"\.{OWN.decode()}(?!\.(?:dtype|device|shape))|[Pp]aram")
"""What `forward` may answer with that is a Parameter."""
_CONTAINER = f"(?:{'|'.join(sorted(CONTAINER_NAMES))})"
_CONTAINED = re.compile(_CONTAINER + r"\(([^\n]{0,200})")


@dataclass(slots=True)
class _Function:
    """A function or method; functions inside it are a part of it.

    first, last: the rows of its whole text. words: what it names of all that the file defines.
    """

    name: str
    holder: _Class | None
    first: int
    last: int
    words: set[str]
    text: str
    node: ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True, eq=False)
class _Class:
    """A class: the names of its bases, and in `words` what is named in its body, but not in its methods."""

    name: str
    bases: set[str]
    first: int
    last: int
    node: ast.ClassDef
    words: set[str] = field(default_factory=set)


class _Text:
    """The functions and classes of a text, wherever they are but in functions, and the rows of their docstrings."""

    def __init__(self, tree: ast.Module, lines: list[str]) -> None:
        self.lines = lines
        self.functions: list[_Function] = []
        self.classes: list[_Class] = []
        self.words: set[str] = set()
        self.docstrings: set[int] = set()
        self._methods: dict[int, list[_Function]] = {}
        self._fill(tree, None, 1, len(lines))
        self.aliases = list(self._aliases(tree))
        self.definitions: list[_Function | _Class] = [*self.functions, *self.classes]
        defined: set[str] = {found.name for found in self.definitions}.union(*(names for names, _, _ in self.aliases))
        self.words &= defined
        for found in self.definitions:
            found.words &= defined
            found.words.discard(found.name)

    def _aliases(self, holder: ast.AST) -> Iterator[tuple[set[str], set[str], range]]:
        """Names that a module or class assigns, the words of what they are, and the rows: `put = partial(_put)`."""
        for node in ast.iter_child_nodes(holder):
            if isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
                last = node.end_lineno or node.lineno
                yield names - {"__all__"}, set(self._words(node.lineno, last)), range(node.lineno, last + 1)
            elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.expr):
                yield from self._aliases(node)

    def _fill(self, holder: ast.Module | ast.ClassDef, known: _Class | None, first: int, last: int) -> None:
        """Takes apart the rows from first to last."""
        words = known.words if known else self.words
        first = self._after_docstring(holder, words, first)
        for node in _parts(holder.body):
            start, end = first_row(node), node.end_lineno or node.lineno
            words.update(self._words(first, start - 1))
            first = max(first, end + 1)
            if isinstance(node, ast.ClassDef):
                inner = _Class(node.name, {last_name(base) for base in node.bases}, start, end, node)
                self.classes.append(inner)
                self._fill(node, inner, start, end)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self._add(node, known, start, end)
        words.update(self._words(first, last))

    def _add(self, node: ast.FunctionDef | ast.AsyncFunctionDef, holder: _Class | None, first: int, last: int) -> None:
        words: set[str] = set()
        rest = self._after_docstring(node, words, first)
        text = "\n".join(self.lines[rest - 1 : last])
        words.update(_names_in(text))
        function = _Function(node.name, holder, first, last, words, text, node)
        self.functions.append(function)
        if holder:
            self._methods.setdefault(id(holder), []).append(function)

    def _after_docstring(self, node: _Holder, words: set[str], first: int) -> int:
        """The row after a docstring, whose words mean nothing; those before it are added to the words."""
        match node.body[:1]:
            case [ast.Expr(value=ast.Constant(value=str()), lineno=start, end_lineno=int(end), col_offset=column)] if (
                not self.lines[start - 1][:column].strip() and not any(after.lineno == end for after in node.body[1:2])
            ):
                words.update(self._words(first, start - 1))
                self.docstrings.update(range(start, end + 1))
                return end + 1
        return first

    def _words(self, first: int, last: int) -> list[str]:
        return _names_in("\n".join(self.lines[first - 1 : last])) if first <= last else []

    def methods_of(self, holder: _Class | None) -> list[_Function]:
        """A class does not hold them itself: what holds itself stays in memory until it is looked for."""
        return self._methods.get(id(holder), [])

    def function_at(self, row: int) -> _Function | None:
        return next((found for found in self.functions if found.first <= row <= found.last), None)

    def is_code(self, row: int) -> bool:
        """Whether a row is in no docstring, and no comment alone."""
        return row not in self.docstrings and not self.lines[row - 1].lstrip().startswith("#")


@dataclass(frozen=True, slots=True)
class Segments:
    """What is left of a text.

    gone: definitions that are not. hollow: functions of which only the names are. idle: the names of classes and
    functions that are to run only where others call them.
    """

    gone: frozenset[ast.AST] = frozenset()
    hollow: frozenset[ast.AST] = frozenset()
    idle: frozenset[str] = frozenset()


def segments_of(tree: ast.Module, lines: list[str], sites: Iterable[Site]) -> Segments | None:
    """What of a text has to do with what stands at the sites; None where that surely comes to nothing.

    Kept is each function in which a site is, whatever may call it, and whatever those may call, by the names in their
    texts; classes with all that makes their objects; and the statements of the module.
    """
    outline = _Text(tree, lines)
    rows = _promising_rows(outline, sites)
    if not rows:
        return None
    concerned = _Concerned(outline, rows)
    needed = _Needed(outline, concerned)
    left_out = [found for found in outline.definitions if not needed.has(found)]
    hollow = {found.node for found in left_out if isinstance(found, _Function) and needed.makes(found.holder)}
    return Segments(
        gone=frozenset(found.node for found in left_out) - hollow,
        hollow=frozenset(hollow),
        idle=frozenset(found.name for found in outline.definitions) - concerned.own_names,
    )


def _promising_rows(outline: _Text, sites: Iterable[Site]) -> set[int]:
    """The rows of code, without those that a look around shows to come to nothing.

    What may undo a tie counts only where one is left.
    """
    flows = _Flows(outline)
    rows: set[int] = set()
    undoing: set[int] = set()
    tied = False
    for candidate, row in sites:
        if not outline.is_code(row):
            continue
        if isinstance(candidate, AfterTie):
            undoing.add(row)
        elif flows.matter(candidate, row):
            rows.add(row)
            tied = tied or candidate in TIES
    return rows | undoing if tied else rows


class _Flows:
    """The flow of each function of a text, looked at when it is asked for."""

    def __init__(self, outline: _Text) -> None:
        self._outline = outline
        text = "\n".join(outline.lines)
        self._around = Surroundings(
            contained=frozenset(word for given in _CONTAINED.findall(text) for word in _WORD.findall(given)),
            functions=frozenset(function.name for function in outline.functions),
            mentioned=frozenset(outline.words).union(*(found.words for found in outline.definitions)),
        )
        self._known: dict[int, Flow] = {}

    def matter(self, candidate: Candidate, row: int) -> bool:
        if candidate is COPIED_DEEPLY:
            return self._speaks_of_sharing(row)
        function = self._outline.function_at(row)
        if function is None:
            return True
        # values that are copied while layers are replaced or converted are a tie only where someone says so
        if candidate is written_in_place and vocabulary.SURGERY.search(vocabulary.words(function.name)):
            return self._speaks_of_sharing(row)
        return self._of(function).matters(candidate, row)

    def _speaks_of_sharing(self, row: int) -> bool:
        """In a function, or in whatever may call it, and in the names of their classes."""
        concerned = _Concerned(self._outline, {row})
        names = vocabulary.words(" ".join(concerned.own_names))
        text = "\n".join([names, *(function.text for function in concerned.functions)])
        said = any(True for _ in SPEAKS_OF_SHARING(text.encode(), Path()))
        return said or vocabulary.TIE_METHOD.search(names) is not None

    def _of(self, function: _Function) -> Flow:
        if id(function) not in self._known:
            methods = self._outline.methods_of(function.holder)
            siblings = "\n".join(method.text for method in methods).encode()
            text = f"{function.holder.name} {function.text}" if function.holder else function.text
            self._known[id(function)] = Flow(function.node, text, siblings, self._around)
        return self._known[id(function)]


class _Concerned:
    """The functions that a row is in and all that may call them, and their classes."""

    def __init__(self, outline: _Text, rows: set[int]) -> None:
        self._outline = outline
        self._functions: dict[int, _Function] = {}
        self._made: dict[int, _Class] = {}  # making one of their objects leads to a row
        self._called: set[int] = set()  # so does calling one
        self._names: set[str] = set()
        for function in outline.functions:
            if not rows.isdisjoint(range(function.first, function.last + 1)):
                self._add(function)
        for found in outline.classes:
            if not rows.isdisjoint(range(found.first, found.last + 1)):
                self._add_class(found, by_call=False)
        for aliases, _, place in outline.aliases:
            if not rows.isdisjoint(place):
                self._names.update(aliases)
        size = -1
        while size != self._size:
            size = self._size
            self._add_callers()

    @property
    def functions(self) -> list[_Function]:
        return list(self._functions.values())

    @property
    def classes(self) -> list[_Class]:
        return list(self._made.values())

    @property
    def own_names(self) -> set[str]:
        """The names of these functions and classes."""
        return {function.name for function in self.functions} | {found.name for found in self.classes}

    @property
    def _size(self) -> int:
        return len(self._functions) + len(self._made) + len(self._called) + len(self._names)

    def _add_callers(self) -> None:
        for aliases, words, _ in self._outline.aliases:
            if not self._names.isdisjoint(words):
                self._names.update(aliases)
        calls = {found.name for found in self._made.values() if id(found) in self._called}
        for function in self._outline.functions:
            if not self._names.isdisjoint(function.words):
                self._add(function)
                if function.holder and not calls.isdisjoint(function.words):
                    for method in self._outline.methods_of(function.holder):
                        self._add(method)
        for found in self._outline.classes:
            if not self._names.isdisjoint(found.words):
                self._add_class(found, by_call=False)

    def _add(self, function: _Function) -> None:
        if id(function) not in self._functions:
            self._functions[id(function)] = function
            if not function.name.startswith("__"):  # whoever makes an object names its class
                self._names.add(function.name)
            if function.holder:
                self._add_class(function.holder, by_call=function.name in ("forward", "__call__"))

    def _add_class(self, found: _Class, *, by_call: bool) -> None:
        if id(found) not in self._made or (by_call and id(found) not in self._called):
            self._made[id(found)] = found
            if by_call:
                self._called.add(id(found))
            self._names.add(found.name)
            for other in self._outline.classes:
                if found.name in other.bases:
                    self._add_class(other, by_call=by_call)


class _Needed:
    """Functions, and what they and a module's own statements may call, or make objects of."""

    def __init__(self, outline: _Text, concerned: _Concerned) -> None:
        self._outline = outline
        self.functions: set[int] = set()
        self._classes: set[int] = set()
        self._known: set[str] = set()
        self._named: dict[str, list[_Function | _Class]] = {}
        for named in outline.definitions:
            self._named.setdefault(named.name, []).append(named)
        self._waiting: list[_Function | _Class] = [*concerned.functions, *concerned.classes]
        self._call(outline.words)
        while self._waiting:
            found = self._waiting.pop()
            if isinstance(found, _Class):
                self._make(found)
            elif id(found) not in self.functions:
                self.functions.add(id(found))
                self._call(found.words)
                if found.holder:
                    self._make(found.holder)

        holders = [found for found in outline.classes if id(found) in self._classes]
        inside = [found for found in outline.functions if id(found) in self.functions]
        every: list[_Function | _Class] = [*holders, *inside]
        self._spans = [(found.first, found.last) for found in every]

    def makes(self, found: _Class | None) -> bool:
        return id(found) in self._classes

    def has(self, found: _Function | _Class) -> bool:
        """Whether a definition, or one inside it, is needed."""
        if isinstance(found, _Function):
            return id(found) in self.functions
        return id(found) in self._classes or any(
            found.first <= first and last <= found.last for first, last in self._spans
        )

    def _call(self, words: set[str]) -> None:
        for word in (words & self._named.keys()) - self._known:
            self._known.add(word)
            self._waiting += [found for found in self._named[word] if not _runs_unnamed(found)]

    def _make(self, found: _Class) -> None:
        if id(found) in self._classes:
            return
        self._classes.add(id(found))
        self._call(found.words | found.bases)
        for method in self._outline.methods_of(found):
            if _runs_unnamed(method) and (method.name != "forward" or _HANDS_OUT.search(method.text)):
                self._waiting.append(method)


def _names_in(text: str) -> list[str]:
    """All names in a text, also in short strings, as `getattr` takes them; not in comments and longer strings."""
    plain = "#" not in text and '"""' not in text and "'''" not in text
    return _WORD.findall(text if plain else COMMENT_OR_STRING.sub(_with_names, text))


def _with_names(found: re.Match[str]) -> str:
    """A string that is short, or may be an f-string."""
    prefix = found.string[max(0, found.start() - 2) : found.start()].lower()
    return " " if found[1] or (found[0].startswith(('"""', "'''")) and "f" not in prefix) else found[0]


def _runs_unnamed(found: _Function | _Class) -> bool:
    """Whether a function runs without being called by its name: when an object is made, called or indexed."""
    return isinstance(found, _Function) and (found.name == "forward" or found.name.startswith("__"))


def _parts(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Functions and classes, also those under `if`, `try` and the like, in their order, and what a module exports."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or _is_export(node):
            yield node
        else:
            for block in blocks_of(node):
                yield from _parts(block)


def _is_export(node: ast.stmt) -> bool:
    """`__all__`, whose names are for others: they call nothing here."""
    return isinstance(node, ast.Assign | ast.AugAssign) and any(
        isinstance(part, ast.Name) and part.id == "__all__" for part in ast.walk(node)
    )

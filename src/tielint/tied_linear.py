"""Which TiedLinear a file's fixes use, and the edit that puts it into reach: an import, or the class itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile

import libcst as cst

from tielint import written_class
from tielint.findings import Edit, Position, Span
from tielint.positions import Positions
from tielint.settings import Settings


@dataclass(frozen=True, slots=True)
class ProvidedClass:
    """The class a file's fixes use. `provide` puts it into reach; without edits where it is so already.

    written: it is the class that a fix writes, so that its arguments and its checkpoints are known.
    takes_bias: its constructor takes a source and `bias`.
    """

    name: str
    written: bool
    takes_bias: bool = True
    provide: tuple[Edit, ...] = ()


def tied_linear_for(
    module: cst.Module, positions: Positions, settings: Settings, names: Mapping[str, str], first_use: Position
) -> ProvidedClass:
    """The configured class first, then the one that the file has or imports, else the written one.

    first_use: where the first tie stands; what is provided must come before it.
    """
    if settings.tied_linear:
        return _configured(module, positions, settings.tied_linear, names, first_use)
    for statement in module.body:
        if isinstance(statement, cst.ClassDef) and statement.name.value == written_class.NAME:
            text = module.code_for_node(statement)
            written = written_class.is_this_class(text)
            return ProvidedClass(written_class.NAME, written, written or _takes_source_and_bias(statement))
    if written_class.NAME in names:
        return ProvidedClass(written_class.NAME, written=False)
    return ProvidedClass(written_class.NAME, written=True, provide=(_class_edit(module, positions, names, first_use),))


def _takes_source_and_bias(definition: cst.ClassDef) -> bool:
    """Whether a class of the user's own can be called as `TiedLinear(source, bias=…)`, told by its `__init__`."""
    for member in definition.body.body:
        match member:
            case cst.FunctionDef(
                name=cst.Name("__init__"), params=cst.Parameters(params=[_, _, *rest], kwonly_params=named)
            ):
                others = [*rest, *named]
                return any(parameter.name.value == "bias" for parameter in others) and all(
                    parameter.default or parameter.name.value == "bias" for parameter in others
                )
    return False


def _configured(
    module: cst.Module, positions: Positions, dotted: str, names: Mapping[str, str], first_use: Position
) -> ProvidedClass:
    package, _, name = dotted.rpartition(".")
    defined = any(isinstance(statement, cst.ClassDef) and statement.name.value == name for statement in module.body)
    if names.get(name) == dotted or defined:
        return ProvidedClass(name, written=False)
    at = _end_of_imports(module, positions, "", first_use).position
    line = Edit(f"from {package} import {name}{module.default_newline}", Span(at, at))
    return ProvidedClass(name, written=False, provide=(line,))


def _class_edit(module: cst.Module, positions: Positions, names: Mapping[str, str], first_use: Position) -> Edit:
    newline = module.default_newline
    before = list(_before(first_use, module, positions))
    bound = {name: names[name] for name in names if any(_binds(statement, name) for statement in before)}
    nn, needed = _name_of_nn(bound, taken="nn" in names)
    end = _end_of_imports(module, positions, "" if needed else nn.partition(".")[0], first_use)
    text = f"{needed}{newline}" if needed else ""
    if end.after_import or needed:
        text += newline * 2
    text += written_class.class_text(nn, module.default_indent, newline)
    return Edit(text + newline * max(0, 2 - end.empty_lines), Span(end.position, end.position))


def _name_of_nn(names: Mapping[str, str], *, taken: bool) -> tuple[str, str]:
    """How this file calls torch.nn, and the import that it lacks, if any; taken: `nn` may mean something else."""
    for name, qualified in names.items():
        if qualified == "torch.nn":
            return name, ""
    for name, qualified in names.items():
        if qualified == "torch":
            return f"{name}.nn", ""
    return ("torch.nn", "import torch") if taken else ("nn", "from torch import nn")


@dataclass(frozen=True, slots=True)
class _EndOfImports:
    """after_import: there are imports (or a docstring) before it. empty_lines: how many follow it."""

    position: Position
    empty_lines: int
    after_import: bool


def _end_of_imports(module: cst.Module, positions: Positions, needed: str, first_use: Position) -> _EndOfImports:
    """Behind the imports at the top, and behind the one that binds the `needed` name; before the first use."""
    last = -1
    at_the_top = True
    for index, statement in enumerate(_before(first_use, module, positions)):
        at_the_top = at_the_top and not isinstance(statement, cst.ClassDef | cst.FunctionDef)
        if _only_imports(statement) and (at_the_top or _binds(statement, needed)):
            last = index
    if last < 0 and module.body and _is_docstring(module.body[0]):
        last = 0
    if last < 0:
        start = positions.span(module.body[0]).start
        return _EndOfImports(Position(start.row, 1), 0, False)
    end = positions.span(module.body[last]).end
    row = end.row if end.column == 1 else end.row + 1
    empty = 0
    if last + 1 < len(module.body):
        for line in getattr(module.body[last + 1], "leading_lines", ()):
            if line.comment:
                break
            empty += 1
    return _EndOfImports(Position(row, 1), empty, True)


def _before(first_use: Position, module: cst.Module, positions: Positions) -> Iterator[cst.BaseStatement]:
    """The statements of a module that end before a place; no later one is looked at, for that takes its time."""
    return takewhile(lambda statement: positions.span(statement).end <= first_use, module.body)


def _only_imports(statement: cst.CSTNode) -> bool:
    match statement:
        case cst.SimpleStatementLine(body=body):
            return all(isinstance(node, cst.Import | cst.ImportFrom) for node in body)
        case cst.Try(body=body, handlers=handlers):
            return any(_only_imports(node) for node in body.body) and bool(handlers)
        case cst.If(body=body):
            return all(_only_imports(node) for node in body.body)
    return False


def _binds(statement: cst.CSTNode, name: str) -> bool:
    """Whether an import statement, or one inside it, gives something this name."""
    if isinstance(statement, cst.ImportAlias):
        own = statement.evaluated_alias or statement.evaluated_name.partition(".")[0]
        return own == name
    return any(_binds(child, name) for child in statement.children)


def _is_docstring(statement: cst.CSTNode) -> bool:
    match statement:
        case cst.SimpleStatementLine(body=[cst.Expr(value=cst.SimpleString() | cst.ConcatenatedString())]):
            return True
    return False

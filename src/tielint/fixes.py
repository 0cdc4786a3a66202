"""Writes the fix of a broken tie: one shared Parameter, or a TiedLinear. Called by `linter.py` for each finding.

The fix follows the layers and not the operation: two layers of one layout share the Parameter whatever was transposed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

import libcst as cst

from tielint import tied_linear
from tielint.facts import Fit, Tie, Write
from tielint.findings import Applicability, Edit, Fix, Position, Span
from tielint.intent import Strength
from tielint.judgement import Judgement, in_forward
from tielint.layers import LINEAR
from tielint.positions import Positions
from tielint.settings import Settings
from tielint.source import SourceFile
from tielint.tensor import Storage
from tielint.values import Constant, Instance, Root

ADVICE_DIRECT = "Share one Parameter: `{target} = {source}`"
ADVICE_TIED = (
    "Compute with the source's Parameter at every forward pass: replace the layer by a TiedLinear, or use "
    "`torch.nn.functional.linear(x, {source}.t(), bias)`"
)
ADVICE_INITIALISATION = (
    "If a tie is meant, share the Parameter; if only its values are, copy them: `{target}.data.copy_(…)`"
)


class Layout(Enum):
    """How the target must use the source's Parameter."""

    SAME = "same"
    TRANSPOSED = "transposed"


@dataclass(frozen=True, slots=True)
class OwnClass:
    """A TiedLinear that the file has or imports: its name, and whether it takes what the written one takes."""

    name: str
    written: bool
    takes_bias: bool = True


class Fixes:
    """The fixes of one file's findings."""

    def __init__(
        self,
        module: cst.Module,
        source: SourceFile,
        positions: Positions,
        settings: Settings,
        names: dict[str, str],
        judgements: Iterable[Judgement],
    ) -> None:
        self.module = module
        self.source = source
        self.positions = positions
        self.settings = settings
        self.names = names
        self.statements = [judgement.tie.place.statement for judgement in judgements]
        self._parents: dict[cst.CSTNode, cst.CSTNode] | None = None

    def of(self, judgement: Judgement) -> Fix | None:
        """The fix of one finding; advice alone where no edit is certain to be right."""
        judgement = replace(judgement, tie=rooted(judgement.tie))
        tie, intent = judgement.tie, judgement.intent
        if intent.initialise and intent.tie <= Strength.NAME:
            return self.advise(tie, ADVICE_INITIALISATION)
        match layout(tie):
            case Layout.SAME:
                return self.share(judgement) or self.advise(tie, ADVICE_DIRECT)
            case Layout.TRANSPOSED:
                return self.compute(judgement) or self.advise(tie, ADVICE_TIED)
        return None

    def advise(self, tie: Tie, advice: str) -> Fix:
        message = advice.format(target=tie.target.text, source=tie.source.text)
        return Fix(Applicability.DISPLAY_ONLY, message)

    # ------------------------------------------------------------------ one shared Parameter

    def share(self, judgement: Judgement) -> Fix | None:
        tie = judgement.tie
        source = expression(tie.source.owner_text, tie.source.text)
        target = expression(tie.target.owner_text, tie.target.text)
        if source is None or target is None or tie.source.cell.name == "*":
            return None
        edits = self.shared_edits(tie, source, target)
        if not edits:
            return None
        safety = Applicability.SAFE if self.sure(judgement) else Applicability.UNSAFE
        return Fix(safety, f"Share one Parameter: `{target} = {source}`", edits)

    def shared_edits(self, tie: Tie, source: str, target: str) -> tuple[Edit, ...]:
        if tie.write in (Write.ASSIGN, Write.REGISTER, Write.TABLE):
            node = tie.assigned
            if node is None:
                return ()
            if tie.value is not None and tie.value is not node and self.inside(tie.value, node):
                node = tie.value
            return (Edit(source, self.positions.span(node)),)
        return self.rewritten(tie, target, source)

    def rewritten(self, tie: Tie, target: str, value: str) -> tuple[Edit, ...]:
        """The statement as `target = value`; as one of several targets of a tuple, the two where they stand."""
        if self.stands_alone(tie):
            return (Edit(f"{target} = {value}", self.positions.span(tie.place.statement)),)
        match self.parent(tie.written), self.parent(tie.assigned):
            case cst.Element(), cst.Element() if tie.written and tie.assigned and not self.chosen(tie):
                return (Edit(target, self.positions.span(tie.written)), Edit(value, self.positions.span(tie.assigned)))
        return ()

    def stands_alone(self, tie: Tie) -> bool:
        """The statement does nothing but this write."""
        match tie.place.statement:
            case cst.Assign(targets=[cst.AssignTarget(target=target)]):
                return not isinstance(target, cst.Tuple | cst.List) and not self.chosen(tie)
            case cst.AnnAssign():
                return not self.chosen(tie)
            case cst.Expr(value=cst.Call()):
                return not self.chosen(tie)
        return False

    def chosen(self, tie: Tie) -> bool:
        """The value is one arm of a conditional expression."""
        return any(isinstance(node, cst.IfExp | cst.BooleanOperation) for node in (tie.assigned,))

    # ------------------------------------------------------------------ TiedLinear

    def compute(self, judgement: Judgement) -> Fix | None:
        tie = judgement.tie
        layer, source = tie.target.owner, tie.source.owner_text
        if (
            layer is None
            or source is None
            or tie.target.cell.name != "weight"
            or not tie.source.text.endswith(".weight")
        ):
            return None
        if layer.layer != LINEAR:
            return None
        own = self.own_class()
        if own and not own.takes_bias:
            return None
        uses = self.uses(tie, layer)
        edits = None if uses.needed or uses.earlier else self.at_constructor(tie, layer, source, own)
        if edits is None:
            edits = self.at_tie(tie, layer, source, own)
        if edits is None:
            return None
        name = own.name if own else tied_linear.NAME
        trusted = own is None or own.written
        safe = trusted and not uses.needed and self.sure(judgement) and layer.definition is None
        return Fix(
            Applicability.SAFE if safe else Applicability.UNSAFE,
            f"Compute with the transposed Parameter of {source} at every forward pass: `{name}({source}, …)`",
            (*edits, *([] if own and not self.settings.tied_linear else self.provide(own))),
        )

    def at_constructor(self, tie: Tie, layer: Instance, source: str, own: OwnClass | None) -> tuple[Edit, ...] | None:
        """The layer is made as a TiedLinear, and the tie's line goes."""
        call = layer.node
        assignment = self.parent(call) if call else None
        target = _only_target(assignment)
        if not isinstance(call, cst.Call) or assignment is None or target is None or not self.stands_alone(tie):
            return None
        if (
            not self.always_runs_after(tie, call)
            or tie.place.loops
            or tie.place.conditions
            or not self.unconditional(assignment, tie)
        ):
            return None
        if not self.unconditional(tie.place.statement, tie) or layer.definition is not None or _placed_elsewhere(call):
            return None
        if len(tie.place.functions) > 1 and tie.place.functions[0].name == "__init__" and not _called_once(tie):
            return None
        if not self.exists_at(tie, call) or self.text_of(target) != tie.target.owner_text:
            return None
        if self.moved(layer) != self.moved(tie.source.owner):
            return None
        bias = self.bias_argument(call)
        made = Edit(f"{own.name if own else tied_linear.NAME}({source}, bias={bias})", self.positions.span(call))
        return (made, self.without_statement(tie))

    def at_tie(self, tie: Tie, layer: Instance, source: str, own: OwnClass | None) -> tuple[Edit, ...] | None:
        """The tie's line puts a TiedLinear in the layer's place, with the layer's own bias."""
        target = tie.target.owner_text
        if target is None or in_forward(tie) or not self.assignable(target, layer, tie):
            return None
        name = own.name if own else tied_linear.NAME
        bias = f"{target}.bias"
        if own and not own.written:
            known = layer.arguments.get("bias", Constant(True)) if layer.arguments else None
            bias = (
                str(known.value)
                if isinstance(known, Constant) and isinstance(known.value, bool)
                else f"{bias} is not None"
            )
        return self.rewritten(tie, target, f"{name}({source}, bias={bias})") or None

    def assignable(self, target: str, layer: Instance, tie: Tie) -> bool:
        """Assigning to this expression replaces the layer in its model, and not only a local name for it."""
        if target.isidentifier():
            local = tie.target.step is None and layer.root is Root.BUILT and not tie.place.loops
            return local and not _is_argument(target, tie)
        step = tie.target.step
        return step is not None and target.endswith(step) and step[:1] in ".["

    def bias_argument(self, call: cst.Call) -> str:
        for index, argument in enumerate(call.args):
            if (argument.keyword.value == "bias") if argument.keyword else index == 2:
                return self.text_of(argument.value)
        return "True"

    def moved(self, layer: Instance | None) -> tuple[str, ...]:
        """The device and dtype that a constructor asks for."""
        call = layer.node if layer else None
        if not isinstance(call, cst.Call):
            return ()
        return tuple(
            sorted(
                f"{argument.keyword.value}={self.text_of(argument.value)}"
                for argument in call.args
                if argument.keyword and argument.keyword.value in ("device", "dtype")
            )
        )

    def exists_at(self, tie: Tie, call: cst.Call) -> bool:
        """The source is made before the target's constructor runs."""
        owner = tie.source.owner
        made = owner.node if owner else None
        if owner is None:
            return False
        if made is None:
            return owner.root is Root.ARGUMENT
        if owner.root is Root.ARGUMENT:
            return True
        return (
            self.function_of(made) is self.function_of(call)
            and self.positions.span(made).end <= self.positions.span(call).start
        )

    def always_runs_after(self, tie: Tie, call: cst.Call) -> bool:
        """The tie follows the constructor in the same function, or stands in the `forward` of the same class."""
        made_in = self.function_of(call)
        tied_in = tie.place.functions[0].node if tie.place.functions else None
        if made_in is tied_in:
            return True
        if made_in is None or tied_in is None or made_in.name.value != "__init__" or tied_in.name.value != "forward":
            return False
        return self.class_of(made_in) is self.class_of(tied_in)

    def unconditional(self, node: cst.CSTNode, tie: Tie) -> bool:
        """A statement of the function's own block (or of a `with` in it), not of a branch or loop."""
        current = self.parent(node)
        while current is not None and not isinstance(current, cst.FunctionDef | cst.Module):
            if isinstance(current, cst.If | cst.For | cst.While | cst.Try | cst.Match | cst.ClassDef | cst.Lambda):
                return False
            current = self.parent(current)
        return True

    def without_statement(self, tie: Tie) -> Edit:
        """Deletes the tie's statement; a comment behind it stays, and a block never becomes empty."""
        statement, line = tie.place.statement, tie.place.line
        span = self.positions.span(statement)
        block = self.parent(line) if line else None
        alone = isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1
        body = block.body if isinstance(block, cst.IndentedBlock | cst.Module) else ()
        if not alone or len(body) <= 1:
            return Edit("pass", span)
        assert isinstance(line, cst.SimpleStatementLine)
        if line.trailing_whitespace.comment:
            end = self.positions.span(line.trailing_whitespace.comment).start
            return Edit("", Span(span.start, end))
        return Edit("", Span(Position(span.start.row, 1), Position(span.end.row + 1, 1)))

    # ------------------------------------------------------------------ what else uses the layer

    def uses(self, tie: Tie, layer: Instance) -> Uses:
        """Reads the file for other uses of the layer: by its attribute's name, whatever object it hangs on."""
        step = tie.target.owner_text or ""
        name = step.rpartition(".")[2].partition("[")[0]
        earlier = needed = False
        here = self.positions.span(tie.place.statement)
        for node in self.named(name):
            if any(self.inside(node, statement) for statement in self.statements) or (
                layer.node and self.assigned_to(node, layer.node)
            ):
                continue
            use = self.indexed(node)
            kind = self.kind_of_use(use)
            if kind is _NEEDS:
                needed = True
            before = self.positions.span(use).start < here.start and self.function_of(use) is self.function_of(
                tie.place.statement
            )
            if kind is _WEIGHT and before:
                earlier = True
        return Uses(earlier, needed)

    def named(self, name: str) -> list[cst.BaseExpression]:
        found: list[cst.BaseExpression] = []
        for node in self.parents:
            match node:
                case cst.Attribute(attr=cst.Name(value=attr)) if attr == name:
                    found.append(node)
                case cst.Name(value=value) if value == name and not isinstance(
                    self.parent(node), cst.Attribute | cst.Arg | cst.Param
                ):
                    found.append(node)
                case cst.Name(value=value) if value == name:
                    holder = self.parent(node)
                    if (isinstance(holder, cst.Attribute) and holder.value is node) or (
                        isinstance(holder, cst.Arg) and holder.value is node
                    ):
                        found.append(node)
        return found

    def indexed(self, node: cst.BaseExpression) -> cst.BaseExpression:
        holder = self.parent(node)
        while isinstance(holder, cst.Subscript) and holder.value is node:
            node, holder = holder, self.parent(holder)
        return node

    def kind_of_use(self, node: cst.BaseExpression) -> str:
        holder = self.parent(node)
        match holder:
            case cst.Call(func=function) if function is node:
                return _FINE
            case cst.Attribute(attr=cst.Name(value="weight")):
                return self.kind_of_weight_use(holder)
            case cst.Attribute(attr=cst.Name(value=name)):
                return _FINE if name in _SHARED_ATTRIBUTES else _NEEDS
            case cst.Arg():
                call = self.parent(holder)
                callee = self.text_of(call.func) if isinstance(call, cst.Call) else ""
                return _FINE if callee.rpartition(".")[2] in _TAKES_ANY_MODULE else _NEEDS
            case cst.AssignTarget() | cst.AnnAssign() | cst.Element():
                return _WEIGHT
        return _FINE

    def kind_of_weight_use(self, weight: cst.Attribute) -> str:
        """A weight that is computed at every forward pass can be read and written in place, but not replaced."""
        holder = self.parent(weight)
        match holder:
            case cst.AssignTarget() | cst.Assign() | cst.AnnAssign():
                return _NEEDS
            case cst.Attribute(attr=cst.Name(value="data" | "requires_grad" | "grad" | "register_hook")) if (
                holder.attr.value != "data" or isinstance(self.parent(holder), cst.AssignTarget)
            ):
                return _NEEDS
            case cst.Arg() | cst.Element():
                return _WEIGHT if self.in_initialiser(weight) else _NEEDS
        return _WEIGHT

    def in_initialiser(self, node: cst.CSTNode) -> bool:
        current: cst.CSTNode | None = node
        while current is not None and not isinstance(current, cst.BaseStatement):
            if isinstance(current, cst.Call):
                callee = self.text_of(current.func)
                return (
                    "init." in callee
                    or callee.rpartition(".")[2] in _READS_A_TENSOR
                    or "functional" in callee
                    or callee.startswith("F.")
                )
            current = self.parent(current)
        return False

    def assigned_to(self, node: cst.CSTNode, value: cst.CSTNode) -> bool:
        target = self.parent(node)
        assignment = self.parent(target) if isinstance(target, cst.AssignTarget) else target
        if not isinstance(assignment, cst.Assign | cst.AnnAssign) or assignment.value is None:
            return False
        return self.inside(value, assignment.value) and not self.inside(node, assignment.value)

    # ------------------------------------------------------------------ where TiedLinear comes from

    def own_class(self) -> OwnClass | None:
        if self.settings.tied_linear:
            return OwnClass(self.settings.tied_linear.rpartition(".")[2], written=False)
        for statement in self.module.body:
            if isinstance(statement, cst.ClassDef) and statement.name.value == tied_linear.NAME:
                text = self.text_of(statement)
                written = tied_linear.is_this_class(text)
                return OwnClass(tied_linear.NAME, written, written or "bias" in text)
        if tied_linear.NAME in self.names:
            return OwnClass(tied_linear.NAME, written=False)
        return None

    def provide(self, own: OwnClass | None) -> list[Edit]:
        """The class itself, or the import of the configured one, after the file's imports."""
        newline = self.module.default_newline
        at, blank, after_import = self.end_of_imports()
        if self.settings.tied_linear:
            package, _, name = self.settings.tied_linear.rpartition(".")
            if self.names.get(name) == self.settings.tied_linear or self.defines(name):
                return []
            return [Edit(f"from {package} import {name}{newline}", Span(at, at))]
        if own:
            return []
        nn, needed = self.name_of_nn()
        text = f"{needed}{newline}" if needed else ""
        if after_import or needed:
            text += newline * 2
        text += tied_linear.class_text(nn, self.module.default_indent, newline)
        return [Edit(text + newline * max(0, 2 - blank), Span(at, at))]

    def defines(self, name: str) -> bool:
        return any(isinstance(s, cst.ClassDef) and s.name.value == name for s in self.module.body)

    def name_of_nn(self) -> tuple[str, str]:
        """How this file calls torch.nn, and the import that it lacks, if any."""
        for name, qualified in self.names.items():
            if qualified == "torch.nn":
                return name, ""
        for name, qualified in self.names.items():
            if qualified == "torch":
                return f"{name}.nn", ""
        return ("nn", "from torch import nn") if "nn" not in self.names else ("torch.nn", "import torch")

    def end_of_imports(self) -> tuple[Position, int, bool]:
        """Where the imports end, how many empty lines follow, and whether there are imports at all."""
        last = -1
        for index, statement in enumerate(self.module.body):
            if isinstance(statement, cst.ClassDef | cst.FunctionDef):
                break
            if _only_imports(statement):
                last = index
        if last < 0 and self.module.body and _is_docstring(self.module.body[0]):
            last = 0
        if last < 0:
            first = self.module.body[0]
            start = self.positions.span(first).start
            return Position(start.row, 1), 0, False
        end = self.positions.span(self.module.body[last]).end
        row = end.row if end.column == 1 else end.row + 1
        blank = 0
        if last + 1 < len(self.module.body):
            for line in getattr(self.module.body[last + 1], "leading_lines", ()):
                if line.comment:
                    break
                blank += 1
        return Position(row, 1), blank, True

    # ------------------------------------------------------------------ safety

    def sure(self, judgement: Judgement) -> bool:
        """The tie is what the code plainly means, and both layouts are in sight or don't matter."""
        tie, intent = judgement.tie, judgement.intent
        if in_forward(tie):
            return False
        if intent.against or (intent.initialise and intent.tie < Strength.CONDITION):
            return False
        copies = tie.state.storage is not Storage.SHARED or tie.write is Write.COPY
        if copies and intent.tie < Strength.CONDITION:
            return judgement.verdict.value == "error" and intent.tie >= Strength.COMMENT
        if tie.is_tie:
            return all(isinstance(dim, int) for dim in tie.target.cell.shape or (None,))
        known = not tie.target.cell.presumed and not tie.source.cell.presumed
        if layout(tie) is Layout.TRANSPOSED:
            return known
        return known or not tie.state.transposed

    # ------------------------------------------------------------------ the tree

    @property
    def parents(self) -> dict[cst.CSTNode, cst.CSTNode]:
        if self._parents is None:
            self._parents = {}
            stack: list[cst.CSTNode] = [self.module]
            while stack:
                node = stack.pop()
                for child in node.children:
                    self._parents[child] = node
                    stack.append(child)
        return self._parents

    def parent(self, node: cst.CSTNode | None) -> cst.CSTNode | None:
        return self.parents.get(node) if node is not None else None

    def inside(self, node: cst.CSTNode, holder: cst.CSTNode) -> bool:
        current: cst.CSTNode | None = node
        while current is not None:
            if current is holder:
                return True
            current = self.parent(current)
        return False

    def function_of(self, node: cst.CSTNode) -> cst.FunctionDef | None:
        current = self.parent(node)
        while current is not None and not isinstance(current, cst.FunctionDef):
            current = self.parent(current)
        return current

    def class_of(self, node: cst.CSTNode) -> cst.CSTNode | None:
        current = self.parent(node)
        while current is not None and not isinstance(current, cst.ClassDef):
            current = self.parent(current)
        return current

    def text_of(self, node: cst.CSTNode) -> str:
        return self.module.code_for_node(node).strip()


@dataclass(frozen=True, slots=True)
class Uses:
    """earlier: the layer's weight is touched before the tie. needed: something needs a real `nn.Linear` there."""

    earlier: bool
    needed: bool


_FINE, _WEIGHT, _NEEDS = "fine", "weight", "needs"

_SHARED_ATTRIBUTES = frozenset(
    [
        "bias",
        "in_features",
        "out_features",
        "parameters",
        "named_parameters",
        "train",
        "eval",
        "to",
        "cuda",
        "cpu",
        "half",
        "float",
        "double",
        "bfloat16",
        "apply",
        "state_dict",
        "load_state_dict",
        "requires_grad_",
        "zero_grad",
        "reset_parameters",
        "modules",
        "children",
        "forward",
        "__class__",
    ]
)
_TAKES_ANY_MODULE = frozenset(
    ["Sequential", "ModuleList", "append", "add_module", "print", "id", "len", "type", "repr"]
)
_READS_A_TENSOR = frozenset(
    ["print", "matmul", "mm", "addmm", "linear", "bmm", "einsum", "allclose", "equal", "norm", "cosine_similarity"]
)


def rooted(tie: Tie) -> Tie:
    """A source that itself only computes with another layer's Parameter gives way to that one."""
    made_by = tie.source.cell.marks.get("made_by")
    if not isinstance(made_by, Tie) or made_by is tie or layout(made_by) is not Layout.TRANSPOSED:
        return tie
    outer, inner = tie.state.axes, made_by.state.axes
    axes = tuple(inner[axis] for axis in outer) if outer and inner and len(outer) == len(inner) else None
    return replace(tie, source=made_by.source, state=replace(tie.state, axes=axes))


def layout(tie: Tie) -> Layout | None:
    """How the target must use the source, told by the layers first and by the operations where they leave it open."""
    if not tie.state.whole or tie.in_part:
        return None
    matrix = tie.source.cell.rank == 2 and tie.target.cell.rank == 2
    layers = {tie.source.layer, tie.target.layer}
    match tie.fit:
        case Fit.EQUAL:
            return Layout.SAME
        case Fit.REVERSED:
            return Layout.TRANSPOSED if matrix else None
        case Fit.UNFIT:
            return None
        case Fit.UNKNOWN if tie.state.transposed and "torch.nn.Embedding" in layers and LINEAR in layers:
            return None
    if not tie.state.transposed:
        return Layout.SAME if tie.state.axes is not None else None
    return Layout.TRANSPOSED if matrix else None


def expression(owner: str | None, text: str) -> str | None:
    """The Parameter's name as code, where its owner can be spelled (or where it is a local of its own)."""
    if owner is not None:
        return text
    return text if text.isidentifier() else None


def _only_target(statement: cst.CSTNode | None) -> cst.BaseExpression | None:
    match statement:
        case cst.Assign(targets=[cst.AssignTarget(target=target)]) | cst.AnnAssign(target=target):
            return target
    return None


def _is_argument(name: str, tie: Tie) -> bool:
    """Whether a name is an argument of the function: to bind it anew changes nothing outside."""
    function = tie.place.function
    if function is None:
        return False
    parameters = function.node.params
    every = (*parameters.posonly_params, *parameters.params, *parameters.kwonly_params)
    return any(parameter.name.value == name for parameter in every)


def _placed_elsewhere(call: cst.Call) -> bool:
    return any(argument.star for argument in call.args)


def _called_once(tie: Tie) -> bool:
    return len(tie.place.functions) <= 2


def _only_imports(statement: cst.CSTNode) -> bool:
    match statement:
        case cst.SimpleStatementLine(body=body):
            return all(isinstance(node, cst.Import | cst.ImportFrom) for node in body)
        case cst.Try(body=body, handlers=handlers):
            return any(_only_imports(node) for node in body.body) and bool(handlers)
        case cst.If(body=body):
            return all(_only_imports(node) for node in body.body)
    return False


def _is_docstring(statement: cst.CSTNode) -> bool:
    match statement:
        case cst.SimpleStatementLine(body=[cst.Expr(value=cst.SimpleString() | cst.ConcatenatedString())]):
            return True
    return False

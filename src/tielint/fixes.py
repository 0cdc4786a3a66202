"""Writes the fix of a broken tie: one shared Parameter, or a TiedLinear. Called by `analysis.py` for each finding.

The fix follows the layers and not the operation: two layers of one layout share the Parameter whatever was transposed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from functools import cached_property

import libcst as cst

from tielint.facts import Fit, Place, Tie, Write, compare
from tielint.findings import Applicability, Edit, Fix, Position, Span, Verdict
from tielint.intent import Strength, itself
from tielint.judgement import Judgement, Remedy, in_forward
from tielint.layers import LINEAR
from tielint.losses import binds_names, doubt_of_loss, freezes_by_loop
from tielint.parsing import COMMENT_OR_STRING
from tielint.positions import Positions
from tielint.settings import Settings
from tielint.spelling import parts_of
from tielint.tensor import Storage
from tielint.tied_linear import ProvidedClass, tied_linear_for
from tielint.tree import Tree
from tielint.uses import (
    Part,
    Uses,
    goes_over_modules,
    held_elsewhere,
    listed_apart,
    makes_groups,
    odd_use,
    told_by_class,
    trained_apart,
    uses_of,
)
from tielint.values import Constant, Instance, Root

ADVICE_UNNAMED = "Share one Parameter where the two layers are made"
ADVICE_WHOLE = "Share the layer itself: `{target} = {source}`"
ADVICE_DIRECT = "Share one Parameter: `{target} = {source}`"
ADVICE_TIED = (
    "Compute with the source's Parameter at every forward pass: replace the layer by a TiedLinear, or use "
    "`torch.nn.functional.linear(x, {source}.t(), bias)`"
)
ADVICE_INITIALISATION = (
    "If a tie is meant, share the Parameter; if only its values are, copy them: `{target}.data.copy_(…)`"
)


_MEETS_COPIES = re.compile(r"\bjit\b|\bscript\(|\bDataParallel\b")
"""What a reference to another module does not survive."""


_KEY = re.compile(r"\['(\w+)'\]")


_MOVES = frozenset(["to", "cuda", "cpu", "half", "float", "double", "bfloat16", "type", "to_empty"])


class Layout(Enum):
    """How the target must use the source's Parameter."""

    SAME = "same"
    TRANSPOSED = "transposed"


class Fixes:
    """The fixes of one file's findings."""

    def __init__(
        self,
        tree: Tree,
        positions: Positions,
        settings: Settings,
        names: Mapping[str, str],
        ties: Iterable[Tie],
        several: Collection[object],
    ) -> None:
        """`ties` are all that the file makes, right or not.

        `several` holds the keys of ties whose code, in the turns of a loop, ties different Parameters.
        """
        self.tree = tree
        self.positions = positions
        self.settings = settings
        self.names = names
        self.written_ties = [tie for tie in ties if not itself(tie)]
        self.ties = {tie.place.statement for tie in self.written_ties}
        self.several = several

    @cached_property
    def first_tie(self) -> Position:
        """Where the first statement that ties stands."""
        return min(self.positions.span(node).start for node in self.ties if self.positions.has(node))

    @cached_property
    def parts_of_ties(self) -> set[cst.CSTNode]:
        """All nodes of the statements that tie."""
        return {part for statement in self.ties for part in parts_of(statement)}

    def of(self, judgement: Judgement) -> Fix | None:
        """The fix of one finding; advice alone where no edit is certain to be right."""
        fix = self.written(judgement)
        if fix is None:
            return None
        edits = tuple(replace(edit, content=self.in_own_quotes(edit.content)) for edit in fix.edits)
        fix = replace(fix, message=self.in_own_quotes(fix.message), edits=edits)
        if fix.applicability is Applicability.SAFE and any(map(self.drops_a_comment, edits)):
            return _fix(fix.message, edits, "comments in what is replaced would go with it")
        return fix

    def drops_a_comment(self, edit: Edit) -> bool:
        """Whether there is a comment inside the code that an edit replaces: it has several rows then."""
        start, end = edit.span.start, edit.span.end
        if start.row == end.row:
            return False
        rows = self.tree.lines[start.row - 1 : end.row]
        text = "\n".join([rows[0][start.column - 1 :], *rows[1:-1], rows[-1][: end.column - 1]])
        return any(found[1] and found[1] not in edit.content for found in COMMENT_OR_STRING.finditer(text))

    def in_own_quotes(self, text: str) -> str:
        """`layers["dec"]` where the file writes it so."""
        keys = (key for key in set(_KEY.findall(text)) if f'["{key}"]' in self.tree.code)
        for key in keys:
            text = text.replace(f"['{key}']", f'["{key}"]')
        return text

    def written(self, judgement: Judgement) -> Fix | None:
        if not isinstance(judgement.subject, Tie):
            return self.remedy(judgement.remedy, judgement.subject.place) if judgement.remedy else None
        tie, intent = rooted(judgement.subject), judgement.intent
        if intent.initialise and intent.tie <= Strength.NAME:
            return self.advise(tie, ADVICE_INITIALISATION)
        match layout(tie):
            case Layout.SAME if tie.key in self.several:
                return self.advise(tie, ADVICE_DIRECT)
            case Layout.TRANSPOSED if tie.key in self.several:
                return self.advise(tie, ADVICE_TIED)
            case Layout.SAME:
                return self.share(tie, judgement) or self.advise(tie, ADVICE_DIRECT)
            case Layout.TRANSPOSED:
                return self.compute(tie, judgement) or self.advise(tie, ADVICE_TIED)
        return None

    def advise(self, tie: Tie, advice: str) -> Fix:
        whole = tie.target.text.endswith(".*") and tie.source.text.endswith(".*") and advice == ADVICE_DIRECT
        alike = tie.target.layer == tie.source.layer
        if (whole and not alike) or (tie.target.owner is None and not tie.target.text.isidentifier()):
            return Fix(Applicability.DISPLAY_ONLY, ADVICE_UNNAMED)
        advice = ADVICE_WHOLE if whole else advice
        target, source = tie.target.text.removesuffix(".*"), tie.source.text.removesuffix(".*")
        message = advice.format(target=target, source=source)
        return Fix(Applicability.DISPLAY_ONLY, message)

    # ------------------------------------------------------------------ one shared Parameter

    def remedy(self, remedy: Remedy, place: Place) -> Fix:
        """What the rule knows to do; advice where this file gives the edit no place."""
        edits = [
            Edit(text, self.positions.span(node)) for node, text in remedy.replacements if self.positions.has(node)
        ]
        if remedy.replaces and held_elsewhere(remedy.replaces, place.statement, self.tree, self.positions):
            edits = []
        if remedy.then:
            edits += self.statement_below(place, remedy.then)
        if remedy.wrapped:
            edits += self.wrapped(*remedy.wrapped)
        applicability = remedy.applicability if edits else Applicability.DISPLAY_ONLY
        message = remedy.message
        ties = self.parts_of_ties.union(parts_of(place.statement)) if remedy.shares else set()
        for layer in remedy.shares if applicability is Applicability.SAFE else ():
            row = odd_use(layer, Part.REPLACED, place, self.tree, self.positions, ties)
            if row is not None:
                applicability = Applicability.UNSAFE
                message = f"{message}; look first: line {row} may need one as it is"
        return Fix(applicability, message, tuple(edits))

    def statement_below(self, place: Place, statement: str) -> list[Edit]:
        """A new line under the statement's own, with the same indentation."""
        line = place.line
        if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1 or line.body[0] is not place.statement:
            return []
        span = self.positions.span(line)
        text = self.tree.lines[span.start.row - 1]
        indent = text[: span.start.column - 1]
        row = self.positions.span(place.statement).end.row
        end = Position(row, len(self.tree.lines[row - 1]) + 1)  # behind a comment
        return [Edit(f"{self.tree.module.default_newline}{indent}{statement}", Span(end, end))]

    def wrapped(self, node: cst.CSTNode, name: str) -> list[Edit]:
        """`[…]` as `nn.ModuleList([…])`, with whatever the file calls torch.nn."""
        nn = next((own for own, qualified in self.names.items() if qualified == "torch.nn"), None)
        if nn is None or not self.positions.has(node):
            return []
        span = self.positions.span(node)
        return [Edit(f"{nn}.{name}(", Span(span.start, span.start)), Edit(")", Span(span.end, span.end))]

    def share(self, tie: Tie, judgement: Judgement) -> Fix | None:
        source = expression(tie.source.owner_text, tie.source.text)
        target = expression(tie.target.owner_text, tie.target.text)
        if source is None or target is None or tie.source.cell.name == "*" or not self.is_the_value(tie):
            return None
        edits = self.shared_edits(tie, source, target)
        replaced = (tie.assigned,) if tie.write.binds and tie.assigned else (tie.place.statement,)
        if not edits or binds_names(replaced):
            return None
        doubt = doubt_of(tie, judgement) or self.doubt_of_uses(tie, Part.GIVEN)
        doubt = doubt or doubt_of_loss(tie, replaced, self.tree, self.positions, self.names)
        if doubt is None and self.freezes_by_loop:
            doubt = "this file keeps Parameters from training that it does not name"
        if doubt is None and self.device_and_dtype(tie.target.owner) != self.device_and_dtype(tie.source.owner):
            doubt = "the two layers are made with another device or dtype"
        if doubt is None and any(self.rewrites_itself(side.owner) for side in (tie.target, tie.source)):
            doubt = "the embedding changes its weight in place while it is used (max_norm), or has sparse gradients"
        if doubt is None and (self.makes_groups or listed_apart(tie, self.tree)):
            doubt = "this file lists parameters by layer, and the shared one would stand in two lists"
        return _fix(f"Share one Parameter: `{target} = {source}`", edits, doubt)

    def is_the_value(self, tie: Tie) -> bool:
        """Whether what an edit replaces can be nothing but this source: no other branch's value, or the same words."""
        if tie.varying_target and not tie.write.binds:
            return False
        arms = _arms(tie.assigned)
        if tie.alternatives == 1 or (len(arms) == tie.alternatives and any(arm is tie.value for arm in arms)):
            return True
        return len(arms) == 1 and self.names_itself(tie.source.text, arms[0])

    def names_itself(self, text: str, node: cst.CSTNode) -> bool:
        """Whether an expression has these very words, and not in an arm of a conditional expression."""
        if isinstance(node, cst.IfExp | cst.BooleanOperation):
            return False
        if isinstance(node, cst.Attribute | cst.Name) and self.tree.text_of(node) == text:
            return True
        return any(self.names_itself(text, child) for child in node.children)

    def rewrites_itself(self, layer: Instance | None) -> bool:
        """An embedding with `max_norm` scales its rows at every lookup; a sparse one's gradient is another's, too."""
        call = layer.node if layer else None
        return isinstance(call, cst.Call) and any(
            argument.keyword is not None and argument.keyword.value in ("max_norm", "sparse") for argument in call.args
        )

    def shared_edits(self, tie: Tie, source: str, target: str) -> tuple[Edit, ...]:
        if tie.write.binds:
            node = tie.assigned
            if node is None:
                return ()
            if tie.value is not None and tie.value is not node and self.tree.inside(tie.value, node):
                node = tie.value
            return (Edit(source, self.positions.span(node)),)
        return self.rewritten(tie, target, source)

    def rewritten(self, tie: Tie, target: str, value: str) -> tuple[Edit, ...]:
        """The statement as `target = value`; as one of several targets of a tuple, the two where they stand."""
        if self.stands_alone(tie):
            return (Edit(f"{target} = {value}", self.positions.span(tie.place.statement)),)
        if not isinstance(tie.place.statement, cst.Assign):
            return ()
        match self.tree.parent(tie.written), self.tree.parent(tie.assigned):
            case cst.Element(), cst.Element() if tie.written and tie.assigned and not self.in_conditional(tie):
                return (Edit(target, self.positions.span(tie.written)), Edit(value, self.positions.span(tie.assigned)))
        return ()

    def stands_alone(self, tie: Tie) -> bool:
        """The statement does nothing but this write."""
        match tie.place.statement:
            case cst.Assign(targets=[_], value=value) | cst.AnnAssign(value=value):
                return value is tie.assigned and not self.in_conditional(tie)
            case cst.Expr(value=cst.Call() as call):
                return any(argument.value is tie.assigned for argument in call.args) and not self.in_conditional(tie)
        return False

    def in_conditional(self, tie: Tie) -> bool:
        """The value is one arm of a conditional expression."""
        return isinstance(tie.assigned, cst.IfExp | cst.BooleanOperation)

    # ------------------------------------------------------------------ TiedLinear

    def compute(self, tie: Tie, judgement: Judgement) -> Fix | None:
        layer, source = tie.target.owner, tie.source.owner_text
        if (
            layer is None
            or source is None
            or tie.target.cell.name != "weight"
            or not tie.source.text.endswith(".weight")
        ):
            return None
        if layer.layer != LINEAR or tie.varying_target or not self.is_the_value(tie):
            return None
        made = tied_linear_for(self.tree.module, self.positions, self.settings, self.names, self.first_tie)
        if not made.takes_bias:
            return None
        uses = uses_of(layer, tie, self.tree, self.positions, self.parts_of_ties)
        if uses.needed:
            return None
        replaced = [tie.place.statement]
        edits = None if uses.earlier or uses.perhaps_needed else self.at_constructor(tie, layer, source, made)
        if edits is None:
            edits = self.at_tie(tie, layer, source, made)
        elif layer.node:
            replaced.append(layer.node)
        if edits is None or binds_names(replaced):
            return None
        return _fix(
            f"Compute with the transposed Parameter of {source} at every forward pass: `{made.name}({source}, …)`",
            (*edits, *made.provide),
            doubt_of(tie, judgement)
            or self.doubt_of_class(tie, layer, made, uses)
            or doubt_of_loss(tie, replaced, self.tree, self.positions, self.names),
        )

    def doubt_of_uses(self, tie: Tie, part: Part) -> str | None:
        """Why the rest of the file may need one of the two layers, or its Parameter, as it is."""
        for side, own in ((tie.target, part), (tie.source, Part.SOURCE)):
            row = odd_use(side.owner_text or side.text, own, tie.place, self.tree, self.positions, self.parts_of_ties)
            if row is not None:
                return f"line {row} may need {side.owner_text or side.text} as it is"
        return None

    def misfit_of_bias(self, layer: Instance) -> int | None:
        """The line that gives the layer another one's bias, which the transposed layer may have no use for."""
        rows = (
            self.positions.span(tie.place.statement).start.row
            for tie in self.written_ties
            if tie.target.owner is layer and tie.target.cell.name == "bias" and tie.fit not in (Fit.EQUAL, Fit.SQUARE)
        )
        return min(rows, default=None)

    def doubt_of_class(self, tie: Tie, layer: Instance, made: ProvidedClass, uses: Uses) -> str | None:
        """Why a TiedLinear may not serve as the `nn.Linear` did."""
        if not made.written:
            return f"it is your own {made.name}, which nobody here has run"
        made_at = _made_at(layer)
        if made_at is not None and not self.positions.has(made_at):
            return f"{tie.target.owner_text} is made in another file, which may need it to be an nn.Linear"
        if tie.model and tie.model.root is not Root.SELF:
            made_of = tie.model.definition
            if made_of and len(self.tree.calls_of(made_of.name)) > 1:
                return f"{made_of.name} is made in other places, too, and would have no TiedLinear there"
            if tie.place.loops:
                return "a new layer would be made at each turn of a loop"
        bias = self.misfit_of_bias(layer)
        if bias is not None:
            return f"line {bias} gives {tie.target.owner_text} a bias that may not fit"
        if uses.perhaps_needed:
            return f"other lines may need {tie.target.owner_text} to have a Parameter of its own"
        if layer.definition is not None:
            return f"{tie.target.owner_text} is of a class of its own"
        if _MEETS_COPIES.search(self.tree.code):
            return (
                "torch.jit.script can't read a TiedLinear, and a replica of nn.DataParallel uses the original's weight"
            )
        if self.told_by_class:
            return "this file picks out layers by being an nn.Linear, and a TiedLinear is none"
        if goes_over_modules(self.tree):
            return "this file does something with all modules, and a TiedLinear's weight is no Parameter of its own"
        if self.makes_groups or self.freezes_by_loop:
            return "this file picks out Parameters by themselves, and a TiedLinear has no weight of its own"
        if trained_apart(tie, self.tree):
            return f"the parameters of {tie.target.owner_text} are used alone, and the weight is no longer one of them"
        return self.doubt_of_uses(tie, Part.REPLACED)

    def at_constructor(self, tie: Tie, layer: Instance, source: str, made: ProvidedClass) -> tuple[Edit, ...] | None:
        """The layer is made as a TiedLinear, and the tie's line goes."""
        call = layer.node
        assignment = self.tree.parent(call) if call else None
        target = _only_target(assignment)
        if not isinstance(call, cst.Call) or assignment is None or target is None or not self.stands_alone(tie):
            return None
        if (
            not self.always_runs_after(tie, call)
            or tie.place.loops
            or tie.place.conditions
            or not self.unconditional(assignment)
        ):
            return None
        if not self.unconditional(tie.place.statement) or layer.definition is not None or _has_star_argument(call):
            return None
        if len(tie.place.functions) > 1 and tie.place.functions[0].name == "__init__" and _in_helper_of_helper(tie):
            return None
        if not self.exists_at(tie, call) or self.tree.text_of(target) != tie.target.owner_text:
            return None
        if self.device_and_dtype(layer) != self.device_and_dtype(tie.source.owner):
            return None
        bias = self.bias_argument(call)
        constructor = Edit(f"{made.name}({source}, bias={bias})", self.positions.span(call))
        return (constructor, self.without_statement(tie))

    def at_tie(self, tie: Tie, layer: Instance, source: str, made: ProvidedClass) -> tuple[Edit, ...] | None:
        """The tie's line puts a TiedLinear in the layer's place, with the layer's own bias."""
        target = tie.target.owner_text
        if target is None or in_forward(tie) or not self.assignable(target, layer, tie):
            return None
        if held_elsewhere(target, tie.place.statement, self.tree, self.positions):
            return None
        bias = f"{target}.bias"
        if not made.written:
            known = layer.arguments.get("bias", Constant(True)) if layer.arguments else None
            bias = (
                str(known.value)
                if isinstance(known, Constant) and isinstance(known.value, bool)
                else f"{bias} is not None"
            )
        return self.rewritten(tie, target, f"{made.name}({source}, bias={bias})") or None

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
                text = self.tree.text_of(argument.value)
                return text if text in ("True", "False") else f"bool({text})"
        return "True"

    def device_and_dtype(self, layer: Instance | None) -> tuple[str, ...]:
        """The device and dtype that a constructor asks for."""
        call = layer.node if layer else None
        if not isinstance(call, cst.Call):
            return ()
        asked = [
            f"{argument.keyword.value}={self.tree.text_of(argument.value)}"
            for argument in call.args
            if argument.keyword and argument.keyword.value in ("device", "dtype")
        ]
        moved = self.tree.parent(call)
        if isinstance(moved, cst.Attribute) and moved.attr.value in _MOVES:
            asked.append(self.tree.text_of(self.tree.parent(moved) or moved).removeprefix(self.tree.text_of(call)))
        return tuple(sorted(asked))

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
            self.positions.has(made)
            and self.tree.function_of(made) is self.tree.function_of(call)
            and self.positions.span(made).end <= self.positions.span(call).start
        )

    def always_runs_after(self, tie: Tie, call: cst.Call) -> bool:
        """The tie follows the constructor in the same function, or stands in the `forward` of the same class."""
        made_in = self.tree.function_of(call)
        tied_in = tie.place.functions[0].node if tie.place.functions else None
        if self.may_have_left(tie, call):
            return False
        if made_in is tied_in:
            return True
        if made_in is None or tied_in is None or made_in.name.value != "__init__" or tied_in.name.value != "forward":
            return False
        return self.tree.class_of(made_in) is self.tree.class_of(tied_in)

    def may_have_left(self, tie: Tie, call: cst.Call) -> bool:
        """The function of the tie may return before it, once the constructor has run."""
        function, here = self.tree.function_of(tie.place.statement), self.positions.span(tie.place.statement).start
        made = self.positions.span(call).end
        starts = (self.positions.span(node).start for node in self.returns if self.tree.function_of(node) is function)
        return any(made < start < here for start in starts)

    @cached_property
    def freezes_by_loop(self) -> bool:
        return freezes_by_loop(self.tree)

    @cached_property
    def makes_groups(self) -> bool:
        return makes_groups(self.tree)

    @cached_property
    def told_by_class(self) -> bool:
        return told_by_class(self.tree, self.names)

    @cached_property
    def returns(self) -> list[cst.Return]:
        """Those of the whole file."""
        return self.tree.every(cst.Return)

    def unconditional(self, node: cst.CSTNode) -> bool:
        """A statement of the function's own block (or of a `with` in it), not of a branch or loop."""
        current = self.tree.parent(node)
        while current is not None and not isinstance(current, cst.FunctionDef | cst.Module):
            if not isinstance(current, cst.With) and isinstance(
                current, cst.BaseCompoundStatement | cst.BaseExpression
            ):
                return False
            current = self.tree.parent(current)
        return True

    def without_statement(self, tie: Tie) -> Edit:
        """Deletes the tie's statement; a comment behind it stays, and a block never becomes empty."""
        statement, line = tie.place.statement, tie.place.line
        span = self.positions.span(statement)
        if isinstance(line, cst.SimpleStatementLine | cst.SimpleStatementSuite) and len(line.body) > 1:
            return self.without_one_of_several(statement, line.body)
        block = self.tree.parent(line) if line else None
        body = block.body if isinstance(block, cst.IndentedBlock | cst.Module) else ()
        if not isinstance(line, cst.SimpleStatementLine) or len(body) <= 1:
            return Edit("pass", span)
        if line.trailing_whitespace.comment:
            end = self.positions.span(line.trailing_whitespace.comment).start
            return Edit("", Span(span.start, end))
        row, rows = span.end.row, self.tree.lines
        below = Position(row + 1, 1) if row < len(rows) else Position(row, len(rows[-1]) + 1)
        return Edit("", Span(Position(span.start.row, 1), below))

    def without_one_of_several(self, statement: cst.CSTNode, body: Sequence[cst.BaseSmallStatement]) -> Edit:
        """Of statements with semicolons between them: it goes with the semicolon before it, the first with the next."""
        index = next(i for i, node in enumerate(body) if node is statement)
        span = self.positions.span(statement)
        if index:
            return Edit("", Span(self.positions.span(body[index - 1]).end, span.end))
        return Edit("", Span(span.start, self.positions.span(body[1]).start))


# ---------------------------------------------------------------------- safety


def doubt_of(tie: Tie, judgement: Judgement) -> str | None:
    """Why the tie may not be what the code means; None where it plainly is, and both layouts are in sight."""
    intent = judgement.intent
    if in_forward(tie):
        return "the tie is made anew at every forward pass"
    if intent.against or (intent.initialise and intent.tie < Strength.CONDITION):
        return "words near it speak against a tie"
    if tie.state.storage is Storage.UNKNOWN:
        return "it may have another dtype or device there"
    if tie.state.axes is None and not tie.is_tie:
        return "the numbers are arranged otherwise there"
    sized = all(isinstance(dim, int) for cell in (tie.target.cell, tie.source.cell) for dim in cell.shape or (None,))
    raises = judgement.verdict is Verdict.ERROR and tie.write.binds and tie.state.is_parameter is not True
    turns = tie.state.transposed is not (layout(tie) is Layout.TRANSPOSED)
    if turns and not raises and not tie.is_tie and not sized:
        return "the sizes are known by their names only, and may be equal"
    if turns and compare(tie.target.cell.shape, tie.given_shape) in (Fit.EQUAL, Fit.SQUARE):
        return "it fits as it is, transposed"
    copies = tie.state.storage is not Storage.SHARED or tie.write is Write.COPY
    if copies and intent.tie < Strength.CONDITION:
        refused = judgement.verdict is Verdict.ERROR and intent.tie >= Strength.COMMENT
        return None if refused else "an initialisation may be meant"
    if tie.is_tie:
        fixed = all(isinstance(dim, int) for dim in tie.target.cell.shape or (None,))
        return None if fixed else "the sizes are known by their names only"
    presumed = tie.target.cell.presumed or tie.source.cell.presumed
    if presumed and (tie.state.transposed or layout(tie) is Layout.TRANSPOSED):
        return "the layers' constructors are not in sight"
    return None


def _fix(message: str, edits: tuple[Edit, ...], doubt: str | None) -> Fix:
    if doubt is None:
        return Fix(Applicability.SAFE, message, edits)
    return Fix(Applicability.UNSAFE, f"{message}; look first: {doubt}", edits)


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


def _made_at(layer: Instance) -> cst.CSTNode | None:
    """Where a layer, or the container that it is an element of, is made."""
    return next((holder.node for holder in layer.outward() if holder.node and holder.root is not Root.SELF), None)


def _arms(node: cst.CSTNode | None) -> list[cst.CSTNode]:
    """The values that an expression chooses from."""
    match node:
        case cst.IfExp(body=body, orelse=orelse):
            return [*_arms(body), *_arms(orelse)]
        case cst.BooleanOperation(left=left, right=right):
            return [*_arms(left), *_arms(right)]
    return [node] if node else []


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


def _has_star_argument(call: cst.Call) -> bool:
    return any(argument.star for argument in call.args)


def _in_helper_of_helper(tie: Tie) -> bool:
    """The tie stands two calls or more below the constructor: its line may run for other layers too."""
    return len(tie.place.functions) > 2

"""Whether a tie was meant: evidence from conditions, comments, names and owners. Used by the rules to keep silent.

The algebra says what an operation does; only people's words say what it was for. Copies need words that mean a tie,
aliases need only two different owners of one model, and words that mean something else win over both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

import libcst as cst

from tielint.facts import Event, Fit, Place, Tie
from tielint.spelling import last_name, parts_of, plain_code_of
from tielint.values import ClassDefinition, Condition, Root
from tielint.vocabulary import (
    CONDITION_TO_INITIALISE,
    COPY,
    GENERIC_ARGUMENT,
    INITIALISE,
    PRIVATE,
    SCRIPTING,
    SHARED_ELSEWHERE,
    STARTS_WITH,
    SURGERY,
    TEST,
    TIE,
    TIE_METHOD,
    UNTIE,
    follows_on_purpose,
    words,
)


class Strength(IntEnum):
    """How plainly the words say so; 0 is not at all."""

    NONE = 0
    NAME = 1
    COMMENT = 2
    CONDITION = 3


@dataclass(frozen=True, slots=True)
class Intent:
    """What the words around a tie say.

    tie: for a tie. against: that none is meant (an else branch, "untie"). initialise: that values are only handed over.
    synchronise: that one side follows the other on purpose. surgery: that layers are being replaced or converted.
    """

    tie: Strength
    against: bool
    initialise: bool
    synchronise: bool
    surgery: bool


def read_intent(tie: Tie | Event) -> Intent:
    """Reads all the words around a tie, or what looks like one."""
    guard = [condition_for_tie(condition) for condition in tie.place.conditions]
    origin = tie.origin if isinstance(tie, Event) else None
    comment = words(comments(tie.place) + (f" {comments(origin)}" if origin else ""))
    names = words(" ".join(_distinguishing_names(tie)))
    methods = " ".join(words(function.name) for function in tie.place.functions)
    classes = " ".join(words(definition.name) for definition in tie.place.classes)
    condition_says = 1 in guard
    comment_says = bool(TIE.search(comment)) and not UNTIE.search(comment)
    named = bool((TIE.search(names) and not PRIVATE.search(names)) or TIE_METHOD.search(methods) or TIE.search(classes))
    strength = (
        Strength.CONDITION
        if condition_says
        else Strength.COMMENT
        if comment_says
        else Strength.NAME
        if named and not UNTIE.search(f"{methods} {classes}")
        else Strength.NONE
    )
    innermost = words(tie.place.method)
    target = GENERIC_ARGUMENT.sub("", words(tie.target_text))
    return Intent(
        tie=strength,
        against=-1 in guard
        or any(_names(condition, COPY) for condition in tie.place.conditions)
        or bool(UNTIE.search(comment))
        or (bool(UNTIE.search(innermost)) and not condition_says),
        initialise=bool(INITIALISE.search(comment)) or (strength < Strength.COMMENT and _names_initialisation(tie)),
        synchronise=follows_on_purpose(target)
        or bool(re.search(r"(?<![a-z])(?:target|ema|momentum|teacher)(?![a-z])", comment)),
        surgery=(not tie.place.hook and any(SURGERY.search(words(function.name)) for function in tie.place.functions))
        or any(_is_test(definition) for definition in tie.place.classes),
    )


def _is_test(definition: ClassDefinition) -> bool:
    bases = (last_name(base.value) or "" for base in definition.node.bases)
    return any(TEST.search(words(name)) for name in (definition.name, *bases))


def _distinguishing_names(tie: Tie | Event) -> set[str]:
    """The names on the way to one side that the other does not have: what both are parts of says nothing of the two."""
    target, source = (set(text.split(".")) for text in (tie.target_text, tie.source_text))
    return {name for name in target ^ source if not SHARED_ELSEWHERE.search(words(name))}


def _names_initialisation(tie: Tie | Event) -> bool:
    method = words(tie.place.method).strip("_")
    return (method != "init" and bool(INITIALISE.search(method))) or any(
        _names(condition, CONDITION_TO_INITIALISE) for condition in tie.place.conditions
    )


def _names(condition: Condition, pattern: re.Pattern[str]) -> bool:
    """Whether a condition that holds has one of the pattern's words."""
    return condition.holds and bool(pattern.search(words(plain_code_of(condition.test))))


def condition_for_tie(condition: Condition) -> int:
    """1 where the condition means that a tie is wanted, -1 where it means that none is, 0 where it says nothing."""
    meaning = _meaning(condition.test)
    if condition.holds:
        return meaning
    return 0 if SCRIPTING.search(words(plain_code_of(condition.test))) else -meaning


def _meaning(test: cst.BaseExpression) -> int:
    match test:
        case cst.UnaryOperation(operator=cst.Not(), expression=inner):
            return -_meaning(inner)
        case cst.BooleanOperation(left=left, right=right):
            return _meaning(left) or _meaning(right)
        case cst.Comparison(left=left, comparisons=[cst.ComparisonTarget(operator=operator, comparator=right)]):
            sign = -1 if isinstance(operator, cst.NotEqual) else 1
            negative = isinstance(right, cst.Name) and right.value in ("False", "None")
            if isinstance(operator, cst.IsNot):
                negative = not negative
            whole = _words_mean(plain_code_of(left)) or _words_mean(plain_code_of(right))
            if STARTS_WITH.search(words(plain_code_of(test))):
                return 0
            return whole * sign * (-1 if negative else 1)
    return _words_mean(plain_code_of(test))


def _words_mean(text: str) -> int:
    low = words(text)
    if UNTIE.search(low) or SCRIPTING.search(low):
        return -1
    if STARTS_WITH.search(low):
        return 0
    return 1 if TIE.search(low) else 0


def comments(place: Place) -> str:
    """The comment on the statement's line, those above its group of lines, and those at the branches that hold it."""
    found: list[str] = []
    for holder, held in zip(place.block, (*place.block[1:], None), strict=True):
        if isinstance(holder, cst.SimpleStatementLine | cst.SimpleStatementSuite):
            found += [part.value for part in parts_of(holder) if isinstance(part, cst.Comment)]
        else:
            found += _leading(holder)
        for part in _way_to(held, holder):
            found += _leading(part)
            if isinstance(part, cst.IndentedBlock) and part.header.comment:
                found.append(part.header.comment.value)
    return " ".join(found + _group_comments(place))


def _leading(node: cst.CSTNode) -> list[str]:
    return [line.comment.value for line in getattr(node, "leading_lines", ()) if line.comment]


def _way_to(held: cst.CSTNode | None, holder: cst.CSTNode) -> list[cst.CSTNode]:
    """The branches and the block of a statement that lead to one inside it; its first block, to what is in its head."""
    for child in holder.children:
        match child:
            case cst.IndentedBlock(body=body) if held is None or any(node is held for node in body):
                return [child]
            case cst.SimpleStatementSuite() if child is held:
                return [child]
            case (
                cst.If() | cst.Else() | cst.ExceptHandler() | cst.ExceptStarHandler() | cst.Finally() | cst.MatchCase()
            ):
                way = _way_to(held, child) if held else []
                if way:
                    return [child, *way]
    return []


def _group_comments(place: Place) -> list[str]:
    """Comments above the lines that directly precede the statement, up to an empty line."""
    *holders, line = place.block or [None]
    holder = holders[-1] if holders else place.function.node if place.function else None
    way = _way_to(line, holder) if line and holder else []
    body = list(way[-1].body) if way and isinstance(way[-1], cst.IndentedBlock) else []
    index = next((i for i, node in enumerate(body) if node is line), 0)
    texts: list[str] = []
    for node in reversed(body[max(0, index - 3) : index + 1]):
        texts += _leading(node)
        if getattr(node, "leading_lines", ()) or not isinstance(node, cst.SimpleStatementLine):
            break
    return texts


# ---------------------------------------------------------------------- owners

_SOURCE_OF_TIE = re.compile(
    r"(?<![a-z])(?:emb|embs|embed|embedding|embeddings|embedder|embed_tokens|tok|token|wte|lut|enc|encoder)(?![a-z])"
)
_END_OF_TIE = re.compile(
    r"(?<![a-z])(?:dec|decoder|head|heads|out|output|proj|projection|cls|classifier|lm|lm_head|pred|predictor|predictions|"
    r"generator|logits|fc_out|softmax|unembed|deconv)(?![a-z])"
)
_ENDS_OF_A_LANGUAGE_MODEL = {"get_input_embeddings", "get_output_embeddings"}
_INFERENCE_ENGINES = ("vllm", "nanovllm", "sglang", "tensorrt_llm", "lightllm", "lmdeploy", "mlc_llm", "flashinfer")


def looks_like_pair(tie: Tie) -> bool:
    """An embedding or encoder on one side, a decoder or output layer on the other."""
    source, target = words(tie.source.text), words(tie.target.text)
    one = _SOURCE_OF_TIE.search(source) and _END_OF_TIE.search(target)
    other = _SOURCE_OF_TIE.search(target) and _END_OF_TIE.search(source)
    layers = {tie.source.layer, tie.target.layer}
    typical = "torch.nn.Embedding" in layers and "torch.nn.Linear" in layers
    return bool(one or other or typical)


def inference_only(imports: frozenset[str]) -> bool:
    """The file belongs to an engine that never trains: an alias is harmless there."""
    return any(name.lstrip(".").split(".")[0] in _INFERENCE_ENGINES for name in imports)


def compares_loose_layers(tie: Tie, imports: frozenset[str]) -> bool:
    """In a file of tests, two layers that belong to no model: the values of one are put into the other to compare."""
    tests = any(name.lstrip(".").split(".")[0] in ("unittest", "pytest") for name in imports)
    return tests and not tie.same_model


def itself(tie: Tie) -> bool:
    """A Parameter is given something made of itself: no tie."""
    same = tie.target.text == tie.source.text and "(…)" not in tie.target.text
    return tie.target.cell is tie.source.cell or same


def two_owners(tie: Tie, intent: Intent) -> bool:
    """Whether source and target are different parts of what should be one model, as far as the code shows."""
    if itself(tie) or not tie.source_live or tie.target_frozen or tie.followed or _unknown_tensor(tie):
        return False
    said = intent.tie >= Strength.NAME and not intent.against
    if intent.synchronise and intent.tie < Strength.COMMENT:
        return False
    if intent.surgery and not said:
        return False
    if tie.target.owner is tie.source.owner:
        return said or tie.state.transposed
    if tie.same_model and not _one_inside_the_other(tie):
        return True
    return said or _strangers_meet(tie)


def _unknown_tensor(tie: Tie) -> bool:
    """The source is a bare argument: perhaps a Parameter, perhaps pretrained values."""
    return tie.source.owner is None and tie.source.cell.presumed


def _one_inside_the_other(tie: Tie) -> bool:
    """A wrapper and the layer that it wraps, both reached through an argument: it hands its weight on."""
    source, target = tie.source.owner_text, tie.target.owner_text
    if source is None or target is None or tie.target.root is Root.SELF:
        return False
    return source.startswith((f"{target}.", f"{target}[")) or target.startswith((f"{source}.", f"{source}["))


def _strangers_meet(tie: Tie) -> bool:
    """Two objects that nothing joins in sight: a constructor's argument, or two layers of one script."""
    roots = (tie.source.root, tie.target.root)
    calls = (side.owner.node if side.owner else None for side in (tie.source, tie.target))
    if {last_name(call.func) for call in calls if isinstance(call, cst.Call)} == _ENDS_OF_A_LANGUAGE_MODEL:
        return True
    if roots == (Root.ARGUMENT, Root.SELF):
        return tie.place.method == "__init__" and looks_like_pair(tie)
    if roots == (Root.BUILT, Root.BUILT) and tie.source.layer and tie.target.layer:
        fits = (
            tie.fit in (Fit.REVERSED, Fit.SQUARE, Fit.UNKNOWN)
            if tie.state.transposed
            else tie.source.layer != tie.target.layer
        )
        return fits and not tie.target_escapes
    return False

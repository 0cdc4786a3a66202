"""What an edit takes away besides the tie: names that are bound there, calls that do more, what else is decided there.

Asked by `fixes.py` of the nodes that an edit replaces.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import libcst as cst

from tielint.facts import Tie, Write
from tielint.layers import LAYERS
from tielint.positions import Positions
from tielint.spelling import dotted_name, last_name, parts_of
from tielint.tensor import OPERATIONS, Storage
from tielint.tree import Tree
from tielint.values import Instance

_DO_NO_MORE = (
    frozenset(OPERATIONS)
    | {name.rpartition(".")[2] for name in LAYERS}
    | frozenset(["Parameter", "setattr", "__setattr__", "register_parameter", "copy_", "set_", "getattr", "Tensor"])
    | frozenset(["int", "float", "bool", "str", "len", "max", "min", "sum", "abs", "round", "tuple", "list", "size"])
)
"""Functions that compute, or write the tie."""
_PACKAGES_THAT_COMPUTE = frozenset(["torch", "nn", "F", "np", "numpy", "math", "copy", "einops"])


def binds_names(replaced: Iterable[cst.CSTNode]) -> bool:
    """Whether something there is given a name (`:=`) that may be used elsewhere."""
    return any(isinstance(part, cst.NamedExpr) for node in replaced for part in parts_of(node))


def doubt_of_loss(
    tie: Tie, replaced: Iterable[cst.CSTNode], tree: Tree, positions: Positions, names: Collection[str]
) -> str | None:
    """Why what is replaced may do more than to tie. names: those that the file imports."""
    for node in replaced:
        for call in (part for part in parts_of(node) if isinstance(part, cst.Call)):
            if not _only_computes(call, names) and not _only_answers(last_name(call.func), tree, names):
                return f"{tree.text_of(call.func)}() is called no more"
            if last_name(call.func) == "Parameter" and _decides_on_training(call):
                return "whether the Parameter is trained is decided there"
    statement = tie.place.statement
    if isinstance(statement, cst.Assign) and len(statement.targets) > 1:
        return "its value has another name, too"
    if isinstance(tie.assigned, cst.Name) and _is_used_otherwise(tie.assigned, tree):
        return f"something else is done with {tie.assigned.value}"
    if _is_frozen(tie.source.owner) or tie.source.cell.marks.get("frozen"):
        return "the source is kept from training"
    return "the copy is written over afterwards" if _is_overwritten(tie, tree, positions) else None


def _is_overwritten(tie: Tie, tree: Tree, positions: Positions) -> bool:
    """Whether its function goes on to write over a copy: `nn.init.zeros_(head.weight)` would zero the source, too."""
    if tie.write is not Write.COPY and tie.state.storage is not Storage.FRESH:
        return False
    own, row = tree.function_of(tie.place.statement), positions.span(tie.place.statement).end.row

    def follows(node: cst.CSTNode) -> bool:
        later = tree.function_of(node) is own and positions.span(node).start.row > row
        return later and not tree.in_other_branch(tie.place.statement, node)

    for call in tree.every(cst.Call):
        name = last_name(call.func) or ""
        if name.endswith("_") and not name.endswith("__") and name != "requires_grad_":
            written = [argument.value for argument in call.args[:1]]
            written += [call.func.value] if isinstance(call.func, cst.Attribute) else []
            if any(tree.text_of(node).removesuffix(".data") == tie.target.text for node in written):
                function = tree.function_of(call)
                if follows(call) or (function and any(map(follows, tree.named(function.name.value)))):
                    return True
    return False


def _only_computes(call: cst.Call, names: Collection[str]) -> bool:
    first = dotted_name(call.func).partition(".")[0]
    return last_name(call.func) in _DO_NO_MORE or first in _PACKAGES_THAT_COMPUTE or first in names


def _only_answers(name: str | None, tree: Tree, names: Collection[str]) -> bool:
    """Whether the functions of this name, in this file, do nothing but to compute what they return."""
    bodies: list[cst.CSTNode] = []
    for own in tree.named(name or ""):
        holder = tree.parent(own)
        if isinstance(holder, cst.FunctionDef) and holder.name is own:
            bodies.append(holder.body)
        elif isinstance(own, cst.Name) and isinstance(holder, cst.AssignTarget):
            match tree.parent(holder):
                case cst.Assign(targets=[_], value=cst.Lambda(body=body)):
                    bodies.append(body)
    does_more = (cst.AugAssign, cst.Del, cst.Global, cst.Nonlocal, cst.Yield, cst.NamedExpr)
    parts = [part for body in bodies for part in parts_of(body)]
    calls = [part for part in parts if isinstance(part, cst.Call)]
    stores = [part for part in parts if isinstance(part, cst.AssignTarget) and not isinstance(part.target, cst.Name)]
    if not bodies or stores or any(isinstance(part, does_more) for part in parts):
        return False
    return all(_only_computes(call, names) for call in calls)


def freezes_by_loop(tree: Tree) -> bool:
    """Whether the file switches `requires_grad` of what any name stands for: it would meet a shared Parameter twice."""
    flags = [flag for flag in tree.named("requires_grad") if isinstance(tree.parent(flag), cst.AssignTarget)]
    switched = [*flags, *(call.func for call in tree.calls_of("requires_grad_"))]
    holders = [dotted_name(node.value) for node in switched if isinstance(node, cst.Attribute)]
    return any(holder.partition(".")[0] != "self" for holder in holders)


def _decides_on_training(call: cst.Call) -> bool:
    flags = [argument.value for argument in call.args if argument.keyword and argument.keyword.value == "requires_grad"]
    flags += [argument.value for argument in call.args[1:2] if argument.keyword is None]
    return any(not (isinstance(flag, cst.Name) and flag.value == "True") for flag in flags)


def _is_used_otherwise(local: cst.Name, tree: Tree) -> bool:
    """Whether something of it is read, written or called besides."""
    function = tree.function_of(local)
    return any(
        isinstance(node, cst.Name)
        and node is not local
        and isinstance(tree.parent(node), cst.Attribute)
        and tree.function_of(node) is function
        for node in tree.named(local.value)
    )


def _is_frozen(layer: Instance | None) -> bool:
    return layer is not None and bool(layer.marks.get("frozen"))

"""Notices what happens to layers and Parameters besides ties. Called by `calls.py`, `stores.py` and `expressions.py`.

It writes down what happened, whatever it was for: the rules judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeGuard

import libcst as cst

from tielint.attribute_uses import uses_of_attribute
from tielint.facts import Event, EventKind, Fit, Place, Repetition, Side, Tie, compare
from tielint.layers import PARAMETER_CONTAINERS
from tielint.ownership import attribute_name, holds_parameters, is_on_meta, is_plain, kept_from_training, outermost
from tielint.spelling import last_name, plain_code_of
from tielint.values import (
    UNKNOWN,
    Cell,
    ClassDefinition,
    Constant,
    Each,
    Instance,
    Root,
    TensorValue,
    Value,
    absolute_path,
    options,
)

if TYPE_CHECKING:
    from tielint.visitor import Visitor


_NAME = re.compile(r"[A-Za-z_]\w*(?:\.\w+|\[-?\w+\]|\['\w+'\])*")
TIED_KEYS = "_tied_weights_keys"
EMBEDDINGS = frozenset(
    ["embed_tokens", "embed_in", "embeddings", "wte", "word_embeddings", "tok_embeddings", "embedding", "shared"]
)
OUTPUTS = frozenset(["lm_head", "embed_out", "output", "output_layer", "head"])
"""What the models of transformers call their input embedding, and their output layer."""


class Events:
    """The events of one run."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor

    # ------------------------------------------------------------------ one layer several times

    def repeated(self, container: Instance, elements: Instance) -> None:
        """A container of modules or Parameters takes a list that holds one of them several times."""
        repetition = elements.marks.get("repeated")
        items = [option for item in (elements.items or {}).values() for option in options(item)]
        if not isinstance(repetition, Repetition) or not items:
            return
        node, origin = repetition.node, repetition.place
        for item in items:
            if isinstance(item, TensorValue) and item.cell.parameter and container.kind in PARAMETER_CONTAINERS:
                text = self.text_of_cell(item.cell)
                self.note(
                    EventKind.REPEATED, container.unnamed, text, node, target=container, cell=item.cell, origin=origin
                )
            elif isinstance(item, Instance) and container.kind not in PARAMETER_CONTAINERS:
                text = self.text(item)
                self.note(
                    EventKind.REPEATED, container.unnamed, text, node, source=item, target=container, origin=origin
                )

    # ------------------------------------------------------------------ copies of whole layers

    def state_loaded(self, target: Instance, source: Instance, node: cst.CSTNode) -> None:
        if target is not source:
            self.between(EventKind.STATE_LOADED, target, source, node)

    def deep_copied(self, holder: Instance, name: str, made: Instance) -> None:
        """A deep copy of a layer becomes a part of a module."""
        source, conditions = made.marks.get("copy_of"), made.marks.get("conditions", ())
        if not isinstance(source, Instance) or not isinstance(conditions, tuple):
            return
        if any(option is source for option in options(holder.attributes.get(name, UNKNOWN))):
            return  # the layer gives way to its own copy
        known = holds_parameters(source) or (holder.definition is not None and holder.definition.probably_module)
        if made.node is not None and (known or holder.definition is None):
            text = f"{self.text(holder)}.{name}"
            place = self.visitor.here(conditions)
            self.between(EventKind.DEEP_COPIED, made, source, made.node, target_text=text, place=place)

    def taken_as_weight(self, made: Instance, weight: TensorValue, node: cst.CSTNode, *, frozen: bool) -> None:
        """`Embedding(…, _weight=w)` and `Embedding.from_pretrained(w)`: a second Parameter, over w's storage."""
        if weight.cell.parameter and weight.cell.home is not None:
            self.note(
                EventKind.TAKEN_AS_WEIGHT,
                self.text(made),
                self.text_of_cell(weight.cell),
                node,
                target=made,
                source=weight.cell.home,
                cell=weight.cell,
                value=weight,
                detail="frozen" if frozen else "",
            )

    # ------------------------------------------------------------------ values that leave their graph behind

    def kept(self, holder: Instance, name: str, value: TensorValue, node: cst.CSTNode | None) -> None:
        """What was computed from a Parameter is stored where no Parameter stands."""
        named = value.cell.home is not None or (name == "…" and value.cell.presumed)
        if node is None or not named or value.state.is_origin is not False:
            return
        kind = EventKind.KEPT
        if self.in_forward:
            if value.state.attached is not False or value.state.exact:
                return
            kind = EventKind.DERIVED_DETACHED
        self.note(
            kind,
            f"{self.text(holder)}.{name}",
            self.text_of_cell(value.cell),
            node,
            target=holder,
            source=value.cell.home,
            cell=value.cell,
            detail="attached" if value.state.attached else "detached" if value.state.attached is False else "",
            value=value,
        )

    def used(self, function: str, weight: Value | None, node: cst.CSTNode | None) -> None:
        """A forward pass computes with a tensor in the place of a weight."""
        if not self.in_forward or node is None or not isinstance(weight, TensorValue):
            return
        cell, state = weight.cell, weight.state
        if state.attached is not False or cell.home is None or not (cell.parameter or cell.presumed):
            return
        self.note(
            EventKind.USED_DETACHED,
            function,
            self.text_of_cell(cell),
            node,
            source=cell.home,
            cell=cell,
            value=weight,
        )

    @property
    def in_forward(self) -> bool:
        return self.visitor.hooks > 0 or any(function.name == "forward" for function in self.visitor.functions)

    # ------------------------------------------------------------------ ties undone

    def replaced(self, holder: Instance, step: str, old: Value | None, new: Value) -> None:
        """An attribute or element (`.head`, `['head']`) that a tie of this run hangs on gets another value."""
        if old is None or not (self.visitor.pending or self.visitor.standing):
            return
        place = holder.place[1] if step.startswith("[") and holder.place else step
        name = place.removeprefix(".")
        if "{" in name or new == Constant(None) or any(_wraps(n, o, name) for o in options(old) for n in options(new)):
            return
        made_here = all(_made_in_sight(option, holder) for option in options(new)) and not self.tied_by_framework
        ties = (*self.visitor.standing, *self.visitor.pending) if made_here else self.visitor.pending
        hanging = [(tie, self.side_under(tie, old)) for tie in ties if tie.holds and _of_layers(tie)]
        undone = [(tie, side) for tie, side in hanging if side is not None]
        if undone and any(other.is_tie and self.side_under(other, new) for other in self.visitor.pending):
            return  # the new one is tied already
        for tie, side in undone:
            fits = self.takes_its_place(new, side, tie)
            self.undone(EventKind.REPLACED, tie, side, f"{self.text(holder)}{step}", fits=fits)

    @property
    def tied_by_framework(self) -> bool:
        """Whether the running class is a model of transformers, which ties again after every change."""
        return any(_is_pretrained_model(definition) for definition in self.visitor.classes)

    def wrapped(self, function: str, layer: Instance, node: cst.CSTNode) -> None:
        """`weight_norm(layer)` and the like turn its Parameter into a tensor computed from others."""
        for tie in self.visitor.pending:
            if tie.holds:
                side = next((side for side in (tie.target, tie.source) if side.owner is layer), None)
                if side is not None and side.cell.name == "weight":
                    self.undone(EventKind.WRAPPED, tie, side, function, node)

    def remade(self, function: str, model: Instance, node: cst.CSTNode, *, on_meta: bool = False) -> None:
        """Every Parameter of a module becomes another object: ties of it, or of a part of it, are undone.

        on_meta: only those without values do.
        """
        for tie in (*self.visitor.facts.ties, *self.visitor.pending):
            if on_meta and not is_on_meta(tie.source.cell):
                continue
            if tie.holds and self.side_under(tie, model) is not None:
                self.note(
                    EventKind.REMADE,
                    self.visitor.stores.text_now(tie.target),
                    self.visitor.stores.text_now(tie.source),
                    node,
                    tie=tie,
                    retie=self.retied(tie),
                    detail=function,
                    made=tie.source.cell.node,
                )

    def not_a_module(self, function: str, value: TensorValue, node: cst.CSTNode) -> None:
        if value.cell.parameter or value.cell.presumed:
            text = self.text_of_cell(value.cell)
            self.note(EventKind.NOT_A_MODULE, function, text, node, source=value.cell.home, cell=value.cell)

    def undone(
        self,
        kind: EventKind,
        tie: Tie,
        side: Side,
        by: str,
        node: cst.CSTNode | None = None,
        *,
        fits: bool | None = None,
    ) -> None:
        other = tie.source if side is tie.target else tie.target
        statement = self.visitor.statement
        if statement is not tie.place.statement and not _exclusive(tie.place, self.visitor.here()):
            texts = self.visitor.stores.text_now(side), self.visitor.stores.text_now(other)
            again = self.retied(tie) if fits else ""
            made = other.cell.node
            self.note(kind, *texts, node or statement, tie=tie, detail=by, made=made, retie=again, fits=fits)

    def takes_its_place(self, new: Value, side: Side, tie: Tie) -> bool | None:
        """Whether the tie could be made again with a new layer, whose weight has the same shape; None: nobody knows."""
        other = tie.source if side is tie.target else tie.target
        if not isinstance(new, Instance) or side.owner is None or not side.text.startswith(side.owner_text or "?"):
            return None
        cell = self.visitor.expressions.layer_parameter(new, side.cell.name)
        if cell is None or cell.shape is None or other.cell.shape is None:
            return None
        return compare(cell.shape, other.cell.shape) in (Fit.EQUAL, Fit.SQUARE)

    def retied(self, tie: Tie) -> str:
        """The statement that makes the tie again, where the running function can name both sides."""
        texts = [self.visitor.stores.text_now(side) for side in (tie.target, tie.source)]
        return " = ".join(texts) if all(_NAME.fullmatch(text) for text in texts) else ""

    def side_under(self, tie: Tie, old: Value) -> Side | None:
        """The side of a tie whose Parameter, layer or layer's holder is `old`."""
        for option in options(old):
            for side in (tie.target, tie.source):
                if isinstance(option, TensorValue) and option.cell is side.cell and side.owner is not None:
                    return side
                if side.owner is not None and any(holder is option for holder in side.owner.outward()):
                    return side
        return None

    # ------------------------------------------------------------------ layers that no module knows

    def unregistered(self, model: Instance) -> None:
        """After a constructor: lists and dicts of Python, still attributes of the module, with layers made for them.

        `detail` is what they all are, `Module` or `Parameter`, where a container of PyTorch can take the list's place.
        It is lasting where `forward` or another method uses what is held, and nothing else is given it, which might
        register it.
        """
        if model.definition is None or any(map(model.definition.method, ("__setattr__", "parameters"))):
            return  # a list may become something else there, or is known after all
        for name, value in model.attributes.items():
            for held in options(value):
                if not isinstance(held, Instance) or not is_plain(held) or held.marks.get("adopted"):
                    continue
                place = held.marks.get("assigned")
                held_here = [item for element in _elements(held) for item in options(element)]
                self.visitor.facts.unfollowed += filter(None, map(_class_elsewhere, held_here))
                item = next((item for item in held_here if _made_for(item, held)), None)
                if item is not None and held.node is not None and isinstance(place, Place):
                    uses = uses_of_attribute(model.definition, name)
                    read = uses.read or model.definition.method("forward") is None
                    self.note(
                        EventKind.UNREGISTERED,
                        f"{self.text(model)}.{name}",
                        f"{self.text(model)}.{name}",
                        held.node,
                        detail="" if uses.as_a_list else _kind_held(held),
                        target=held,
                        source=item if isinstance(item, Instance) else None,
                        cell=item.cell if isinstance(item, TensorValue) else None,
                        place=place,
                        lasting=read and not uses.replaced and not uses.handed_on,
                    )

    # ------------------------------------------------------------------ contracts around a tie

    def tied_keys_listed(self, definition: ClassDefinition, model: Instance) -> None:
        """`_tied_weights_keys = [...]` in a model of transformers; `detail` is the mapping, where it can be told."""
        keys = definition.attributes.get(TIED_KEYS)
        place = keys.marks.get("assigned") if isinstance(keys, Instance) else None
        if not isinstance(keys, Instance) or not isinstance(keys.node, cst.List) or not isinstance(place, Place):
            return
        names = [item.value for item in (keys.items or {}).values() if isinstance(item, Constant)]
        if not names or not all(isinstance(name, str) for name in names) or not _is_pretrained_model(definition):
            return
        tied = self.sources_of_ties(definition, model)
        mapping = [f'"{name}": "{tied[str(name)]}"' for name in names if str(name) in tied]
        detail = f"{{{', '.join(mapping)}}}" if len(mapping) == len(names) else ""
        text = f"{definition.name}.{TIED_KEYS}"
        self.note(EventKind.TIED_KEYS_LISTED, text, text, keys.node, detail=detail, place=place)

    def ties_undeclared(self, definition: ClassDefinition, model: Instance) -> None:
        """Ties of a constructor in a direct subclass of transformers' own class, without a word of them."""
        bases = [last_name(base.value) for base in definition.node.bases]
        declared = [ancestor.attributes.get(TIED_KEYS) for ancestor in definition.ancestry]
        if "PreTrainedModel" not in bases or any(keys not in (None, Constant(None)) for keys in declared):
            return
        for tie in self.visitor.facts.ties:
            if tie.is_tie and tie.same_model and tie.target.owner and outermost(tie.target.owner) is model:
                detail = f'{{"{_below(tie.target.text)}": "{_below(tie.source.text)}"}}'
                self.note(
                    EventKind.TIE_UNDECLARED,
                    tie.target.text,
                    tie.source.text,
                    tie.place.statement,
                    detail=detail,
                    place=tie.place,
                    made=tie.source.cell.node,
                )

    def sources_of_ties(self, definition: ClassDefinition, model: Instance) -> dict[str, str]:
        """From each tied Parameter's name to its source's: as the constructor ties, and as transformers would."""
        tied = {
            _below(tie.target.text): _below(tie.source.text)
            for tie in self.visitor.facts.ties
            if tie.is_tie and tie.target.owner and outermost(tie.target.owner) is model
        }
        ends = []
        for name in ("get_output_embeddings", "get_input_embeddings"):
            function = definition.method(name)
            found = self.visitor.call_function(function, [model], {}) if function else UNKNOWN
            ends.append(f"{_below(self.text(found))}.weight" if isinstance(found, Instance) and found.place else None)
        if ends[0] and ends[1]:
            tied.setdefault(ends[0], ends[1])
        return tied

    def compared(self, one: Value | None, other: Value | None, node: cst.CSTNode) -> None:
        """`torch.equal(one, other)`"""
        match one, other:
            case TensorValue(cell=a, state=here), TensorValue(cell=b, state=there):
                if here.is_origin and there.is_origin and a.home and b.home:
                    texts = self.text_of_cell(a), self.text_of_cell(b)
                    if a is b and one.node and other.node:  # tied indeed: one Parameter, with one name
                        texts = plain_code_of(one.node), plain_code_of(other.node)
                    self.note(EventKind.COMPARED, *texts, node, target=a.home, source=b.home, cell=b)

    def adapted(self, modules: Value | None, node: cst.Call) -> None:
        """A PEFT configuration that names both ends of a language model among the modules that it copies."""
        items = modules.items if isinstance(modules, Instance) else None
        names = [str(item.value) for item in (items or {}).values() if isinstance(item, Constant)]
        ends = [next((n for n in names if n.rpartition(".")[2] in end), None) for end in (OUTPUTS, EMBEDDINGS)]
        argument = next((a for a in node.args if a.keyword and a.keyword.value == "modules_to_save"), None)
        if ends[0] and ends[1] and argument:
            self.note(EventKind.ADAPTED, ends[0], ends[1], argument)

    def optimized(self, params: Value, node: cst.CSTNode) -> None:
        """An optimizer is made of a list of Parameters, or of several groups of them."""
        if not isinstance(params, Instance) or not params.items or len(params.items) < 2:
            return
        parts = list(params.items.values())
        kind = EventKind.GROUPED if any(is_dict(part) for part in parts) else EventKind.LISTED_TWICE
        members = [_owners_in(part.attributes["['params']"] if is_dict(part) else part) for part in parts]
        for tie in (*self.visitor.facts.ties, *self.visitor.pending):
            if not tie.is_tie or tie.target.owner is None or tie.source.owner is None:
                continue
            places = [_group_of(side, members) for side in (tie.target, tie.source)]
            named_twice = sum(any(o is tie.source.cell for o in group) for group in members) > 1
            if named_twice or (None not in places and places[0] != places[1]):
                made = tie.source.cell.node
                target, source = map(self.visitor.stores.text_now, (tie.target, tie.source))
                self.note(kind, target, source, node, tie=tie, made=made)

    # ------------------------------------------------------------------ writing down

    def between(
        self,
        kind: EventKind,
        target: Instance,
        source: Instance,
        node: cst.CSTNode,
        *,
        target_text: str | None = None,
        place: Place | None = None,
    ) -> None:
        text = target_text or self.text(target)
        self.note(kind, text, self.text(source), node, target=target, source=source, place=place)

    def note(
        self,
        kind: EventKind,
        target_text: str,
        source_text: str,
        node: cst.CSTNode,
        *,
        target: Instance | None = None,
        source: Instance | None = None,
        cell: Cell | None = None,
        tie: Tie | None = None,
        detail: str = "",
        retie: str = "",
        made: cst.CSTNode | None = None,
        value: TensorValue | None = None,
        place: Place | None = None,
        origin: Place | None = None,
        fits: bool | None = None,
        lasting: bool = True,
    ) -> None:
        made = made or (cell.node if cell else source.node if source else None)
        self.visitor.pending_events.append(
            Event(
                kind,
                target_text,
                source_text,
                place or self.visitor.here(),
                node,
                made,
                target,
                source,
                cell,
                tie,
                value.state if value else None,
                value.node if value else None,
                detail,
                retie,
                origin,
                fits,
                lasting=lasting,
                order=len(self.visitor.pending),
                presumed=int(bool(cell and cell.presumed)),
            )
        )

    def text(self, instance: Instance) -> str:
        return self.visitor.stores.spell(instance) or absolute_path(instance) or instance.label or instance.unnamed

    def text_of_cell(self, cell: Cell) -> str:
        return self.visitor.stores.side(cell, cell.home, attribute_name(cell)).text


def _of_layers(tie: Tie) -> bool:
    """Whether both sides surely are Parameters, or at least called `weight` or `bias` and parts of something."""
    sides = (tie.target, tie.source)
    return not tie.presumed or all(side.cell.name in ("weight", "bias") and side.step for side in sides)


def _wraps(new: Value, old: Value, name: str) -> bool:
    """Whether `new` is `old`, holds it, or is made from what it replaces: `self.head = Wrapper(self.head)`."""
    if new is old:
        return True
    if not isinstance(new, Instance) or "copy_of" in new.marks:
        return False
    if any(o is old for value in _parts(new) for o in options(value)):
        return True
    return isinstance(new.node, cst.Call) and any(_mentions(argument.value, name) for argument in new.node.args)


def _made_in_sight(value: Value, holder: Instance) -> bool:
    """A layer or Parameter that the code makes for the holder, and does not take from somewhere."""
    match value:
        case Instance(root=Root.BUILT):
            return value.layer is not None or value.definition is not None
        case TensorValue(cell=cell, state=state):
            return cell.parameter and state.is_origin is True and (cell.home is None or cell.home is holder)
    return False


def _parts(module: Instance, depth: int = 3) -> Iterator[Value]:
    for value in (*module.attributes.values(), *(module.items or {}).values()):
        yield value
        for option in options(value) if depth else ():
            if isinstance(option, Instance) and option.root is Root.BUILT:
                yield from _parts(option, depth - 1)


def _mentions(node: cst.CSTNode, name: str) -> bool:
    """Whether an attribute of this name is in the expression, itself and not something of it."""
    if isinstance(node, cst.Attribute):
        return node.attr.value == name
    return any(_mentions(child, name) for child in node.children)


def _owners_in(params: Value | None) -> list[Instance | Cell]:
    """Whose Parameters a group surely lists: layers, for `layer.parameters()`, and single Parameters."""
    owners: list[Instance | Cell] = []
    for option in options(params) if params is not None else ():
        match option:
            case Each(lanes=lanes):
                for lane in lanes:
                    owners += _owners_in(lane)
            case TensorValue(cell=cell):
                owners.append(cell.owner if cell.name == "*" and cell.owner else cell)
            case Instance(items=dict() as items, node=node) if not _chooses(node):
                for item in items.values():
                    owners += _owners_in(item)
    return owners


def _chooses(node: cst.CSTNode | None) -> bool:
    """A comprehension with a condition: nobody here knows what it leaves out."""
    return isinstance(node, cst.ListComp | cst.SetComp | cst.GeneratorExp) and bool(node.for_in.ifs)


def _group_of(side: Side, groups: list[list[Instance | Cell]]) -> int | None:
    """The first group that lists a side's Parameter."""
    holders: list[object] = [side.cell, *(side.owner.outward() if side.owner else ())]
    return next((i for i, group in enumerate(groups) if any(o is h for o in group for h in holders)), None)


def is_dict(value: Value) -> TypeGuard[Instance]:
    return isinstance(value, Instance) and "['params']" in value.attributes


def _below(text: str) -> str:
    """A name as a state_dict spells it: without the model's own."""
    return text.partition(".")[2]


def _is_pretrained_model(definition: ClassDefinition) -> bool:
    names = (last_name(base.value) or "" for ancestor in definition.ancestry for base in ancestor.node.bases)
    return any(name.endswith("PreTrainedModel") for name in names)


def mark_followed(ties: Sequence[Tie]) -> None:
    """Marks those whose target surely becomes the source itself, or another Parameter, later in the same run."""
    later: dict[tuple[int, str], list[Tie]] = {}
    for tie in reversed(ties):
        place = (id(tie.target.owner), tie.target.cell.name)
        tie.followed = any(_surely_runs_after(other, tie) for other in later.get(place, ()))
        if tie.holds and tie.target.owner is not None:
            later.setdefault(place, []).append(tie)


def _surely_runs_after(tie: Tie, other: Tie) -> bool:
    """Whether a later one is made whenever the other is."""
    return tie.place.loops <= other.place.loops and set(tie.place.conditions) <= set(other.place.conditions)


def complete(event: Event, ties: Sequence[Tie]) -> None:
    """What only the end of a run tells; `ties` are those of the run, in their order."""
    if event.target is not None and event.source is not None:
        event.same_model = outermost(event.target) is outermost(event.source)
    if event.kind is EventKind.REPEATED and event.target is not None:
        event.target_text = absolute_path(event.target) or event.target_text
    if event.kind is EventKind.REPEATED and event.source is not None:
        event.has_parameters = holds_parameters(event.source)
    if event.cell is not None:
        event.frozen = kept_from_training(event.cell, event.cell.home)
    if event.kind in (EventKind.REMADE, EventKind.REPLACED) and event.tie is not None:
        event.mended = _mended(event, event.tie, ties)
        same = event.kind is EventKind.REPLACED and _same_parameter(event.tie)
        event.lasting = not event.mended and not same


def _mended(event: Event, broken: Tie, ties: Sequence[Tie]) -> bool:
    """Whether the two are tied again, later or by the very statement."""
    sides = {broken.target.text, broken.source.text}
    owners = {id(broken.target.owner), id(broken.source.owner)}
    return any(
        tie is not broken
        and tie.is_tie
        and _one_model(tie, broken)
        and ({tie.target.text, tie.source.text} == sides or {id(tie.target.owner), id(tie.source.owner)} == owners)
        and (index >= event.order or tie.place.statement is event.place.statement)
        for index, tie in enumerate(ties)
    )


def _one_model(tie: Tie, other: Tie) -> bool:
    models = [outermost(each.target.owner) if each.target.owner else None for each in (tie, other)]
    return models[0] is models[1]


def _exclusive(one: Place, other: Place) -> bool:
    """Whether the two stand in different branches of one condition."""
    return any(a.test is b.test and a.holds != b.holds for a in one.conditions for b in other.conditions)


def _same_parameter(tie: Tie) -> bool:
    """Whether both sides' places hold the same Parameters at the end; true as well where that can't be told."""
    target, source = (_held_at(side) for side in (tie.target, tie.source))
    return not target or not source or target == source


def _held_at(side: Side) -> set[int]:
    """The Parameters (or, where none was looked at, the layers) that may stand at a side's place now, by identity."""
    steps: list[str] = []
    reached: list[Instance] = []
    for current in side.owner.outward() if side.owner else ():
        reached = [current]
        if current.root in (Root.SELF, Root.ARGUMENT) or current.place is None:
            break
        steps.append(current.place[1])
    for step in reversed(steps):
        reached = [found for holder in reached for found in _members(holder, step)]
    held: set[int] = set()
    for owner in reached:
        value = owner.attributes.get(attribute_name(side.cell))
        if value is None:
            held.add(id(owner))
        held |= {id(option.cell) for option in options(value or UNKNOWN) if isinstance(option, TensorValue)}
    return held


def _members(holder: Instance, step: str) -> list[Instance]:
    value = holder.attributes.get(step.removeprefix("."))
    if value is None and step[:1] == "[" and step[1:-1].isdigit() and holder.items:
        value = holder.items.get(int(step[1:-1]))
    return [option for option in options(value or UNKNOWN) if isinstance(option, Instance)]


def _class_elsewhere(item: Value) -> str | None:
    """The qualified name of the class of an object, where its definition is not in sight."""
    match item:
        case Instance(root=Root.BUILT, definition=None, kind=kind) if not is_plain(item):
            return kind
    return None


def _elements(held: Instance) -> list[Value]:
    """What a list or dict holds, also by keys that it was given one after the other."""
    keyed = [value for step, value in held.attributes.items() if step.startswith("[")]
    return [*(held.items or {}).values(), *keyed]


def _made_for(item: Value, held: Instance) -> bool:
    """A layer or Parameter that is made for this list, or a list of them, and stands nowhere else."""
    if isinstance(item, Instance) and is_plain(item):
        return not item.marks.get("adopted") and any(_made_for(inner, item) for inner in _elements(item))
    if isinstance(item, Instance):
        alone = item.root is Root.BUILT and item.place is not None and item.place[0] is held
        return alone and _is_module(item) and bool(holds_parameters(item))
    return (
        isinstance(item, TensorValue) and item.cell.parameter and item.cell.home is None and bool(item.state.is_origin)
    )


def _kind_held(held: Instance) -> str:
    """What a list holds, where it is all of a kind: `Module` or `Parameter`."""
    options_of = [option for item in _elements(held) for option in options(item)]
    if all(isinstance(option, TensorValue) and option.state.is_origin for option in options_of):
        return "Parameter"
    return "Module" if all(isinstance(option, Instance) and _is_module(option) for option in options_of) else ""


def _is_module(held: Instance) -> bool:
    """Whether it surely is an `nn.Module`."""
    if held.definition:
        return held.definition.module is True
    return (held.kind or "").startswith("torch.nn.")

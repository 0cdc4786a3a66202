"""What assignments do in an abstract run, ties among them. Used by `visitor.py` and `calls.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import libcst as cst

from tielint.events import TIED_KEYS
from tielint.expressions import sliced, with_node
from tielint.facts import Side, Slot, Tie, Write
from tielint.layers import CONTAINERS, PARAMETER_CONTAINERS, parameter_named
from tielint.ownership import attribute_name, is_plain, outermost
from tielint.spelling import plain_code_of
from tielint.tensor import (
    Storage,
    apply,
    origin,
)
from tielint.values import (
    DELETED,
    UNKNOWN,
    Bound,
    Cell,
    Choice,
    Constant,
    Frame,
    Instance,
    Root,
    TensorValue,
    Value,
    absolute_path,
    choice,
    options,
)

if TYPE_CHECKING:
    from tielint.visitor import Visitor

T = TypeVar("T")


class Stores:
    """The assignments of one run."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.written: cst.BaseExpression | None = None
        self.alternatives = 1
        self.receivers = 1

    def bind(self, target: cst.BaseExpression, value: Value, node: cst.BaseExpression | None) -> None:
        match target:
            case cst.Name(value=name):
                self.visitor.set_local(name, with_node(value, target))
                if name == TIED_KEYS and isinstance(value, Instance):
                    value.marks["assigned"] = self.visitor.here()
                for option in options(value):
                    if isinstance(option, Instance) and option.root is Root.BUILT and option.place is None:
                        self.visitor.frame.roots[id(option)] = name
                        option.label = option.label or name
                    elif isinstance(option, TensorValue) and option.cell.home is None and not option.cell.name:
                        option.cell.name = name
            case cst.Tuple(elements=elements) | cst.List(elements=elements):
                parts = node.elements if isinstance(node, cst.Tuple | cst.List) else ()
                values = self.visitor.expressions.unpack(value, len(elements))
                for index, element in enumerate(elements):
                    part = parts[index].value if len(parts) == len(elements) else None
                    self.bind(element.value, values[index], part)
            case cst.Attribute(value=holder, attr=cst.Name(value=name)):
                receivers = self.visitor.expressions.evaluate(holder)
                self.written = target
                self.on_one(receivers, lambda receiver: self.store_attribute(receiver, name, value, node))
            case cst.Subscript(value=holder) as item:
                receivers = self.visitor.expressions.evaluate(holder)
                self.written = target
                self.on_one(receivers, lambda receiver: self.store_item(receiver, item, value, node))
        self.written = None

    def on_one(self, receiver: Value, act: Callable[[Value], T]) -> list[T]:
        """Acts on whichever object it may be: on each from the same state, for it is one of them and never two."""
        if not isinstance(receiver, Choice):
            outer, self.receivers = self.receivers, 1
            only = act(receiver)
            self.receivers = outer
            return [only]
        results: list[T] = []

        def acted(option: Value) -> bool:
            results.append(act(option))
            return False

        outer, self.receivers = self.receivers, len(receiver.options)
        self.visitor.branches([partial(acted, option) for option in receiver.options])
        self.receivers = outer
        return results

    def store_attribute(
        self,
        receiver: Value,
        name: str,
        value: Value,
        node: cst.BaseExpression | None,
        write: Write = Write.ASSIGN,
    ) -> None:
        """`receiver.name = value`, however it is written."""
        if (
            isinstance(receiver, Instance)
            and name in ("data", "requires_grad")
            and self.visitor.expressions.may_be_tensor(receiver)
        ):
            receiver = self.visitor.expressions.as_tensor(receiver)
        match receiver:
            case TensorValue() if name == "data":
                self.write(Write.DATA, receiver, value, node)
            case TensorValue() if name == "requires_grad":
                self.freeze(receiver, value == Constant(False))
            case Instance():
                self.assign(receiver, name, value, node, write)

    def assign(
        self, receiver: Instance, name: str, value: Value, node: cst.BaseExpression | None, write: Write
    ) -> None:
        stored: list[Value] = []
        for option in options(value):
            self.alternatives = len(options(value))
            if (
                isinstance(option, Instance)
                and option.marks.get("tensor")
                and self.slot(receiver, name) is not Slot.FREE
            ):
                option = self.visitor.expressions.as_tensor(option)
            if isinstance(option, TensorValue):
                option = self.assign_tensor(receiver, name, option, node, write)
            elif isinstance(option, Instance):
                self.place(receiver, f".{name}", option)
                self.visitor.events.deep_copied(receiver, name, option)
                if is_plain(option):
                    self.visitor.journal.set(option.marks, "assigned", self.visitor.here())
            stored.append(option)
        new = choice(stored)
        self.visitor.events.replaced(receiver, f".{name}", receiver.attributes.get(name), new)
        self.visitor.journal.set(receiver.attributes, name, new)

    def assign_tensor(
        self, receiver: Instance, name: str, value: TensorValue, node: cst.BaseExpression | None, write: Write
    ) -> Value:
        """A tensor goes into an attribute of a module: the one place where ties are made or missed."""
        slot = self.slot(receiver, name)
        cell = value.cell
        raw = cell.marks.get("raw")
        if value.state.is_origin and cell.parameter and cell.home is None:
            self.visitor.journal.set(cell.marks, "owner", receiver)
            self.visitor.journal.set(cell.marks, "attribute", name)
            if isinstance(raw, Cell):
                self.take(raw, receiver, name, cell, node, write, slot)
            return value
        if slot is Slot.FREE and value.state.is_parameter is not True:
            self.visitor.events.kept(receiver, name, value, node)
            return value
        target = self.existing(receiver, name) or Cell(name, receiver, None, cell.rank, node=node)
        self.record(target, receiver, name, value, node, write, slot)
        if value.state.is_origin:
            return value
        fresh = Cell(name, receiver, target.shape, target.rank, presumed=target.presumed, node=node)
        fresh.marks["made_by"] = target.marks.get("made_by")
        if value.state.requires_grad is False:
            fresh.marks["frozen"] = True
        return TensorValue(fresh, origin(fresh.rank), node)

    def take(
        self,
        raw: Cell,
        receiver: Instance,
        name: str,
        cell: Cell,
        node: cst.BaseExpression | None,
        write: Write,
        slot: Slot,
    ) -> None:
        """A tensor that no module holds becomes a Parameter; the second time, two Parameters share it by accident."""
        first = self.taken(raw, cell)
        if first:
            state = apply("Parameter", origin(cell.rank))
            self.record(cell, receiver, name, TensorValue(first, state, node), node, write, slot)

    def taken(self, raw: Cell, cell: Cell) -> Cell | None:
        """The Parameter that a plain tensor became before, unless that was in a branch that need not have run."""
        first, under = raw.marks.get("taken"), raw.marks.get("taken_under", ())
        if isinstance(first, Cell) and first is not cell and isinstance(under, tuple):
            return first if all(condition in self.visitor.conditions for condition in under) else None
        self.visitor.journal.set(raw.marks, "taken", cell)
        self.visitor.journal.set(raw.marks, "taken_under", tuple(self.visitor.conditions))
        return None

    def slot(self, receiver: Instance, name: str) -> Slot:
        found = receiver.attributes.get(name)
        if found is not None:
            kinds = [o.cell for o in options(found) if isinstance(o, TensorValue) and o.state.is_parameter]
            if not kinds:
                return Slot.FREE
            return Slot.PRESUMED if kinds[0].presumed else Slot.PARAMETER
        if self.visitor.expressions.layer_parameter(receiver, name):
            return Slot.PARAMETER
        known = receiver.kind or (receiver.definition and receiver.definition.module is False)
        if known or receiver.root is Root.SELF or not parameter_named(name):
            return Slot.FREE
        return Slot.PRESUMED

    def existing(self, receiver: Instance, name: str) -> Cell | None:
        value = (
            self.visitor.expressions.instance_attribute(receiver, name, None)
            if self.slot(receiver, name) is not Slot.FREE
            else UNKNOWN
        )
        cells = [option.cell for option in options(value) if isinstance(option, TensorValue)]
        return cells[0] if cells else None

    def write(self, kind: Write, target: TensorValue, value: Value, node: cst.BaseExpression | None) -> None:
        """`target.data = value` and the in-place ways."""
        for option in options(value):
            self.alternatives = len(options(value))
            if (
                isinstance(option, Instance)
                and self.visitor.expressions.may_be_tensor(option)
                and option.marks.get("tensor")
            ):
                option = self.visitor.expressions.as_tensor(option)
            if not isinstance(option, TensorValue):
                continue
            cell = target.cell
            if not option.cell.parameter and not option.cell.presumed:
                self.adopt(cell, option, kind, node)
            elif cell.parameter or cell.presumed:
                part = not target.state.whole
                leaf = bool(target.state.requires_grad)
                self.record(
                    cell, cell.home, attribute_name(cell), option, node, kind, Slot.PARAMETER, part=part, leaf=leaf
                )

    def adopt(self, cell: Cell, value: TensorValue, kind: Write, node: cst.BaseExpression | None) -> None:
        """A plain tensor becomes a Parameter's storage; the second Parameter over it is an alias of the first."""
        shares = value.state.storage is Storage.SHARED and value.state.exact and value.state.whole
        if kind is Write.COPY or not shares:
            return
        first = self.taken(value.cell, cell)
        if first:
            turned = value.cell.marks.get("axes") == value.state.axes
            axes = tuple(range(first.rank)) if turned else tuple(reversed(range(first.rank)))
            state = replace(apply("data", origin(first.rank)), axes=axes)
            self.record(
                cell, cell.home, attribute_name(cell), TensorValue(first, state, node), node, kind, Slot.PARAMETER
            )
        elif value.cell.marks.get("taken") is cell:
            self.visitor.journal.set(value.cell.marks, "axes", value.state.axes)

    def record(
        self,
        target: Cell,
        owner: Instance | None,
        name: str,
        value: TensorValue,
        node: cst.BaseExpression | None,
        write: Write,
        slot: Slot,
        *,
        part: bool = False,
        leaf: bool = False,
    ) -> None:
        source = value.cell
        if not source.parameter and not source.presumed:
            return
        place = self.visitor.here(value.conditions)
        made = Tie(
            self.side(target, owner, name),
            self.side(source, source.home, attribute_name(source)),
            value.state,
            write,
            slot,
            value.node,
            node,
            self.written,
            place,
            part,
            leaf,
            self.alternatives,
            self.receivers > 1,
        )
        self.visitor.pending.append(made)
        if target is not source:
            target.marks["made_by"] = made

    def side(self, cell: Cell, owner: Instance | None, name: str) -> Side:
        if owner is None:
            local = next(
                (n for n, v in self.visitor.frame.locals.items() if isinstance(v, TensorValue) and v.cell is cell), None
            )
            return Side(cell, local or name, None, None, None)
        spelled = self.spell(owner)
        shown = spelled or absolute_path(owner) or owner.label or _unnamed(owner)
        text = shown + _step(name)
        return Side(cell, text, owner, spelled, outermost(owner).root, owner.place[1] if owner.place else None)

    def rename(self, side: Side) -> Side:
        """A side whose owner had no name yet when it was recorded, by the name that the owner has now."""
        unnamed = _unnamed(side.owner) if side.owner else None
        path = absolute_path(side.owner) if side.owner else None
        if unnamed is None or path is None or not side.text.startswith(unnamed):
            return side
        return replace(side, text=path + side.text[len(unnamed) :])

    def text_now(self, side: Side) -> str:
        """How the running function, which need not be the one that tied, can name a side."""
        spelled = self.spell(side.owner) if side.owner and side.owner_text else None
        if spelled is None or side.owner_text is None or not side.text.startswith(side.owner_text):
            return side.text
        return spelled + side.text[len(side.owner_text) :]

    def spell(self, instance: Instance) -> str | None:
        """An expression that names the object here and now; None if none surely does."""
        steps = ""
        for current in instance.outward():
            frame: Frame | None = self.visitor.frame
            while frame is not None:
                name = frame.roots.get(id(current))
                if name is not None and any(o is current for o in options(frame.locals.get(name, UNKNOWN))):
                    return name + steps
                frame = frame.enclosing
            place = current.place
            if place is None or any(sign in place[1] for sign in ("each ", "(", "{")):
                return None
            steps = place[1] + steps
        return None

    def store_item(self, receiver: Value, target: cst.Subscript, value: Value, node: cst.BaseExpression | None) -> None:
        index = target.slice[0].slice if len(target.slice) == 1 else None
        key = self.visitor.expressions.evaluate(index.value) if isinstance(index, cst.Index) else UNKNOWN
        match receiver:
            case Bound(receiver=Instance() as module, name="_parameters" | "_modules" | "__dict__" as table):
                if isinstance(key, Constant) and isinstance(key.value, str) and table != "__dict__":
                    self.assign(module, key.value, value, node, Write.TABLE)
                elif table != "__dict__":
                    self.store_unnamed(module, value, target)
            case TensorValue():
                state = sliced(receiver.state, target, self.visitor.grad)
                self.write(Write.COPY, replace(receiver, state=state), value, node)
            case Instance():
                constant = key.value if isinstance(key, Constant) else None
                step = f"[{constant!r}]" if constant is not None else f"[{plain_code_of(index or target)}]"
                value = self.hold(receiver, step, value)
                old = receiver.attributes.get(step)
                items = receiver.items or {}
                number = constant if type(constant) is int and constant in items else None
                if number is not None and old is None:
                    old = items[number]
                if receiver.kind in CONTAINERS:
                    self.visitor.events.replaced(receiver, step, old, value)
                self.visitor.journal.set(receiver.attributes, step, value)
                if number is not None:
                    self.visitor.journal.set(items, number, value)

    def store_unnamed(self, module: Instance, value: Value, node: cst.CSTNode) -> None:
        """An attribute whose name is computed is set: a layer or Parameter is registered somewhere."""
        for option in options(value):
            if isinstance(option, Instance):
                self.place(module, f"[each {id(node)}]", option)
            elif isinstance(option, TensorValue) and option.cell.parameter and option.state.is_origin:
                self.adopt_parameter(module, option.cell)
            elif isinstance(option, TensorValue):
                self.visitor.events.kept(module, "…", option, node)

    def hold(self, container: Instance, step: str, value: Value) -> Value:
        """`container[…]` gets an element: a module finds its place, a ParameterList's tensor becomes its Parameter."""
        held: list[Value] = []
        for option in options(value):
            if isinstance(option, Instance):
                self.place(container, step, option)
            elif isinstance(option, TensorValue) and container.kind in PARAMETER_CONTAINERS:
                option = self.assign_tensor(container, step, option, option.node, Write.REGISTER)
            held.append(option)
        return choice(held)

    def adopt_parameter(self, holder: Instance, cell: Cell) -> None:
        """A module registers a Parameter under a name that is computed; so far a list of Python alone held it."""
        if cell.home is None:
            self.visitor.journal.set(cell.marks, "owner", holder)
            self.visitor.journal.set(cell.marks, "attribute", "…")
        elif cell.owner and is_plain(cell.owner):
            self.visitor.journal.set(cell.owner.marks, "adopted", True)

    def place(self, holder: Instance, step: str, value: Instance) -> None:
        if value is holder or value.root is Root.SELF:
            return
        if value.place is not None and is_plain(value.place[0]) and value.root is Root.PART:
            self.visitor.journal.set(value.place[0].marks, "adopted", True)
        if value.place is None or is_plain(value.place[0]):
            self.visitor.journal.set(value.marks, "place", (holder, step))

    def freeze(self, value: TensorValue, frozen: bool) -> None:
        self.visitor.journal.set(value.cell.marks, "frozen", frozen)
        if value.cell.name == "*" and value.cell.owner:
            self.visitor.journal.set(value.cell.owner.marks, "frozen", frozen)

    def delete(self, target: cst.BaseExpression) -> None:
        match target:
            case cst.Name(value=name):
                self.visitor.set_local(name, UNKNOWN)
            case cst.Attribute(value=holder, attr=cst.Name(value=name)):
                receivers = self.visitor.expressions.evaluate(holder)
                self.on_one(receivers, lambda receiver: self.delete_attribute(receiver, name))
            case cst.Subscript(value=holder, slice=[cst.SubscriptElement(slice=cst.Index(value=index))]):
                key = self.visitor.expressions.evaluate(index)
                known = str(key.value) if isinstance(key, Constant) else None
                self.on_one(self.visitor.expressions.evaluate(holder), lambda table: self.delete_entry(table, known))

    def delete_entry(self, table: Value, name: str | None) -> None:
        if isinstance(table, Bound) and table.name in ("_parameters", "_modules"):
            self.delete_attribute(table.receiver, name)

    def delete_attribute(self, receiver: Value, name: str | None) -> None:
        """Deletes one attribute; a name that is not known may be any, and takes all that were read."""
        if not isinstance(receiver, Instance):
            return
        for known in [name] if name is not None else list(receiver.attributes):
            self.visitor.journal.set(receiver.attributes, known, DELETED)


def _unnamed(layer: Instance) -> str:
    """`Linear(…)`; what a method without arguments answers, by the call: `model.get_input_embeddings()`."""
    call = layer.node
    known = layer.layer or layer.kind or layer.definition
    plain = isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute) and not call.args
    return plain_code_of(call) if call and plain and not known else layer.unnamed


def _step(name: str) -> str:
    """`.weight`, or for an element of a ParameterList `[0]`, and `[…]` for any of them."""
    if not name.startswith("["):
        return f".{name}"
    return "[…]" if name.startswith("[each ") else name

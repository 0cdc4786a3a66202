"""Evaluates expressions in an abstract run: syntax in, values out. Used by `visitor.py`."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import libcst as cst

from tielint import calls, containers
from tielint.facts import Repetition
from tielint.layers import CONTAINERS, LAYERS, Shape, canonical, parameter_named
from tielint.spelling import plain_code_of
from tielint.tensor import (
    INPLACE_NEUTRAL,
    OPERATIONS,
    PROPERTIES,
    Arguments,
    Storage,
    Tensor,
    apply,
    computed,
    origin,
)
from tielint.values import (
    DELETED,
    UNKNOWN,
    Bound,
    Cell,
    Choice,
    ClassDefinition,
    Condition,
    Constant,
    Each,
    Instance,
    LambdaDefinition,
    Qualified,
    Root,
    SuperOf,
    TensorValue,
    Unknown,
    Value,
    choice,
    dimension,
    for_each,
    options,
    plain_tensor,
)

if TYPE_CHECKING:
    from tielint.visitor import Visitor

MOST_ELEMENTS = 2_000
"""A longer display is a table of data; no one spells so many layers."""


@lru_cache(maxsize=8192)
def _literal(text: str) -> object:
    """What a number or a string is; the same ones stand in many places, and most are plain."""
    if text.isdecimal():
        return int(text)
    if text[0] in "'\"" and text.count(text[0]) == 2 and "\\" not in text:
        return text[1:-1]
    value: object = ast.literal_eval(text)
    return value


_CONSTANTS = {"True": Constant(True), "False": Constant(False), "None": Constant(None)}


class Expressions:
    """The expressions of one run."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor

    def evaluate(self, node: cst.BaseExpression) -> Value:
        visitor = self.visitor
        visitor.steps_left -= 1
        if visitor.steps_left < 0:
            return UNKNOWN
        handler = _EXPRESSIONS.get(type(node))
        return handler(self, node) if handler else UNKNOWN

    def _name(self, node: cst.Name) -> Value:
        constant = _CONSTANTS.get(node.value)
        if constant:
            return constant
        return with_node(self.visitor.name(node.value), node)

    def _attribute(self, node: cst.Attribute) -> Value:
        receiver = self.evaluate(node.value)
        return for_each(receiver, lambda option: self.attribute(option, node.attr.value, node))

    def attribute(self, receiver: Value, name: str, node: cst.BaseExpression | None) -> Value:
        match receiver:
            case TensorValue():
                if name in PROPERTIES:
                    return self.operate(name, receiver, Arguments(grad=self.visitor.grad), node)
                return Bound(receiver, name, node=node)
            case Qualified(name=package):
                return Qualified(canonical(f"{package}.{name}"))
            case Instance():
                return self.instance_attribute(receiver, name, node)
            case SuperOf(receiver=instance, below=below):
                function = instance.definition.method_above(below, name) if instance.definition else None
                return Bound(receiver, name, function)
            case ClassDefinition():
                function = receiver.method(name)
                return function or receiver.attributes.get(name, UNKNOWN)
            case Unknown(text=text, stable=stable) if text:
                return Unknown(f"{text}.{name}", stable)
        return UNKNOWN

    def instance_attribute(self, receiver: Instance, name: str, node: cst.BaseExpression | None) -> Value:
        found = receiver.attributes.get(name)
        if found is not None:
            return with_node(found, node) if found is not DELETED else UNKNOWN
        if name in ("_parameters", "_modules", "_buffers", "__dict__"):
            return Bound(receiver, name, node=node)
        definition = receiver.definition
        if definition:
            function = definition.method(name)
            if function:
                if function.decorators & {"property", "cached_property"}:
                    return self.visitor.call_function(function, [receiver], {})
                return Bound(receiver, name, function)
            for ancestor in definition.ancestry:
                if name in ancestor.attributes:
                    return ancestor.attributes[name]
        cell = self.layer_parameter(receiver, name)
        if cell:
            return self.keep(receiver, name, TensorValue(cell, origin(cell.rank), node))
        member = receiver.attributes.get(f"[{name!r}]")
        if member is not None:
            return self.reached(receiver, f".{name}", member)
        if receiver.items is not None and name.isdigit():
            return self.item(receiver, int(name), name)
        if name in OPERATIONS and name in PROPERTIES and self.may_be_tensor(receiver):
            return self.attribute(self.as_tensor(receiver), name, node)
        if receiver.kind in LAYERS or (definition and definition.module is False):
            return Unknown()
        if parameter_named(name) and (receiver.root is not Root.SELF or definition is not None):
            cell = Cell(name, receiver, rank=1 if "bias" in name.lower() else 2, presumed=True)
            return self.keep(receiver, name, TensorValue(cell, origin(cell.rank), node))
        part = Instance(Root.PART, label=name, marks={"place": (receiver, f".{name}")}, stable=receiver.stable)
        return self.keep(receiver, name, part)

    def keep(self, receiver: Instance, name: str, value: Value) -> Value:
        """Remembers what was there all along: reading it changes nothing, so no branch may undo it."""
        receiver.attributes[name] = value
        return value

    def layer_parameter(self, receiver: Instance, name: str) -> Cell | None:
        layer = LAYERS.get(receiver.layer or "")
        if layer is None or name not in layer.parameters:
            return None
        switch = layer.optional.get(name)
        if switch and receiver.arguments.get(switch, Constant(name not in layer.absent)) == Constant(False):
            return None
        dims = layer.parameters[name]
        shape = self.layer_shape(receiver, dims) if receiver.arguments else None
        if shape is not None and name == "weight" and "Conv" in (receiver.layer or ""):
            grouped = receiver.arguments.get("groups") not in (None, Constant(1))
            shape = (shape[0], None if grouped else shape[1], *shape[2:])
        return Cell(name, receiver, shape, len(dims), node=receiver.node)

    def layer_shape(self, receiver: Instance, dims: tuple[str | None, ...]) -> Shape:
        return tuple(dimension(receiver.arguments.get(dim)) if dim else None for dim in dims)

    def may_be_tensor(self, instance: Instance) -> bool:
        """Whether nothing says that it is a module."""
        known = instance.kind or instance.definition or instance.items is not None
        return not known and instance.root is not Root.SELF

    def as_tensor(self, instance: Instance) -> TensorValue:
        """An unknown object that is used as a tensor is one."""
        known = instance.marks.get("tensor")
        if isinstance(known, TensorValue):
            return known
        place = instance.place
        name = instance.label or "a tensor"
        if place and place[1].startswith(".") and instance.root is Root.PART:
            value = TensorValue(Cell(name, place[0], presumed=True), origin())
        else:
            value = TensorValue(Cell(name, None, parameter=False, presumed=True), origin())
        instance.marks["tensor"] = value
        return value

    def operate(self, operation: str, value: TensorValue, call: Arguments, node: cst.BaseExpression | None) -> Value:
        """Applies one operation of the algebra."""
        cell, state = value.cell, value.state
        if not cell.parameter and not cell.presumed and operation == "Parameter":
            wrapped = Cell(cell.name, None, cell.shape, cell.rank, node=node)
            if state.storage is Storage.SHARED and state.whole and state.exact:
                wrapped.marks["raw"] = cell
            flag = call.get(0, "requires_grad")
            if flag is False:
                wrapped.marks["frozen"] = True
            return TensorValue(wrapped, origin(len(state.axes) if state.axes else 2), node)
        result = apply(operation, state, call)
        if not (cell.parameter or cell.presumed or result.exact) and operation not in INPLACE_NEUTRAL:
            return plain_tensor(cell.name, node, cell.rank)
        return TensorValue(cell, result, node, value.conditions)

    def _subscript(self, node: cst.Subscript) -> Value:
        receiver = self.evaluate(node.value)
        return for_each(receiver, lambda option: self.subscript(option, node))

    def subscript(self, receiver: Value, node: cst.Subscript) -> Value:
        index = node.slice[0].slice if len(node.slice) == 1 else None
        key = self.evaluate(index.value) if isinstance(index, cst.Index) else UNKNOWN
        if isinstance(receiver, Instance) and self.may_be_tensor(receiver) and isinstance(index, cst.Slice):
            receiver = self.as_tensor(receiver)
        match receiver:
            case TensorValue():
                return TensorValue(
                    receiver.cell, sliced(receiver.state, node, self.visitor.grad), node, receiver.conditions
                )
            case Bound(receiver=Instance() as instance, name="_parameters" | "_modules" | "__dict__"):
                if isinstance(key, Constant) and isinstance(key.value, str):
                    return self.attribute(instance, key.value, node)
            case Instance() if isinstance(index, cst.Slice):
                return receiver if receiver.items is None else self.slice(receiver, index)
            case Instance():
                constant = key.value if isinstance(key, Constant) else None
                text = repr(constant) if constant is not None else plain_code_of(index or node)
                stable = constant is not None or not self.visitor.loops
                return self.item(receiver, constant, text, stable=stable)
            case Each(lanes=lanes, single=True):
                return lanes[0]
            case Unknown(text=text, stable=True) if isinstance(key, Constant):
                return Unknown(f"{text}[{key.value!r}]", stable=True)
        return UNKNOWN

    def slice(self, receiver: Instance, index: cst.Slice) -> Value:
        return Instance(
            Root.PART,
            kind=receiver.kind,
            marks={"place": (receiver, f"[{plain_code_of(index)}]"), "open": True},
            items=dict(receiver.items or {}),
        )

    def item(self, receiver: Instance, key: object, text: str, *, stable: bool = True) -> Value:
        """One element of a container: the very one where the index is known, else one of its kind."""
        items = receiver.items
        if (
            items is not None
            and type(key) is int
            and not receiver.marks.get("open")
            and -len(items) <= key < len(items)
        ):
            return list(items.values())[key]
        step = f"[{text}]"
        known = receiver.attributes.get(step)
        if known is not None:
            return self.reached(receiver, step, known)
        if isinstance(key, str) and f".{key}" in receiver.attributes:
            return receiver.attributes[f".{key}"]
        return self.keep(receiver, step, self.sample(receiver, step, stable=stable))

    def reached(self, receiver: Instance, step: str, member: Value) -> Value:
        """A member of a ModuleDict goes by the way it was last reached: `.name` or `['name']`."""
        for option in options(member):
            if isinstance(option, Instance) and option.place and option.place[0] is receiver:
                option.marks["place"] = (receiver, step)
        return member

    def sample(self, receiver: Instance, step: str, *, stable: bool) -> Value:
        """An element that stands for any of a container's."""
        members = list((receiver.items or {}).values())
        parameters = [m.cell for m in members if isinstance(m, TensorValue) and m.cell.parameter]
        if parameters and len(parameters) == len(members):
            shapes = {cell.shape for cell in parameters}
            shape = parameters[0].shape if len(shapes) == 1 else None
            cell = Cell(step, receiver, shape, parameters[0].rank, node=parameters[0].node)
            return TensorValue(cell, origin(cell.rank))
        made = Instance(Root.PART, marks={"place": (receiver, step)}, stable=stable and receiver.stable)
        known = all(isinstance(member, Instance) for member in members)
        modules = [m for m in members if isinstance(m, Instance) and not _without_parameters(m)]
        if modules and known:
            first = modules[0]
            if all(m.kind == first.kind and m.definition is first.definition for m in modules):
                made.kind, made.definition = first.kind, first.definition
                made.items = first.items
                made.arguments = {
                    name: value
                    for name, value in first.arguments.items()
                    if all(m.arguments.get(name) == value for m in modules)
                }
                if not made.kind and not made.definition:
                    made.attributes = first.attributes
        return made

    def element_of(self, value: Value, node: cst.CSTNode) -> Value:
        """What one turn of a loop over `value` draws."""
        drawn = [self._drawn(option, node) for option in options(value)]
        return drawn[0] if len(drawn) == 1 else choice(drawn)

    def _drawn(self, value: Value, node: cst.CSTNode) -> Value:
        match value:
            case Each():
                return value
            case Instance():
                return self.item(value, None, f"each {id(node)}", stable=False)
            case Choice():
                return UNKNOWN
        return Unknown()

    def unpack(self, value: Value, count: int) -> list[Value]:
        if isinstance(value, Instance) and value.items is not None and len(value.items) == count:
            return list(value.items.values())
        if isinstance(value, Each) and not value.single and len(value.lanes) == count:
            return list(value.lanes)
        return [UNKNOWN] * count

    def _call(self, node: cst.Call) -> Value:
        if isinstance(node.func, cst.Attribute):
            receiver = self.evaluate(node.func.value)
            site = calls.Site(self.visitor, node)
            name = node.func.attr.value
            return choice(self.visitor.stores.on_one(receiver, lambda one: calls.call_method(site, one, name)))
        function = self.evaluate(node.func)
        site = calls.Site(self.visitor, node)
        return for_each(function, lambda option: calls.call_value(site, option))

    def _if_expression(self, node: cst.IfExp) -> Value:
        self.evaluate(node.test)
        arms = []
        for arm, holds in ((node.body, True), (node.orelse, False)):
            condition = Condition(node.test, holds)
            for option in options(self.visitor.under(condition, partial(self.evaluate, arm))):
                if isinstance(option, TensorValue):
                    option = replace(option, conditions=(*option.conditions, condition))
                elif isinstance(option, Instance) and "copy_of" in option.marks:
                    option.marks["conditions"] = (condition,)
                arms.append(option)
        return choice(arms)

    def _sequence(self, node: cst.Tuple | cst.List | cst.Set) -> Value:
        made = self._empty(node)
        for element in node.elements[:MOST_ELEMENTS]:
            value = self.evaluate(element.value)
            if isinstance(element, cst.StarredElement):
                containers.extend(self.visitor, made, value)
            else:
                containers.append(self.visitor, made, value)
        return made

    def _empty(self, node: cst.BaseExpression, **marks: object) -> Instance:
        """A list or dict that is made here, and is to be filled."""
        items: dict[int, Value] = {}
        made = Instance(Root.BUILT, items=items, node=node, marks={"loops": self.visitor.loops, **marks})
        self.visitor.journal.made(made.marks, items)
        return made

    def _dict(self, node: cst.Dict) -> Value:
        made = self._empty(node, open=True)
        for element in node.elements[:MOST_ELEMENTS]:
            value = self.evaluate(element.value)
            if isinstance(element, cst.DictElement):
                key = self.evaluate(element.key)
                containers.append(self.visitor, made, value)
                if isinstance(key, Constant):
                    made.attributes[f"[{key.value!r}]"] = value
        return made

    def _comprehension(self, node: cst.ListComp | cst.GeneratorExp | cst.SetComp) -> Value:
        self.visitor.loops += 1
        self.bind_comprehension(node.for_in)
        value = self.evaluate(node.elt)
        self.visitor.loops -= 1
        return self._comprehended(node, node.elt, value)

    def _dict_comprehension(self, node: cst.DictComp) -> Value:
        self.visitor.loops += 1
        self.bind_comprehension(node.for_in)
        self.evaluate(node.key)
        value = self.evaluate(node.value)
        self.visitor.loops -= 1
        return self._comprehended(node, node.value, value)

    def _comprehended(self, node: cst.BaseComp, element: cst.BaseExpression, value: Value) -> Value:
        made = Instance(Root.BUILT, items={}, node=node, marks={"open": True})
        if isinstance(element, cst.Name) and element.value not in _bound_names(node.for_in):
            made.marks["repeated"] = Repetition(node, self.visitor.here())
        containers.append(self.visitor, made, value)
        return made

    def bind_comprehension(self, clause: cst.CompFor) -> None:
        self.visitor.bind_loop(clause.target, self.element_of(self.evaluate(clause.iter), clause))
        for guard in clause.ifs:
            self.evaluate(guard.test)
        if clause.inner_for_in:
            self.bind_comprehension(clause.inner_for_in)

    def _boolean(self, node: cst.BooleanOperation) -> Value:
        left = self.evaluate(node.left)
        condition = Condition(node.left, isinstance(node.operator, cst.And))
        return choice([left, self.visitor.under(condition, lambda: self.evaluate(node.right))])

    def _binary(self, node: cst.BinaryOperation) -> Value:
        left, right = self.evaluate(node.left), self.evaluate(node.right)
        if isinstance(node.operator, cst.MatrixMultiply):
            self.visitor.events.used("@", right, node)
        for side in (left, right):
            if isinstance(side, TensorValue):
                state = computed(side.state, Arguments(grad=self.visitor.grad))
                return TensorValue(side.cell, state, node) if side.cell.parameter else plain_tensor("", node)
        if isinstance(node.operator, cst.Multiply):
            repeated = left if isinstance(left, Instance) and left.items is not None else right
            if isinstance(repeated, Instance) and repeated.items is not None:
                several = self.copied_list(repeated, node)
                containers.multiply(self.visitor, several, right if repeated is left else left, node)
                return several
        if isinstance(node.operator, cst.Add) and isinstance(left, Instance) and left.items is not None:
            both = self.copied_list(left, node)
            containers.extend(self.visitor, both, right)
            return both
        if isinstance(node.operator, cst.Add) and isinstance(left, Each) and isinstance(right, Each):
            return Instance(Root.BUILT, items={0: left, 1: right}, node=node, marks={"open": True})
        return _arithmetic(node.operator, left, right)

    def copied_list(self, original: Instance, node: cst.BaseExpression) -> Instance:
        """A new list with the elements of another; those made for that one hang in the new one now."""
        made = Instance(Root.BUILT, items={}, node=node, marks={"loops": self.visitor.loops})
        containers.extend(self.visitor, made, original)
        return made

    def _unary(self, node: cst.UnaryOperation) -> Value:
        value = self.evaluate(node.expression)
        if (
            isinstance(node.operator, cst.Minus)
            and isinstance(value, Constant)
            and isinstance(value.value, int | float)
        ):
            return Constant(-value.value)
        if isinstance(node.operator, cst.Not) and isinstance(value, Constant):
            return Constant(not value.value)
        if isinstance(value, TensorValue):
            return TensorValue(value.cell, computed(value.state, Arguments(grad=self.visitor.grad)), node)
        return UNKNOWN

    def _comparison(self, node: cst.Comparison) -> Value:
        self.evaluate(node.left)
        for comparison in node.comparisons:
            self.evaluate(comparison.comparator)
        return UNKNOWN

    def _named(self, node: cst.NamedExpr) -> Value:
        value = self.evaluate(node.value)
        self.visitor.stores.bind(node.target, value, node.value)
        return value

    def _await(self, node: cst.Await) -> Value:
        return self.evaluate(node.expression)

    def _number(self, node: cst.Integer | cst.Float) -> Value:
        try:
            value = _literal(node.value)
        except ValueError:  # more digits than Python reads
            return UNKNOWN
        return Constant(value) if isinstance(value, int | float) else UNKNOWN

    def _string(self, node: cst.SimpleString) -> Value:
        value = _literal(node.value)
        return Constant(value) if isinstance(value, str) else UNKNOWN

    def _concatenated(self, node: cst.ConcatenatedString) -> Value:
        value = node.evaluated_value
        return Constant(value) if isinstance(value, str) else UNKNOWN

    def _formatted(self, node: cst.FormattedString) -> Value:
        text = ""
        for part in node.parts:
            match part:
                case cst.FormattedStringText(value=literal):
                    text += literal
                case cst.FormattedStringExpression(expression=inner, conversion=None, format_spec=None, equal=None):
                    value = self.evaluate(inner)
                    if not isinstance(value, Constant):
                        return UNKNOWN
                    text += str(value.value)
                case _:
                    return UNKNOWN
        return Constant(text)

    def _lambda(self, node: cst.Lambda) -> Value:
        return LambdaDefinition(node, self.visitor.frame)


def with_node(value: Value, node: cst.BaseExpression | None) -> Value:
    if isinstance(value, TensorValue) and node is not None:
        return TensorValue(value.cell, value.state, node, value.conditions)
    return value


def sliced(state: Tensor, node: cst.Subscript, grad: bool) -> Tensor:
    """`w[:]` and `w[...]` see all of it, `w[:n]` a part in the same axes, anything else some elements."""
    call = Arguments(grad=grad)
    parts = [element.slice for element in node.slice]
    if all(isinstance(part, cst.Slice) or _holds(part, cst.Ellipsis) for part in parts):
        cut = any(part.lower or part.upper or part.step for part in parts if isinstance(part, cst.Slice))
        return apply("narrow" if cut else "alias", state, call)
    views = all(isinstance(part, cst.Slice) or _holds(part, cst.Integer, cst.Ellipsis) for part in parts)
    return apply("select" if views else "index_select", state, call)


def _bound_names(clause: cst.CompFor) -> set[str]:
    """The names that a comprehension binds."""
    found: set[str] = set()
    pending: list[cst.CSTNode] = [clause.target]
    while pending:
        node = pending.pop()
        if isinstance(node, cst.Name):
            found.add(node.value)
        pending += node.children
    return found | (_bound_names(clause.inner_for_in) if clause.inner_for_in else set())


def _holds(part: cst.BaseSlice, *kinds: type[cst.BaseExpression]) -> bool:
    return isinstance(part, cst.Index) and isinstance(part.value, kinds)


def _without_parameters(module: Instance) -> bool:
    """An activation, dropout or the like."""
    kind = module.kind or ""
    return kind.startswith("torch.nn.") and kind not in LAYERS and kind not in CONTAINERS and module.items is None


def _arithmetic(operator: cst.BaseBinaryOp, left: Value, right: Value) -> Value:
    a, b = dimension(left), dimension(right)
    if a is None or b is None:
        return UNKNOWN
    if isinstance(a, int) and isinstance(b, int):
        match operator:
            case cst.Add():
                return Constant(a + b)
            case cst.Subtract():
                return Constant(a - b)
            case cst.Multiply():
                return Constant(a * b)
            case cst.FloorDivide() if b:
                return Constant(a // b)
            case cst.Power() if 0 <= b < 64:
                return Constant(a**b)
    return Unknown(f"({a} {type(operator).__name__} {b})", stable=True)


_EXPRESSIONS: dict[type[cst.CSTNode], Callable[..., Value]] = {
    cst.Name: Expressions._name,
    cst.Attribute: Expressions._attribute,
    cst.Subscript: Expressions._subscript,
    cst.Call: Expressions._call,
    cst.IfExp: Expressions._if_expression,
    cst.Lambda: Expressions._lambda,
    cst.Tuple: Expressions._sequence,
    cst.List: Expressions._sequence,
    cst.Set: Expressions._sequence,
    cst.Dict: Expressions._dict,
    cst.ListComp: Expressions._comprehension,
    cst.SetComp: Expressions._comprehension,
    cst.DictComp: Expressions._dict_comprehension,
    cst.GeneratorExp: Expressions._comprehension,
    cst.BooleanOperation: Expressions._boolean,
    cst.BinaryOperation: Expressions._binary,
    cst.UnaryOperation: Expressions._unary,
    cst.Comparison: Expressions._comparison,
    cst.NamedExpr: Expressions._named,
    cst.Await: Expressions._await,
    cst.Integer: Expressions._number,
    cst.Float: Expressions._number,
    cst.SimpleString: Expressions._string,
    cst.ConcatenatedString: Expressions._concatenated,
    cst.FormattedString: Expressions._formatted,
}

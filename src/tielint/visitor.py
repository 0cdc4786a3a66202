"""Runs a file abstractly, once, and writes down the facts: LibCST syntax in, `FileFacts` out. Called by `linter.py`.

Not a `cst.CSTVisitor`: code must be seen in the order in which it runs (a helper inside its caller, `__init__` before
`forward`, both branches from the same state), and a visitor over nodes that no one asked for costs several times more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import libcst as cst

from tielint import calls
from tielint.facts import FileFacts, Place, Side, Slot, Tie, Write
from tielint.layers import CONTAINERS, LAYERS, Shape, canonical, parameter_named
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
    Frame,
    FunctionDefinition,
    Instance,
    Journal,
    Qualified,
    Root,
    SuperOf,
    TensorValue,
    Unknown,
    Value,
    absolute_path,
    choice,
    dimension,
    options,
    plain_tensor,
)

DEEPEST_CALL = 8
MOST_RUNS_OF_A_FUNCTION = 12
MOST_STEPS = 400_000
MOST_TURNS = 6
"""A loop over a list of known layers runs for each of them; a longer one once, for any of them."""
STAR_NAMES = {
    "nn": "torch.nn",
    "torch": "torch",
    "F": "torch.nn.functional",
    "Parameter": "torch.nn.Parameter",
    "copy": "copy",
    "deepcopy": "copy.deepcopy",
}
"""What a name most likely is where nothing but a star import can have bound it."""

_EMPTY = cst.Module([])


def collect_facts(module: cst.Module) -> FileFacts:
    """All facts of a file."""
    visitor = Visitor(module)
    visitor.run()
    return visitor.facts


def code_of(node: cst.CSTNode) -> str:
    """The source text of a node."""
    return _EMPTY.code_for_node(node).strip()


class Visitor:
    """One abstract run of one file."""

    def __init__(self, module: cst.Module) -> None:
        self.facts = FileFacts(module)
        self.journal = Journal()
        self.globals = Frame()
        self.frame = self.globals
        self.steps = 0
        self.loops = 0
        self.grad = True
        self.statement: cst.CSTNode = module
        self.line: cst.CSTNode | None = None
        self.block: tuple[cst.CSTNode, ...] = ()
        self.conditions: list[Condition] = []
        self.functions: list[FunctionDefinition] = []
        self.classes: list[ClassDefinition] = []
        self.defined_functions: list[FunctionDefinition] = []
        self.defined_classes: list[ClassDefinition] = []
        self.runs: dict[int, int] = {}
        self.returns: list[list[Value]] = []
        self.pending: list[Tie] = []
        self.imports: set[str] = set()
        self.written: cst.BaseExpression | None = None

    # ------------------------------------------------------------------ the order in which a file runs

    def run(self) -> None:
        self.block_of(self.facts.module.body)
        self.settle()
        for definition in self.defined_classes:
            self.run_class(definition)
        for function in list(self.defined_functions):
            if not self.runs.get(id(function.node)):
                self.run_alone(function)
        self.facts.imports = frozenset(self.imports)
        for name, value in self.globals.locals.items():
            imported = next((option for option in options(value) if isinstance(option, Qualified)), None)
            if imported:
                self.facts.names[name] = imported.name

    def run_class(self, definition: ClassDefinition) -> None:
        """An object of the class is made, then each of its methods runs on it, as it is after `__init__`."""
        start = self.journal.mark()
        receiver = Instance(Root.SELF, label="self", definition=definition, node=definition.node)
        initialiser = definition.method("__init__")
        before = dict(self.runs)
        if initialiser:
            self.run_method(initialiser, receiver)
            self.settle()
        reached = {key for key, count in self.runs.items() if count != before.get(key)}
        for current in definition.ancestry():
            for function in current.methods.values():
                if id(function.node) in reached or definition.method(function.name) is not function:
                    continue
                mark = self.journal.mark()
                self.run_method(function, receiver)
                self.settle()
                self.journal.undo(mark)
        self.journal.undo(start)

    def run_method(self, function: FunctionDefinition, receiver: Instance) -> None:
        static = "staticmethod" in function.decorators
        first = _positional(function.node)[:1]
        if first and not static:
            receiver.label = first[0].name.value
        self.call_function(function, [] if static else [receiver], {})

    def run_alone(self, function: FunctionDefinition) -> None:
        mark = self.journal.mark()
        self.call_function(function, [], {})
        self.settle()
        self.journal.undo(mark)

    def settle(self) -> None:
        """Completes the ties of a run with what only its end tells."""
        for tie in self.pending:
            target, source = tie.target.owner, tie.source.owner
            tie.same_model = target is not None and source is not None and _top(target) is _top(source)
            tie.source_live = _live(tie.source.cell)
            tie.target_frozen = _frozen(tie.target)
            tie.target_escapes = target is not None and bool(target.marks.get("returned"))
        self.facts.ties.extend(self.pending)
        self.pending = []

    # ------------------------------------------------------------------ statements

    def block_of(self, body: Sequence[cst.CSTNode]) -> bool:
        """Runs statements; True if they always leave the block early."""
        outer, guards = self.block, len(self.conditions)
        left = False
        for index, node in enumerate(body):
            self.block = (*outer, node)
            self.line = node
            left = self.compound(node, body, index)
            if left:
                break
        self.block = outer
        del self.conditions[guards:]
        return left

    def compound(self, node: cst.CSTNode, body: Sequence[cst.CSTNode], index: int) -> bool:
        self.steps += 1
        if self.steps > MOST_STEPS:
            return True
        match node:
            case cst.SimpleStatementLine():
                return self.simple_statements(node.body)
            case cst.If():
                return self.conditional(node)
            case cst.FunctionDef():
                self.define_function(node)
            case cst.ClassDef():
                self.define_class(node)
            case cst.For():
                self.for_loop(node)
            case cst.While():
                self.evaluate(node.test)
                self.repeated(lambda: self.suite(node.body), node.body)
                if node.orelse:
                    self.suite(node.orelse.body)
            case cst.With():
                return self.with_block(node)
            case cst.Try() | cst.TryStar():
                return self.try_block(node)
            case cst.Match():
                subject = self.evaluate(node.subject)
                del subject
                return self.branches([self._case(case) for case in node.cases] + [lambda: False])
        return False

    def _case(self, case: cst.MatchCase) -> Callable[[], bool]:
        return lambda: self.suite(case.body)

    def suite(self, body: cst.BaseSuite) -> bool:
        if isinstance(body, cst.SimpleStatementSuite):
            return self.simple_statements(body.body)
        return self.block_of(body.body)

    def simple_statements(self, body: Sequence[cst.BaseSmallStatement]) -> bool:
        for node in body:
            self.statement = node
            if self.simple(node):
                return True
        return False

    def simple(self, node: cst.BaseSmallStatement) -> bool:
        match node:
            case cst.Assign(targets=targets, value=value):
                result = self.evaluate(value)
                for target in targets:
                    self.bind(target.target, result, value)
            case cst.AnnAssign(target=target, value=annotated) if annotated is not None:
                self.bind(target, self.evaluate(annotated), annotated)
            case cst.AugAssign(target=target, value=value):
                self.evaluate(value)
                if isinstance(target, cst.Name):
                    self.set_local(target.value, UNKNOWN)
            case cst.Expr(value=value):
                self.evaluate(value)
            case cst.Return(value=returned):
                result = self.evaluate(returned) if returned else Constant(None)
                if self.returns:
                    self.returns[-1].append(result)
                self.mark_returned(result)
                return True
            case cst.Raise():
                return True
            case cst.Continue() | cst.Break():
                return True
            case cst.Del(target=target):
                for element in _elements(target):
                    self.delete(element)
            case cst.Import():
                self.import_names(node)
            case cst.ImportFrom():
                self.import_from(node)
        return False

    def mark_returned(self, value: Value) -> None:
        for option in options(value):
            if isinstance(option, Instance) and option.root is Root.BUILT:
                self.journal.set(option.marks, "returned", True)

    def conditional(self, node: cst.If) -> bool:
        narrowed = self.narrowing(node.test)
        self.evaluate(node.test)
        otherwise = node.orelse
        left: list[bool] = []

        def taken() -> bool:
            with _Guard(self, Condition(node.test, True)), _Narrowed(self, narrowed):
                left.append(self.suite(node.body))
            return left[-1]

        def not_taken() -> bool:
            with _Guard(self, Condition(node.test, False)):
                match otherwise:
                    case cst.If():
                        return self.conditional(otherwise)
                    case cst.Else():
                        return self.suite(otherwise.body)
            return False

        always = self.branches([taken, not_taken])
        if left and left[0] and not always:
            self.conditions.append(Condition(node.test, False))
        return always

    def branches(self, arms: Sequence[Callable[[], bool]]) -> bool:
        """Runs each arm from the same state, then goes on with whichever did not leave early."""
        outcomes = []
        everything = []
        for arm in arms:
            mark = self.journal.mark()
            left = arm()
            changes = self.journal.undo(mark)
            everything.append(changes)
            if not left:
                outcomes.append(changes)
        self.journal.join(*(outcomes or everything))
        return not outcomes

    def narrowing(self, test: cst.BaseExpression) -> tuple[Instance, str] | None:
        """`isinstance(x, nn.Linear)` tells the layer of an x that was not known."""
        match test:
            case cst.Call(func=cst.Name("isinstance"), args=[cst.Arg(value=subject), cst.Arg(value=kind)]):
                thing, layer = self.evaluate(subject), self.evaluate(kind)
                if isinstance(thing, Instance) and isinstance(layer, Qualified) and layer.name in LAYERS:
                    return None if thing.kind or thing.definition else (thing, layer.name)
        return None

    def for_loop(self, node: cst.For) -> None:
        iterated = self.evaluate(node.iter)

        def body() -> bool:
            turns = calls.turns(iterated)
            if not turns or len(turns) > MOST_TURNS:
                turns = [self.element_of(iterated, node)]
            for turn in turns:
                self.bind_loop(node.target, turn)
                self.suite(node.body)
            return False

        self.repeated(body, node.body)
        if node.orelse:
            self.suite(node.orelse.body)

    def repeated(self, body: Callable[[], bool], suite: cst.BaseSuite) -> None:
        """A loop body runs once, for any of its turns: names that it rebinds hold nothing certain."""
        for name in _rebound_names(suite):
            if isinstance(self.frame.locals.get(name), Constant | Unknown):
                self.set_local(name, Unknown(name))
        self.loops += 1
        self.branches([lambda: (body(), False)[1], lambda: True])
        self.loops -= 1

    def bind_loop(self, target: cst.BaseExpression, value: Value) -> None:
        """Binds loop variables; inside the loop, an element goes by the variable's name."""
        if isinstance(target, cst.Tuple | cst.List):
            lanes = value.lanes if isinstance(value, Each) and not value.single else ()
            if isinstance(value, Each) and value.single:
                parts = self.unpack(value.lanes[0], len(target.elements))
            else:
                parts = list(lanes) + [UNKNOWN] * (len(target.elements) - len(lanes))
            for element, part in zip(target.elements, parts, strict=False):
                self.bind_loop(element.value, part)
            return
        if isinstance(value, Each):
            value = value.lanes[0] if value.single else Instance(Root.BUILT, items=dict(enumerate(value.lanes)))
        self.bind(target, value, None)
        if isinstance(target, cst.Name) and isinstance(value, Instance):
            self.frame.roots[id(value)] = target.value

    def with_block(self, node: cst.With) -> bool:
        grad = self.grad
        for item in node.items:
            entered = self.evaluate(item.item)
            if isinstance(item.item, cst.Call) and self.switches_grad_off(item.item):
                self.grad = False
            if item.asname:
                self.bind(item.asname.name, entered, None)
        left = self.suite(node.body)
        self.grad = grad
        return left

    def switches_grad_off(self, call: cst.Call) -> bool:
        function = self.evaluate(call.func)
        if not isinstance(function, Qualified):
            return False
        if function.name == "torch.set_grad_enabled":
            return bool(call.args) and self.evaluate(call.args[0].value) == Constant(False)
        return function.name in ("torch.no_grad", "torch.inference_mode")

    def try_block(self, node: cst.Try | cst.TryStar) -> bool:
        arms: list[Callable[[], bool]] = [lambda: self.suite(node.body)]
        arms += [self._handler(handler) for handler in node.handlers]
        left = self.branches(arms)
        if node.orelse and not left:
            left = self.suite(node.orelse.body)
        if node.finalbody:
            left = self.suite(node.finalbody.body) or left
        return left

    def _handler(self, handler: cst.ExceptHandler | cst.ExceptStarHandler) -> Callable[[], bool]:
        return lambda: self.suite(handler.body)

    # ------------------------------------------------------------------ names

    def import_names(self, node: cst.Import) -> None:
        for alias in node.names:
            name = _dotted(alias.name)
            self.imports.add(name)
            if alias.asname and isinstance(alias.asname.name, cst.Name):
                self.set_local(alias.asname.name.value, Qualified(canonical(name)))
            else:
                first = name.partition(".")[0]
                self.set_local(first, Qualified(first))

    def import_from(self, node: cst.ImportFrom) -> None:
        package = "." * len(node.relative) + (_dotted(node.module) if node.module else "")
        self.imports.add(package)
        if isinstance(node.names, cst.ImportStar):
            self.frame.star = True
            return
        for alias in node.names:
            name = _dotted(alias.name)
            bound = alias.asname.name if alias.asname else alias.name
            if isinstance(bound, cst.Name):
                self.set_local(bound.value, Qualified(canonical(f"{package}.{name}")))

    def set_local(self, name: str, value: Value) -> None:
        self.journal.set(self.frame.locals, name, value)

    def name(self, name: str) -> Value:
        found = self.frame.lookup(name)
        if found is not None:
            return found
        if name in STAR_NAMES and self.frame.has_star_import:
            return Qualified(STAR_NAMES[name])
        if name in calls.BUILTINS:
            return Qualified(f"builtins.{name}")
        return Unknown(name, stable=True)

    def define_function(self, node: cst.FunctionDef) -> None:
        function = FunctionDefinition(node, self.frame)
        if self.frame.definition is not None and self.frame.function is None:
            function.owner = self.frame.definition
            self.frame.definition.methods[function.name] = function
            return
        self.defined_functions.append(function)
        self.set_local(function.name, function)

    def define_class(self, node: cst.ClassDef) -> None:
        bases = tuple(self.evaluate(base.value) for base in node.bases)
        flat = tuple(option for base in bases for option in options(base))
        definition = ClassDefinition(node, flat)
        self.defined_classes.append(definition)
        self.set_local(node.name.value, definition)
        outer = self.frame
        self.frame = Frame(outer, definition=definition)
        self.classes.append(definition)
        self.suite(node.body)
        self.classes.pop()
        definition.attributes.update(self.frame.locals)
        self.frame = outer

    # ------------------------------------------------------------------ calls of the file's own functions

    def call_function(
        self,
        function: FunctionDefinition,
        positional: Sequence[Value],
        keywords: dict[str, Value],
        node: cst.Call | None = None,
    ) -> Value:
        """Runs a function of the file inside its caller; an opaque result where that goes too deep."""
        count = self.runs.get(id(function.node), 0)
        deep = len(self.functions) >= DEEPEST_CALL or count >= MOST_RUNS_OF_A_FUNCTION or self.steps > MOST_STEPS
        if deep or any(running.node is function.node for running in self.functions):
            return self.opaque(node)
        self.runs[id(function.node)] = count + 1
        receiver = positional[0] if positional and function.owner else None
        enclosing = _lexical(function.frame)
        saved = (self.frame, self.statement, self.line, self.block, self.conditions, self.grad, self.loops)
        self.frame = Frame(enclosing, function, receiver, function.owner)
        self.bind_arguments(function.node, positional, keywords)
        self.functions.append(function)
        if function.owner:
            self.classes.append(function.owner)
        self.returns.append([])
        self.conditions = list(self.conditions)
        self.block = ()
        if function.decorators & {"no_grad", "inference_mode"}:
            self.grad = False
        self.suite(function.node.body)
        result = self.returns.pop()
        self.functions.pop()
        if function.owner:
            self.classes.pop()
        self.frame, self.statement, self.line, self.block, self.conditions, self.grad, self.loops = saved
        return choice(result) if result else Constant(None)

    def bind_arguments(self, node: cst.FunctionDef, positional: Sequence[Value], keywords: dict[str, Value]) -> None:
        parameters = _positional(node)
        for index, parameter in enumerate([*parameters, *node.params.kwonly_params]):
            name = parameter.name.value
            if index < len(positional) and index < len(parameters):
                value = positional[index]
            elif name in keywords:
                value = keywords[name]
            else:
                value = self.argument(parameter)
            self.frame.locals[name] = value
            for option in options(value):
                if isinstance(option, Instance):
                    self.frame.roots[id(option)] = name
        star = node.params.star_arg
        if isinstance(star, cst.Param):
            self.frame.locals[star.name.value] = UNKNOWN
        if node.params.star_kwarg:
            self.frame.locals[node.params.star_kwarg.name.value] = UNKNOWN

    def argument(self, parameter: cst.Param) -> Value:
        """An argument that no call in sight gives: known by its name, and its layer by its annotation."""
        made = Instance(Root.ARGUMENT, label=parameter.name.value, node=parameter)
        if parameter.annotation:
            annotated = self.evaluate(parameter.annotation.annotation)
            if isinstance(annotated, Qualified) and annotated.name in LAYERS:
                made.kind = annotated.name
            elif isinstance(annotated, ClassDefinition):
                made.definition = annotated
        return made

    def opaque(self, node: cst.CSTNode | None) -> Instance:
        return Instance(Root.BUILT, node=node, stable=False)

    # ------------------------------------------------------------------ expressions

    def evaluate(self, node: cst.BaseExpression) -> Value:
        self.steps += 1
        if self.steps > MOST_STEPS:
            return UNKNOWN
        handler = _EXPRESSIONS.get(type(node))
        return handler(self, node) if handler else UNKNOWN

    def _name(self, node: cst.Name) -> Value:
        if node.value in ("True", "False", "None"):
            return Constant({"True": True, "False": False, "None": None}[node.value])
        return _with_node(self.name(node.value), node)

    def _attribute(self, node: cst.Attribute) -> Value:
        receiver = self.evaluate(node.value)
        return choice(self.attribute(option, node.attr.value, node) for option in options(receiver))

    def attribute(self, receiver: Value, name: str, node: cst.BaseExpression | None) -> Value:
        match receiver:
            case TensorValue():
                if name in PROPERTIES:
                    return self.operate(name, receiver, Arguments(grad=self.grad), node)
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
            return _with_node(found, node) if found is not DELETED else UNKNOWN
        if name in ("_parameters", "_modules", "_buffers", "__dict__"):
            return Bound(receiver, name, node=node)
        definition = receiver.definition
        if definition:
            function = definition.method(name)
            if function:
                if function.decorators & {"property", "cached_property"}:
                    return self.call_function(function, [receiver], {})
                return Bound(receiver, name, function)
            for ancestor in definition.ancestry():
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
        if switch and receiver.arguments.get(switch) == Constant(False):
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
        name = instance.label or "tensor"
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
            wrapped = Cell(cell.name, None, cell.shape, cell.rank, node=node, marks={"raw": cell})
            flag = call.get(0, "requires_grad")
            if flag is False:
                wrapped.marks["frozen"] = True
            return TensorValue(wrapped, origin(len(state.axes) if state.axes else 2), node)
        result = apply(operation, state, call)
        if not cell.parameter and not result.exact and operation not in INPLACE_NEUTRAL:
            return plain_tensor(cell.name, node, cell.rank)
        return TensorValue(cell, result, node, value.conditions)

    def _subscript(self, node: cst.Subscript) -> Value:
        receiver = self.evaluate(node.value)
        return choice(self.subscript(option, node) for option in options(receiver))

    def subscript(self, receiver: Value, node: cst.Subscript) -> Value:
        index = node.slice[0].slice if len(node.slice) == 1 else None
        key = self.evaluate(index.value) if isinstance(index, cst.Index) else UNKNOWN
        if isinstance(receiver, Instance) and self.may_be_tensor(receiver) and isinstance(index, cst.Slice):
            receiver = self.as_tensor(receiver)
        match receiver:
            case TensorValue():
                return TensorValue(receiver.cell, _sliced(receiver.state, node, self.grad), node, receiver.conditions)
            case Bound(receiver=Instance() as instance, name="_parameters" | "_modules" | "__dict__"):
                if isinstance(key, Constant) and isinstance(key.value, str):
                    return self.attribute(instance, key.value, node)
            case Instance() if isinstance(index, cst.Slice):
                return receiver if receiver.items is None else self.slice(receiver, index)
            case Instance():
                constant = key.value if isinstance(key, Constant) else None
                text = repr(constant) if constant is not None else code_of(index or node)
                stable = constant is not None or not self.loops
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
            marks={"place": (receiver, f"[{code_of(index)}]"), "open": True},
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
            site = calls.Site(self, node)
            name = node.func.attr.value
            return choice(calls.call_method(site, option, name) for option in options(receiver))
        function = self.evaluate(node.func)
        site = calls.Site(self, node)
        return choice(calls.call_value(site, option) for option in options(function))

    def _if_expression(self, node: cst.IfExp) -> Value:
        self.evaluate(node.test)
        arms = []
        for arm, holds in ((node.body, True), (node.orelse, False)):
            condition = Condition(node.test, holds)
            with _Guard(self, condition):
                for option in options(self.evaluate(arm)):
                    if isinstance(option, TensorValue):
                        option = replace(option, conditions=(*option.conditions, condition))
                    arms.append(option)
        return choice(arms)

    def _sequence(self, node: cst.Tuple | cst.List | cst.Set) -> Value:
        made = Instance(Root.BUILT, items={}, node=node)
        for element in node.elements:
            value = self.evaluate(element.value)
            if isinstance(element, cst.StarredElement):
                calls.extend(self, made, value)
            else:
                calls.append(self, made, value)
        return made

    def _dict(self, node: cst.Dict) -> Value:
        made = Instance(Root.BUILT, items={}, node=node, marks={"open": True})
        for element in node.elements:
            value = self.evaluate(element.value)
            if isinstance(element, cst.DictElement):
                key = self.evaluate(element.key)
                calls.append(self, made, value)
                if isinstance(key, Constant):
                    made.attributes[f"[{key.value!r}]"] = value
        return made

    def _comprehension(self, node: cst.ListComp | cst.GeneratorExp | cst.SetComp) -> Value:
        self.loops += 1
        self.bind_comprehension(node.for_in)
        value = self.evaluate(node.elt)
        self.loops -= 1
        made = Instance(Root.BUILT, items={}, node=node, marks={"open": True})
        calls.append(self, made, value)
        return made

    def bind_comprehension(self, clause: cst.CompFor) -> None:
        self.bind_loop(clause.target, self.element_of(self.evaluate(clause.iter), clause))
        for guard in clause.ifs:
            self.evaluate(guard.test)
        if clause.inner_for_in:
            self.bind_comprehension(clause.inner_for_in)

    def _boolean(self, node: cst.BooleanOperation) -> Value:
        return choice([self.evaluate(node.left), self.evaluate(node.right)])

    def _binary(self, node: cst.BinaryOperation) -> Value:
        left, right = self.evaluate(node.left), self.evaluate(node.right)
        for side in (left, right):
            if isinstance(side, TensorValue):
                state = computed(side.state, Arguments(grad=self.grad))
                return TensorValue(side.cell, state, node) if side.cell.parameter else plain_tensor("", node)
        if isinstance(node.operator, cst.Multiply):
            repeated = left if isinstance(left, Instance) and left.items is not None else right
            if isinstance(repeated, Instance) and repeated.items is not None:
                self.journal.set(repeated.marks, "open", True)
                return repeated
        if isinstance(node.operator, cst.Add) and isinstance(left, Instance) and left.items is not None:
            calls.extend(self, left, right)
            return left
        return _arithmetic(node.operator, left, right)

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
            return TensorValue(value.cell, computed(value.state, Arguments(grad=self.grad)), node)
        return UNKNOWN

    def _comparison(self, node: cst.Comparison) -> Value:
        self.evaluate(node.left)
        for comparison in node.comparisons:
            self.evaluate(comparison.comparator)
        return UNKNOWN

    def _named(self, node: cst.NamedExpr) -> Value:
        value = self.evaluate(node.value)
        self.bind(node.target, value, node.value)
        return value

    def _await(self, node: cst.Await) -> Value:
        return self.evaluate(node.expression)

    def _number(self, node: cst.Integer) -> Value:
        return Constant(node.evaluated_value)

    def _float(self, node: cst.Float) -> Value:
        return Constant(node.evaluated_value)

    def _string(self, node: cst.SimpleString) -> Value:
        value = node.evaluated_value
        return Constant(value) if isinstance(value, str) else UNKNOWN

    def _concatenated(self, node: cst.ConcatenatedString) -> Value:
        value = node.evaluated_value
        return Constant(value) if isinstance(value, str) else UNKNOWN

    def _lambda(self, node: cst.Lambda) -> Value:
        return UNKNOWN

    # ------------------------------------------------------------------ storing

    def bind(self, target: cst.BaseExpression, value: Value, node: cst.BaseExpression | None) -> None:
        match target:
            case cst.Name(value=name):
                self.set_local(name, _with_node(value, target))
                for option in options(value):
                    if isinstance(option, Instance) and option.root is Root.BUILT and option.place is None:
                        self.frame.roots[id(option)] = name
                        option.label = option.label or name
                    elif isinstance(option, TensorValue) and option.cell.home is None and not option.cell.name:
                        option.cell.name = name
            case cst.Tuple(elements=elements) | cst.List(elements=elements):
                parts = node.elements if isinstance(node, cst.Tuple | cst.List) else ()
                values = self.unpack(value, len(elements))
                for index, element in enumerate(elements):
                    part = parts[index].value if len(parts) == len(elements) else None
                    self.bind(element.value, values[index], part)
            case cst.Attribute(value=holder, attr=cst.Name(value=name)):
                for receiver in options(self.evaluate(holder)):
                    self.written = target
                    self.store_attribute(receiver, name, value, node)
            case cst.Subscript(value=holder):
                for receiver in options(self.evaluate(holder)):
                    self.written = target
                    self.store_item(receiver, target, value, node)
        self.written = None

    def store_attribute(
        self,
        receiver: Value,
        name: str,
        value: Value,
        node: cst.BaseExpression | None,
        write: Write = Write.ASSIGN,
    ) -> None:
        """`receiver.name = value`, however it is written."""
        if isinstance(receiver, Instance) and name in ("data", "requires_grad") and self.may_be_tensor(receiver):
            receiver = self.as_tensor(receiver)
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
            if (
                isinstance(option, Instance)
                and option.marks.get("tensor")
                and self.slot(receiver, name) is not Slot.FREE
            ):
                option = self.as_tensor(option)
            if isinstance(option, TensorValue):
                option = self.assign_tensor(receiver, name, option, node, write)
            elif isinstance(option, Instance):
                self.place(receiver, f".{name}", option)
            stored.append(option)
        self.journal.set(receiver.attributes, name, choice(stored))

    def assign_tensor(
        self, receiver: Instance, name: str, value: TensorValue, node: cst.BaseExpression | None, write: Write
    ) -> Value:
        """A tensor goes into an attribute of a module: the one place where ties are made or missed."""
        slot = self.slot(receiver, name)
        cell = value.cell
        raw = cell.marks.get("raw")
        if value.state.is_origin and cell.parameter and cell.home is None:
            self.journal.set(cell.marks, "owner", receiver)
            self.journal.set(cell.marks, "attribute", name)
            if isinstance(raw, Cell):
                self.take(raw, receiver, name, cell, node, write, slot)
            return value
        if slot is Slot.FREE and value.state.is_parameter is not True:
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
        first = raw.marks.get("taken")
        if isinstance(first, Cell) and first is not cell:
            state = apply("Parameter", origin(cell.rank))
            self.record(cell, receiver, name, TensorValue(first, state, node), node, write, slot)
        else:
            self.journal.set(raw.marks, "taken", cell)

    def slot(self, receiver: Instance, name: str) -> Slot:
        found = receiver.attributes.get(name)
        if found is not None:
            kinds = [o.cell for o in options(found) if isinstance(o, TensorValue) and o.state.is_parameter]
            if not kinds:
                return Slot.FREE
            return Slot.PRESUMED if kinds[0].presumed else Slot.PARAMETER
        if self.layer_parameter(receiver, name):
            return Slot.PARAMETER
        known = receiver.kind or (receiver.definition and receiver.definition.module is False)
        if known or receiver.root is Root.SELF or not parameter_named(name):
            return Slot.FREE
        return Slot.PRESUMED

    def existing(self, receiver: Instance, name: str) -> Cell | None:
        value = self.instance_attribute(receiver, name, None) if self.slot(receiver, name) is not Slot.FREE else UNKNOWN
        cells = [option.cell for option in options(value) if isinstance(option, TensorValue)]
        return cells[0] if cells else None

    def write(self, kind: Write, target: TensorValue, value: Value, node: cst.BaseExpression | None) -> None:
        """`target.data = value` and the in-place ways."""
        for option in options(value):
            if isinstance(option, Instance) and self.may_be_tensor(option) and option.marks.get("tensor"):
                option = self.as_tensor(option)
            if not isinstance(option, TensorValue):
                continue
            cell = target.cell
            if not option.cell.parameter and not option.cell.presumed:
                self.adopt(cell, option, kind, node)
            elif cell.parameter or cell.presumed:
                part = not target.state.whole
                leaf = bool(target.state.requires_grad)
                self.record(cell, cell.home, cell.name, option, node, kind, Slot.PARAMETER, part=part, leaf=leaf)

    def adopt(self, cell: Cell, value: TensorValue, kind: Write, node: cst.BaseExpression | None) -> None:
        """A plain tensor becomes a Parameter's storage; the second Parameter over it is an alias of the first."""
        if kind is Write.COPY or value.state.storage is not Storage.SHARED or not value.state.exact:
            return
        first = value.cell.marks.get("taken")
        if isinstance(first, Cell) and first is not cell:
            turned = value.cell.marks.get("axes") == value.state.axes
            axes = tuple(range(first.rank)) if turned else tuple(reversed(range(first.rank)))
            state = replace(apply("data", origin(first.rank)), axes=axes)
            self.record(cell, cell.home, cell.name, TensorValue(first, state, node), node, kind, Slot.PARAMETER)
        else:
            self.journal.set(value.cell.marks, "taken", cell)
            self.journal.set(value.cell.marks, "axes", value.state.axes)

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
        conditions = [*self.conditions]
        conditions += [c for c in value.conditions if c not in conditions]
        place = Place(
            self.statement,
            self.line,
            self.block,
            tuple(self.functions),
            tuple(self.classes),
            tuple(conditions),
            self.loops,
            self.grad,
        )
        made = Tie(
            self.side(target, owner, name),
            self.side(source, source.home, _attribute_name(source)),
            value.state,
            write,
            slot,
            value.node,
            node,
            self.written,
            place,
            part,
            leaf,
        )
        self.pending.append(made)
        if target is not source:
            target.marks["made_by"] = made

    def side(self, cell: Cell, owner: Instance | None, name: str) -> Side:
        if owner is None:
            local = next(
                (n for n, v in self.frame.locals.items() if isinstance(v, TensorValue) and v.cell is cell), None
            )
            return Side(cell, local or name, None, None, None)
        spelled = self.spell(owner)
        made = (owner.layer or "torch.nn.Module").rpartition(".")[2]
        shown = spelled or absolute_path(owner) or owner.label or f"{made}(…)"
        return Side(cell, f"{shown}.{name}", owner, spelled, _top(owner).root, owner.place[1] if owner.place else None)

    def spell(self, instance: Instance) -> str | None:
        """An expression that names the object here and now; None if none surely does."""
        frame: Frame | None = self.frame
        steps = ""
        current = instance
        for _ in range(20):
            frame = self.frame
            while frame is not None:
                name = frame.roots.get(id(current))
                if name is not None and any(o is current for o in options(frame.locals.get(name, UNKNOWN))):
                    return name + steps
                frame = frame.enclosing
            place = current.place
            if place is None or "each " in place[1] or "(" in place[1]:
                return None
            current, step = place
            steps = step + steps
        return None

    def store_item(self, receiver: Value, target: cst.Subscript, value: Value, node: cst.BaseExpression | None) -> None:
        index = target.slice[0].slice if len(target.slice) == 1 else None
        key = self.evaluate(index.value) if isinstance(index, cst.Index) else UNKNOWN
        match receiver:
            case Bound(receiver=Instance() as module, name="_parameters" | "_modules" | "__dict__" as table):
                if isinstance(key, Constant) and isinstance(key.value, str) and table != "__dict__":
                    self.assign(module, key.value, value, node, Write.TABLE)
            case TensorValue():
                state = _sliced(receiver.state, target, self.grad)
                self.write(Write.COPY, replace(receiver, state=state), value, node)
            case Instance():
                constant = key.value if isinstance(key, Constant) else None
                step = f"[{constant!r}]" if constant is not None else f"[{code_of(index or target)}]"
                for option in options(value):
                    if isinstance(option, Instance):
                        self.place(receiver, step, option)
                self.journal.set(receiver.attributes, step, value)
                if type(constant) is int and receiver.items is not None and constant in receiver.items:
                    self.journal.set(receiver.items, constant, value)

    def place(self, holder: Instance, step: str, value: Instance) -> None:
        if value is holder or value.root is Root.SELF:
            return
        if value.place is None or calls.is_plain(value.place[0]):
            self.journal.set(value.marks, "place", (holder, step))

    def freeze(self, value: TensorValue, frozen: bool) -> None:
        self.journal.set(value.cell.marks, "frozen", frozen)
        if value.cell.name == "*" and value.cell.owner:
            self.journal.set(value.cell.owner.marks, "frozen", frozen)

    def delete(self, target: cst.BaseExpression) -> None:
        match target:
            case cst.Name(value=name):
                self.set_local(name, UNKNOWN)
            case cst.Attribute(value=holder, attr=cst.Name(value=name)):
                for receiver in options(self.evaluate(holder)):
                    self.delete_attribute(receiver, name)
            case cst.Subscript(value=holder, slice=[cst.SubscriptElement(slice=cst.Index(value=index))]):
                key = self.evaluate(index)
                for receiver in options(self.evaluate(holder)):
                    if isinstance(receiver, Bound) and receiver.name in ("_parameters", "_modules"):
                        known = str(key.value) if isinstance(key, Constant) else None
                        self.delete_attribute(receiver.receiver, known)

    def delete_attribute(self, receiver: Value, name: str | None) -> None:
        """Deletes one attribute; a name that is not known may be any, and takes all that were read."""
        if not isinstance(receiver, Instance):
            return
        for known in [name] if name is not None else list(receiver.attributes):
            self.journal.set(receiver.attributes, known, DELETED)


class _Guard:
    """Pushes a condition while a branch runs."""

    def __init__(self, visitor: Visitor, condition: Condition) -> None:
        self.visitor, self.condition = visitor, condition

    def __enter__(self) -> None:
        self.visitor.conditions.append(self.condition)

    def __exit__(self, *_: object) -> None:
        self.visitor.conditions.remove(self.condition)


class _Narrowed:
    """Gives an unknown object a layer while a branch runs."""

    def __init__(self, visitor: Visitor, narrowed: tuple[Instance, str] | None) -> None:
        self.narrowed = narrowed

    def __enter__(self) -> None:
        if self.narrowed:
            self.narrowed[0].kind = self.narrowed[1]

    def __exit__(self, *_: object) -> None:
        if self.narrowed:
            self.narrowed[0].kind = None


def _sliced(state: Tensor, node: cst.Subscript, grad: bool) -> Tensor:
    """`w[:]` and `w[...]` see all of it, `w[:n]` a part in the same axes, anything else some elements."""
    call = Arguments(grad=grad)
    parts = [element.slice for element in node.slice]
    if all(isinstance(part, cst.Slice) or _holds(part, cst.Ellipsis) for part in parts):
        cut = any(part.lower or part.upper or part.step for part in parts if isinstance(part, cst.Slice))
        return apply("narrow" if cut else "alias", state, call)
    views = all(isinstance(part, cst.Slice) or _holds(part, cst.Integer, cst.Ellipsis) for part in parts)
    return apply("select" if views else "index_select", state, call)


def _holds(part: cst.BaseSlice, *kinds: type[cst.BaseExpression]) -> bool:
    return isinstance(part, cst.Index) and isinstance(part.value, kinds)


def _without_parameters(module: Instance) -> bool:
    """An activation, dropout or the like."""
    kind = module.kind or ""
    return kind.startswith("torch.nn.") and kind not in LAYERS and kind not in CONTAINERS and module.items is None


def _attribute_name(cell: Cell) -> str:
    adopted = cell.marks.get("attribute")
    return adopted if isinstance(adopted, str) else cell.name


def _top(instance: Instance) -> Instance:
    """The outermost object that holds it."""
    current = instance
    for _ in range(30):
        place = current.place
        if place is None or current.root in (Root.SELF, Root.ARGUMENT):
            break
        current = place[0]
    return current


def _live(cell: Cell) -> bool:
    """Whether the Parameter is still where it was, and its module too."""
    owner, name = cell.home, _attribute_name(cell)
    if owner is None or name == "*":
        return True
    value = owner.attributes.get(name)
    if value is not None and not any(isinstance(o, TensorValue) and o.cell is cell for o in options(value)):
        return False
    current = owner
    for _ in range(20):
        place = current.place
        if place is None:
            return True
        holder, step = place
        key = step[1:] if step.startswith(".") else step
        now = holder.attributes.get(key)
        if now is not None and not any(option is current for option in options(now)):
            return False
        current = holder
    return True


def _frozen(side: Side) -> bool:
    if side.cell.marks.get("frozen"):
        return True
    current = side.owner
    for _ in range(20):
        if current is None:
            return False
        if current.marks.get("frozen"):
            return True
        current = current.place[0] if current.place else None
    return False


def _with_node(value: Value, node: cst.BaseExpression | None) -> Value:
    return replace(value, node=node) if isinstance(value, TensorValue) and node is not None else value


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


def _dotted(node: cst.BaseExpression) -> str:
    match node:
        case cst.Attribute(value=value, attr=cst.Name(value=name)):
            return f"{_dotted(value)}.{name}"
        case cst.Name(value=name):
            return name
    return ""


def _elements(target: cst.BaseDelTargetExpression) -> Iterator[cst.BaseExpression]:
    if isinstance(target, cst.Tuple | cst.List):
        for element in target.elements:
            yield element.value
    else:
        yield target


def _positional(node: cst.FunctionDef) -> list[cst.Param]:
    return [*node.params.posonly_params, *node.params.params]


def _lexical(frame: Frame) -> Frame:
    """The frame that names inside a function are looked up in: class bodies do not count."""
    current = frame
    while current.definition is not None and current.function is None and current.enclosing is not None:
        current = current.enclosing
    return current


def _rebound_names(suite: cst.BaseSuite) -> set[str]:
    """The names that a loop's body assigns."""
    names: set[str] = set()

    def collect(node: cst.CSTNode) -> None:
        match node:
            case cst.Assign(targets=targets):
                for target in targets:
                    _target_names(target.target, names)
            case cst.AugAssign(target=target) | cst.AnnAssign(target=target):
                _target_names(target, names)
            case cst.FunctionDef() | cst.ClassDef():
                return
            case cst.SimpleStatementLine() | cst.BaseCompoundStatement() | cst.BaseSuite() | cst.Else():
                for child in node.children:
                    collect(child)

    collect(suite)
    return names


def _target_names(target: cst.BaseExpression, names: set[str]) -> None:
    match target:
        case cst.Name(value=name):
            names.add(name)
        case cst.Tuple(elements=elements) | cst.List(elements=elements):
            for element in elements:
                _target_names(element.value, names)


_EXPRESSIONS: dict[type[cst.CSTNode], Callable[..., Value]] = {
    cst.Name: Visitor._name,
    cst.Attribute: Visitor._attribute,
    cst.Subscript: Visitor._subscript,
    cst.Call: Visitor._call,
    cst.IfExp: Visitor._if_expression,
    cst.Tuple: Visitor._sequence,
    cst.List: Visitor._sequence,
    cst.Set: Visitor._sequence,
    cst.Dict: Visitor._dict,
    cst.ListComp: Visitor._comprehension,
    cst.SetComp: Visitor._comprehension,
    cst.GeneratorExp: Visitor._comprehension,
    cst.BooleanOperation: Visitor._boolean,
    cst.BinaryOperation: Visitor._binary,
    cst.UnaryOperation: Visitor._unary,
    cst.Comparison: Visitor._comparison,
    cst.NamedExpr: Visitor._named,
    cst.Await: Visitor._await,
    cst.Integer: Visitor._number,
    cst.Float: Visitor._float,
    cst.SimpleString: Visitor._string,
    cst.ConcatenatedString: Visitor._concatenated,
}

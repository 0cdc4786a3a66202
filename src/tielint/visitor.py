"""Runs a file abstractly, once, and writes down the facts: LibCST syntax in, `FileFacts` out. Called by `analysis.py`.

Not a `cst.CSTVisitor`: code must be seen in the order in which it runs (a helper inside its caller, `__init__` before
`forward`, both branches from the same state), and a visitor over nodes that no one asked for costs several times more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import libcst as cst

from tielint import calls, containers
from tielint.events import Events, complete, mark_followed
from tielint.expressions import Expressions
from tielint.facts import Event, FileFacts, Place, Tie
from tielint.layers import LAYERS, canonical
from tielint.ownership import kept_from_training, outermost, still_in_use
from tielint.spelling import dotted_name, last_name
from tielint.stores import Stores
from tielint.values import (
    UNKNOWN,
    ClassDefinition,
    Condition,
    Constant,
    Each,
    Frame,
    FunctionDefinition,
    Instance,
    Journal,
    LambdaDefinition,
    Qualified,
    Root,
    Unknown,
    Value,
    choice,
    options,
)

if TYPE_CHECKING:
    from tielint.modules import Modules

T = TypeVar("T")

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


def collect_facts(
    module: cst.Module, modules: Modules | None = None, *, idle: frozenset[str] = frozenset()
) -> FileFacts:
    """All facts of a file, and of what it runs in other modules of its project, where `modules` finds them.

    idle: the names of classes and functions that run only where others call them.
    """
    visitor = Visitor(module, modules)
    visitor.run(idle)
    return visitor.facts


def run_module(module: cst.Module, modules: Modules) -> Frame:
    """The names that a module defines, once its own statements have run."""
    visitor = Visitor(module, modules)
    visitor.block_of(module.body)
    return visitor.globals


class Visitor:
    """One abstract run of one file."""

    def __init__(self, module: cst.Module, modules: Modules | None = None) -> None:
        self.facts = FileFacts(module)
        self.journal = Journal()
        self.globals = Frame(modules=modules)
        self.frame = self.globals
        self.steps_left = MOST_STEPS
        self.loops = 0
        self.hooks = 0
        self.rebound: list[set[str]] = []
        self.grad = True
        self.meta = False
        self.statement: cst.CSTNode = module
        self.line: cst.CSTNode | None = None
        self.block: tuple[cst.CSTNode, ...] = ()
        self.conditions: list[Condition] = []
        self.functions: list[FunctionDefinition] = []
        self.classes: list[ClassDefinition] = []
        self.defined_functions: list[FunctionDefinition] = []
        self.defined_classes: list[ClassDefinition] = []
        self.runs: dict[int, int] = {}
        self.names_in_loops: dict[cst.CSTNode, set[str]] = {}
        self.equalities: dict[cst.CSTNode, cst.Comparison] = {}
        self.returns: list[list[Value]] = []
        self.pending: list[Tie] = []
        self.standing: list[Tie] = []
        self.pending_events: list[Event] = []
        self.imports: set[str] = set()
        self.for_types: set[str] = set()
        self.expressions = Expressions(self)
        self.stores = Stores(self)
        self.events = Events(self)

    # ------------------------------------------------------------------ the order in which a file runs

    def run(self, idle: frozenset[str] = frozenset()) -> None:
        self.block_of(self.facts.module.body)
        self.settle()
        self.facts.exhausted = self.exhausted
        self.steps_left = MOST_STEPS
        for definition in self.defined_classes:
            if definition.name not in idle:
                self.run_class(definition, idle)
        for function in list(self.defined_functions):
            if function.name not in idle and not self.runs.get(id(function.node)):
                self.run_alone(function)
        self.facts.exhausted |= self.exhausted
        self.facts.imports = frozenset(self.imports)
        for name, value in self.globals.locals.items():
            imported = next((option for option in options(value) if isinstance(option, Qualified)), None)
            if imported and name not in self.for_types:
                self.facts.names[name] = imported.name

    def run_class(self, definition: ClassDefinition, idle: frozenset[str]) -> None:
        """An object of the class is made, then each of its methods runs on it, as it is after `__init__`."""
        start = self.journal.mark()
        self.standing = []
        receiver = Instance(Root.SELF, label="self", definition=definition, node=definition.node)
        initialiser = definition.method("__init__")
        before = dict(self.runs)
        if initialiser:
            self.run_method(initialiser, receiver)
            if definition.probably_module:
                self.events.unregistered(receiver)
            self.settle()
        self.events.tied_keys_listed(definition, receiver)
        self.events.ties_undeclared(definition, receiver)
        self.settle()
        reached = {key for key, count in self.runs.items() if count != before.get(key)}
        for current in definition.ancestry:
            if current.frame.module is not self.globals:
                continue
            for function in current.methods.values():
                if id(function.node) in reached or definition.method(function.name) is not function:
                    continue
                if function.name in idle:
                    continue
                mark = self.journal.mark()
                self.run_method(function, receiver)
                self.settle()
                self.journal.undo(mark)
        self.journal.undo(start)

    def run_method(self, function: FunctionDefinition, receiver: Instance) -> None:
        static = "staticmethod" in function.decorators
        first = positional_parameters(function.node.params)[:1]
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
            tie.target, tie.source = self.stores.rename(tie.target), self.stores.rename(tie.source)
            target, source = tie.target.owner, tie.source.owner
            tie.model = outermost(target) if target else None
            tie.same_model = source is not None and tie.model is outermost(source)
            tie.source_live = still_in_use(tie.source.cell)
            tie.target_frozen = kept_from_training(tie.target.cell, tie.target.owner)
            tie.target_escapes = target is not None and bool(target.marks.get("returned"))
        mark_followed(self.pending)
        for event in self.pending_events:
            complete(event, self.pending)
        self.standing.extend(tie for tie in self.pending if tie.holds)
        self.facts.ties.extend(self.pending)
        self.facts.events.extend(self.pending_events)
        self.pending, self.pending_events = [], []

    # ------------------------------------------------------------------ statements

    def block_of(self, body: Sequence[cst.CSTNode]) -> bool:
        """Runs statements; True if they always leave the block early."""
        outer, guards = self.block, len(self.conditions)
        left = False
        for node in body:
            self.block = (*outer, node)
            self.line = node
            left = self.compound(node)
            if left:
                break
        self.block = outer
        del self.conditions[guards:]
        return left

    def compound(self, node: cst.CSTNode) -> bool:
        self.steps_left -= 1
        if self.exhausted:
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
                self.head(node.test)
                self.repeated(lambda: self.suite(node.body), node)
                if node.orelse:
                    self.suite(node.orelse.body)
            case cst.With():
                return self.with_block(node)
            case cst.Try() | cst.TryStar():
                return self.try_block(node)
            case cst.Match():
                self.head(node.subject)
                cases = [self._case(case, node.subject) for case in node.cases]
                return self.branches(cases if takes_all(node.cases[-1]) else [*cases, lambda: False])
        return False

    def head(self, expression: cst.BaseExpression) -> Value:
        """Evaluates what stands in the head of a statement that holds others."""
        self.statement = expression
        return self.expressions.evaluate(expression)

    def _case(self, case: cst.MatchCase, subject: cst.BaseExpression) -> Callable[[], bool]:
        """One of the arms of `match`; `case "tied":` holds where `subject == "tied"` does."""

        def run() -> bool:
            for name in captured(case.pattern):
                self.set_local(name, Unknown(name))
            if case.guard is not None:
                self.head(case.guard)
            tests = [case.guard] if case.guard else []
            if isinstance(case.pattern, cst.MatchValue | cst.MatchSingleton):
                tests.append(self.equality_of(case.pattern, subject))
            return self.under_all([Condition(test, True) for test in tests], lambda: self.suite(case.body))

        return run

    def equality_of(self, pattern: cst.MatchValue | cst.MatchSingleton, subject: cst.BaseExpression) -> cst.Comparison:
        """The same one whenever the pattern is met: conditions are told apart by their tests."""
        if pattern not in self.equalities:
            target = cst.ComparisonTarget(cst.Equal(), pattern.value)
            self.equalities[pattern] = cst.Comparison(subject, [target])
        return self.equalities[pattern]

    def suite(self, body: cst.BaseSuite) -> bool:
        if isinstance(body, cst.SimpleStatementSuite):
            outer = self.block
            self.block, self.line = (*outer, body), body
            left = self.simple_statements(body.body)
            self.block = outer
            return left
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
                result = self.expressions.evaluate(value)
                for target in targets:
                    self.stores.bind(target.target, result, value)
            case cst.Expr(value=value):
                self.expressions.evaluate(value)
            case cst.AnnAssign(target=target, value=annotated) if annotated is not None:
                self.stores.bind(target, self.expressions.evaluate(annotated), annotated)
            case cst.AugAssign(target=target, operator=operator, value=value):
                result = self.expressions.evaluate(value)
                grown = self.grow(node, operator, result)
                if isinstance(target, cst.Name) and not grown:
                    self.set_local(target.value, UNKNOWN)
            case cst.Assert(test=test):
                self.expressions.evaluate(test)
            case cst.Return(value=returned):
                result = self.expressions.evaluate(returned) if returned else Constant(None)
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
                    self.stores.delete(element)
            case cst.Global(names=names):
                self.frame.borrow([name.name.value for name in names], self.frame.module)
            case cst.Nonlocal(names=names):
                self.frame.borrow([name.name.value for name in names])
            case cst.Import():
                self.import_names(node)
            case cst.ImportFrom():
                self.import_from(node)
        return False

    def grow(self, node: cst.AugAssign, operator: cst.BaseAugOp, operand: Value) -> bool:
        """`layers += [layer]`, `layers *= 3`; False where it is no list or dict that grows."""
        if not isinstance(operator, cst.AddAssign | cst.BitOrAssign | cst.MultiplyAssign):
            return False
        targets = options(self.expressions.evaluate(node.target))
        lists = [option for option in targets if isinstance(option, Instance) and option.items is not None]
        for container in lists:
            if isinstance(operator, cst.MultiplyAssign):
                containers.multiply(self, container, operand, node)
            else:
                containers.notice_same_elements(self, container, operand, node.value, node)
                containers.extend(self, container, operand)
        return bool(lists)

    def mark_returned(self, value: Value) -> None:
        for option in options(value):
            if isinstance(option, Instance) and option.root is Root.BUILT:
                self.journal.set(option.marks, "returned", True)

    def conditional(self, node: cst.If) -> bool:
        narrowing = self.narrowing(node.test)
        self.head(node.test)
        left: list[bool] = []

        def taken() -> bool:
            if narrowing:
                narrowing[0].kind = narrowing[1]
            left.append(self.under(Condition(node.test, True), lambda: self.suite(node.body)))
            if narrowing:
                narrowing[0].kind = None
            return left[-1]

        def otherwise() -> bool:
            match node.orelse:
                case cst.If() as another:
                    return self.conditional(another)
                case cst.Else(body=body):
                    return self.suite(body)
            return False

        def not_taken() -> bool:
            return self.under(Condition(node.test, False), otherwise)

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
                thing, layer = self.expressions.evaluate(subject), self.expressions.evaluate(kind)
                if isinstance(thing, Instance) and isinstance(layer, Qualified) and layer.name in LAYERS:
                    return None if thing.kind or thing.definition else (thing, layer.name)
        return None

    def under(self, condition: Condition, run: Callable[[], T]) -> T:
        """Runs what a condition guards."""
        return self.under_all([condition], run)

    def under_all(self, conditions: Sequence[Condition], run: Callable[[], T]) -> T:
        """Runs what several conditions guard."""
        self.conditions += conditions
        result = run()
        for condition in conditions:
            self.conditions.remove(condition)
        return result

    @property
    def exhausted(self) -> bool:
        """So much has run that nothing more is worth it."""
        return self.steps_left < 0

    def for_loop(self, node: cst.For) -> None:
        iterated = self.head(node.iter)

        def body() -> None:
            turns = calls.turns(iterated)
            if not turns or len(turns) > MOST_TURNS:
                turns = [self.expressions.element_of(iterated, node)]
            for turn in turns:
                self.statement = node.target
                self.bind_loop(node.target, turn)
                self.suite(node.body)

        roots = dict(self.frame.roots)
        self.repeated(body, node)
        variables: set[str] = set()
        _target_names(node.target, variables)
        outside = {key: name for key, name in self.frame.roots.items() if name not in variables}
        self.frame.roots = roots | outside
        if node.orelse:
            self.suite(node.orelse.body)

    def repeated(self, body: Callable[[], object], loop: cst.For | cst.While) -> None:
        """A loop body runs once, for any of its turns: names that it rebinds hold nothing certain."""
        inside = self.names_in_loops.get(loop)
        if inside is None:
            inside = self.names_in_loops[loop] = _rebound_names(loop.body)
        outside: set[str] = set()
        if isinstance(loop, cst.For):
            _target_names(loop.target, outside)
        self.rebound.append(inside | outside)
        for name in inside:
            if isinstance(self.frame.locals.get(name), Constant | Unknown):
                self.set_local(name, Unknown(name))
        self.loops += 1
        body()
        self.loops -= 1
        self.rebound.pop()

    def bind_loop(self, target: cst.BaseExpression, value: Value) -> None:
        """Binds loop variables; inside the loop, an element goes by the variable's name."""
        if isinstance(target, cst.Tuple | cst.List):
            lanes = value.lanes if isinstance(value, Each) and not value.single else ()
            if isinstance(value, Instance):
                parts = self.expressions.unpack(value, len(target.elements))
            elif isinstance(value, Each) and value.single:
                parts = self.expressions.unpack(value.lanes[0], len(target.elements))
            else:
                parts = list(lanes) + [UNKNOWN] * (len(target.elements) - len(lanes))
            for element, part in zip(target.elements, parts, strict=False):
                self.bind_loop(element.value, part)
            return
        if isinstance(value, Each):
            value = value.lanes[0] if value.single else Instance(Root.BUILT, items=dict(enumerate(value.lanes)))
        self.stores.bind(target, value, None)
        if isinstance(target, cst.Name) and isinstance(value, Instance):
            self.frame.roots[id(value)] = target.value

    def with_block(self, node: cst.With) -> bool:
        grad, meta = self.grad, self.meta
        for item in node.items:
            entered = self.head(item.item)
            self.meta = self.meta or entered == calls.META
            if self.switches_grad_off(item.item):
                self.grad = False
            if item.asname:
                self.stores.bind(item.asname.name, entered, None)
        left = self.suite(node.body)
        self.grad, self.meta = grad, meta
        return left

    def switches_grad_off(self, entered: cst.BaseExpression) -> bool:
        """Whether what `with` enters, or a decorator, is `no_grad` or the like."""
        function = self.expressions.evaluate(entered.func if isinstance(entered, cst.Call) else entered)
        if not isinstance(function, Qualified):
            return False
        if function.name == "torch.set_grad_enabled" and isinstance(entered, cst.Call):
            return bool(entered.args) and self.expressions.evaluate(entered.args[0].value) == Constant(False)
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
        def run() -> bool:
            if handler.name and isinstance(handler.name.name, cst.Name):
                self.set_local(handler.name.name.value, UNKNOWN)
            return self.suite(handler.body)

        return run

    # ------------------------------------------------------------------ names

    def import_names(self, node: cst.Import) -> None:
        for alias in node.names:
            name = dotted_name(alias.name)
            self.imports.add(name)
            if alias.asname and isinstance(alias.asname.name, cst.Name):
                self.bind_import(alias.asname.name.value, canonical(name))
            else:
                first = name.partition(".")[0]
                self.bind_import(first, first)

    def import_from(self, node: cst.ImportFrom) -> None:
        package = "." * len(node.relative) + (dotted_name(node.module) if node.module else "")
        if self.globals.modules:
            package = self.globals.modules.absolute(package)
        self.imports.add(package)
        if isinstance(node.names, cst.ImportStar):
            self.frame.stars.append(package)
            return
        for alias in node.names:
            name = dotted_name(alias.name)
            bound = alias.asname.name if alias.asname else alias.name
            if isinstance(bound, cst.Name):
                self.bind_import(bound.value, canonical(f"{package}.{name}"))

    def bind_import(self, name: str, qualified: str) -> None:
        if self.frame is self.globals:
            for_types = any(last_name(test.test) == "TYPE_CHECKING" and test.holds for test in self.conditions)
            if for_types and name not in self.globals.locals:
                self.for_types.add(name)
            elif not for_types:
                self.for_types.discard(name)
        self.set_local(name, Qualified(qualified))

    def set_local(self, name: str, value: Value) -> None:
        self.journal.set(self.frame.owner_of(name).locals, name, value)

    def name(self, name: str) -> Value:
        found = self.frame.lookup(name)
        if found is not None:
            return found
        stars = list(self.frame.star_imports())
        if name in STAR_NAMES and stars:
            return Qualified(STAR_NAMES[name])
        if name in calls.BUILTINS:
            return Qualified(f"builtins.{name}")
        for package in stars:
            found = self.frame.imported(named := Qualified(f"{package}.{name}"))
            if found is not named:
                return found
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
        named = (base.value.value if isinstance(base.value, cst.Subscript) else base.value for base in node.bases)
        bases = tuple(map(self.expressions.evaluate, named))
        flat = tuple(option for base in bases for option in options(base))
        definition = ClassDefinition(node, flat, self.frame)
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
        deep = len(self.functions) >= DEEPEST_CALL or count >= MOST_RUNS_OF_A_FUNCTION or self.exhausted
        if deep or any(running.node is function.node for running in self.functions):
            return self.opaque(node)
        self.runs[id(function.node)] = count + 1
        receiver = positional[0] if positional and function.owner else None
        enclosing = _lexical(function.frame)
        saved = (self.frame, self.statement, self.line, self.block, self.conditions, self.grad, self.loops)
        self.frame = Frame(enclosing, function, receiver, function.owner)
        self.journal.made(self.frame.locals)
        self.frame.loops = self.loops
        self.bind_arguments(function.node.params, positional, keywords)
        self.functions.append(function)
        if function.owner:
            self.classes.append(function.owner)
        self.returns.append([])
        self.conditions = list(self.conditions)
        self.block = ()
        if any(self.switches_grad_off(decorator.decorator) for decorator in function.node.decorators):
            self.grad = False
        self.suite(function.node.body)
        result = self.returns.pop()
        self.functions.pop()
        if function.owner:
            self.classes.pop()
        self.frame, self.statement, self.line, self.block, self.conditions, self.grad, self.loops = saved
        return choice(result) if result else Constant(None)

    def call_lambda(self, function: LambdaDefinition, positional: Sequence[Value], keywords: dict[str, Value]) -> Value:
        """Evaluates a lambda's expression as a part of the statement that calls it."""
        count = self.runs.get(id(function.node), 0)
        if count >= MOST_RUNS_OF_A_FUNCTION or self.exhausted:
            return self.opaque(None)
        self.runs[id(function.node)] = count + 1
        outer = self.frame
        self.frame = Frame(_lexical(function.frame), outer.function, outer.receiver, outer.definition)
        self.bind_arguments(function.node.params, positional, keywords)
        result = self.expressions.evaluate(function.node.body)
        self.frame = outer
        return result

    def bind_arguments(self, params: cst.Parameters, positional: Sequence[Value], keywords: dict[str, Value]) -> None:
        parameters = positional_parameters(params)
        for index, parameter in enumerate([*parameters, *params.kwonly_params]):
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
        star = params.star_arg
        if isinstance(star, cst.Param):
            self.frame.locals[star.name.value] = UNKNOWN
        if params.star_kwarg:
            self.frame.locals[params.star_kwarg.name.value] = UNKNOWN

    def argument(self, parameter: cst.Param) -> Value:
        """An argument that no call in sight gives: known by its name, and its layer by its annotation."""
        made = Instance(Root.ARGUMENT, label=parameter.name.value, node=parameter)
        if parameter.annotation:
            annotated = self.expressions.evaluate(parameter.annotation.annotation)
            if isinstance(annotated, Qualified) and annotated.name in LAYERS:
                made.kind = annotated.name
            elif isinstance(annotated, ClassDefinition):
                made.definition = annotated
        return made

    def here(self, conditions: Iterable[Condition] = ()) -> Place:
        """Where the run is, with the conditions that hold besides those of the branches."""
        own = [condition for condition in conditions if condition not in self.conditions]
        return Place(
            self.statement,
            self.line,
            self.block,
            tuple(self.functions),
            tuple(self.classes),
            (*self.conditions, *own),
            self.loops,
            self.grad,
            self.hooks > 0,
        )

    def follows(self, name: str) -> bool:
        """Whether an imported class or function is looked into, whatever it is given."""
        modules = self.globals.modules
        return modules is not None and modules.wants(name)

    def opaque(self, node: cst.CSTNode | None) -> Instance:
        made = Instance(Root.BUILT, node=node, stable=False)
        self.journal.made(made.marks)
        return made


def _elements(target: cst.BaseDelTargetExpression) -> Iterator[cst.BaseExpression]:
    if isinstance(target, cst.Tuple | cst.List):
        for element in target.elements:
            yield element.value
    else:
        yield target


def takes_all(case: cst.MatchCase) -> bool:
    """`case _:` and `case name:`."""
    return case.guard is None and isinstance(case.pattern, cst.MatchAs) and case.pattern.pattern is None


def captured(pattern: cst.CSTNode) -> Iterator[str]:
    """The names that a pattern of `case` binds."""
    match pattern:
        case cst.MatchAs(name=cst.Name(value=name)) | cst.MatchStar(name=cst.Name(value=name)):
            yield name
        case cst.MatchMapping(rest=cst.Name(value=name)):
            yield name
    for child in pattern.children:
        yield from captured(child)


def positional_parameters(params: cst.Parameters) -> list[cst.Param]:
    return [*params.posonly_params, *params.params]


def _lexical(frame: Frame) -> Frame:
    """The frame that names inside a function are looked up in: class bodies do not count."""
    current = frame
    while current.definition is not None and current.function is None and current.enclosing is not None:
        current = current.enclosing
    return current


def _rebound_names(loop: cst.CSTNode) -> set[str]:
    """The names that a loop, or its body, assigns."""
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
            case cst.For(target=target, body=body):
                _target_names(target, names)
                collect(body)
            case cst.SimpleStatementLine(body=body) | cst.IndentedBlock(body=body):
                for statement in body:
                    collect(statement)
            case cst.Expr() | cst.Return():
                return
            case cst.BaseCompoundStatement() | cst.BaseSuite() | cst.Else():
                for child in node.children:
                    collect(child)

    collect(loop)
    return names


def _target_names(target: cst.BaseExpression, names: set[str]) -> None:
    match target:
        case cst.Name(value=name):
            names.add(name)
        case cst.Tuple(elements=elements) | cst.List(elements=elements):
            for element in elements:
                _target_names(element.value, names)

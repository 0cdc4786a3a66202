"""What calls do in an abstract run: layers, builtins, torch functions, methods. Asked by `expressions.py`.

Each table maps a name to a short function; a new one is one line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import libcst as cst

from tielint import containers
from tielint.facts import Repetition, Write
from tielint.layers import CONTAINERS, LAYERS, canonical
from tielint.spelling import template
from tielint.tensor import FUNCTIONS, OPERATIONS, PROPERTIES, Arguments, Literal, origin
from tielint.values import (
    UNKNOWN,
    Bound,
    Cell,
    ClassDefinition,
    Constant,
    Each,
    FunctionDefinition,
    Instance,
    LambdaDefinition,
    Partial,
    Qualified,
    Root,
    SuperOf,
    TensorValue,
    Unknown,
    Value,
    choice,
    options,
    plain_tensor,
)

if TYPE_CHECKING:
    from tielint.visitor import Visitor


META = Constant("meta")
"""The device of tensors without values."""


class Site:
    """One call: its arguments, evaluated once."""

    def __init__(self, visitor: Visitor, node: cst.Call) -> None:
        self.visitor = visitor
        self.node = node
        self.positional: list[Value] = []
        self.nodes: list[cst.BaseExpression | None] = []
        self.keywords: dict[str, Value] = {}
        self.keyword_nodes: dict[str, cst.BaseExpression] = {}
        self.open = False
        self.repeated: Instance | None = None
        for argument in node.args:
            value = visitor.expressions.evaluate(argument.value)
            if argument.keyword is not None:
                self.keywords[argument.keyword.value] = value
                self.keyword_nodes[argument.keyword.value] = argument.value
            elif argument.star == "*":
                items: list[Value] = [UNKNOWN]
                if isinstance(value, Instance) and value.items:
                    items = list(value.items.values())
                elif isinstance(value, Each) and value.single:
                    items = list(value.lanes)
                if isinstance(value, Instance) and "repeated" in value.marks:
                    self.repeated = value
                self.positional += items
                self.nodes += [argument.value] * len(items)
                self.open = self.open or not isinstance(value, Instance) or bool(value.marks.get("open"))
            elif not argument.star:
                self.positional.append(value)
                self.nodes.append(argument.value)

    def get(self, index: int, name: str) -> Value | None:
        return self.positional[index] if index < len(self.positional) else self.keywords.get(name)

    def node_of(self, index: int, name: str) -> cst.BaseExpression | None:
        return self.nodes[index] if index < len(self.nodes) else self.keyword_nodes.get(name)

    def arguments(self, skip: int = 0) -> Arguments:
        """The call as the tensor algebra sees it; a tuple of numbers counts as the numbers."""
        positional: list[Literal] = []
        for value in self.positional[skip:]:
            positional += _literals(value)
        keywords = {name: next(iter(_literals(value)), None) for name, value in self.keywords.items()}
        for name in ("dims", "dim"):
            named = self.keywords.get(name)
            if isinstance(named, Instance) and not positional:
                positional += _literals(named)
                keywords.pop(name, None)
        return Arguments(tuple(positional), keywords, self.visitor.grad)


def _literals(value: Value) -> list[Literal]:
    if isinstance(value, Instance) and value.items is not None:
        return [literal for item in value.items.values() for literal in _literals(item)]
    literal = value.value if isinstance(value, Constant) else None
    return [literal if isinstance(literal, int | str | bool) else None]


# ---------------------------------------------------------------------- calling a value


def call_value(site: Site, function: Value) -> Value:
    """`f(...)` for whatever f is."""
    visitor = site.visitor
    match function:
        case Qualified(name=name):
            return call_qualified(site, name)
        case FunctionDefinition():
            return visitor.call_function(function, site.positional, site.keywords, site.node)
        case LambdaDefinition():
            return visitor.call_lambda(function, site.positional, site.keywords)
        case Partial():
            site.positional = [*function.positional, *site.positional]
            site.nodes = [*[None] * len(function.positional), *site.nodes]
            site.keywords = {**dict(function.keywords), **site.keywords}
            return call_value(site, function.function)
        case ClassDefinition():
            return construct(site, function)
        case Bound(receiver=receiver, function=FunctionDefinition() as method):
            own = [] if "staticmethod" in method.decorators else [receiver]
            return visitor.call_function(method, [*own, *site.positional], site.keywords, site.node)
        case Bound(receiver=receiver, name=name):
            return call_method(site, receiver, name)
    return visitor.opaque(site.node)


def construct(site: Site, definition: ClassDefinition) -> Value:
    """An object of a class of the file: its `__init__` runs here, with these arguments."""
    made = Instance(Root.BUILT, definition=definition, node=site.node)
    initialiser = definition.method("__init__")
    if initialiser:
        site.visitor.call_function(initialiser, [made, *site.positional], site.keywords, site.node)
    elif definition.layer:
        _layer_arguments(made, site, definition.layer)
    return made


def _layer_arguments(made: Instance, site: Site, layer: str) -> None:
    names = LAYERS[layer].arguments
    made.arguments = dict(zip(names, site.positional, strict=False)) | site.keywords
    if site.open or any(argument.star for argument in site.node.args):
        made.arguments = {}


def call_qualified(site: Site, name: str) -> Value:
    """A call of something imported or built in."""
    visitor = site.visitor
    if name in LAYERS:
        made = Instance(Root.BUILT, kind=name, node=site.node)
        _layer_arguments(made, site, name)
        if visitor.meta or site.keywords.get("device") == META:
            made.marks["meta"] = True
        for weight in options(site.keywords.get("_weight", UNKNOWN)):
            if isinstance(weight, TensorValue):
                visitor.events.taken_as_weight(made, weight, site.node, frozen=False)
        return made
    if name in CONTAINERS:
        return containers.made_of(site, name)
    known = _FUNCTIONS.get(name)
    if known:
        return known(site)
    if name in ("torch.equal", "torch.allclose"):
        visitor.events.compared(site.get(0, "input"), site.get(1, "other"), site.node)
    if name in CHANGE_A_LAYER:
        return _applied_to_layer(site, name)
    if name in _WEIGHT_ARGUMENT:
        index = _WEIGHT_ARGUMENT[name]
        visitor.events.used(name.rpartition(".")[2], site.get(index, "weight"), site.node)
    if name in FUNCTIONS and (site.positional or "input" in site.keywords):
        return _tensor_function(site, name.rpartition(".")[2], 0)
    package, _, short = name.rpartition(".")
    if package == "torch" and (short in _FACTORIES or short.endswith(("_like", "Tensor"))):
        return plain_tensor("", site.node)
    if package in ("torch", "torch.nn.functional", "torch.linalg", "torch.special"):
        return _computed(site)
    if package == "torch.nn.init" and site.positional:
        return site.positional[0]
    if package.startswith("torch.optim") and short[:1].isupper():
        visitor.events.optimized(site.get(0, "params") or UNKNOWN, site.node)
    if package.partition(".")[0] == "peft" and "ensure_weight_tying" not in site.keywords:
        visitor.events.adapted(site.keywords.get("modules_to_save"), site.node)
    given = _given_layers(site)
    if given or visitor.follows(name):
        imported = visitor.frame.imported(Qualified(name))
        if isinstance(imported, FunctionDefinition | ClassDefinition):
            return call_value(site, imported)
    opaque = visitor.opaque(site.node)
    if short[:1].isupper():
        opaque.kind = name
    elif given and not _is_dropped(site):
        visitor.facts.unfollowed.append(name)
    return opaque


def _is_dropped(site: Site) -> bool:
    """Whether nothing gets what a call answers."""
    statement = site.visitor.statement
    return isinstance(statement, cst.Expr) and statement.value is site.node


def _given_layers(site: Site) -> bool:
    """Whether a call hands over Parameters, or modules that the code made or knows."""
    for value in (*site.positional, *site.keywords.values()):
        for option in options(value):
            match option:
                case TensorValue(cell=cell) if cell.parameter:
                    return True
                case Instance(kind=kind, definition=definition) if definition or kind in LAYERS or kind in CONTAINERS:
                    return True
    return False


def _tensor_function(site: Site, operation: str, position: int) -> Value:
    named = position >= len(site.positional)
    tensor = _tensor(site, site.keywords["input"] if named else site.positional[position])
    if tensor is None:
        return site.visitor.opaque(site.node)
    arguments = site.arguments()
    rest = arguments.positional if named else arguments.positional[:position] + arguments.positional[position + 1 :]
    return site.visitor.expressions.operate(
        operation, tensor, Arguments(rest, arguments.keywords, arguments.grad), site.node
    )


def _tensor(site: Site, value: Value) -> TensorValue | None:
    match value:
        case TensorValue():
            return value
        case Instance() if site.visitor.expressions.may_be_tensor(value) and value.root is not Root.BUILT:
            return site.visitor.expressions.as_tensor(value)
    return None


def _computed(site: Site) -> Value:
    """A torch function that the algebra has no line for: it computes something new from its tensors."""
    for value in [*site.positional, *site.keywords.values()]:
        if isinstance(value, TensorValue) and (value.cell.parameter or value.cell.presumed):
            return site.visitor.expressions.operate("computed", value, Arguments(grad=site.visitor.grad), site.node)
    return plain_tensor("", site.node)


def _parameter(site: Site) -> Value:
    value = site.get(0, "data")
    flags = [site.positional[1]] if len(site.positional) > 1 else []
    flag = site.keywords.get("requires_grad")
    keywords = {} if flag is None else {"requires_grad": next(iter(_literals(flag)), None)}
    arguments = Arguments(tuple(x for f in flags for x in _literals(f)), keywords, site.visitor.grad)
    results: list[Value] = []
    for option in options(value) if value is not None else ():
        tensor = _tensor(site, option)
        if tensor is None:
            tensor = plain_tensor("", site.node)
        if not tensor.cell.parameter and tensor.cell.presumed:
            tensor = plain_tensor(tensor.cell.name, site.node)
        results.append(site.visitor.expressions.operate("Parameter", tensor, arguments, site.node))
    if not results:
        return site.visitor.expressions.operate("Parameter", plain_tensor("", site.node), arguments, site.node)
    return choice(results)


def _from_pretrained(site: Site) -> Value:
    made = Instance(Root.BUILT, kind="torch.nn.Embedding", node=site.node)
    weight, freeze = site.get(0, "embeddings"), site.get(1, "freeze")
    frozen = freeze is None or freeze == Constant(True)
    if isinstance(weight, TensorValue):
        site.visitor.events.taken_as_weight(made, weight, site.node, frozen=frozen)
    if frozen:
        made.marks["frozen"] = True
    return made


def _deepcopy(site: Site) -> Value:
    value = site.get(0, "x")
    if isinstance(value, TensorValue):
        return site.visitor.expressions.operate("deepcopy", value, Arguments(grad=site.visitor.grad), site.node)
    if isinstance(value, Instance):
        made = Instance(Root.BUILT, kind=value.kind, definition=value.definition, node=site.node, stable=value.stable)
        made.arguments = dict(value.arguments)
        made.items = None if value.items is None else {}
        made.marks = {"open": True, "copy_of": value}
        return made
    return site.visitor.opaque(site.node)


def _setattr(site: Site) -> Value:
    if len(site.positional) == 3:
        site.visitor.stores.on_one(site.positional[0], lambda receiver: _set_by_name(site, receiver, 1))
    return Constant(None)


def _set_by_name(site: Site, receiver: Value, position: int) -> None:
    """position: of the name among the arguments; the value is behind it."""
    name, value = _attribute_name(site, position), site.positional[position + 1]
    if name is not None:
        site.visitor.stores.store_attribute(receiver, name, value, site.nodes[position + 1])
    elif isinstance(receiver, Instance):
        site.visitor.stores.store_unnamed(receiver, value, site.node)


def _einsum(site: Site) -> Value:
    """Of one operand, a rearrangement; of several, a product."""
    if len(site.positional) == 2:
        return _tensor_function(site, "einsum", 1)
    for operand in site.positional[1:]:
        site.visitor.events.used("einsum", operand, site.node)
    return _computed(site)


def _attribute_name(site: Site, index: int) -> str | None:
    """The name of an attribute that is given as a value; a computed one by its expression: `enc{k}` of `f"enc{k}"`."""
    value = site.get(index, "")
    if isinstance(value, Constant) and isinstance(value.value, str):
        return value.value
    node = site.nodes[index] if index < len(site.nodes) else None
    return template(node) if isinstance(node, cst.FormattedString) else None


def _getattr(site: Site) -> Value:
    name = _attribute_name(site, 1)
    if site.positional and name is not None:
        return choice(site.visitor.expressions.attribute(o, name, site.node) for o in options(site.positional[0]))
    return site.visitor.opaque(site.node)


def _delattr(site: Site) -> Value:
    given = site.get(1, "")
    name = given.value if isinstance(given, Constant) and isinstance(given.value, str) else None
    if site.positional:
        stores = site.visitor.stores
        stores.on_one(site.positional[0], lambda receiver: stores.delete_attribute(receiver, name))
    return Constant(None)


def _super(site: Site) -> Value:
    frame = site.visitor.frame
    while frame.function is not None and frame.receiver is None and frame.enclosing is not None:
        frame = frame.enclosing
    if isinstance(frame.receiver, Instance) and frame.definition is not None:
        return SuperOf(frame.receiver, frame.definition)
    return UNKNOWN


def _zip(site: Site) -> Value:
    lanes = []
    for value in site.positional:
        drawn = site.visitor.expressions.element_of(value, site.node)
        lanes.append(drawn.lanes[0] if isinstance(drawn, Each) and drawn.single else drawn)
    columns = [turns(value) for value in site.positional]
    rows = tuple(Each(row, single=False) for row in zip(*columns, strict=False)) if all(columns) else ()
    return Each(tuple(lanes), single=False, rows=rows)


def _enumerate(site: Site) -> Value:
    drawn = site.visitor.expressions.element_of(site.positional[0], site.node) if site.positional else UNKNOWN
    if isinstance(drawn, Each) and drawn.single:
        drawn = drawn.lanes[0]
    elif isinstance(drawn, Each):
        drawn = Instance(Root.BUILT, items=dict(enumerate(drawn.lanes)))
    return Each((Unknown("index"), drawn), single=False)


def _through(site: Site) -> Value:
    """`list(x)`, `reversed(x)`, `iter(x)`: the same elements, no longer told apart by index."""
    return site.positional[0] if site.positional and isinstance(site.positional[0], Each) else _elements(site)


def _elements(site: Site) -> Value:
    if not site.positional:
        return Instance(Root.BUILT, items={}, node=site.node, marks={"loops": site.visitor.loops})
    value = site.positional[0]
    anew = isinstance(site.nodes[0], cst.GeneratorExp | cst.ListComp) and not _reverses(site)
    if isinstance(value, Instance) and (anew or "repeated" in value.marks):
        return value
    if isinstance(value, Instance) and value.items is not None and not value.marks.get("open"):
        marks: dict[str, object] = {"loops": site.visitor.loops, "place": (value, "(elements)")}
        copied = Instance(Root.BUILT, items=dict(value.items), node=site.node, marks=marks)
        if _reverses(site):
            copied.items = dict(enumerate(reversed(list(value.items.values()))))
        return copied
    drawn = site.visitor.expressions.element_of(value, site.node)
    return drawn if isinstance(drawn, Each) else Each((drawn,))


def _reverses(site: Site) -> bool:
    return isinstance(site.node.func, cst.Name) and site.node.func.value == "reversed"


def turns(iterated: Value) -> list[Value]:
    """The values that a loop draws one after the other, where all of them are known."""
    match iterated:
        case Instance(items=dict() as items) if items and not iterated.marks.get("open"):
            return list(items.values())
        case Each(rows=rows):
            return list(rows)
    return []


def _next(site: Site) -> Value:
    value = site.positional[0] if site.positional else UNKNOWN
    return value.lanes[0] if isinstance(value, Each) and value.single else site.visitor.opaque(site.node)


def _range(site: Site) -> Value:
    return Each((Unknown("index"),))


def _mapping(site: Site) -> Value:
    made = Instance(Root.BUILT, items={}, node=site.node, marks={"loops": site.visitor.loops})
    if site.positional and isinstance(site.positional[0], Instance) and site.positional[0].items is not None:
        return site.positional[0]
    for name, value in site.keywords.items():
        containers.append(site.visitor, made, value)
        made.attributes[f"[{name!r}]"] = value
    made.marks["open"] = True
    return made


def _chain(site: Site) -> Value:
    """`itertools.chain(a, b)`, and `a + b` of what can only be iterated: the parts side by side."""
    return Instance(Root.BUILT, items=dict(enumerate(site.positional)), node=site.node, marks={"open": True})


def _partial(site: Site) -> Value:
    if not site.positional:
        return UNKNOWN
    return Partial(site.positional[0], tuple(site.positional[1:]), tuple(site.keywords.items()))


def _device(site: Site) -> Value:
    """A device is known by its name."""
    return site.get(0, "device") or UNKNOWN


def _empty_weights(site: Site) -> Value:
    return META


def _set_default_device(site: Site) -> Value:
    site.visitor.meta = site.get(0, "device") == META
    return Constant(None)


def _cast(site: Site) -> Value:
    return site.positional[1] if len(site.positional) > 1 else UNKNOWN


_FACTORIES = frozenset(
    [
        "rand",
        "randn",
        "randint",
        "empty",
        "zeros",
        "ones",
        "full",
        "eye",
        "arange",
        "linspace",
        "normal",
        "randperm",
        "from_numpy",
        "Tensor",
    ]
)


def _repeated(site: Site, position: int) -> Value:
    """`repeat(layer, n)`, `dict.fromkeys(names, layer)`."""
    value = site.positional[position] if position < len(site.positional) else UNKNOWN
    repetition = Repetition(site.node, site.visitor.here())
    return Instance(Root.BUILT, items={0: value}, node=site.node, marks={"open": True, "repeated": repetition})


_FUNCTIONS: dict[str, Callable[[Site], Value]] = {
    "torch.compile": lambda site: site.get(0, "model") or UNKNOWN,
    "torch.einsum": _einsum,
    "torch.nn.Parameter": _parameter,
    "copy.deepcopy": _deepcopy,
    "torch.device": _device,
    "torch.set_default_device": _set_default_device,
    "accelerate.init_empty_weights": _empty_weights,
    "accelerate.big_modeling.init_empty_weights": _empty_weights,
    "torch.nn.Embedding.from_pretrained": _from_pretrained,
    "functools.partial": _partial,
    "itertools.chain": _chain,
    "itertools.repeat": lambda site: _repeated(site, 0),
    "builtins.dict.fromkeys": lambda site: _repeated(site, 1),
    "collections.OrderedDict.fromkeys": lambda site: _repeated(site, 1),
    "typing.cast": _cast,
    "builtins.setattr": _setattr,
    "builtins.getattr": _getattr,
    "builtins.delattr": _delattr,
    "builtins.super": _super,
    "builtins.zip": _zip,
    "builtins.enumerate": _enumerate,
    "builtins.reversed": _through,
    "builtins.list": _through,
    "builtins.tuple": _through,
    "builtins.iter": _through,
    "builtins.sorted": _through,
    "builtins.next": _next,
    "builtins.range": _range,
    "builtins.dict": _mapping,
    "collections.OrderedDict": _mapping,
}

CHANGE_A_LAYER = frozenset(
    [
        *(f"torch.nn.utils.{name}" for name in ("weight_norm", "spectral_norm")),
        *(f"torch.nn.utils.parametrizations.{name}" for name in ("weight_norm", "spectral_norm", "orthogonal")),
        "torch.nn.utils.parametrize.register_parametrization",
        *(
            f"torch.nn.utils.prune.{name}"
            for name in (
                "l1_unstructured",
                "random_unstructured",
                "ln_structured",
                "random_structured",
                "custom_from_mask",
                "identity",
            )
        ),
    ]
)
"""Functions that turn a layer's Parameter into a tensor computed from others."""

_WEIGHT_ARGUMENT = {
    "torch.nn.functional.linear": 1,
    "torch.nn.functional.embedding": 1,
    "torch.nn.functional.bilinear": 2,
    **{f"torch.nn.functional.conv{kind}{n}d": 1 for kind in ("", "_transpose") for n in (1, 2, 3)},
    **{f"torch.{name}": 1 for name in ("matmul", "mm", "conv1d", "conv2d", "conv3d", "conv_transpose2d")},
}
"""Where functions that compute a layer take its weight."""

BUILTINS = frozenset(name.partition(".")[2] for name in _FUNCTIONS if name.startswith("builtins.")) | {
    "isinstance",
    "object",
    "len",
    "print",
    "property",
    "staticmethod",
    "classmethod",
    "Exception",
    "str",
    "int",
    "float",
    "bool",
    "type",
}


# ---------------------------------------------------------------------- calling a method


def call_method(site: Site, receiver: Value, name: str) -> Value:
    """`receiver.name(...)`."""
    visitor = site.visitor
    match receiver:
        case Qualified(name=package):
            full = canonical(f"{package}.{name}")
            if (package in LAYERS or package == "torch.nn.Module") and full not in _FUNCTIONS:
                return _explicit_base_call(site, package, name)
            return call_qualified(site, full)
        case TensorValue():
            return _tensor_method(site, receiver, name)
        case SuperOf(receiver=instance, below=below):
            return _super_method(site, instance, below, name)
        case ClassDefinition():
            function = receiver.method(name)
            if function:
                return visitor.call_function(function, site.positional, site.keywords, site.node)
        case Bound(receiver=Instance() as instance, name="_parameters" | "_modules"):
            return _table_method(site, instance, name)
        case Instance():
            return _instance_method(site, receiver, name)
    return visitor.opaque(site.node)


def _explicit_base_call(site: Site, base: str, name: str) -> Value:
    receiver = site.positional[0] if site.positional else UNKNOWN
    if name == "__init__" and isinstance(receiver, Instance) and base in LAYERS:
        names = LAYERS[base].arguments
        receiver.arguments = dict(zip(names, site.positional[1:], strict=False)) | site.keywords
    if name == "__setattr__" and len(site.positional) == 3:
        return _setattr(site)
    return Constant(None)


def _applied_to_layer(site: Site, name: str) -> Value:
    """`weight_norm(layer)` and the like: they change the layer's Parameters and return the layer."""
    layer = site.positional[0] if site.positional else site.keywords.get("module", UNKNOWN)
    for option in options(layer):
        if isinstance(option, TensorValue):
            site.visitor.events.not_a_module(name, option, site.node)
        elif isinstance(option, Instance):
            site.visitor.events.wrapped(name, option, site.node)
    return layer


def _super_method(site: Site, instance: Instance, below: ClassDefinition, name: str) -> Value:
    function = instance.definition.method_above(below, name) if instance.definition else None
    if function:
        return site.visitor.call_function(function, [instance, *site.positional], site.keywords, site.node)
    if name == "__init__" and instance.definition and instance.definition.layer:
        _layer_arguments(instance, site, instance.definition.layer)
    method = _MODULE_METHODS.get(name)
    return method(site, instance) if method else site.visitor.opaque(site.node)


def _tensor_method(site: Site, receiver: TensorValue, name: str) -> Value:
    visitor = site.visitor
    if name == "copy_":
        source = site.get(0, "src")
        if source is not None:
            visitor.stores.write(Write.COPY, receiver, source, site.node_of(0, "src"))
        return receiver
    if name == "set_":
        source = site.get(0, "source")
        if source is not None and receiver.state.is_parameter:
            visitor.stores.write(Write.SET, receiver, source, site.node_of(0, "source"))
        return receiver
    if name == "requires_grad_":
        flag = site.get(0, "requires_grad")
        visitor.stores.freeze(receiver, flag == Constant(False))
    if name in (
        "size",
        "dim",
        "numel",
        "element_size",
        "stride",
        "item",
        "tolist",
        "numpy",
        "is_contiguous",
        "backward",
    ):
        return UNKNOWN
    if name in PROPERTIES:
        return UNKNOWN
    return visitor.expressions.operate(name, receiver, site.arguments(), site.node)


def _instance_method(site: Site, receiver: Instance, name: str) -> Value:
    visitor = site.visitor
    definition = receiver.definition
    stored = receiver.attributes.get(name)
    if definition and stored is None:
        function = definition.method(name)
        if function and not function.decorators & {"property", "cached_property"}:
            own = [] if "staticmethod" in function.decorators else [receiver]
            return visitor.call_function(function, [*own, *site.positional], site.keywords, site.node)
    if stored is not None:
        return visitor.opaque(site.node)
    if name in _MODULE_METHODS:
        return _MODULE_METHODS[name](site, receiver)
    if name in OPERATIONS and visitor.expressions.may_be_tensor(receiver) and name not in _MOVES:
        return _tensor_method(site, visitor.expressions.as_tensor(receiver), name)
    if name == "copy_" and visitor.expressions.may_be_tensor(receiver):
        return _tensor_method(site, visitor.expressions.as_tensor(receiver), name)
    return visitor.opaque(site.node)


_MOVES = frozenset(["to", "type", "float", "double", "half", "bfloat16", "cpu", "cuda"])


def _itself(site: Site, receiver: Instance) -> Value:
    return receiver


def _to(site: Site, receiver: Instance) -> Value:
    if META in (*site.positional, *site.keywords.values()):
        site.visitor.journal.set(receiver.marks, "meta", True)
    return receiver


def _freeze(site: Site, receiver: Instance) -> Value:
    flag = site.get(0, "requires_grad")
    site.visitor.journal.set(receiver.marks, "frozen", flag == Constant(False))
    return receiver


def _register_parameter(site: Site, receiver: Instance) -> Value:
    name, value = site.get(0, "name"), site.get(1, "param")
    if isinstance(value, TensorValue) and not isinstance(name, Constant):
        site.visitor.stores.adopt_parameter(receiver, value.cell)
    if isinstance(name, Constant) and isinstance(name.value, str) and value is not None:
        node = site.node_of(1, "param")
        site.visitor.stores.store_attribute(receiver, name.value, value, node, Write.REGISTER)
    return Constant(None)


def _register_buffer(site: Site, receiver: Instance) -> Value:
    name, value = site.get(0, "name"), site.get(1, "tensor")
    if isinstance(name, Constant) and isinstance(name.value, str) and value is not None:
        for option in options(value):
            if isinstance(option, TensorValue):
                site.visitor.events.kept(receiver, name.value, option, site.node)
        site.visitor.journal.set(receiver.attributes, name.value, value)
    return Constant(None)


def _state_dict(site: Site, receiver: Instance) -> Value:
    return Instance(Root.BUILT, node=site.node, stable=False, marks={"state_of": receiver})


def _load_state_dict(site: Site, receiver: Instance) -> Value:
    for state in options(site.get(0, "state_dict") or UNKNOWN):
        source = state.marks.get("state_of") if isinstance(state, Instance) else None
        if isinstance(source, Instance):
            site.visitor.events.state_loaded(receiver, source, site.node)
    if site.get(2, "assign") == Constant(True):
        site.visitor.events.remade("load_state_dict(…, assign=True)", receiver, site.node)
    return site.visitor.opaque(site.node)


def _to_empty(site: Site, receiver: Instance) -> Value:
    site.visitor.events.remade("to_empty", receiver, site.node, on_meta=True)
    return receiver


def _run_hook(site: Site, receiver: Instance) -> Value:
    """A forward hook runs at every forward pass of its module, with the module as its first argument."""
    if site.positional:
        hook = Site(site.visitor, site.node.with_changes(args=[]))
        hook.positional = [receiver, UNKNOWN, UNKNOWN]
        hook.nodes = [None] * 3
        site.visitor.hooks += 1
        for option in options(site.positional[0]):
            call_value(hook, option)
        site.visitor.hooks -= 1
    return site.visitor.opaque(site.node)


def _add_module(site: Site, receiver: Instance) -> Value:
    name, module = site.get(0, "name"), site.get(1, "module")
    if module is not None:
        if isinstance(name, Constant) and isinstance(name.value, str):
            site.visitor.stores.store_attribute(receiver, name.value, module, None)
        else:
            site.visitor.stores.store_unnamed(receiver, module, site.node)
        if receiver.items is not None:
            containers.append(site.visitor, receiver, module)
    return Constant(None)


def _append(site: Site, receiver: Instance, position: int = 0) -> Value:
    if len(site.positional) > position:
        containers.notice_same_element(
            site.visitor, receiver, site.positional[position], site.nodes[position], site.node
        )
        containers.append(site.visitor, receiver, site.positional[position])
    return receiver


def _extend(site: Site, receiver: Instance) -> Value:
    if site.positional:
        node = site.nodes[0]
        if node is not None:
            containers.notice_same_elements(site.visitor, receiver, site.positional[0], node, site.node)
        containers.extend(site.visitor, receiver, site.positional[0])
    return receiver


def _insert(site: Site, receiver: Instance) -> Value:
    site.visitor.journal.set(receiver.marks, "open", True)
    return _append(site, receiver, 1)


def _update(site: Site, receiver: Instance) -> Value:
    """`layers.update({"a": layer})`, `layers.update(a=layer)`."""
    if receiver.items is not None:
        if site.positional:
            containers.extend(site.visitor, receiver, site.positional[0])
        for value in site.keywords.values():
            containers.append(site.visitor, receiver, value)
    return Constant(None)


def _values(site: Site, receiver: Instance) -> Value:
    return Each((site.visitor.expressions.item(receiver, None, f"each {id(site.node)}", stable=False),))


def _items(site: Site, receiver: Instance) -> Value:
    return Each(
        (Unknown("key"), site.visitor.expressions.item(receiver, None, f"each {id(site.node)}", stable=False)),
        single=False,
    )


def _modules(site: Site, receiver: Instance) -> Value:
    part = Instance(Root.PART, marks={"place": (receiver, f".modules()[each {id(site.node)}]")}, stable=False)
    return Each((part,))


def _named_modules(site: Site, receiver: Instance) -> Value:
    part = Instance(Root.PART, marks={"place": (receiver, f".modules()[each {id(site.node)}]")}, stable=False)
    return Each((Unknown("name"), part), single=False)


def _set_attribute(site: Site, receiver: Instance) -> Value:
    """`module.__setattr__("weight", value)`."""
    if len(site.positional) == 2:
        _set_by_name(site, receiver, 0)
    return Constant(None)


def _any_parameter(receiver: Instance) -> TensorValue:
    known = receiver.marks.get("parameters")
    if isinstance(known, TensorValue):
        return known
    value = TensorValue(Cell("*", receiver, presumed=True), origin())
    receiver.marks["parameters"] = value
    return value


def _parameters(site: Site, receiver: Instance) -> Value:
    return Each((_any_parameter(receiver),))


def _named_parameters(site: Site, receiver: Instance) -> Value:
    return Each((Unknown("name"), _any_parameter(receiver)), single=False)


def _walk(site: Site, receiver: Instance) -> Value:
    path = site.get(0, "target")
    value: Value = receiver
    if not isinstance(path, Constant) or not isinstance(path.value, str):
        return site.visitor.opaque(site.node)
    for step in path.value.split("."):
        value = site.visitor.expressions.attribute(value, step, site.node)
    return value


def _get(site: Site, receiver: Instance) -> Value:
    key = site.get(0, "key")
    constant = key.value if isinstance(key, Constant) else None
    return site.visitor.expressions.item(receiver, constant, repr(constant), stable=constant is not None)


def _table_method(site: Site, instance: Instance, name: str) -> Value:
    key = site.get(0, "key")
    if name == "pop":
        site.visitor.stores.delete_attribute(instance, str(key.value) if isinstance(key, Constant) else None)
    elif name == "get" and isinstance(key, Constant):
        return site.visitor.expressions.attribute(instance, str(key.value), site.node)
    return site.visitor.opaque(site.node)


_MODULE_METHODS: dict[str, Callable[[Site, Instance], Value]] = {
    "to": _to,
    "cuda": _itself,
    "cpu": _itself,
    "half": _itself,
    "float": _itself,
    "double": _itself,
    "bfloat16": _itself,
    "train": _itself,
    "eval": _itself,
    "apply": _itself,
    "to_empty": _to_empty,
    "register_forward_pre_hook": _run_hook,
    "register_forward_hook": _run_hook,
    "requires_grad_": _freeze,
    "register_parameter": _register_parameter,
    "register_buffer": _register_buffer,
    "state_dict": _state_dict,
    "load_state_dict": _load_state_dict,
    "__setattr__": _set_attribute,
    "add_module": _add_module,
    "register_module": _add_module,
    "append": _append,
    "extend": _extend,
    "insert": _insert,
    "update": _update,
    "children": _values,
    "values": _values,
    "items": _items,
    "modules": _modules,
    "named_modules": _named_modules,
    "named_children": _items,
    "parameters": _parameters,
    "named_parameters": _named_parameters,
    "get_parameter": _walk,
    "get_submodule": _walk,
    "get": _get,
}

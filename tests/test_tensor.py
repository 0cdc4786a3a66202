"""Holds the tensor algebra against PyTorch: random chains of operations run in both, and torch is right.

Every operation of the table is drawn, with the spellings of its arguments that real code uses.
"""

from __future__ import annotations

import copy
import importlib.util
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, cast

import pytest
import torch
from hypothesis import assume, given, note, reject, settings
from hypothesis import strategies as st
from torch import nn

from tielint.tensor import (
    FUNCTIONS,
    INPLACE_NEUTRAL,
    OPERATIONS,
    PROPERTIES,
    Arguments,
    Literal,
    Storage,
    Tensor,
    apply,
    copying_operations,
    origin,
)

pytestmark = pytest.mark.filterwarnings("ignore")

MISSING = {
    "rearrange": importlib.util.find_spec("einops") is None,
    "cuda": not torch.cuda.is_available(),
}
DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
LARGEST = 4096

Drawn = TypeVar("Drawn")


def checked(examples: int) -> settings:
    return settings(max_examples=examples, derandomize=True, database=None, deadline=None)


class Draw(Protocol):
    """`data.draw` of hypothesis."""

    def __call__(self, strategy: st.SearchStrategy[Drawn], label: object = None, /) -> Drawn: ...


class ImpossibleError(Exception):
    """The operation has no valid arguments for this tensor."""


# ---------------------------------------------------------------------- how operations are spelled


@dataclass(frozen=True, slots=True)
class Call:
    """The arguments of an operation; `method` where another method spells it, such as an index."""

    args: tuple[object, ...] = ()
    keywords: Mapping[str, object] = field(default_factory=dict)
    method: str = ""

    def told(self, grad: bool) -> Arguments:
        """What the source tells of it: numbers, strings, flags, and tuples of numbers as the numbers."""
        if self.method:
            return Arguments(grad=grad)
        positional, keywords = list(_literals(self.args)), dict(self.keywords)
        if not positional and isinstance(keywords.get("dims"), tuple):
            positional += _literals(keywords.pop("dims"))
        named = {name: next(iter(_literals(value)), None) for name, value in keywords.items()}
        return Arguments(tuple(positional), named, grad)


def _literals(value: object) -> Iterable[Literal]:
    if isinstance(value, tuple | list):
        return [literal for item in value for literal in _literals(item)]
    return [value if isinstance(value, int | str) else None]


Spelling = Callable[[Draw, torch.Tensor], Call]


def one_of(*calls: Call) -> Spelling:
    return lambda draw, x: draw(st.sampled_from(calls))


def axis(draw: Draw, x: torch.Tensor) -> int:
    if x.dim() == 0:
        raise ImpossibleError
    return draw(st.integers(-x.dim(), x.dim() - 1))


def two_axes(first: str, second: str) -> Spelling:
    def spelled(draw: Draw, x: torch.Tensor) -> Call:
        one, other = axis(draw, x), axis(draw, x)
        return draw(
            st.sampled_from(
                (
                    Call((one, other)),
                    Call(keywords={first: one, second: other}),
                    Call(keywords={second: other, first: one}),
                    Call((one,), {second: other}),
                )
            )
        )

    return spelled


def one_axis(draw: Draw, x: torch.Tensor) -> Call:
    return Call((axis(draw, x),))


def order(draw: Draw, x: torch.Tensor) -> tuple[int, ...]:
    axis(draw, x)
    shuffled = draw(st.permutations(range(x.dim())))
    return tuple(i - x.dim() if draw(st.booleans()) else i for i in shuffled)


def permuted(draw: Draw, x: torch.Tensor) -> Call:
    axes = order(draw, x)
    return draw(st.sampled_from((Call(axes), Call((axes,)), Call((list(axes),)), Call(keywords={"dims": axes}))))


def moved(draw: Draw, x: torch.Tensor) -> Call:
    if draw(st.booleans()):
        return two_axes("source", "destination")(draw, x)
    count = draw(st.integers(1, max(1, x.dim())))
    return Call((order(draw, x)[:count], order(draw, x)[:count]))


def matrix(draw: Draw, x: torch.Tensor) -> Call:
    """A transpose of the last two axes; of a number, PyTorch takes it too and will not for long."""
    if x.dim() < 2:
        raise ImpossibleError
    return Call()


def equation(draw: Draw, x: torch.Tensor) -> Call:
    """A transpose, an implicit output, an ellipsis, a sum or a diagonal."""
    axis(draw, x)
    letters = list(draw(st.permutations("ijkHlmn"[: max(x.dim(), 2)])))[: x.dim()]
    after = draw(st.permutations(letters))
    kind = draw(st.sampled_from(("full", "full", "spaced", "implicit", "ellipsis", "sum", "diagonal")))
    if kind == "diagonal" and x.dim() > 1:
        letters[1] = letters[0]
        after = draw(st.permutations(sorted(set(letters))))
    text = f"{''.join(letters)}->{''.join(after)}"
    if kind == "spaced":
        text = f"{' '.join(letters)} -> {' '.join(after)}"
    elif kind == "implicit":
        text = "".join(letters)
    elif kind == "ellipsis":
        kept = draw(st.permutations(letters[1:]))
        text = draw(
            st.sampled_from((f"...{''.join(letters[1:])}->{''.join(kept)}...", f"{letters[0]}...->...{letters[0]}"))
        )
    elif kind == "sum":
        text = f"{''.join(letters)}->{''.join(after[1:])}"
    return Call((text,))


def pattern(draw: Draw, x: torch.Tensor) -> Call:
    axis(draw, x)
    names = ["out", "in", "h", "w", "e", "f", "g"][: x.dim()]
    after = draw(st.permutations(names))
    before, turned = " ".join(names), " ".join(after)
    texts = [f"{before} -> {turned}", f"{before} -> {before}", f"{before} -> ({turned})", f"{before} -> 1 {turned}"]
    texts += [f"({names[0]}) {' '.join(names[1:])} -> {before}", f"... {names[-1]} -> {names[-1]} ...", "... -> ..."]
    text = draw(st.sampled_from(texts))
    return Call((text,)) if draw(st.booleans()) else Call(keywords={"pattern": text})


def shape(draw: Draw, x: torch.Tensor) -> tuple[int, ...]:
    """Another shape of as many elements."""
    axis(draw, x)
    sizes = tuple(x.shape)
    shapes: list[tuple[int, ...]] = [sizes, (-1,), (x.numel(),), (*sizes, 1), (1, *sizes)]
    if len(sizes) > 1:
        shapes += [(sizes[0], -1), (-1, sizes[-1]), (sizes[0] * sizes[1], *sizes[2:]), sizes[::-1]]
    return draw(st.sampled_from(shapes))


def shaped(draw: Draw, x: torch.Tensor) -> Call:
    sizes = shape(draw, x)
    return Call(sizes) if draw(st.booleans()) else Call((sizes,))


def like(draw: Draw, x: torch.Tensor) -> Call:
    return Call((torch.zeros(x.numel()).reshape(shape(draw, x)),))


def flattened(draw: Draw, x: torch.Tensor) -> Call:
    i = axis(draw, x)
    return draw(st.sampled_from((Call(), Call((0,)), Call((0, -1)), Call((i, i)), Call(keywords={"start_dim": i}))))


def squeezed(draw: Draw, x: torch.Tensor) -> Call:
    return draw(st.sampled_from((Call(), Call((axis(draw, x),)), Call(keywords={"dim": axis(draw, x)}))))


def unsqueezed(draw: Draw, x: torch.Tensor) -> Call:
    return Call((draw(st.integers(-x.dim() - 1, x.dim())),))


def unflattened(draw: Draw, x: torch.Tensor) -> Call:
    return Call((axis(draw, x), draw(st.sampled_from(((1, -1), (-1, 1), (2, -1))))))


def larger(draw: Draw, x: torch.Tensor) -> tuple[int, ...]:
    if x.dim() == 0 or x.numel() > LARGEST:
        raise ImpossibleError
    return draw(st.sampled_from(((2, *x.shape), (1, *x.shape), tuple(x.shape))))


def expanded(draw: Draw, x: torch.Tensor) -> Call:
    sizes = larger(draw, x)
    return draw(st.sampled_from((Call(sizes), Call((sizes,)), Call((-1,) * x.dim()))))


def memory_format(draw: Draw, x: torch.Tensor) -> Call:
    formats = [torch.contiguous_format, torch.channels_last] if x.dim() == 4 else [torch.contiguous_format]
    return draw(st.sampled_from([Call(), Call(), *(Call(keywords={"memory_format": chosen}) for chosen in formats)]))


def moved_to(draw: Draw, x: torch.Tensor) -> Call:
    dtype = draw(st.sampled_from((x.dtype, *DTYPES)))
    calls = (
        Call((dtype,)),
        Call(("cpu",)),
        Call(("cpu", dtype)),
        Call((), {"dtype": dtype}),
        Call((), {"device": "cpu", "dtype": dtype}),
        Call((torch.zeros(1, dtype=dtype),)),
        Call((dtype,), {"copy": True}),
        Call((dtype,), {"copy": False, "non_blocking": True}),
        Call((dtype, False, True)),
        Call(("cpu", dtype, False, True)),
        Call((dtype,), dict(memory_format(draw, x).keywords)),
    )
    return draw(st.sampled_from(calls))


def typed(draw: Draw, x: torch.Tensor) -> Call:
    names = ("torch.FloatTensor", "torch.DoubleTensor", "torch.HalfTensor")
    return Call((draw(st.sampled_from((x.dtype, *DTYPES, *names))),))


def typed_as(draw: Draw, x: torch.Tensor) -> Call:
    return Call((torch.zeros(1, dtype=draw(st.sampled_from((x.dtype, *DTYPES)))),))


def as_tensor(draw: Draw, x: torch.Tensor) -> Call:
    dtype = draw(st.sampled_from((x.dtype, *DTYPES)))
    return draw(st.sampled_from((Call(), Call((), {"dtype": dtype}), Call((), {"device": "cpu"}))))


def as_array(draw: Draw, x: torch.Tensor) -> Call:
    dtype = draw(st.sampled_from((x.dtype, *DTYPES)))
    options = {"dtype": dtype, "copy": True, "requires_grad": draw(st.booleans())}
    return Call((), {name: options[name] for name in draw(st.sets(st.sampled_from(sorted(options))))})


def copied(draw: Draw, x: torch.Tensor) -> Call:
    calls = (Call(), Call((), {"requires_grad": draw(st.booleans())}), Call((), {"dtype": torch.float64}))
    return draw(st.sampled_from(calls))


def newly_filled(draw: Draw, x: torch.Tensor) -> Call:
    values = draw(st.sampled_from(([7.0, 8.0], [[9, 10]], 11.0, x.detach().clone())))
    return Call((values,), dict(draw(st.sampled_from(({}, {"requires_grad": True}, {"requires_grad": False})))))


switch = one_of(
    Call(), *(Call((on,)) for on in (True, False)), *(Call((), {"requires_grad": on}) for on in (True, False))
)
plain = one_of(Call())


def index(*keys: object) -> Call:
    return Call(keys if len(keys) == 1 else (keys,), method="__getitem__")


def aliased(draw: Draw, x: torch.Tensor) -> Call:
    return index(draw(st.sampled_from((slice(None), ...))) if x.dim() else ...)


def narrowed(draw: Draw, x: torch.Tensor) -> Call:
    i = axis(draw, x)
    start = draw(st.integers(0, x.shape[i] - 1))
    length = draw(st.integers(1, x.shape[i] - start))
    cut = (slice(None),) * (i % x.dim()) + (slice(start, start + length),)
    calls = (Call((i, start, length)), Call((i,), {"start": start, "length": length}))
    return draw(st.sampled_from((*calls, index(*cut), index(..., slice(0, 1)), index(slice(None, None, 2)))))


def selected(draw: Draw, x: torch.Tensor) -> Call:
    i = axis(draw, x)
    return draw(st.sampled_from((Call((i, 0)), Call((i, -1)), Call((), {"dim": i, "index": 1}), index(0), index(-1))))


def split(draw: Draw, x: torch.Tensor) -> Call:
    return Call((draw(st.integers(1, 2)), axis(draw, x)))


def unfolded(draw: Draw, x: torch.Tensor) -> Call:
    i = axis(draw, x)
    return Call((i, draw(st.integers(1, x.shape[i])), 1))


def diagonal(draw: Draw, x: torch.Tensor) -> Call:
    one, other = axis(draw, x), axis(draw, x)
    return draw(st.sampled_from((Call(), Call((0, one, other)), Call((), {"dim1": one, "dim2": other}))))


def index_selected(draw: Draw, x: torch.Tensor) -> Call:
    i = axis(draw, x)
    rows = torch.tensor(draw(st.lists(st.integers(0, x.shape[i] - 1), min_size=1, max_size=3)))
    return draw(st.sampled_from((Call((i, rows)), index([0, x.shape[0] - 1]), index(torch.tensor([0])))))


def gathered(draw: Draw, x: torch.Tensor) -> Call:
    return Call((axis(draw, x), torch.zeros(x.shape, dtype=torch.long)))


def taken(draw: Draw, x: torch.Tensor) -> Call:
    return Call((torch.tensor([0, x.numel() - 1]),))


def masked(draw: Draw, x: torch.Tensor) -> Call:
    mask = torch.arange(x.numel()).reshape(x.shape) % 2 == 0
    return draw(st.sampled_from((Call((mask,)), index(mask))))


def operand(draw: Draw, x: torch.Tensor) -> Call:
    """Another Parameter, a buffer or a number."""
    other = torch.ones(x.shape, dtype=x.dtype, device=x.device)
    return draw(st.sampled_from((Call((nn.Parameter(other),)), Call((other,)), Call((3,)), Call((2.5,)))))


def source(draw: Draw, x: torch.Tensor) -> Call:
    other = torch.ones(x.shape, dtype=x.dtype, device=x.device)
    return draw(st.sampled_from((Call((nn.Parameter(other),)), Call((other,)))))


SPELLINGS: dict[str, Spelling] = {
    "t": plain,
    "T": plain,
    "H": matrix,
    "adjoint": matrix,
    "mT": matrix,
    "mH": matrix,
    "transpose": two_axes("dim0", "dim1"),
    "swapaxes": two_axes("axis0", "axis1"),
    "swapdims": two_axes("dim0", "dim1"),
    "permute": permuted,
    "movedim": moved,
    "moveaxis": moved,
    "einsum": equation,
    "rearrange": pattern,
    "data": plain,
    "detach": plain,
    "detach_": plain,
    "alias": aliased,
    "view_as": like,
    "view": shaped,
    "reshape": shaped,
    "reshape_as": like,
    "flatten": flattened,
    "ravel": plain,
    "squeeze": squeezed,
    "unsqueeze": unsqueezed,
    "unflatten": unflattened,
    "expand": expanded,
    "expand_as": lambda draw, x: Call((torch.zeros(larger(draw, x)),)),
    "broadcast_to": lambda draw, x: Call((larger(draw, x),)),
    "conj": plain,
    "resolve_conj": plain,
    "resolve_neg": plain,
    "positive": plain,
    "real": plain,
    "as_tensor": as_tensor,
    "asarray": as_array,
    "cast": plain,
    "requires_grad_": switch,
    "retain_grad": plain,
    "share_memory_": plain,
    "clone": memory_format,
    "contiguous": memory_format,
    "deepcopy": plain,
    "tensor": copied,
    "new_tensor": newly_filled,
    "to": moved_to,
    "type": typed,
    "type_as": typed_as,
    "float": memory_format,
    "double": memory_format,
    "half": memory_format,
    "bfloat16": memory_format,
    "cpu": memory_format,
    "cuda": plain,
    "Parameter": switch,
    "Buffer": plain,
    "narrow": narrowed,
    "select": selected,
    "chunk": split,
    "split": split,
    "tensor_split": split,
    "unbind": one_axis,
    "unfold": unfolded,
    "diagonal": diagonal,
    "index_select": index_selected,
    "gather": gathered,
    "take": taken,
    "masked_select": masked,
}

# Nothing here keeps a tensor for its backward: after a later in-place operation no gradient could be asked for.
UNLISTED: dict[str, Spelling] = {
    "mul": one_of(Call((2,)), Call((0.5,))),
    "add": operand,
    "sub": operand,
    "neg": plain,
    "sum": one_of(Call(), Call((0,))),
    "flip": one_of(Call((0,))),
    "cumsum": one_of(Call((), {"dim": 0})),
    "repeat": lambda draw, x: Call(larger(draw, x)),
    "mul_": one_of(Call((2,)), Call((0.5,))),
    "add_": operand,
    "sub_": operand,
    "zero_": plain,
    "copy_": source,
    "t_": plain,
    "transpose_": two_axes("dim0", "dim1"),
    "swapaxes_": two_axes("axis0", "axis1"),
    "squeeze_": squeezed,
    "unsqueeze_": unsqueezed,
}

DRAWN = {name: spelling for name, spelling in (SPELLINGS | UNLISTED).items() if not MISSING.get(name)}

RANKS = {"t": (1, 2), "t_": (1, 2), "T": (2,), "H": (2,)} | dict.fromkeys(
    ("mT", "mH", "adjoint", "diagonal"), (2, 3, 4)
)

FORMS: dict[str, Callable[..., Any]] = {
    "Parameter": nn.Parameter,
    "Buffer": nn.Buffer,
    "deepcopy": copy.deepcopy,
    "tensor": torch.tensor,
    "as_tensor": torch.as_tensor,
    "asarray": torch.asarray,
    "cast": lambda x: cast(torch.Tensor, x),
    "einsum": lambda x, equation: torch.einsum(equation, x),
    "rearrange": lambda x, pattern: pytest.importorskip("einops").rearrange(x, pattern),
}
# Only their methods take the sizes one by one.
VARIADIC = ("permute", "reshape")


def perform(draw: Draw, operation: str, x: torch.Tensor, call: Call) -> torch.Tensor:
    """As a function of the tensor where there is one, else as its method."""
    if operation in PROPERTIES:
        return cast(torch.Tensor, getattr(x, operation))
    form = FORMS.get(operation)
    if form is None and f"torch.{operation}" in FUNCTIONS and operation not in VARIADIC and not call.method:
        form = getattr(torch, operation) if draw(st.booleans()) else None
    form = form or getattr(type(x), call.method or operation)
    result = form(x, *call.args, **call.keywords)
    if isinstance(result, tuple | list):
        result = draw(st.sampled_from(result))
    return x if result is None else cast(torch.Tensor, result)


# ---------------------------------------------------------------------- the two worlds, side by side


class Run:
    """A Parameter of distinct small integers, which every dtype holds exactly, and what a chain made of it."""

    def __init__(self, draw: Draw, rank: int) -> None:
        sizes = st.integers(2, 4 if rank == 4 else 5)
        square = draw(st.booleans())
        self.shape = (draw(sizes),) * rank if square else tuple(draw(sizes) for _ in range(rank))
        self.draw = draw
        count = torch.Size(self.shape).numel()
        self.values = torch.arange(1, count + 1, dtype=torch.float64).reshape(self.shape)
        trained = draw(st.sampled_from((True, True, True, False)))
        dtype = draw(st.sampled_from((torch.float32, *DTYPES)))
        self.origin = nn.Parameter(self.values.to(dtype, copy=True), requires_grad=trained)
        self.real: torch.Tensor = self.origin
        self.seen: Tensor = origin(rank, requires_grad=trained)
        note(f"w = nn.Parameter(<{list(self.shape)}, {dtype}>, requires_grad={trained})")

    def step(self, operation: str, spelling: Spelling) -> bool:
        """Whether PyTorch accepts the operation here; what it refuses has not happened in either world."""
        grad = self.draw(st.sampled_from((True, True, False)))
        try:
            call = spelling(self.draw, self.real)
            with torch.set_grad_enabled(grad):
                result = perform(self.draw, operation, self.real, call)
        except (ImpossibleError, RuntimeError, IndexError):
            return False
        note(f"{call.method or operation}(*{call.args}, **{dict(call.keywords)})" + " under no_grad" * (not grad))
        self.real, self.seen = result, apply(operation, self.seen, call.told(grad))
        return True

    def steps(self, most: int, spellings: Mapping[str, Spelling] = DRAWN) -> None:
        for _ in range(self.draw(st.integers(0, most))):
            operation = self.draw(st.sampled_from(tuple(spellings)))
            self.step(operation, spellings[operation])

    def compare(self) -> None:
        real, seen = self.real, self.seen
        note(str(seen))
        shared = real.untyped_storage().data_ptr() == self.origin.untyped_storage().data_ptr()
        facts = {
            "is_origin": real is self.origin,
            "is_parameter": isinstance(real, nn.Parameter),
            "attached": self.reached(),
            "requires_grad": real.requires_grad,
            "contiguous": real.is_contiguous(),
        }
        claims = {name: getattr(seen, name) for name in facts if getattr(seen, name) is not None}
        assert claims == {name: facts[name] for name in claims}
        assert seen.storage in (Storage.UNKNOWN, Storage.SHARED if shared else Storage.FRESH)
        if seen.axes is not None:
            assert len(seen.axes) == real.dim()
        if seen.exact:
            self.compare_values(real.detach().to("cpu", torch.float64).contiguous())

    def compare_values(self, values: torch.Tensor) -> None:
        assert bool(torch.isin(values, self.values).all())
        if self.seen.whole:
            assert bool(torch.isin(self.values, values).all())
        if self.seen.axes is None:
            return
        if self.seen.whole:
            assert torch.equal(values, self.values.permute(self.seen.axes))
        places = torch.unravel_index((values - 1).long(), self.shape)
        for position, axis_of_origin in enumerate(self.seen.axes):
            place = places[axis_of_origin].movedim(position, 0).reshape(values.shape[position], -1)
            assert bool((place == place[:, :1]).all()), "an axis runs along another axis of the origin"

    def reached(self) -> bool:
        """Whether a gradient comes back to the origin."""
        if not (self.real.requires_grad and self.origin.requires_grad):
            return False
        try:
            gradient = torch.autograd.grad(self.real.sum(), self.origin, retain_graph=True, allow_unused=True)
        except RuntimeError:
            reject()  # changed in place without gradients, so that PyTorch refuses to compute one
        return gradient[0] is not None


def skipping(names: Iterable[str]) -> list[Any]:
    mark = pytest.mark.skipif
    return [pytest.param(name, marks=mark(MISSING.get(name, False), reason="not on this machine")) for name in names]


def test_every_operation_of_the_table_is_drawn() -> None:
    assert SPELLINGS.keys() == OPERATIONS.keys()
    assert not UNLISTED.keys() & OPERATIONS.keys()


@pytest.mark.parametrize("operation", skipping([*SPELLINGS, *UNLISTED]))
@given(data=st.data())
@checked(30)
def test_an_operation_does_what_torch_does(operation: str, data: st.DataObject) -> None:
    run = Run(data.draw, data.draw(st.sampled_from(RANKS.get(operation, (1, 2, 3, 4)))))
    run.steps(2)
    assume(run.step(operation, DRAWN[operation]))
    run.compare()
    run.steps(2)
    run.compare()


@given(data=st.data())
@checked(1500)
def test_a_chain_does_what_torch_does(data: st.DataObject) -> None:
    run = Run(data.draw, data.draw(st.integers(1, 4)))
    run.steps(6)
    run.compare()


_STEPS = """
t T H adjoint mT mH transpose swapaxes swapdims permute movedim moveaxis data detach detach_ alias conj resolve_conj
resolve_neg positive real cast requires_grad_ retain_grad share_memory_ clone deepcopy tensor Parameter Buffer
"""
_VIEWS = """
view view_as squeeze unsqueeze unflatten expand expand_as broadcast_to narrow select chunk split tensor_split unbind
unfold diagonal index_select gather take masked_select new_tensor
"""
STEPS, VIEWS = ({name: SPELLINGS[name] for name in names.split()} for names in (_STEPS, _VIEWS))


@given(data=st.data())
@checked(200)
def test_rearranged_and_copied_the_algebra_knows_all_that_makes_a_tie(data: st.DataObject) -> None:
    run = Run(data.draw, data.draw(st.integers(1, 4)))
    run.steps(6, STEPS | {"contiguous": plain})
    run.compare()
    assert run.seen.storage is not Storage.UNKNOWN
    assert run.seen.exact
    assert run.seen.whole
    assert run.seen.axes is not None


@given(data=st.data())
@checked(200)
def test_of_views_and_parts_the_algebra_knows_whose_memory_they_are(data: st.DataObject) -> None:
    run = Run(data.draw, data.draw(st.integers(1, 4)))
    run.steps(6, STEPS | VIEWS)
    run.compare()
    assert run.seen.storage is not Storage.UNKNOWN


def test_functions_are_spelled_as_torch_spells_them() -> None:
    functions = [name for name in FUNCTIONS if not name.startswith("torch.Tensor.")]
    assert functions
    for name in functions:
        assert callable(pkgutil.resolve_name(name)), name
        assert name.rpartition(".")[2] in OPERATIONS


def test_detaching_in_place_freezes_the_parameter_itself() -> None:
    frozen = apply("detach_", origin())
    assert frozen.is_origin
    assert (frozen.attached, frozen.requires_grad) == (False, False)


def test_neutral_operations_change_neither_values_nor_object() -> None:
    for name in INPLACE_NEUTRAL:
        result = apply(name, origin())
        assert result.is_origin, name
        assert result.exact, name


def test_copying_operations_are_those_that_can_give_memory_of_its_own() -> None:
    names = set(copying_operations())
    assert {"clone", "contiguous", "deepcopy", "tensor", "to", "half", "reshape", "flatten"} <= names
    assert not {"t", "data", "detach", "view", "Parameter", "requires_grad_"} & names

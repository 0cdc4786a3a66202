"""The tensor algebra: what a chain of operations on one Parameter yields, interpreted step by step and never matched.

`visitor.py` applies it to the source code; `tests/test_tensor.py` holds every transfer function against PyTorch itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

Literal = int | str | bool | None
"""An argument of an operation as far as the source tells it; None is unknown (or Python's None)."""


class Storage(Enum):
    """Whose memory a tensor uses."""

    SHARED = "shared"
    FRESH = "fresh"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor as seen from the Parameter (its *origin*) that it was computed from. None always means unknown.

    The origin holds real floating-point numbers and no axis of length 1, as a weight does; casts keep to such dtypes.

    is_origin: it is the very same Python object as the origin.
    is_parameter: it is an `nn.Parameter`, which a module accepts as a weight.
    storage: whether writing to it writes to the origin.
    attached: its gradient flows back to the origin, as things are (to a frozen origin, none does).
    requires_grad: as in torch.
    axes: which axis of the origin each of its axes is, `(1, 0)` for a transposed matrix; None after a reshape.
    whole: it holds all of the origin's elements.
    exact: it holds the origin's values, at most rearranged, repeated or cast; False after arithmetic.
    contiguous: as in torch, for axes longer than 1.
    """

    is_origin: bool | None
    is_parameter: bool | None
    storage: Storage
    attached: bool | None
    requires_grad: bool | None
    axes: tuple[int, ...] | None
    whole: bool = True
    exact: bool = True
    contiguous: bool | None = True

    @property
    def transposed(self) -> bool:
        """A matrix whose axes are swapped; for more axes, any permutation."""
        return self.axes is not None and self.axes != tuple(range(len(self.axes)))


@dataclass(frozen=True, slots=True)
class Arguments:
    """How an operation is called. `grad` tells whether gradients are recorded (`torch.no_grad()` switches it off)."""

    positional: tuple[Literal, ...] = ()
    keywords: Mapping[str, Literal] = field(default_factory=dict)
    grad: bool = True

    def get(self, index: int, *names: str) -> Literal:
        """The argument at a position or by any of its names; None where it is absent or unknown."""
        if index < len(self.positional):
            return self.positional[index]
        return next((self.keywords[name] for name in names if name in self.keywords), None)

    def integers(self, *names: str) -> tuple[int, ...] | None:
        """All positional arguments as integers, or None if one is not known."""
        named = tuple(self.keywords[name] for name in names if name in self.keywords)
        values = self.positional + named
        return tuple(v for v in values if isinstance(v, int)) if all(isinstance(v, int) for v in values) else None


Transfer = Callable[[Tensor, Arguments], Tensor]


def origin(rank: int = 2, *, requires_grad: bool | None = True) -> Tensor:
    """The Parameter itself: contiguous, a leaf, its own storage."""
    return Tensor(
        is_origin=True,
        is_parameter=True,
        storage=Storage.SHARED,
        attached=requires_grad,
        requires_grad=requires_grad,
        axes=tuple(range(rank)),
    )


def _result(tensor: Tensor, call: Arguments, **changes: object) -> Tensor:
    """A new tensor object, recorded by autograd if gradients are."""
    plain = replace(
        tensor,
        is_origin=False,
        is_parameter=False,
        attached=tensor.attached and tensor.requires_grad if call.grad else False,
        requires_grad=tensor.requires_grad if call.grad else False,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def _view(tensor: Tensor, call: Arguments, **changes: object) -> Tensor:
    """A new tensor object over the same storage. Where gradients are off, it still claims the gradient of its base."""
    seen = _result(tensor, call, **changes)
    if call.grad:
        return seen
    own = tensor.attached or tensor.is_parameter or not tensor.requires_grad
    return replace(seen, requires_grad=tensor.requires_grad if own else None)


def _either(one: Tensor, other: Tensor) -> Tensor:
    """What holds of both: PyTorch returns one or the other, and the source does not tell which."""
    return Tensor(
        is_origin=_agreed(one.is_origin, other.is_origin),
        is_parameter=_agreed(one.is_parameter, other.is_parameter),
        storage=one.storage if one.storage is other.storage else Storage.UNKNOWN,
        attached=_agreed(one.attached, other.attached),
        requires_grad=_agreed(one.requires_grad, other.requires_grad),
        axes=one.axes if one.axes == other.axes else None,
        whole=one.whole and other.whole,
        exact=one.exact and other.exact,
        contiguous=_agreed(one.contiguous, other.contiguous),
    )


def _agreed(one: bool | None, other: bool | None) -> bool | None:
    return one if one is other else None


def _flag(call: Arguments, *, absent: bool) -> bool | None:
    """The argument `requires_grad`."""
    if not call.positional and "requires_grad" not in call.keywords:
        return absent
    flag = call.get(0, "requires_grad")
    return flag if isinstance(flag, bool) else None


def _permuted(tensor: Tensor, call: Arguments, order: tuple[int, ...] | None) -> Tensor:
    """A view with the axes in another order; `order` counts the tensor's own axes and may be negative."""
    axes = tensor.axes
    if axes is None or order is None or sorted(i % len(axes) for i in order if axes) != list(range(len(axes))):
        return _view(tensor, call, axes=None, contiguous=None)
    moved = tuple(axes[i] for i in order)
    return _view(tensor, call, axes=moved, contiguous=tensor.contiguous if moved == axes else _dense(tensor, moved))


def _dense(tensor: Tensor, axes: tuple[int, ...]) -> bool | None:
    """Rearranged axes are contiguous only where they are back in the order in which memory holds them."""
    if tensor.storage is not Storage.SHARED or not tensor.whole:
        return None
    return axes == tuple(range(len(axes)))


def _swap(tensor: Tensor, call: Arguments, first: Literal, second: Literal) -> Tensor:
    if tensor.axes is None or type(first) is not int or type(second) is not int:
        return _permuted(tensor, call, None)
    order = list(range(len(tensor.axes)))
    if not all(-len(order) <= i < len(order) for i in (first, second)):
        return _permuted(tensor, call, None)
    order[first], order[second] = order[second], order[first]
    return _permuted(tensor, call, tuple(order))


def _reversed(tensor: Tensor, call: Arguments) -> Tensor:
    order = None if tensor.axes is None else tuple(reversed(range(len(tensor.axes))))
    return _permuted(tensor, call, order)


def _matrix_transpose(tensor: Tensor, call: Arguments) -> Tensor:
    return _swap(tensor, call, -2, -1)


def _transpose(tensor: Tensor, call: Arguments) -> Tensor:
    return _swap(tensor, call, call.get(0, "dim0", "axis0"), call.get(1, "dim1", "axis1"))


def _permute(tensor: Tensor, call: Arguments) -> Tensor:
    return _permuted(tensor, call, call.integers())


def _movedim(tensor: Tensor, call: Arguments) -> Tensor:
    """Moves one axis, or several: `movedim((0, 1), (1, 0))` arrives as four numbers."""
    numbers, rank = call.integers("source", "destination"), len(tensor.axes or ())
    if not numbers or len(numbers) % 2 or not all(-rank <= i < rank for i in numbers):
        return _permuted(tensor, call, None)
    places = [i % rank for i in numbers]
    half = len(places) // 2
    moved = dict(zip(places[half:], places[:half], strict=True))
    rest = iter(i for i in range(rank) if i not in places[:half])
    return _permuted(tensor, call, tuple(moved[i] if i in moved else next(rest, i) for i in range(rank)))


_ELLIPSIS = "..."


def _sides(equation: str, term: str) -> tuple[list[str], list[str]]:
    """The axes that an equation names before and after; without an arrow, `einsum` sorts what occurs once."""
    before, arrow, after = equation.partition("->")
    found = re.findall(term, before)
    return found, re.findall(term, after) if arrow else sorted(name for name in found if found.count(name) == 1)


def _reordered(tensor: Tensor, call: Arguments, before: list[str], after: list[str]) -> Tensor:
    """The axes by name; an ellipsis names as many as the tensor has left."""
    if tensor.axes is None:
        return _permuted(tensor, call, None)
    rest = [f"{_ELLIPSIS}{i}" for i in range(len(tensor.axes) - len(before) + 1)]
    source, target = (
        [axis for name in side for axis in (rest if name == _ELLIPSIS else [name])] for side in (before, after)
    )
    return _permuted(tensor, call, tuple(source.index(name) for name in target))


def _einsum(tensor: Tensor, call: Arguments) -> Tensor:
    """Of one operand: another order of the axes, a diagonal where a letter is repeated, a sum where one is gone."""
    equation = call.get(0, "equation")
    if not isinstance(equation, str):
        return _either(_reduced_part(tensor, call), computed(tensor, call))
    before, after = _sides(equation, r"\.\.\.|[A-Za-z]")
    if set(before) != set(after):
        return computed(tensor, call)
    return _reordered(tensor, call, before, after) if len(before) == len(after) else _reduced_part(tensor, call)


def _rearrange(tensor: Tensor, call: Arguments) -> Tensor:
    """einops gives back the very tensor where nothing moves; parentheses and ones reshape it."""
    pattern = call.get(0, "pattern")
    if not isinstance(pattern, str) or re.search(r"[()]|\b1\b", pattern):
        return _either(tensor, _reshape(replace(tensor, contiguous=None), call))
    before, after = _sides(pattern, r"\.\.\.|\w+")
    moved = _reordered(tensor, call, before, after)
    if tensor.axes is None:
        return _either(tensor, moved)
    return tensor if moved.axes == tensor.axes else moved


def _unchanged(tensor: Tensor, call: Arguments) -> Tensor:
    return tensor


def _same_view(tensor: Tensor, call: Arguments) -> Tensor:
    return _view(tensor, call)


def _detached(tensor: Tensor, call: Arguments) -> Tensor:
    return _result(tensor, call, attached=False, requires_grad=False)


def _detached_in_place(tensor: Tensor, call: Arguments) -> Tensor:
    """Even the origin itself: `detach_` freezes a Parameter."""
    return replace(tensor, attached=False, requires_grad=False)


def _set_requires_grad(tensor: Tensor, call: Arguments) -> Tensor:
    """Switches a leaf; a tensor inside a graph stays in it, as only True is accepted there.

    A view made without gradients can't be switched off: see `_view`.
    """
    flag = _flag(call, absent=True)
    if flag is False and not tensor.is_parameter and tensor.requires_grad is not False:
        flag = None
    origin, other = replace(tensor, attached=flag, requires_grad=flag), replace(tensor, requires_grad=flag)
    return _either(origin, other) if tensor.is_origin is None else origin if tensor.is_origin else other


def _clone(tensor: Tensor, call: Arguments) -> Tensor:
    """A copy keeps the order in memory, unless it is told another."""
    kept = None if "memory_format" in call.keywords else tensor.contiguous
    return _result(tensor, call, storage=Storage.FRESH, contiguous=kept)


def _contiguous(tensor: Tensor, call: Arguments) -> Tensor:
    copy = _clone(tensor, call)
    if "memory_format" in call.keywords:
        return _either(tensor, copy)
    if tensor.contiguous is None:
        return replace(_either(tensor, copy), contiguous=True)
    return tensor if tensor.contiguous else replace(copy, contiguous=True)


def _cast(tensor: Tensor, call: Arguments) -> Tensor:
    """A dtype or device move gives the same object where nothing changes, and a copy elsewhere."""
    copy = _clone(tensor, call)
    return copy if call.keywords.get("copy") is True else _either(tensor, copy)


def _as_tensor(tensor: Tensor, call: Arguments) -> Tensor:
    return _cast(tensor, call) if call.keywords.keys() - {"requires_grad"} else tensor


def _asarray(tensor: Tensor, call: Arguments) -> Tensor:
    """Keeps the flag, even of a copy made without gradients. Told False, it freezes a leaf and detaches any other."""
    taken = replace(_as_tensor(tensor, call), requires_grad=tensor.requires_grad)
    if "requires_grad" not in call.keywords:
        return taken
    switched = _set_requires_grad(taken, call)
    return switched if switched.requires_grad else _either(switched, _detached(taken, call))


def _parameter(tensor: Tensor, call: Arguments) -> Tensor:
    """`nn.Parameter(x)`: always a new leaf over the storage of x, with a gradient of its own."""
    return replace(tensor, is_origin=False, is_parameter=True, attached=False, requires_grad=_flag(call, absent=True))


def _buffer(tensor: Tensor, call: Arguments) -> Tensor:
    """`nn.Buffer(x)`: a detached view of x that takes over its `requires_grad`."""
    return replace(tensor, is_origin=False, is_parameter=False, attached=False)


def _deepcopy(tensor: Tensor, call: Arguments) -> Tensor:
    """`copy.deepcopy`: a Parameter stays a Parameter, of its own. (A tensor inside a graph refuses.)"""
    return replace(tensor, is_origin=False, storage=Storage.FRESH, attached=False)


def _copied_values(tensor: Tensor, call: Arguments) -> Tensor:
    """`torch.tensor(x)`: new memory, no graph."""
    return _result(tensor, call, storage=Storage.FRESH, attached=False, requires_grad=_flag(call, absent=False))


def _other_values(tensor: Tensor, call: Arguments) -> Tensor:
    """`x.new_tensor(values)`: only the dtype and the device are those of x."""
    made = _copied_values(tensor, replace(call, positional=()))
    return replace(made, axes=None, exact=False, contiguous=None)


def _reshaped(tensor: Tensor, call: Arguments) -> Tensor:
    """`view` shares memory, in another shape."""
    return _view(tensor, call, axes=None, contiguous=tensor.contiguous or None)


def _reshape(tensor: Tensor, call: Arguments) -> Tensor:
    """`reshape` shares memory where the strides allow it."""
    view = _reshaped(tensor, call)
    return view if tensor.contiguous else _either(view, replace(_clone(tensor, call), axes=None, contiguous=None))


def _flatten(tensor: Tensor, call: Arguments) -> Tensor:
    """`flatten` of a single axis gives back the very tensor."""
    several = tensor.axes is not None and len(tensor.axes) > 1 and not call.positional and not call.keywords
    flat = _reshape(tensor, call)
    return flat if several else _either(tensor, flat)


def _expanded(tensor: Tensor, call: Arguments) -> Tensor:
    return _view(tensor, call, axes=None, contiguous=None)


def _part(tensor: Tensor, call: Arguments) -> Tensor:
    """A view of some of the elements, in the same axes."""
    return _view(tensor, call, whole=False, contiguous=None)


def _reduced_part(tensor: Tensor, call: Arguments) -> Tensor:
    return _view(tensor, call, whole=False, axes=None, contiguous=None)


def _gathered(tensor: Tensor, call: Arguments) -> Tensor:
    """A copy of some of the elements."""
    return _result(tensor, call, whole=False, axes=None, contiguous=None, storage=Storage.FRESH)


def computed(tensor: Tensor, call: Arguments) -> Tensor:
    """Arithmetic, which an operation that the table does not know is taken for. Another operand may need a gradient."""
    return _result(
        tensor,
        call,
        storage=Storage.FRESH,
        axes=None,
        exact=False,
        contiguous=None,
        requires_grad=(tensor.requires_grad or None) if call.grad else False,
    )


def _in_place(transfer: Transfer) -> Transfer:
    """The same object, with what the operation gives as values and shape; its operand may bring a gradient along."""

    def transferred(tensor: Tensor, call: Arguments) -> Tensor:
        seen = transfer(tensor, call)
        operand = call.grad and not tensor.requires_grad and None in (*call.positional, *call.keywords.values())
        return replace(
            tensor,
            axes=seen.axes,
            whole=seen.whole,
            exact=seen.exact,
            contiguous=seen.contiguous,
            requires_grad=None if operand else tensor.requires_grad,
            attached=None if operand else tensor.attached,
        )

    return transferred


OPERATIONS: dict[str, Transfer] = {
    # another order of the axes
    "t": _reversed,
    "T": _reversed,
    "H": _reversed,
    "adjoint": _matrix_transpose,
    "mT": _matrix_transpose,
    "mH": _matrix_transpose,
    "transpose": _transpose,
    "swapaxes": _transpose,
    "swapdims": _transpose,
    "permute": _permute,
    "movedim": _movedim,
    "moveaxis": _movedim,
    "einsum": _einsum,
    "rearrange": _rearrange,
    # the same elements, seen another way
    "data": _detached,
    "detach": _detached,
    "detach_": _detached_in_place,
    "alias": _same_view,
    "view_as": _reshaped,
    "view": _reshaped,
    "reshape": _reshape,
    "reshape_as": _reshape,
    "flatten": _flatten,
    "ravel": _reshape,
    "squeeze": _reshaped,
    "unsqueeze": _reshaped,
    "unflatten": _reshaped,
    "expand": _expanded,
    "expand_as": _expanded,
    "broadcast_to": _expanded,
    "conj": _unchanged,
    "resolve_conj": _unchanged,
    "resolve_neg": _unchanged,
    "positive": _unchanged,
    "real": _unchanged,
    "as_tensor": _as_tensor,
    "asarray": _asarray,
    "cast": _unchanged,
    "requires_grad_": _set_requires_grad,
    "retain_grad": _unchanged,
    "share_memory_": _unchanged,
    # memory of its own
    "clone": _clone,
    "contiguous": _contiguous,
    "deepcopy": _deepcopy,
    "tensor": _copied_values,
    "new_tensor": _other_values,
    # memory of its own where the dtype or device changes
    "to": _cast,
    "type": _cast,
    "type_as": _cast,
    "float": _cast,
    "double": _cast,
    "half": _cast,
    "bfloat16": _cast,
    "cpu": _cast,
    "cuda": _cast,
    # wrappers
    "Parameter": _parameter,
    "Buffer": _buffer,
    # some of the elements
    "narrow": _part,
    "select": _reduced_part,
    "chunk": _reduced_part,
    "split": _reduced_part,
    "tensor_split": _reduced_part,
    "unbind": _reduced_part,
    "unfold": _reduced_part,
    "diagonal": _reduced_part,
    "index_select": _gathered,
    "gather": _gathered,
    "take": _gathered,
    "masked_select": _gathered,
}
"""One transfer function an operation. A new spelling is one line here."""

PROPERTIES = frozenset({"T", "H", "mT", "mH", "data", "real"})
"""Operations written as an attribute, without a call."""

_TORCH_FUNCTIONS = """
t transpose swapaxes swapdims permute movedim moveaxis adjoint detach clone as_tensor asarray tensor reshape flatten
ravel squeeze unsqueeze unflatten broadcast_to narrow select diagonal chunk split tensor_split unbind index_select
gather take masked_select conj resolve_conj resolve_neg positive real
"""

FUNCTIONS = frozenset(f"torch.{name}" for name in _TORCH_FUNCTIONS.split()) | {
    *(f"torch.Tensor.{name}" for name in OPERATIONS if name not in PROPERTIES),
    "einops.rearrange",
    "torch.nn.Buffer",
}
"""Operations called as a function of the tensor, by qualified name; the last part names the operation."""

INPLACE_NEUTRAL = frozenset({"requires_grad_", "detach_", "share_memory_"})


def apply(operation: str, tensor: Tensor, call: Arguments | None = None) -> Tensor:
    """What `operation` makes of `tensor`; an unknown one that ends in `_` works in place, any other computes."""
    transfer = OPERATIONS.get(operation)
    if transfer is None and operation.endswith("_") and not operation.startswith("_"):
        transfer = _in_place(OPERATIONS.get(operation[:-1], computed))
    return (transfer or computed)(tensor, call or Arguments())


def copying_operations() -> tuple[str, ...]:
    """The operations that can give a Parameter's values memory of their own, as the table itself tells."""
    turned = apply("t", origin())
    return tuple(name for name in OPERATIONS if apply(name, turned).storage is not Storage.SHARED)

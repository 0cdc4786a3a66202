"""The tensor algebra: what a chain of operations on one Parameter yields, interpreted step by step and never matched.

`visitor.py` applies it to the source code; `tests/test_tensor.py` holds every transfer function against PyTorch itself.
"""

from __future__ import annotations

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

    is_origin: it is the very same Python object as the origin.
    is_parameter: it is an `nn.Parameter`, which a module accepts as a weight.
    storage: whether writing to it writes to the origin.
    attached: its gradient flows back to the origin.
    requires_grad: as in torch.
    axes: which axis of the origin each of its axes is, `(1, 0)` for a transposed matrix; None after a reshape.
    whole: it holds all of the origin's elements.
    exact: it holds the origin's values, at most rearranged or cast; False after arithmetic.
    contiguous: as in torch, for axes longer than 1.
    """

    is_origin: bool | None
    is_parameter: bool | None
    storage: Storage
    attached: bool
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
        attached=True,
        requires_grad=requires_grad,
        axes=tuple(range(rank)),
    )


def _result(tensor: Tensor, call: Arguments, **changes: object) -> Tensor:
    """A new tensor object, recorded by autograd if gradients are."""
    plain = replace(
        tensor,
        is_origin=False,
        is_parameter=False,
        attached=tensor.attached and call.grad,
        requires_grad=tensor.requires_grad if call.grad else False,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def _permuted(tensor: Tensor, call: Arguments, order: tuple[int, ...] | None) -> Tensor:
    """A view with the axes in another order; `order` counts the tensor's own axes and may be negative."""
    axes = tensor.axes
    if axes is None or order is None or sorted(i % len(axes) for i in order if axes) != list(range(len(axes))):
        return _result(tensor, call, axes=None, contiguous=None)
    moved = tuple(axes[i] for i in order)
    return _result(tensor, call, axes=moved, contiguous=tensor.contiguous if moved == axes else _dense(tensor, moved))


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


def _t(tensor: Tensor, call: Arguments) -> Tensor:
    return _reversed(tensor, call)


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
    source, destination = call.get(0, "source"), call.get(1, "destination")
    if tensor.axes is None or type(source) is not int or type(destination) is not int:
        return _permuted(tensor, call, None)
    rank = len(tensor.axes)
    if not all(-rank <= i < rank for i in (source, destination)):
        return _permuted(tensor, call, None)
    order = [i for i in range(rank) if i != source % rank]
    order.insert(destination % rank, source % rank)
    return _permuted(tensor, call, tuple(order))


def _same_view(tensor: Tensor, call: Arguments) -> Tensor:
    return _result(tensor, call)


def _detached(tensor: Tensor, call: Arguments) -> Tensor:
    return _result(tensor, call, attached=False, requires_grad=False)


def _clone(tensor: Tensor, call: Arguments) -> Tensor:
    dense = tensor.contiguous if tensor.whole else None
    return _result(tensor, call, storage=Storage.FRESH, contiguous=dense)


def _contiguous(tensor: Tensor, call: Arguments) -> Tensor:
    if tensor.contiguous:
        return tensor
    if tensor.contiguous is False:
        return _result(tensor, call, storage=Storage.FRESH, contiguous=True)
    fresh = tensor.storage is Storage.FRESH
    return replace(
        _result(tensor, call, contiguous=True, storage=Storage.FRESH if fresh else Storage.UNKNOWN),
        is_origin=None,
        is_parameter=None if tensor.is_parameter else tensor.is_parameter,
        requires_grad=tensor.requires_grad if call.grad else None,
    )


def _cast(tensor: Tensor, call: Arguments) -> Tensor:
    """A dtype or device move gives the same object where nothing changes, and a copy elsewhere."""
    if call.keywords.get("copy") is True:
        return _result(tensor, call, storage=Storage.FRESH, contiguous=None)
    return replace(
        tensor,
        is_origin=None if tensor.is_origin else tensor.is_origin,
        is_parameter=None if tensor.is_parameter else tensor.is_parameter,
        storage=Storage.FRESH if tensor.storage is Storage.FRESH else Storage.UNKNOWN,
        requires_grad=tensor.requires_grad if call.grad else None,
        contiguous=tensor.contiguous if tensor.contiguous else None,
    )


def _parameter(tensor: Tensor, call: Arguments) -> Tensor:
    """`nn.Parameter(x)`: always a new leaf over the storage of x, with a gradient of its own."""
    flag = call.get(0, "requires_grad")
    named = bool(call.positional) or "requires_grad" in call.keywords
    return replace(
        tensor,
        is_origin=False,
        is_parameter=True,
        attached=False,
        requires_grad=(flag if isinstance(flag, bool) else None) if named else True,
    )


def _buffer(tensor: Tensor, call: Arguments) -> Tensor:
    return replace(tensor, is_origin=False, is_parameter=False)


def _deepcopy(tensor: Tensor, call: Arguments) -> Tensor:
    """`copy.deepcopy`: a Parameter stays a Parameter, of its own. (A tensor inside a graph refuses.)"""
    return replace(tensor, is_origin=False, storage=Storage.FRESH, attached=False)


def _copied_values(tensor: Tensor, call: Arguments) -> Tensor:
    """`torch.tensor(x)`: new memory, no graph."""
    return _result(
        tensor, call, storage=Storage.FRESH, attached=False, requires_grad=call.keywords.get("requires_grad") is True
    )


def _unchanged(tensor: Tensor, call: Arguments) -> Tensor:
    return tensor


def _set_requires_grad(tensor: Tensor, call: Arguments) -> Tensor:
    named = bool(call.positional) or "requires_grad" in call.keywords
    flag = call.get(0, "requires_grad") if named else True
    return replace(tensor, requires_grad=flag if isinstance(flag, bool) else None)


def _overwritten(tensor: Tensor, call: Arguments) -> Tensor:
    """An in-place operation: the same tensor with other values."""
    return replace(tensor, exact=False)


def _reshaped(tensor: Tensor, call: Arguments) -> Tensor:
    """`view` shares memory, in another shape."""
    return _result(tensor, call, axes=None, contiguous=None)


def _reshape(tensor: Tensor, call: Arguments) -> Tensor:
    """`reshape` shares memory where the strides allow it."""
    shares = tensor.storage is Storage.FRESH or tensor.contiguous
    return _result(
        tensor, call, axes=None, contiguous=None, storage=tensor.storage if shares else Storage.UNKNOWN, is_origin=None
    )


def _part(tensor: Tensor, call: Arguments) -> Tensor:
    """A view of some of the elements, in the same axes."""
    return _result(tensor, call, whole=False, contiguous=None)


def _reduced_part(tensor: Tensor, call: Arguments) -> Tensor:
    return _result(tensor, call, whole=False, axes=None, contiguous=None)


def _gathered(tensor: Tensor, call: Arguments) -> Tensor:
    """A copy of some of the elements."""
    return _result(tensor, call, whole=False, axes=None, contiguous=None, storage=Storage.FRESH)


def computed(tensor: Tensor, call: Arguments) -> Tensor:
    """Arithmetic or an operation that the table does not know: other values, and nothing else is certain."""
    return _result(tensor, call, storage=Storage.FRESH, axes=None, exact=False, contiguous=None)


def _einsum(tensor: Tensor, call: Arguments) -> Tensor:
    return _by_pattern(tensor, call, list)


def _rearrange(tensor: Tensor, call: Arguments) -> Tensor:
    return _by_pattern(tensor, call, str.split)


def _by_pattern(tensor: Tensor, call: Arguments, letters: Callable[[str], list[str]]) -> Tensor:
    pattern = call.get(0, "pattern", "equation")
    if not isinstance(pattern, str) or "->" not in pattern or tensor.axes is None:
        return _permuted(tensor, call, None)
    before, after = (letters(side.strip()) for side in pattern.split("->"))
    if sorted(before) != sorted(after) or len(set(before)) != len(before) or len(before) != len(tensor.axes):
        return computed(tensor, call)
    return _permuted(tensor, call, tuple(before.index(letter) for letter in after))


OPERATIONS: dict[str, Transfer] = {
    # another order of the axes
    "t": _t,
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
    "detach_": _unchanged,
    "alias": _same_view,
    "view_as": _reshaped,
    "view": _reshaped,
    "reshape": _reshape,
    "reshape_as": _reshape,
    "flatten": _reshape,
    "ravel": _reshape,
    "squeeze": _reshaped,
    "unsqueeze": _reshaped,
    "unflatten": _reshaped,
    "expand": _reshaped,
    "expand_as": _reshaped,
    "conj": _unchanged,
    "real": _unchanged,
    "as_tensor": _unchanged,
    "asarray": _unchanged,
    "cast": _unchanged,
    "requires_grad_": _set_requires_grad,
    "retain_grad": _unchanged,
    "share_memory_": _unchanged,
    # memory of its own
    "clone": _clone,
    "contiguous": _contiguous,
    "deepcopy": _deepcopy,
    "tensor": _copied_values,
    "new_tensor": _copied_values,
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
    "diagonal": _reduced_part,
    "index_select": _gathered,
    "gather": _gathered,
    "take": _gathered,
    "masked_select": _gathered,
}
"""One transfer function an operation. A new spelling is one line here."""

PROPERTIES = frozenset({"T", "H", "mT", "mH", "data", "real"})
"""Operations written as an attribute, without a call."""

FUNCTIONS = frozenset(
    f"torch.{name}"
    for name in (
        "t transpose swapaxes swapdims permute movedim moveaxis adjoint detach clone as_tensor asarray tensor reshape "
        "flatten ravel squeeze unsqueeze narrow select index_select gather take masked_select conj real"
    ).split()
) | {f"torch.Tensor.{name}" for name in OPERATIONS if name not in PROPERTIES}
"""Operations called as a function of the tensor, by qualified name; the last part names the operation."""

INPLACE_NEUTRAL = frozenset({"requires_grad_", "detach_", "share_memory_"})


def apply(operation: str, tensor: Tensor, call: Arguments | None = None) -> Tensor:
    """What `operation` makes of `tensor`; an unknown one that ends in `_` works in place, any other computes."""
    call = call or Arguments()
    transfer = OPERATIONS.get(operation)
    if transfer is None:
        transfer = _overwritten if operation.endswith("_") and not operation.startswith("_") else computed
    return transfer(tensor, call)


def copying_operations() -> tuple[str, ...]:
    """The operations that can give a Parameter's values memory of their own, as the table itself tells."""
    turned = apply("t", origin())
    return tuple(name for name in OPERATIONS if apply(name, turned).storage is not Storage.SHARED)

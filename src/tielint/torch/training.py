"""What a forward and a backward pass show: Parameters without a gradient, and uses that cut it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from tielint.torch.copying import storage_key
from tielint.torch.grouping import Named, overlap, parameters_of
from tielint.torch.links import Inputs, answered, floating_tensors
from tielint.torch.random_state import same_random_state
from tielint.torch.tie_report import Group, Layout, Member, Origin, Relation

_PRODUCTS = frozenset(
    [
        "linear",
        "bilinear",
        "matmul",
        "__matmul__",
        "__rmatmul__",
        "mm",
        "bmm",
        "mv",
        "dot",
        "addmm",
        "addmv",
        "baddbmm",
        "addbmm",
        "einsum",
        "tensordot",
        "embedding",
        "embedding_bag",
        "conv1d",
        "conv2d",
        "conv3d",
        "conv_transpose1d",
        "conv_transpose2d",
        "conv_transpose3d",
    ]
)
"""The operations that layers are made of. What else reads a detached weight measures or initialises it."""


def without_gradient(model: nn.Module, inputs: Inputs) -> Iterator[Group]:
    """Runs the model, which is changed by it, forward and backward.

    Raises what the model raises.
    """
    parameters = [named for named in parameters_of(model) if named.trained]
    watch = _Watch(parameters)
    model.zero_grad()
    with same_random_state(model), watch, torch.enable_grad():
        outputs = floating_tensors(answered(model, inputs))
    for named, layout, where in watch.cuts:
        yield Group(
            Relation.GRAD_CUT,
            (Member(named.names[0], layout),),
            tuple(named.tensor.shape),
            detail=f"{where[1]} computes with it detached: no gradient flows back from there",
            origins=(where[0],) if where[0] else (),
        )
    loss = loss_of(outputs)
    if loss is None:
        return
    loss.backward()  # type: ignore[no-untyped-call]
    silent = [named for named in parameters if named.tensor.grad is None]
    for named in _that_matter(model, inputs, silent, outputs):
        yield Group(
            Relation.UNTRAINED,
            (Member(named.names[0]),),
            tuple(named.tensor.shape),
            detail="the output depends on it, and no gradient comes back to it",
        )


def loss_of(outputs: Sequence[Tensor]) -> Tensor | None:
    """A loss that no symmetry of a model can make stationary: the distance to fixed random numbers."""
    parts = []
    for number, output in enumerate(outputs):
        if output.requires_grad and output.numel():
            parts.append(nn.functional.mse_loss(output, _noise(output, seed=number)))
    return torch.stack([part.double() for part in parts]).sum() if parts else None


def _noise(like: Tensor, seed: int) -> Tensor:
    """Random numbers of a generator of their own: what the model draws stays the same."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(like.shape, generator=generator, dtype=torch.float64).to(like)


def _that_matter(
    model: nn.Module, inputs: Inputs, silent: Sequence[Named], outputs: Sequence[Tensor]
) -> Iterator[Named]:
    """Those whose change changes the output. A model that answers differently each time tells nothing."""
    if not silent or not _same(outputs, _answer(model, inputs)):
        return
    for named in silent:
        before = named.tensor.detach().clone()
        with torch.no_grad():
            named.tensor.add_(_noise(before, seed=0))
        if not _same(outputs, _answer(model, inputs)):
            yield named
        with torch.no_grad():
            named.tensor.copy_(before)


def _answer(model: nn.Module, inputs: Inputs) -> list[Tensor]:
    """Each pass draws the same random numbers."""
    with same_random_state(model):
        return floating_tensors(answered(model, inputs))


def _same(one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
    return len(one) == len(other) and all(
        mine.shape == theirs.shape and torch.allclose(mine, theirs, equal_nan=True)
        for mine, theirs in zip(one, other, strict=True)
    )


class _Watch(TorchFunctionMode):
    """Keeps the products with a trained Parameter's memory that its gradient does not come back from."""

    def __init__(self, parameters: Iterable[Named]) -> None:
        super().__init__()
        self._by_storage: dict[tuple[str, int], list[Named]] = {}
        for named in parameters:
            if not nn.parameter.is_lazy(named.tensor):
                self._by_storage.setdefault(storage_key(named.tensor), []).append(named)
        self.cuts: list[tuple[Named, Layout, tuple[Origin | None, str]]] = []
        self._seen: set[tuple[str, str, int]] = set()

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Iterable[type],
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in _PRODUCTS and torch.is_grad_enabled():
            for value in _flat((*args, *kwargs.values())):
                if isinstance(value, Tensor) and not value.requires_grad:
                    self._keep(value, name)
        return func(*args, **kwargs)

    def _keep(self, tensor: Tensor, operation: str) -> None:
        for named in self._by_storage.get(storage_key(tensor), ()):
            layout = overlap(named.tensor, tensor)
            where = _line_of_the_user()
            key = (named.names[0], where.path if where else "", where.row if where else 0)
            if layout and key not in self._seen:
                self._seen.add(key)
                self.cuts.append((named, layout, (where, operation)))


def _flat(values: Iterable[object]) -> Iterator[object]:
    for value in values:
        if isinstance(value, list | tuple):
            yield from _flat(value)
        else:
            yield value


def _line_of_the_user() -> Origin | None:
    """The innermost line that is neither torch's nor ours."""
    ours = (f"{Path(torch.__file__).parent}{os.sep}", f"{Path(__file__).parent}{os.sep}")
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(ours):
        frame = frame.f_back
    return Origin(frame.f_code.co_filename, frame.f_lineno) if frame else None

"""What joins two weights of a live model, tried out. The prober of `assert_tied` and of the fixtures' proofs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn

from tielint.torch.copying import faithful_copy, storage_key
from tielint.torch.random_state import same_random_state

Inputs: TypeAlias = Sequence[object] | Mapping[str, object]
"""What `forward` takes: arguments in their order, or by their names."""


@dataclass(frozen=True, slots=True)
class Link:
    """What joins two weights.

    one_parameter: one and the same object. one_storage: the same memory. equal: the same numbers, in the right layout.
    gradient: a loss on the target alone reaches the source. follows: an in-place change of the source is seen in the
    target at once. follows_later: it is seen after the next forward pass.
    """

    one_parameter: bool
    one_storage: bool
    equal: bool
    gradient: bool
    follows: bool
    follows_later: bool

    @property
    def verdict(self) -> str:
        """One word: tied, alias, grad-cut, copy, independent; `unclear` where no word fits."""
        match self:
            case Link(one_parameter=True, equal=True) | Link(equal=True, gradient=True, follows=True):
                return "tied"
            case Link(one_parameter=False, one_storage=True, equal=True, gradient=False, follows=True):
                return "alias"
            case Link(one_storage=False, gradient=False, follows=False, follows_later=True):
                return "grad-cut"
            case Link(one_storage=False, equal=True, gradient=False, follows=False, follows_later=False):
                return "copy"
            case Link(one_storage=False, equal=False, gradient=False, follows=False, follows_later=False):
                return "independent"
        return "unclear"


def link(
    model: nn.Module,
    target: str,
    source: str,
    *,
    transposed: bool = False,
    inputs: Inputs | None = None,
) -> Link:
    """Tries out what joins two weights, on a copy of the model.

    target, source: dotted paths (`decoder.0.weight`). The target may be any tensor, also what a property computes; the
    source is a Parameter. transposed: whether the target should be the source's transpose. inputs: the arguments of
    `forward`; with them, what a forward pass does to the weights is seen too.

    Raises AttributeError for a path that leads nowhere, TypeError where there is no tensor (or, for the source, no
    Parameter).
    """
    with same_random_state(model):
        return _tried(faithful_copy(model), target, source, transposed, inputs)


def _tried(model: nn.Module, target_path: str, source_path: str, transposed: bool, inputs: Inputs | None) -> Link:
    """Changes the model. A frozen source is thawed, so that it can be seen whether a gradient would come."""
    with torch.enable_grad():
        parameter_at(model, source_path).requires_grad_(True)
        _forward(model, inputs)
        source = parameter_at(model, source_path)
        target = tensor_at(model, target_path)
        one_storage = storage_key(target) == storage_key(source)
        equal = _same_numbers(target, source, transposed)
        gradient = reaches(target, source)
        with torch.no_grad():
            source.add_(torch.rand_like(source))
        follows = equal and _same_numbers(tensor_at(model, target_path), source, transposed)
        _forward(model, inputs)
        later = _same_numbers(tensor_at(model, target_path), parameter_at(model, source_path), transposed)
    return Link(target is source, one_storage, equal, gradient, follows, later)


def _forward(model: nn.Module, inputs: Inputs | None) -> None:
    if inputs is not None:
        answered(model, inputs)


def reaches(target: Tensor, source: nn.Parameter) -> bool:
    """Whether a loss on the target gives the source a gradient."""
    if not target.requires_grad or not source.requires_grad:
        return False
    loss = (target * torch.rand_like(target)).sum()
    (gradient,) = torch.autograd.grad(loss, [source], retain_graph=True, allow_unused=True)
    return gradient is not None and bool(gradient.any())


def _same_numbers(target: Tensor, source: Tensor, transposed: bool) -> bool:
    wanted = source.transpose(0, 1) if transposed and source.dim() > 1 else source
    if target.dim() == wanted.dim() > 0 and target.shape[1:] == wanted.shape[1:] and len(target) < len(wanted):
        wanted = wanted[: len(target)]  # a slice of the source is as much a tie as the whole
    if target.shape != wanted.shape or target.dtype != wanted.dtype:
        return False
    return bool(((target == wanted) | ((target != target) & (wanted != wanted))).all())


def answered(model: nn.Module, inputs: Inputs) -> object:
    """The model's answer to copies of the inputs, which it may change as it likes."""
    if isinstance(inputs, Mapping):
        return model(**{name: _copied(value) for name, value in inputs.items()})
    return model(*(_copied(value) for value in inputs))


def _copied(value: object) -> object:
    match value:
        case Tensor():
            return value.detach().clone().requires_grad_(value.requires_grad)
        case dict():
            return {key: _copied(item) for key, item in value.items()}
        case list():
            return [_copied(item) for item in value]
        case tuple() if type(value) is tuple:
            return tuple(_copied(item) for item in value)
    return value


def floating_tensors(output: object) -> list[Tensor]:
    """The floating tensors in what a model returned."""
    match output:
        case Tensor():
            return [output] if output.is_floating_point() else []
        case Mapping():
            return [tensor for value in output.values() for tensor in floating_tensors(value)]
        case tuple() | list():
            return [tensor for value in output for tensor in floating_tensors(value)]
    return []


# ---------------------------------------------------------------------- paths


def tensor_at(model: nn.Module, path: str) -> Tensor:
    """The tensor at a dotted path: a Parameter, a buffer or what a property computes.

    Raises AttributeError for a path that leads nowhere, TypeError for what is no tensor.
    """
    owner, leaf = owner_at(model, path)
    found = _step(owner, leaf, path)
    if not isinstance(found, Tensor):
        raise TypeError(f"{path} is a {type(found).__name__}, not a tensor")
    return found


def parameter_at(model: nn.Module, path: str) -> nn.Parameter:
    """The Parameter at a dotted path. Raises what `tensor_at` raises, and TypeError for a plain tensor."""
    found = tensor_at(model, path)
    if not isinstance(found, nn.Parameter):
        raise TypeError(f"{path} is a plain tensor, not a Parameter")
    return found


def owner_at(model: nn.Module, path: str) -> tuple[object, str]:
    """What holds the last name of a path, and that name."""
    *holders, leaf = path.split(".")
    owner: object = model
    for name in holders:
        owner = _step(owner, name, path)
    return owner, leaf


def _step(owner: object, name: str, path: str) -> object:
    try:
        if isinstance(owner, list | tuple):
            return owner[int(name)]
        if isinstance(owner, dict):
            return owner[name]
        return getattr(owner, name)
    except (AttributeError, IndexError, KeyError, ValueError):
        raise AttributeError(f"{path}: {type(owner).__name__} has no {name!r}") from None

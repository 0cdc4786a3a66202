"""A copy of a model to experiment on: what shared memory in the original shares it in the copy.

`copy.deepcopy` alone gives every Parameter a storage of its own, so that an alias is lost, and fails on a tensor with a
history. Used by `links.py` and `probes.py`, which may do to the copy what they like.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Iterator, MutableMapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

Model = TypeVar("Model", bound=nn.Module)

_Memo = dict[int, object]


def faithful_copy(model: Model) -> Model:
    """A deep copy, tied and aliased like the original, whose hooks act on the copy.

    A tensor with a history that is a view of a Parameter becomes the same view of the copied Parameter, any other one a
    tensor without history. Raises what `copy.deepcopy` raises for parts that can't be copied.
    """
    memo: _Memo = {}
    kept: list[Tensor] = []  # deepcopy knows objects by their id, so none may vanish while it runs
    tensors = {id(tensor): tensor for _, tensor in kept_tensors(model)}
    for tensor in tensors.values():
        if type(tensor) is nn.Parameter and not is_lazy(tensor):
            memo[id(tensor)] = _copied_parameter(tensor, memo, kept)
    for tensor in tensors.values():
        if type(tensor) is Tensor and tensor.grad_fn is not None:
            memo[id(tensor)] = _copied_result(tensor, memo, kept)
    duplicate = copy.deepcopy(model, memo)
    for module in duplicate.modules():
        _rebind(module.__dict__, memo)
    return duplicate


def kept_tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Every tensor in the attributes of a model's modules, with its path: Parameters, buffers, and plain attributes.

    Lists, tuples and dictionaries are looked into. A tensor under two names comes twice.
    """
    for prefix, module in model.named_modules(remove_duplicate=False):
        for name, value in (*module._parameters.items(), *module._buffers.items(), *_plain_attributes(module)):
            yield from _tensors(f"{prefix}.{name}" if prefix else name, value, depth=4)


def _plain_attributes(module: nn.Module) -> Iterator[tuple[str, object]]:
    own = ("_parameters", "_buffers", "_modules")
    return ((name, value) for name, value in vars(module).items() if name not in own)


def _tensors(path: str, value: object, depth: int) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield path, value
    elif depth and isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _tensors(f"{path}.{index}", item, depth - 1)
    elif depth and isinstance(value, dict):
        for key, item in value.items():
            yield from _tensors(f"{path}.{key}", item, depth - 1)


def _copied_parameter(parameter: nn.Parameter, memo: _Memo, kept: list[Tensor]) -> nn.Parameter:
    duplicate = nn.Parameter(_copied_data(parameter, memo, kept), parameter.requires_grad)
    duplicate.__dict__.update(copy.deepcopy(parameter.__dict__, memo))
    if parameter.grad is not None:
        duplicate.grad = parameter.grad.detach().clone()
    return duplicate


def _copied_result(tensor: Tensor, memo: _Memo, kept: list[Tensor]) -> Tensor:
    original = tensor._base
    # `.to()` gives a Parameter another storage, and leaves its views with the old one
    in_place = original is not None and storage_key(original) == storage_key(tensor)
    base = memo.get(id(original)) if in_place else None
    if isinstance(base, nn.Parameter):
        return base.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())
    return _copied_data(tensor, memo, kept)


def _copied_data(tensor: Tensor, memo: _Memo, kept: list[Tensor]) -> Tensor:
    """The numbers alone. torch copies each storage once for one memo, so that views of one stay views of one.

    Not so on the meta device, where there are no numbers to look at either.
    """
    plain = tensor.detach()
    kept.append(plain)
    return copy.deepcopy(plain, memo)


def storage_key(tensor: Tensor) -> tuple[str, int]:
    """The same for tensors in one memory, whatever views of it they are."""
    if tensor.layout is not torch.strided:
        return str(tensor.device), id(tensor)
    storage = tensor.untyped_storage()
    return str(tensor.device), storage.data_ptr() or storage._cdata


# ---------------------------------------------------------------------- functions


def _rebind(attributes: MutableMapping[str, object], memo: _Memo) -> None:
    """Hooks and replaced methods are functions, which deepcopy leaves as they are: bound to the original's modules."""
    for name, value in list(attributes.items()):
        if isinstance(value, types.FunctionType):
            attributes[name] = _rebound(value, memo, set())
        elif isinstance(value, dict) and name.endswith("_hooks"):
            for key, hook in list(value.items()):
                value[key] = _rebound(hook, memo, set())


def _rebound(value: object, memo: _Memo, seen: set[int]) -> object:
    """What takes a value's place in the copy; a function is made anew where something that it refers to was copied."""
    if isinstance(value, types.MethodType):
        return types.MethodType(value.__func__, memo.get(id(value.__self__), value.__self__))
    if not isinstance(value, types.FunctionType) or id(value) in seen:
        return memo.get(id(value), value)
    seen.add(id(value))
    cells = [_rebound_cell(cell, memo, seen) for cell in value.__closure__ or ()]
    defaults = [_rebound(default, memo, seen) for default in value.__defaults__ or ()]
    named = {name: value.__globals__[name] for name in value.__code__.co_names if name in value.__globals__}
    copied = {name: memo[id(held)] for name, held in named.items() if isinstance(held, nn.Module) and id(held) in memo}
    keywords = {name: _rebound(default, memo, seen) for name, default in (value.__kwdefaults__ or {}).items()}
    kept = _same(defaults, value.__defaults__) and _same([*keywords.values()], [*(value.__kwdefaults__ or {}).values()])
    if not copied and kept and _same(cells, value.__closure__):
        return value
    scope = {**value.__globals__, **copied}
    made = types.FunctionType(value.__code__, scope, value.__name__, tuple(defaults) or None, tuple(cells) or None)
    made.__kwdefaults__ = keywords or None
    return made


def _rebound_cell(cell: types.CellType, memo: _Memo, seen: set[int]) -> types.CellType:
    try:
        content = cell.cell_contents
    except ValueError:  # nothing was put into it yet
        return cell
    rebound = _rebound(content, memo, seen)
    return cell if rebound is content else types.CellType(rebound)


def _same(new: Sequence[object], old: Sequence[object] | None) -> bool:
    return all(one is other for one, other in zip(new, old or (), strict=True))

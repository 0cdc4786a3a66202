"""Which weights of a model belong together: by object, by storage, by value. Called by `inspection.py`.

Nothing runs here but comparisons, in linear time: values are compared only among tensors whose samples are equal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from tielint.torch.copying import kept_tensors, storage_key
from tielint.torch.tie_report import Counts, Group, Layout, Member, Relation

SAMPLE = 64
"""So many elements are looked at before whole tensors are compared."""

COMPUTED = ("weight", "bias")
"""Attributes that a layer with a functional tie computes at each use, with a property or a parametrization."""

LARGEST_MASK = 1 << 26
"""Views whose common memory is larger, in bytes, are taken to overlap when their ranges do."""


@dataclass(frozen=True, slots=True)
class Named:
    """A tensor and the names that it has in the model."""

    tensor: Tensor
    names: tuple[str, ...]

    @property
    def trained(self) -> bool:
        return isinstance(self.tensor, nn.Parameter) and self.tensor.requires_grad


def parameters_of(model: nn.Module) -> list[Named]:
    """Each Parameter once, with all its names."""
    names: dict[int, list[str]] = {}
    found: dict[int, nn.Parameter] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        found[id(parameter)] = parameter
        names.setdefault(id(parameter), []).append(name)
    return [Named(parameter, tuple(dict.fromkeys(names[key]))) for key, parameter in found.items()]


def count(parameters: Iterable[Named]) -> Counts:
    """The size of what was named; Parameters that wait for their first forward pass count as empty."""
    sizes = [(0 if is_lazy(named.tensor) else named.tensor.numel(), named) for named in parameters]
    storages = {storage_key(named.tensor): named.tensor.untyped_storage().nbytes() for size, named in sizes if size}
    return Counts(
        parameters=len(sizes),
        names=sum(len(named.names) for _, named in sizes),
        elements=sum(size for size, _ in sizes),
        elements_by_name=sum(size * len(named.names) for size, named in sizes),
        nbytes=sum(storages.values()),
        nbytes_by_name=sum(size * named.tensor.element_size() * len(named.names) for size, named in sizes if size),
    )


def tied(model: nn.Module, parameters: Iterable[Named]) -> Iterator[Group]:
    """Parameters with several names, and those that another layer computes its own weight from."""
    computed = _computed(model)
    for named in parameters:
        members = [Member(name) for name in named.names]
        if not is_lazy(named.tensor):
            for name, tensor in computed.get(storage_key(named.tensor), ()):
                own = tensor is named.tensor or tensor._base is named.tensor
                trained = tensor.requires_grad == named.tensor.requires_grad
                if own and trained and (layout := overlap(named.tensor, tensor)):
                    members.append(Member(name, layout))
        if len(members) > 1:
            yield Group(Relation.TIED, tuple(members), _shape(named.tensor))


def aliased(parameters: Iterable[Named]) -> Iterator[Group]:
    """Different Parameters over one storage, where their memory really overlaps."""
    order: dict[int, int] = {}
    together: dict[tuple[str, int], list[Named]] = {}
    for named in parameters:
        order[id(named)] = len(order)
        if not is_lazy(named.tensor) and named.tensor.numel():
            together.setdefault(storage_key(named.tensor), []).append(named)
    for same_storage in together.values():
        same_storage.sort(key=lambda named: _byte_range(named.tensor))
        for cluster in _clusters(same_storage):
            left = sorted(cluster, key=lambda named: order[id(named)])
            while left:
                first, *others = left
                layouts = [(named, overlap(first.tensor, named.tensor)) for named in others]
                members = [Member(named.names[0], layout) for named, layout in layouts if layout]
                if members:
                    yield Group(Relation.ALIAS, (Member(first.names[0]), *members), _shape(first.tensor))
                left = [named for named, layout in layouts if not layout]


def _clusters(sorted_by_range: list[Named]) -> Iterator[list[Named]]:
    cluster: list[Named] = []
    end = -1
    for named in sorted_by_range:
        start, stop = _byte_range(named.tensor)
        if cluster and start >= end:
            yield cluster
            cluster = []
        cluster.append(named)
        end = max(end, stop) if len(cluster) > 1 else stop
    if cluster:
        yield cluster


def copied(
    model: nn.Module,
    parameters: Iterable[Named],
    follows: Callable[[str], bool],
    progress: Callable[[list[Named]], Iterable[Named]],
) -> Iterator[Group]:
    """Parameters and buffers with the same numbers in separate storage, unless all their numbers are one number.

    follows: whether a name says that its bearer follows another one on purpose (a target network, an average).
    """
    alike = _LayersBuiltAlike(model)
    buffers = [Named(tensor, (name,)) for name, tensor in model.named_buffers()]
    groups: list[tuple[Named, list[tuple[Named, Layout]]]] = []
    candidates: dict[object, list[int]] = {}
    storages = set()
    for named in progress([*parameters, *buffers]):
        if is_lazy(named.tensor) or named.tensor.layout is not torch.strided:
            continue
        place = (*storage_key(named.tensor), *_byte_range(named.tensor))
        if place in storages:
            continue
        storages.add(place)
        key = _sample(named.tensor)
        if key is None:
            continue
        for index in candidates.setdefault(key, []):
            layout = _equal(groups[index][0].tensor, named.tensor)
            if layout:
                groups[index][1].append((named, layout))
                break
        else:
            candidates[key].append(len(groups))
            groups.append((named, []))
    for first, others in groups:
        if others:
            together = [first, *(other for other, _ in others)]
            members = (Member(first.names[0]), *(Member(other.names[0], layout) for other, layout in others))
            buffered = any(not isinstance(named.tensor, nn.Parameter) for named in together)
            expected = _why_expected(together, follows)
            same_layout = all(layout is Layout.SAME for _, layout in others)
            if not expected and same_layout and all(alike(first.names[0], named.names[0]) for named, _ in others):
                expected = "layers that were built alike"
            if not expected and same_layout and not all(_is_drawn(model, named) for named in together):
                expected = "perhaps the same initial values: no layer of torch drew them at random"
            yield Group(
                Relation.STALE if buffered else Relation.COPY,
                members,
                _shape(first.tensor),
                expected=expected,
                detail="a buffer with the numbers that the Parameter once had" if buffered else "",
            )


def _why_expected(together: list[Named], follows: Callable[[str], bool]) -> str:
    """Why equal numbers are no sign of a broken tie; empty if they may be one."""
    if len({follows(named.names[0]) for named in together}) == 2:
        return "one side follows the other, its name says"
    if not any(named.trained for named in together):
        return "none of them is trained"
    if any(isinstance(named.tensor, nn.Parameter) and not named.trained for named in together):
        return "one side is frozen"
    return ""


def _is_drawn(model: nn.Module, named: Named) -> bool:
    """Whether it is a weight that a layer of torch draws at random when it is made, so that two are never equal."""
    owner, _, leaf = named.names[0].rpartition(".")
    kind = type(model.get_submodule(owner))
    return kind.__module__.startswith("torch.nn.") and leaf.startswith(("weight", "in_proj_weight"))


class _LayersBuiltAlike:
    """Whether two Parameters belong to two layers of one stack that were equal as a whole when they were made."""

    def __init__(self, model: nn.Module) -> None:
        self._modules = dict(model.named_modules(remove_duplicate=False))
        self._known: dict[tuple[str, str], bool] = {}

    def __call__(self, one: str, other: str) -> bool:
        pair = self._layers(one, other)
        if pair is None:
            return False
        if pair not in self._known:
            left, right = (dict(self._modules[path].named_parameters()) for path in pair)
            same = left.keys() == right.keys() and len(left) > 1
            self._known[pair] = same and all(_equal(left[name], right[name]) is Layout.SAME for name in left)
        return self._known[pair]

    def _layers(self, one: str, other: str) -> tuple[str, str] | None:
        left, right = one.split("."), other.split(".")
        apart = [index for index, (mine, theirs) in enumerate(zip(left, right, strict=False)) if mine != theirs]
        if len(left) != len(right) or len(apart) != 1:
            return None
        end = apart[0] + 1
        paths = ".".join(left[:end]), ".".join(right[:end])
        numbered = re.fullmatch(r"\d+", left[end - 1]) and re.fullmatch(r"\d+", right[end - 1])
        return paths if numbered and all(path in self._modules for path in paths) else None


def kept(model: nn.Module, parameters: Iterable[Named]) -> Iterator[Group]:
    """Tensors that are no Parameters and lie over one, or have one in their history."""
    by_storage: dict[tuple[str, int], list[Named]] = {}
    by_object = {}
    for named in parameters:
        by_object[id(named.tensor)] = named
        if not is_lazy(named.tensor) and named.tensor.numel():
            by_storage.setdefault(storage_key(named.tensor), []).append(named)
    for name, tensor in kept_tensors(model):
        if isinstance(tensor, nn.Parameter) or not tensor.numel() or _is_refreshed(model, name):
            continue
        sources = [named for named in by_storage.get(storage_key(tensor), ()) if overlap(named.tensor, tensor)]
        if not sources:
            sources = [by_object[id(leaf)] for leaf in _leaves(tensor) if id(leaf) in by_object]
        for source in sources[:1]:
            layout = overlap(source.tensor, tensor) or _equal(source.tensor, tensor) or Layout.OVERLAPPING
            yield Group(
                Relation.STALE,
                (Member(source.names[0]), Member(name, layout)),
                _shape(source.tensor),
                detail="a tensor made from the Parameter once, and kept",
            )


def _is_refreshed(model: nn.Module, path: str) -> bool:
    """weight_norm, pruning and the like put a tensor there before every forward pass."""
    owner = path.rpartition(".")[0]
    try:
        return bool(model.get_submodule(owner)._forward_pre_hooks)
    except AttributeError:
        return False


def _leaves(tensor: Tensor) -> list[Tensor]:
    waiting = [tensor.grad_fn]
    seen: set[object] = set()
    leaves: list[Tensor] = []
    while waiting and len(seen) < 10_000:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        leaf = getattr(node, "variable", None)
        if leaf is not None:
            leaves.append(leaf)
        waiting += [following for following, _ in node.next_functions]
    return leaves


def _computed(model: nn.Module) -> dict[tuple[str, int], list[tuple[str, Tensor]]]:
    found: dict[tuple[str, int], list[tuple[str, Tensor]]] = {}
    for path, module in model.named_modules():
        for name in COMPUTED:
            if isinstance(getattr(type(module), name, None), property):
                buffers = [(buffer, buffer.clone()) for buffer in module.buffers()]  # spectral_norm turns its own
                try:
                    value = getattr(module, name)
                except Exception:  # a property of the user's may fail for any reason; then it is no tie
                    continue
                finally:
                    for buffer, before in buffers:
                        buffer.data.copy_(before)
                if isinstance(value, Tensor):
                    found.setdefault(storage_key(value), []).append((f"{path}.{name}" if path else name, value))
    return found


# ---------------------------------------------------------------------- two tensors


def overlap(one: Tensor, other: Tensor) -> Layout | None:
    """How two tensors over one storage lie to each other; None where they have no element in common."""
    if storage_key(one) != storage_key(other):
        return None
    where = one.shape, one.stride(), one.storage_offset()
    if one.dtype == other.dtype:
        if where == (other.shape, other.stride(), other.storage_offset()):
            return Layout.SAME
        turned = other.transpose(0, 1) if other.dim() >= 2 else other
        if where == (turned.shape, turned.stride(), turned.storage_offset()):
            return Layout.TRANSPOSED
    (start, stop), (from_, to) = _byte_range(one), _byte_range(other)
    if stop <= from_ or to <= start:
        return None
    if max(stop, to) - min(start, from_) > LARGEST_MASK or one.element_size() != other.element_size():
        return Layout.OVERLAPPING
    first = min(one.storage_offset(), other.storage_offset())
    size = (max(stop, to) - min(start, from_)) // one.element_size()
    touched = torch.zeros(size, dtype=torch.bool)
    touched.as_strided(one.shape, one.stride(), one.storage_offset() - first).fill_(True)
    common = touched.as_strided(other.shape, other.stride(), other.storage_offset() - first).any()
    return Layout.OVERLAPPING if bool(common) else None


def _byte_range(tensor: Tensor) -> tuple[int, int]:
    start = int(tensor.storage_offset())
    last = start + sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True))
    return start * tensor.element_size(), (last + 1) * tensor.element_size()


def _sample(tensor: Tensor) -> object:
    """What tensors of equal numbers have in common, transposed or not; None for one number all over, or no numbers."""
    plain = tensor.detach()
    if plain.is_meta or not plain.numel() or plain.layout is not torch.strided or plain.is_complex():
        return None
    if plain.dim() == 2:
        few = plain.diagonal()[:SAMPLE]
    else:
        indices = torch.linspace(0, plain.numel() - 1, min(SAMPLE, plain.numel())).long().to(plain.device)
        few = plain[torch.unravel_index(indices, plain.shape)] if plain.dim() else plain.reshape(1)
    numbers = tuple(few.tolist())
    if len(set(numbers)) < 2 and bool((plain == numbers[0]).all()):
        return None
    return plain.dtype, tuple(sorted(plain.shape)) if plain.dim() == 2 else tuple(plain.shape), plain.device, numbers


def _equal(one: Tensor, other: Tensor) -> Layout | None:
    if one.is_meta or other.is_meta:
        return None
    if one.shape == other.shape and torch.equal(one, other):
        return Layout.SAME
    if one.dim() == 2 == other.dim() and one.shape == other.t().shape and torch.equal(one, other.t()):
        return Layout.TRANSPOSED
    return None


def _shape(tensor: Tensor) -> tuple[int, ...]:
    return () if is_lazy(tensor) else tuple(tensor.shape)

"""What each operation of a training job leaves of a model's ties, tried out on copies. Called by `inspection.py`."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from tielint.torch.copying import faithful_copy
from tielint.torch.grouping import overlap
from tielint.torch.links import Inputs, answered, floating_tensors, tensor_at
from tielint.torch.tie_report import Group, Layout, Outcome, Relation
from tielint.torch.training import loss_of

MakeOptimizer: TypeAlias = Callable[[list[nn.Parameter]], Optimizer]
"""An optimizer's class, or whatever makes one of a list of Parameters."""

_PROBED = (Relation.TIED, Relation.ALIAS, Relation.COPY)


@dataclass(frozen=True, slots=True)
class Probe:
    """An operation: its name, and what makes of a copy the model that is looked at. steps: it is an optimizer's."""

    name: str
    run: Callable[[nn.Module], nn.Module]
    steps: bool = False


def probes(model: nn.Module, inputs: Inputs | None, optimizer: MakeOptimizer) -> tuple[Probe, ...]:
    """One optimizer step (where something is trained), another dtype, a deep copy, a state_dict that is loaded."""
    other = _another_dtype(model)
    name = f"{getattr(optimizer, '__name__', 'optimizer')} step"
    step = Probe(name, lambda it: _stepped(it, inputs, optimizer), steps=True)
    return (
        *([step] if any(parameter.requires_grad for parameter in model.parameters()) else []),
        Probe(f".to({str(other).removeprefix('torch.')})", lambda it: it.to(other)),
        Probe("deepcopy", copy.deepcopy),
        Probe("load_state_dict", _reloaded),
        Probe("load_state_dict(assign=True)", lambda it: _reloaded(it, assign=True)),
    )


def tried(model: nn.Module, groups: Iterable[Group], attempts: Iterable[Probe]) -> Iterator[Group | str]:
    """The groups with what became of them; a line of text for each operation that fails.

    Each operation has a copy of its own. Raises what `copy.deepcopy` raises.
    """
    groups = list(groups)
    outcomes: list[list[Outcome]] = [[] for _ in groups]
    for probe in attempts:
        subject = faithful_copy(model)
        try:
            after = probe.run(subject)
        except Exception as error:
            yield f"{probe.name} fails: {one_line(error)}"
            continue
        for group, found in zip(groups, outcomes, strict=True):
            if group.relation in _PROBED and not group.expected:
                found.append(_outcome(probe, group, after))
    for group, found in zip(groups, outcomes, strict=True):
        yield replace(group, outcomes=tuple(found))


def _outcome(probe: Probe, group: Group, model: nn.Module) -> Outcome:
    operation = probe.name
    first, *others = group.members
    try:
        source = tensor_at(model, first.name)
        pairs = [(source, tensor_at(model, other.name), other.layout) for other in others]
    except (AttributeError, TypeError) as error:
        return Outcome(operation, "error", kept=False, detail=str(error))
    relations = {_relation(*pair) for pair in pairs}
    left = relations.pop() if len(relations) == 1 else "partly " + sorted(relations)[0]
    apart = max(_apart(*pair) for pair in pairs)
    kept = left == group.relation.value
    if probe.steps and left == Relation.ALIAS.value:
        return Outcome(operation, left, kept, f"one storage, stepped {len(group.members)} times")
    return Outcome(operation, left, kept, f"{apart:.2g} apart" if apart else "")


def _relation(source: Tensor, other: Tensor, layout: Layout) -> str:
    if source is other:
        return Relation.TIED.value
    if overlap(source, other):
        computed = not isinstance(other, nn.Parameter) and other.requires_grad
        return Relation.TIED.value if computed else Relation.ALIAS.value
    return "independent" if _apart(source, other, layout) else Relation.COPY.value


def _apart(source: Tensor, other: Tensor, layout: Layout) -> float:
    """How far the numbers are from each other, at most; 0 where they can't be compared."""
    turned = source.detach().transpose(0, 1) if layout is Layout.TRANSPOSED else source.detach()
    if layout is Layout.OVERLAPPING or turned.is_meta or turned.shape != other.shape or not turned.numel():
        return 0.0
    return float((turned - other.detach()).abs().max())


def _stepped(model: nn.Module, inputs: Inputs | None, optimizer: MakeOptimizer) -> nn.Module:
    """One step, with the gradients of a pass where there are inputs, else with random ones."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    stepper = optimizer(parameters)
    stepper.zero_grad()
    loss = loss_of(floating_tensors(answered(model, inputs))) if inputs is not None else None
    if loss is not None:
        loss.backward()  # type: ignore[no-untyped-call]
    else:
        for parameter in parameters:
            parameter.grad = torch.randn_like(parameter)
    try:
        stepper.step()
    except TypeError:  # LBFGS and its like want to ask for the loss themselves
        stepper.step(lambda: 0.0)
    return model


def _reloaded(model: nn.Module, *, assign: bool = False) -> nn.Module:
    """With other numbers first, so that loading has something to do."""
    state = copy.deepcopy(model.state_dict())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.rand_like(parameter))
    model.load_state_dict(state, assign=assign)
    return model


def _another_dtype(model: nn.Module) -> torch.dtype:
    widths = {parameter.dtype for parameter in model.parameters() if parameter.is_floating_point()}
    return torch.bfloat16 if torch.float32 in widths or torch.float64 in widths else torch.float32


def one_line(error: Exception) -> str:
    """An exception for a note."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"

"""`inspect`: what the ties of a live model really are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from tielint.torch import grouping, probes, training
from tielint.torch.copying import faithful_copy
from tielint.torch.links import Inputs
from tielint.torch.random_state import same_random_state
from tielint.torch.tie_report import Group, TieReport
from tielint.vocabulary import follows_on_purpose, words

PROBED_ELEMENTS = 250_000_000
"""Larger models are not copied to be probed, unless it is asked for."""

FORWARD_FAILS = "the forward pass fails: "
"""How the note begins that says why gradients could not be looked at."""

Item = TypeVar("Item")


def inspect(
    model: nn.Module,
    inputs: Inputs | None = None,
    *,
    optimizer: probes.MakeOptimizer = torch.optim.AdamW,
    probe: bool | None = None,
    progress: bool = False,
) -> TieReport:
    """Groups what shares an object, a storage or its numbers, and tries out what becomes of it.

    The model is read only. Whatever runs, runs on copies, and the random generators go on as if nothing had run.

    inputs: the arguments of `forward`, in a mapping where they are named. With them, Parameters are found that get no
    gradient though the output depends on them, and uses that cut the gradient. optimizer: the class whose step is
    tried. probe: whether to try operations on copies; by default where the model has at most `PROBED_ELEMENTS`
    elements. progress: show a bar on stderr.

    Time is linear in the number of Parameters: values are compared where small samples of them are equal.
    Raises TypeError for what is no module.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"inspect needs a torch.nn.Module, not {type(model).__name__}")
    with same_random_state(model):
        return _inspected(model, inputs, optimizer, probe, progress)


def _inspected(
    model: nn.Module,
    inputs: Inputs | None,
    optimizer: probes.MakeOptimizer,
    probe: bool | None,
    progress: bool,
) -> TieReport:
    parameters = grouping.parameters_of(model)
    counts = grouping.count(parameters)
    groups = [*grouping.tied(model, parameters), *grouping.aliased(parameters), *grouping.kept(model, parameters)]
    with torch.no_grad():
        groups += grouping.copied(
            model, parameters, lambda name: follows_on_purpose(words(name)), _bar if progress else iter
        )
    notes = _notes(parameters)
    if probe is None and counts.elements > PROBED_ELEMENTS:
        notes.append(f"not probed: more than {PROBED_ELEMENTS:,} elements (probe=True does it all the same)")
    elif probe is not False and not any(is_lazy(named.tensor) or named.tensor.is_meta for named in parameters):
        groups = _probed(model, inputs, optimizer, groups, notes)
    layers = tuple(
        name for name, module in model.named_modules() if any(True for _ in module.parameters(recurse=False))
    )
    return TieReport(type(model).__name__, counts, tuple(groups), tuple(notes), layers)


def _probed(
    model: nn.Module,
    inputs: Inputs | None,
    optimizer: probes.MakeOptimizer,
    groups: list[Group],
    notes: list[str],
) -> list[Group]:
    try:
        subject = faithful_copy(model)
    except Exception as error:  # the user's __deepcopy__ may raise anything
        notes.append(f"not probed, for the model can't be copied: {probes.one_line(error)}")
        return groups
    if inputs is not None:
        try:
            groups = [*groups, *training.without_gradient(subject, inputs)]
        except Exception as error:  # and so may the user's forward
            notes.append(f"{FORWARD_FAILS}{probes.one_line(error)}")
            inputs = None
    results = list(probes.tried(model, groups, probes.probes(model, inputs, optimizer)))
    notes += [result for result in results if isinstance(result, str)]
    return [result for result in results if isinstance(result, Group)]


def _notes(parameters: Iterable[grouping.Named]) -> list[str]:
    lazy = sum(is_lazy(named.tensor) for named in parameters)
    meta = sum(named.tensor.is_meta for named in parameters)
    notes = []
    if lazy:
        notes.append(
            f"{lazy} Parameters wait for their first forward pass: they have no shape yet; the model is not probed"
        )
    if meta:
        notes.append(f"{meta} Parameters are on the meta device: they have no numbers to compare")
    return notes


def _bar(items: list[Item]) -> Iterable[Item]:
    from rich.console import Console
    from rich.progress import track

    return track(items, "comparing values", console=Console(stderr=True), transient=True)

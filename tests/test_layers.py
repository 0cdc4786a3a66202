"""The table of layers, held against the classes themselves."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import nn

from tielint.layers import LAYERS

SIZES = {
    "num_groups": 2,
    "kernel_size": 3,
    "num_heads": 2,
}
"""Arguments that can't be any number; every other size is one of its own."""


def make(name: str, **switches: bool) -> tuple[nn.Module, dict[str, object]]:
    """A layer of the class, and the arguments that it was made with."""
    kind = getattr(nn, name.rpartition(".")[2])
    required = [
        parameter.name
        for parameter in inspect.signature(kind).parameters.values()
        if parameter.default is inspect.Parameter.empty and parameter.name not in ("args", "kwargs")
    ]
    if name.rpartition(".")[2] in ("RNN", "LSTM", "GRU"):
        required = ["input_size", "hidden_size"]
    given: dict[str, object] = {each: SIZES.get(each, 4 + 2 * index) for index, each in enumerate(required)}
    return kind(**given, **switches), given


@pytest.mark.parametrize("name", sorted(set(LAYERS) - {"torch.nn.LazyLinear"}))
def test_parameters_and_shapes(name: str) -> None:
    layer, given = make(name)
    held = dict(layer.named_parameters(recurse=False))
    for parameter, dims in LAYERS[name].parameters.items():
        if parameter in LAYERS[name].absent or (parameter not in held and "_l" in parameter):
            assert parameter not in held
            continue
        shape = held[parameter].shape
        assert len(shape) == len(dims)
        for size, dim in zip(shape, dims, strict=True):
            assert dim is None or dim not in given or size == given[dim]


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_arguments_stand_in_their_order(name: str) -> None:
    if name.rpartition(".")[2] in ("RNN", "LSTM", "GRU"):
        pytest.skip("takes *args")
    kind = getattr(nn, name.rpartition(".")[2])
    names = list(inspect.signature(kind).parameters)
    listed = list(LAYERS[name].arguments)
    assert names[: len(listed)] == listed


@pytest.mark.parametrize(
    ("name", "parameter", "switch"),
    [(name, *pair) for name, layer in LAYERS.items() for pair in layer.optional.items() if "Lazy" not in name],
)
def test_switches(name: str, parameter: str, switch: str) -> None:
    off, _ = make(name, **{switch: False})
    on, _ = make(name, **{switch: True})
    assert getattr(off, parameter) is None
    assert isinstance(getattr(on, parameter), torch.nn.Parameter)

"""TiedLinear in everything that a training job does to a layer: the package's class, and the one that a fix writes."""

from __future__ import annotations

import copy
import io
import pickle
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import load_file, load_model, save_file, save_model
from torch import Tensor, nn
from torch.nn.utils import parametrize

import tielint.torch
from tielint.torch import assert_tied, untied_state_dict
from tielint.torch.tied_linear import TiedLinear
from tielint.written_class import class_text

INPUTS, HIDDEN = 8, 3


def _written() -> type[TiedLinear]:
    """The class as a fix writes it, in a module of its own so that pickle finds it."""
    module = ModuleType("a_users_file")
    sys.modules["a_users_file"] = module
    exec("import torch\n" + class_text("torch.nn", "\t", "\n"), module.__dict__)
    found = module.__dict__["TiedLinear"]
    found.__module__ = "a_users_file"
    assert isinstance(found, type)
    return found


CLASSES: dict[str, type[TiedLinear]] = {"package": TiedLinear, "written": _written()}


class Autoencoder(nn.Module):
    """kind: the class of the decoder; `nn.Linear` for a model from before the tie."""

    def __init__(self, kind: type[nn.Module], *, bias: bool = True) -> None:
        super().__init__()
        self.encoder = nn.Linear(INPUTS, HIDDEN)
        if kind is nn.Linear:
            self.decoder: nn.Module = nn.Linear(HIDDEN, INPUTS, bias=bias)
        else:
            self.decoder = kind(self.encoder, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        out = self.decoder(torch.tanh(self.encoder(x)))
        assert isinstance(out, Tensor)
        return out


class Reference(nn.Module):
    """The same tie, spelled out in `forward`."""

    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.encoder = copy.deepcopy(model.encoder)
        self.bias = copy.deepcopy(model.decoder.bias)

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.tanh(self.encoder(x))
        return nn.functional.linear(hidden, self.encoder.weight.t(), self.bias)  # type: ignore[arg-type]


@pytest.fixture(params=CLASSES)
def kind(request: pytest.FixtureRequest) -> type[TiedLinear]:
    return CLASSES[str(request.param)]


@pytest.fixture
def model(kind: type[TiedLinear]) -> Autoencoder:
    torch.manual_seed(0)
    return Autoencoder(kind)


def tie_holds(model: nn.Module) -> bool:
    assert_tied(model, "decoder.weight", "encoder.weight", transposed=True)
    return True


def test_it_is_importable_and_shows_its_size() -> None:
    assert tielint.torch.TiedLinear is TiedLinear
    layer = TiedLinear(nn.Linear(INPUTS, HIDDEN), bias=False)
    assert repr(layer) == f"TiedLinear(in_features={HIDDEN}, out_features={INPUTS}, bias=False)"
    assert (layer.in_features, layer.out_features, layer.bias) == (HIDDEN, INPUTS, None)


def test_its_bias_is_drawn_as_that_of_linear() -> None:
    torch.manual_seed(0)
    layers = [TiedLinear(nn.Linear(INPUTS, HIDDEN)) for _ in range(200)]
    draws = torch.stack([layer.bias for layer in layers if layer.bias is not None])
    bound = HIDDEN**-0.5
    assert 0.9 * bound < draws.abs().max().item() <= bound
    assert abs(draws.mean().item()) < 0.1


def test_a_parameter_is_taken_as_its_bias(kind: type[TiedLinear]) -> None:
    bias = nn.Parameter(torch.ones(INPUTS))
    assert kind(nn.Linear(INPUTS, HIDDEN), bias=bias).bias is bias


def test_gradients_and_training_are_those_of_the_reference(model: Autoencoder) -> None:
    optimizers: list[Callable[[list[nn.Parameter]], torch.optim.Optimizer]] = [
        lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=0.1),
        lambda parameters: torch.optim.AdamW(parameters, lr=0.1),
    ]
    for make in optimizers:
        tied = copy.deepcopy(model).double()
        reference = Reference(tied)
        steppers = [make(list(each.parameters())) for each in (tied, reference)]
        for seed in range(4):
            x = torch.randn(5, INPUTS, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
            for each, stepper in zip((tied, reference), steppers, strict=True):
                stepper.zero_grad()
                (each(x) - x).square().mean().backward()
                stepper.step()
        torch.testing.assert_close(tied.encoder.weight, reference.encoder.weight, rtol=0, atol=1e-12)
        torch.testing.assert_close(tied.decoder.bias, reference.bias, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "move",
    [
        lambda model: model.to(torch.float64),
        lambda model: model.half(),
        lambda model: model.bfloat16(),
        copy.deepcopy,
        lambda model: pickle.loads(pickle.dumps(model)),
        lambda model: _saved(model),
        lambda model: model.share_memory(),
        lambda model: model.requires_grad_(True),
        lambda model: _emptied(model),
    ],
    ids=["to", "half", "bfloat16", "deepcopy", "pickle", "save", "share_memory", "requires_grad_", "to_empty"],
)
def test_it_follows(model: Autoencoder, move: Callable[[nn.Module], nn.Module]) -> None:
    moved = move(model)
    assert tie_holds(moved)
    dtype = next(moved.parameters()).dtype
    assert moved(torch.zeros(2, INPUTS, dtype=dtype)).dtype == dtype


def _emptied(model: nn.Module) -> nn.Module:
    model.to("meta").to_empty(device="cpu")
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    return model


def _saved(model: nn.Module) -> nn.Module:
    buffer = io.BytesIO()
    torch.save(model, buffer)
    buffer.seek(0)
    loaded = torch.load(buffer, weights_only=False)
    assert isinstance(loaded, nn.Module)
    return loaded


def test_it_is_made_on_the_meta_device(kind: type[TiedLinear]) -> None:
    with torch.device("meta"):
        made = Autoencoder(kind)
    assert all(parameter.is_meta for parameter in made.parameters())
    made.to_empty(device="cpu")
    made.decoder.reset_parameters()  # type: ignore[operator]
    made.encoder.reset_parameters()
    assert tie_holds(made)


def test_compile_sees_one_graph(model: Autoencoder) -> None:
    x = torch.randn(2, INPUTS)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), model(x))
    with torch.no_grad():
        model.encoder.weight.add_(1)
    torch.testing.assert_close(compiled(x), model(x))


def test_export_holds_the_weight_once(model: Autoencoder) -> None:
    x = torch.randn(2, INPUTS)
    program = torch.export.export(model, (x,))
    assert sorted(name for name, _ in program.named_parameters()) == ["decoder.bias", "encoder.bias", "encoder.weight"]
    torch.testing.assert_close(program.module()(x), model(x))


def test_functional_call_puts_another_weight_into_both_places(model: Autoencoder) -> None:
    x = torch.randn(2, INPUTS)
    other = {name: torch.zeros_like(value) for name, value in model.named_parameters()}
    out = torch.func.functional_call(model, other, (x,))
    assert torch.equal(out, torch.zeros(2, INPUTS))


def test_the_state_holds_the_weight_once(model: Autoencoder) -> None:
    assert sorted(model.state_dict()) == ["decoder.bias", "encoder.bias", "encoder.weight"]


@pytest.mark.parametrize("assign", [False, True])
def test_an_old_checkpoint_of_equal_numbers_loads_in_silence(kind: type[TiedLinear], assign: bool) -> None:
    old = Autoencoder(nn.Linear)
    old.decoder.weight = nn.Parameter(old.encoder.weight.detach().t().clone())
    new = Autoencoder(kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        new.load_state_dict(old.state_dict(), assign=assign)
    x = torch.randn(2, INPUTS)
    torch.testing.assert_close(new(x), old(x))
    assert tie_holds(new)


def test_an_old_checkpoint_of_other_numbers_is_told_of(kind: type[TiedLinear]) -> None:
    old = Autoencoder(nn.Linear)
    with torch.no_grad():
        old.decoder.weight.copy_(old.encoder.weight.t() + 0.5)  # type: ignore[operator]
    with pytest.warns(UserWarning, match=r"^decoder\.weight in the checkpoint .*they are up to 0\.5 apart"):
        Autoencoder(kind).load_state_dict(old.state_dict())


def test_an_old_checkpoint_of_another_shape_is_told_of(kind: type[TiedLinear]) -> None:
    state = Autoencoder(kind).state_dict()
    state["decoder.weight"] = torch.zeros(2, 2)
    with pytest.warns(UserWarning, match=r"its shape is \(2, 2\), not \(8, 3\)"):
        Autoencoder(kind).load_state_dict(state)


def test_old_readers_get_the_weight_too(kind: type[TiedLinear]) -> None:
    model = Autoencoder(kind)
    old = Autoencoder(nn.Linear)
    old.load_state_dict(untied_state_dict(model))
    x = torch.randn(2, INPUTS)
    torch.testing.assert_close(old(x), model(x))
    again = Autoencoder(TiedLinear)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again.load_state_dict(untied_state_dict(model))


def test_safetensors_saves_and_loads_it(model: Autoencoder, kind: type[TiedLinear], tmp_path: Path) -> None:
    x = torch.randn(2, INPUTS)
    save_file(model.state_dict(), tmp_path / "file.safetensors")
    save_model(model, str(tmp_path / "model.safetensors"))
    other, another = Autoencoder(kind), Autoencoder(kind)
    other.load_state_dict(load_file(tmp_path / "file.safetensors"))
    load_model(another, str(tmp_path / "model.safetensors"))
    torch.testing.assert_close(other(x), model(x))
    torch.testing.assert_close(another(x), model(x))


def test_an_embedding_is_a_source(kind: type[TiedLinear]) -> None:
    embedding = nn.Embedding(9, 4)
    layer = kind(embedding, bias=False)
    assert (layer.in_features, layer.out_features) == (9, 4)
    torch.testing.assert_close(layer(torch.eye(9)), embedding.weight)


# ---------------------------------------------------------------------- what needs no class of its own


def test_a_convolution_and_its_transpose_share_one_parameter() -> None:
    """ConvTranspose2d(o, i) holds the layout of Conv2d(i, o): one Parameter serves both, as the exact adjoint."""
    conv = nn.Conv2d(2, 3, 3, bias=False).double()
    back = nn.ConvTranspose2d(3, 2, 3, bias=False)
    back.weight = conv.weight
    x, y = torch.randn(1, 2, 6, 6).double(), torch.randn(1, 3, 4, 4).double()
    torch.testing.assert_close((conv(x) * y).sum(), (x * back(y)).sum())


class TransposeOf(nn.Module):
    """The alternative that torch itself has, as `docs/ties.md` shows it."""

    def __init__(self, source: nn.Module) -> None:
        super().__init__()
        self._source = (source,)

    def forward(self, own: Tensor) -> Tensor:
        weight = self._source[0].weight
        assert isinstance(weight, Tensor)
        return weight.t()


def test_a_parametrization_ties_too() -> None:
    model = Autoencoder(nn.Linear)
    parametrize.register_parametrization(model.decoder, "weight", TransposeOf(model.encoder))
    assert tie_holds(model)
    assert tie_holds(copy.deepcopy(model).double())

"""`tielint.torch.inspect`, `link` and `assert_tied` on live models: what they say, and that they leave no trace."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tielint.torch import TiedLinear, assert_tied, inspect, link
from tielint.torch.copying import faithful_copy
from tielint.torch.tie_report import Group, Layout, Relation, TieReport


class Pair(nn.Module):
    """An encoder and a decoder that mirrors it, untied."""

    def __init__(self, inputs: int = 8, hidden: int = 3) -> None:
        super().__init__()
        self.encoder = nn.Linear(inputs, hidden)
        self.decoder = nn.Linear(hidden, inputs)

    def forward(self, x: Tensor) -> Tensor:
        out = self.decoder(torch.tanh(self.encoder(x)))
        assert isinstance(out, Tensor)
        return out


class Language(nn.Module):
    """An embedding and an output layer of one layout, untied."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(9, 4)
        self.head = nn.Linear(4, 9, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        out = self.head(self.embedding(tokens))
        assert isinstance(out, Tensor)
        return out


def aliased() -> Pair:
    model = Pair()
    model.decoder.weight = nn.Parameter(model.encoder.weight.t())
    return model


def copied() -> Pair:
    model = Pair()
    model.decoder.weight.data = model.encoder.weight.data.t().clone()
    return model


def tied() -> Language:
    model = Language()
    model.head.weight = model.embedding.weight
    return model


X = (torch.ones(2, 8),)


def only(report: TieReport, relation: Relation) -> Group:
    (group,) = [group for group in report.groups if group.relation is relation]
    return group


# ---------------------------------------------------------------------- what is grouped


def test_one_parameter_under_two_names_is_a_tie() -> None:
    report = inspect(tied())
    assert report.ok
    assert only(report, Relation.TIED).names == ("embedding.weight", "head.weight")
    assert (report.counts.parameters, report.counts.names) == (1, 2)
    assert (report.counts.elements, report.counts.elements_by_name) == (36, 72)
    assert (report.counts.nbytes, report.counts.nbytes_by_name) == (144, 288)


def test_a_tie_that_a_layer_computes_is_one() -> None:
    model = Pair()
    model.decoder = TiedLinear(model.encoder)  # type: ignore[assignment]
    report = inspect(model, X)
    assert report.ok
    group = only(report, Relation.TIED)
    assert [(member.name, member.layout) for member in group.members] == [
        ("encoder.weight", Layout.SAME),
        ("decoder.weight", Layout.TRANSPOSED),
    ]
    assert all(outcome.kept for outcome in group.outcomes)


def test_an_alias_is_found_and_what_ends_it() -> None:
    report = inspect(aliased(), X)
    assert not report.ok
    group = only(report, Relation.ALIAS)
    assert (group.names, group.members[1].layout) == (("encoder.weight", "decoder.weight"), Layout.TRANSPOSED)
    left = {outcome.operation: outcome.left for outcome in group.outcomes}
    assert left == {
        "AdamW step": "alias",
        ".to(bfloat16)": "copy",
        "deepcopy": "copy",
        "load_state_dict": "alias",
        "load_state_dict(assign=True)": "alias",
    }
    assert report.counts.nbytes < report.counts.nbytes_by_name


def test_a_copy_is_found_and_parts_at_the_first_step() -> None:
    group = only(inspect(copied(), X), Relation.COPY)
    assert group.members[1].layout is Layout.TRANSPOSED
    assert group.is_broken
    assert [outcome.left for outcome in group.outcomes if outcome.operation == "AdamW step"] == ["independent"]


def test_views_that_overlap_are_aliases_and_views_that_do_not_are_none() -> None:
    class Flat(nn.Module):
        def __init__(self, second: slice) -> None:
            super().__init__()
            flat = torch.randn(10, 4)
            self.one, self.two = nn.Parameter(flat[:5]), nn.Parameter(flat[second])
            self.left, self.right = nn.Parameter(flat[:, :0]), nn.Parameter(flat[:, :0])

    assert inspect(Flat(slice(5, 10))).aliases == ()
    (group,) = inspect(Flat(slice(4, 9))).aliases
    assert group.members[1].layout is Layout.OVERLAPPING

    class Columns(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            flat = torch.randn(10, 4)
            self.left, self.right = nn.Parameter(flat[:, :2]), nn.Parameter(flat[:, 2:])

    assert inspect(Columns()).aliases == ()


def test_a_tensor_that_was_made_once_and_kept_is_stale() -> None:
    model = Pair()
    model.kept = model.encoder.weight.t()
    model.register_buffer("values", model.decoder.weight.detach().clone())
    report = inspect(model)
    names = {group.names for group in report.groups if group.relation is Relation.STALE}
    assert names == {("encoder.weight", "kept"), ("decoder.weight", "values")}
    assert any("deepcopy fails" in note for note in report.notes)


def test_what_weight_norm_recomputes_is_not_stale() -> None:
    model = Pair()
    with pytest.warns(FutureWarning):
        torch.nn.utils.weight_norm(model.decoder)
    assert inspect(model, X).ok


def test_a_use_without_the_gradient_is_found_with_its_line() -> None:
    class Cut(Pair):
        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.linear(torch.tanh(self.encoder(x)), self.encoder.weight.data.t())

    group = only(inspect(Cut(), X), Relation.GRAD_CUT)
    assert group.names == ("encoder.weight",)
    (origin,) = group.origins
    assert origin.path == __file__


def test_a_parameter_that_shapes_the_output_and_learns_nothing_is_found() -> None:
    class Shifted(Pair):
        def __init__(self) -> None:
            super().__init__()
            self.shift = nn.Parameter(torch.ones(8))
            self.unused = nn.Parameter(torch.ones(8))

        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) + self.shift.detach()

    assert only(inspect(Shifted(), X), Relation.UNTRAINED).names == ("shift",)


def test_a_layer_that_the_output_does_not_need_is_no_finding_whatever_dropout_draws() -> None:
    class WithAPooler(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5))
            self.pooler = nn.Linear(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            hidden: Tensor = self.body(x)
            self.pooler(hidden)
            return hidden

    assert inspect(WithAPooler().train(), X).ok


# ---------------------------------------------------------------------- what is right as it is


def _frozen_target() -> nn.Module:
    model = nn.ModuleDict({"online": nn.Linear(4, 4), "other": nn.Linear(4, 4)})
    model["other"] = copy.deepcopy(model["online"]).requires_grad_(False)
    return model


def _named_target() -> nn.Module:
    model = nn.ModuleDict({"net": nn.Linear(4, 4)})
    model["target_net"] = copy.deepcopy(model["net"])
    return model


def _stack() -> nn.Module:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    return nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)


class Decay(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rates = nn.Parameter(torch.arange(1.0, 9.0).log())


def _same_formula() -> nn.Module:
    return nn.Sequential(Decay(), Decay())


def _constants() -> nn.Module:
    return nn.Sequential(nn.LayerNorm(4), nn.LayerNorm(4), nn.BatchNorm1d(4))


@pytest.mark.parametrize(
    ("make", "reasons"),
    [
        (_frozen_target, {"one side is frozen"}),
        (_named_target, {"one side follows the other, its name says"}),
        (_stack, {"layers that were built alike"}),
        (_same_formula, {"perhaps the same initial values: no layer of torch drew them at random"}),
        (_constants, set()),
    ],
)
def test_equal_numbers_that_are_meant_are_no_broken_tie(make: Callable[[], nn.Module], reasons: set[str]) -> None:
    report = inspect(make())
    assert report.ok
    assert {group.expected for group in report.copies} == reasons


# ---------------------------------------------------------------------- it leaves no trace


def test_the_model_and_the_random_generators_are_as_before() -> None:
    model = aliased()
    model.register_buffer("seen", torch.zeros(()))
    model.encoder.register_forward_hook(lambda *_: model.seen.add_(1) and None)  # type: ignore[operator]
    model.train()
    model(*X).sum().backward()
    state = copy.deepcopy(model.state_dict())
    objects = {name: id(parameter) for name, parameter in model.named_parameters()}
    gradients = {
        name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None
    }
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    expected = (random.random(), np.random.rand(), torch.rand(1))
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    inspect(model, X)
    link(model, "decoder.weight", "encoder.weight", transposed=True, inputs=X)
    assert (random.random(), np.random.rand(), torch.rand(1)) == expected
    assert {name: id(parameter) for name, parameter in model.named_parameters()} == objects
    for name, value in model.state_dict().items():
        assert torch.equal(value, state[name]), name
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        kept = gradients[name]
        assert kept is not None
        assert torch.equal(parameter.grad, kept), name
    assert model.training
    assert model.decoder.weight.data_ptr() == model.encoder.weight.data_ptr()


def test_nothing_that_runs_reaches_the_original_or_the_inputs() -> None:
    model = Pair()
    original_forward = model.forward
    model.forward = lambda x: original_forward(x.add_(1))  # type: ignore[method-assign]

    def count(*_: object, owner: nn.Module = model) -> None:
        owner.seen.add_(1)  # type: ignore[operator]

    model.register_buffer("seen", torch.zeros(()))
    model.encoder.register_forward_hook(count)
    torch.nn.utils.parametrizations.spectral_norm(model.decoder)
    x = torch.ones(2, 8, requires_grad=True)
    before = copy.deepcopy(model.state_dict())
    inspect(model, (x.detach(),))
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(x, torch.ones(2, 8))


def test_a_copy_shares_what_the_original_shares_and_nothing_with_it() -> None:
    model = aliased()
    model.kept = model.encoder.weight[:2]
    model.forward = lambda x: model.encoder(x) * 2  # type: ignore[method-assign]
    duplicate = faithful_copy(model)
    assert duplicate.decoder.weight.data_ptr() == duplicate.encoder.weight.data_ptr()
    assert duplicate.decoder.weight.data_ptr() != model.decoder.weight.data_ptr()
    with torch.no_grad():
        duplicate.encoder.weight.zero_()
        duplicate.encoder.bias.zero_()
    assert isinstance(duplicate.kept, Tensor)
    assert not duplicate.kept.any()
    assert not duplicate(*X).any()
    assert model(*X).any()


# ---------------------------------------------------------------------- what can't be tried


def test_lazy_and_meta_parameters_are_counted_and_named() -> None:
    lazy = inspect(nn.Sequential(*[nn.LazyLinear(4) for _ in range(300)]))
    assert lazy.ok
    assert lazy.notes[0].startswith("600 Parameters wait for their first forward pass")
    with torch.device("meta"):
        meta = inspect(aliased())
    assert meta.notes[0].startswith("4 Parameters are on the meta device")
    assert len(meta.aliases) == 1


def test_sparse_buffers_and_scalars_are_no_trouble() -> None:
    model = Pair()
    model.register_buffer("adjacency", torch.eye(4).to_sparse())
    model.scale, model.other = nn.Parameter(torch.tensor(2.0)), nn.Parameter(torch.tensor(2.0))
    report = inspect(model, X)
    assert report.ok
    assert link(model, "scale", "other").verdict == "copy"


def test_a_model_that_cannot_be_copied_is_told_once() -> None:
    class Hostile(Pair):
        def __deepcopy__(self, _memo: object) -> nn.Module:
            raise RuntimeError("not this one")

    notes = inspect(Hostile(), X).notes
    assert notes[-1] == "not probed, for the model can't be copied: RuntimeError: not this one"


def test_a_forward_that_fails_is_a_note() -> None:
    report = inspect(tied(), (torch.ones(2, 8),))
    assert report.ties
    assert report.notes[0].startswith("the forward pass fails: ")


def test_what_is_no_module_is_refused() -> None:
    with pytest.raises(TypeError, match=r"needs a torch\.nn\.Module, not dict"):
        inspect({})  # type: ignore[arg-type]


def test_a_model_too_large_to_be_copied_is_grouped_all_the_same() -> None:
    with torch.device("meta"):
        model = nn.Sequential(*[nn.Linear(4096, 4096) for _ in range(60)])
    model[7].weight = model[3].weight
    report = inspect(model)
    assert report.counts.elements > 900_000_000
    assert report.ties[0].names == ("3.weight", "7.weight")
    assert any("not probed" in note for note in report.notes)


# ---------------------------------------------------------------------- assert_tied


def test_a_tie_passes() -> None:
    assert_tied(tied(), "head.weight", "embedding.weight")


def test_a_tie_of_zeros_of_frozen_weights_and_under_no_grad_passes() -> None:
    model = Pair()
    model.decoder = TiedLinear(model.encoder)  # type: ignore[assignment]
    for fill in (0.0, float("nan")):
        nn.init.constant_(model.encoder.weight, fill)
        assert_tied(model, "decoder.weight", "encoder.weight", transposed=True)
    model.requires_grad_(False)
    with torch.no_grad():
        assert_tied(model, "decoder.weight", "encoder.weight", transposed=True)
    assert inspect(model).ties


@pytest.mark.parametrize(
    ("make", "transposed", "message"),
    [
        (aliased, True, r"decoder\.weight is not tied to encoder\.weight: alias, two Parameters over one storage"),
        (copied, True, r"decoder\.weight is not tied to encoder\.weight: copy, .* part at the first optimizer step"),
        (Pair, True, r"decoder\.weight is not tied to encoder\.weight: independent"),
        (aliased, False, r"alias, .*; and the layout is the other one"),
    ],
)
def test_a_failure_says_what_it_is_instead(make: Callable[[], nn.Module], transposed: bool, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        assert_tied(make(), "decoder.weight", "encoder.weight", transposed=transposed)


def test_the_wrong_layout_is_told() -> None:
    model = Pair()
    model.decoder = TiedLinear(model.encoder)  # type: ignore[assignment]
    with pytest.raises(AssertionError, match="pass transposed=True"):
        assert_tied(model, "decoder.weight", "encoder.weight")


def test_wrong_paths_are_errors_of_their_own() -> None:
    with pytest.raises(AttributeError, match=r"^decoder\.wieght: Linear has no 'wieght'$"):
        assert_tied(Pair(), "decoder.wieght", "encoder.weight")
    with pytest.raises(TypeError, match=r"^decoder is a Linear, not a tensor$"):
        assert_tied(Pair(), "decoder", "encoder.weight")


pytest_plugins = ["pytester"]


def test_the_plugin_gives_the_guard_to_a_teams_tests(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from torch import nn

        def test_tie(assert_tied):
            model = nn.ModuleDict({"a": nn.Linear(3, 3), "b": nn.Linear(3, 3)})
            assert_tied(model, "a.weight", "b.weight")
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*AssertionError: a.weight is not tied to b.weight: independent*"])

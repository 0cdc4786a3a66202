"""Holds what a fixture claims against PyTorch itself: builds the model, probes its ties, trains it.

Read by `test_fixtures` and `regenerate_fixed`. A fixture's claims are plain literals at its module level:

    TARGET, SOURCE    paths in the live model, `decoder.0.weight`; no TARGET: the tie is in the computation alone
    PAIRS             several `(target, source)` or `(target, source, transposed)` instead of the two
    TRANSPOSED        whether the target is the transpose of the source
    VERDICT           what the pair is in the live model: see `Link.verdict`, and
                      `error`         it raises ERROR
                      `single`        no pair at all: no two Parameters share a storage
                      `accidental`    tied, and was not to be
                      `broken-later`  not tied any more
                      `stale`         not tied once the model was moved to float64
                      `untrained`     SOURCE gets no gradient from the model's output
                      `unregistered`  SOURCE is a Parameter that the model does not know
    SAID              the finding's verdict, where it is another word than VERDICT
    ERROR, ERROR_AT   the exception's name, and the stage it comes at: `build`, `forward` or `training`
    FIX               who may apply the fix: `safe` (the default), `unsafe`, or None: nothing is fixed
"""

from __future__ import annotations

import ast
import copy
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypeAlias, cast

import torch
from torch import Tensor, nn

from tielint.settings import Settings
from tielint.torch import Link, inspect, link
from tielint.torch.links import floating_tensors, owner_at, parameter_at

FIXTURES = Path(__file__).parent.parent / "fixtures"

Inputs: TypeAlias = tuple[object, ...]
Build: TypeAlias = Callable[[], nn.Module]

_EXPECTED = re.compile(rb"[ \t]*# expect: *([A-Z0-9, ]+?)[ \t]*(?=\r|\n|$)")
_STAGES = ("build", "forward", "training")
_OPTIMIZERS: dict[str, Callable[[list[nn.Parameter]], torch.optim.Optimizer]] = {
    "SGD": lambda parameters: torch.optim.SGD(parameters, lr=0.05),
    "SGD with weight decay": lambda parameters: torch.optim.SGD(parameters, lr=0.05, weight_decay=0.1),
    "Adam": lambda parameters: torch.optim.Adam(parameters, lr=0.02),
}


# ---------------------------------------------------------------------- claims


@dataclass(frozen=True, slots=True)
class Pair:
    """Two ends of a tie, as paths in the model. Without a target the tie is in the computation alone."""

    target: str | None
    source: str
    transposed: bool


@dataclass(frozen=True, slots=True)
class Claims:
    """What a fixture says of itself. `expected` holds the line and the code of each finding."""

    path: Path
    expected: frozenset[tuple[int, str]]
    pairs: tuple[Pair, ...]
    verdict: str
    said: str
    error: str | None
    error_at: str | None
    fix: str | None

    @property
    def fixed_path(self) -> Path:
        """Where the fixed program is kept."""
        return self.path.with_suffix(".fixed.py")


def fixture_paths() -> list[Path]:
    """Every fixture, without the fixed ones, and without the package that some of them import from."""
    every = (path for path in FIXTURES.glob("*/*.py") if not path.name.endswith(".fixed.py"))
    return sorted(path for path in every if path.parent.name != "zoo")


def fixture_name(path: Path) -> str:
    """`TIE101/name`."""
    return f"{path.parent.name}/{path.stem}"


def program(path: Path) -> bytes:
    """A fixture without its `expect` comments: a linter that reads comments must not find its answers there."""
    return _EXPECTED.sub(b"", path.read_bytes())


def settings_for(path: Path) -> Settings:
    """The default settings, and for a broken program its own rule, which may not be on by default."""
    return Settings() if path.parent.name == "silent" else Settings(select=("TIE", path.parent.name))


def read_claims(path: Path) -> Claims:
    """Reads the claims without running anything."""
    data = path.read_bytes()
    literals: dict[str, object] = {}
    for statement in ast.parse(data).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name.isupper() and _is_literal(value):
                literals[name] = ast.literal_eval(value)
    transposed = bool(literals.get("TRANSPOSED", False))
    pairs = [_pair(entry, transposed) for entry in cast("list[tuple[object, ...]]", literals.get("PAIRS", []))]
    if "SOURCE" in literals:
        pairs.append(_pair((literals.get("TARGET"), literals["SOURCE"]), transposed))
    return Claims(
        path=path,
        expected=frozenset(_expected(data)),
        pairs=tuple(pairs),
        verdict=str(literals["VERDICT"]),
        said=str(literals.get("SAID", literals["VERDICT"])),
        error=_text(literals.get("ERROR")),
        error_at=_text(literals.get("ERROR_AT")),
        fix=_text(literals.get("FIX", "safe")),
    )


def _expected(data: bytes) -> Iterator[tuple[int, str]]:
    for found in _EXPECTED.finditer(data):
        row = 1 + data.count(b"\n", 0, found.start())
        for code in found[1].decode().split(","):
            yield row, code.strip()


def _is_literal(node: ast.expr) -> bool:
    return all(isinstance(part, ast.Constant | ast.List | ast.Tuple | ast.Load) for part in ast.walk(node))


def _pair(entry: Sequence[object], transposed: bool) -> Pair:
    target, source, *own = entry
    return Pair(_text(target), str(source), bool(own[0]) if own else transposed)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


# ---------------------------------------------------------------------- the live program


@dataclass(frozen=True, slots=True)
class Program:
    """A program that was imported: each `fresh` imports it again, so that module-level models are new as well."""

    path: Path

    def fresh(self, seed: int = 0) -> tuple[nn.Module, Inputs]:
        """A new model and its inputs; the same ones for the same seed."""
        torch.manual_seed(seed)
        namespace = run(self.path)
        model = cast(Build, namespace["build"])()
        torch.manual_seed(seed + 1)
        return model, cast("Callable[[], Inputs]", namespace["inputs"])()

    def double(self, seed: int = 0) -> tuple[nn.Module, Inputs]:
        """The same in float64, where rounding can't hide or feign a difference."""
        model, inputs = self.fresh(seed)
        return model.double(), tuple(_as_double(value) for value in inputs)


def run(path: Path) -> dict[str, object]:
    """Executes a file as a module of its own and gives its namespace."""
    name = re.sub(r"\W", "_", f"fixture_{path.parent.name}_{path.name}")
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    try:
        exec(compile(path.read_bytes(), str(path), "exec", dont_inherit=True), module.__dict__)
    finally:
        del sys.modules[name]
    return module.__dict__


@dataclass(frozen=True, slots=True)
class Failure:
    """How a program ended."""

    stage: str
    error: Exception

    def __str__(self) -> str:
        return f"{self.stage}: {type(self.error).__name__}: {self.error}"


def failure(program: Program) -> Failure | None:
    """Builds, runs and trains a model for one step: where it fails, if it does."""
    stage = iter(_STAGES)
    current = next(stage)
    try:
        model, inputs = program.fresh()
        current = next(stage)
        output = model(*inputs)
        current = next(stage)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        _loss(output).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    except Exception as error:
        return Failure(current, error)
    return None


def _as_double(value: object) -> object:
    return value.double() if isinstance(value, Tensor) and value.is_floating_point() else value


def _loss(output: object) -> Tensor:
    """A loss that no symmetry of a model can make stationary: the distance to fixed random numbers."""
    generator = torch.Generator().manual_seed(3)
    parts = []
    for tensor in floating_tensors(output):
        goal = torch.rand(tensor.shape, generator=generator, dtype=torch.float64).to(tensor.dtype)
        parts.append(nn.functional.mse_loss(tensor, goal))
    return torch.stack(parts).sum()


def uses_of(outputs: object, parameter: nn.Parameter) -> int:
    """How often the graph behind a model's outputs comes to a Parameter: twice or more where `forward` ties it."""
    uses = 0
    waiting = [output.grad_fn for output in floating_tensors(outputs)]
    seen = set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        for following, _ in node.next_functions:
            uses += getattr(following, "variable", None) is parameter
            waiting.append(following)
    return uses


def probe(model: nn.Module, inputs: Inputs, pair: Pair) -> Link:
    """What joins the two ends of a pair; for a tie in the computation, whether the graph comes to the source twice."""
    if pair.target is not None:
        return link(model, pair.target, pair.source, transposed=pair.transposed, inputs=inputs)
    twice = uses_of(model(*inputs), parameter_at(model, pair.source)) >= 2
    return Link(one_parameter=False, one_storage=twice, equal=True, gradient=twice, follows=twice, follows_later=True)


# ---------------------------------------------------------------------- the reference


def reference(model: nn.Module, pairs: Sequence[Pair]) -> nn.Module:
    """Ties a model by hand, in the plainest way: the target's owner reads the source's Parameter at every use."""
    for pair in pairs:
        if pair.target is not None:
            source_owner, source_name = owner_at(model, pair.source)
            owner, name = owner_at(model, pair.target)
            assert isinstance(owner, nn.Module)
            if owner is source_owner:
                continue
            _tie(owner, name, _reader(source_owner, source_name, pair.transposed))
    return model


def _reader(owner: object, name: str, transposed: bool) -> Callable[[], Tensor]:
    def read() -> Tensor:
        weight = getattr(owner, name)
        assert isinstance(weight, Tensor)
        return weight.t() if transposed else weight

    return read


def _tie(owner: nn.Module, name: str, read: Callable[[], Tensor]) -> None:
    if name in owner._parameters:
        del owner._parameters[name]
        own = type(owner)
        owner.__class__ = type(own.__name__, (own,), {name: property(lambda _: read())})
    else:  # a layer that computes its weight, as TiedLinear does
        bias = getattr(owner, "bias", None)
        owner.forward = lambda value: nn.functional.linear(value, read(), bias)


def train(model: nn.Module, inputs: Inputs, optimizer: str, steps: int = 3) -> nn.Module:
    """A few steps of training towards fixed random numbers."""
    stepper = _OPTIMIZERS[optimizer]([value for value in model.parameters() if value.requires_grad])
    for step in range(steps):
        torch.manual_seed(step)
        stepper.zero_grad()
        _loss(model(*inputs)).backward()  # type: ignore[no-untyped-call]
        stepper.step()
    return model


def apart(one: nn.Module, other: nn.Module) -> float:
    """How far two models' Parameters are from each other, at most."""
    common = _common(one, other)
    assert common, "the two models have no Parameter in common"
    return max(float((mine.detach() - theirs.detach()).abs().max()) for _, mine, theirs in common)


def gradients_apart(one: nn.Module, other: nn.Module, inputs: Inputs) -> float:
    """How far two models' gradients are from each other, at most."""
    for model in (one, other):
        model.zero_grad()
        torch.manual_seed(0)
        _loss(model(*inputs)).backward()  # type: ignore[no-untyped-call]
    distances = [0.0]
    for name, mine, theirs in _common(one, other):
        assert (mine.grad is None) == (theirs.grad is None), f"{name} has a gradient in one of the two models only"
        if mine.grad is not None and theirs.grad is not None:
            distances.append(float((mine.grad - theirs.grad).abs().max()))
    return max(distances)


def _common(one: nn.Module, other: nn.Module) -> list[tuple[str, nn.Parameter, nn.Parameter]]:
    left, right = (dict(model.named_parameters(remove_duplicate=False)) for model in (one, other))
    return [(name, left[name], right[name]) for name in sorted(left.keys() & right.keys())]


# ---------------------------------------------------------------------- proofs


def prove_claims(claims: Claims) -> None:
    """Holds the verdict of a fixture against its live model."""
    live = Program(claims.path)
    failed = failure(live)
    if claims.verdict == "error":
        assert failed, "runs, although it is said to fail"
        names = [kind.__name__ for kind in type(failed.error).__mro__]
        assert claims.error in names, str(failed)
        assert claims.error_at in (None, failed.stage), str(failed)
        return
    assert failed is None, str(failed)
    if claims.verdict == "single":
        model, inputs = live.fresh()
        model(*inputs)
        assert inspect(model, probe=False).aliases == ()
        return
    assert claims.pairs, "names no pair to be probed"
    for pair in claims.pairs:
        match claims.verdict:
            case "unregistered":
                model, _ = live.fresh()
                known = [value is parameter_at(model, pair.source) for value in model.parameters()]
                assert not any(known), f"{pair.source} is registered"
            case "untrained":
                model, inputs = live.fresh()
                _loss(model(*inputs)).backward()  # type: ignore[no-untyped-call]
                assert parameter_at(model, pair.source).grad is None, f"{pair.source} has a gradient"
            case "stale":
                assert not _survives_a_move(live, pair), f"{pair}: still tied in float64"
            case "accidental" | "broken-later":
                found = probe(*live.fresh(), pair)
                assert (found.verdict == "tied") == (claims.verdict == "accidental"), f"{pair}: {found}"
            case verdict:
                found = probe(*live.fresh(), pair)
                assert found.verdict == verdict, f"{pair}: {found.verdict}, {found}"


def _survives_a_move(live: Program, pair: Pair) -> bool:
    try:
        return probe(*live.double(), pair).verdict == "tied"
    except RuntimeError:  # what stayed behind in float32 fits nothing any more
        return False


def prove_tie(claims: Claims, fixed: Path) -> None:
    """Shows that the fixed program is tied: its Parameters, its gradients, its training, and what it survives.

    A program whose Parameters were registered nowhere is fixed when they are, and learn.
    """
    live = Program(fixed)
    if claims.verdict == "unregistered":
        _prove_registered(live, claims.pairs)
        return
    _prove_links(live, claims.pairs)
    _prove_training(live, claims.pairs)
    _prove_round_trip(live, claims.pairs)
    if claims.verdict not in ("error", "broken-later"):  # a tie that broke left two values, of which one tie holds one
        _prove_old_checkpoint(Program(claims.path), live, silent=claims.fix == "safe")


def _prove_registered(live: Program, pairs: Sequence[Pair]) -> None:
    for pair in pairs:
        model, inputs = live.fresh()
        assert any(value is parameter_at(model, pair.source) for value in model.parameters()), f"{pair.source} is not"
        _loss(model(*inputs)).backward()  # type: ignore[no-untyped-call]
        assert parameter_at(model, pair.source).grad is not None, f"{pair.source} has no gradient"


def _prove_links(live: Program, pairs: Sequence[Pair]) -> None:
    ways: dict[str, Callable[[], tuple[nn.Module, Inputs]]] = {
        "as built": live.fresh,
        "in float64": live.double,
        "copied": lambda: copy.deepcopy(live.fresh()),
    }
    for way, make in ways.items():
        for pair in pairs:
            found = probe(*make(), pair)
            assert found.verdict == "tied", f"{way}: {pair}: {found.verdict}, {found}"
    model, _ = live.fresh()
    assert inspect(model, probe=False).aliases == ()


def _prove_training(live: Program, pairs: Sequence[Pair]) -> None:
    def both() -> tuple[nn.Module, nn.Module, Inputs]:
        model, inputs = live.double()
        return model, reference(live.double()[0], pairs), inputs

    assert gradients_apart(*both()) < 1e-10, "other gradients than those of a model tied by hand"
    for optimizer in _OPTIMIZERS:
        model, tied, inputs = both()
        distance = apart(train(model, inputs, optimizer), train(tied, inputs, optimizer))
        assert distance < 1e-8, f"{optimizer}: {distance} apart from a model tied by hand"


def _prove_round_trip(live: Program, pairs: Sequence[Pair]) -> None:
    model, inputs = live.fresh()
    other, _ = live.fresh(seed=7)
    other.load_state_dict(model.state_dict())
    assert _answers(model, inputs) == _answers(other, inputs), "another model after a state_dict round trip"
    for pair in pairs:
        assert probe(other, inputs, pair).verdict == "tied", f"{pair} after a state_dict round trip"


def _prove_old_checkpoint(broken: Program, fixed: Program, *, silent: bool) -> None:
    """A tie that is made in `forward` has untied values in a checkpoint from before: there a warning is the truth."""
    old, inputs = broken.fresh()
    new, _ = fixed.fresh(seed=7)
    with warnings.catch_warnings():
        warnings.simplefilter("error" if silent else "ignore")
        new.load_state_dict(old.state_dict())
    assert _answers(old, inputs) == _answers(new, inputs), "another model than the one that was saved"


def _answers(model: nn.Module, inputs: Inputs) -> list[list[float]]:
    with torch.no_grad():
        found = floating_tensors(model.eval()(*inputs))
    model.train()
    return [[round(number, 4) + 0.0 for number in tensor.flatten().tolist()] for tensor in found]

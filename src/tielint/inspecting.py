"""`tielint inspect`: imports the user's code, builds the model, has it inspected. Called by `cli.py`; needs torch."""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from tielint.settings import ConfigError

if TYPE_CHECKING:
    from tielint.torch.probes import MakeOptimizer
    from tielint.torch.tie_report import TieReport


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to inspect: names as `package.module:name`, arguments as they stand between the parentheses of a call."""

    factory: str
    arguments: str = ""
    inputs: str | None = None
    optimizer: str = "AdamW"
    probe: bool | None = None


def inspected(wanted: Wanted, *, progress: bool) -> TieReport:
    """The `TieReport` of the model that the factory makes.

    What the user's code prints goes to standard error. Raises ConfigError, in one line, for whatever stops it.
    """
    try:
        import tielint.torch
    except ImportError as error:
        raise ConfigError(str(error)) from None
    from torch import nn

    from tielint.origins import with_origins

    with _as_from_here(), _everything_to_stderr():
        made = _found(wanted.factory, None)
        model = made if isinstance(made, nn.Module) else _called(made, wanted.factory, wanted.arguments)
        if not isinstance(model, nn.Module):
            raise ConfigError(f"{wanted.factory}: gives {type(model).__name__}, and not a torch.nn.Module")
        inputs = _inputs(wanted)
        optimizer = cast("MakeOptimizer", _optimizer(wanted.optimizer))
        with _told("the inspection"):
            report = tielint.torch.inspect(model, inputs, optimizer=optimizer, probe=wanted.probe, progress=progress)
            return with_origins(report, model)


@contextlib.contextmanager
def _everything_to_stderr() -> Iterator[None]:
    """Also what a child process or a library in C writes: standard output is for the report."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


@contextlib.contextmanager
def _as_from_here() -> Iterator[None]:
    """Modules are found from the current directory, as `python -m` finds them."""
    before = list(sys.path)
    sys.path.insert(0, os.getcwd())
    try:
        yield
    finally:
        sys.path[:] = before


def _found(name: str, default_module: str | None) -> object:
    module_name, _, attribute = name.rpartition(":")
    module_name = module_name or default_module or ""
    if not module_name or not attribute or "/" in module_name or module_name.endswith(".py"):
        raise ConfigError(f"{name}: not of the form package.module:factory")
    with _told(f"{name}: the import"):
        value: object = importlib.import_module(module_name)
    for step in attribute.split("."):
        try:
            value = getattr(value, step)
        except AttributeError:
            raise ConfigError(f"{name}: there is no {step!r} in {module_name}") from None
    return value


def _called(factory: object, name: str, arguments: str) -> object:
    if not callable(factory):
        raise ConfigError(f"{name}: a {type(factory).__name__}, neither a module nor something that makes one")
    positional, keywords = _arguments(arguments)
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):  # built in: the call itself will tell
        signature = None
    if signature is not None:
        try:
            signature.bind(*positional, **keywords)
        except TypeError as error:
            raise ConfigError(f"{name}: {error}; its signature is {signature}: see --args") from None
    with _told(name):
        return factory(*positional, **keywords)


def _arguments(text: str) -> tuple[list[object], dict[str, object]]:
    """`784, hidden=64` as Python would read it in a call; literals only."""
    try:
        call = ast.parse(f"f({text})", mode="eval").body
        if not isinstance(call, ast.Call):
            raise ValueError
        keywords = {keyword.arg or "": ast.literal_eval(keyword.value) for keyword in call.keywords}
        return [ast.literal_eval(argument) for argument in call.args], keywords
    except (SyntaxError, ValueError, TypeError):
        raise ConfigError(f"--args: not a list of Python literals: {text}") from None


def _inputs(wanted: Wanted) -> Sequence[object] | Mapping[str, object] | None:
    if wanted.inputs is None:
        return None
    value = _found(wanted.inputs, wanted.factory.rpartition(":")[0])
    if callable(value):
        with _told(wanted.inputs):
            value = value()
    if value is None:
        raise ConfigError(f"--inputs: {wanted.inputs} gives None")
    if isinstance(value, Mapping):
        return value
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def _optimizer(name: str) -> object:
    import torch

    if ":" in name:
        found = _found(name, None)
        if not callable(found):
            raise ConfigError(f"--optimizer: {name} is no class and no function")
        return found
    kind: object = getattr(torch.optim, name, None)
    if not isinstance(kind, type) or not issubclass(kind, torch.optim.Optimizer) or kind is torch.optim.Optimizer:
        raise ConfigError(f"--optimizer: torch.optim has no {name!r}; another one is package.module:Class")
    return kind


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Whatever the user's code raises, `sys.exit` too, becomes one line with the place where it was raised."""
    try:
        yield
    except ConfigError:
        raise
    except SystemExit as error:
        raise ConfigError(f"{what} calls sys.exit({error.code!r})") from None
    except Exception as error:
        first = (str(error).splitlines() or [""])[0]
        raise ConfigError(f"{what} fails: {type(error).__name__}: {first}{_place(error)}") from None


def _place(error: Exception) -> str:
    trace = error.__traceback__
    place = ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith("<") and file not in (__file__, importlib.__file__):
            place = f" ({file}:{trace.tb_lineno})"
        trace = trace.tb_next
    return place

"""`assert_tied`, for the tests of those who tie weights."""

from __future__ import annotations

from torch import nn

from tielint.torch.links import Inputs, Link, link

_WHAT_IT_IS = {
    "alias": "two Parameters over one storage: each has its own gradient and optimizer state",
    "copy": "a copy: equal numbers in separate storage, which part at the first optimizer step",
    "grad-cut": "overwritten at every forward pass: what the target teaches never reaches the source",
    "independent": "another Parameter with other numbers",
}


def assert_tied(
    model: nn.Module,
    target: str,
    source: str,
    *,
    transposed: bool = False,
    inputs: Inputs | None = None,
) -> None:
    """Raises AssertionError, with what the two weights are instead, unless they are tied.

    target, source: dotted paths (`decoder.weight`). transposed: whether the target is the source's transpose. inputs:
    the arguments of `forward`, where a tie is made in it. The model is not changed.

    Raises AttributeError for a path that leads nowhere, TypeError where there is no Parameter or tensor.
    """
    found = link(model, target, source, transposed=transposed, inputs=inputs)
    if found.verdict == "tied":
        return
    other = link(model, target, source, transposed=not transposed, inputs=inputs)
    if other.verdict == "tied":
        right = "the tie is not transposed" if transposed else "the tie is transposed: pass transposed=True"
        raise AssertionError(f"{target} is tied to {source}, but {right}")
    verdict, what = _verdict(found, other)
    raise AssertionError(f"{target} is not tied to {source}: {verdict}, {what}")


def _verdict(found: Link, other: Link) -> tuple[str, str]:
    """The more telling one of the two layouts."""
    for verdict, turned in ((found.verdict, ""), (other.verdict, "; and the layout is the other one")):
        if verdict in _WHAT_IT_IS and verdict != "independent":
            return verdict, _WHAT_IT_IS[verdict] + turned
    if found.verdict == "independent":
        return found.verdict, _WHAT_IT_IS["independent"]
    return "unclear", (
        f"one Parameter: {found.one_parameter}, one storage: {found.one_storage}, equal: {found.equal}, "
        f"gradient: {found.gradient}"
    )

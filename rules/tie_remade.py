"""TIE303: a model's Parameters are made anew after the tie."""

from __future__ import annotations

from collections.abc import Iterator

from tielint.candidates import REMAKES, TIES
from tielint.facts import Event, EventKind, FileFacts
from tielint.findings import Applicability, Confidence, Verdict
from tielint.intent import read_intent
from tielint.judgement import Judgement, Remedy
from tielint.rule import Rule


class TieRemade(Rule):
    """`load_state_dict(…, assign=True)` and `to_empty` make a model's Parameters anew, and the tie is not made again.

    ## What it does
    Finds both on a model, or on one side of a tie, whose tie is in sight. Silent where a later line ties again
    (`model.tie_weights()`).

    ## Why it is wrong
    Each place of the model gets a Parameter of its own. Nothing remembers that two of them were one.

    | executed in PyTorch 2.13, after `b.weight = a.weight` | outcome |
    |---|---|
    | `model.load_state_dict(state)` | still tied |
    | `model.load_state_dict(state, assign=True)` | two Parameters of equal values |
    | `a.load_state_dict(state, assign=True)` | two Parameters of different values |
    | made on the meta device, then `model.to_empty(device="cpu")` | two Parameters of different values |

    ## Example
    ```python
    model = Language()  # ties in its constructor
    model.load_state_dict(torch.load("model.pt"), assign=True)
    ```

    ## Use instead
    ```python
    model.load_state_dict(torch.load("model.pt"), assign=True)
    model.head.weight = model.embedding.weight
    ```

    ## Fix safety
    *Unsafe*: the model's own method that ties is the better line, where it has one. *Display-only* where the line's
    function can't name both sides.

    ## References
    - [torch.nn.Module.load_state_dict](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html)
    """

    code = "TIE303"
    name = "tie-remade"
    verdict = Verdict.BROKEN_LATER
    triggers = ((b"assign", b"to_empty", b"load_state_dict"), (b"weight", b"bias"))
    sites = (*TIES, REMAKES)

    def check(self, facts: FileFacts) -> Iterator[Judgement]:
        for event in facts.events:
            if event.kind is EventKind.REMADE and event.lasting:
                yield Judgement(
                    event, self.verdict, Confidence.LIKELY, _message(event), read_intent(event), _remedy(event)
                )


def _message(event: Event) -> str:
    return (
        f"{event.detail} makes Parameters anew: {event.target_text} and {event.source_text} were one, and are two from "
        "here on"
    )


def _remedy(event: Event) -> Remedy:
    if not event.retie:
        return Remedy(f"Tie {event.target_text} to {event.source_text} again after this line")
    return Remedy(f"Tie again: `{event.retie}`", applicability=Applicability.UNSAFE, then=event.retie)

"""TIE004: both sides of a tie in parameter groups of their own."""

from __future__ import annotations

from collections.abc import Iterator

from tielint.candidates import OPTIMIZER
from tielint.facts import Event, EventKind, FileFacts
from tielint.findings import Confidence, Verdict
from tielint.intent import read_intent
from tielint.judgement import Judgement, Remedy
from tielint.rule import Rule


class TieInTwoGroups(Rule):
    """An optimizer gets the two sides of a tie in two parameter groups: PyTorch raises ValueError.

    ## What it does
    Finds `Adam([{"params": model.embedding.parameters()}, {"params": model.head.parameters()}])` where the embedding's
    weight is the head's.

    ## Why it is wrong
    A tied Parameter is listed by both layers.

    | executed in PyTorch 2.13 | outcome |
    |---|---|
    | the two layers in two groups | ValueError: some parameters appear in more than one parameter group |
    | `model.parameters()` | lists it once |

    ## Example
    ```python
    self.head.weight = self.embedding.weight
    ...
    optimizer = Adam([{"params": model.embedding.parameters()}, {"params": model.head.parameters(), "lr": 1e-4}])
    ```

    ## Use instead
    ```python
    optimizer = Adam([{"params": model.embedding.parameters()}, {"params": [model.head.bias], "lr": 1e-4}])
    ```

    ## Fix safety
    *Display-only*: to which group the Parameter belongs, only the author knows.

    ## References
    - [torch.optim](https://docs.pytorch.org/docs/stable/optim.html#per-parameter-options)
    """

    code = "TIE004"
    name = "tie-in-two-groups"
    verdict = Verdict.ERROR
    triggers = ((b"optim",), (b"params",))
    sites = OPTIMIZER

    def check(self, facts: FileFacts) -> Iterator[Judgement]:
        for event in facts.events:
            if event.kind is EventKind.GROUPED:
                yield Judgement(
                    event, self.verdict, Confidence.LIKELY, _message(event), read_intent(event), _remedy(event)
                )


def _message(event: Event) -> str:
    return (
        f"{event.target_text} and {event.source_text} are one Parameter, and stand in two parameter groups here: "
        "ValueError, some parameters appear in more than one parameter group"
    )


def _remedy(event: Event) -> Remedy:
    return Remedy(f"Leave {event.target_text} out of its group")

"""TIE504: both sides of a tie in one list of an optimizer."""

from __future__ import annotations

from collections.abc import Iterator

from tielint.candidates import OPTIMIZER
from tielint.facts import Event, EventKind, FileFacts
from tielint.findings import Confidence, Verdict
from tielint.intent import read_intent
from tielint.judgement import Judgement, Remedy
from tielint.rule import Rule


class TieListedTwice(Rule):
    """An optimizer gets the parameters of both sides of a tie in one list, and steps the shared one twice.

    ## What it does
    Finds `Adam(list(model.embedding.parameters()) + list(model.head.parameters()))`, also with `itertools.chain` and
    `[*…, *…]`, where the embedding's weight is the head's.

    ## Why it is wrong
    | executed in PyTorch 2.13 | outcome |
    |---|---|
    | SGD over both lists | the shared Parameter takes each step twice: twice the learning rate |
    | Adam | its state counts two steps for each |
    | a warning | "optimizer contains a parameter group with duplicate parameters" |
    | `model.parameters()` | lists it once |

    ## Example
    ```python
    optimizer = Adam(list(model.embedding.parameters()) + list(model.head.parameters()))
    ```

    ## Use instead
    ```python
    optimizer = Adam(model.parameters())
    ```

    ## Fix safety
    *Display-only*: what else the lists leave out on purpose, only the author knows.

    ## References
    - [duplicate parameters in one group](https://github.com/pytorch/pytorch/issues/40967)
    """

    code = "TIE504"
    name = "tie-listed-twice"
    verdict = Verdict.ACCIDENTAL
    triggers = ((b"optim",), (b"parameters", b"weight"))
    sites = OPTIMIZER

    def check(self, facts: FileFacts) -> Iterator[Judgement]:
        for event in facts.events:
            if event.kind is EventKind.LISTED_TWICE:
                yield Judgement(event, self.verdict, Confidence.LIKELY, _message(event), read_intent(event), _remedy())


def _message(event: Event) -> str:
    return (
        f"{event.target_text} and {event.source_text} are one Parameter, listed twice here: the optimizer takes each "
        "of its steps twice"
    )


def _remedy() -> Remedy:
    return Remedy("List each Parameter once: `model.parameters()` does")

"""TIE503: a tie that is checked by its values."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tielint.facts import Event, EventKind, FileFacts
from tielint.findings import Applicability, Confidence, Verdict
from tielint.intent import Strength, read_intent
from tielint.judgement import Judgement, Remedy
from tielint.rule import Rule


class TieCheckedByValue(Rule):
    """An assertion compares the values of two weights, where a tie is one object.

    Not on by default: equal values are what a test of loading or copying wants. Select it by its code, or by its family
    (`TIE5`).

    ## What it does
    Finds `assert torch.equal(model.head.weight, model.embedding.weight)` and `torch.allclose`, where a name or a
    comment speaks of a tie.

    ## Why it is wrong
    | executed in PyTorch 2.13 | `torch.equal` | `is` |
    |---|---|---|
    | `b.weight = a.weight` | True | True |
    | `b.weight = nn.Parameter(a.weight)` | True | False |
    | `b.weight.data.copy_(a.weight)` | True, until the first step | False |

    ## Example
    ```python
    def test_weights_are_tied():
        assert torch.equal(model.head.weight, model.embedding.weight)
    ```

    ## Use instead
    ```python
        assert model.head.weight is model.embedding.weight
    ```

    ## Fix safety
    *Unsafe*: the assertion begins to fail where the tie is none.

    ## References
    - [torch.equal](https://docs.pytorch.org/docs/stable/generated/torch.equal.html)
    """

    code = "TIE503"
    name = "tie-checked-by-value"
    verdict = Verdict.COPY
    triggers = ((b"equal", b"allclose"), (b"weight", b"bias"), (b"assert",))
    default = False

    def check(self, facts: FileFacts) -> Iterator[Judgement]:
        for event in facts.events:
            if event.kind is EventKind.COMPARED and isinstance(event.place.statement, cst.Assert):
                intent = read_intent(event)
                if intent.tie >= Strength.NAME and not intent.against:
                    yield Judgement(event, self.verdict, Confidence.LIKELY, _message(event), intent, _remedy(event))


def _message(event: Event) -> str:
    return (
        f"{event.target_text} and {event.source_text} are compared by their values: a copy and an alias pass as well, "
        "until the first optimizer step"
    )


def _remedy(event: Event) -> Remedy:
    text = f"{event.target_text} is {event.source_text}"
    return Remedy(f"Compare the objects: `assert {text}`", ((event.node, text),), Applicability.UNSAFE)

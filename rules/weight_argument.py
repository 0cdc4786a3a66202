"""TIE107: a new Embedding built over another layer's weight."""

from __future__ import annotations

from collections.abc import Iterator

from tielint.candidates import FROM_ANOTHER
from tielint.facts import Event, EventKind, FileFacts
from tielint.findings import Confidence, Verdict
from tielint.intent import Intent, Strength, read_intent
from tielint.judgement import ALIAS_FOLLOWS, COPY_FOLLOWS, Judgement, Remedy
from tielint.rule import Rule
from tielint.tensor import Storage


class WeightArgument(Rule):
    """An Embedding built from another layer's weight has a second Parameter over its storage.

    ## What it does
    Finds `nn.Embedding(v, d, _weight=self.out.weight)` and `nn.Embedding.from_pretrained(self.out.weight)` in one
    model. Given a tensor of pretrained vectors they are right, and the rule is silent; so it is of a copy
    (`self.out.weight.clone()`), but where a comment or a condition means a tie.

    ## Why it is wrong
    | executed in PyTorch 2.13 | outcome |
    |---|---|
    | `nn.Embedding(7, 4, _weight=lin.weight)` | a new Parameter over the storage of `lin.weight` |
    | `nn.Embedding.from_pretrained(lin.weight)` | the same, and frozen: a loss on it gives no gradient |
    | `nn.Embedding.from_pretrained(lin.weight.clone())` | a new Parameter with a storage of its own |
    | `emb.weight = lin.weight` | one Parameter |

    ## Example
    ```python
    self.out = nn.Linear(d, v)
    self.emb = nn.Embedding.from_pretrained(self.out.weight)
    ```

    ## Use instead
    ```python
    self.emb = nn.Embedding(v, d)
    self.emb.weight = self.out.weight
    ```

    ## Fix safety
    *Display-only*: whether the layer was to be frozen, only its author knows.

    ## References
    - [torch.nn.Embedding.from_pretrained](https://docs.pytorch.org/docs/stable/generated/torch.nn.Embedding.html)
    """

    code = "TIE107"
    name = "weight-argument"
    verdict = Verdict.ALIAS
    triggers = ((b"_weight", b"from_pretrained"), (b"Embedding", b"import *"))
    sites = FROM_ANOTHER

    def check(self, facts: FileFacts) -> Iterator[Judgement]:
        for event in facts.events:
            if event.kind is not EventKind.TAKEN_AS_WEIGHT:
                continue
            intent = read_intent(event)
            confidence = _confidence(event, intent)
            if confidence:
                verdict = Verdict.COPY if _is_copy(event) else self.verdict
                yield Judgement(event, verdict, confidence, _message(event), intent, _remedy(event))


def _is_copy(event: Event) -> bool:
    return event.state is not None and event.state.storage is Storage.FRESH


def _confidence(event: Event, intent: Intent) -> Confidence | None:
    said = intent.tie >= Strength.NAME
    if _is_copy(event) and (intent.tie < Strength.COMMENT or not (event.state and event.state.exact)):
        return None
    if intent.against or (intent.surgery and not said) or (intent.synchronise and intent.tie < Strength.COMMENT):
        return None
    if event.same_model and not event.presumed:
        return Confidence.CERTAIN if said else Confidence.LIKELY
    return Confidence.LIKELY if said else None


def _message(event: Event) -> str:
    frozen = ", frozen" if event.detail == "frozen" else ""
    if _is_copy(event):
        return (
            f"{event.target_text}.weight gets a copy of the values of {event.source_text}{frozen}, once: {COPY_FOLLOWS}"
        )
    return (
        f"{event.target_text}.weight is a second Parameter over the storage of {event.source_text}{frozen}, not tied "
        f"to it: {ALIAS_FOLLOWS}"
    )


def _remedy(event: Event) -> Remedy:
    return Remedy(f"Build the Embedding as usual, then share the Parameter: `….weight = {event.source_text}`")

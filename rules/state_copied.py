"""TIE104: one layer's state loaded into another where a tie was meant."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tielint.candidates import STATE_LOADED
from tielint.facts import Event, EventKind, FileFacts
from tielint.findings import Applicability, Confidence, Verdict
from tielint.intent import Intent, Strength, read_intent
from tielint.judgement import Judgement, Remedy
from tielint.rule import Rule


class StateCopied(Rule):
    """`load_state_dict` of another layer's `state_dict` copies values where a tie was meant.

    ## What it does
    Finds `self.b.load_state_dict(self.a.state_dict())` between two parts of one model, where a flag, a comment or a
    name says that they are to be tied or shared. Without such words it is an initialisation, or a target network being
    brought up to date, and the rule is silent.

    ## Why it is wrong
    Values are copied, once. The two layers are equal at first and part at the first optimizer step.

    | executed in PyTorch 2.13 | outcome |
    |---|---|
    | `b.load_state_dict(a.state_dict())` | two Parameters; 6e-2 apart after three SGD steps |
    | `b.load_state_dict(a.state_dict(), assign=True)` | two Parameters over one storage |
    | `self.b = self.a` | one layer, one Parameter |

    ## Example
    ```python
    if share_encoders:
        self.text_encoder.load_state_dict(self.query_encoder.state_dict())
    ```

    ## Use instead
    ```python
    if share_encoders:
        self.text_encoder = self.query_encoder
    ```

    ## Fix safety
    *Unsafe*: the whole layer becomes the other one, with its buffers and settings. All `state_dict` keys stay.
    *Display-only* where the two are layers of different classes (an Embedding and a Linear).

    ## References
    - [torch.nn.Module.load_state_dict](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html)
    """

    code = "TIE104"
    name = "state-copied"
    verdict = Verdict.COPY
    triggers = ((b"load_state_dict",), (b"state_dict()",))
    sites = (STATE_LOADED,)

    def check(self, facts: FileFacts) -> Iterator[Judgement]:
        for event in facts.events:
            if event.kind is not EventKind.STATE_LOADED or not event.same_model:
                continue
            intent = read_intent(event)
            confidence = _confidence(intent)
            if confidence:
                yield Judgement(event, self.verdict, confidence, _message(event), intent, _remedy(event))


def _confidence(intent: Intent) -> Confidence | None:
    if intent.against or intent.synchronise:
        return None
    if intent.tie >= Strength.CONDITION:
        return Confidence.CERTAIN
    if intent.initialise or intent.surgery:
        return None
    return Confidence.LIKELY if intent.tie >= Strength.NAME else None


def _message(event: Event) -> str:
    return (
        f"{event.target_text} gets the values of {event.source_text}, once: two layers with Parameters of their own, "
        "which part at the first optimizer step"
    )


def _remedy(event: Event) -> Remedy:
    shared = f"{event.target_text} = {event.source_text}"
    statement = event.place.statement
    spelled = all("(…)" not in text and "[…]" not in text for text in (event.target_text, event.source_text))
    kinds = {layer.layer for layer in (event.target, event.source) if layer is not None and layer.layer}
    if not spelled or not isinstance(statement, cst.Expr) or event.place.loops or len(kinds) > 1:
        return Remedy("Share the layer itself, or each of its Parameters")
    message = f"Share the layer itself: `{shared}`"
    return Remedy(message, ((statement, shared),), Applicability.UNSAFE, replaces=event.target_text)

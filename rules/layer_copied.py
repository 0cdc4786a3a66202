"""TIE105: a layer deep-copied where it was to be shared."""

from __future__ import annotations

from collections.abc import Iterator

from tielint.candidates import COPIED_DEEPLY, SPEAKS_OF_SHARING
from tielint.facts import Event, EventKind, FileFacts
from tielint.findings import Applicability, Confidence, Verdict
from tielint.intent import Intent, Strength, read_intent
from tielint.judgement import Judgement, Remedy
from tielint.rule import Rule


class LayerCopied(Rule):
    """`copy.deepcopy(layer)` makes Parameters of its own where sharing was meant.

    ## What it does
    Finds `self.b = copy.deepcopy(self.a)` where a condition (`if share_encoder:`) or a comment says that the two are to
    share. Without such words a deep copy is what it looks like: a layer of its own, a target or a momentum network.

    ## Why it is wrong
    | executed in PyTorch 2.13 | outcome |
    |---|---|
    | `m.b = copy.deepcopy(m.a)` | two Parameters of equal values; 6e-2 apart after three SGD steps |
    | `m.b = m.a` | one layer, one Parameter |

    ## Example
    ```python
    if args.share_encoder:
        self.target_encoder = copy.deepcopy(self.source_encoder)
    ```

    ## Use instead
    ```python
    if args.share_encoder:
        self.target_encoder = self.source_encoder
    ```

    ## Fix safety
    *Safe* where the condition itself says that the layers are shared: all `state_dict` keys stay. *Unsafe* where a
    comment does.

    ## References
    - [copy.deepcopy](https://docs.python.org/3/library/copy.html#copy.deepcopy)
    """

    code = "TIE105"
    name = "layer-copied"
    verdict = Verdict.COPY
    triggers = ((b"deepcopy",),)
    sites = (COPIED_DEEPLY,)
    candidates = ((SPEAKS_OF_SHARING,),)

    def check(self, facts: FileFacts) -> Iterator[Judgement]:
        for event in facts.events:
            if event.kind is not EventKind.DEEP_COPIED:
                continue
            intent = read_intent(event)
            confidence = _confidence(intent)
            if confidence:
                yield Judgement(event, self.verdict, confidence, _message(event), intent, _remedy(event, intent))


def _confidence(intent: Intent) -> Confidence | None:
    if intent.against:
        return None
    if intent.tie >= Strength.CONDITION:
        return Confidence.CERTAIN
    said = intent.tie >= Strength.COMMENT and not intent.initialise and not intent.synchronise
    return Confidence.LIKELY if said else None


def _message(event: Event) -> str:
    return (
        f"{event.target_text} is a deep copy of {event.source_text}, not shared: its Parameters are its own, and part "
        "from the others at the first optimizer step"
    )


def _remedy(event: Event, intent: Intent) -> Remedy:
    if "(…)" in event.source_text or "[…]" in event.source_text or event.place.loops:
        return Remedy("Use the layer itself in both places")
    safety = Applicability.SAFE if intent.tie >= Strength.CONDITION else Applicability.UNSAFE
    return Remedy(
        f"Share the layer itself: `{event.target_text} = {event.source_text}`",
        ((event.node, event.source_text),),
        safety,
        shares=(event.target_text, event.source_text),
    )

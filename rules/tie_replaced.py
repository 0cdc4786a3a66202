"""TIE301: one side of a tie is replaced after the tie."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tielint.candidates import REPLACES, SETS, TIES
from tielint.facts import Event, EventKind, FileFacts, Tie
from tielint.findings import Applicability, Confidence, Verdict
from tielint.intent import Intent, read_intent
from tielint.judgement import Judgement, Remedy
from tielint.rule import Rule
from tielint.values import Root

_GIVES_VALUES = re.compile(r"(?i)load|restore|reset|import|from|init")
_RESIZES = re.compile(r"(?i)resize|extend|expand|enlarge|grow|vocab|token|embed")


class TieReplaced(Rule):
    """One side of a tie gets a new layer or a new Parameter after the tie was made.

    ## What it does
    Follows a constructor and all that it calls, also through `super().__init__()` into other files of the project: two
    layers are tied, and a later line assigns one of them, or its weight, anew. If a later line ties them again, the
    rule is silent. A layer of another shape in a subclass or in a later method may be another kind of model: that is
    *possible* only, unless the method is named for resizing. So is a method whose caller ties again.

    ## Why it is wrong
    A tie is one Parameter held by two modules. Whoever is given another one leaves the tie.

    | executed in PyTorch 2.13 | outcome |
    |---|---|
    | `b.weight = a.weight; m.a = nn.Embedding(7, 4)` | two Parameters of different values |
    | `b.weight = a.weight; a.weight = nn.Parameter(…)` | the same |
    | `b.weight = a.weight; a.weight.data = …` | still tied |
    | `b.weight = a.weight; nn.init.normal_(a.weight)` | still tied |

    ## Example
    ```python
    self.head.weight = self.embedding.weight
    if pretrained is not None:
        self.embedding = nn.Embedding.from_pretrained(pretrained)
    ```

    ## Use instead
    Tie last: after every layer has been made, loaded and replaced.

    ## Fix safety
    *Unsafe*: the line that ties is written again below the one that replaces, which may have been meant to untie.
    *Display-only* where the new layer's shape is another, or is not in sight.

    ## References
    - [torch.nn.Module](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html)
    """

    code = "TIE301"
    name = "tie-replaced"
    verdict = Verdict.BROKEN_LATER
    triggers = ((b"weight", b"bias", b"register_parameter", b"setattr", b"class "),)
    sites = (*TIES, REPLACES, SETS)

    def check(self, facts: FileFacts) -> Iterator[Judgement]:
        events = [event for event in facts.events if event.kind is EventKind.REPLACED]
        mended = {event.key for event in events if event.mended}
        for event in events:
            if event.lasting and event.tie and _both_in_use(event.tie):
                intent = read_intent(event)
                if not intent.against:
                    doubt = event.key in mended or _converts(event, intent) or _another_kind_of_model(event, event.tie)
                    confidence = Confidence.POSSIBLE if doubt else Confidence.LIKELY
                    yield Judgement(event, self.verdict, confidence, _message(event), intent, _remedy(event))


def _converts(event: Event, intent: Intent) -> bool:
    """A method that quantizes, prunes or merges: what it leaves is no model to train."""
    return intent.surgery and not _is_named(event, _RESIZES) and not _is_named(event, _GIVES_VALUES)


def _is_named(event: Event, pattern: re.Pattern[str]) -> bool:
    return any(pattern.search(function.name) for function in event.place.functions)


def _another_kind_of_model(event: Event, tie: Tie) -> bool:
    """A subclass, a later method or a branch makes a layer of another shape: a classifier for an output layer, say."""
    if event.retie or _is_named(event, _RESIZES):
        return False
    parameter_alone = event.detail in (event.target_text, event.source_text) and event.fits is not False
    apart = event.place.functions[:1] != tie.place.functions[:1] or event.place.classes[-1:] != tie.place.classes[-1:]
    chosen = event.fits is False and any(c not in tie.place.conditions for c in event.place.conditions)
    return (apart or chosen) and not parameter_alone and bool(event.place.functions)


def _both_in_use(tie: Tie) -> bool:
    """Parts of one model, or of this one and of one that was passed in."""
    return tie.same_model or Root.ARGUMENT in (tie.target.root, tie.source.root)


def _message(event: Event) -> str:
    return (
        f"{event.target_text} was tied to {event.source_text}, and no longer is once {event.detail} is assigned anew: "
        "two Parameters from here on"
    )


def _remedy(event: Event) -> Remedy:
    if not event.retie:
        return Remedy(f"Tie {event.target_text} to {event.source_text} after this line")
    return Remedy(f"Tie again: `{event.retie}`", applicability=Applicability.UNSAFE, then=event.retie)

"""TIE202: a forward pass stores a weight that it computed from another's values, cut from its graph."""

from __future__ import annotations

from collections.abc import Iterator

from tielint.candidates import ASSIGNED, KEPT, REGISTERED
from tielint.facts import Event, EventKind, FileFacts
from tielint.findings import Confidence, Verdict
from tielint.intent import read_intent
from tielint.judgement import Judgement, Remedy
from tielint.layers import parameter_named
from tielint.rule import Rule


class DerivedWeightDetached(Rule):
    """A weight computed anew at every forward pass is computed from `.data`: the Parameter behind it never learns.

    ## What it does
    Finds, in `forward` and what it calls, a weight of a module that is set to something computed from a Parameter's
    `.data`: `setattr(self.module, name, F.dropout(raw.data, p))`, as in weight dropout.

    ## Why it is wrong
    The computed weight has no graph. The Parameter that was registered for it stays at its initial values.

    | executed in PyTorch 2.13 | outcome |
    |---|---|
    | forward: `b.weight = a.weight.t()` (after `del b.weight`) | a tie |
    | forward: `b.weight = a.weight.data.t()` | no gradient for a: 3e-2 off after three steps |
    | forward: `setattr(m, name, F.dropout(raw.data, p))` | `raw.grad` is None |

    ## Example
    ```python
    def _setweights(self):
        for layer in self.layer_names:
            raw_w = getattr(self, f"{layer}_raw")
            setattr(self.module, layer, F.dropout(raw_w.data, p=self.weight_p, training=self.training))
    ```

    ## Use instead
    ```python
            setattr(self.module, layer, F.dropout(raw_w, p=self.weight_p, training=self.training))
    ```

    ## Fix safety
    *Display-only*: the expression that cuts the graph may stand in another line.

    ## References
    - [Regularizing and Optimizing LSTM Language Models](https://arxiv.org/abs/1708.02182)
    """

    code = "TIE202"
    name = "derived-weight-detached"
    verdict = Verdict.GRAD_CUT
    triggers = ((b"data", b"detach"), (b"forward",))
    sites = (*REGISTERED, ASSIGNED, *KEPT)

    def check(self, facts: FileFacts) -> Iterator[Judgement]:
        for event in facts.events:
            if event.kind is not EventKind.DERIVED_DETACHED or not event.place.grad or not _is_weight(event):
                continue
            intent = read_intent(event)
            if not intent.synchronise and not intent.against:
                yield Judgement(event, self.verdict, Confidence.LIKELY, _message(event), intent, _remedy(event))


def _is_weight(event: Event) -> bool:
    name = event.target_text.rpartition(".")[2]
    return event.target_text != event.source_text and (parameter_named(name) or name == "…")


def _message(event: Event) -> str:
    return (
        f"{event.target_text} is computed from the values of {event.source_text} without its graph: "
        f"{event.source_text} gets no gradient and is never trained"
    )


def _remedy(event: Event) -> Remedy:
    return Remedy(f"Compute it from {event.source_text} itself, without `.data` or `.detach()`")

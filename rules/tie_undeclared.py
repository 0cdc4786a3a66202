"""TIE502: a transformers model that ties by hand, and does not say so."""

from __future__ import annotations

from collections.abc import Iterator

from tielint.facts import Event, EventKind, FileFacts
from tielint.findings import Confidence, Verdict
from tielint.intent import read_intent
from tielint.judgement import Judgement, Remedy
from tielint.rule import Rule


class TieUndeclared(Rule):
    """A transformers model ties two weights in its constructor without `_tied_weights_keys`.

    Not on by default: a model that is never loaded or saved by transformers is right as it is. Select it by its code,
    or by its family (`TIE5`).

    ## What it does
    Finds `self.head.weight = self.embedding.weight` in the constructor of a direct subclass of transformers'
    `PreTrainedModel` that declares no `_tied_weights_keys`.

    ## Why it is wrong
    transformers makes models on the meta device, loads their weights into new Parameters and then ties what is
    declared.

    | executed with transformers 5.23 | outcome |
    |---|---|
    | `save_pretrained` | RuntimeError: shared tensors that are not declared |
    | `from_pretrained`, a checkpoint with both weights | two Parameters of equal values |
    | `from_pretrained`, a checkpoint with one of them | the other is initialised anew |
    | the same with `_tied_weights_keys` and `post_init` | tied |

    ## Example
    ```python
    class Model(PreTrainedModel):
        def __init__(self, config):
            super().__init__(config)
            ...
            self.head.weight = self.embedding.weight
    ```

    ## Use instead
    ```python
    class Model(PreTrainedModel):
        _tied_weights_keys = {"head.weight": "embedding.weight"}
    ```
    and `self.post_init()` at the constructor's end.

    ## Fix safety
    *Display-only*: the form of the declaration depends on the version of transformers.

    ## References
    - [Migration to transformers 5](https://github.com/huggingface/transformers/blob/main/MIGRATION_GUIDE_V5.md)
    """

    code = "TIE502"
    name = "tie-undeclared"
    verdict = Verdict.BROKEN_LATER
    triggers = ((b"PreTrainedModel",), (b"weight", b"bias"))
    default = False

    def check(self, facts: FileFacts) -> Iterator[Judgement]:
        for event in facts.events:
            if event.kind is EventKind.TIE_UNDECLARED:
                yield Judgement(
                    event, self.verdict, Confidence.LIKELY, _message(event), read_intent(event), _remedy(event)
                )


def _message(event: Event) -> str:
    return (
        f"{event.target_text} is tied to {event.source_text} by hand, and _tied_weights_keys does not say so: loaded "
        "by transformers they are two, and saving raises RuntimeError"
    )


def _remedy(event: Event) -> Remedy:
    return Remedy(f"Declare it: `_tied_weights_keys = {event.detail}`")

"""TIE501: `_tied_weights_keys` as a list, which transformers 5 refuses."""

from __future__ import annotations

from collections.abc import Iterator

from tielint.facts import Event, EventKind, FileFacts
from tielint.findings import Applicability, Confidence, Verdict
from tielint.intent import read_intent
from tielint.judgement import Judgement, Remedy
from tielint.rule import Rule


class TiedWeightsKeysList(Rule):
    """A transformers model names its tied weights in a list; version 5 wants a mapping from target to source.

    Not on by default: for transformers 4 the list is right. Select it by its code, or by its family (`TIE5`).

    ## What it does
    Finds `_tied_weights_keys = ["lm_head.weight"]` in a subclass of a `PreTrainedModel`.

    ## Why it is wrong
    Since version 5, transformers ties what the mapping says, and takes `.items()` of it: a list raises an error when
    the model is made, or the weights are not tied.

    | transformers | outcome |
    |---|---|
    | 4 | the list names keys that a checkpoint may lack |
    | 5 | the mapping says which Parameter is tied to which |

    ## Example
    ```python
    _tied_weights_keys = ["lm_head.weight"]
    ```

    ## Use instead
    ```python
    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}
    ```

    ## Fix safety
    *Unsafe*: the source is read from `get_input_embeddings` and `get_output_embeddings`, or from a tie in the
    constructor, and the mapping is for version 5. *Display-only* where neither names it.

    ## References
    - [Migration to transformers 5](https://github.com/huggingface/transformers/blob/main/MIGRATION_GUIDE_V5.md)
    """

    code = "TIE501"
    name = "tied-weights-keys-list"
    verdict = Verdict.ERROR
    triggers = ((b"_tied_weights_keys",),)
    default = False

    def check(self, facts: FileFacts) -> Iterator[Judgement]:
        for event in facts.events:
            if event.kind is EventKind.TIED_KEYS_LISTED:
                yield Judgement(
                    event, self.verdict, Confidence.CERTAIN, _message(event), read_intent(event), _remedy(event)
                )


def _message(event: Event) -> str:
    return (
        f"{event.target_text} is a list: transformers 5 refuses it, and wants a mapping of each tied Parameter's name "
        "to its source's"
    )


def _remedy(event: Event) -> Remedy:
    if not event.detail:
        return Remedy("Map each name to the name of the Parameter that it is tied to")
    return Remedy(f"Name the source: `{event.detail}`", ((event.node, event.detail),), Applicability.UNSAFE)

"""TIE505: an adapter that saves both sides of a tie, and so makes two of them."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tielint.facts import Event, EventKind, FileFacts
from tielint.findings import Applicability, Confidence, Verdict
from tielint.intent import read_intent
from tielint.judgement import Judgement, Remedy
from tielint.rule import Rule
from tielint.spelling import code_of


class AdapterSplitsTie(Rule):
    """A PEFT configuration names the embedding and the output layer in `modules_to_save`.

    Not on by default: for a model whose two are not tied it is right. Select it by its code, or by its family (`TIE5`).

    ## What it does
    Finds `LoraConfig(…, modules_to_save=["embed_tokens", "lm_head"])`, or any other configuration of `peft`, that names
    an input embedding and an output layer. Silent with `ensure_weight_tying=True`.

    ## Why it is wrong
    PEFT deep-copies each module that is to be saved and trains the copy. Of a tied model's two, each gets a copy of its
    own.

    | executed with peft 0.21.2 on a tied Llama of transformers 5.23 | outcome |
    |---|---|
    | `modules_to_save=["embed_tokens", "lm_head"]` | two trained Parameters, different after one step |
    | `modules_to_save=["lm_head"]` | the embedding stays frozen, the output layer is trained |
    | `…, ensure_weight_tying=True` | one trained Parameter |

    ## Example
    ```python
    LoraConfig(target_modules=["q_proj"], modules_to_save=["embed_tokens", "lm_head"])
    ```

    ## Use instead
    ```python
    LoraConfig(target_modules=["q_proj"], modules_to_save=["embed_tokens", "lm_head"], ensure_weight_tying=True)
    ```

    ## Fix safety
    *Unsafe*: an older PEFT does not know the argument, and a model that is not tied is warned of.

    ## References
    - [peft#2777](https://github.com/huggingface/peft/issues/2777)
    """

    code = "TIE505"
    name = "adapter-splits-tie"
    verdict = Verdict.COPY
    triggers = ((b"modules_to_save",), (b"peft",))
    default = False

    def check(self, facts: FileFacts) -> Iterator[Judgement]:
        for event in facts.events:
            if event.kind is EventKind.ADAPTED:
                yield Judgement(
                    event, self.verdict, Confidence.LIKELY, _message(event), read_intent(event), _remedy(event)
                )


def _message(event: Event) -> str:
    return (
        f"{event.target_text} and {event.source_text} are copied and trained apart: a model that ties them is tied "
        "no longer"
    )


def _remedy(event: Event) -> Remedy:
    advice = "Keep them one: `ensure_weight_tying=True`"
    if not isinstance(event.node, cst.Arg):
        return Remedy(advice)
    argument = code_of(event.node.with_changes(comma=cst.MaybeSentinel.DEFAULT))
    return Remedy(advice, ((event.node, f"{argument}, ensure_weight_tying=True"),), Applicability.UNSAFE)

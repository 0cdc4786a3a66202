"""TIE302: one side of a tie is normalised, pruned or parametrized."""

from __future__ import annotations

from collections.abc import Iterator

from tielint.candidates import REPARAMETRIZES, TIES
from tielint.facts import Event, EventKind, FileFacts
from tielint.findings import Confidence, Verdict
from tielint.intent import read_intent
from tielint.judgement import Judgement, Remedy
from tielint.rule import Rule


class TieReparametrized(Rule):
    """`weight_norm`, pruning or a parametrization on one side of a tie takes that side out of it.

    ## What it does
    Finds `weight_norm(layer)`, `spectral_norm(layer)`, `prune.…(layer, "weight")` and
    `parametrize.register_parametrization(layer, …)` on a layer whose weight was tied before, in one constructor and all
    that it calls.

    ## Why it is wrong
    Each replaces the layer's Parameter by a tensor computed from others. The two layers compute with different matrices
    from then on.

    | executed in PyTorch 2.13, after `b.weight = a.weight` | outcome |
    |---|---|
    | `nn.utils.weight_norm(b)` | b's direction shares a's storage, its length is its own: 7e-2 apart |
    | `weight_norm` on both | the same, for both |
    | `nn.utils.spectral_norm(b)` | another matrix at once: 1.6 apart |
    | `prune.l1_unstructured(b, "weight", amount=0.3)` | b computes with a masked matrix, a does not |
    | `parametrize.register_parametrization(b, "weight", f)` | b computes with f of a's matrix |

    ## Example
    ```python
    self.decoder.weight = self.embedding.weight
    self.decoder = nn.utils.weight_norm(self.decoder)
    ```

    ## Use instead
    Normalise one layer and let the other compute with the result at every forward pass:
    `F.linear(x, self.embedding.weight)`.

    ## Fix safety
    *Display-only*: which of the two was meant, only the author knows.

    ## References
    - [Parametrizations tutorial](https://docs.pytorch.org/tutorials/intermediate/parametrizations.html)
    """

    code = "TIE302"
    name = "tie-reparametrized"
    verdict = Verdict.BROKEN_LATER
    triggers = ((b"weight_norm", b"spectral_norm", b"prune", b"parametriz", b"orthogonal"),)
    sites = (*TIES, REPARAMETRIZES)

    def check(self, facts: FileFacts) -> Iterator[Judgement]:
        for event in facts.events:
            if event.kind is EventKind.WRAPPED:
                yield Judgement(event, self.verdict, Confidence.CERTAIN, _message(event), read_intent(event), _remedy())


def _message(event: Event) -> str:
    function = event.detail.rpartition(".")[2]
    return (
        f"{function} takes {event.target_text} out of its tie with {event.source_text}: it is now a tensor computed "
        "from Parameters of its own, a different matrix"
    )


def _remedy() -> Remedy:
    return Remedy("Normalise one layer, and let the other compute with its weight at every forward pass")

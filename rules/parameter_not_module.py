"""TIE003: a function for modules given a Parameter."""

from __future__ import annotations

from collections.abc import Iterator

from tielint.candidates import changes_a_parameter
from tielint.facts import Event, EventKind, FileFacts
from tielint.findings import Confidence, Verdict
from tielint.intent import read_intent
from tielint.judgement import Judgement, Remedy
from tielint.rule import Rule


class ParameterNotModule(Rule):
    """`weight_norm`, `spectral_norm`, pruning and parametrizations take a module, and are given its weight.

    ## What it does
    Finds `weight_norm(self.fc.weight)`, `prune.l1_unstructured(self.fc.weight, …)` and the like.

    ## Why it is wrong
    | executed in PyTorch 2.13 | outcome |
    |---|---|
    | `nn.utils.weight_norm(a.weight)` | AttributeError: 'Parameter' object has no attribute … |
    | `parametrizations.weight_norm(a.weight)` | AttributeError: 'Parameter' object has no attribute 'training' |

    ## Example
    ```python
    self.fc.weight = nn.utils.weight_norm(self.fc.weight)
    ```

    ## Use instead
    ```python
    self.fc = nn.utils.parametrizations.weight_norm(self.fc)
    ```

    ## Fix safety
    *Display-only*: the result has to be stored as the layer.

    ## References
    - [weight_norm](https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.parametrizations.weight_norm.html)
    """

    code = "TIE003"
    name = "parameter-not-module"
    verdict = Verdict.ERROR
    triggers = ((b"weight_norm", b"spectral_norm", b"prune", b"parametriz", b"orthogonal"),)
    sites = (changes_a_parameter,)

    def check(self, facts: FileFacts) -> Iterator[Judgement]:
        for event in facts.events:
            if event.kind is EventKind.NOT_A_MODULE:
                confidence = Confidence.LIKELY if event.presumed else Confidence.CERTAIN
                yield Judgement(event, self.verdict, confidence, _message(event), read_intent(event), _remedy(event))


def _message(event: Event) -> str:
    function = event.target_text.rpartition(".")[2]
    return f"{function} takes a module and is given the Parameter {event.source_text}: PyTorch raises an error"


def _remedy(event: Event) -> Remedy:
    layer = event.source_text.rpartition(".")[0]
    return Remedy(f"Give it the layer and the name: `{event.target_text.rpartition('.')[2]}({layer}, …)`")

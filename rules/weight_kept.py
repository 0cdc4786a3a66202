"""TIE106: a weight computed from another once, and kept."""

from __future__ import annotations

from collections.abc import Iterator

from tielint.candidates import ASSIGNED, KEPT, REGISTERED, SEEN_OTHERWISE
from tielint.facts import Event, EventKind, FileFacts
from tielint.findings import Confidence, Verdict
from tielint.intent import Intent, Strength, read_intent
from tielint.judgement import Judgement, Remedy
from tielint.layers import LAYERS
from tielint.rule import Rule
from tielint.tensor import Storage


class WeightKept(Rule):
    """A weight is computed from another layer's once, in the constructor, and kept as a tensor.

    ## What it does
    Finds `del dec.weight; dec.weight = enc.weight.t()`, `dec.register_buffer("weight", enc.weight.t())` after the
    deletion, and a transposed weight of another layer kept as an attribute (`self.weight_t = self.enc.weight.t()`), in
    a constructor or in a method that ties. Computed in `forward` the same line is a tie, and the rule is silent.

    ## Why it is wrong
    What is kept is one tensor of the moment. Nothing computes it again.

    | executed in PyTorch 2.13 | outcome |
    |---|---|
    | `del b.weight; b.weight = a.weight.t()` | tied until the model is moved: stale after `.to()`, `deepcopy` fails |
    | the same with `.contiguous()` or `.clone()` | values of the first moment for ever, 5e-2 off after three steps |
    | `2 * a.weight.t()` | RuntimeError at the second backward pass |
    | `a.weight.data.t()` | the values follow, the gradient never comes back to a |
    | `def forward(…): b.weight = a.weight.t()` | a tie |

    ## Example
    ```python
    del self.decoder.weight
    self.decoder.weight = self.encoder.weight.t()
    ```

    ## Use instead
    ```python
    self.decoder = TiedLinear(self.encoder)
    ```
    or compute it where it is used: `F.linear(x, self.encoder.weight.t(), self.decoder.bias)`.

    ## Fix safety
    *Display-only*: what else reads the attribute has to be changed with it.

    ## References
    - [torch.nn.Module.register_buffer](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html)
    """

    code = "TIE106"
    name = "weight-kept"
    verdict = Verdict.STALE
    triggers = ((b"weight",),)
    sites = (*KEPT, SEEN_OTHERWISE, *REGISTERED, ASSIGNED)

    def check(self, facts: FileFacts) -> Iterator[Judgement]:
        for event in facts.events:
            if event.kind is not EventKind.KEPT or not _of_another_layer(event):
                continue
            intent = read_intent(event)
            if _meant_as_tie(event, intent):
                yield Judgement(event, _verdict(event), Confidence.LIKELY, _message(event), intent, _remedy(event))


def _of_another_layer(event: Event) -> bool:
    cell = event.cell
    if cell is None or not cell.parameter or cell.presumed or event.source is event.target:
        return False
    return cell.home is not None and cell.home.layer in LAYERS


def _meant_as_tie(event: Event, intent: Intent) -> bool:
    if intent.against or intent.surgery or intent.synchronise or event.state is None:
        return False
    if event.place.method != "__init__" and intent.tie < Strength.NAME:
        return False
    name = event.target_text.rpartition(".")[2]
    as_weight = event.target is not None and name in _parameters_of(event)
    if event.detail == "attached":
        return as_weight or event.state.transposed or intent.tie >= Strength.NAME
    return as_weight and not intent.initialise


def _parameters_of(event: Event) -> frozenset[str]:
    layer = LAYERS.get((event.target and event.target.layer) or "")
    return frozenset(layer.parameters) if layer else frozenset()


def _verdict(event: Event) -> Verdict:
    return Verdict.STALE if event.detail == "attached" else Verdict.GRAD_CUT


def _message(event: Event) -> str:
    start = f"{event.target_text} is computed from {event.source_text} once, here, and kept as a tensor"
    state = event.state
    if event.detail != "attached":
        return f"{start}, without its graph: no gradient comes back to {event.source_text}"
    if state is not None and state.storage is Storage.SHARED:
        return f"{start}: it follows {event.source_text} only until the model is moved, copied or loaded anew"
    return f"{start}: it keeps the values of this moment, and a second backward pass may fail"


def _remedy(event: Event) -> Remedy:
    return Remedy(f"Compute it from {event.source_text} where it is used, at every forward pass, or use a TiedLinear")

"""TIE001: a tensor assigned where a Parameter stands."""

from __future__ import annotations

from collections.abc import Iterator

from tielint.candidates import WRITES
from tielint.facts import FileFacts, Slot, Tie, Write
from tielint.findings import Confidence, Verdict
from tielint.intent import Intent, Strength, read_intent, two_owners
from tielint.judgement import Judgement, turned
from tielint.rule import Rule


class TensorAssignedToParameter(Rule):
    """A tensor computed from one layer's weight is assigned where another layer has a Parameter.

    ## What it does
    Finds `decoder.weight = encoder.weight.t()` and its relatives: the right side is a plain tensor (`.t()`, `.T`,
    `.transpose(0, 1)`, `.data`, `.detach()`, `.clone()` …), the left side a registered Parameter; also through
    `setattr`, `register_parameter` and `_parameters[...]`.

    ## Why it is wrong
    PyTorch raises `TypeError: cannot assign 'torch.FloatTensor' as parameter 'weight' (torch.nn.Parameter or None
    expected)`. Through `_parameters[...]` the check is passed by, and the optimizer refuses the result:
    `ValueError: can't optimize a non-leaf Tensor`. Wrapping the tensor in `nn.Parameter` silences the error and ties
    nothing (TIE101).

    | executed in PyTorch 2.13 | outcome |
    |---|---|
    | `b.weight = a.weight.t()` | TypeError |
    | `b.weight = a.weight.data` | TypeError |
    | `b.register_parameter("weight", a.weight.t())` | TypeError |
    | `b._parameters["weight"] = a.weight.t()` | ValueError when the optimizer is built |

    ## Example
    ```python
    self.encoder = nn.Linear(784, 64)
    self.decoder = nn.Linear(64, 784)
    self.decoder.weight = self.encoder.weight.t()
    ```

    ## Use instead
    ```python
    self.encoder = nn.Linear(784, 64)
    self.decoder = TiedLinear(self.encoder, bias=True)
    ```
    Where both layers keep their weight in the same layout (an embedding and its output layer), assign the Parameter
    itself: `self.head.weight = self.embedding.weight`.

    ## Fix safety
    *Safe*: the code crashes as it stands, so there is no behaviour to keep. *Unsafe* in `forward`, where the layouts of
    the two layers are not in sight, and where your own TiedLinear class is used.

    ## References
    - [torch.nn.Module.__setattr__](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html)
    - [torch.nn.Parameter](https://docs.pytorch.org/docs/stable/generated/torch.nn.parameter.Parameter.html)
    """

    code = "TIE001"
    name = "tensor-assigned-to-parameter"
    verdict = Verdict.ERROR
    triggers = ((b"weight", b"bias", b"Parameter"),)
    sites = WRITES

    def check(self, facts: FileFacts) -> Iterator[Judgement]:
        for tie in facts.ties:
            if not tie.write.binds or tie.state.is_parameter is not False:
                continue
            intent = read_intent(tie)
            confidence = _confidence(tie, intent)
            if confidence:
                yield Judgement(tie, Verdict.ERROR, confidence, _message(tie), intent)


def _confidence(tie: Tie, intent: Intent) -> Confidence | None:
    if not two_owners(tie, intent) or tie.slot is Slot.FREE:
        return None
    if tie.slot is Slot.PARAMETER:
        return Confidence.LIKELY if tie.source.cell.presumed else Confidence.CERTAIN
    return Confidence.LIKELY if intent.tie >= Strength.NAME and not intent.against else Confidence.POSSIBLE


def _message(tie: Tie) -> str:
    made = f"{tie.source.text}{turned(tie)} is a plain tensor here"
    if tie.write is Write.TABLE:
        return (
            f"{tie.target.text} is not tied to {tie.source.text}: {made}, and put into `_parameters` it makes the "
            "optimizer raise ValueError (can't optimize a non-leaf Tensor)"
        )
    return (
        f"{tie.target.text} can't be assigned: {made}, and PyTorch raises TypeError "
        "(torch.nn.Parameter or None expected)"
    )

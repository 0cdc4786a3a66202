"""TIE102: one Parameter's `.data` set to another's."""

from __future__ import annotations

from collections.abc import Iterator

from tielint.candidates import WRITES
from tielint.facts import FileFacts, Tie, Write
from tielint.findings import Confidence, Verdict
from tielint.intent import Intent, Strength, compares_loose_layers, inference_only, read_intent
from tielint.judgement import ALIAS_FOLLOWS, Judgement, alias_confidence, consequence_of_misfit, in_forward, turned
from tielint.rule import Rule
from tielint.tensor import Storage


class DataAlias(Rule):
    """The `.data` of one Parameter is set to the storage of another.

    ## What it does
    Finds `b.weight.data = a.weight.data`, also of `a.weight`, `a.weight.data.t()`, a view or a local that holds one,
    through `setattr(b.weight, "data", …)` and `b.weight.set_(…)`, in constructors and in `forward`.

    ## Why it is wrong
    Two Parameters now use one storage. Values look tied in every test, and the two are still trained apart: each
    collects the gradient of its own uses and has its own optimizer state.

    | executed in PyTorch 2.13 | outcome |
    |---|---|
    | one Parameter object | no: two, in `parameters()` and in the optimizer |
    | a loss on b alone | no gradient for a |
    | plain SGD, momentum | as a tie would train |
    | Adam, AdamW | the shared storage is stepped twice: 6e-2 off after three steps |
    | `.to()` another dtype or device, `deepcopy`, pickle | two separate weights |
    | `a.weight.data = …` later | b keeps the old storage |

    ## Example
    ```python
    self.encoder = nn.Linear(784, 64)
    self.decoder = nn.Linear(64, 784)
    self.decoder.weight.data = self.encoder.weight.data.t()
    ```

    ## Use instead
    ```python
    self.decoder = TiedLinear(self.encoder, bias=True)
    ```
    and where both layers keep their weight in the same layout (embedding and output layer, convolution and transposed
    convolution):
    ```python
    self.head.weight = self.embedding.weight
    ```

    ## Fix safety
    As for TIE101: *safe* where the layouts are in sight, because a direct tie keeps all `state_dict` keys and the
    written TiedLinear loads old checkpoints. *Unsafe*: your own TiedLinear, layouts that are not in sight, ties in
    `forward`. *Display-only* where words say that only an initialisation was meant (then copy instead:
    `b.weight.data.copy_(a.weight.data)`).

    ## References
    - [torch.Tensor.detach](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.detach.html)
    - [Autograd mechanics](https://docs.pytorch.org/docs/stable/notes/autograd.html)
    """

    code = "TIE102"
    name = "data-alias"
    verdict = Verdict.ALIAS
    triggers = ((b"data", b"set_"),)
    sites = WRITES

    def check(self, facts: FileFacts) -> Iterator[Judgement]:
        for tie in facts.ties:
            if tie.write not in (Write.DATA, Write.SET) or tie.state.storage is Storage.FRESH or not tie.state.exact:
                continue
            if tie.write is Write.SET and tie.place.grad:
                continue
            intent = read_intent(tie)
            confidence = alias_confidence(tie, intent)
            if confidence is None:
                continue
            if inference_only(facts.imports) or compares_loose_layers(tie, facts.imports):
                confidence = Confidence.POSSIBLE
            verdict = Verdict.ERROR if tie.misfit else Verdict.ALIAS
            yield Judgement(tie, verdict, confidence, _message(tie, intent), intent)


def _message(tie: Tie, intent: Intent) -> str:
    when = " at every forward pass" if in_forward(tie) else ""
    purpose = "" if not intent.initialise or intent.tie >= Strength.COMMENT else " (an initialisation would copy)"
    return (
        f"{tie.target.text} is given the storage of {tie.source.text}{turned(tie)}{when} and stays a Parameter of its "
        f"own, not tied{purpose}: {ALIAS_FOLLOWS}{consequence_of_misfit(tie)}"
    )

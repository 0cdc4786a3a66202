"""TIE103: values copied where a tie was meant."""

from __future__ import annotations

from collections.abc import Iterator

from tielint.candidates import WRITES
from tielint.facts import FileFacts, Tie, Write
from tielint.findings import Confidence, Verdict
from tielint.intent import Intent, Strength, compares_loose_layers, read_intent, two_owners
from tielint.judgement import COPY_FOLLOWS, Judgement, consequence_of_misfit, in_forward, turned
from tielint.rule import Rule
from tielint.spelling import code_of
from tielint.tensor import Storage, copying_operations


class CopiedTie(Rule):
    """Values are copied from one Parameter to another where a tie was meant.

    ## What it does
    Finds `.clone()`, `.contiguous()` of a transposed weight, `copy.deepcopy(…)`, `torch.tensor(…)` and `.copy_(…)`
    between two layers of one model, where a flag, a comment or a name says that they are to be tied or shared. Without
    such words a copy is an initialisation, and the rule is silent; so it is where words say "initialise", "untie" or
    "target network".

    ## Why it is wrong
    The two weights are equal once. They are two Parameters with two storages, and part at the first optimizer step.

    | executed in PyTorch 2.13 | outcome |
    |---|---|
    | `b.weight.data = a.weight.data.clone()` | two Parameters; 9e-2 apart after three SGD steps |
    | `b.weight = nn.Parameter(a.weight.t().contiguous())` | the same: `.contiguous()` of a transpose copies |
    | `b.weight.data.copy_(a.weight.data.t())` in `forward` | the copy's gradient is lost |
    | `b.weight.copy_(a.weight)` without `no_grad` | RuntimeError: a leaf Variable that requires grad |

    ## Example
    ```python
    if tied:
        self.decoder.weight = nn.Parameter(self.encoder.weight.t().clone())
    ```

    ## Use instead
    ```python
    if tied:
        self.decoder = TiedLinear(self.encoder, bias=self.decoder.bias)
    ```
    and where both layers keep their weight in the same layout: `self.head.weight = self.embedding.weight`.

    ## Fix safety
    *Safe* only where a condition says that a tie is wanted (`if tie_weights:`), or where the copy raises an error
    anyway; *unsafe* where a comment or a name alone says so, because training changes and an initialisation may have
    been meant.

    ## References
    - [torch.clone](https://docs.pytorch.org/docs/stable/generated/torch.clone.html)
    - [torch.Tensor.contiguous](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.contiguous.html)
    """

    code = "TIE103"
    name = "copied-tie"
    verdict = Verdict.COPY
    triggers = (
        tuple(
            sorted(
                {f"{name}(".encode() for name in copying_operations()} | {b"copy_", b"data[", b"weight", b"bias"},
            )
        ),
    )
    sites = WRITES

    def check(self, facts: FileFacts) -> Iterator[Judgement]:
        for tie in facts.ties:
            if not _copies(tie):
                continue
            intent = read_intent(tie)
            confidence = _confidence(tie, intent)
            if confidence and not _refused(tie) and compares_loose_layers(tie, facts.imports):
                confidence = Confidence.POSSIBLE
            if confidence:
                yield Judgement(tie, _verdict(tie), confidence, _message(tie), intent)


def _copies(tie: Tie) -> bool:
    if not tie.state.exact or not tie.state.whole or tie.in_part:
        return False
    if tie.write.binds:
        return (
            tie.state.is_parameter is True
            and tie.state.storage is Storage.FRESH
            and tie.state.requires_grad is not False
        )
    return tie.write is Write.COPY or tie.state.storage is Storage.FRESH


def _refused(tie: Tie) -> bool:
    """`copy_` into a leaf that requires grad, where gradients are recorded."""
    return tie.write is Write.COPY and tie.into_leaf and tie.place.grad and tie.target.owner is not None


def _confidence(tie: Tie, intent: Intent) -> Confidence | None:
    if not two_owners(tie, intent) or intent.against or intent.synchronise:
        return None
    if intent.tie >= Strength.CONDITION:
        return Confidence.CERTAIN
    if intent.initialise:
        return None
    if intent.tie >= Strength.COMMENT:
        return Confidence.CERTAIN
    if intent.tie >= Strength.NAME:
        return Confidence.LIKELY
    spelled = code_of(tie.value) if tie.value is not None else ""
    aware = "clone" in spelled or "detach" in spelled or tie.target.layer is None
    unaware = tie.state.transposed and tie.state.contiguous is True and tie.write is not Write.COPY and not aware
    return Confidence.LIKELY if unaware and tie.same_model else Confidence.POSSIBLE


def _verdict(tie: Tie) -> Verdict:
    if _refused(tie) or tie.misfit:
        return Verdict.ERROR
    return Verdict.GRAD_CUT if in_forward(tie) else Verdict.COPY


def _message(tie: Tie) -> str:
    if _refused(tie):
        return (
            f"{tie.target.text} is not tied to {tie.source.text}: an in-place copy into a Parameter raises "
            "RuntimeError (a leaf Variable that requires grad is being used in an in-place operation)"
        )
    if in_forward(tie):
        return (
            f"{tie.target.text} is overwritten with the values of {tie.source.text}{turned(tie)} at every forward "
            f"pass: what its own gradient teaches it is lost, and {tie.source.text} never learns of it"
        )
    return (
        f"{tie.target.text} gets a copy of the values of {tie.source.text}{turned(tie)}, once: "
        f"{COPY_FOLLOWS}{consequence_of_misfit(tie)}"
    )

"""TIE002: two layers that share one Parameter whose shape fits only one of them."""

from __future__ import annotations

from collections.abc import Iterator

from tielint.candidates import WRITES
from tielint.facts import FileFacts, Fit, Tie
from tielint.findings import Confidence, Verdict
from tielint.intent import itself, read_intent
from tielint.judgement import Judgement, shapes_of
from tielint.layers import LINEAR
from tielint.rule import Rule
from tielint.values import Constant


class TieShapeMismatch(Rule):
    """Two layers are tied directly, but their weights can't have the same shape.

    ## What it does
    Compares the shapes that the constructors give: `nn.Linear(i, o)` holds a weight of shape `(o, i)`,
    `nn.Embedding(n, d)` one of `(n, d)`, a convolution `(out, in, …)`, a transposed one `(in, out, …)`. Sizes are
    compared as numbers, or as the expressions that give them.

    ## Why it is wrong
    PyTorch never checks shapes at assignment. The tie is real, and the first forward pass fails. A head without bias
    over an embedding of another vocabulary does not even fail: it returns as many outputs as the embedding has rows.

    | executed in PyTorch 2.13 | outcome |
    |---|---|
    | `Linear(3, 5).weight = Linear(5, 3).weight` | assignment accepted; forward: RuntimeError |
    | `Embedding(10, 3).weight = Linear(10, 3).weight` | accepted; IndexError for most tokens |
    | `Linear(4, 9, bias=False).weight = Embedding(7, 4).weight` | accepted; 7 outputs instead of 9 |

    ## Example
    ```python
    self.encoder = nn.Linear(784, 64)
    self.decoder = nn.Linear(64, 784)
    self.decoder.weight = self.encoder.weight
    ```

    ## Use instead
    ```python
    self.encoder = nn.Linear(784, 64)
    self.decoder = TiedLinear(self.encoder, bias=True)
    ```

    ## Fix safety
    Two reversed linear layers: *unsafe* where the sizes are only known by their names, *safe* where they are numbers.
    All other mismatches have no fix: only you know which size is the right one.

    ## References
    - [torch.nn.Linear](https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html)
    - [Using the Output Embedding to Improve Language Models](https://arxiv.org/abs/1608.05859)
    """

    code = "TIE002"
    name = "tie-shape-mismatch"
    verdict = Verdict.ERROR
    triggers = ((b"weight", b"bias"),)
    sites = WRITES

    def check(self, facts: FileFacts) -> Iterator[Judgement]:
        for tie in facts.ties:
            if not tie.is_tie or itself(tie) or not tie.source_live or tie.misfit is None:
                continue
            confidence = Confidence.CERTAIN if tie.misfit is Fit.UNFIT or _numbers(tie) else Confidence.LIKELY
            yield Judgement(tie, Verdict.ERROR, confidence, _message(tie), read_intent(tie))


def _numbers(tie: Tie) -> bool:
    return all(isinstance(dim, int) for dim in tie.target.cell.shape or (None,))


def _message(tie: Tie) -> str:
    wanted, given = shapes_of(tie)
    return (
        f"{tie.target.text} needs shape {wanted}, and {tie.source.text} has {given}: PyTorch accepts the assignment, "
        f"and {_outcome(tie)}"
    )


def _outcome(tie: Tie) -> str:
    wanted, given = tie.target.cell.shape, tie.given_shape
    owner = tie.target.owner
    if wanted and given and owner and owner.layer == LINEAR and wanted[1:] == given[1:]:
        if owner.arguments.get("bias") == Constant(False):
            return f"the layer silently returns {given[0]} outputs instead of {wanted[0]}"
        return "the bias no longer fits: the first forward pass fails"
    return "the first forward pass fails"

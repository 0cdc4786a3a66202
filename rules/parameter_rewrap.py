"""TIE101: a Parameter wrapped into a second one."""

from __future__ import annotations

from collections.abc import Iterator

from tielint.candidates import WRITES
from tielint.facts import FileFacts, Tie, Write
from tielint.findings import Confidence, Verdict
from tielint.intent import Intent, Strength, compares_loose_layers, inference_only, read_intent
from tielint.judgement import ALIAS_FOLLOWS, Judgement, alias_confidence, consequence_of_misfit, in_forward, turned
from tielint.rule import Rule
from tielint.tensor import Storage


class ParameterRewrap(Rule):
    """A second Parameter is made over the storage of another layer's Parameter.

    ## What it does
    Finds `b.weight = nn.Parameter(a.weight)`, also of `a.weight.t()`, `a.weight.data`, `a.weight.detach()`, a view or a
    local that holds one, however it gets into the layer.

    ## Why it is wrong
    `nn.Parameter(x)` is always a new Parameter. It shares memory with `x`, so the values look tied for ever, in every
    test of values. But it has a gradient and an optimizer state of its own, and the alias ends without a word.

    | executed in PyTorch 2.13 | outcome |
    |---|---|
    | one Parameter object | no: two, in `parameters()` and in the optimizer |
    | plain SGD, momentum | as a tie would train |
    | Adam, AdamW | the shared storage is stepped twice: 6e-2 off after three steps |
    | weight decay, gradient clipping | applied twice; other norms |
    | `.to()` another dtype or device, `deepcopy`, pickle | two separate weights |
    | freezing one side | the other still trains the shared storage |
    | a transposed alias in safetensors | `save_file` and `save_model` fail |

    ## Example
    ```python
    self.embedding = nn.Embedding(vocab, dim)
    self.head = nn.Linear(dim, vocab, bias=False)
    self.head.weight = nn.Parameter(self.embedding.weight)
    ```

    ## Use instead
    ```python
    self.head.weight = self.embedding.weight
    ```
    and for the transposed layout of an autoencoder, compute with the encoder's weight at every forward pass:
    ```python
    self.decoder = TiedLinear(self.encoder, bias=True)
    ```

    ## Fix safety
    The forward pass stays the same and training changes: that is the purpose, but optimizer checkpoints no longer fit
    (one Parameter fewer). A direct tie keeps all keys of the `state_dict` and is *safe*. TiedLinear has no key
    `decoder.weight`; the class that is written into your file accepts the one in an old checkpoint (and warns if it
    differs), so it is *safe* as well. *Unsafe*: your own TiedLinear (nobody knows what it loads), layouts that are not
    in sight, and ties in `forward`. *Display-only* where words say that an initialisation was meant, where a tie is
    made in a helper for layers that it can't replace, and where no layer class is known.

    ## References
    - [torch.nn.Parameter](https://docs.pytorch.org/docs/stable/generated/torch.nn.parameter.Parameter.html)
    - [Using the Output Embedding to Improve Language Models](https://arxiv.org/abs/1608.05859)
    """

    code = "TIE101"
    name = "parameter-rewrap"
    verdict = Verdict.ALIAS
    triggers = ((b"Parameter", b"weight", b"bias"),)
    sites = WRITES

    def check(self, facts: FileFacts) -> Iterator[Judgement]:
        for tie in facts.ties:
            if tie.write in (Write.DATA, Write.COPY, Write.SET) or tie.state.is_parameter is not True or tie.is_tie:
                continue
            if tie.state.storage is Storage.FRESH or not tie.state.exact or tie.state.requires_grad is False:
                continue
            intent = read_intent(tie)
            confidence = alias_confidence(tie, intent)
            if confidence is None:
                continue
            if inference_only(facts.imports) or compares_loose_layers(tie, facts.imports):
                confidence = Confidence.POSSIBLE
            verdict = Verdict.ERROR if tie.misfit else Verdict.GRAD_CUT if in_forward(tie) else Verdict.ALIAS
            yield Judgement(tie, verdict, confidence, _message(tie, intent), intent)


def _message(tie: Tie, intent: Intent) -> str:
    if in_forward(tie):
        return (
            f"{tie.target.text} becomes a new Parameter over {tie.source.text}{turned(tie)} at every forward pass: no "
            f"optimizer ever sees it, and no gradient reaches {tie.source.text} through it"
        )
    purpose = "" if not intent.initialise or intent.tie >= Strength.COMMENT else " (an initialisation would copy)"
    return (
        f"{tie.target.text} is a second Parameter over the storage of {tie.source.text}{turned(tie)}, "
        f"not tied to it{purpose}: {ALIAS_FOLLOWS}{consequence_of_misfit(tie)}"
    )

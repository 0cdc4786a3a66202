"""TIE201: a forward pass computes with another layer's weight, cut from its graph."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from tielint.candidates import DETACHED, WRAPPED
from tielint.facts import Event, EventKind, FileFacts
from tielint.findings import Applicability, Confidence, Verdict
from tielint.intent import Intent, Strength, comments, read_intent
from tielint.judgement import Judgement, Remedy
from tielint.layers import LAYERS
from tielint.rule import Rule
from tielint.spelling import code_of, parts_of
from tielint.values import Root
from tielint.vocabulary import words

_ON_PURPOSE = re.compile(
    r"(?<![a-z])(?:codebook|codebooks|quantiz\w*|quantis\w*|vq|cluster\w*|centroid\w*|prototype\w*|nearest|distance\w*|"
    r"dist|similarity|stop[ _-]?grad\w*|no[ _-]?grad\w*|detach\w*|frozen|freeze|straight|memory|bank|teacher|"
    r"hash)(?![a-z])"
)
_PRODUCTS = frozenset(["@", "matmul", "mm"])


_COMPUTING = frozenset(name for name in LAYERS if "Embedding" not in name)
"""Layers that use their weight as `F.linear` and `F.conv2d` do; an embedding's lookup is another use than a product."""


class WeightDetached(Rule):
    """A forward pass computes with another layer's weight through `.data` or `.detach()`: no gradient comes back.

    ## What it does
    Finds `F.linear(x, self.embedding.weight.data)` and the like in `forward`: `F.conv…`, `F.embedding`, a product that
    is returned. Silent where gradients are not recorded at all, and where names or comments say that none is wanted
    (codebooks, clusters, prototypes, "stop gradient").

    ## Why it is wrong
    The layer that owns the weight is trained by its own use alone; this use teaches it nothing.

    | executed in PyTorch 2.13 | outcome |
    |---|---|
    | `F.linear(h, a.weight.t(), b.bias)` | a tie |
    | `F.linear(h, a.weight.data.t(), b.bias)` | no gradient for a: 3e-2 off after three steps, 1e-1 under Adam |
    | `F.linear(h, a.weight.detach().t(), b.bias)` | the same |
    | `with torch.no_grad(): w = a.weight.t()` | the same |

    ## Example
    ```python
    def forward(self, tokens):
        hidden = self.body(self.embedding(tokens))
        return F.linear(hidden, self.embedding.weight.data)
    ```

    ## Use instead
    ```python
        return F.linear(hidden, self.embedding.weight)
    ```

    ## Fix safety
    *Unsafe*: the layer learns from both of its uses, which changes training. *Display-only* where the tensor was made
    in another line.

    ## References
    - [torch.Tensor.detach](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.detach.html)
    """

    code = "TIE201"
    name = "weight-detached"
    verdict = Verdict.GRAD_CUT
    triggers = (
        (b"data", b"detach", b"no_grad", b"grad_enabled", b"inference_mode", b"Parameter", b"tensor(", b"Buffer("),
        (b"forward",),
    )
    sites = (*DETACHED, WRAPPED)

    def check(self, facts: FileFacts) -> Iterator[Judgement]:
        for event in facts.events:
            if event.kind is not EventKind.USED_DETACHED or not _of_a_layer(event):
                continue
            intent = read_intent(event)
            confidence = _confidence(event, intent)
            if confidence:
                yield Judgement(event, self.verdict, confidence, _message(event), intent, _remedy(event))


def _of_a_layer(event: Event) -> bool:
    cell = event.cell
    if cell is None or cell.presumed or cell.home is None or event.frozen or not event.place.grad:
        return False
    return cell.home.layer in LAYERS and cell.home.root is not Root.SELF


def _confidence(event: Event, intent: Intent) -> Confidence | None:
    if intent.synchronise or intent.against:
        return None
    around = words(f"{event.source_text} {comments(event.place)} {_names(event)}")
    if _ON_PURPOSE.search(around):
        return None
    if intent.tie >= Strength.COMMENT:
        return Confidence.CERTAIN
    if event.target_text in _PRODUCTS and not isinstance(event.place.statement, cst.Return):
        return Confidence.POSSIBLE
    if _beside_its_own_use(event):
        return Confidence.POSSIBLE
    return Confidence.LIKELY


def _beside_its_own_use(event: Event) -> bool:
    """A layer is called, and its weight, detached in so many words, is used once more the same way round.

    Whoever writes that holds a classifier constant for a second loss, or draws a map of its activations.
    """
    layer = event.cell.home if event.cell else None
    cut = _cutting(event.value)
    if layer is None or cut is None or not isinstance(cut[0], cst.Call) or not event.place.functions:
        return False
    if layer.layer not in _COMPUTING or event.state is None or event.state.transposed:
        return False
    called = event.source_text.removesuffix(".weight").removesuffix(".bias")
    function = event.place.functions[-1].node
    return any(isinstance(part, cst.Call) and code_of(part.func) == called for part in parts_of(function.body))


def _names(event: Event) -> str:
    functions = [function.name for function in event.place.functions]
    return " ".join([*functions, *(definition.name for definition in event.place.classes)])


def _message(event: Event) -> str:
    return (
        f"this computes with the values of {event.source_text} without its graph: no gradient comes back, and "
        f"{event.source_text} is trained by its other uses alone"
    )


def _remedy(event: Event) -> Remedy:
    cut = _cutting(event.value)
    inside = any(part is event.value for part in parts_of(event.node))
    if cut is None or not inside:
        return Remedy(f"Compute with {event.source_text} itself, its graph attached")
    node, kept = cut
    text = code_of(kept)
    return Remedy(f"Let the gradient through: `{text}`", ((node, text),), Applicability.UNSAFE)


def _cutting(value: cst.BaseExpression | None) -> tuple[cst.BaseExpression, cst.BaseExpression] | None:
    """The part of an expression that cuts the graph (`w.data`, `w.detach()`), and what stands before the cut."""
    current = value
    while current is not None:
        match current:
            case cst.Attribute(value=inner, attr=cst.Name(value="data")):
                return current, inner
            case cst.Call(func=cst.Attribute(value=inner, attr=cst.Name(value="detach"))):
                return current, inner
            case cst.Call(func=cst.Attribute(value=inner)) | cst.Attribute(value=inner) | cst.Subscript(value=inner):
                current = inner
            case _:
                return None
    return None

"""TIE402: layers that hang in a list or dict of Python."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from tielint.facts import Event, EventKind, FileFacts
from tielint.findings import Applicability, Confidence, Verdict
from tielint.intent import comments, read_intent
from tielint.judgement import Judgement, Remedy
from tielint.layer_lists import lists_layers
from tielint.rule import Rule
from tielint.spelling import last_name
from tielint.vocabulary import words

_HIDDEN = re.compile(
    r"(?<![a-z])(?:hide|hidden|hides|not registered|unregistered|do not register|don't register|on purpose|"
    r"deliberate\w*|intention\w*|avoid|prevent|exclude\w*|keep out|state_dict|state dict)(?![a-z])"
)


class LayerUnregistered(Rule):
    """Layers or Parameters are kept in a list or dict of Python, where their module does not know them.

    ## What it does
    Finds attributes of a module that are plain lists, tuples or dicts at the end of its constructor and hold layers,
    modules of the project's own or Parameters, made for them, that stand nowhere else (also in lists of lists). Layers
    that are registered as well (`add_module`, a `ModuleList` beside the list) are fine, and so is a reference to a
    layer that belongs to another module. A list around one single layer, or a comment that says so, keeps it out on
    purpose: that is shown as *possible* only, and so is a list that no method uses, or that is handed on to something
    that may register what is in it.

    ## Why it is wrong
    | executed in PyTorch 2.13 | outcome |
    |---|---|
    | `self.layers = [nn.Linear(2, 2)]` | `parameters()` is empty: no optimizer trains them |
    | `.to(device)`, `.double()`, `state_dict()` | pass them by |
    | `self.layers = nn.ModuleList([nn.Linear(2, 2)])` | registered |

    ## Example
    ```python
    self.layers = [nn.Linear(width, width) for _ in range(depth)]
    ```

    ## Use instead
    ```python
    self.layers = nn.ModuleList([nn.Linear(width, width) for _ in range(depth)])
    ```
    and `nn.ParameterList`, `nn.ModuleDict`, `nn.ParameterDict` for their kind.

    ## Fix safety
    *Unsafe*: the layers get names in the `state_dict`, which older checkpoints lack, and begin to train.
    *Display-only* for dicts and tuples, where the list is not written at the attribute or holds other things too (lists
    of layers among them), and where something is done with it that an `nn.ModuleList` can't (`sort`, `index`, …).

    ## References
    - [torch.nn.ModuleList](https://docs.pytorch.org/docs/stable/generated/torch.nn.ModuleList.html)
    """

    code = "TIE402"
    name = "layer-unregistered"
    verdict = Verdict.ACCIDENTAL
    triggers = ((b"__init__",),)
    sites = (lists_layers,)

    def check(self, facts: FileFacts) -> Iterator[Judgement]:
        for event in facts.events:
            if event.kind is EventKind.UNREGISTERED:
                doubtful = _on_purpose(event) or not event.lasting
                confidence = Confidence.POSSIBLE if doubtful else Confidence.LIKELY
                yield Judgement(event, self.verdict, confidence, _message(event), read_intent(event), _remedy(event))


def _on_purpose(event: Event) -> bool:
    """A list around one single layer is how people keep a reference out of a module; or a comment says so."""
    alone = isinstance(event.node, cst.List | cst.Tuple) and len(event.node.elements) == 1
    return alone or bool(_HIDDEN.search(words(comments(event.place))))


def _message(event: Event) -> str:
    thing = "Parameters" if event.cell is not None else "layers"
    return (
        f"{event.target_text} is a {_kind(event)} of Python, and the {thing} in it are registered nowhere: "
        "`parameters()`, `.to()` and `state_dict()` pass them by"
    )


def _kind(event: Event) -> str:
    made = last_name(event.node.func) if isinstance(event.node, cst.Call) else None
    if isinstance(event.node, cst.Dict | cst.DictComp) or made in ("dict", "OrderedDict", "defaultdict"):
        return "dict"
    if isinstance(event.node, cst.Tuple) or made == "tuple":
        return "tuple"
    return "set" if isinstance(event.node, cst.Set | cst.SetComp) or made == "set" else "list"


def _remedy(event: Event) -> Remedy:
    thing = "Parameter" if event.cell is not None else "Module"
    container = f"{thing}{'Dict' if _kind(event) == 'dict' else 'List'}"
    advice = f"Hold them in an `nn.{container}`"
    assigned = event.place.statement
    whole = isinstance(assigned, cst.Assign | cst.AnnAssign) and assigned.value is event.node
    if not whole or event.detail != thing or not isinstance(event.node, cst.List | cst.ListComp) or event.node.lpar:
        return Remedy(advice)
    return Remedy(advice, applicability=Applicability.UNSAFE, wrapped=(event.node, container))

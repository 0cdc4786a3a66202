"""TIE401: one layer stands several times where several were wanted."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tielint.facts import Event, EventKind, FileFacts
from tielint.findings import Confidence, Verdict
from tielint.intent import Strength, comments, read_intent
from tielint.judgement import Judgement, Remedy
from tielint.layer_lists import repeats_a_layer
from tielint.rule import Rule
from tielint.values import ClassDefinition
from tielint.vocabulary import words

_WITHOUT_PARAMETERS = re.compile(
    r"(?<![a-z])(?:drop|dropout|droppath|act|activation|nonlinearity|relu|gelu|silu|tanh|sigmoid|softmax|pool|pooling|"
    r"identity|flatten|reshape|upsample|downsample|pad|padding|transform|transforms|augmentation|loss|criterion|metric|"
    r"fn|func|function|callback)(?![a-z])"
)


_REPEATED_ON_PURPOSE = re.compile(
    r"(?<![a-z])(?:same|one|single)[ _-](?:\w+[ _-]){0,3}?(?:layer|layers|block|blocks|module|modules|network|cell|"
    r"weight|weights|parameter|parameters)(?![a-z])"
    r"|(?<![a-z])(?:applied|repeated|reused|re-used|used)[ _-](?:\w+[ _-]){0,2}?(?:times|several|again)(?![a-z])"
    r"|(?<![a-z])(?:universal|recurrent|recurrence|weight-tied|albert)(?![a-z])"
)
"""What a comment says of a repetition that is meant."""


_ONE_FOR_ALL = re.compile(
    r"(?<![a-z])(?:universal|recurrent|looped|weight-tied|weight-sharing|albert)(?![a-z])"
    r"|(?<![a-z])same[ _-](?:layer|block|module|network|cell|weights?|parameters)(?![a-z])"
)
"""What names and docstrings of classes say, whose depth is a repetition."""


class LayerRepeated(Rule):
    """One layer object is repeated, so that all its places train one set of Parameters.

    ## What it does
    Finds `nn.ModuleList([layer] * n)`, `nn.Sequential(*[layer] * n)`, `nn.ModuleList([layer for _ in range(n)])` with
    one `layer` made outside, `layers.append(layer)` and `layers += [layer]` in a loop that does not make it,
    `nn.ModuleDict({name: layer for name in names})`, and `nn.ParameterList([p] * n)`. Layers without Parameters
    (dropout, activations) may be repeated; where a name, a comment, a condition or the docstring of the class speaks
    of sharing, repetition is what was asked for, and the rule is silent.

    ## Why it is wrong
    A list is multiplied by copying references. The model prints n layers and has the Parameters of one.

    | executed in PyTorch 2.13 | outcome |
    |---|---|
    | `nn.ModuleList([nn.Linear(4, 4)] * 3)` | one weight, one bias; `l[0] is l[2]` |
    | `state_dict()` | 6 keys over the storage of 2 tensors |
    | `nn.ModuleList([layer for _ in range(3)])` | the same |
    | `nn.ModuleList([copy.deepcopy(layer) for _ in range(3)])` | three layers, of equal initial values |

    ## Example
    ```python
    layer = EncoderLayer(width)
    self.layers = nn.ModuleList([layer] * depth)
    ```

    ## Use instead
    ```python
    self.layers = nn.ModuleList([EncoderLayer(width) for _ in range(depth)])
    ```
    or, for a layer that is passed in, `copy.deepcopy(layer) for _ in range(depth)`, as `nn.TransformerEncoder` does.
    Where sharing is meant, say so: `shared_layer`, or a comment.

    ## Fix safety
    *Display-only*: layers of their own change what the model is, its checkpoints and its size.

    ## References
    - [torch.nn.ModuleList](https://docs.pytorch.org/docs/stable/generated/torch.nn.ModuleList.html)
    - [Python FAQ: multidimensional lists](https://docs.python.org/3/faq/programming.html#how-do-i-create-a-multidimensional-list)
    """

    code = "TIE401"
    name = "layer-repeated"
    verdict = Verdict.ACCIDENTAL
    triggers = ((b"ModuleList", b"Sequential", b"ParameterList", b"ModuleDict", b"ParameterDict", b"import *"),)
    sites = (repeats_a_layer,)

    def check(self, facts: FileFacts) -> Iterator[Judgement]:
        for event in facts.events:
            if event.kind is not EventKind.REPEATED:
                continue
            intent = read_intent(event)
            if (intent.tie >= Strength.NAME and not intent.against) or _harmless(event):
                continue
            if _REPEATED_ON_PURPOSE.search(words(f"{comments(event.place)} {event.target_text}")):
                continue
            if any(map(_is_said_of, event.place.classes)):
                continue
            known = event.cell is not None or event.has_parameters
            confidence = Confidence.CERTAIN if known else Confidence.LIKELY
            yield Judgement(event, self.verdict, confidence, _message(event), intent, _remedy())


def _is_said_of(definition: ClassDefinition) -> bool:
    said = f"{definition.name} {definition.node.get_docstring() or ''}"
    return _ONE_FOR_ALL.search(words(said)) is not None


def _harmless(event: Event) -> bool:
    if event.source is None:
        return False
    if event.has_parameters is not None:
        return not event.has_parameters
    kind = event.source.kind or ""
    builtin = kind.startswith("torch.nn.") and event.source.items is None
    return builtin or bool(_WITHOUT_PARAMETERS.search(words(f"{event.source_text} {kind}")))


def _message(event: Event) -> str:
    thing = "Parameter" if event.cell is not None else "layer"
    return (
        f"{event.target_text} holds {event.source_text or 'one'} several times, as one and the same {thing}: all its "
        "places share one set of Parameters, trained by all of them"
    )


def _remedy() -> Remedy:
    return Remedy(
        "Make one in each turn of a comprehension, or `copy.deepcopy` it; where sharing is meant, say so in its name"
    )

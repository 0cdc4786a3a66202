"""What a statement that can be a finding looks like in bytes: the second gate, behind the rules' trigger words.

A candidate tells where such statements may be. It may tell of some that are none, and must never miss one: the tests
hold it against the road without a gate.
"""

from __future__ import annotations

import re
from functools import lru_cache

from tielint.layer_lists import lists_layers, repeats_a_layer
from tielint.matching import CLASS, Likeness, Near, compiled, preceding
from tielint.reads import remembered

TYPE_CHECKING = False  # as type checkers know it: to import `typing` takes its time
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tielint.matching import Candidate


_NAME = rb"(?:weight|bias|kernel|(?:weight|bias)_(?:ih|hh|hr)_l\w+|weight_[gv]|bias_[kv]|in_proj_weight|in_proj_bias)\b"
_TAKEN = (
    rb"(?:Parameter|Linear|Bilinear|Embedding(?:Bag)?|Conv\w+|ModuleList|Sequential|ParameterList|no_grad|inference_mode|"
    rb"set_grad_enabled|deepcopy|detach|clone|from_pretrained|SGD|Adam\w*)"
)
"""What the patterns know by its name. Functions such as `weight_norm` are often given to a variable: that hides few."""


@lru_cache(maxsize=1)
def renames(data: bytes) -> bool:
    """Whether what other patterns know by its name goes by another: `from torch.nn import Parameter as P`.

    Asked of one text for the rules, and again for their places.
    """
    if any(True for _ in preceding(data, rb" as[ \t]+\w", _IMPORTED)):
        return True
    return any(compiled(pattern).search(data) for pattern in _ALIASES)


_IMPORTED = rb"from[ \t]+(?:torch|copy)\b.*\b(?:" + _TAKEN + rb"|weight_norm|spectral_norm|orthogonal)[ \t]*\Z"
_ALIASES = (
    rb"=[ \t]*(?:\w+\.)*" + _TAKEN + rb"[ \t]*(?=[\n;#])",
    rb"=[ \t]*(?:\w+\.)*Parameter[ \t]*[,)]",
    rb"partial\([ \t]*(?:[a-z]\w*\.)*" + _TAKEN + rb"[ \t]*[,)]",
)
_SHORT = rb"[Ww](?:_\w+|[a-z0-9]{0,2})"
OWN = rb"(?:weight|bias|kernel|" + _SHORT + rb")\b"
"""The names of Parameters: those of layers, and those that people give their own."""
_WORD_OWN = rb"(?:(?:weight|bias|kernel)\b|\b" + _SHORT + rb"\b)"
_FRESH = (
    rb"(?:(?:torch|th|np|numpy)\.(?:zeros|ones|empty|rand|randn|randint|full|Tensor|FloatTensor|arange|eye|normal|linspace|"
    rb"zeros_like|ones_like|empty_like|randn_like|rand_like|full_like|log|exp|sqrt)\b(?!\.)|"
    rb"torch\.tensor\(\s*(?:[-\d.\[(]|self\.config|config|float\(|math\.)|(?:self\.)?config\b(?!(?:\.\w+)+\.(?:weight|bias)))"
)
"""Values that were nowhere before."""
_FRESH_ALONE = _FRESH + rb"(?![^\n]*\belse\b)"
_SETTING = rb"(?:self\.|model\.)?(?:config|cfg|args|hparams)\b"
"""What holds numbers and flags, and no Parameter."""
_TURN = (
    rb"(?:t\(|T\b|H\b|mT\b|mH\b|data\b(?!\.\w+_\()|detach|clone|transpose|permute|swap(?:axes|dims)|contiguous|movedim|moveaxis|"
    rb"adjoint)"
)
"""Operations by which the same numbers are had once more."""

_SEEN_ONLY = (
    rb"(?:dtype|device|shape|size|ndim|new_|dim\b|numel|requires_grad\b|weight|bias|unsqueeze|squeeze|expand|repeat|"
    rb"in_features|out_features|original)"
)
"""What tells of a Parameter and is not the Parameter, or has another rank."""

ASSIGNED = Likeness(
    rb"\.(?:(?<=\bself\.)())?" + _NAME + rb"(?:\.data\b)?(?:\[[^\]\n]*\])?[ \t]*(?::[^=\n]{1,80})?=(?!=)"
    rb"(?!\s*(?:(?:None|True|False|\d[\w.]*)\s*$|[\"'\[{]|(?:self\.)?config\b(?!(?:\.\w+)+\.(?:weight|bias)\b)|use_\w+))"
    rb"(?(1)(?!\s*(?:weight|bias)\s*$))"
    rb"(?!\s*(?:[\w.]*\.)?Parameter\(\s*(?:data\s*=\s*)?"
    + _FRESH_ALONE
    + rb")(?!\s*(?:nn|torch\.nn)\.(?!Parameter)[A-Z])"
)
"""A layer's Parameter is given something that was there before; `self.weight = weight` gives a module its own."""
NAMED_ALIKE = Likeness(
    rb"\.(?:\w*weights|\w+_(?:weight|bias)|(?:weight|bias_|w_)\w+)[ \t]*=(?!=)[ \t]*(?!(?:nn|torch)\.|"
    + _SETTING
    + rb")[\w.]*\.(?:\w*weight\w*|\w+_bias)\b"
)
"""An attribute that sounds like a Parameter is given another one that does."""
UNPACKED = (
    Likeness(rb"\.(?:" + OWN + rb"|data\b)(?:\.data\b)?[ \t]*,[^=()\n:]{0,200}(?:\.\w+|[)\]][ \t]*|[ \t])=(?!=)"),
    Likeness(rb",[ \t]*[\w.\[\]\"']+\.(?:" + OWN + rb"|data\b)[ \t]*[)\]]?[ \t]*=(?!=)"),
)
"""Several attributes at once."""
WRAPPED = Likeness(
    rb"Parameter[ \t]*\((?<!inspect\.Parameter\()\s*(?:requires_grad[ \t]*=[^\n]{1,80}?,\s*)?(?:data\s*=\s*)?"
    rb"[(*\[]*\s*(?!" + _FRESH_ALONE + rb")[A-Za-z_][\w.]*(?![\w.])\s*(?:[\[\](),:]|if\b|or\b|and\b)"
)
"""A Parameter is made of something that was there before."""
DATA_ASSIGNED = Likeness(rb"\.data\b(?<!\bself\.data)(?:\[[^\]\n]*\])?[ \t]*=(?!=)")
SET_BY_NAME = Likeness(
    rb"setattr(?:__)?\((?![^)\n]*\bBuffer\()(?=[^\n]{0,300}?(?:weight|bias|[Pp]aram|data|detach|clone|getattr|\.t\b|\.T\b))"
)
REGISTERED = (
    SET_BY_NAME,
    Likeness(rb"register_parameter\((?!\s*[^,()]*,\s*None\s*\))"),
    Likeness(rb"_parameters\b(?<!\w_parameters)(?!\.(?:get|items|keys|values)\(|[ \t]*:)"),
    Likeness(rb"register_buffer\([^)]{0,200}?(?:weight|bias|[Pp]aram|" + OWN + rb")"),
)
SEEN_OTHERWISE = Likeness(rb"\." + OWN + rb"(?:\.data|\.detach\(\))*\." + _TURN)
"""A Parameter's values are taken, transposed or copied, whatever becomes of them."""
GIVEN_A_NAME = Near(rb"\." + OWN + rb"\.", rb"=[ \t]*[\w.\[\]]+\." + OWN + rb"\.(?!" + _SEEN_ONLY + rb")\w")
"""A name is given something that is made of a Parameter."""
_OF_A_PARAMETER = rb"\([ \t]*(?:\w+\.)+" + OWN
TURNED_BY_FUNCTION = (
    Likeness(rb"torch\.(?:t|adjoint|transpose|swapaxes|swapdims|permute|movedim|moveaxis)" + _OF_A_PARAMETER),
)
TAKEN_OUT = (
    Likeness(rb"\.(?:detach_|new_tensor)\("),
    Likeness(rb"torch\.tensor" + _OF_A_PARAMETER),
    Likeness(rb"Buffer" + _OF_A_PARAMETER),
)
"""A tensor is made that has a Parameter's values and not its graph."""
KEPT: tuple[Candidate, ...] = (
    Near(
        rb"\." + _TURN,
        rb"[\w\]]\.\w+[ \t]*=[ \t]*\(*(?:torch\.\w+\(|[\w.]*Parameter\()?[A-Za-z_][\w.\[\]]*\." + _TURN,
    ),
    *(
        Near(name + rb"\(", rb"[\w\]]\.\w+[ \t]*=[ \t]*(?:\w+\.)*" + name + rb"\([^\n]*\." + OWN)
        for name in (rb"rearrange", rb"einsum")
    ),
    GIVEN_A_NAME,
    *TURNED_BY_FUNCTION,
    *TAKEN_OUT,
)
"""An attribute is given a view or copy of something, or a name that of a Parameter."""


def written_in_place(data: bytes, _path: Path | str) -> Iterator[int]:
    """`copy_` or `set_` of something that may be a Parameter, or into one."""
    for match in compiled(rb"\.(?:copy_|set_)\(").finditer(data):
        before, after = data[max(0, match.start() - 40) : match.start()], data[match.end() : match.end() + 120]
        read = compiled(_READ).search(after.partition(b"\n")[0]) and not before.endswith(b"init")
        if read or compiled(_WRITTEN).search(before) or _is_named(before, data):
            yield match.start()


def _is_named(before: bytes, data: bytes) -> bool:
    """Whether a local name stands there that is a Parameter, or an attribute that a module calls one of its own."""
    name = compiled(rb"([\w.]*?)(\w+)(?:\[[^\]\n]*\])?\Z").search(before)
    if name is None:
        return False
    return name[2] in (_own_parameters(data) if name[1].endswith(b".") else _names_of_parameters(data))


_ASSIGNED = rb"^[ \t]*\(?((?:\w+[ \t]*,[ \t]*)*\w+)[ \t]*,?\)?[ \t]*=(?!=)"
_DRAWN = rb"\bfor[ \t]+([^\n]+?)[ \t]+in\b"


@lru_cache(maxsize=1)
def _names_of_parameters(data: bytes) -> set[bytes]:
    """The local names that are given Parameters, or tensors made of them, and the arguments of functions that tie."""
    names: list[bytes] = []
    for given in (rb"\." + OWN, rb"parameters\(\)"):
        for named in (_ASSIGNED, _DRAWN):
            names += (found[1] for found in preceding(data, given, named))
    names += compiled(rb"def[ \t]+\w*(?:[Tt]ie|[Tt]ying|[Ss]har|[Bb]ind)\w*\(([^)]*)\)").findall(data)
    found = {name for several in names for name in compiled(rb"\w+").findall(several)}
    named_again = compiled(rb"^[ \t]*(\w+)[ \t]*=[ \t]*(\w+)(?:$|\." + _TURN + rb")").findall(data) if found else []
    while more := {name for name, other in named_again if other in found} - found:
        found |= more
    return found


_WRITTEN = rb"(?:" + _WORD_OWN + rb"|\bdata|param\w*|\b\w{1,2})(?:\[[^\]\n]*\])?\Z"
_READ = _WORD_OWN + rb"|param|\.data\b"

WRITES: tuple[Candidate, ...] = (
    ASSIGNED,
    NAMED_ALIKE,
    *UNPACKED,
    WRAPPED,
    DATA_ASSIGNED,
    written_in_place,
    *REGISTERED,
    SEEN_OTHERWISE,
    *KEPT,
)
"""One of these makes, or misses, a tie."""


def _detaches_a_local(data: bytes, _path: Path | str) -> Iterator[int]:
    """`table.detach()`, where a Parameter has that name."""
    for match in compiled(rb"\.detach\(|\.data\b(?!\.\w+_\()").finditer(data):
        name = compiled(rb"(?<![\w.])\w+\Z").search(data, max(0, match.start() - 40), match.start())
        if name and name[0] in _names_of_parameters(data):
            yield match.start()


_NOT_SEEN = rb"(?!\.(?:device|dtype|shape|size|ndim|dim|numel|requires_grad)\b)"
_SWITCHES = (rb"no_grad", rb"inference_mode", rb"set_grad_enabled")
DETACHED: tuple[Candidate, ...] = (
    Near(
        rb"\.(?:data\b|detach\()",
        rb"\b(?:(?!attn|attention)\w*(?:weight|bias|kernel|embed)\w*|" + _SHORT + rb")"
        rb"(?:\)|[\"']\)|\[[^\]\n]*\]|\.\w+\([^()\n]*\)|\.[mTH]+\b)*\.(?:data\b(?!\.\w+_\()|detach\()|"
        rb"\.(?:weight|bias|kernel)\b[^\n;=]{0,160}[)\w]\.(?:data\b(?!\.\w+_\()|detach\()|"
        rb"torch\.(?:Tensor\.)?detach\([^\n]*(?:weight|bias|kernel|embed|\b" + _SHORT + rb"\b)",
    ),
    *(
        Near(
            switch,
            rb"^([ \t]*)(?:async[ \t]+)?with[^\n]*"
            + switch
            + rb"(?:[^\n]*\n(?:\1[ \t][^\n]*\n|(?!\1[ \t])[ \t]*\n){0,200}?\1[ \t]|[^\n]*:[ \t])[^\n]*\.(?:"
            + _NAME
            + _NOT_SEEN
            + rb"|t\(|T\b|mT\b|transpose)",
        )
        for switch in _SWITCHES
    ),
    _detaches_a_local,
    *TAKEN_OUT,
    *(
        Likeness(
            switch
            + rb"[ \t]*(?:\([^()\n]*\))?\s+(?:@[^\n]*\s+){0,4}(?:async[ \t]+)?def\s+(?!_?init|_?reset)"
            + rb"(?:(?![ \t]*(?:def|class|@))[^\n]*\n){1,80}?[^\n]*\."
            + _NAME
            + _NOT_SEEN
        )
        for switch in _SWITCHES
    ),
)
_OF_SHARING = (b"tie", b"ties", b"tied", b"tying", b"share", b"shares", b"shared", b"sharing", b"bind")
SPEAKS_OF_SHARING = Likeness(
    rb"(?:(?<![A-Za-z])(?:%b)|(?:%b))(?![a-z])|(?<![A-Za-z])(?:%b)(?![A-Z])|\xe7\xbb\x91\xe5\xae\x9a|\xe5\x85\xb1"
    % tuple(b"|".join(map(case, _OF_SHARING)) for case in (bytes.lower, bytes.capitalize, bytes.upper))
)
FROM_ANOTHER = (
    Likeness(rb"Embedding\w*\.from_pretrained\("),
    Likeness(rb"from_pretrained\(\s*(?![\"'])[^)]{0,120}?(?:weight|bias|\bw)"),
    Likeness(rb"_weight(?<!\w_weight)\s*="),
)
STATE_LOADED = Likeness(rb"load_state_dict")
COPIED_DEEPLY = Likeness(
    rb"deepcopy[ \t]*\(\s*(?![^)\n]{0,120}(?:(?:config|kwargs|args|state|dict|__dict__|ids|label|cache|tokenizer|"
    rb"processor|history)\b|(?<!\.)\b(?:outputs?|inputs?)\b))\(*[A-Za-z_]"
)
"""What is copied may be a layer."""
OPTIMIZER = (
    Likeness(rb"optim\.(?<!\woptim\.)\w+\("),
    Likeness(rb"optim\.(?<!\woptim\.)(?!Optimizer\b)[A-Z]\w+(?![\w(.\]])"),
    Likeness(rb"torch\.optim\b[^\n]{0,80}\bas[ \t]"),
    *(
        Likeness(name + rb"\w*\(")
        for name in (
            rb"SGD",
            rb"Ada(?:m|grad|delta|factor)",
            rb"RMSprop",
            rb"LBFGS",
            rb"Rprop",
            rb"Lion",
            rb"Muon",
            rb"Optimizer",
        )
    ),
)


def ties_own_parameters(data: bytes, _path: Path | str) -> Iterator[int]:
    """One Parameter of a module's own is another."""
    made = _own_parameters(data)
    for match in compiled(rb"\.(\w+)[ \t]*(?:#[^\n]*)?$").finditer(data) if made else ():
        start = data.rfind(b"\n", 0, match.start()) + 1
        if match[1] in made and compiled(_SHARED).match(data, start):
            yield start


_SHARED = rb"[ \t]*[\w.]+\.\w+[ \t]*=[ \t]*(?!" + _SETTING + rb")[\w.]+\.(\w+)[ \t]*(?:#[^\n]*)?$"


@lru_cache(maxsize=1)
def _own_parameters(data: bytes) -> set[bytes]:
    """The names of attributes that become Parameters."""
    return {match[1] for match in preceding(data, rb"Parameter\(", rb"\.(\w+)[ \t]*(?::[^=\n]{1,40})?=[ \t]*[\w.]*\Z")}


@remembered(1)
def tied_elsewhere(data: bytes, path: Path | str) -> tuple[int, ...]:
    """A class of this file may have a base, in another file of the project, that ties."""
    found = list(compiled(CLASS + rb"\(([^)]*)\)").finditer(data))
    bases = {base for match in found for base in match[2].split()}
    if not bases or _are_plain(bases, {match[1] for match in found}, data):
        return ()
    from pathlib import Path

    from tielint.modules import may_inherit_a_tie

    return (found[0].start(),) if may_inherit_a_tie(data, Path(path)) else ()


def _are_plain(bases: set[bytes], classes: set[bytes], data: bytes) -> bool:
    """Whether all bases are `nn.Module`, or classes of the text whose names it imports nowhere."""
    if b"import *" in data or not compiled(_IMPORTS_NN).search(data):
        return False
    own = bases - _MODULE
    return own <= classes and not any(re.search(rb"import\b[^\n]*\b%b\b" % base, data) for base in own)


_IMPORTS_NN = rb"^(?:from torch import nn|import torch\.nn as nn)\b"
_MODULE = {b"nn.Module", b"torch.nn.Module", b"object"}


TIES = (ASSIGNED, *UNPACKED, *REGISTERED, DATA_ASSIGNED, ties_own_parameters, tied_elsewhere)
"""One of these makes a tie that something later may undo."""


class AfterTie(Likeness):
    """Where a tie may be undone. It opens no file: that is for what ties, which the same rule has to list."""


REPLACES = AfterTie(rb"(?:\.\w+|\])[ \t]*(?::[^=\n]{1,60})?=(?!=)")
"""An attribute or element is assigned."""
SETS = AfterTie(rb"setattr|register_|add_module|del[ \t](?<!\wdel[ \t])")
REPARAMETRIZES = AfterTie(rb"(?:weight_norm|spectral_norm|prune|parametriz|orthogonal)")
REMAKES = AfterTie(rb"(?:assign|to_empty|load_state_dict\([^\n]*,[^\n]*,)")


def changes_a_parameter(data: bytes, _path: Path | str) -> Iterator[int]:
    """A function for modules is given what may be a Parameter."""
    made = _own_parameters(data)
    for match in compiled(_GIVEN).finditer(data):
        name = match[1].rpartition(b".")[2]
        if name in made or compiled(_READ).fullmatch(name) or len(name) < 3:
            yield match.start()


_GIVEN = (
    rb"(?:norm|structured|parametrization|orthogonal|prune\.\w+|prune)\(\s*(?:module\s*=\s*)?"
    rb"([\w.]+(?:\[[^\]\n]*\])?(?:\.\w+)*)"
)

EVERY: tuple[Candidate, ...] = (
    *WRITES,
    *DETACHED,
    *FROM_ANOTHER,
    STATE_LOADED,
    COPIED_DEEPLY,
    *OPTIMIZER,
    ties_own_parameters,
    tied_elsewhere,
    repeats_a_layer,
    lists_layers,
    changes_a_parameter,
)
"""All that opens a file for one of the rules that are on by default."""

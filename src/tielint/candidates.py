"""What a statement that can be a finding looks like in bytes: the second gate, behind the rules' trigger words.

A pattern may let through what is none, and must never keep out what is one: the tests hold it against the road
without a gate. The rules name the patterns that they need; each is looked for once in a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Likeness:
    """A pattern that is looked for only where one of the words is, which costs next to nothing to know."""

    words: tuple[bytes, ...]
    pattern: re.Pattern[bytes]

    def __call__(self, data: bytes, _path: Path) -> bool:
        return any(word in data for word in self.words) and self.pattern.search(data) is not None


Candidate: TypeAlias = re.Pattern[bytes] | Callable[[bytes, Path], bool]

_NAME = rb"(?:weight|bias|kernel|(?:weight|bias)_(?:ih|hh|hr)_l\w+|weight_[gv]|bias_[kv]|in_proj_weight|in_proj_bias)\b"
_OWN = rb"(?:weight|bias|kernel|[Ww](?:_\w+|[a-z0-9]{0,2}))\b"
"""The names of Parameters: those of layers, and those that people give their own."""
_FRESH = (
    rb"(?:(?:torch|th|np|numpy)\.(?:zeros|ones|empty|rand|randn|randint|full|Tensor|FloatTensor|arange|eye|normal|linspace|"
    rb"zeros_like|ones_like|empty_like|randn_like|rand_like|full_like|log|exp|sqrt)\b|torch\.tensor\(\s*(?:[-\d.\[(]|self\.config|"
    rb"config|float\(|math\.)|config\b|self\.config\b)"
)
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

ASSIGNED = re.compile(
    rb"\." + _NAME + rb"(?:\.data\b)?(?:\[[^\]\n]*\])?[ \t]*(?::[^=\n]{1,80})?=(?!=)"
    rb"(?!\s*(?:None|True|False|\d|[\"'\[{]|config\b|self\.config\b|use_\w+|(?:weight|bias)\s*$))"
    rb"(?!\s*(?:[\w.]*\.)?Parameter\(\s*(?:data\s*=\s*)?" + _FRESH + rb")(?!\s*(?:nn|torch\.nn)\.(?!Parameter)[A-Z])",
    re.MULTILINE,
)
"""A layer's Parameter is given something that was there before."""
NAMED_ALIKE = re.compile(
    rb"\.(?:\w*weights|\w+_(?:weight|bias)|(?:weight|bias_|w_)\w+)[ \t]*=(?!=)[ \t]*(?!(?:nn|torch)\.)"
    rb"[\w.]*\.(?:\w*weight\w*|\w+_bias)\b"
)
"""An attribute that sounds like a Parameter is given another one that does."""
UNPACKED = re.compile(
    rb"\.(?:" + _OWN + rb"|data\b)(?:\.data\b)?[ \t]*,[^=()\n:]*(?:\.\w+|[)\]]|[ \t])=(?!=)"
    rb"|,[ \t]*[\w.\[\]\"']+\.(?:" + _OWN + rb"|data\b)[ \t]*[)\]]?[ \t]*=(?!=)"
)
"""Several attributes at once."""
WRAPPED = re.compile(
    rb"Parameter\(\s*(?:data\s*=\s*)?\(*\s*(?!"
    + _FRESH
    + rb")[A-Za-z_][\w.]*(?![\w.])\s*(?:[\[\](),:]|if\b|or\b|and\b)"
)
"""A Parameter is made of something that was there before."""
DATA_ASSIGNED = re.compile(rb"\.data\b(?:\[[^\]\n]*\])?[ \t]*=(?!=)")
REGISTERED = Likeness(
    (
        b"setattr",
        b"register_",
        b"_parameters",
    ),
    re.compile(
        rb"setattr(?:__)?\((?=[^)]{0,300}?(?:weight|bias|[Pp]aram|data|detach|clone|getattr|\.t\b|\.T\b))"
        rb"|register_parameter\(|(?<!\w)_parameters\b|register_buffer\([^)]{0,200}?(?:weight|bias|[Pp]aram|"
        + _OWN
        + rb")"
    ),
)
SEEN_OTHERWISE = re.compile(rb"\." + _OWN + rb"(?:\.data|\.detach\(\))*\." + _TURN)
"""A Parameter's values are taken, transposed or copied, whatever becomes of them."""
KEPT = re.compile(
    rb"[\w\]]\.\w+[ \t]*=[ \t]*\(*(?:torch\.\w+\(|[\w.]*Parameter\()?[A-Za-z_][\w.\[\]]*\."
    + _TURN
    + rb"|=[ \t]*[\w.\[\]]+\."
    + _OWN
    + rb"\.(?!"
    + _SEEN_ONLY
    + rb")\w"
)
"""An attribute is given a view or copy of something, or a name that of a Parameter."""


def written_in_place(data: bytes, _path: Path) -> bool:
    """`copy_` or `set_` of something that may be a Parameter, or into one."""
    for match in _IN_PLACE.finditer(data):
        before, after = data[max(0, match.start() - 40) : match.start()], data[match.end() : match.end() + 120]
        if _WRITTEN.search(before) or (_READ.search(after.partition(b"\n")[0]) and not before.endswith(b"init")):
            return True
    return False


_IN_PLACE = re.compile(rb"\.(?:copy_|set_)\(")
_WRITTEN = re.compile(rb"(?:" + _OWN + rb"|\bdata|param\w*|\b\w{1,2})(?:\[[^\]\n]*\])?$")
_READ = re.compile(_OWN + rb"|param|\.data\b")

WRITES = (ASSIGNED, NAMED_ALIKE, UNPACKED, WRAPPED, DATA_ASSIGNED, written_in_place, REGISTERED, SEEN_OTHERWISE, KEPT)
"""One of these makes, or misses, a tie."""

DETACHED = Likeness(
    (
        b".detach",
        b".data",
        b"no_grad",
    ),
    re.compile(
        rb"(?:weight|bias|kernel|embed|\b[Ww])\w*(?:\[[^\]\n]*\]|\.\w+\([^()\n]*\)|\.T|\.mT)*\.(?:data\b(?!\.\w+_\()|detach\()"
        rb"|^[ \t]*with\s+[\w.]*no_grad\(\)[^\n]*\n(?:[^\n]*\n){0,12}?[^\n]*\."
        + _NAME
        + rb"|no_grad\(\)\s+def\s+forward(?:[^\n]*\n){1,40}?[^\n]*\."
        + _NAME,
        re.MULTILINE,
    ),
)
SPEAKS_OF_SHARING = re.compile(
    rb"(?i)(?<![a-z])(?:tie[sd]?|tying|share[sd]?|sharing)(?![a-z])|\xe7\xbb\x91\xe5\xae\x9a|\xe5\x85\xb1"
)
FROM_ANOTHER = Likeness(
    (
        b"from_pretrained",
        b"_weight",
    ),
    re.compile(
        rb"Embedding\w*\.from_pretrained\(|from_pretrained\(\s*(?![\"'])[^)]{0,120}?(?:weight|bias|\bw)|\b_weight\s*="
    ),
)


COPIED_DEEPLY = re.compile(
    rb"deepcopy\(\s*(?![^)\n]*(?:config|kwargs|args|state|dict|output|input|label|cache|tokenizer|processor|history)\b)[A-Za-z_]"
)
"""What is copied may be a layer."""
OPTIMIZER = re.compile(
    rb"\b(?:optim\.\w+|\w*(?:SGD|Adam|RMSprop|Adagrad|Adadelta|Adafactor|LBFGS|Rprop|Lion|Optimizer))\w*\("
    rb"|torch\.optim\b[^\n]*\bas[ \t]"
)


def ties_own_parameters(data: bytes, _path: Path) -> bool:
    """One Parameter of a module's own is another."""
    shared = set(_SHARED.findall(data))
    return bool(shared) and bool(shared & set(_MADE.findall(data)))


_SHARED = re.compile(rb"^[ \t]*[\w.]+\.\w+[ \t]*=[ \t]*[\w.]+\.(\w+)[ \t]*(?:#[^\n]*)?$", re.MULTILINE)
_MADE = re.compile(rb"\.(\w+)[ \t]*(?::[^=\n]{1,40})?=[ \t]*(?:[\w.]*\.)?\w*Parameter\(")

TIES = (ASSIGNED, UNPACKED, REGISTERED, DATA_ASSIGNED, ties_own_parameters)
"""One of these makes a tie that something later may undo."""


def repeats_a_layer(data: bytes, _path: Path) -> bool:
    """A list that holds one name several times, or a list that grows by a name and becomes a container."""
    if any(_repeats(match, data) for match in _REPEATED.finditer(data)):
        return True
    for element, targets in _DRAWN.findall(data):
        if element.partition(b".")[0] not in re.findall(rb"\w+", targets) and not _NUMBER.search(element):
            return True
    contained = set(_CONTAINED.findall(data))
    return any(
        (b"." in match[1] or match[1] in contained) and not _rebound(match, data) for match in _GROWN.finditer(data)
    )


def _repeats(match: re.Match[bytes], data: bytes) -> bool:
    """A display that is multiplied, and neither an index nor a list of plain values; `itertools.repeat`."""
    before = data[max(0, match.start() - 200) : match.start()]
    if match[0].startswith(b"repeat"):
        return not before.endswith(b".") or before.endswith(b"itertools.")
    if match[0].startswith(b")"):
        return before.rstrip().endswith(b",") and not _LITERAL.search(before.rstrip()[:-1])
    if match[0].startswith(b"]"):
        return not _LITERAL.search(before) and not _NUMBER.search(before)
    return True


def _rebound(match: re.Match[bytes], data: bytes) -> bool:
    """What is appended is made anew between the last loop's head and the append."""
    name, before = match[2].partition(b".")[0], data[: match.start()]
    head = max(before.rfind(b"for ", 0), before.rfind(b"while ", 0))
    return re.search(rb"\b%b\b[^=\n]*(?:=(?!=)|\bin\b|:=)" % re.escape(name), before[head:]) is not None


_REPEATED = re.compile(
    rb"[\])][ \t]*\*(?!\*)[ \t]*[A-Za-z_(]|[A-Za-z_)][ \t]*(?<!\*)\*[ \t]*\[\s*(?![-\d\"'\]]|None\b|True\b|False\b|CLS)"
    rb"|[\])][ \t]*\*[ \t]*\d|\d[ \t]*\*[ \t]*\[\s*[A-Za-z_]|\brepeat\(",
)
_LITERAL = re.compile(rb"[\[(]\s*(?:[-\d\"'\]]|None\b|True\b|False\b|[fb][\"'])[^\[\]()]*$|[\w\])]\s*\[[^\[\]\n]*$")
_NUMBER = re.compile(
    rb"(?:size|dim|dims|length|len|index|idx|id|ids|token|width|height|channels|heads|count|value|image|images|shape|rate|ratio|"
    rb"num_\w+|features|type|name|path)\s*$|config\.\w+\s*$"
)
"""The names of numbers and texts, which may be repeated."""
_DRAWN = re.compile(rb"[\[(]\s*([A-Za-z_][\w.]*)\s+for\s+(\w+(?:\s*,\s*\w+)*|\([\w, ()]+\))\s+in\s+[\w.(\[]")
_GROWN = re.compile(rb"(?<![\w.])([\w.]+)\.append\(\s*([\w.]+)\s*\)")
_CONTAINED = re.compile(rb"(?:ModuleList|Sequential|ParameterList)\(\s*\*?\s*([\w.]+)\s*\)")


def lists_layers(data: bytes, _path: Path) -> bool:
    """A list or dict of Python that holds a layer or a Parameter, or grows by one."""
    if _RENAMED.search(data):
        return True
    for match in _LISTED.finditer(data):
        before = data[max(0, match.start() - 40) : match.start()].rstrip()
        if not before.endswith(_REGISTERING):
            return True
    return False


_LAYER = (
    rb"(?:\w+\.)*(?:Linear|Bilinear|Embedding|Conv|Parameter|LSTM|GRU|RNN|LayerNorm|BatchNorm|GroupNorm|Instance|Multihead|"
    rb"RMS|PReLU)\w*\("
)
_LISTED = re.compile(
    rb"[\[{]\s*(?:[\w\"'.]+\s*:\s*)?"
    + _LAYER
    + rb"|=\s*\(\s*"
    + _LAYER
    + rb"[^()\n]*\)\s*,|\.(?:append|insert|setdefault)\(\s*(?:\w+\s*,\s*)?"
    + _LAYER
)
_RENAMED = re.compile(
    rb"^from[ \t]+torch\.nn[\w.]*[ \t]+import[^\n]*\b[A-Z]\w*[ \t]+as\b|^import[ \t]+torch\.nn\.modules", re.MULTILINE
)
_REGISTERING = (b"ModuleList(", b"ParameterList(", b"ModuleDict(", b"ParameterDict(", b"Sequential(*", b"Sequential(")


def changes_a_parameter(data: bytes, _path: Path) -> bool:
    """A function for modules is given what may be a Parameter."""
    made = set(_MADE.findall(data))
    names = (match[1].rpartition(b".")[2] for match in _GIVEN.finditer(data))
    return any(name in made or _READ.fullmatch(name) or len(name) < 3 for name in names)


_GIVEN = re.compile(
    rb"(?:norm|structured|parametrization|orthogonal|prune\.\w+|prune)\(\s*(?:module\s*=\s*)?([\w.]+(?:\[[^\]\n]*\])?(?:\.\w+)*)"
)


def tied_elsewhere(data: bytes, path: Path) -> bool:
    """A class of this file may have a base, in another file of the project, that ties."""
    if not _HAS_BASES.search(data):
        return False
    from tielint.modules import may_inherit_a_tie

    return may_inherit_a_tie(data, path)


_HAS_BASES = re.compile(rb"^class\s+\w+\s*\(\s*[A-Za-z_]", re.MULTILINE)

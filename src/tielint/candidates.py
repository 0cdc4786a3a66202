"""What a statement that can be a finding looks like in bytes: the second gate, behind the rules' trigger words.

A candidate tells where such statements may be. It may tell of some that are none, and must never miss one: the tests
hold it against the road without a gate. A pattern that starts with a literal is searched for many times faster than
another, so each candidate looks for a literal first, and only there at what is around it.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from tielint.reads import remembered

TYPE_CHECKING = False  # as type checkers know it: to import `typing` takes its time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from typing import TypeAlias

    Candidate: TypeAlias = Callable[[bytes, Path | str], Iterable[int]]
    """Where, in a file's bytes, a finding may be made: offsets. The path is the file's."""


@cache
def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    """Compiled when it is first asked for: to compile all takes longer than to read most files."""
    return re.compile(pattern, re.MULTILINE)


class Likeness:
    """Wherever the pattern matches; it starts with a literal, unless few files are asked."""

    def __init__(self, pattern: bytes) -> None:
        self.pattern = pattern

    def __call__(self, data: bytes, _path: Path | str) -> Iterator[int]:
        return (match.start() for match in _compiled(self.pattern).finditer(data))


class Near:
    """Wherever the pattern matches that starts somewhere on a line with the literal."""

    def __init__(self, literal: bytes, pattern: bytes) -> None:
        self.literal = literal
        self.pattern = pattern

    def __call__(self, data: bytes, _path: Path | str) -> Iterator[int]:
        around, done = _compiled(rb"[^\n]*?(?:" + self.pattern + rb")"), -1
        for literal in _compiled(self.literal).finditer(data):
            start = data.rfind(b"\n", 0, literal.start()) + 1
            if start > done and around.match(data, start):
                yield literal.start()
            done = start


_NAME = rb"(?:weight|bias|kernel|(?:weight|bias)_(?:ih|hh|hr)_l\w+|weight_[gv]|bias_[kv]|in_proj_weight|in_proj_bias)\b"
_TAKEN = (
    rb"(?:Parameter|Linear|Bilinear|Embedding(?:Bag)?|Conv\w+|ModuleList|Sequential|ParameterList|no_grad|inference_mode|"
    rb"set_grad_enabled|deepcopy|detach|clone|SGD|Adam\w*)"
)
"""What the patterns know by its name. Functions such as `weight_norm` are often given to a variable: that hides few."""


@lru_cache(maxsize=1)
def renames(data: bytes) -> bool:
    """Whether what other patterns know by its name goes by another: `from torch.nn import Parameter as P`.

    Asked of one text for the rules, and again for their places.
    """
    if any(True for _ in _before(data, rb" as[ \t]+\w", _IMPORTED)):
        return True
    return any(_compiled(pattern).search(data) for pattern in _ALIASES)


_IMPORTED = rb"from[ \t]+(?:torch|copy)\b.*\b(?:" + _TAKEN + rb"|weight_norm|spectral_norm|orthogonal)[ \t]*\Z"
_ALIASES = (
    rb"=[ \t]*(?:[a-z]\w*\.)+" + _TAKEN + rb"[ \t]*(?=[\n;#])",
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
    rb"(?!\s*(?:[\w.]*\.)?Parameter\(\s*(?:data\s*=\s*)?" + _FRESH + rb")(?!\s*(?:nn|torch\.nn)\.(?!Parameter)[A-Z])"
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
    rb"[(*\[]*\s*(?!" + _FRESH + rb")[A-Za-z_][\w.]*(?![\w.])\s*(?:[\[\](),:]|if\b|or\b|and\b)"
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
)
"""An attribute is given a view or copy of something, or a name that of a Parameter."""


def written_in_place(data: bytes, _path: Path | str) -> Iterator[int]:
    """`copy_` or `set_` of something that may be a Parameter, or into one."""
    for match in _compiled(rb"\.(?:copy_|set_)\(").finditer(data):
        before, after = data[max(0, match.start() - 40) : match.start()], data[match.end() : match.end() + 120]
        read = _compiled(_READ).search(after.partition(b"\n")[0]) and not before.endswith(b"init")
        if read or _compiled(_WRITTEN).search(before) or _is_local(before, data):
            yield match.start()


def _is_local(before: bytes, data: bytes) -> bool:
    """Whether a local name stands there that is a Parameter."""
    name = _compiled(rb"(?<![\w.])\w+\Z").search(before)
    return name is not None and name[0] in _names_of_parameters(data)


@lru_cache(maxsize=1)
def _names_of_parameters(data: bytes) -> set[bytes]:
    """The local names that are given Parameters, or tensors made of them."""
    found = _before(data, rb"\." + OWN, rb"^[ \t]*\(?((?:\w+[ \t]*,[ \t]*)*\w+)[ \t]*,?\)?[ \t]*=(?!=)")
    return {name for match in found for name in _compiled(rb"\w+").findall(match[1])}


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

_NOT_SEEN = rb"(?!\.(?:device|dtype|shape|size|ndim|dim|numel|requires_grad)\b)"
DETACHED: tuple[Candidate, ...] = (
    Near(
        rb"\.(?:data\b|detach\()",
        rb"\b(?:(?!attn|attention)\w*(?:weight|bias|kernel|embed)\w*|" + _SHORT + rb")"
        rb"(?:\)|[\"']\)|\[[^\]\n]*\]|\.\w+\([^()\n]*\)|\.T|\.mT)*\.(?:data\b(?!\.\w+_\()|detach\()|"
        rb"torch\.detach\([^\n]*(?:weight|bias|kernel|embed)",
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
        for switch in (rb"no_grad", rb"inference_mode", rb"set_grad_enabled")
    ),
    Likeness(
        rb"no_grad\(\)\s+def\s+(?!_?init|_?reset)(?:(?![ \t]*(?:def|class|@))[^\n]*\n){1,80}?[^\n]*\."
        + _NAME
        + _NOT_SEEN
    ),
)
SPEAKS_OF_SHARING = Likeness(
    rb"(?i)(?<![a-z])(?:tie[sd]?|tying|share[sd]?|sharing)(?![a-z])|\xe7\xbb\x91\xe5\xae\x9a|\xe5\x85\xb1"
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
    for match in _compiled(rb"\.(\w+)[ \t]*(?:#[^\n]*)?$").finditer(data) if made else ():
        start = data.rfind(b"\n", 0, match.start()) + 1
        if match[1] in made and _compiled(_SHARED).match(data, start):
            yield start


_SHARED = rb"[ \t]*[\w.]+\.\w+[ \t]*=[ \t]*(?!" + _SETTING + rb")[\w.]+\.(\w+)[ \t]*(?:#[^\n]*)?$"


def _own_parameters(data: bytes) -> set[bytes]:
    """The names of attributes that become Parameters."""
    return {match[1] for match in _before(data, rb"Parameter\(", rb"\.(\w+)[ \t]*(?::[^=\n]{1,40})?=[ \t]*[\w.]*\Z")}


def _before(data: bytes, literal: bytes, pattern: bytes) -> Iterator[re.Match[bytes]]:
    """What stands before a pattern that starts with a literal, on the same line."""
    for found in _compiled(literal).finditer(data):
        start = data.rfind(b"\n", 0, found.start()) + 1
        if match := _compiled(pattern).search(data[max(start, found.start() - 400) : found.start()]):
            yield match


@remembered(1)
def tied_elsewhere(data: bytes, path: Path | str) -> tuple[int, ...]:
    """A class of this file may have a base, in another file of the project, that ties."""
    found = list(_compiled(rb"class[ \t]+(\w+)\s*\(([^)]*)\)").finditer(data))
    bases = {base for match in found for base in match[2].split()}
    if not bases or _are_plain(bases, {match[1] for match in found}, data):
        return ()
    from pathlib import Path

    from tielint.modules import may_inherit_a_tie

    return (found[0].start(),) if may_inherit_a_tie(data, Path(path)) else ()


def _are_plain(bases: set[bytes], classes: set[bytes], data: bytes) -> bool:
    """Whether all bases are `nn.Module`, or classes of the text whose names it imports nowhere."""
    if b"import *" in data or not _compiled(_IMPORTS_NN).search(data):
        return False
    own = bases - _MODULE
    return own <= classes and not any(re.search(rb"import\b[^\n]*\b%b\b" % base, data) for base in own)


_IMPORTS_NN = rb"^(?:from torch import nn|import torch\.nn as nn)\b"
_MODULE = {b"nn.Module", b"torch.nn.Module", b"object"}


TIES = (ASSIGNED, *UNPACKED, *REGISTERED, DATA_ASSIGNED, ties_own_parameters, tied_elsewhere)
"""One of these makes a tie that something later may undo."""


class AfterTie(Likeness):
    """Where a tie may be undone. It opens no file: that is for what ties, which the same rule has to list."""


REPLACES = AfterTie(rb"\.\w+[ \t]*(?::[^=\n]{1,60})?=(?!=)")
"""An attribute is assigned."""
SETS = AfterTie(rb"setattr|register_|add_module|del[ \t](?<!\wdel[ \t])")
REPARAMETRIZES = AfterTie(rb"(?:weight_norm|spectral_norm|prune|parametriz|orthogonal)")
REMAKES = AfterTie(rb"(?:assign|to_empty)")


def repeats_a_layer(data: bytes, _path: Path | str) -> Iterator[int]:
    """A list that holds one name several times, or a list that grows by a name and becomes a container."""
    yield from _multiplied(data)
    for name in _CONTAINERS:
        yield from Likeness(name + rb"\([ \t]*\*?[ \t]*(?:modules=)?\w+[ \t]*\*[ \t]*[\w(]")(data, _path)
    for match in _compiled(rb"repeat\((?<!\wrepeat\()").finditer(data):
        before = data[max(0, match.start() - 10) : match.start()]
        if not before.endswith(b".") or before == b"itertools.":
            yield match.start()
    yield from _repeated_in_a_loop(data)
    yield from _grown(data)


def _multiplied(data: bytes) -> Iterator[int]:
    """A display that is multiplied, and neither an index nor a list of plain values."""
    for star in _compiled(rb"\*[ \t]*(?:[A-Za-z_(\d]|\[\s*(?![-\d\"'\]]|None\b|True\b|False\b|CLS))").finditer(data):
        left = data[max(0, star.start() - 200) : star.start()].rstrip(b" \t")
        before, last = left[:-1], left[-1:]
        if last == b")" and b"[" not in star[0]:
            if before.rstrip().endswith(b",") and not _compiled(_LITERAL).search(before.rstrip()[:-1]):
                yield star.start()
        elif b"[" in star[0] and last in (b")", b"]"):
            yield star.start()
        elif b"[" not in star[0]:
            if last == b"]" and not _compiled(_LITERAL).search(before):
                directly = before[: max(0, before.rfind(b"["))].rstrip().endswith(_REGISTERING)
                if directly or not _compiled(_NUMBER).search(before):
                    yield star.start()
        elif last.isalpha() or last == b"_" or (last.isdigit() and data[star.end() : star.end() + 1].isalpha()):
            yield star.start()


def _repeated_in_a_loop(data: bytes) -> Iterator[int]:
    """A comprehension whose element is a name that its loop does not draw."""
    for loop in _compiled(rb"for\s+(\w+(?:\s*,\s*\w+)*|\([\w, ()]+\))\s+in\s+[\w.(\[\"']").finditer(data):
        first = max(0, loop.start() - 200)
        element = _compiled(rb"[\[(]\s*([A-Za-z_][\w.]*)\s+\Z").search(data[first : loop.start()])
        drawn = element is None or element[1].partition(b".")[0] in _compiled(rb"\w+").findall(loop[1])
        if element and not drawn:
            directly = data[first : first + element.start() + 1].rstrip(b"[( \t").endswith(_CONTAINERS)
            if directly or not _compiled(_NUMBER).search(element[1]):
                yield first + element.start()


def _grown(data: bytes) -> Iterator[int]:
    """A list that becomes a container, or is one, or is returned, gets what its loop does not make."""
    handed_on: set[bytes] | None = None
    for match in _compiled(rb"\.append\(\s*(?!None\b|True\b|False\b)([A-Za-z_][\w.]*)\s*,?\s*\)").finditer(data):
        grown = _compiled(rb"[\w.]+\Z").search(data, max(0, match.start() - 120), match.start())
        if grown and handed_on is None:
            handed_on = set().union(*(_compiled(pattern).findall(data) for pattern in _HANDED_ON))
            handed_on.update(match[1] for match in _before(data, _CONTAINER + rb"\(", rb"(\w+)[ \t]*=[ \t]*[\w.]*\Z"))
        if grown and (b"." in grown[0] or grown[0] in (handed_on or ())) and not _rebound(match, data):
            yield match.start()


def _rebound(match: re.Match[bytes], data: bytes) -> bool:
    """What is appended is made anew between the last loop's head and the append."""
    name = match[1].partition(b".")[0]
    head = max(data.rfind(b"for ", 0, match.start()), data.rfind(b"while ", 0, match.start()))
    loop = data[head : match.start()] if head >= 0 else b""
    return re.search(_BINDS.replace(b"NAME", name), loop, re.MULTILINE) is not None


_BINDS = (
    rb"^[ \t]*(?:[^=\n]*:[ \t]*|\(?[\w., \t]*,[ \t]*)?NAME(?:[ \t]*,[\w., \t]*)?\)?[ \t]*(?::[^=\n]{1,60})?=(?!=)|"
    rb"for[ \t]+\(?(?:[\w, \t]*,[ \t]*)?NAME\b[\w, \t]*\)?[ \t]+in\b|\bNAME[ \t]*:=|\bas[ \t]+NAME\b|;[ \t]*NAME[ \t]*="
)
_LITERAL = rb"[\[(]\s*(?:[-\d\"'\]]|None\b|True\b|False\b|[fb][\"'])[^\[\]()]*\Z|[\w\])]\[[^\[\]\n]*\Z"
_NUMBER = (
    rb"(?:size|dim|dims|length|len|index|idx|id|ids|token|width|height|count|shape|rate|ratio|states|\b(?:num|n)_\w+|type|"
    rb"name|path)\s*\Z|config\.\w+\s*\Z"
)
"""The names of numbers and texts, which may be repeated."""
_CONTAINERS = (b"ModuleList", b"ParameterList", b"ModuleDict", b"ParameterDict", b"Sequential")
_CONTAINER = rb"(?:ModuleList|Sequential|ParameterList)"
_HANDED_ON = (
    _CONTAINER + rb"\(\s*\*?\s*(?:list\(|tuple\()?\s*([\w.]+)\s*\)",
    _CONTAINER + rb"\([^\n]{0,200}\*([\w.]+)",
    rb"return[ \t]*\(?[ \t]*(\w+)[ \t]*\)?[ \t]*$",
)


def lists_layers(data: bytes, _path: Path | str) -> Iterator[int]:
    """A list or dict of Python that holds a layer or a Parameter, or grows by one, and becomes no container."""
    around = _Lists(data)
    held, named = _layers_made(data)
    for place in (*held, *_lists_of(named, data)):
        if not data[max(0, place - 40) : place].rstrip().endswith(_REGISTERING) and not around.takes(place):
            yield place


def _layers_made(data: bytes) -> tuple[list[int], set[bytes]]:
    """Where layers are made in a list, dict or tuple, or for one, and the names of variables that get one."""
    held: list[int] = []
    named: set[bytes] = set()
    for place in _makings(data):
        line = data.rfind(b"\n", 0, place) + 1
        if plain := _compiled(_IN_NO_LIST).match(data, line, place):
            if plain[1] and b"." not in plain[1]:
                named.add(plain[1])
            continue
        first = max(0, place - 240)
        before = data[first:place]
        if assigned := _compiled(rb"(\w+)[ \t]*(?::[^=\n]{1,40})?=[ \t]*[\w.]*\Z").search(before):
            named.add(assigned[1])
        found = _compiled(_HOLDING).search(before)
        while found and found[0].startswith(b"=") and not _is_tuple(data, first + found.start(), place):
            found = _compiled(_HOLDING).search(before, found.start() + 1)
        if found:
            held.append(first + found.start())
    return held, named


def _makings(data: bytes) -> Iterator[int]:
    """Where layers are made: of torch's classes, and by what the text defines."""
    for layer in _compiled(_LAYER_CLASS).finditer(data):
        yield layer.start()
    for name in set(_makers(data)):
        for place in _places_of(name + b"(", data):
            if not _compiled(rb"\w").match(data, place - 1):
                yield place


def _lists_of(names: set[bytes], data: bytes) -> Iterator[int]:
    """Where an attribute is given several things, one of these among them, or grows by one of these."""
    for name in names:
        for place in _places_of(name, data):
            if _compiled(rb"[ \t]*,?[ \t]*[,\])]").match(data, place + len(name)):
                line = data.rfind(b"\n", 0, place) + 1
                if _compiled(_LISTED).search(data[line:place]):
                    yield place


def _makers(data: bytes) -> Iterator[bytes]:
    """The names of functions that return a layer at once, and of classes that are layers or modules."""
    body = rb"(?:(?![ \t]*def\b)[^\n]*\n){0,4}?[ \t]*return[ \t]+"
    for match in _compiled(rb"def[ \t]+(\w+)\([^)\n]*\)[^:\n]*:" + body + _LAYER).finditer(data):
        yield match[1]
    for match in _before(data, rb"lambda[^:\n]*:[ \t]*" + _LAYER, rb"(\w+)[ \t]*=[ \t]*\Z"):
        yield match[1]
    modules: set[bytes] = set()
    for match in _compiled(rb"class[ \t]+(\w+)[ \t]*\(([^)]*)").finditer(data):
        if _compiled(rb"Module\b|Linear|Embedding|Conv|Norm").search(match[2]) or modules & set(match[2].split()):
            modules.add(match[1])
    yield from modules


class _Lists:
    """The lists of a text that surely become containers of layers."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._known: dict[bytes, bool] = {}

    def takes(self, place: int) -> bool:
        """Whether what is put into a list there goes into one of these."""
        found = _compiled(_FILLED).match(self._data, self._data.rfind(b"\n", 0, place) + 1)
        if found is None or (found[1] and not found[3]):
            return False
        if found[1]:
            return is_registered(found[2], self._data)
        if found[2] not in self._known:
            self._known[found[2]] = self._is_handed_over(found[2])
        return self._known[found[2]]

    def _is_handed_over(self, name: bytes) -> bool:
        """Whether all that is done with a local name is to fill it and to make containers of it."""
        every = len(re.findall(rb"(?<![\w.])%b\b" % name, self._data))
        return every == len(re.findall(_HANDED_OVER.replace(b"NAME", name), self._data, re.MULTILINE))


@lru_cache(maxsize=16)
def is_registered(attribute: bytes, data: bytes) -> bool:
    """Whether all that is assigned to an attribute of this name, anywhere in a text, are containers of layers."""
    found = False
    for place in _places_of(b"." + attribute, data):
        end = place + len(attribute) + 1
        if _compiled(_GETS_ASSIGNED).match(data, end):
            if not _compiled(_GETS_CONTAINER).match(data, end):
                return False
            found = True
    return found


def _places_of(word: bytes, data: bytes) -> Iterator[int]:
    place = data.find(word)
    while place >= 0:
        yield place
        place = data.find(word, place + len(word))


def _is_tuple(data: bytes, place: int, layer: int) -> bool:
    """Whether the parentheses that are opened next hold the layer, or are followed by it, and a comma of their own."""
    depth, parted = 0, False
    for sign in _compiled(rb"[()\[\]{},]").finditer(data, place, place + 2_000):
        if sign[0] in (b"(", b"[", b"{"):
            depth += 1
        elif sign[0] == b",":
            parted = parted or depth <= 1
        else:
            depth -= 1
            if depth == 0 and sign.start() < layer:
                between = data[sign.end() : layer]
                return between.strip(b" \t").startswith(b",") and b"=" not in between
            if depth == 0:
                return parted or data[sign.end() : sign.end() + 10].lstrip(b" \t")[:1] == b","
    return True


_IN_NO_LIST = rb"[ \t]*(?:([\w.]+)[ \t]*(?::[\w. \t]{1,60})?=[ \t]*[\w.]*|(?:class|def)[ \t]+\w*)\Z"
_FILLED = (
    rb"[ \t]*([\w.]+\.)?(\w+)(?:(\.(?:append|extend|insert|update)\(|\[[^=\n]*\][ \t]*=(?!=)|[ \t]*[+|]=)|"
    rb"[ \t]*(?::[^=\n]{1,60})?=(?!=))"
)
_GETS_ASSIGNED = rb"\b[ \t]*(?:,[^=\n]*|:[^=\n]{1,60})?=(?!=)"
_GETS_CONTAINER = rb"[ \t]*(?::[^=\n]{1,60})?=[ \t]*(?:\w+\.)*(?:" + b"|".join(_CONTAINERS) + rb")\("
_HANDED_OVER = (
    rb"(?<![\w.])NAME(?:(?:\[[^=\n]*\])?[ \t]*(?::[^=\n]{1,60})?[+|]?=(?!=)|\.(?:append|extend|insert|update)\()|"
    rb"(?:ModuleList|ModuleDict|Sequential|len|enumerate)\([ \t]*\*?[ \t]*NAME[ \t]*\)|\bin[ \t]+NAME[ \t]*:"
)
_LAYER_CLASS = (
    rb"(?:Linear|Bilinear|Embedding|Conv(?!ert)|Parameter|LSTM|GRU|RNN|LayerNorm|BatchNorm|GroupNorm|Instance|Multihead|RMS|"
    rb"PReLU)\w*\("
)
_LAYER = rb"(?:\w+\.)*" + _LAYER_CLASS
_HOLDING = (
    rb"(?:[\[{][^\[\]{}\n]*|(?:list|tuple)\(|(?:dict|update)\([^()\n]{0,80}|"
    rb"\.(?:append|extend|insert|setdefault)\((?:[\w\"']+,)?|\][ \t]*=|"
    rb"=[ \t]*(?:\([^\n]*|[\w.]+\([^()\n]*\)[ \t]*,))\s*(?:\w+\.)*\Z"
)
"""What stands before a layer that is made in a list, dict or tuple, or for one."""
_LISTED = (
    rb"(?:\.|^[ \t]*)(?:\w+[ \t]*(?::[^=\n]{1,60})?=[ \t]*[\[(]*[\w., \t]*|(?:append|insert|setdefault)\([^()\n]*)"
    rb"(?<!\w)\Z"
)
_REGISTERING = (*(name + b"(" for name in _CONTAINERS), b"Sequential(*")


def changes_a_parameter(data: bytes, _path: Path | str) -> Iterator[int]:
    """A function for modules is given what may be a Parameter."""
    made = _own_parameters(data)
    for match in _compiled(_GIVEN).finditer(data):
        name = match[1].rpartition(b".")[2]
        if name in made or _compiled(_READ).fullmatch(name) or len(name) < 3:
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

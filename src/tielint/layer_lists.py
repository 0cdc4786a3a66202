"""Lists of layers in bytes: those that may hold a layer several times, and those of Python that hold layers."""

from __future__ import annotations

import re
from functools import lru_cache

from tielint.matching import CLASS, Likeness, compiled, places_of, preceding

TYPE_CHECKING = False  # as type checkers know it: to import `typing` takes its time
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def repeats_a_layer(data: bytes, _path: Path | str) -> Iterator[int]:
    """A list that holds one name several times, or a list that grows by a name and becomes a container."""
    yield from _multiplied(data)
    for name in _CONTAINERS:
        yield from Likeness(name + rb"\([ \t]*\*?[ \t]*(?:modules=)?\w+[ \t]*\*[ \t]*[\w(]")(data, _path)
    for match in compiled(rb"repeat\((?<!\wrepeat\()").finditer(data):
        before = data[max(0, match.start() - 10) : match.start()]
        if not before.endswith(b".") or before == b"itertools.":
            yield match.start()
    yield from Likeness(rb"fromkeys\([^\n]*,\s*(?!None\b|True\b|False\b)[A-Za-z_]")(data, _path)
    yield from _repeated_in_a_loop(data)
    yield from _grown(data)


def _multiplied(data: bytes) -> Iterator[int]:
    """A display that is multiplied, and neither an index nor a list of plain values."""
    for star in compiled(rb"\*[ \t]*(?:[A-Za-z_(\d]|\[\s*(?![-\d\"'\]]|None\b|True\b|False\b|CLS))").finditer(data):
        left = data[max(0, star.start() - 200) : star.start()].rstrip(b" \t")
        before, last = left[:-1], left[-1:]
        if last == b")" and b"[" not in star[0]:
            if before.rstrip().endswith(b",") and not compiled(_LITERAL).search(before.rstrip()[:-1]):
                yield star.start()
        elif b"[" in star[0] and last in (b")", b"]"):
            yield star.start()
        elif b"[" not in star[0]:
            if last == b"]" and not compiled(_LITERAL).search(before):
                directly = before[: max(0, before.rfind(b"["))].rstrip().endswith(_REGISTERING)
                if directly or not compiled(_NUMBER).search(before):
                    yield star.start()
        elif last.isalpha() or last == b"_" or (last.isdigit() and data[star.end() : star.end() + 1].isalpha()):
            yield star.start()


def _repeated_in_a_loop(data: bytes) -> Iterator[int]:
    """A comprehension whose element is a name that its loop does not draw."""
    for loop in compiled(rb"for\s+(\w+(?:\s*,\s*\w+)*|\([\w, ()]+\))\s+in\s+[\w.(\[\"']").finditer(data):
        first = max(0, loop.start() - 200)
        element = compiled(_COMPREHENDED).search(data[first : loop.start()])
        drawn = element is None or element[1].partition(b".")[0] in compiled(rb"\w+").findall(loop[1])
        if element and not drawn:
            directly = data[first : first + element.start() + 1].rstrip(b"[( \t").endswith(_CONTAINERS)
            if directly or not compiled(_NUMBER).search(element[1]):
                yield first + element.start()


def _grown(data: bytes) -> Iterator[int]:
    """A list that becomes a container, or is one, or is returned, gets what its loop does not make.

    Or it is multiplied: that, only where it becomes a container.
    """
    for pattern in _GROWS:
        for match in compiled(pattern).finditer(data):
            grown = compiled(rb"([\w.]+)[ \t]*\Z").search(data, max(0, match.start() - 120), match.start())
            if grown:
                contained, returned = _handed_on(data)
                leads_on = grown[1] in contained or (match[1] and (b"." in grown[1] or grown[1] in returned))
                if leads_on and not (match[1] and _rebound(match, data)):
                    yield match.start()


@lru_cache(maxsize=1)
def _handed_on(data: bytes) -> tuple[set[bytes], set[bytes]]:
    """The names that containers are given, or have, and the local names that are returned."""
    contained: set[bytes] = set().union(*(compiled(pattern).findall(data) for pattern in _CONTAINED))
    contained.update(match[1] for match in preceding(data, _CONTAINER + rb"\(", rb"(\w+)[ \t]*=[ \t]*[\w.]*\Z"))
    return contained, set(compiled(_RETURNED).findall(data))


def _rebound(match: re.Match[bytes], data: bytes) -> bool:
    """What is appended is made anew between the last loop's head and the append."""
    name = match[1].partition(b".")[0]
    head = max(data.rfind(b"for ", 0, match.start()), data.rfind(b"while ", 0, match.start()))
    loop = data[head : match.start()] if head >= 0 else b""
    return re.search(_BINDS.replace(b"NAME", name), loop, re.MULTILINE) is not None


_COMPREHENDED = rb"[\[({]\s*(?:[^\[\](){}\n]{1,60}:\s*)?([A-Za-z_][\w.]*)\s+\Z"
_NAME = rb"\s*(?!None\b|True\b|False\b)([A-Za-z_][\w.]*)\s*,?\s*"
_GROWS = (
    rb"\.(?:append\(|insert\([^,\n]*,)" + _NAME + rb"\)",
    rb"\.extend\(\s*[\[(]" + _NAME + rb"[\])]",
    rb"\+=[ \t]*[\[(]" + _NAME + rb"[\])]",
    rb"\*=(?<=\w \*=)[ \t]*[\w(]()",
)
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
_CONTAINED = (
    _CONTAINER + rb"\(\s*\*?\s*(?:list\(|tuple\()?\s*([\w.]+)\s*\)",
    _CONTAINER + rb"\([^\n]{0,200}\*([\w.]+)",
)
_RETURNED = rb"return[ \t]*\(?[ \t]*(\w+)[ \t]*\)?[ \t]*$"


def lists_layers(data: bytes, _path: Path | str) -> Iterator[int]:
    """A list or dict of Python that holds a layer or a Parameter, or grows by one, and becomes no container."""
    around = _Lists(data)
    held, named = _layers_made(data)
    for place in (*held, *_lists_of(named, data), *_of_imported(data)):
        if not data[max(0, place - 40) : place].rstrip().endswith(_REGISTERING) and not around.takes(place):
            yield place


def _layers_made(data: bytes) -> tuple[list[int], set[bytes]]:
    """Where layers are made in a list, dict or tuple, or for one, and the names of variables that get one."""
    held: list[int] = []
    named: set[bytes] = set()
    for place in _makings(data):
        line = data.rfind(b"\n", 0, place) + 1
        if plain := compiled(_IN_NO_LIST).match(data, line, place):
            if plain[1] and b"." not in plain[1]:
                named.add(plain[1])
            continue
        before = data[max(line, place - 240) : place]
        if assigned := compiled(rb"(\w+)[ \t]*(?::[^=\n]{1,40})?=[ \t]*[\w.]*\Z").search(before):
            named.add(assigned[1])
        found = _holder(data, line, place)
        if found is not None:
            held.append(found)
    return held, named


def _holder(data: bytes, line: int, place: int, *, passed_on: bool = True) -> int | None:
    """Where the list, dict or tuple begins, or the call that fills one, that gets what stands at a place of a line.

    None where there is none, or a container of layers gets it. passed_on: also one that some other function is given.
    """
    found: int | None = None
    outermost, depth = place, 0
    parted, in_tuple = False, None
    for sign in reversed(list(compiled(rb"[()\[\]{},=]").finditer(data, line, place))):
        at = sign.start()
        if sign[0] in (b")", b"]", b"}"):
            depth += 1
        elif depth and sign[0] in (b"(", b"[", b"{"):
            depth -= 1
        elif not depth and sign[0] == b",":
            parted = True
        elif not depth and sign[0] == b"=":
            in_tuple = parted if in_tuple is None else in_tuple
        elif not depth:
            name = compiled(rb"[\w\])]*\Z").search(data, max(line, at - 60), at)
            called = name[0] if name else b""
            display = sign[0] != b"(" and (sign[0] == b"{" or not called)
            assigned = passed_on or compiled(rb"=[ \t]*\Z").search(data, max(line, at - 20), at)
            in_parentheses = sign[0] == b"(" and not called and assigned and _is_tuple(data, at, place)
            if display or in_parentheses or (sign[0] == b"(" and called in _FILLING):
                found = at
            elif called in _CONTAINERS or not (passed_on or called[:1].isupper()):
                found = None
            outermost, parted, in_tuple = at, False, None
    if found is None and compiled(_BY_KEY).search(data, line, outermost):
        return outermost
    return outermost if found is None and in_tuple else found


def _makings(data: bytes) -> Iterator[int]:
    """Where layers are made: of torch's classes, and by what the text defines."""
    no_modules = {b"%b(" % name for name in compiled(CLASS + rb":").findall(data)}
    for layer in compiled(_LAYER_CLASS).finditer(data):
        word = compiled(rb"\w*\Z").search(data, max(0, layer.start() - 40), layer.start())
        start = word.start() if word else layer.start()
        if data[start - 5 : start] != b"self." and data[start : layer.end()] not in no_modules:
            yield start  # behind `self.` it is an attribute that is called
    for name in set(_makers(data)):
        for place in places_of(name + b"(", data):
            if not compiled(rb"\w").match(data, place - 1):
                yield place


def _of_imported(data: bytes) -> Iterator[int]:
    """Where a list or dict is assigned that holds what an imported class makes, or a list grows by that."""
    imported: set[bytes] | None = None
    for pattern in _MADE_IN_A_LIST:
        for match in compiled(pattern).finditer(data):
            if imported is None:
                found = compiled(_IMPORTED).finditer(data)
                imported = {name for names in found for name in compiled(rb"\b[A-Z]\w+").findall(names[1])}
            if match[1] in imported and _is_an_attribute(match, data):
                yield match.start()


def _is_an_attribute(found: re.Match[bytes], data: bytes) -> bool:
    """Whether the list that is found is an attribute, or a local name that one is given."""
    before = compiled(rb"([\w.]*)[ \t]*(?::[^=\n]{1,60})?\Z").search(data, max(0, found.start() - 120), found.start())
    name = before[1] if before else b""
    return b"." in name or (bool(name) and re.search(rb"\.\w+[ \t]*=[ \t]*%b\b" % name, data) is not None)


def _lists_of(names: set[bytes], data: bytes) -> Iterator[int]:
    """Where an attribute is given several things, one of these among them, or grows by one of these."""
    for name in names:
        for place in places_of(name, data):
            end = place + len(name)
            if compiled(rb"[ \t]*(?:[,\])};]|$)").match(data, end):
                line = data.rfind(b"\n", 0, place) + 1
                is_name = not compiled(rb"[\w.]").match(data, place - 1)
                in_tuple = compiled(_IN_NO_LIST).match(data, line, place) and data.startswith(b",", end)
                if is_name and (in_tuple or _holder(data, line, place, passed_on=False) is not None):
                    yield place


def _makers(data: bytes) -> Iterator[bytes]:
    """The names of classes that are layers or modules, also by another name, and of functions that may make one."""
    modules: set[bytes] = set()
    for match in compiled(CLASS + rb"\(([^\n]*)").finditer(data):
        bases = compiled(rb"\w+").findall(match[2])
        if compiled(rb"Module\b|Linear|Embedding|Conv|Norm|Sequential").search(match[2]) or modules & set(bases):
            modules.add(match[1])
    yield from modules
    for match in compiled(_RETURNS).finditer(data):
        if match[2] in modules or _is_a_layer(match[2]):
            yield match[1]
    for pattern in _CALLED_IN_A_LIST:
        for name in set(compiled(pattern).findall(data)):
            if any(_makes_a_layer(body, modules) for body in _bodies(name, data)):
                yield name
    for match in compiled(_IS_A_LAMBDA).finditer(data):
        if match[1] in modules or _is_a_layer(match[1]):
            yield from _assigned_on_the_line(data, match.start())
    for match in compiled(rb"nn\.([A-Z]\w*)(?![\w(.\[])").finditer(data):
        if _is_a_layer(match[1]):
            yield from _assigned_on_the_line(data, match.start())
    for match in compiled(rb" as[ \t]+(\w+)").finditer(data):
        word = compiled(rb"\w+\Z").search(data, max(0, match.start() - 40), match.start())
        if word and _is_a_layer(word[0]):
            yield match[1]


def _is_a_layer(name: bytes) -> bool:
    return compiled(_LAYER_CLASS).match(name + b"(") is not None


def _bodies(function: bytes, data: bytes) -> Iterator[bytes]:
    """The texts of functions with this name, up to the next function or class beside them."""
    for place in places_of(b"def " + function + b"(", data):
        indent = data[data.rfind(b"\n", 0, place) + 1 : place]
        ends = (data.find(b"\n" + indent + word, place) for word in (b"def ", b"class ", b"@"))
        yield data[place : min((end for end in ends if end >= 0), default=len(data))]


def _makes_a_layer(body: bytes, modules: set[bytes]) -> bool:
    """Whether a function with such a body may make a layer and return it."""
    made = compiled(_LAYER_CLASS).search(body) or not modules.isdisjoint(compiled(rb"\b([A-Z]\w*)\(").findall(body))
    return bool(made) and b"return" in body


def _assigned_on_the_line(data: bytes, place: int) -> Iterator[bytes]:
    """The name that gets what stands at a place of a line, also as the default of an argument."""
    line = max(place - 400, data.rfind(b"\n", 0, place) + 1)
    for pattern in (rb"(\w+)[ \t]*=[ \t]*(?:\w+\.)*\Z", rb"\A[ \t]*(\w+)[ \t]*=[^\n]*\bif\b"):
        if name := compiled(pattern).search(data[line:place]):
            yield name[1]


class _Lists:
    """The lists of a text that surely become containers of layers."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._known: dict[bytes, bool] = {}

    def takes(self, place: int) -> bool:
        """Whether what is put into a list there goes into one of these."""
        found = compiled(_FILLED).match(self._data, self._data.rfind(b"\n", 0, place) + 1)
        if found is None or (found[1] and not found[3]):
            return False
        if found[1]:
            return is_registered(found[2], self._data)
        if found[2] not in self._known:
            self._known[found[2]] = self._is_handed_over(found[2])
        return self._known[found[2]]

    def _is_handed_over(self, name: bytes) -> bool:
        """Whether all that is done with a local name is to fill it and to make containers of it."""
        return all(self._hands_over(place, place + len(name)) for place in places_of(name, self._data))

    def _hands_over(self, start: int, end: int) -> bool:
        """Whether a list that is named there, if one is, is filled or becomes a container."""
        data = self._data
        if compiled(rb"[\w.]").match(data, start - 1) or compiled(rb"\w").match(data, end):
            return True
        before = data[max(data.rfind(b"\n", 0, start) + 1, start - 60) : start]
        if not before.strip():
            return bool(compiled(_GROWS_OR_IS_MADE).match(data, end))
        if before.rstrip(b" \t*").endswith(_TAKING) and compiled(rb"[ \t]*\)").match(data, end):
            return True
        in_a_loop = compiled(rb"\bin[ \t]+\Z").search(before) and compiled(rb"[ \t]*:").match(data, end)
        return bool(in_a_loop or compiled(_GROWS_IT).match(data, end))


@lru_cache(maxsize=16)
def is_registered(attribute: bytes, data: bytes) -> bool:
    """Whether all that is assigned to an attribute of this name, anywhere in a text, are containers of layers.

    Or whether a list of that name becomes one: `self.layers = nn.ModuleList(self.layers)`.
    """
    ends = [place + len(attribute) + 1 for place in places_of(b"." + attribute, data)]
    assigned = [end for end in ends if compiled(_GETS_ASSIGNED).match(data, end)]
    lists = [end for end in assigned if not compiled(_GETS_CONTAINER).match(data, end)]
    become = re.findall(_BECOMES_CONTAINER.replace(b"NAME", attribute), data) if lists else []
    return len(lists) < len(assigned) and len(lists) <= len(become)


def _is_tuple(data: bytes, place: int, layer: int) -> bool:
    """Whether the parentheses that are opened next hold the layer, or are followed by it, and a comma of their own."""
    depth, parted = 0, False
    for sign in compiled(rb"[()\[\]{},]").finditer(data, place, place + 2_000):
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
_BECOMES_CONTAINER = (
    rb"\n([ \t]+)self\.NAME[ \t]*=[ \t]*\[\][ \t]*\n(?:\1[^\n]*\n|[ \t]*\n){1,80}?"
    rb"\1self\.NAME[ \t]*=[ \t]*(?:\w+\.)*(?:ModuleList|Sequential)\([ \t]*\*?self\.NAME[ \t]*\)"
)
"""In one block: it becomes a container whenever it was a list."""
_GROWS_IT = rb"(?:\[[^=\n]*\])?[ \t]*[+|]=|\[[^=\n]*\][ \t]*=(?!=)|\.(?:append|extend|insert|update)\("
_GROWS_OR_IS_MADE = (
    _GROWS_IT + rb"|[ \t]*(?::[^=\n]{1,60})?=[ \t]*(?:[\[{(]|(?:collections\.)?(?:list|dict|OrderedDict)\()"
)
_TAKING = (b"ModuleList(", b"ModuleDict(", b"Sequential(", b"len(", b"enumerate(")
_LAYER_CLASS = (
    rb"(?:Linear|Bilinear|Embedding|Conv(?!ert)|Parameter|LSTM|GRU|RNN|LayerNorm|BatchNorm|GroupNorm|Instance|Multihead|RMS|"
    rb"PReLU|Transformer|AdaptiveLog|Sequential|ModuleList|ModuleDict)\w*\("
)
"""What torch makes layers of, also with more letters before and behind; the tests hold it against `layers.py`."""
_MADE_IN_A_LIST = (
    rb"=[ \t]*[\[{](?:[^\[\]{}\n]{0,80}?\b)?([A-Z]\w*[a-z]\w*)\(",
    rb"\.append\(\s*([A-Z]\w*[a-z]\w*)\(",
)
_IMPORTED = rb"^[ \t]*from[ \t]+(?!torch\b|typing\b|collections\b)[\w.]+[ \t]+import[ \t]*(\([^)]*\)|[^\n]*)"
_RETURNS = (
    rb"def[ \t]+(\w+)\([^)\n]*\)[^:\n]*:(?:(?![ \t]*def\b)[^\n]*\n){0,4}?[ \t]*return[ \t]+(?:\w+\.)*([A-Z]\w*)\("
)
_CALLED_IN_A_LIST = (
    rb"=[ \t]*[\[{][ \t]*(?:[\w\"']+:[ \t]*)?(?:\w+\.)?([a-z_]\w*)\(",
    rb"\.append\([ \t]*(?:\w+\.)?([a-z_]\w*)\(",
)
_IS_A_LAMBDA = rb"lambda[^:\n]*:[ \t]*(?:\w+\.)*(\w+)\("
_FILLING = frozenset(
    rb"append extend insert setdefault update add appendleft list tuple dict set OrderedDict deque".split()
)
_BY_KEY = rb"\w(?<!_modules)(?<!_parameters)\[[^=\n]*\][ \t]*=[ \t]*[\w.]*\Z"
_REGISTERING = (*(name + b"(" for name in _CONTAINERS), b"Sequential(*")

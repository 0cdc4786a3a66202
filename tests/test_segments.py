"""Leaving out what has no part in a finding changes no finding."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from proof import fixture_paths

from tielint import analysis
from tielint.drafts import draft
from tielint.linter import lint_source
from tielint.parsing import lines_of
from tielint.prefilter import sites_of, wanted_by
from tielint.registry import all_rules
from tielint.segments import segments_of
from tielint.settings import Settings
from tielint.source import SourceFile

PATH = Path("a.py")

NOISE = [
    "def helper(x):\n    return x.weight.t() @ x.bias\n",
    "def build(width):\n    layer = nn.Linear(width, width)\n    return [layer.weight.shape] * 2\n",
    "class Noise(nn.Module):\n    def __init__(self, width):\n        super().__init__()\n"
    "        self.layers = nn.ModuleList([nn.Linear(width, width) for _ in range(2)])\n"
    "        self.scale = width ** 0.5\n\n"
    "    def forward(self, x):\n        w = self.layers[0].weight.reshape(1, -1)\n        return x * w\n",
    "class Quiet:\n    '''Ties nothing: self.a.weight = self.b.weight.'''\n\n    kind = 'quiet'\n\n    @property\n"
    "    def forward(self):\n        # self.a.weight.data = self.b.weight.data\n        return None\n",
    "if nn is None:\n\n    def unused(a, b):\n        a.weight.data.copy_(b.weight.data)\n        return a\n",
    "@torch.no_grad()\ndef evaluate(model, data):\n    return sum(model(x).detach() for x in data)\n",
]
"""What else may stand in a file; it has no findings of its own."""

MODEL = """\
import torch.nn as nn


def tie(a, b):
    b.weight = nn.Parameter(a.weight)


def unrelated(x):
    return [y * 2 for y in x]


class Body(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.inner = nn.Linear(width, width)

    def forward(self, x):
        return self.inner(x) + 1


class Model(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = Body(width)
        self.embedding = nn.Embedding(10, width)
        self.head = nn.Linear(width, 10, bias=False)
        self.finish()

    def finish(self):
        tie(self.embedding, self.head)

    def forward(self, x):
        return self.head(self.body(self.embedding(x)))


class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.single = nn.Linear(2, 3)

    def forward(self, x):
        return self.single(x)
"""


def with_forward(body: str) -> str:
    """The model without its tie, and with this as a layer's forward pass."""
    return MODEL.replace("    b.weight = nn.Parameter(a.weight)", "    pass").replace("return self.inner(x) + 1", body)


def left_of(text: str) -> str | None:
    data = text.encode()
    sites = sites_of(data, PATH, wanted_by(data, PATH, all_rules()))
    assert sites is not None
    tree, lines = ast.parse(text), lines_of(text)
    segments = segments_of(tree, lines, sites)
    return draft(tree, lines, gone=segments.gone, hollow=segments.hollow).code if segments else None


def test_what_calls_and_what_is_called_stays_and_the_rest_goes() -> None:
    left = left_of(MODEL)
    assert left is not None
    assert "b.weight = nn.Parameter(a.weight)" in left  # the place itself
    assert "tie(self.embedding, self.head)" in left  # what calls it
    assert "self.finish()" in left  # and what calls that
    assert "self.inner = nn.Linear(width, width)" in left  # what those make
    for gone in ("y * 2", "self.inner(x) + 1", "self.single(x)"):
        assert gone not in left
    ast.parse(left)


@pytest.mark.parametrize(
    "body",
    [
        "w = self.a.weight.reshape(1, -1)\n        return x * w",
        "w = self.a.weight.t()\n        y = x @ w\n        self.seen = y",
        "'''self.a.weight.data = self.b.weight.data'''\n        return x",
        "n = [self.width] * 3\n        return x.view(n)",
        "setattr(self.config, 'weight', self.width)\n        return x",
    ],
)
def test_a_place_that_comes_to_nothing_is_not_parsed(body: str) -> None:
    text = with_forward(body)
    assert left_of(text) is None


@pytest.mark.parametrize(
    "body",
    [
        "w = self.a.weight.t()\n        self.w = w",
        "w = self.a.weight\n        v = w.t()\n        self.b.weight = nn.Parameter(v)",
        "w = self.a.weight.t()\n        self.keep(w)",
        "for k in range(2):\n            w = self.a.weight.t()\n            self.views.append(w)",
        "w = self.a.weight.data if x else None\n        self.b.weight.data = w",
        "make = lambda: self.a.weight.t()\n        self.b.register_parameter('weight', nn.Parameter(make()))",
    ],
)
def test_a_place_that_may_come_to_something_stays(body: str) -> None:
    text = with_forward(body)
    text += "\n    def keep(self, w):\n        self.kept = w\n"
    left = left_of(text)
    assert left is not None
    assert body.split("\n")[0] in left


REPLACE = """\
import torch.nn as nn


def replace_norms(model):
    for name, old in model.named_children():
        new = nn.Linear(4, 4)
        new.weight.copy_(old.weight)
        model._modules[name] = new


def {caller}(model):
    replace_norms(model)
"""


def test_a_copy_in_a_replacement_matters_only_where_a_tie_is_spoken_of() -> None:
    assert left_of(REPLACE.format(caller="prepare")) is None
    assert left_of(REPLACE.format(caller="share_norms")) is not None


OUTPUT = """\
import torch.nn as nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 9)

    def set_output(self, given{annotation}):
        {first}
        self.head.weight = given.weight{last}
"""


def test_what_a_caller_elsewhere_gives_comes_to_nothing() -> None:
    assert left_of(OUTPUT.format(annotation="", first="self.head = given", last="")) is None


@pytest.mark.parametrize(
    "parts",
    [
        {"annotation": ": nn.Conv1d"},
        {"first": "given = nn.Linear(3, 9)"},
        {"first": "# tie the weights"},
        {"last": "\n        self.head = nn.Linear(4, 9)"},
        {"last": "\n\n\nModel().set_output(nn.Linear(3, 9))"},
        {"last": ".t()"},
        {"last": ".data"},
    ],
)
def test_what_a_caller_gives_stays_where_more_is_known(parts: dict[str, str]) -> None:
    text = OUTPUT.format(**{"annotation": "", "first": "pass", "last": "", **parts})
    assert left_of(text) is not None


def test_nothing_is_found_in_what_comes_to_nothing() -> None:
    for text in (OUTPUT.format(annotation="", first="pass", last=""), REPLACE.format(caller="prepare")):
        assert lint_source(SourceFile(PATH, text), Settings(prefilter=False)).findings == ()


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(fixture_paths()),
    st.lists(st.sampled_from(NOISE), max_size=4),
    st.lists(st.sampled_from(NOISE), max_size=4),
)
def test_what_else_stands_in_a_file_hides_nothing(path: Path, before: list[str], after: list[str]) -> None:
    text = "import torch\nimport torch.nn as nn\n\n\n" + "\n\n".join([*before, SourceFile.read(path).text, *after])
    source = SourceFile.from_bytes(text.encode(), PATH)
    whole = lint_source(source, Settings(prefilter=False))
    small, analysis.SMALL = analysis.SMALL, 0
    try:
        segments = lint_source(source, Settings())
    finally:
        analysis.SMALL = small
    assert segments.findings == whole.findings
    assert segments.problem == whole.problem


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_other_newlines_change_nothing(newline: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis, "SMALL", 0)
    source = SourceFile.from_bytes(MODEL.replace("\n", newline).encode(), PATH)
    assert [finding.code for finding in lint_source(source, Settings()).findings] == ["TIE101"]


HEAD = """\
import copy
from functools import partial

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.nn.utils as U
from torch.nn import ModuleList as mlist, Parameter

"""

PAIR = (
    HEAD
    + """\
{before}

class Pair(nn.Module):
    def __init__(self, share_layers=True):
        super().__init__()
        self.enc = nn.Linear(8, 4)
        self.dec = nn.Linear(8, 4)
        {constructor}

    {methods}
"""
)

ODD = {
    "product in a helper": (
        "TIE201",
        "def project(x, w):\n    return F.linear(x, w)\n",
        "pass",
        "def forward(self, x):\n        return project(self.enc(x), self.enc.weight.data.t())",
    ),
    "list by another name": (
        "TIE401",
        "def make(n):\n    layer = nn.Linear(8, 8)\n    stack = [layer] * n\n    return stack\n",
        "self.blocks = nn.ModuleList(make(4))",
        "",
    ),
    "words of the caller": (
        "TIE105",
        "",
        "if share_layers:\n            self.dec = self._again(self.enc)",
        "def _again(self, layer):\n        return copy.deepcopy(layer)",
    ),
    "filled later": (
        "TIE102",
        "",
        "found = {}\n        found['w'] = self.enc.weight\n        self.dec.weight.data = found['w'].data",
        "",
    ),
    "appended later": (
        "TIE101",
        "",
        "ws = []\n        ws.append(self.enc.weight)\n        self.dec.weight = Parameter(ws[0])",
        "",
    ),
    "undone behind a getter": (
        "TIE301",
        "",
        "self.post_init()",
        "def post_init(self):\n        self.tie()\n\n    def tie(self):\n"
        "        self.dec.weight = self.source().weight\n\n"
        "    def source(self):\n        return self.enc\n\n"
        "    def resize(self, n):\n        self.enc = nn.Linear(8, n)",
    ),
    "a lambda that puts": (
        "TIE101",
        "put = lambda layer, w: setattr(layer, 'weight', nn.Parameter(w))\n",
        "put(self.dec, self.enc.weight)",
        "",
    ),
    "a helper by another name": (
        "TIE001",
        "def _put(layer, w):\n    layer.weight = w\n\n\nput = partial(_put)\n",
        "put(self.dec, self.enc.weight.t())",
        "",
    ),
    "two statements in a row": (
        "TIE101",
        "",
        "n = 3; self.dec.weight = nn.Parameter(self.enc.weight)",
        "",
    ),
    "a container of another class": (
        "TIE402",
        "class Other(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.convs = nn.ModuleList()\n",
        "self.convs, self.norms = [], []\n        for _ in range(3):\n            self.convs.append(nn.Linear(8, 8))",
        "def forward(self, x):\n        for conv in self.convs:\n            x = conv(x)\n        return x",
    ),
    "a module of functions by another name": ("TIE003", "", "U.weight_norm(self.enc.weight)", ""),
    "a container by another name": ("TIE401", "", "core = nn.Linear(8, 8)\n        self.net = mlist([core] * 3)", ""),
    "awaited": (
        "TIE102",
        "",
        "pass",
        "async def turned(self):\n        return self.enc.weight.data\n\n"
        "    async def tie(self):\n        self.dec.weight.data = await self.turned()",
    ),
    "a list that is a container": (
        "TIE401",
        "",
        "core = nn.Linear(8, 8)\n        mods = nn.ModuleList()\n        for _ in range(3):\n"
        "            mods.append(core)\n"
        "        self.blocks = mods",
        "",
    ),
    "gradients off with something else": (
        "TIE201",
        "",
        "pass",
        "def forward(self, x):\n        with torch.autocast('cuda'), torch.no_grad():\n"
        "            w = self.enc.weight.t()\n"
        "        return F.linear(self.enc(x), w)",
    ),
    "an operation that is seldom used": (
        "TIE101",
        "",
        "self.dec.weight = nn.Parameter(torch.resolve_conj(self.enc.weight))",
        "",
    ),
    "a repeated layer with a plural name": (
        "TIE401",
        "",
        "features = nn.Linear(8, 8)\n        self.net = nn.ModuleList([features] * 3)",
        "",
    ),
}
"""Spellings that are easily taken for nothing: the code, what stands before the class, in its constructor, after it."""


@pytest.mark.parametrize("name", ODD)
def test_odd_spellings_are_found_in_segments_too(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    code, before, constructor, methods = ODD[name]
    text = PAIR.format(before=before, constructor=constructor, methods=methods)
    source = SourceFile.from_bytes(text.encode(), PATH)
    whole = lint_source(source, Settings(prefilter=False))
    assert code in {finding.code for finding in whole.findings}
    monkeypatch.setattr(analysis, "SMALL", 0)
    assert lint_source(source, Settings()).findings == whole.findings

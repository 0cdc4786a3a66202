"""The gate in front of the parser may let too much through, and never too little."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from proof import fixture_name, fixture_paths

from tielint import analysis
from tielint.findings import Confidence
from tielint.layer_lists import lists_layers
from tielint.layers import COMPOSITES, CONTAINER_NAMES, LAYERS
from tielint.linter import lint_file, lint_source
from tielint.settings import Settings
from tielint.source import SourceFile
from tielint.tensor import OPERATIONS

MODEL = """\
import torch
from torch import nn
{imports}


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Linear(4, 4)
        self.dec = nn.Linear(4, 4)
        self.out = nn.Linear(4, 3)
        {constructor}

    def forward(self, x):
        for layer in self.c:
            x = layer(x)
        return self.dec(self.enc(x))
"""


_BLOCK = """
class Own(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.inner = nn.Linear(width, width)

"""


@pytest.mark.parametrize("small", [analysis.SMALL, 0], ids=["whole", "in segments"])
@pytest.mark.parametrize("path", fixture_paths(), ids=fixture_name)
def test_no_finding_is_lost(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: int) -> None:
    """On the program alone: its claims, comments and docstrings would open the gate for it."""
    monkeypatch.setattr(analysis, "SMALL", small)
    bare = tmp_path / path.name
    bare.write_text(_without_words(path.read_bytes()), encoding="utf-8")
    behind = lint_file(bare, Settings(select=("",), min_confidence=Confidence.POSSIBLE))
    without = lint_file(bare, Settings(select=("",), min_confidence=Confidence.POSSIBLE, prefilter=False))
    assert behind.findings == without.findings


_LAYOUTS = {
    "parentheses": "({before}\n            {after})",
    "comment": "({before}  # as it is\n            {after})",
    "backslash": "{before} \\\n            {after}",
}


@pytest.mark.parametrize("layout", _LAYOUTS)
@pytest.mark.parametrize("path", fixture_paths(), ids=fixture_name)
def test_no_finding_is_lost_where_a_value_goes_on_below(path: Path, layout: str) -> None:
    """Each value of a Parameter is broken before its last dot, as people and formatters do."""
    text = re.sub(
        r"^( +[\w.]+ = |[ ]+return )([\w.]+\.(?:weight|bias|data))(\.\w+(?:\(\))?)$",
        lambda found: found[1] + _LAYOUTS[layout].format(before=found[2], after=found[3]),
        _without_words(path.read_bytes()),
        flags=re.MULTILINE,
    )
    ast.parse(text)
    assert _findings(text, prefilter=True) == _findings(text, prefilter=False)


_ARGUMENTS = {
    **dict.fromkeys(("transpose", "swapaxes", "swapdims", "movedim", "moveaxis"), "0, 1"),
    "permute": "1, 0",
    **dict.fromkeys(("view", "reshape"), "-1, 8"),
    **dict.fromkeys(("to", "type"), "x.dtype"),
    **dict.fromkeys(("flip", "unsqueeze"), "0"),
    "expand": "4, 8",
    "repeat": "1, 1",
}
_USES = {
    "detached": ("pass", "F.linear(x, {method}.detach())"),
    "detached function": ("pass", "F.linear(x, {function}.detach())"),
    "kept": ("self.wt = {method}", "F.linear(x, self.wt)"),
    "kept function": ("self.wt = {function}", "F.linear(x, self.wt)"),
    "kept local": ("v = {method}\n        self.wt = v", "F.linear(x, self.wt)"),
    "kept local function": ("v = {function}\n        self.wt = v", "F.linear(x, self.wt)"),
    "assigned": ("del self.dec.weight\n        self.dec.weight = {function}", "self.dec(self.enc(x))"),
    "second name": ("w = {method}\n        v = w.contiguous()\n        self.dec.weight.data = v", "self.dec(x)"),
}


@pytest.mark.parametrize("use", _USES)
@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_no_operation_is_unknown_to_the_gate(operation: str, use: str) -> None:
    arguments = _ARGUMENTS.get(operation, "")
    method = f"self.enc.weight.{operation}" + ("" if operation in ("T", "mT", "H", "mH", "data") else f"({arguments})")
    function = f"torch.{operation}({', '.join(filter(None, ['self.enc.weight', arguments]))})"
    constructor, result = (part.format(method=method, function=function) for part in _USES[use])
    text = MODEL.format(imports="import torch.nn.functional as F", constructor=constructor)
    text = text.replace("return self.dec(self.enc(x))", f"return {result}")
    if operation not in ("tensor", "Buffer", "Parameter", "deepcopy") or "function" in use:
        assert _findings(text, prefilter=True) == _findings(text, prefilter=False)


@pytest.mark.parametrize("word", ["tie", "tied", "tying", "share", "shared", "sharing", "bind"])
def test_words_of_a_tie_are_known_to_the_gate(word: str) -> None:
    for name in (f"{word}_weights", f"{word}Weights", f"_{word}"):
        text = f"import torch\n\n\ndef {name}(dst, src):\n    with torch.no_grad():\n        dst.copy_(src)\n"
        text += "\n\ndef main(a: torch.nn.Linear, b: torch.nn.Linear):\n"
        text += f"    {name}(a.weight, b.weight)\n"
        assert _findings(text, prefilter=True) == _findings(text, prefilter=False)


def _findings(text: str, *, prefilter: bool) -> list[tuple[str, int]]:
    settings = Settings(select=("",), min_confidence=Confidence.POSSIBLE, prefilter=prefilter)
    report = lint_source(SourceFile(Path("model.py"), text), settings)
    return [(finding.code, finding.span.start.row) for finding in report.findings]


def _without_words(program: bytes) -> str:
    tree = ast.parse(program)
    claim = re.compile(r"[A-Z_]+")
    tree.body = [
        statement
        for statement in tree.body
        if not isinstance(statement, ast.Assign)
        or not isinstance(statement.targets[0], ast.Name)
        or not claim.fullmatch(statement.targets[0].id)
    ]
    for node in ast.walk(tree):
        match node:
            case ast.Module(body=body) | ast.ClassDef(body=body) | ast.FunctionDef(body=body):
                body[:] = [s for s in body if not _is_text(s)] or [ast.Pass()]
    return ast.unparse(ast.fix_missing_locations(tree))


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def test_the_gate_is_no_rule_of_its_own(tmp_path: Path) -> None:
    """A file that never says torch has no findings, whichever road it takes."""
    path = tmp_path / "a.py"
    path.write_text(
        "from layers import Base, Dense\n\n\nclass Net(Base):\n    def __init__(self):\n"
        "        self.a, self.b = Dense(3, 4), Dense(4, 3)\n        self.b.weight.data = self.a.weight.data\n"
    )
    assert lint_file(path, Settings()).findings == ()
    assert lint_file(path, Settings(prefilter=False)).findings == ()


@pytest.mark.parametrize(
    "text",
    [
        "from torch.nn import *\n\nhead = Linear(2, 3)\n",
        "import tensorflow as tf\nweight = 3\n",
        "x = 1\n",
    ],
)
def test_nothing_is_found_where_nothing_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.py"
    path.write_text(text)
    report = lint_file(path, Settings())
    assert (report.findings, report.problem) == ((), None)


@pytest.mark.parametrize(
    ("code", "imports", "constructor"),
    [
        ("TIE101", "", "self.dec.weight = nn.Parameter(\n            # tied\n            self.enc.weight\n        )"),
        ("TIE101", "", "self.dec.weight = nn.Parameter(\\\n            self.enc.weight)"),
        ("TIE101", "from torch.nn import Parameter as P", "self.shared = P(self.enc.weight)"),
        ("TIE101", "", "P = nn.Parameter\n        self.shared = P(self.enc.weight)"),
        ("TIE106", "", "self.wt = (\n            self.enc.weight\n            .t()\n        )"),
        ("TIE401", "", "self.c = nn.ModuleList(\n            [self.enc]\n            * 3\n        )"),
        ("TIE401", "", "a = nn.Linear(4, 4)\n        self.c = nn.ModuleList([a  # again\n            for _ in 'abc'])"),
        (
            "TIE402",
            "",
            "self.c = [\n            # all\n            nn.Linear(4, 4),\n            self.enc,\n        ]",
        ),
        ("TIE402", "", "a, self.c = nn.ReLU(), []\n        b = nn.Linear(4, 4)\n        self.c.append(b)"),
        ("TIE402", "", "a = nn.Linear(4, 4)\n        b = nn.Linear(4, 4)\n        self.c = [a, b]"),
        ("TIE402", "", "self.c = [nn.ReLU(), nn.Linear(4, 4)]"),
        ("TIE402", "", "self.c = list(nn.Linear(4, 4) for _ in range(3))"),
        ("TIE402", "from torch.nn import Linear as L", "self.c = [L(4, 4), L(4, 4)]"),
        ("TIE402", "class Own(nn.Linear): pass", "self.c = [Own(4, 4), Own(4, 4)]"),
        ("TIE402", _BLOCK, "self.c = [Own(4) for _ in range(2)]"),
        ("TIE402", _BLOCK, "self.c = {'a': Own(4), 'b': Own(4)}"),
        ("TIE402", _BLOCK, "self.c = []\n        self.c.append(Own(4))"),
        ("TIE402", _BLOCK, "self.c = {}\n        self.c['a'] = Own(4)"),
        ("TIE402", _BLOCK, "self.c = [None] * 2\n        self.c[0] = Own(4)"),
        ("TIE402", _BLOCK, "self.c = []\n        for _ in range(2):\n            self.c += [Own(4)]"),
        ("TIE402", _BLOCK, "self.c = []\n        self.c.insert(0, Own(4))"),
        ("TIE402", _BLOCK, "self.c = {}\n        self.c.update(a=Own(4))"),
        ("TIE402", "", "self.c = [[nn.Linear(4, 4), nn.Linear(4, 4)] for _ in range(2)]"),
        ("TIE401", "", "a = [nn.ReLU()]\n        a += [self.enc] * 3\n        self.c = nn.Sequential(*a)"),
        ("TIE402", _BLOCK, "a = Own(4)\n        b = Own(4)\n        self.c = [a, b]"),
        ("TIE402", f"{_BLOCK}class Further(Own): pass\n", "self.c = [Further(4), Further(4)]"),
        ("TIE402", "", "a = nn.Linear(4, 4)\n        self.c = [self.enc, a]"),
        (
            "TIE402",
            "",
            "a = []\n        a.append(nn.Linear(4, 4))\n        self.d = nn.Sequential(self.enc)\n        self.c = a",
        ),
        ("TIE402", "", "self.c = nn.ModuleList()\n        self.c = []\n        self.c.append(nn.Linear(4, 4))"),
        ("TIE402", "", "self.c = (nn.Linear(4, 4), nn.Linear(4, 4))"),
        ("TIE002", "", "weight = self.enc.weight\n        self.out.weight = weight"),
        ("TIE002", "", "self.out.weight = None if not self.training else self.enc.weight"),
        (
            "TIE002",
            "",
            "(\n            self.out.weight,\n            self.n,\n        ) = (self.enc.weight, 1)",
        ),
        ("TIE101", "", "self.shared = nn.Parameter(requires_grad=True, data=self.enc.weight)"),
        (
            "TIE102",
            "",
            "with torch.no_grad():\n            a, b = self.enc.weight, self.dec.weight\n            b.set_(a)",
        ),
        ("TIE103", "", "a, b = self.enc.weight, self.dec.weight\n        b.data.copy_(a)  # tie the weights"),
        (
            "TIE103",
            "",
            "with torch.no_grad():\n            # tie the weights\n"
            "            for to, what in [(self.dec.weight, self.enc.weight)]:\n                to.copy_(what)",
        ),
        (
            "TIE103",
            "",
            "to, what = list(self.dec.parameters()), list(self.enc.parameters())\n        with torch.no_grad():\n"
            "            # tie the weights\n            for i in range(len(to)):\n                to[i].copy_(what[i])",
        ),
        ("TIE106", "", "self.wt = torch.einsum('ij->ji', self.enc.weight)"),
        (
            "TIE401",
            "",
            "a = nn.Linear(4, 4)\n        b = []\n        b.append(a)\n        b.append(a)\n"
            "        self.c = nn.ModuleList(tuple([a for _ in range(3)]))",
        ),
        ("TIE401", "", "block_type = nn.Linear(4, 4)\n        self.c = nn.ModuleList([block_type for _ in range(3)])"),
        ("TIE001", "", "self.dec.weight = 0.5 * self.enc.weight"),
        ("TIE101", "", "self.shared = nn.Parameter(requires_grad=bool(1), data=self.enc.weight)"),
        (
            "TIE101",
            "",
            "self.d = nn.Bilinear(4, 4, 4)\n        self.d(0, nn.Parameter(self.enc.weight))\n"
            "        self.dec.weight = nn.Parameter(self.enc.weight)",
        ),
        ("TIE401", "", "a = [nn.Linear(4, 4)]\n        self.c = nn.ModuleList(a * 3)"),
        ("TIE401", "", "a, n = nn.Linear(4, 4), [1]\n        self.c = nn.ModuleList(len(n) * [a])"),
        (
            "TIE401",
            "",
            "a = nn.Linear(4, 4)\n        self.c = nn.ModuleList()\n        for i in range(3):\n"
            "            a.index = i\n            print(a in self.c, a, i=1)\n            self.c.append(a)",
        ),
        (
            "TIE401",
            "",
            "a, b = nn.Linear(4, 4), []\n        for _ in range(3):\n            b.append(a)\n"
            "        self.c = nn.Sequential(nn.ReLU(), *b)",
        ),
        (
            "TIE401",
            "",
            "a, b = nn.Linear(4, 4), []\n        b += [a]\n        b *= 3\n        self.c = nn.ModuleList(b)",
        ),
        *(
            (
                "TIE401",
                "",
                f"a, b = nn.Linear(4, 4), []\n        for _ in range(3):\n            {growth}\n"
                "        self.c = nn.ModuleList(b)",
            )
            for growth in ("b += [a]", "b += (a,)", "b.extend([a])", "b.extend((a,))")
        ),
        (
            "TIE401",
            "",
            "a, self.c = nn.Linear(4, 4), nn.ModuleList()\n        for _ in range(3):\n            self.c += [a]",
        ),
        (
            "TIE401",
            "",
            "a, self.c = nn.Linear(4, 4), nn.ModuleList()\n        for _ in range(3):\n            self.c.extend([a])",
        ),
        ("TIE401", "", "a = nn.Linear(4, 4)\n        self.c = nn.ModuleDict({n: a for n in 'xy'})"),
        ("TIE401", "", "a = nn.Linear(4, 4)\n        self.c = nn.ModuleDict(dict.fromkeys(['x', 'y'], a))"),
        ("TIE401", "import itertools", "a = nn.Linear(4, 4)\n        self.c = nn.ModuleList(itertools.repeat(a, 3))"),
        (
            "TIE401",
            "from itertools import repeat",
            "a = nn.Linear(4, 4)\n        self.c = nn.Sequential(*repeat(a, 3))",
        ),
        ("TIE402", "from torch.nn import LayerNorm as LN", "self.c = [LN(4), LN(4)]"),
        ("TIE402", "", "norm = nn.BatchNorm2d\n        self.c = [norm(4), norm(4)]"),
        ("TIE402", "", "kind = nn.Linear if self.n else nn.Bilinear\n        self.c = [kind(4, 4) for _ in range(3)]"),
        (
            "TIE402",
            "def make(d):\n    layer = nn.Linear(d, d)\n    nn.init.zeros_(layer.bias)\n\n    return layer\n",
            "self.c = [make(4) for _ in range(3)]",
        ),
        (
            "TIE402",
            "def mixin(kind): return kind\nclass Own(mixin(object), nn.Module):\n"
            "    def __init__(self):\n        super().__init__()\n        self.inner = nn.Linear(4, 4)\n",
            "self.c = [Own(), Own()]",
        ),
        ("TIE101", "", "self.dec.weight = nn.Parameter(torch.zeros(4, 4) if not self.n else self.enc.weight)"),
        ("TIE101", "P, L = nn.Parameter, nn.Linear", "self.dec.weight = P(self.enc.weight)"),
        ("TIE402", "", "self.c = (nn.ReLU(), nn.Linear(4, 4))"),
        ("TIE402", "", "a = nn.Linear(4, 4)\n        b = nn.Linear(4, 4)\n        d = [a, b]\n        self.c = d"),
        ("TIE401", "", "self.c = nn.ModuleList(modules=[self.enc] * 3)"),
        ("TIE401", "", "states = nn.Linear(4, 4)\n        self.c = nn.ModuleList([states] * 3)"),
    ],
)
@pytest.mark.parametrize("small", [analysis.SMALL, 0], ids=["whole", "in segments"])
def test_odd_spellings_pass_the_gate(
    monkeypatch: pytest.MonkeyPatch, small: int, code: str, imports: str, constructor: str
) -> None:
    monkeypatch.setattr(analysis, "SMALL", small)
    source = SourceFile(Path("model.py"), MODEL.format(imports=imports, constructor=constructor))
    whole = lint_source(source, Settings(prefilter=False)).findings
    assert code in {finding.code for finding in whole}
    assert lint_source(source, Settings()).findings == whole


def test_the_gate_knows_every_layer_of_torch() -> None:
    for name in sorted({*LAYERS, *COMPOSITES}):
        short = name.rpartition(".")[2]
        for statement in ("self.c = [{}, {}]", "self.c.append({})", "self.c['a'] = {}"):
            made = f"nn.{short}(4, 4)"
            text = f"        {statement.format(made, made)}\n".encode()
            assert list(lists_layers(text, "model.py")), text


FILLED = """\
        self.blocks = []
        for _ in range(3):
            self.blocks += [nn.Linear(4, 4)]

"""
BECOMES = "        self.blocks = nn.ModuleList(self.blocks)\n"


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        (FILLED + BECOMES, False),
        (FILLED + BECOMES + FILLED + BECOMES, False),
        (FILLED, True),
        (FILLED + BECOMES + FILLED, True),
        (FILLED + "        if wanted:\n    " + BECOMES, True),
    ],
)
def test_a_list_that_becomes_a_container_opens_no_file(text: str, opened: bool) -> None:
    assert any(True for _ in lists_layers(f"def f():\n{text}".encode(), "model.py")) == opened


@pytest.mark.parametrize(
    ("bases", "opened"),
    [("", False), ("[T]", False), ("(nn.Module)", True), ("(Layer)", True), ("[T: (int, str)](nn.Module)", True)],
)
def test_a_class_without_bases_is_no_layer(bases: str, opened: bool) -> None:
    text = f"class Conv1dCacheLayer{bases}:\n    pass\n\n\nself.layers[key] = Conv1dCacheLayer()\n"
    assert any(True for _ in lists_layers(f"def f():\n{text}".encode(), "model.py")) == opened


def test_the_gate_knows_every_container_of_torch() -> None:
    for name in CONTAINER_NAMES:
        text = f"        self.c = nn.{name}([nn.Linear(4, 4), nn.Linear(4, 4)])\n".encode()
        assert not list(lists_layers(text, "model.py")), text

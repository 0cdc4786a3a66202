"""The fixer keeps every byte that is not the tie, holds under any layout of the text, and is done after one run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tielint.facts import Tie
from tielint.findings import Applicability, Edit
from tielint.fixes import Fixes
from tielint.linter import lint_source
from tielint.report import FileReport
from tielint.settings import Settings
from tielint.source import SourceFile

INDENTS = st.sampled_from(["  ", "    ", "\t"])
NEWLINES = st.sampled_from(["\n", "\r\n"])
COMMENTS = st.lists(st.sampled_from(["", "# größe", "# 権重", "#: x", "# 'quoted\""]), max_size=3)
TRAILING = st.sampled_from(["", "  # keep me", "   #noqa: E501", " ;"])
WRITES = st.sampled_from(
    [
        "self.head.weight = nn.Parameter(self.emb.weight)",
        "self.head.weight.data = self.emb.weight.data",
        "setattr(self.head, 'weight', nn.Parameter(self.emb.weight.data))",
        'self.head.register_parameter("weight", nn.Parameter( self.emb.weight ))',
        "self.head._parameters['weight'] = nn.Parameter(self.emb.weight.detach())",
    ]
)


def fixed(text: str) -> FileReport:
    return lint_source(SourceFile(Path("model.py"), text), Settings(), fix=Applicability.SAFE)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(INDENTS, NEWLINES, COMMENTS, TRAILING, WRITES, st.booleans())
def test_only_the_tie_changes(
    indent: str, newline: str, comments: list[str], trailing: str, write: str, last_newline: bool
) -> None:
    lines = [
        *comments,
        "import torch.nn as nn",
        "class Model(nn.Module):",
        f"{indent}def __init__( self ):",
        f"{indent * 2}super().__init__()",
        f"{indent * 2}self.emb = nn.Embedding(9, 4)  # nine",
        f"{indent * 2}self.head = nn.Linear(4,9, bias = False)",
        *[indent * 2 + comment for comment in comments],
        f"{indent * 2}{write}{trailing}",
        f"{indent * 2}self.after = 'x'",
    ]
    text = newline.join(lines) + (newline if last_newline else "")
    report = fixed(text)
    assert report.fixed == 1
    assert report.new_text is not None
    before, after = text.split(newline), report.new_text.split(newline)
    assert len(before) == len(after)
    changed = [index for index, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]]
    assert changed == [before.index(f"{indent * 2}{write}{trailing}")]
    assert after[changed[0]].endswith(trailing)
    assert fixed(report.new_text).new_text is None


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    INDENTS,
    NEWLINES,
    st.sampled_from([".t()", ".T", ".transpose(0, 1)", ".data.permute(1, 0)"]),
    st.booleans(),
    st.sampled_from([[], ["self.last = 1"], ["self.last = 1", ""]]),
)
def test_tied_linear_is_written_once_and_in_the_files_own_style(
    indent: str, newline: str, operation: str, bias: bool, end: list[str]
) -> None:
    lines = [
        "import torch",
        "",
        "class Model(torch.nn.Module):",
        f"{indent}def __init__(self):",
        f"{indent * 2}super().__init__()",
        *[f"{indent * 2}self.{name} = torch.nn.Linear(8, 3)" for name in ("e1", "e2")],
        *[f"{indent * 2}self.{name} = torch.nn.Linear(3, 8, bias={bias})" for name in ("d1", "d2")],
        *[f"{indent * 2}self.d{n}.weight = torch.nn.Parameter(self.e{n}.weight{operation})" for n in (1, 2)],
        *[f"{indent * 2}{line}" if line else "" for line in end],
    ]
    report = fixed(newline.join(lines))
    assert report.fixed == 2
    assert report.new_text is not None
    assert report.new_text.count("class TiedLinear(torch.nn.Module):") == 1
    assert f"self.d2 = TiedLinear(self.e2, bias={bias})" in report.new_text
    assert report.new_text.replace(newline, "").count("\n") == 0
    assert f"{newline}{indent}def forward" in report.new_text
    assert fixed(report.new_text).new_text is None


def test_a_fix_that_does_not_hold_is_withdrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """One fix writes an alias of another kind, one breaks the syntax; the third is good and stays."""
    honest = Fixes.shared_edits

    def shared_edits(self: Fixes, tie: Tie, source: str, target: str) -> tuple[Edit, ...]:
        edits = honest(self, tie, source, target)
        if "third" in target:
            return edits
        return tuple(Edit("nn.Parameter(self.emb.weight.data)" if "first" in target else "(", e.span) for e in edits)

    monkeypatch.setattr(Fixes, "shared_edits", shared_edits)
    names = ("first", "second", "third")
    text = "\n".join(
        [
            "import torch.nn as nn",
            "class Model(nn.Module):",
            "    def __init__(self):",
            "        super().__init__()",
            "        self.emb = nn.Embedding(9, 4)",
            *[f"        self.{name} = nn.Linear(4, 9)" for name in names],
            *[f"        self.{name}.weight = nn.Parameter(self.emb.weight)" for name in names],
            "",
        ]
    )
    report = fixed(text)
    assert report.fixed == 1
    assert report.new_text == text.replace(
        "self.third.weight = nn.Parameter(self.emb.weight)", "self.third.weight = self.emb.weight"
    )
    assert len(report.withdrawn) == 2
    assert "withdrawn: it did not remove its finding" in report.withdrawn[0]
    assert "withdrawn: it leads to a syntax error" in report.withdrawn[1]
    assert {finding.target for finding in report.findings} == {"self.first.weight", "self.second.weight"}


MODEL = """
import torch
import torch.nn as nn

class Model(nn.Module):
    def __init__(self, wide=True):
        super().__init__()
        self.seen = 1
        self.enc = nn.Linear(3, 6)
        self.dec = nn.Linear(6, 3)
        {body}

    def note(self, value=None):
        self.seen += 1
        return self
{methods}
    def forward(self, x):
        return self.dec(self.enc(x))
"""
WRITE = "self.dec.weight = nn.Parameter(self.enc.weight.t())"
CALL = "setattr(self.dec, 'weight', nn.Parameter(self.enc.weight.t()))"


@pytest.mark.parametrize(
    ("body", "method", "seen"),
    [
        ("self.tie()", f"def tie(self): {WRITE}", 1),
        ("self.tie()", f"def tie(self): self.note(); {WRITE}", 2),
        (f"def tie(): {WRITE}\ntie()", "", 1),
        (f"if wide: {WRITE}; self.note()", "", 2),
        (f"self.note({CALL})", "", 2),
        (f"self.seen = {CALL}", "", None),
        (f"self.seen = wide and {CALL}", "", None),
        (f"self.seen = [2, {CALL}]", "", [2, None]),
        ("self.note()\nfor self.dec.weight.data in [self.enc.weight.data.t()]:\n    self.note()", "", 3),
        (f"self.note()\nif {CALL} is None:\n    self.note()", "", 3),
        (f"self.note()\nwhile {CALL}:\n    pass", "", 2),
        ("self.seen = self.dec.weight.data.copy_(self.enc.weight.data.t()).shape  # tie", "", (3, 6)),
        ("self.dec.register_parameter('weight', self.note() and nn.Parameter(self.enc.weight.t()))", "", 2),
        ("self.dec.weight = self.enc.weight\nself.dec.bias = nn.Parameter(torch.zeros(3))", "", 1),
    ],
)
def test_what_a_statement_does_besides_the_tie_stays(body: str, method: str, seen: object) -> None:
    text = MODEL.format(body=body.replace("\n", "\n        "), methods=f"\n    {method}\n" if method else "")
    report = lint_source(SourceFile(Path("model.py"), text), Settings(), fix=Applicability.UNSAFE)
    model = made(report.new_text or text)
    assert model.seen == seen
    assert model(torch.zeros(2, 3)).shape == (2, 3)


@pytest.mark.parametrize(
    "body",
    [
        "try:\n    self.seen = int('x')\n    return\nexcept ValueError:\n    pass\n{write}",
        "try:\n    self.seen = int('1')\n    return\nexcept ValueError:\n    pass\n{write}",
        "if not wide:\n    {write}",
        "wide and {call}",
        "not wide and {call}",
        "try:\n    self.seen = int('1')\nexcept ValueError:\n    {write}",
        "for _ in range(0):\n    {write}",
        "[{call} for _ in range(0)]",
        "match wide:\n    case False:\n        {write}",
    ],
)
def test_a_tie_is_made_only_where_it_was(body: str) -> None:
    text = MODEL.format(body=body.format(write=WRITE, call=CALL).replace("\n", "\n        "), methods="")
    report = lint_source(SourceFile(Path("model.py"), text), Settings(), fix=Applicability.UNSAFE)
    before, after = made(text), made(report.new_text or text)
    assert (storage(after, "enc") == storage(after, "dec")) is (storage(before, "enc") == storage(before, "dec"))


def test_a_fix_is_unsafe_where_the_bias_would_not_fit() -> None:
    body = "self.dec.weight = self.enc.weight\n        self.dec.bias = self.enc.bias"
    text = MODEL.format(body=body, methods="")
    assert fixed(text).new_text is None
    assert lint_source(SourceFile(Path("model.py"), text), Settings(), fix=Applicability.UNSAFE).new_text


def made(text: str) -> torch.nn.Module:
    """The model that a program defines."""
    names: dict[str, Callable[[], torch.nn.Module]] = {}
    exec(compile(text, "model.py", "exec"), names)
    return names["Model"]()


def storage(model: torch.nn.Module, layer: str) -> int:
    weight = model.get_submodule(layer).weight
    assert isinstance(weight, torch.Tensor)
    return weight.data_ptr()


HEAD = """
import copy
import torch
import torch.nn as nn

def give(value, seen=[]):
    seen.append(1)
    return value

class Model(nn.Module):
    def __init__(self, bias=1, freeze=True):
        super().__init__()
        self.enc = nn.Linear(6, 4)
        self.emb = nn.Embedding(7, 4)
        {body}
        self.calls = len(give.__defaults__[0])
"""


@pytest.mark.parametrize(
    "body",
    [
        "self.dec = nn.Linear(4, 6, bias=bias)\n{tie_dec}",
        "self.dec = nn.Linear(4, 6, 1)\n{tie_dec}",
        "self.dec = nn.Linear(4, give(6))\n{tie_dec}",
        "self.dec = nn.Linear(4, n := 6)\n{tie_dec}\nself.width = n",
        "{head}\nself.head.weight = nn.Parameter(w := self.emb.weight)\nself.width = w.shape",
        "{head}\nself.head.weight = nn.Parameter(give(self.emb.weight))",
        "{head}\nself.head.weight = nn.Parameter(self.emb.weight, requires_grad=not freeze)",
        "{head}\nself.head.weight = nn.Parameter(self.emb.weight, not freeze)",
        "{head}\nself.head.weight = p = nn.Parameter(self.emb.weight)\np.requires_grad_(False)",
        "{head}\n{tie_head}\nfor m in self.modules():\n    if isinstance(m, nn.Linear):\n"
        "        m.weight.requires_grad = False",
        "self.emb = nn.Embedding.from_pretrained(torch.ones(7, 4))\n{head}\n{tie_head}",
        "{head}\nif freeze:  # tie\n    p = nn.Parameter(self.emb.weight.clone())\n    p.data.mul_(2)\n"
        "    self.head.weight = p",
    ],
)
def test_a_safe_fix_loses_nothing_else(body: str) -> None:
    body = body.format(
        head="self.head = nn.Linear(4, 7, bias=False)",
        tie_head="self.head.weight = nn.Parameter(self.emb.weight)",
        tie_dec="self.dec.weight.data = self.enc.weight.data.t()",
    )
    text = HEAD.format(body=body.replace("\n", "\n        "))
    before, after = made(text), made(fixed(text).new_text or text)
    assert vars(after).keys() == vars(before).keys()
    assert after.calls == before.calls
    kept = {name: parameter.requires_grad for name, parameter in before.named_parameters()}
    for name, trained in kept.items():
        try:
            parameter = after.get_parameter(name)
        except AttributeError:  # it is the other one now
            assert name.endswith("weight")
            continue
        assert parameter.requires_grad is trained


def test_a_layer_that_gives_way_to_its_own_copy_is_no_tie() -> None:
    text = HEAD.format(body="if freeze:  # tie\n            self.emb = copy.deepcopy(self.emb)")
    assert lint_source(SourceFile(Path("model.py"), text), Settings(prefilter=False)).findings == ()


TIED_DEC = "self.dec = nn.Linear(4, 6)\n        self.dec.weight.data = self.enc.weight.data.t()"
TIED_HEAD = "self.head = nn.Linear(4, 7, bias=False)\n        self.head.weight = nn.Parameter(self.emb.weight)"
COPIED_HEAD = (
    "self.head = nn.Linear(4, 7, bias=False)\n        if freeze:  # tie\n"
    "            self.head.weight.data.copy_(self.emb.weight)\n        self.zero()\n\n"
    "    def zero(self):\n        nn.init.zeros_(self.head.weight)\n\n    def count(self, give=give):"
)
RUN = "    loss = m.dec(m.enc(torch.ones(2, 6))).sum()\n"


@pytest.mark.parametrize(
    ("body", "use"),
    [
        (TIED_HEAD, "    m.emb.weight.requires_grad_(False)\n    return m.head.weight.requires_grad"),
        (TIED_HEAD, "    m.head.weight.requires_grad_(False)\n    return m.emb.weight.requires_grad"),
        (TIED_HEAD, "    *_, first, second = m.parameters()\n    return second.shape"),
        (TIED_HEAD, "    return list(m.parameters())[3].shape"),
        (COPIED_HEAD, "    return m.emb.weight.abs().sum() > 0"),
        (TIED_DEC, "    m.enc.weight.requires_grad_(False)\n    return m.dec.weight.requires_grad"),
        (TIED_DEC, "    m.dec.weight.requires_grad_(False)\n    return m.enc.weight.requires_grad"),
        (TIED_DEC, f"{RUN}    return len(torch.autograd.grad(loss, last(m)))\ndef last(m):\n    return m.dec.weight"),
        (TIED_DEC, "    torch.optim.SGD([dict(params=m.enc.weight), dict(params=m.dec.weight)], lr=1)"),
        (TIED_DEC, "    torch.optim.SGD(list(each(m)), lr=1)\ndef each(m):\n    yield m.dec.weight"),
        (TIED_DEC, "    for p in list(m.children())[0].parameters():\n        p.requires_grad = False\n"
                   "    return m.dec.weight.requires_grad"),
        (TIED_DEC, f"{RUN}    loss.backward()\n    return [x.weight.grad is None for x in (m.enc, m.dec)]"),
        (TIED_DEC, f"{RUN}    loss.backward()\n    return [len(x.weight.grad) for x in list(m.children())[::2]]"),
        (TIED_DEC, "    from torch.jit import script\n    return script(m.dec)(torch.ones(2, 4)).shape"),
        (TIED_DEC, "    return sorted(name for name, _ in Last().named_parameters() if 'dec' in name)\n\n"
                   "class Middle(Model): pass\n\nclass Last(Middle):\n    def __init__(self):\n"
                   "        super().__init__()\n        self.enc = nn.Linear(6, 4)"),
    ],
)  # fmt: skip
def test_a_safe_fix_leaves_what_the_file_does_with_the_model(body: str, use: str) -> None:
    text = f"{HEAD.format(body=body)}\ndef use(m):\n{use}\n"
    report = fixed(text)
    assert report.findings
    names: list[dict[str, Callable[..., object]]] = [{}, {}]
    for program, defined in zip((text, report.new_text or text), names, strict=True):
        exec(compile(program, "model.py", "exec"), defined)
    before, after = (defined["use"](defined["Model"]()) for defined in names)
    assert before == after


@pytest.mark.parametrize("source", ["w[{}]", "w.clone()", "w[{0}:{0} + 1].view(4, 4)", "w[{}].contiguous()"])
@pytest.mark.parametrize("target", ["weight = nn.Parameter({})", "weight.data = {}"])
def test_what_one_tensor_gives_to_two_layers_may_be_two(source: str, target: str) -> None:
    w = "torch.randn(4, 4)" if "clone" in source else "torch.randn(2, 4, 4)"
    lines = [f"w = {w}", "self.p, self.q = nn.Linear(4, 4), nn.Linear(4, 4)"]
    lines += [f"self.{name}.{target.format(source.format(index))}" for index, name in enumerate("pq")]
    text = HEAD.format(body="\n        ".join(lines))
    assert storage(made(text), "p") != storage(made(text), "q")
    assert fixed(text).findings == ()
    assert lint_source(SourceFile(Path("model.py"), text), Settings(prefilter=False)).findings == ()


@pytest.mark.parametrize(("comment", "applied"), [("", True), ("  # as in the paper", False)])
def test_a_safe_fix_takes_no_comment_away(comment: str, applied: bool) -> None:
    tie = f"self.head.weight = nn.Parameter({comment}\n            self.emb.weight\n        )  # tied"
    text = HEAD.format(body=f"self.head = nn.Linear(4, 7, bias=False)\n        {tie}")
    new = fixed(text).new_text
    assert (new is not None) == applied
    assert new is None or "self.head.weight = self.emb.weight  # tied" in new


@pytest.mark.parametrize(("kind", "edited"), [("nn.Embedding(7, 4)", True), ("nn.Linear(4, 7, bias=False)", False)])
def test_a_layer_is_shared_only_with_one_of_its_class(kind: str, edited: bool) -> None:
    tie = f"self.head = {kind}\n        if freeze:  # tie\n            self.head.load_state_dict(self.emb.state_dict())"
    report = lint_source(SourceFile(Path("model.py"), HEAD.format(body=tie)), Settings(), fix=Applicability.UNSAFE)
    assert (report.new_text is not None) == edited
    assert len(report.findings) == (not edited)


@pytest.mark.parametrize(
    "imports",
    [
        "import torch\nif TYPE_CHECKING:\n    from torch import nn\n",
        "import torch\nif typing.TYPE_CHECKING:\n    import torch.nn as nn\n",
        "import torch\n\ndef later():\n    from torch import nn\n",
    ],
)
def test_what_is_imported_for_type_checkers_is_not_there_when_the_code_runs(imports: str) -> None:
    lines = [
        "import typing",
        "from typing import TYPE_CHECKING",
        imports,
        "class Model(torch.nn.Module):",
        "    def __init__(self):",
        "        super().__init__()",
        "        self.enc = torch.nn.Linear(8, 3)",
        "        self.dec = torch.nn.Linear(3, 8)",
        "        self.dec.weight = torch.nn.Parameter(self.enc.weight.t())",
        "Made = Model()",
    ]
    report = fixed("\n".join(lines))
    assert report.new_text is not None
    exec(compile(report.new_text, "model.py", "exec"), {})


def test_a_class_comes_before_its_use_in_the_first_row() -> None:
    report = fixed(
        "import torch.nn as nn; enc = nn.Linear(8, 4); dec = nn.Linear(4, 8); dec.weight = nn.Parameter(enc.weight.t())"
    )
    assert report.new_text is not None
    exec(compile(report.new_text, "model.py", "exec"), {})


def test_a_comment_stays_with_its_statement() -> None:
    text = (
        "import torch.nn as nn\nclass Model(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.emb = nn.Embedding(9, 4)\n        self.head = nn.Linear(4, 9, bias=False)\n"
        "        self.head.weight = self.emb.weight\n        self.emb = nn.Embedding(9, 4)  # fresh\n"
    )
    report = lint_source(SourceFile(Path("model.py"), text), Settings(), fix=Applicability.UNSAFE)
    assert report.new_text == text + "        self.head.weight = self.emb.weight\n"


@pytest.mark.parametrize(
    ("use", "applied"),
    [
        ("def train():\n    m = Model()\n    {tie}\n    return m", True),
        ("def train():\n    m = Model()\n    {tie}\ndef evaluate(state):\n    Model().load_state_dict(state)", False),
        ("def train(steps):\n    m = Model()\n    for _ in range(steps):\n        {tie}", False),
    ],
)
def test_a_layer_is_replaced_only_in_the_one_object_of_its_class(use: str, applied: bool) -> None:
    """Elsewhere the class is still made with a Linear, and checkpoints have its weight."""
    tie = "m.dec.weight = nn.Parameter(m.enc.weight.t())  # tied"
    text = (
        "import torch.nn as nn\n\n\nclass Model(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.enc = nn.Linear(8, 4)\n        self.dec = nn.Linear(4, 8)\n\n\n" + use.format(tie=tie) + "\n"
    )
    report = fixed(text)
    assert [finding.code for finding in lint_source(SourceFile(Path("m.py"), text), Settings()).findings] == ["TIE101"]
    assert (report.new_text is not None) == applied

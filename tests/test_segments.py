"""Leaving out what has no part in a finding changes no finding."""

from __future__ import annotations

import ast
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import ALIAS, TIED, UNRELATED
from proof import fixture_paths

from tielint import analysis, workers
from tielint.linter import lint_source
from tielint.prefilter import sites_of, wanted_by
from tielint.registry import all_rules
from tielint.segments import segments_of
from tielint.settings import Settings
from tielint.source import SourceFile
from tielint.workers import lint_all

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


def left_of(text: str) -> str | None:
    data = text.encode()
    sites = sites_of(data, PATH, wanted_by(data, PATH, all_rules()))
    assert sites is not None
    segments = segments_of(text, ast.parse(text), sites)
    return segments.text if segments else None


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
    text = MODEL.replace("    b.weight = nn.Parameter(a.weight)", "    pass").replace("return self.inner(x) + 1", body)
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
    text = MODEL.replace("    b.weight = nn.Parameter(a.weight)", "    pass").replace("return self.inner(x) + 1", body)
    text += "\n    def keep(self, w):\n        self.kept = w\n"
    left = left_of(text)
    assert left is not None
    assert body.split("\n")[0] in left


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


# ---------------------------------------------------------------------- processes


class Broken(Executor):
    """A pool whose processes were ended from outside."""

    def submit(self, *args: object, **options: object) -> Future[object]:  # type: ignore[override]
        future: Future[object] = Future()
        future.set_exception(BrokenProcessPool())
        return future


def test_any_executor_finds_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        (tmp_path / f"{number}.py").write_text((ALIAS, TIED, UNRELATED, "import torch\n(")[number % 4])
    paths = sorted(tmp_path.iterdir())

    def reports(executor: Executor | None) -> dict[Path, tuple[object, ...]]:
        results = lint_all(paths, Settings(), frozenset(), recording=False, executor=executor)
        return {result.report.path: (result.report.findings, result.report.problem) for result in results}

    alone = reports(None)
    assert len(alone) == 20
    assert sum(1 for findings, _ in alone.values() if findings) == 5
    with ThreadPoolExecutor(3) as threads:
        assert reports(threads) == alone
    assert reports(Broken()) == alone
    monkeypatch.setattr(workers, "WORTH_IT", 0)
    assert reports(None) == alone

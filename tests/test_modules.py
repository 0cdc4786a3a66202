"""What an import means, where a file of the same project tells: packages on disk in, definitions out."""

from __future__ import annotations

from pathlib import Path

import pytest
from programs import ALIAS

from tielint.linter import lint_file
from tielint.modules import Modules
from tielint.settings import Settings
from tielint.values import ClassDefinition, FunctionDefinition

BASE = "import torch.nn as nn\n\n\nclass Base(nn.Module):\n    pass\n\n\ndef helper(layer):\n    return layer\n"
SUBCLASS = """\
import torch.nn as nn
{imports}


class Tied({base}):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 9)
"""
TIES = """\
from torch import nn


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(9, 4)
        self.head = nn.Linear(4, 9)
        self.head.weight = self.words.weight
"""


UNDER = """\
from torch import nn
try:
    from missing import Base
except ImportError:
    class Base(nn.Module):
        def __init__(self):
            super().__init__()
            self.words = nn.Embedding(9, 4)
            self.head = nn.Linear(4, 9)
            self.head.weight = self.words.weight
"""
DERIVED = """\
from torch import nn
from .base import *
from . import base

if nn:
    class Derived(base.Base):
        pass

class Starred(Base):
    pass
"""


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.mark.parametrize(
    ("asked_by", "name", "files"),
    [
        ("pkg/model.py", ".base.Base", {"pkg/__init__.py": "", "pkg/base.py": BASE}),
        ("pkg/sub/model.py", "..base.Base", {"pkg/__init__.py": "", "pkg/sub/__init__.py": "", "pkg/base.py": BASE}),
        ("pkg/sub/model.py", "pkg.base.Base", {"pkg/__init__.py": "", "pkg/sub/__init__.py": "", "pkg/base.py": BASE}),
        ("pkg/model.py", "pkg.Base", {"pkg/__init__.py": "from .base import Base\n", "pkg/base.py": BASE}),
        ("pkg/model.py", "pkg.B", {"pkg/__init__.py": "from .base import Base as B\n", "pkg/base.py": BASE}),
        ("pkg/model.py", "pkg.Base", {"pkg/__init__.py": "from .base import *\n", "pkg/base.py": BASE}),
        ("train.py", "base.Base", {"base.py": BASE}),
        ("train.py", "pkg.base.Base", {"pkg/base.py": BASE}),
        ("loose/train.py", ".base.Base", {"loose/base.py": BASE}),
        ("tests/test_model.py", "pkg.base.Base", {"src/pkg/__init__.py": "", "src/pkg/base.py": BASE}),
    ],
)
def test_finds(tmp_path: Path, asked_by: str, name: str, files: dict[str, str]) -> None:
    write(tmp_path, {"pyproject.toml": "", asked_by: "", **files})
    modules = Modules(tmp_path / asked_by)
    found = modules.find(modules.absolute(name))
    assert isinstance(found, ClassDefinition)
    assert found.name == "Base"


def test_finds_functions(tmp_path: Path) -> None:
    write(tmp_path, {"base.py": BASE})
    assert isinstance(Modules(tmp_path / "train.py").find("base.helper"), FunctionDefinition)


@pytest.mark.parametrize("name", ["torch.nn.Linear", "numpy.ndarray", "base.Missing", "base", "missing.Base", ""])
def test_does_not_find(tmp_path: Path, name: str) -> None:
    write(tmp_path, {"pyproject.toml": "", "base.py": BASE, "torch/nn.py": BASE})
    assert Modules(tmp_path / "train.py").find(name) is None


def test_modules_that_import_each_other(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "import torch\nfrom b import X\n", "b.py": "import torch\nfrom a import X\n"})
    assert Modules(tmp_path / "train.py").find("a.X") is None


@pytest.mark.parametrize(
    "broken", [b"class Base(:\n  # torch", b"import torch\0", b"# coding: x-none\nimport torch", b"(" * 5000 + b"torch"]
)
def test_an_import_that_cannot_be_read_is_unknown(tmp_path: Path, broken: bytes) -> None:
    (tmp_path / "base.py").write_bytes(broken)
    file = tmp_path / "model.py"
    file.write_text(f"from base import Base\n{ALIAS}\n\nclass Other(Base):\n    pass\n")
    report = lint_file(file, Settings())
    assert report.problem is None
    assert [finding.code for finding in report.findings] == ["TIE101"]


@pytest.mark.parametrize(
    ("imports", "base"),
    [
        ("from .base import Base", "Base"),
        ("from . import base", "base.Base"),
        ("from .base import *", "Base"),
        ("import pkg.base", "pkg.base.Base"),
        ("import pkg.base as parts", "parts.Base"),
        ("from .base import (  # all\n    Base as Parent,\n)", "Parent"),
        ("from .base import \\\n    Base", "Base"),
        ("import os; from .base import Base", "Base"),
        ("try:\n    from .base import Base\nexcept ImportError:\n    Base = nn.Module", "Base"),
        ("from .under import Base", "Base"),
        ("try:\n    from .base import Base\nexcept ImportError:\n    class Base: pass", "Base"),
        ("from .base import Base\nParent = Base", "Parent"),
        ("from .again import Base", "Base"),
        ("from .derived import Derived", "Derived"),
        ("from .derived import Starred", "Starred"),
        ("from .base import Base\ndef mixin(base):\n    return base", "mixin(Base)"),
        ("from .base import Base", "Base[int]"),
    ],
)
def test_a_tie_of_a_base_class_elsewhere(tmp_path: Path, imports: str, base: str) -> None:
    text = SUBCLASS.format(imports=imports, base=base)
    write(
        tmp_path,
        {
            "pkg/__init__.py": "",
            "pkg/base.py": TIES,
            "pkg/again.py": "from .base import *\n",
            "pkg/under.py": UNDER,
            "pkg/derived.py": DERIVED,
            "pkg/model.py": text,
        },
    )
    usual, plain = (lint_file(tmp_path / "pkg/model.py", Settings(prefilter=gate)).findings for gate in (True, False))
    assert [finding.code for finding in usual] == ["TIE301"]
    assert usual == plain


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_base_class_elsewhere_in_any_newlines(tmp_path: Path, bom: bytes, newline: str) -> None:
    model = SUBCLASS.format(imports="from base import Base", base="Base")
    for name, text in (("base", TIES), ("model", model)):
        (tmp_path / f"{name}.py").write_bytes(bom + text.lstrip().replace("\n", newline).encode())
    assert [finding.code for finding in lint_file(tmp_path / "model.py", Settings()).findings] == ["TIE301"]


def test_what_is_wrong_elsewhere_is_reported_there_alone(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"base.py": ALIAS, "model.py": "import torch\nfrom base import Model\n\n\nclass Sub(Model):\n    pass\n"},
    )
    assert lint_file(tmp_path / "model.py", Settings(prefilter=False)).findings == ()
    assert len(lint_file(tmp_path / "base.py", Settings()).findings) == 1


@pytest.mark.parametrize(
    ("elsewhere", "statement"),
    [
        ("def tie(layer):\n    return layer.weight.transpose(0, 1)", "self.dec.weight = own.tie(self.enc)"),
        ("def tie(layer):\n    return layer.weight", "self.dec.weight = own.tie(self.enc)"),
        ("def tie(layer):\n    return layer.weight", "self.dec.weight = own.tie(self.enc).t()"),
        ("def tie(layer):\n    return layer.weight", "self.dec.weight.data = own.tie(self.enc).data.t()"),
        ("def tie(layer):\n    return layer", "self.dec.weight = own.tie(self.enc).weight"),
        (
            "class Enc(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
            "        self.lin = nn.Linear(3, 6)",
            "self.a = own.Enc()\n        self.dec.weight = self.a.lin.weight",
        ),
        ("class Lin(nn.Linear):\n    pass", "self.a = own.Lin(3, 6)\n        self.dec.weight = self.a.weight"),
    ],
)
def test_a_tie_whose_other_side_is_described_elsewhere(tmp_path: Path, elsewhere: str, statement: str) -> None:
    model = (
        "import torch.nn as nn\nimport own\n\n\nclass Model(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.enc = nn.Linear(3, 6)\n        self.dec = nn.Linear(6, 3)\n"
        f"        {statement}\n"
    )
    write(tmp_path, {"own.py": f"import torch.nn as nn\n\n\n{elsewhere}\n", "model.py": model})
    usual, plain = (lint_file(tmp_path / "model.py", Settings(prefilter=gate)).findings for gate in (True, False))
    assert len(plain) == 1
    assert usual == plain


@pytest.mark.parametrize(
    "tie",
    [
        "w = self.words.weight\n        self.head.weight = w",
        "self.head.weight = (\n            self.words.weight\n        )",
        "setattr(self.head, 'weight', self.words.weight)",
        "self.head._parameters['weight'] = self.words.weight",
        "self.head.weight: nn.Parameter = self.words.weight",
        "w = self.words.weight\n        self.head.weight = w; self.x = 1",
        "self.head.weight = w = self.words.weight",
        "self.head.weight, self.x = self.words.weight, 1",
        "self.head.weight = (  # tie\n            self.words.weight\n        )",
        "w = self.words.weight\n        setattr(self.head, 'weight', w)",
        "w = self.words.weight\n        self.head.register_parameter('weight', w)",
    ],
)
def test_a_base_class_elsewhere_that_ties_in_other_words(tmp_path: Path, tie: str) -> None:
    base = TIES.replace("self.head.weight = self.words.weight", tie)
    assert base != TIES
    subclass = SUBCLASS.format(imports="from base import Base", base="Base")
    write(tmp_path, {"base.py": base.rstrip(), "model.py": subclass})
    usual, plain = (lint_file(tmp_path / "model.py", Settings(prefilter=gate)).findings for gate in (True, False))
    assert [finding.code for finding in usual] == ["TIE301"]
    assert usual == plain


BLOCKS = """\
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.inner = nn.Linear(width, width)


class Settings:
    def __init__(self, width):
        self.width = width
"""


@pytest.mark.parametrize(
    "constructor",
    [
        "self.blocks = [Block(4) for _ in range(depth)]",
        "self.blocks = {'a': Block(4), 'b': Block(4)}",
        "self.blocks = []\n        for _ in range(depth):\n            self.blocks.append(Block(4))",
    ],
)
def test_a_list_of_modules_from_elsewhere(tmp_path: Path, constructor: str) -> None:
    model = f"""\
from torch import nn
from .blocks import Block, Settings


class Net(nn.Module):
    def __init__(self, depth):
        super().__init__()
        {constructor}
        self.settings = [Settings(4) for _ in range(depth)]

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x
"""
    write(tmp_path, {"pkg/__init__.py": "", "pkg/blocks.py": BLOCKS, "pkg/model.py": model})
    findings = lint_file(tmp_path / "pkg/model.py", Settings()).findings
    assert [(finding.code, finding.target) for finding in findings] == [("TIE402", "self.blocks")]
    assert lint_file(tmp_path / "pkg/model.py", Settings(prefilter=False)).findings == findings

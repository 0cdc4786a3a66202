"""The TiedLinear class that a fix writes into a user's file: a linter must not become a dependency of a training job.

The design is the one that survived every operation tried in PyTorch 2.13: the source in an unregistered reference, a
read-only `weight`, the product computed at every forward pass.
"""

from __future__ import annotations

import re
from importlib.resources import files

NAME = "TiedLinear"


def _text() -> str:
    """The class's text, read from the file that defines it; that file is not imported, for it would import torch."""
    module = files("tielint").joinpath("torch/tied_linear.py").read_text(encoding="utf-8")
    return module[module.index(f"class {NAME}") : module.index("\n\n\ndef ")]


def class_text(nn: str, indent: str, newline: str) -> str:
    """The class, for a file that calls `torch.nn` by the name `nn` and indents with `indent`."""
    lines = []
    for line in re.sub(r"\bnn\.", f"{nn}.", _text()).splitlines():
        depth = (len(line) - len(line.lstrip(" "))) // 4
        lines.append(indent * depth + line.lstrip(" "))
    return newline.join(lines) + newline


def is_this_class(text: str) -> bool:
    """Whether a class definition's text is the one that a fix wrote, whatever its indent and name for torch.nn."""
    return "self._source = (source,)" in text and "_load_from_state_dict" in text and "bias=True" in text

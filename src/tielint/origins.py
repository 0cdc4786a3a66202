"""Where a live model's broken ties come from: the linter's findings in its files. Used by `inspecting.py`."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import torch
from torch import nn

from tielint.findings import Finding, Verdict
from tielint.linter import lint_file
from tielint.settings import Settings
from tielint.torch.tie_report import Group, Origin, Relation, TieReport

MOST_FILES = 50
_STEP = re.compile(r"\.(\w+(?:\{[^}]*\}\w*)*)|\[([^\]]*)\]")


def with_origins(report: TieReport, model: nn.Module) -> TieReport:
    """The report with the lines that make its broken groups, as far as the linter finds them."""
    files = _classes(model)
    findings = [
        finding
        for path, own in sorted(files.items())[:MOST_FILES]
        for finding in lint_file(path, Settings(select=("",))).findings
        if not _in_another_class(finding.span.start.row, path, own)
    ]
    return replace(report, groups=tuple(_traced(group, findings) for group in report.groups))


def _classes(model: nn.Module) -> dict[Path, set[str]]:
    """The files of the model's classes, without those of torch itself, and the names of these classes."""
    package = Path(torch.__file__).parent
    files: dict[Path, set[str]] = {}
    for kind in {base for module in model.modules() for base in type(module).__mro__}:
        try:
            path = Path(inspect.getsourcefile(kind) or "")
        except TypeError:  # a class that is built in
            continue
        if path.suffix == ".py" and not path.is_relative_to(package):
            files.setdefault(path, set()).add(kind.__qualname__.rpartition(".")[2])
    return files


def _in_another_class(row: int, path: Path, own: set[str]) -> bool:
    """Whether a line belongs to a class that the model is not made of."""
    around = [
        node.name
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ClassDef) and node.lineno <= row <= (node.end_lineno or 0)
    ]
    return bool(around) and own.isdisjoint(around)


@lru_cache(maxsize=MOST_FILES)
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes())


def _traced(group: Group, findings: Iterable[Finding]) -> Group:
    if not group.is_broken and group.relation is not Relation.COPY:
        return group
    found = [
        Origin(str(finding.path), finding.span.start.row, finding.code)
        for finding in findings
        if finding.verdict in _MEANT[group.relation] and _speaks_of(finding, group)
    ]
    expected = "" if found else group.expected  # what the code says it copies is no coincidence
    return replace(group, expected=expected, origins=(*group.origins, *dict.fromkeys(found)))


_MEANT = {
    Relation.ALIAS: {Verdict.ALIAS, Verdict.BROKEN_LATER},
    Relation.COPY: {Verdict.COPY, Verdict.BROKEN_LATER},
    Relation.STALE: {Verdict.STALE, Verdict.COPY},
    Relation.GRAD_CUT: {Verdict.GRAD_CUT},
    Relation.UNTRAINED: {Verdict.GRAD_CUT, Verdict.ACCIDENTAL},
}
"""The verdicts of the linter that are about what the live model shows."""


def _speaks_of(finding: Finding, group: Group) -> bool:
    """Both sides of the finding are members; of a group of one, either side."""
    target, source = (_members(text, group) for text in (finding.target, finding.source))
    if len(group.members) == 1:
        return bool(target | source)
    return bool(target and source) and len(target | source) > 1


def _members(text: str, group: Group) -> set[str]:
    """The members that a name in the code may be: `self.decoder[i].weight` is any `decoder.<one name>.weight`."""
    steps = _STEP.findall(text)
    telling = any(name for name, _ in steps[:-1]) or any(index.isdigit() for _, index in steps)
    if not steps or (not telling and steps[-1][0] in ("", "weight", "bias")):
        return set()  # `weight`, `layer.weight`, `layers[i].weight` may be anyone's
    pattern = r"\.".join(_matching(name, index) for name, index in steps)
    return {name for name in group.names if re.fullmatch(rf"(?:.*\.)?{pattern}", name)}


def _matching(name: str, index: str) -> str:
    if name:
        return r"\w+".join(re.escape(part) for part in re.split(r"\{[^}]*\}", name))
    key = index.strip("'\"")
    return re.escape(key) if key.isdigit() or key != index else r"\w+"

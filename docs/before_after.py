"""Trains a small language model before and after tielint's fix, and draws docs/before_after.svg.

    pip install -e ".[docs]" && python docs/before_after.py

The broken program below is fixed by `tielint check --fix`; each variant is trained on the words of Python's standard
library, on a CPU, in about a minute altogether. The table that it prints is the one in the README.
"""

from __future__ import annotations

import copy
import re
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import matplotlib.pyplot as plt
import torch
from torch import Tensor, nn

from tielint.torch import inspect

PICTURE = Path(__file__).with_name("before_after.svg")
VOCABULARY, WIDTH, LENGTH, BATCH, STEPS = 4000, 64, 24, 48, 500
EVERY = 25

PROGRAM = """\
import torch.nn as nn


class Language(nn.Module):
    def __init__(self, vocabulary, width):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.body = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, vocabulary, bias=False)
        # tie the output layer to the embedding
        self.head.weight = {value}

    def forward(self, tokens):
        hidden, _ = self.body(self.embedding(tokens))
        return self.head(hidden)
"""
ALIAS = "nn.Parameter(embedding.weight)"
MOVED = "the same, after copy.deepcopy(model)"
COPY = "nn.Parameter(embedding.weight.clone())"
FIXED = "fixed: embedding.weight"
BROKEN = {ALIAS: "nn.Parameter(self.embedding.weight)", COPY: "nn.Parameter(self.embedding.weight.clone())"}


@dataclass(frozen=True, slots=True)
class Run:
    """What training showed. apart: how far the two weights are from each other, at most, at each point."""

    steps: list[int]
    losses: list[float]
    apart: list[float]
    report: str
    parameters: int
    gradient: str


def main() -> None:
    """Trains all four, prints the table, draws the picture."""
    tokens = words()
    runs = {}
    with tempfile.TemporaryDirectory() as directory:
        for name, value in BROKEN.items():
            file = Path(directory, "model.py")
            file.write_text(PROGRAM.format(value=value))
            runs[name] = train(load(file)(VOCABULARY, WIDTH), tokens)
            if name == ALIAS:
                runs[MOVED] = train(copy.deepcopy(load(file)(VOCABULARY, WIDTH)), tokens)
            subprocess.run(
                [sys.executable, "-m", "tielint", "check", "--quiet", "--fix", "--unsafe-fixes", str(file)], check=True
            )
        runs[FIXED] = train(load(file)(VOCABULARY, WIDTH), tokens)
    table(runs)
    draw(runs)


def words() -> Tensor:
    """The words and signs of the standard library's modules, the most frequent ones as numbers from 1, others 0."""
    library = Path(sysconfig.get_path("stdlib"))
    text = "\n".join(path.read_text(encoding="utf-8", errors="ignore") for path in sorted(library.glob("*.py")))
    found = re.findall(r"[A-Za-z_]+|\d+|\n|[^\w\s]", text)
    known = {word: index + 1 for index, (word, _) in enumerate(Counter(found).most_common(VOCABULARY - 1))}
    return torch.tensor([known.get(word, 0) for word in found])


def load(file: Path) -> type[nn.Module]:
    """The program's class, from the file as it is now, and the same random numbers for each."""
    torch.manual_seed(0)
    module = ModuleType("program")
    exec(compile(file.read_text(), str(file), "exec"), module.__dict__)
    found: type[nn.Module] = module.__dict__["Language"]
    return found


def train(model: nn.Module, tokens: Tensor) -> Run:
    """AdamW on random stretches of the first 95 %; the loss is that of the rest."""
    report = inspect(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    limit = len(tokens) * 95 // 100
    held_out = batch(tokens[limit:], torch.Generator().manual_seed(1), 200)
    generator = torch.Generator().manual_seed(2)
    steps, losses, apart = [], [], []
    gradient = ""
    for step in range(STEPS + 1):
        if step % EVERY == 0:
            with torch.no_grad():
                steps.append(step)
                losses.append(loss_of(model, held_out).item())
                apart.append((model.head.weight - model.embedding.weight).abs().max().item())
        optimizer.zero_grad()
        loss_of(model, batch(tokens[:limit], generator, BATCH)).backward()
        if not gradient:
            gradient = gradients(model)
        optimizer.step()
    verdict = "tied" if report.ok else report.broken[0].relation.value
    return Run(steps, losses, apart, verdict, report.counts.elements, gradient)


def gradients(model: nn.Module) -> str:
    """Whether the two weights have one gradient or two."""
    head, embedding = model.head.weight.grad, model.embedding.weight.grad
    if head is embedding:
        return "one, of both uses"
    share = (head.norm() / (head + embedding).norm()).item()
    return f"two; the output layer's is {share:.0%} of the sum"


def batch(tokens: Tensor, generator: torch.Generator, size: int) -> Tensor:
    starts = torch.randint(0, len(tokens) - LENGTH - 1, (size,), generator=generator)
    return torch.stack([tokens[start : start + LENGTH + 1] for start in starts])


def loss_of(model: nn.Module, stretch: Tensor) -> Tensor:
    logits = model(stretch[:, :-1])
    return nn.functional.cross_entropy(logits.flatten(0, 1), stretch[:, 1:].flatten())


def table(runs: dict[str, Run]) -> None:
    """The rows of the README's table."""
    for name, run in runs.items():
        cells = (name, run.report, f"{run.parameters:,}", run.gradient, f"{run.losses[-1]:.2f}", f"{run.apart[-1]:.2g}")
        print(f"| {' | '.join(cells)} |")


def draw(runs: dict[str, Run]) -> None:
    """Held-out loss on the left, the distance of the two weights on the right."""
    colours = ["#cf222e", "#fa7970", "#bf8700", "#1a7f37"]
    plt.rcParams.update({"svg.hashsalt": "tielint", "font.size": 10})
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8))
    for (name, run), colour in zip(runs.items(), colours, strict=True):
        left.plot(run.steps, run.losses, color=colour, label=name)
        right.plot(run.steps, run.apart, color=colour, label=name)
    left.set(xlabel="step", ylabel="held-out loss", title="What it learns")
    right.set(xlabel="step", ylabel="largest difference", title="Output layer and embedding, apart")
    left.legend(frameon=False, fontsize=8)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(PICTURE, metadata={"Date": None})


if __name__ == "__main__":
    main()

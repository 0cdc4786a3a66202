"""Times tielint against TorchFix and Ruff on one pinned package: `python benchmarks/speed.py`.

tielint and each peer get an environment of their own, as users install them. Runs of what is compared take turns;
medians are shown. Seconds are wall-clock or CPU (user and system, all processes); memory is of the largest process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import tempfile
import time
import venv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from packages import PACKAGES, add_options, root_of

ROOT = Path(__file__).parent.parent
PEERS = {"torchfix": ["torchfix==0.7.0", "libcst<1.6"], "ruff": ["ruff==0.17.6"]}
CORPUS = "transformers"
SAMPLE = 300
SEED = 0
CLEAN = """\
import torch
from torch import nn


class Tied(nn.Module):
    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.body = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        hidden, _ = self.body(self.embedding(tokens))
        return self.head(hidden)
"""
BROKEN = CLEAN.replace(
    "bias=False)\n", "bias=False)\n        self.head.weight = nn.Parameter(self.embedding.weight)\n", 1
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took: wall-clock and CPU seconds, and the memory of its largest process, in MiB."""

    wall: float
    cpu: float
    memory: float


@dataclass(frozen=True, slots=True)
class Commands:
    """Where the commands of each tool are."""

    tielint: Path
    torchfix: Path
    ruff: Path


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was measured, its value, and the goal, where there is one."""

    name: str
    value: str
    goal: str = ""


def main() -> None:
    """Prints a table, and with `--json` writes its raw figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    parser.add_argument("--rounds", type=int, default=5, help="how often the fast runs are made")
    parser.add_argument("--full", action="store_true", help="run TorchFix on the whole package, which takes a while")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all costs to this file")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the comparison (needs matplotlib)")
    options = parser.parse_args()
    corpus = root_of(CORPUS, options.unpacked, options.cache)
    commands = Commands(_own(options.cache), _peer("torchfix", options.cache), _peer("ruff", options.cache))
    with tempfile.TemporaryDirectory() as scratch:
        costs = dict(_costs(corpus, Path(scratch), commands, options.rounds, full=options.full))
    _print(corpus, costs)
    if options.json:
        options.json.write_text(json.dumps({name: [asdict(cost) for cost in runs] for name, runs in costs.items()}))
    if options.svg:
        _draw(costs, options.svg)


def _costs(
    corpus: Path, scratch: Path, commands: Commands, rounds: int, *, full: bool
) -> Iterator[tuple[str, list[Cost]]]:
    """The costs of every command, by its name; commands that are compared take turns."""
    tielint = [str(commands.tielint / "tielint"), "check"]
    ruff_check = [str(commands.ruff / "ruff"), "check", "--isolated", "--select", "F", "--exit-zero", "--quiet"]
    own = _copied(corpus, scratch / "one")
    yield from _turns(
        3, own, {"tielint cold": [*tielint, "--no-cache", "."], "ruff cold": [*ruff_check, "--no-cache", "."]}
    )
    for command in (tielint, ruff_check, tielint):  # fill the caches
        _settle()
        _run([*command, "."], own)
    yield from _turns(rounds, own, {"tielint warm": [*tielint, "."], "ruff warm": [*ruff_check, "."]})
    (own / "touched.py").write_text(CLEAN)
    yield from _turns(1, own, {"tielint, one file new": [*tielint, "."]})
    sample = _sampled(corpus, scratch / "sample", None if full else SAMPLE)
    yield from _turns(
        1,
        sample,
        {
            "tielint sample": [*tielint, "--no-cache", "."],
            "torchfix sample": [str(commands.torchfix / "torchfix"), "."],
        },
    )
    four = scratch / "four"
    for number in range(4):
        _copied(corpus, four / str(number))
    yield from _turns(1, four, {"tielint four": [*tielint, "--no-cache", "."]})
    single = scratch / "single"
    single.mkdir()
    (single / "clean.py").write_text(CLEAN)
    (single / "broken.py").write_text(BROKEN)
    (single / "other.py").write_text("import os\n\n\ndef here():\n    return os.getcwd()\n")
    yield from _turns(
        4 * rounds,
        single,
        {
            "tielint, a clean file": [*tielint, "--no-cache", "clean.py"],
            "tielint, a file without torch": [*tielint, "--no-cache", "other.py"],
            "tielint, a file with a finding": [*tielint, "--no-cache", "broken.py"],
            "ruff, a file": [*ruff_check, "--no-cache", "clean.py"],
            "python": [str(commands.tielint / "python"), "-c", "pass"],
        },
    )


def _turns(rounds: int, directory: Path, commands: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, list[Cost]]]:
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            costs[name].append(_run(command, directory))
    yield from costs.items()


def _run(command: Sequence[str], directory: Path) -> Cost:
    """Runs a command to its end, whatever it finds, and without its output."""
    with open(os.devnull, "wb") as nowhere:
        before = time.perf_counter()
        process = subprocess.Popen(command, cwd=directory, stdout=nowhere, stderr=nowhere)
        _, _, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - before
    process.returncode = 0  # it has been waited for
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def _settle() -> None:
    """Files that are younger than two seconds are not known by their time."""
    time.sleep(2.5)


def _copied(corpus: Path, target: Path) -> Path:
    shutil.copytree(corpus, target, ignore=shutil.ignore_patterns(".tielint_cache"))
    return target


def _sampled(corpus: Path, target: Path, size: int | None) -> Path:
    """As many files, drawn at random, in the directories where they are; all without a size."""
    files = sorted(path.relative_to(corpus) for path in corpus.rglob("*.py"))
    for file in files if size is None else random.Random(SEED).sample(files, size):
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(corpus / file, target / file)
    return target


def _own(cache: Path) -> Path:
    """tielint as this checkout has it, installed anew: from the checkout itself it would start more slowly."""
    commands = _environment(cache / "peers" / "tielint")
    _install(commands, "--force-reinstall", "--no-deps", str(ROOT))
    _install(commands, str(ROOT))
    return commands


def _peer(name: str, cache: Path) -> Path:
    commands = _environment(cache / "peers" / name)
    if not (commands / name).exists():
        _install(commands, *PEERS[name])
    return commands


def _environment(home: Path) -> Path:
    """The directory of an environment's commands."""
    if not home.exists():
        venv.create(home, with_pip=True)
    return (home / "bin").absolute()


def _install(commands: Path, *what: str) -> None:
    subprocess.run([commands / "pip", "install", "--quiet", *what], check=True)


def _rows(costs: Mapping[str, list[Cost]]) -> Iterator[Row]:
    def median(name: str, of: Callable[[Cost], float]) -> float:
        return statistics.median(map(of, costs[name]))

    def wall(name: str) -> float:
        return median(name, lambda cost: cost.wall)

    def cpu(name: str) -> float:
        return median(name, lambda cost: cost.cpu)

    def memory(name: str) -> float:
        return max(cost.memory for cost in costs[name])

    yield Row("cold, CPU", f"{cpu('tielint cold'):.1f} s")
    ratio = cpu("torchfix sample") / cpu("tielint sample")
    yield Row("cold, CPU, TorchFix against tielint, the same files", f"{ratio:.0f} x", "100 x")
    yield Row("cold, wall", f"{wall('tielint cold'):.1f} s (Ruff: {wall('ruff cold'):.2f} s)")
    yield Row("cold, wall, against Ruff", f"{wall('tielint cold') / wall('ruff cold'):.1f} x", "at most 5 x")
    yield Row("warm, nothing changed, wall", f"{1000 * wall('tielint warm'):.0f} ms")
    yield Row("warm, against Ruff", f"{wall('tielint warm') / wall('ruff warm'):.2f} x", "at most 1 x")
    yield Row("warm, one file new, wall", f"{1000 * wall('tielint, one file new'):.0f} ms")
    yield Row("one clean file, wall", f"{1000 * wall('tielint, a clean file'):.0f} ms", "45 ms")
    yield Row("one file without torch, wall", f"{1000 * wall('tielint, a file without torch'):.0f} ms", "45 ms")
    yield Row("one file with a finding, wall", f"{1000 * wall('tielint, a file with a finding'):.0f} ms", "300 ms")
    yield Row("Python that does nothing, wall", f"{1000 * wall('python'):.0f} ms")
    yield Row("largest process", f"{memory('tielint cold'):.0f} MiB", "100 MiB")
    growth = memory("tielint four") / memory("tielint cold") - 1
    yield Row("its growth at four times the files", f"{growth:+.0%}", "at most +10%")
    yield Row("wall at four times the files", f"{wall('tielint four') / wall('tielint cold'):.1f} x", "at most 4 x")


def _print(corpus: Path, costs: Mapping[str, list[Cost]]) -> None:
    files = sum(1 for _ in corpus.rglob("*.py"))
    size = sum(path.stat().st_size for path in corpus.rglob("*.py")) / 1e6
    print(f"{CORPUS} {PACKAGES[CORPUS]}: {files} files, {size:.1f} MB; {date.today()}")
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} processors\n")
    print(f"{'':<56}{'measured':>28}{'goal':>14}")
    for row in _rows(costs):
        print(f"{row.name:<56}{row.value:>28}{row.goal:>14}")


def _draw(costs: Mapping[str, list[Cost]], file: Path) -> None:
    """CPU seconds for the same files."""
    import matplotlib.pyplot as plt

    names = {"TorchFix": "torchfix sample", "tielint": "tielint sample"}
    values = [statistics.median(cost.cpu for cost in costs[key]) for key in names.values()]
    figure, axes = plt.subplots(figsize=(7, 1.7))
    bars = axes.barh(list(names), values, color=["#9aa5b1", "#2f6f4f"], height=0.6)
    axes.bar_label(bars, labels=[f"{value:.1f} s" for value in values], padding=4)
    axes.set_xlim(right=max(values) * 1.12)
    axes.set_xlabel(f"CPU seconds, {SAMPLE} files of {CORPUS}")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, bbox_inches="tight")


if __name__ == "__main__":
    main()

"""Spreads files over processes, where there are enough of them to be worth it. Called by `run.py`."""

from __future__ import annotations

import heapq
import os
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from tielint.cache import Result
from tielint.linter import lint_file
from tielint.reads import recorded
from tielint.settings import Settings

WORTH_IT = 2_000_000
"""So many bytes of code cost more than to start processes."""
CHUNKS_EACH = 8
"""So many chunks a process gets, so that no one waits long for the last."""


@dataclass(frozen=True, slots=True)
class Job:
    """Files for one process: their indices and paths. syntax: the indices of those whose syntax is always checked."""

    files: tuple[tuple[int, Path], ...]
    settings: Settings
    syntax: frozenset[int]


def lint_all(
    paths: Sequence[Path], settings: Settings, syntax: Collection[Path], executor: Executor | None = None
) -> list[Result]:
    """A result for each path, in their order. `syntax`: the files whose syntax is checked even if no rule needs them.

    executor: runs the jobs, on other machines say; without one, a pool of processes of this machine does.
    """
    checked = frozenset(index for index, path in enumerate(paths) if path in syntax)
    prices = [_price(path) for path in paths]
    workers = _processors()
    if executor is None and (sum(prices) < WORTH_IT or workers == 1):
        return [result for _, result in lint_job(Job(tuple(enumerate(paths)), settings, checked))]
    jobs = [Job(tuple((i, paths[i]) for i in chunk), settings, checked) for chunk in _chunks(prices, workers)]
    results: dict[int, Result] = {}
    pool: AbstractContextManager[Executor] = nullcontext(executor) if executor else ProcessPoolExecutor(workers)
    with pool as running:
        waiting = {running.submit(lint_job, job): job for job in jobs}
        for future in as_completed(waiting):
            try:
                results.update(future.result())
            except BrokenProcessPool:  # something ended the process from outside
                results.update(lint_job(waiting[future]))
    return [results[index] for index in range(len(paths))]


def lint_job(job: Job) -> list[tuple[int, Result]]:
    """The results with their indices; texts travel only where there is a finding to show in them."""
    results = []
    for index, path in job.files:
        with recorded() as reads:
            report = lint_file(path, job.settings, check_syntax=index in job.syntax)
        shown = report if report.findings else replace(report, source=None)
        results.append((index, Result(shown, reads, index in job.syntax)))
    return results


def _chunks(prices: Sequence[int], workers: int) -> Iterator[list[int]]:
    """Indices in chunks of about one price, the dearest chunk first."""
    chunks: list[tuple[int, int, list[int]]] = [(0, number, []) for number in range(workers * CHUNKS_EACH)]
    for index in sorted(range(len(prices)), key=lambda index: -prices[index]):
        price, number, chunk = chunks[0]
        chunk.append(index)
        heapq.heapreplace(chunks, (price + prices[index], number, chunk))
    return (chunk for _, _, chunk in sorted(chunks, key=lambda entry: -entry[0]) if chunk)


def _price(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _processors() -> int:
    """Those that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1

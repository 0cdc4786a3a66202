"""Spreads files over processes, where there are enough of them to be worth it. Called by `run.py`."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tielint.cache import Result
from tielint.linter import lint_file
from tielint.reads import recorded
from tielint.settings import Settings

if TYPE_CHECKING:
    from concurrent.futures import Executor

WORTH_IT = 2_000_000
"""So many bytes of code cost more than to start processes."""
CHUNKS_EACH = 8
"""So many chunks a process gets, so that no one waits long for the last."""


@dataclass(frozen=True, slots=True)
class Job:
    """Files for one process. syntax: those whose syntax is always checked. recording: what they depend on matters."""

    files: tuple[Path, ...]
    settings: Settings
    syntax: frozenset[Path]
    recording: bool


def lint_all(
    paths: Sequence[Path],
    settings: Settings,
    syntax: frozenset[Path],
    *,
    recording: bool,
    executor: Executor | None = None,
) -> Iterator[Result]:
    """A result for each path, as they come. `syntax`: the files whose syntax is checked even if no rule needs them.

    recording: tell also what each result depends on. executor: runs the jobs, on other machines say; without one, a
    pool of processes of this machine does.
    """
    prices = [_price(path) for path in paths]
    workers = _processors()
    if executor is None and (sum(prices) < WORTH_IT or workers == 1):
        yield from lint_job(Job(tuple(paths), settings, syntax, recording))
        return
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool

    chunks = [tuple(paths[index] for index in chunk) for chunk in _chunks(prices, workers)]
    jobs = [Job(chunk, settings, syntax.intersection(chunk), recording) for chunk in chunks]
    pool: AbstractContextManager[Executor] = nullcontext(executor) if executor else ProcessPoolExecutor(workers)
    with pool as running:
        waiting = {running.submit(lint_job, job): job for job in jobs}
        for future in as_completed(waiting):
            job = waiting.pop(future)
            try:
                yield from future.result()
            except BrokenProcessPool:  # something ended the process from outside
                yield from lint_job(job)


def lint_job(job: Job) -> list[Result]:
    """The results of a job; texts travel only where there is a finding to show in them."""
    results = []
    for path in job.files:
        with recorded() as record:
            report = lint_file(path, job.settings, check_syntax=path in job.syntax)
        shown = report if report.findings else replace(report, source=None)
        results.append(Result(shown, record.all() if job.recording else {}, path in job.syntax))
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

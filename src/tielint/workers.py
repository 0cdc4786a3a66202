"""Spreads files over processes, where there are enough of them to be worth it. Called by `run.py`."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tielint.cache import Result
from tielint.linter import lint_file
from tielint.parsing import allow_deep_code
from tielint.reads import recorded
from tielint.settings import Settings

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

WORTH_IT = 2_000_000
"""Files at such a price, in bytes, cost more than to start processes."""
ANY_FILE = 4_000
"""A file costs as much as so many bytes, whatever is in it."""
CHUNKS_EACH = 16
"""So many chunks a process gets, so that no one waits long for the last."""
MOST_FOR_A_POOL = 80_000_000
"""After files at such a price, processes are started anew: memory that they once needed they never give back."""


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

    recording: tell also what each result depends on. executor: runs the jobs in processes, on other machines say (in
    threads, what is recorded would be mixed up); without one, a pool of processes of this machine does.
    """
    prices = [_price(path) for path in paths]
    workers = _processors()
    if executor is None and (sum(prices) < WORTH_IT or workers == 1):
        yield from _one_by_one([Job(tuple(paths), settings, syntax, recording)])
        return
    chunks = [tuple(paths[index] for index in chunk) for chunk in _chunks(prices, workers)]
    jobs = [Job(chunk, settings, syntax.intersection(chunk), recording) for chunk in chunks]
    if executor is not None:
        yield from _run_by(executor, jobs)
        return
    from concurrent.futures import ProcessPoolExecutor

    pools = math.ceil(sum(prices) / MOST_FOR_A_POOL)
    size = math.ceil(len(jobs) / pools)
    for first in range(0, len(jobs), size):
        try:
            pool = ProcessPoolExecutor(workers, initializer=_begin)
        except (ImportError, OSError):  # not every system lets processes share anything
            yield from _one_by_one(jobs[first:])
            return
        try:
            yield from _run_by(pool, jobs[first : first + size])
        except BaseException:
            _abandon(pool)
            raise
        pool.shutdown()


def _begin() -> None:
    """Called in each new process, which ends when the one that started it is gone."""
    import threading
    from multiprocessing import parent_process

    def watch() -> None:
        if parent := parent_process():
            parent.join()
            os._exit(1)

    allow_deep_code()
    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C waits. Processes that start meanwhile never hear of it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _abandon(pool: Executor) -> None:
    """Whoever interrupts a run does not wait for what is still to do."""
    from multiprocessing import active_children

    running = active_children()
    pool.shutdown(wait=False, cancel_futures=True)
    for process in running:
        process.terminate()


def _run_by(executor: Executor, jobs: Sequence[Job]) -> Iterator[Result]:
    from concurrent.futures import as_completed
    from concurrent.futures.process import BrokenProcessPool

    waiting: dict[Future[list[Result]], Job] = {}
    left: list[Job] = []
    with _uninterrupted():  # processes start here; whoever started them ends them
        for job in jobs:
            try:
                waiting[executor.submit(lint_job, job)] = job
            except (BrokenProcessPool, OSError):
                left.append(job)
    for future in as_completed(waiting):
        job = waiting.pop(future)
        try:
            yield from future.result()
        except BrokenProcessPool:  # something ended the process from outside
            left.append(job)
    yield from _one_by_one(left)


def lint_job(job: Job) -> list[Result]:
    """What another process is asked for."""
    return list(_one_by_one([job]))


def _one_by_one(jobs: Iterable[Job]) -> Iterator[Result]:
    """The results of jobs, in this process; texts travel only where there is a finding to show in them."""
    for job in jobs:
        for path in job.files:
            with recorded() as record:
                report = lint_file(path, job.settings, check_syntax=path in job.syntax)
            shown = report if report.findings else replace(report, source=None)
            yield Result(shown, record.all() if job.recording else {}, path in job.syntax)


def _chunks(prices: Sequence[int], workers: int) -> Iterator[range]:
    """Indices in chunks of about one price. Neighbours stay together: they import the same modules."""
    share = max(1, min(sum(prices), MOST_FOR_A_POOL) / (workers * CHUNKS_EACH))
    start, price = 0, 0
    for index, own in enumerate(prices):
        price += own
        if price >= share:
            yield range(start, index + 1)
            start, price = index + 1, 0
    if start < len(prices):
        yield range(start, len(prices))


def _price(path: Path) -> int:
    try:
        return ANY_FILE + path.stat().st_size
    except OSError:
        return ANY_FILE


def _processors() -> int:
    """Those that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1

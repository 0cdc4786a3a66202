"""Files are spread over processes, threads or whatever executor there is: the results are the same."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import subprocess
import sys
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
from programs import ALIAS, TIED, UNRELATED

from tielint import workers
from tielint.settings import Settings
from tielint.workers import lint_all


class Broken(Executor):
    """A pool whose processes were ended from outside."""

    def submit(self, *args: object, **options: object) -> Future[object]:  # type: ignore[override]
        future: Future[object] = Future()
        future.set_exception(BrokenProcessPool())
        return future


class BrokenAtOnce(Executor):
    """A pool that takes no jobs."""

    def submit(self, *args: object, **options: object) -> Future[object]:  # type: ignore[override]
        raise BrokenProcessPool


def no_pool(*args: object, **options: object) -> Executor:
    """What a system says that has no shared memory."""
    raise OSError(38, "Function not implemented")


def test_any_executor_finds_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        (tmp_path / f"{number}.py").write_text((ALIAS, TIED, UNRELATED, "import torch\n(")[number % 4])
    paths = sorted(tmp_path.iterdir())

    def reports(executor: Executor | None) -> dict[Path, tuple[object, ...]]:
        recording = not isinstance(executor, ThreadPoolExecutor)
        results = lint_all(paths, Settings(), frozenset(), recording=recording, executor=executor)
        return {
            result.report.path: (result.report.findings, result.report.problem, recording and set(result.reads))
            for result in results
        }

    monkeypatch.setattr(workers, "_processors", lambda: 2)
    alone = reports(None)
    assert len(alone) == 20
    assert sum(1 for findings, _, _ in alone.values() if findings) == 5
    assert all(reads for _, _, reads in alone.values())
    with ThreadPoolExecutor(3) as threads:
        assert {path: said[:2] for path, said in reports(threads).items()} == {p: s[:2] for p, s in alone.items()}
    assert reports(Broken()) == alone
    assert reports(BrokenAtOnce()) == alone
    monkeypatch.setattr(workers, "WORTH_IT", 0)
    assert reports(None) == alone
    monkeypatch.setattr(workers, "MOST_FOR_A_POOL", sum(path.stat().st_size for path in paths) // 3)
    assert reports(None) == alone
    monkeypatch.setattr(concurrent.futures, "ProcessPoolExecutor", no_pool)
    assert reports(None) == alone


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="it is told from /proc")
@pytest.mark.parametrize("start", multiprocessing.get_all_start_methods())
def test_processes_end_with_the_one_that_started_them(tmp_path: Path, start: str) -> None:
    for number in range(400):
        (tmp_path / f"{number}.py").write_text(TIED)
    program = """
import multiprocessing, os, sys
from pathlib import Path
from tielint import workers
from tielint.settings import Settings
multiprocessing.set_start_method(sys.argv[2])
workers.WORTH_IT, workers._processors = 0, lambda: 2
for _ in workers.lint_all(sorted(Path(sys.argv[1]).iterdir()), Settings(), frozenset(), recording=False):
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
    os.kill(os.getpid(), 9)
"""
    run = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), start], capture_output=True, text=True, timeout=60
    )
    children = [int(pid) for pid in run.stdout.split()]
    assert len(children) == 2
    while any(map(_is_running, children)):
        time.sleep(0.1)


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"

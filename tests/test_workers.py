"""Files are spread over processes, threads or whatever executor there is: the results are the same."""

from __future__ import annotations

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
    monkeypatch.setattr(workers, "MOST_FOR_A_POOL", sum(path.stat().st_size for path in paths) // 3)
    assert reports(None) == alone

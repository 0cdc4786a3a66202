"""Lints pinned real packages and holds each finding against judgements.json: `python benchmarks/real_packages.py`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tielint.linter import lint_file
from tielint.settings import Settings

PACKAGES = {
    "transformers": "5.23.0",
    "diffusers": "0.42.1",
    "timm": "1.0.31",
    "fairseq": "0.12.2",
    "torch": "2.13.0",
}
JUDGEMENTS = Path(__file__).with_name("judgements.json")
Place = tuple[str, int, str]


def main() -> int:
    """Prints a row for each package; 1 where a finding is not judged or the linter crashed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path(".packages"), help="where packages are kept")
    parser.add_argument("names", nargs="*", default=list(PACKAGES))
    options = parser.parse_args()
    judged = _judgements()
    print(f"{'package':<24}{'files':>7}{'true':>6}{'false':>7}{'not judged':>12}{'crashes':>9}{'seconds':>9}")
    failed = False
    for name in options.names:
        root = _unpacked(name, options.cache)
        start = time.perf_counter()
        paths = sorted(root.rglob("*.py"))
        with ProcessPoolExecutor() as pool:
            results = list(pool.map(_findings, paths, chunksize=16))
        places = [(_relative(path, root), line, code) for path, found in results for line, code in found or ()]
        crashes = [path for path, found in results if found is None]
        verdicts = [judged.get((name, place)) for place in places]
        row = (verdicts.count(True), verdicts.count(False), verdicts.count(None), len(crashes))
        took = f"{time.perf_counter() - start:>9.1f}"
        title = f"{name} {PACKAGES[name]}"
        print(f"{title:<24}{len(paths):>7}{row[0]:>6}{row[1]:>7}{row[2]:>12}{row[3]:>9}{took}")
        for place, verdict in zip(places, verdicts, strict=True):
            if verdict is not True:
                print(f"  {'false' if verdict is False else 'not judged'}: {place[0]}:{place[1]} {place[2]}")
        for path in crashes:
            print(f"  crash: {path}")
        failed |= bool(row[2] or crashes)
    return int(failed)


def _judgements() -> dict[tuple[str, Place], bool]:
    entries = json.loads(JUDGEMENTS.read_text())
    return {
        (entry["package"], (entry["path"], entry["line"], entry["code"])): entry["true"]
        for entry in entries
        if PACKAGES.get(entry["package"]) == entry["version"]
    }


def _findings(path: Path) -> tuple[Path, list[tuple[int, str]] | None]:
    try:
        report = lint_file(path, Settings())
    except Exception:  # a crash is what is looked for
        return path, None
    return path, [(finding.span.start.row, finding.code) for finding in report.findings]


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _unpacked(name: str, cache: Path) -> Path:
    """The package's files, downloaded once."""
    root = cache / f"{name}-{PACKAGES[name]}"
    if not root.exists():
        downloads = cache / "downloads" / name
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(downloads)]
        subprocess.run([*command, f"{name}=={PACKAGES[name]}"], check=True)
        for archive in _archives(downloads):
            if archive.suffix == ".whl":
                zipfile.ZipFile(archive).extractall(root)
            else:
                with tarfile.open(archive) as packed:
                    packed.extractall(root, filter="data")
    return root


def _archives(directory: Path) -> Iterator[Path]:
    yield from (path for path in directory.iterdir() if path.suffix in (".whl", ".gz"))


if __name__ == "__main__":
    sys.exit(main())

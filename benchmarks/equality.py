"""Lints pinned packages as usual and with nothing left out, and compares: `python benchmarks/equality.py`.

The plain road runs each file as a whole and follows all imports: a quarter of an hour for all. A file that one road
can't read is a difference, if the other can.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from packages import add_options, files_of, named, root_of

from tielint import analysis
from tielint.linter import lint_file
from tielint.prefilter import speaks_of_torch
from tielint.report import FileReport
from tielint.settings import Settings

Place = tuple[str, int, str]


def main() -> int:
    """Prints each difference, and a row for each package; returns 1 where there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="PACKAGE", help="one of those of precision.py; all without")
    add_options(parser)
    parser.add_argument("--segments", action="store_true", help="take small files apart as large ones are")
    options = parser.parse_args()
    equal = True
    for name in named(parser, options.names):
        root = root_of(name, options.unpacked, options.cache)
        paths = files_of(root)
        with ProcessPoolExecutor(initializer=_prepare, initargs=(options.segments,)) as pool:
            outcomes = list(pool.map(_compared, paths, chunksize=8))
        for path, (lost, new, _) in zip(paths, outcomes, strict=True):
            for word, places in (("lost", lost), ("new", new)):
                for place in sorted(places):
                    print(f"  {word}: {path.relative_to(root)}:{place[1]} {place[0]} {place[2]}")
                    equal = False
        print(f"{name:<24}{len(paths):>7} files{sum(found for _, _, found in outcomes):>7} findings", flush=True)
    return 0 if equal else 1


def _prepare(segments: bool) -> None:
    if segments:
        analysis.SMALL = 0


def _compared(path: Path) -> tuple[set[Place], set[Place], int]:
    """What is lost, what is new, and how much is found with nothing left out. Files without torch are not looked at."""
    if not speaks_of_torch(path.read_bytes()):
        return set(), set(), 0
    reports = (lint_file(path, Settings(prefilter=gate), check_syntax=True) for gate in (True, False))
    usual, plain = map(_places, reports)
    return plain - usual, usual - plain, len(plain)


def _places(report: FileReport) -> set[Place]:
    found = {(finding.code, finding.span.start.row, finding.target) for finding in report.findings}
    return found | ({("unread", 0, report.problem)} if report.problem else set())


if __name__ == "__main__":
    sys.exit(main())

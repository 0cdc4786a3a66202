"""Lints pinned real packages and holds each finding against judgements.json: `python benchmarks/precision.py`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from packages import PACKAGES, add_options, files_of, named, root_of

from tielint.linter import lint_file
from tielint.settings import Settings

JUDGEMENTS = Path(__file__).with_name("judgements.json")

Place = tuple[str, int, str]
"""A path relative to the package's root, a line and a rule's code."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file. `problem` is why it could not be linted, `crash` the exception that should never be."""

    path: Path
    findings: tuple[tuple[int, str], ...] = ()
    problem: str | None = None
    crash: str | None = None


def main() -> int:
    """Prints a row for each package and one for each rule.

    Returns 1 where a finding is not judged, a true one is gone, or the linter crashed.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="PACKAGE", help="one of " + ", ".join(PACKAGES) + "; all without")
    add_options(parser)
    options = parser.parse_args()
    names = named(parser, options.names)
    print(
        f"{'package':<28}{'files':>7}{'unread':>8}{'findings':>10}{'true':>6}{'false':>7}{'unjudged':>10}{'seconds':>9}"
    )
    rules: dict[str, Counter[bool | None]] = {}
    sound = [_run(name, root_of(name, options.unpacked, options.cache), rules) for name in names]
    _print_rules(rules)
    return 0 if all(sound) else 1


def _print_rules(rules: dict[str, Counter[bool | None]]) -> None:
    print(f"\n{'rule':<10}{'findings':>10}{'true':>6}{'false':>7}{'precision':>11}")
    for code, counts in [*sorted(rules.items()), ("all", sum(rules.values(), Counter()))]:
        judged = counts[True] + counts[False]
        share = f"{counts[True] / judged:.0%}" if judged else "-"
        print(f"{code:<10}{counts.total():>10}{counts[True]:>6}{counts[False]:>7}{share:>11}")


def _run(name: str, root: Path, rules: dict[str, Counter[bool | None]]) -> bool:
    """Lints one package, prints what came of it, counts it for each rule; whether all of it was as judged."""
    start = time.perf_counter()
    with ProcessPoolExecutor() as pool:
        outcomes = list(pool.map(_lint, files_of(root), chunksize=16))
    seconds = time.perf_counter() - start
    judged = _judgements(name)
    places = [(_relative(outcome.path, root), line, code) for outcome in outcomes for line, code in outcome.findings]
    verdicts = [judged.get(place) for place in places]
    counts = [verdicts.count(verdict) for verdict in (True, False, None)]
    for (_, _, code), verdict in zip(places, verdicts, strict=True):
        rules.setdefault(code, Counter())[verdict] += 1
    unread = [outcome for outcome in outcomes if outcome.problem]
    crashed = [outcome for outcome in outcomes if outcome.crash]
    gone = [place for place, true in judged.items() if true and place not in places]
    print(
        f"{name + ' ' + PACKAGES[name]:<28}{len(outcomes):>7}{len(unread):>8}{len(places):>10}"
        f"{counts[0]:>6}{counts[1]:>7}{counts[2]:>10}{seconds:>9.1f}"
    )
    for place, verdict in zip(places, verdicts, strict=True):
        word = {True: "true", False: "false", None: "not judged"}[verdict]
        print(f"  {word}: {_shown(place)}")
    for place in gone:
        print(f"  true, and no longer found: {_shown(place)}")
    for outcome in unread:
        print(f"  unread: {_relative(outcome.path, root)}: {outcome.problem}")
    for outcome in crashed:
        print(f"  crash: {_relative(outcome.path, root)}: {outcome.crash}")
    return not (counts[2] or gone or crashed)


def _lint(path: Path) -> Outcome:
    try:
        report = lint_file(path, Settings())
    except Exception as error:  # a crash is what is looked for
        return Outcome(path, crash=f"{type(error).__name__}: {error}")
    return Outcome(path, tuple((found.span.start.row, found.code) for found in report.findings), report.problem)


def _judgements(name: str) -> dict[Place, bool]:
    return {
        (entry["path"], entry["line"], entry["code"]): entry["true"]
        for entry in json.loads(JUDGEMENTS.read_text(encoding="utf-8"))
        if (entry["package"], entry["version"]) == (name, PACKAGES[name])
    }


def _shown(place: Place) -> str:
    path, line, code = place
    return f"{path}:{line} {code}"


def _relative(path: Path, root: Path) -> str:
    """As the archive names it, also where the root is the installed package itself."""
    top = root.parent if (root / "__init__.py").exists() else root
    return path.relative_to(top).as_posix()


if __name__ == "__main__":
    sys.exit(main())

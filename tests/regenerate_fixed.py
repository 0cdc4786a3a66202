"""Writes the fixed programs beside the fixtures, with the linter itself: `python tests/regenerate_fixed.py [NAME...]`.

NAME is a part of a fixture's name (`TIE101/lm_head`); without any, all are written. Read the difference before it is
committed: the tests compare the fixer with these files, and run them in PyTorch.
"""

from __future__ import annotations

import sys

from proof import Claims, fixture_name, fixture_paths, program, read_claims, settings_for

from tielint.findings import Applicability
from tielint.linter import lint_source
from tielint.source import SourceFile


def main(parts: list[str]) -> int:
    """Regenerates what is named, and says what it did."""
    status = 0
    for path in fixture_paths():
        if path.parent.name != "silent" and (not parts or any(part in fixture_name(path) for part in parts)):
            status |= _regenerate(read_claims(path))
    return status


def _regenerate(claims: Claims) -> int:
    source = SourceFile.from_bytes(program(claims.path), claims.path)
    report = lint_source(source, settings_for(claims.path), fix=Applicability.UNSAFE) if claims.fix else None
    name = fixture_name(claims.path)
    if report is None:
        claims.fixed_path.unlink(missing_ok=True)
    elif report.new_text is None:
        print(f"{name}: not fixed {' '.join(report.withdrawn)}".rstrip())
        return 1
    else:
        claims.fixed_path.write_bytes(source.encode(report.new_text))
        print(f"{name}: written, {report.fixed} fixed, {len(report.findings)} left")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

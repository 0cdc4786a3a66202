"""The command line: what is printed where, what is written, and the exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Command
from programs import ALIAS, TIED, UNRELATED

import tielint as package
from tielint import fixer
from tielint.registry import all_rules
from tielint.report import FileReport

TRANSPOSED = ALIAS.replace("nn.Parameter(self.embedding.weight)", "self.embedding.weight.t()")
"""One TIE001 in the line where ALIAS has its TIE101."""

UNSAFE = """\
import torch.nn as nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(8, 4)
        self.decoder = nn.Linear(4, 8)

    def forward(self, x):
        self.decoder.weight = nn.Parameter(self.encoder.weight.t())
        return self.decoder(self.encoder(x))
"""
"""One TIE101, whose fix is unsafe because it stands in `forward`."""

PATCH = """\
--- a.py
+++ a.py
@@ -6,7 +6,7 @@
         super().__init__()
         self.embedding = nn.Embedding(100, 16)
         self.head = nn.Linear(16, 100, bias=False)
-        self.head.weight = nn.Parameter(self.embedding.weight)
+        self.head.weight = self.embedding.weight
\x20
     def forward(self, x):
         return self.head(self.embedding(x))
"""


@pytest.fixture
def alias(tmp_path: Path) -> Path:
    file = tmp_path / "a.py"
    file.write_text(ALIAS)
    return file


def codes(output: str) -> list[str]:
    return [finding["code"] for finding in json.loads(output)]


def test_a_clean_run(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(TIED)
    (tmp_path / "b.py").write_text(UNRELATED)
    run = tielint("check")
    assert (run.status, run.out, run.err) == (0, "All 2 files are clean.\n", "")


def test_findings_are_status_1_and_change_nothing(tielint: Command, alias: Path) -> None:
    run = tielint("check")
    assert run.status == 1
    assert run.out.startswith("a.py:9:9: TIE101 [*] ")
    assert run.out.endswith("\nFound 1 broken tie in 1 file (1 fixable with --fix).\n")
    assert run.err == ""
    assert alias.read_text() == ALIAS


def test_exit_zero(tielint: Command, alias: Path) -> None:
    run = tielint("check", "--exit-zero")
    assert run.status == 0
    assert "TIE101" in run.out


def test_quiet_leaves_the_findings_and_drops_the_rest(tielint: Command, alias: Path) -> None:
    run = tielint("check", "--quiet")
    assert run.out.startswith("a.py:9:9: TIE101 ")
    assert "Found" not in run.out
    run = tielint("check", "--quiet", "--fix")
    assert (run.status, run.out, run.err) == (0, "", "")


def test_no_cache_is_accepted(tielint: Command, alias: Path) -> None:
    assert tielint("check", "--no-cache") == tielint("check")


def test_fix_rewrites_and_says_so(tielint: Command, alias: Path) -> None:
    run = tielint("check", "--fix")
    assert (run.status, run.out) == (0, "Fixed 1 broken tie in a.py.\n1 file is clean.\n")
    assert alias.read_text() == TIED
    assert tielint("check", "--fix").out == "1 file is clean.\n"
    assert alias.read_text() == TIED


def test_a_report_never_takes_the_place_of_code(tielint: Command, alias: Path) -> None:
    run = tielint("check", "--output-file", "a.py", "a.py")
    assert run.status == 2
    assert "a.py is no place for a report" in run.err
    assert alias.read_text() == ALIAS


def test_what_is_saved_while_a_file_is_linted_is_not_overwritten(
    tielint: Command, alias: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def saved(*arguments: object) -> FileReport:
        alias.write_text(ALIAS + "SAVED = True\n")
        return repair(*arguments)  # type: ignore[arg-type]

    repair = fixer.repair
    with monkeypatch.context() as changed:
        changed.setattr(fixer, "repair", saved)
        run = tielint("check", "--fix")
    assert (run.status, alias.read_text()) == (2, ALIAS + "SAVED = True\n")
    assert "a.py: changed while it was linted" in run.err
    assert tielint("check", "--fix").status == 0
    assert alias.read_text() == TIED + "SAVED = True\n"


def test_fix_keeps_newlines_and_bom(tielint: Command, alias: Path) -> None:
    alias.write_bytes(b"\xef\xbb\xbf" + ALIAS.replace("\n", "\r\n").encode())
    assert tielint("check", "--fix").status == 0
    assert alias.read_bytes() == b"\xef\xbb\xbf" + TIED.replace("\n", "\r\n").encode()


def test_an_unsafe_fix_must_be_asked_for(tielint: Command, alias: Path) -> None:
    alias.write_text(UNSAFE)
    run = tielint("check", "--fix")
    assert run.status == 1
    assert "1 fixable with --unsafe-fixes" in run.out
    assert alias.read_text() == UNSAFE
    run = tielint("check", "--fix", "--unsafe-fixes")
    assert run.status == 0
    assert alias.read_text() != UNSAFE
    assert tielint("check").status == 0


def test_unsafe_fixes_alone_write_nothing(tielint: Command, alias: Path) -> None:
    alias.write_text(UNSAFE)
    run = tielint("check", "--unsafe-fixes")
    assert run.status == 1
    assert "TIE101 [*] " in run.out
    assert alias.read_text() == UNSAFE


@pytest.mark.parametrize("options", [["--diff"], ["--diff", "--fix"]])
def test_diff_shows_the_change_and_writes_nothing(tielint: Command, alias: Path, options: list[str]) -> None:
    run = tielint("check", *options)
    assert (run.status, run.out, run.err) == (1, PATCH, "Would fix 1 broken tie in a.py.\n")
    assert alias.read_text() == ALIAS


def test_the_diff_can_be_applied(tielint: Command, alias: Path, tmp_path: Path) -> None:
    alias.write_bytes(ALIAS.replace("\n", "\r\n").rstrip().encode())
    shown = tielint("check", "--diff").out
    (tmp_path / "change.patch").write_bytes(shown.encode())
    subprocess.run(["git", "apply", "-p0", "change.patch"], cwd=tmp_path, check=True)
    assert alias.read_bytes() == TIED.replace("\n", "\r\n").rstrip().encode()


def test_diff_of_nothing(tielint: Command, alias: Path) -> None:
    alias.write_text(TIED)
    run = tielint("check", "--diff")
    assert (run.status, run.out, run.err) == (0, "", "")


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ([], ["TIE101", "TIE001"]),
        (["--select", "TIE101"], ["TIE101"]),
        (["--select", "TIE0"], ["TIE001"]),
        (["--select", "TIE0,TIE1"], ["TIE101", "TIE001"]),
        (["--select", "TIE0", "--select", "TIE1"], ["TIE101", "TIE001"]),
        (["--ignore", "TIE1"], ["TIE001"]),
        (["--ignore", "TIE101,TIE001"], []),
        (["--select", "ALL", "--ignore", "TIE001"], ["TIE101"]),
    ],
)
def test_codes_are_selected_and_ignored(
    tielint: Command, alias: Path, tmp_path: Path, options: list[str], found: list[str]
) -> None:
    (tmp_path / "b.py").write_text(TRANSPOSED)
    run = tielint("check", "--output-format", "json", *options)
    assert codes(run.out) == found
    assert run.status == (1 if found else 0)


def test_what_is_not_selected_is_not_fixed(tielint: Command, alias: Path) -> None:
    assert tielint("check", "--fix", "--ignore", "TIE101").status == 0
    assert alias.read_text() == ALIAS


def test_the_configuration_counts_and_the_command_line_wins(tielint: Command, alias: Path, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.tielint]\nignore = ['TIE101']\n")
    assert tielint("check").status == 0
    assert tielint("check", "--select", "TIE101").status == 1
    (tmp_path / "pyproject.toml").write_text("[tool.tielint]\nexclude = ['a.py']\n")
    assert tielint("check").out == "No Python files found.\n"
    assert tielint("check", "a.py").status == 1


def test_a_configured_tied_linear_is_imported(tielint: Command, alias: Path, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.tielint]\ntied-linear = 'pkg.layers.TiedLinear'\n")
    alias.write_text(UNSAFE.replace("    def forward(self, x):\n", "").replace("        return self.dec", "        # "))
    assert tielint("check", "--fix", "--unsafe-fixes").status == 0
    assert "from pkg.layers import TiedLinear\n" in alias.read_text()
    assert "class TiedLinear" not in alias.read_text()


def test_noqa(tielint: Command, alias: Path) -> None:
    line = "nn.Parameter(self.embedding.weight)"
    alias.write_text(ALIAS.replace(line, f"{line}  # noqa: TIE101"))
    assert tielint("check").status == 0
    assert tielint("check", "--fix").out == "1 file is clean.\n"
    alias.write_text(ALIAS.replace(line, f"{line}  # noqa: TIE102"))
    assert tielint("check").status == 1


def test_a_report_to_a_file(tielint: Command, alias: Path, tmp_path: Path) -> None:
    shown = tielint("check", "--output-format", "json").out
    run = tielint("check", "--output-format", "json", "--output-file", "report.json")
    assert (run.status, run.out) == (1, "")
    assert (tmp_path / "report.json").read_text() == shown
    run = tielint("check", "--output-file", "report.txt")
    assert "TIE101" in (tmp_path / "report.txt").read_text()
    assert "\x1b" not in (tmp_path / "report.txt").read_text()
    assert run.out == "Found 1 broken tie in 1 file (1 fixable with --fix).\n"


def test_a_report_that_cannot_be_written(tielint: Command, alias: Path) -> None:
    run = tielint("check", "--output-file", "gone/report.txt")
    assert (run.status, run.err) == (2, "error: gone/report.txt: cannot be written: No such file or directory\n")


@pytest.mark.parametrize("form", ["json", "sarif"])
def test_machines_read_stdout_alone(tielint: Command, alias: Path, form: str) -> None:
    run = tielint("check", "--fix", "--output-format", form, "a.py", "gone.py")
    assert run.status == 2
    json.loads(run.out)
    assert run.err == "error: gone.py: no such file or directory\nFixed 1 broken tie in a.py.\n"


def test_standard_input(tielint: Command) -> None:
    run = tielint("check", "-", stdin=ALIAS.encode())
    assert run.status == 1
    assert run.out.startswith("-:9:9: TIE101 ")
    assert tielint("check", "-", stdin=TIED.encode()).status == 0
    assert tielint("check", "-", stdin=b"").status == 0


def test_standard_input_with_a_name(tielint: Command, tmp_path: Path) -> None:
    run = tielint("check", "--stdin-filename", "pkg/m.py", "--output-format", "json", "-", stdin=ALIAS.encode())
    assert [finding["filename"] for finding in json.loads(run.out)] == [str(tmp_path / "pkg" / "m.py")]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", [ALIAS, TIED, UNRELATED, "x = (\n"])
def test_fixing_standard_input_gives_back_code_and_only_code(tielint: Command, text: str) -> None:
    run = tielint("check", "--fix", "-", stdin=text.encode())
    assert run.out == (TIED if text == ALIAS else text)
    assert run.status == (2 if text == "x = (\n" else 0)


def test_the_diff_of_standard_input(tielint: Command) -> None:
    run = tielint("check", "--diff", "--stdin-filename", "a.py", "-", stdin=ALIAS.encode())
    assert (run.status, run.out) == (1, PATCH)


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "--bogus"],
        ["check", "--output-format", "xml"],
        ["check", "--select", "E501"],
        ["check", "--select", ","],
        ["check", "-", "a.py"],
        ["bogus"],
        ["rule", "TIE999"],
        [],
    ],
)
def test_wrong_use_is_status_2_and_lints_nothing(tielint: Command, alias: Path, arguments: list[str]) -> None:
    run = tielint(*arguments)
    assert run.status == 2
    assert run.err
    assert run.out == ""


def test_the_table_of_rules(tielint: Command) -> None:
    run = tielint("rule")
    assert run.status == 0
    heading, *rows = run.out.splitlines()
    assert heading.split() == ["Code", "Name", "Verdict", "On", "Summary", "Fix"]
    assert {rule.code for rule in all_rules()} <= {row.split()[0] for row in rows}


@pytest.mark.parametrize("code", [*(rule.code for rule in all_rules()), "tie101"])
def test_a_rule_explains_itself(tielint: Command, code: str) -> None:
    run = tielint("rule", code)
    assert run.status == 0
    assert run.out.startswith(f"# {code.upper()} ")
    headings = [line for line in run.out.splitlines() if line.startswith("## ")]
    wanted = ["What it does", "Why it is wrong", "Example", "Use instead", "Fix safety", "References"]
    assert headings == [f"## {heading}" for heading in wanted]


def test_rules_as_json(tielint: Command) -> None:
    (rule,) = json.loads(tielint("rule", "TIE101", "--output-format", "json").out)
    assert (rule["code"], rule["name"], rule["verdict"]) == ("TIE101", "parameter-rewrap", "alias")


def imported_by(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter holds after this code."""
    ending = "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\n{ending}"], capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


VERSION = "sys.argv = ['tielint', '--version']\nfrom tielint.__main__ import main\nmain()"


@pytest.mark.parametrize("code", ["import tielint", VERSION])
def test_nothing_heavy_is_imported_early(code: str) -> None:
    imported = imported_by(code)
    assert "tielint" in imported
    assert not imported & {"libcst", "rich", "click", "torch"}


@pytest.mark.parametrize(
    "command", [[sys.executable, "-m", "tielint"], [os.path.join(os.path.dirname(sys.executable), "tielint")]]
)
def test_the_version(command: list[str]) -> None:
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"tielint {package.__version__}\n"


def test_a_reader_that_has_seen_enough(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"m{number:03}.py").write_text(ALIAS)
    command = [sys.executable, "-m", "tielint", "check", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""


def test_the_difference_has_no_other_format(tielint: Command, tmp_path: Path) -> None:
    for options in (("--output-format", "json"), ("--output-file", "report.txt")):
        run = tielint("check", "--diff", *options)
        assert run.status == 2
        assert "--diff prints the difference alone" in run.err


def test_what_is_named_is_excluded_only_by_force(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "vendored").mkdir()
    (tmp_path / "vendored" / "a.py").write_text(ALIAS)
    assert tielint("check", "vendored/a.py", "--exclude", "vendored").status == 1
    assert tielint("check", "vendored/a.py", "--exclude", "vendored", "--force-exclude").status == 0


def test_an_empty_path_is_not_the_directory(tielint: Command, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(ALIAS)
    outcome = tielint("check", "--fix", "")
    assert outcome.status == 2
    assert (tmp_path / "model.py").read_text() == ALIAS


@pytest.mark.parametrize("fix", [[], ["--fix"]])
def test_standard_input_may_be_excluded(tielint: Command, tmp_path: Path, fix: list[str]) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.tielint]\nexclude = ["vendored"]\n')
    named = ["-", "--stdin-filename", "vendored/model.py", *fix]
    assert tielint("check", *named, stdin=ALIAS.encode()).status == (0 if fix else 1)
    outcome = tielint("check", "--force-exclude", *named, stdin=ALIAS.encode())
    assert outcome.status == 0
    assert (ALIAS in outcome.out) == bool(fix)

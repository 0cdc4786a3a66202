"""The command line as a user types it: what it prints, what it writes, how it exits."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Command
from programs import ALIAS, TIED, UNRELATED

COPY = ALIAS.replace("nn.Parameter(self.embedding.weight)", "nn.Parameter(self.embedding.weight.clone())  # tied")
"""One TIE103 in line 9, whose fix is unsafe: only a comment says that a tie is meant."""


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_clean_files_exit_0(tielint: Command) -> None:
    write("clean.py", TIED)
    run = tielint("check")
    assert (run.status, run.err) == (0, "")


def test_findings_exit_1_and_name_place_and_code(tielint: Command) -> None:
    write("model.py", ALIAS)
    run = tielint("check")
    assert run.status == 1
    assert "model.py:9:9: TIE101" in run.out
    assert "self.head.weight" in run.out
    assert "self.embedding.weight" in run.out


def test_exit_zero_hides_findings_but_not_problems(tielint: Command) -> None:
    write("model.py", ALIAS)
    assert tielint("check", "--exit-zero").status == 0
    assert tielint("check", "--exit-zero", "model.py", "missing.py").status == 2


def test_fix_writes_the_fix_and_exits_0(tielint: Command) -> None:
    path = write("model.py", ALIAS)
    assert tielint("check", "--fix").status == 0
    assert path.read_text() == TIED
    assert tielint("check").status == 0


def test_fix_twice_changes_nothing_more(tielint: Command) -> None:
    path = write("model.py", ALIAS)
    tielint("check", "--fix")
    before = path.stat().st_mtime_ns
    assert tielint("check", "--fix").status == 0
    assert path.stat().st_mtime_ns == before


def test_unsafe_fix_needs_to_be_asked_for(tielint: Command) -> None:
    path = write("model.py", COPY)
    assert tielint("check", "--fix").status == 1
    assert path.read_text() == COPY
    assert tielint("check", "--fix", "--unsafe-fixes").status == 0
    assert "self.head.weight = self.embedding.weight  # tied" in path.read_text()


def test_diff_writes_nothing_and_exits_1(tielint: Command) -> None:
    path = write("model.py", ALIAS)
    run = tielint("check", "--diff")
    assert run.status == 1
    assert "-        self.head.weight = nn.Parameter(self.embedding.weight)" in run.out
    assert "+        self.head.weight = self.embedding.weight" in run.out
    assert path.read_text() == ALIAS


def test_fix_keeps_newlines_encoding_bom_and_permissions(tielint: Command) -> None:
    path = Path("model.py")
    data = b"\xef\xbb\xbf" + ("# größe\n" + ALIAS).replace("\n", "\r\n").encode()
    path.write_bytes(data)
    path.chmod(0o755)
    assert tielint("check", "--fix").status == 0
    assert path.read_bytes() == data.replace(b"nn.Parameter(self.embedding.weight)", b"self.embedding.weight")
    assert path.stat().st_mode & 0o777 == 0o755


def test_noqa_silences_a_line(tielint: Command) -> None:
    write("model.py", ALIAS.replace("(self.embedding.weight)", "(self.embedding.weight)  # noqa: TIE101"))
    assert tielint("check").status == 0
    write("model.py", ALIAS.replace("(self.embedding.weight)", "(self.embedding.weight)  # noqa: E501"))
    assert tielint("check").status == 1


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--select", "TIE101"], 1),
        (["--select", "TIE0"], 0),
        (["--ignore", "TIE1"], 0),
        (["--select", "TIE1", "--ignore", "TIE101"], 0),
        (["--ignore", "TIE102,TIE103"], 1),
    ],
)
def test_select_and_ignore(tielint: Command, arguments: list[str], status: int) -> None:
    write("model.py", ALIAS)
    assert tielint("check", *arguments).status == status


def test_configuration_file_is_read(tielint: Command) -> None:
    write("model.py", ALIAS)
    write("pyproject.toml", '[tool.tielint]\nignore = ["TIE101"]\n')
    assert tielint("check").status == 0


def test_tied_linear_is_imported_from_where_the_configuration_says(tielint: Command) -> None:
    write("pyproject.toml", '[tool.tielint]\ntied-linear = "pkg.layers.TiedLinear"\n')
    path = write(
        "model.py",
        "import torch.nn as nn\n\n\nclass Model(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.enc = nn.Linear(8, 3)\n        self.dec = nn.Linear(3, 8, bias=False)\n"
        "        self.dec.weight = nn.Parameter(self.enc.weight.t())\n",
    )
    assert tielint("check", "--fix", "--unsafe-fixes").status == 0
    text = path.read_text()
    assert "import torch.nn as nn\nfrom pkg.layers import TiedLinear\n" in text
    assert "self.dec = TiedLinear(self.enc, bias=False)" in text
    assert "class TiedLinear" not in text


def test_standard_input(tielint: Command) -> None:
    run = tielint("check", "-", "--stdin-filename", "pkg/model.py", stdin=ALIAS.encode())
    assert run.status == 1
    assert "model.py:9:9: TIE101" in run.out
    assert tielint("check", "-", stdin=TIED.encode()).status == 0


def test_standard_input_fixed_comes_out(tielint: Command) -> None:
    run = tielint("check", "--fix", "-", stdin=ALIAS.encode())
    assert (run.status, run.out) == (0, TIED)


def test_output_file(tielint: Command) -> None:
    write("model.py", ALIAS)
    run = tielint("check", "--output-format", "json", "--output-file", "report.json")
    assert (run.status, run.out) == (1, "")
    assert json.loads(Path("report.json").read_text())[0]["code"] == "TIE101"


def test_no_cache_is_accepted(tielint: Command) -> None:
    write("clean.py", TIED)
    assert tielint("check", "--no-cache").status == 0


def test_prefilter_changes_no_finding(tielint: Command) -> None:
    write("model.py", ALIAS)
    write("other.py", UNRELATED)
    with_it = tielint("check", "--output-format", "json").out
    assert tielint("check", "--output-format", "json", "--no-prefilter").out == with_it


def test_rules_are_listed_and_explained(tielint: Command) -> None:
    table = tielint("rule")
    assert table.status == 0
    for code in ("TIE001", "TIE002", "TIE101", "TIE102", "TIE103"):
        assert code in table.out
        page = tielint("rule", code)
        assert page.status == 0
        for section in ("What it does", "Why it is wrong", "Example", "Use instead", "Fix safety", "References"):
            assert section in page.out
    assert tielint("rule", "TIE999").status == 2


def test_version_and_import_load_neither_libcst_nor_rich() -> None:
    code = (
        "import sys, tielint; sys.argv = ['tielint', '--version']\n"
        "from tielint.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'libcst', 'rich', 'torch'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


def test_linting_never_imports_torch(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(ALIAS)
    code = (
        "import sys\nsys.modules['torch'] = None\nfrom tielint.__main__ import main\n"
        f"sys.argv = ['tielint', 'check', {str(tmp_path)!r}]\nsys.exit(main())"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 1

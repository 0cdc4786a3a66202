"""`tielint inspect`, run as a user runs it, on modules in the current directory."""

from __future__ import annotations

import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import Command

MODELS = """\
import sys

import torch
from torch import nn


class Autoencoder(nn.Module):
    def __init__(self, inputs=8, *, hidden=3, tie="alias"):
        super().__init__()
        print("making it")
        self.encoder = nn.Linear(inputs, hidden)
        self.decoder = nn.Linear(hidden, inputs)
        if tie == "alias":
            self.decoder.weight = nn.Parameter(self.encoder.weight.t())

    def forward(self, x):
        return self.decoder(self.encoder(x))


def data():
    return torch.ones(2, 8)


def tied():
    model = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 9, bias=False))
    model[1].weight = model[0].weight
    return model


ready = nn.Linear(2, 2)


def deep():
    model = nn.Sequential(*[nn.Linear(4, 4) for _ in range(200)])
    model[150].weight = nn.Parameter(model[3].weight)
    return model


class Own(nn.Module):
    def __init__(self, tie=True):
        super().__init__()
        self.encode = nn.Parameter(torch.randn(4, 4))
        self.decode = nn.Parameter(torch.randn(4, 4))
        if tie:
            self.decode = nn.Parameter(self.encode.clone())


class Neighbour(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(8, 3)
        self.decoder = nn.Linear(3, 8)
        self.decoder.weight.data = self.encoder.weight.data.t()


class Named(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(8, 8)

    def forward(self, *, values):
        return self.first(values)


def named():
    return {"values": torch.ones(2, 8)}


def prints_below():
    import os
    import subprocess

    os.write(1, b"raw\\n")
    subprocess.run([sys.executable, "-c", "print('child')"], check=True)
    return nn.Linear(2, 2)


def raises():
    raise RuntimeError("no weights here\\nsecond line")


def exits():
    sys.exit(3)


def gives_a_dict():
    return {}


def needs(width):
    return nn.Linear(width, width)
"""


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models.py").write_text(MODELS)
    (tmp_path / "broken.py").write_text("import no_such_module\n")
    monkeypatch.delitem(sys.modules, "models", raising=False)


def test_an_alias_is_told_with_its_line_and_status_1(tielint: Command) -> None:
    run = tielint("inspect", "models:Autoencoder")
    assert run.status == 1
    lines = [line.lstrip("│├└─ ") for line in run.out.splitlines()]
    assert lines[0].startswith("Autoencoder: 4 Parameters, 59 elements")
    assert "encoder.weight ≠ decoder.weight (transposed)  3×8" in lines
    assert "from models.py:14 TIE101" in lines
    assert "after deepcopy: copy" in lines
    assert "making it" not in run.out


def test_a_tie_is_status_0(tielint: Command) -> None:
    run = tielint("inspect", "models:tied")
    assert (run.status, "No tie is broken." in run.out) == (0, True)


def test_a_module_that_is_there_needs_no_call(tielint: Command) -> None:
    assert tielint("inspect", "models:ready").status == 0


def test_arguments_are_read_as_in_a_call(tielint: Command) -> None:
    run = tielint("inspect", "models:Autoencoder", "--args", "16, hidden=4, tie=None", "--json")
    assert run.status == 0
    assert json.loads(run.out)["counts"]["elements"] == 16 * 4 * 2 + 4 + 16


def test_json_is_alone_on_stdout(tielint: Command, tmp_path: Path) -> None:
    run = tielint("inspect", "models:Autoencoder", "--inputs", "data", "--optimizer", "SGD", "--json")
    told = json.loads(run.out)
    assert (told["model"], told["ok"]) == ("Autoencoder", False)
    (group,) = told["groups"]
    assert group["verdict"] == "alias"
    assert group["members"][1] == {"name": "decoder.weight", "layout": "transposed"}
    assert group["origins"] == [{"path": str(tmp_path / "models.py"), "row": 14, "code": "TIE101"}]
    assert [outcome["operation"] for outcome in group["after"]] == [
        "SGD step",
        ".to(bfloat16)",
        "deepcopy",
        "load_state_dict",
        "load_state_dict(assign=True)",
    ]


def test_what_the_code_copies_is_no_coincidence(tielint: Command) -> None:
    run = tielint("inspect", "models:Own")
    assert run.status == 1
    assert "TIE103" in run.out


def test_a_neighbours_finding_is_not_the_models_own(tielint: Command) -> None:
    run = tielint("inspect", "models:Neighbour")
    assert [line.split(":")[1] for line in run.out.splitlines() if "from models.py" in line] == ["53 TIE102"]


def test_inputs_may_be_named(tielint: Command) -> None:
    run = tielint("inspect", "models:Named", "--inputs", "named")
    assert (run.status, "note" in run.out) == (0, False)


def test_inputs_that_do_not_fit_are_an_error(tielint: Command) -> None:
    run = tielint("inspect", "models:tied", "--inputs", "data")
    assert run.status == 2
    assert run.err.startswith("error: the forward pass fails: ")
    assert "tied (one Parameter)" in run.out


def test_nothing_but_the_report_goes_to_standard_output(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tielint", "inspect", "models:prints_below", "--json"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(run.stdout)["ok"]
    assert {"raw", "child"} <= set(run.stderr.split())


def test_exit_zero(tielint: Command) -> None:
    assert tielint("inspect", "models:Autoencoder", "--exit-zero").status == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("models",), "models: not of the form package.module:factory"),
        (("nowhere:make",), "nowhere:make: the import fails: ModuleNotFoundError: No module named 'nowhere'"),
        (("broken:make",), "broken:make: the import fails: ModuleNotFoundError: No module named 'no_such_module' ("),
        (("models:nothing",), "models:nothing: there is no 'nothing' in models"),
        (("models:raises",), "models:raises fails: RuntimeError: no weights here ("),
        (("models:exits",), "models:exits calls sys.exit(3)"),
        (("models:gives_a_dict",), "models:gives_a_dict: gives dict, and not a torch.nn.Module"),
        (("models:needs",), "models:needs: missing a required argument: 'width'; its signature is (width): see --args"),
        (("models:needs", "--args", "x"), "--args: not a list of Python literals: x"),
        (("models:tied", "--optimizer", "Nadam2"), "--optimizer: torch.optim has no 'Nadam2'"),
        (("models:MODELS_ARE_HERE.x",), "models:MODELS_ARE_HERE.x: there is no 'MODELS_ARE_HERE' in models"),
    ],
)
def test_what_stops_it_is_one_line(tielint: Command, arguments: tuple[str, ...], message: str) -> None:
    run = tielint("inspect", *arguments)
    assert (run.status, run.out) == (2, "")
    (line,) = [line for line in run.err.splitlines() if line != "making it"]
    assert line.startswith(f"error: {message}")


def test_without_torch_it_says_what_to_install(tmp_path: Path) -> None:
    code = "import sys; sys.modules['torch'] = None; from tielint.__main__ import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "inspect", "models:tied"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stderr == "error: tielint.torch needs PyTorch: pip install 'tielint[torch]'\n"


# ---------------------------------------------------------------------- pictures

SVG = "{http://www.w3.org/2000/svg}"


def test_the_picture_has_an_arc_with_a_tooltip_and_folds_what_is_quiet(tielint: Command, tmp_path: Path) -> None:
    assert tielint("inspect", "models:deep", "--svg", "ties.svg").status == 1
    root = ElementTree.parse(tmp_path / "ties.svg").getroot()
    (arc,) = root.findall(f"{SVG}path")
    assert (arc.findtext(f"{SVG}title") or "").startswith("alias: 3.weight, 150.weight\nafter ")
    labels = [text.text for text in root.findall(f"{SVG}text")]
    assert "3: weight" in labels
    assert "4 … 149 (146 layers)" in labels
    assert int(root.attrib["height"]) < 400


def test_the_page_needs_nothing_else(tielint: Command, tmp_path: Path) -> None:
    tielint("inspect", "models:Autoencoder", "--html", "ties.html")
    text = (tmp_path / "ties.html").read_text(encoding="utf-8")
    outside: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            outside.extend(f"{tag} {name}" for name, _ in attrs if name in ("src", "href"))
            outside.extend([tag] if tag in ("script", "link", "img") else [])

    Reader().feed(text)
    assert outside == []
    assert "<svg" in text
    assert "encoder.weight ≠ decoder.weight (transposed)" in text


def test_a_picture_that_cannot_be_written(tielint: Command, tmp_path: Path) -> None:
    run = tielint("inspect", "models:tied", "--svg", "no/such/place.svg")
    assert run.status == 2
    assert "no/such/place.svg: cannot be written" in run.err

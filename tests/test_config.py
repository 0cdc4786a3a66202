"""`[tool.tielint]` and what the command line makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tielint.config import Config, Overrides, load
from tielint.findings import Confidence
from tielint.settings import ConfigError, Settings


def configure(directory: Path, table: str) -> Path:
    file = directory / "pyproject.toml"
    file.write_text(f"[project]\nname = 'x'\n\n[tool.tielint]\n{table}\n")
    return file


def loaded(directory: Path, **overrides: tuple[str, ...]) -> Settings:
    return load(Overrides(**overrides), directory=directory).settings  # type: ignore[arg-type]


def error(directory: Path) -> str:
    with pytest.raises(ConfigError) as raised:
        loaded(directory)
    message = str(raised.value)
    assert "\n" not in message
    assert str(directory / "pyproject.toml") in message
    return message


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load(Overrides(), directory=tmp_path) == Config(Settings(), tmp_path)


def test_every_key(tmp_path: Path) -> None:
    configure(
        tmp_path,
        """
        select = ["TIE1"]
        ignore = ["TIE103"]
        exclude = ["old/"]
        tied-linear = "pkg.layers.TiedLinear"
        min-confidence = "certain"
        """,
    )
    assert loaded(tmp_path) == Settings(("TIE1",), ("TIE103",), ("old/",), "pkg.layers.TiedLinear", Confidence.CERTAIN)


def test_the_nearest_file_that_speaks_of_tielint(tmp_path: Path) -> None:
    configure(tmp_path, "select = ['TIE101']")
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "a" / "pyproject.toml").write_text("[project]\nname = 'inner'\n")
    config = load(Overrides(), directory=inner)
    assert config.settings.select == ("TIE101",)
    assert config.root == tmp_path


def test_a_file_can_be_named(tmp_path: Path) -> None:
    configure(tmp_path, "select = ['TIE101']")
    other = tmp_path / "other.toml"
    other.write_text("[tool.tielint]\nselect = ['TIE102']\n")
    assert load(Overrides(), file=other, directory=tmp_path).settings.select == ("TIE102",)


@pytest.mark.parametrize("text", [None, "", "[tool.other]\n"])
def test_a_named_file_must_speak_of_tielint(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "x.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError, match=r"x\.toml: (cannot be read|there is no \[tool\.tielint\] table)"):
        load(Overrides(), file=file, directory=tmp_path)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("selct = []", "unknown key 'selct'; did you mean 'select'?"),
        ("wat = 1", "unknown key 'wat'"),
        ("select = 'TIE101'", "select must be a list of strings, not 'TIE101'"),
        ("ignore = ['TIE101', 3]", "ignore must be a list of strings, but has 3"),
        ("exclude = {}", "exclude must be a list of strings, not {}"),
        ("select = ['TIE9']", "select: no rule has a code like 'TIE9'"),
        ("ignore = ['E501']", "ignore: no rule has a code like 'E501'"),
        ("select = ['']", "select: no rule has a code like ''"),
        ("tied-linear = 'TiedLinear'", "tied-linear must name a class with its module"),
        ("tied-linear = 'pkg.2.TiedLinear'", "tied-linear must name a class with its module"),
        ("tied-linear = 'import.TiedLinear'", "tied-linear must name a class with its module"),
        ("tied-linear = ['a.B']", "tied-linear must name a class with its module"),
        ("min-confidence = 'sure'", "min-confidence must be one of certain, likely, possible, not 'sure'"),
        ("min-confidence = 1", "min-confidence must be one of certain, likely, possible, not 1"),
        ("select = [", "not valid TOML"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, table: str, message: str) -> None:
    configure(tmp_path, table)
    assert message in error(tmp_path)


@pytest.mark.parametrize("text", ["tool = 3\n[tool.tielint]", "[tool]\ntielint = 3\n"])
def test_a_table_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    error(tmp_path)


def test_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"x = '\xe9'\n")
    assert "not valid TOML" in error(tmp_path)


def test_a_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.tielint]\nselect = ['TIE101']\n", encoding="utf-8-sig")
    assert loaded(tmp_path).select == ("TIE101",)


def test_the_command_line_comes_last(tmp_path: Path) -> None:
    configure(tmp_path, "select = ['TIE101']\nignore = ['TIE102']\nexclude = ['a']")
    assert loaded(tmp_path, select=("TIE102",)).selects("TIE102")
    assert not loaded(tmp_path, select=("TIE102",)).selects("TIE101")
    assert loaded(tmp_path, ignore=("TIE001",)).ignore == ("TIE001",)
    assert loaded(tmp_path, exclude=("b",)).exclude == ("b",)


def test_all_and_small_letters(tmp_path: Path) -> None:
    settings = loaded(tmp_path, select=("ALL",), ignore=("tie1",))
    assert settings.selects("TIE001")
    assert settings.selects("XYZ1")
    assert not settings.selects("TIE101")


def test_the_more_exact_prefix_wins(tmp_path: Path) -> None:
    settings = loaded(tmp_path, select=("TIE101",), ignore=("TIE1",))
    assert settings.selects("TIE101")
    assert not settings.selects("TIE102")

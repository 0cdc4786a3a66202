"""The pinned packages that the benchmarks lint, and how to get them."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

PACKAGES = {
    "transformers": "5.23.0",
    "diffusers": "0.42.1",
    "timm": "1.0.31",
    "fairseq": "0.12.2",
    "torch": "2.13.0",
    "accelerate": "1.15.0",
    "allennlp": "2.10.1",
    "deepchem": "2.8.0",
    "espnet": "202511",
    "fastai": "2.8.12",
    "flair": "0.15.1",
    "gluonts": "0.17.0",
    "kornia": "0.9.0",
    "lightly": "1.6.0",
    "modelscope": "1.40.2",
    "monai": "1.6.1",
    "nemo_toolkit": "3.0.0",
    "open_clip_torch": "3.3.0",
    "OpenNMT-py": "3.5.1",
    "peft": "0.21.2",
    "pytorch-lightning": "2.6.6",
    "sentence-transformers": "6.2.0",
    "simpletransformers": "0.70.8",
    "speechbrain": "1.1.2",
    "stable-baselines3": "2.9.2",
    "tianshou": "2.0.1",
    "torch-geometric": "2.8.1",
    "torchvision": "0.29.2",
    "trl": "1.16.0",
    "tsai": "1.0.1",
    "x-transformers": "2.31.10",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Where packages are looked for, and kept."""
    parser.add_argument("--cache", type=Path, default=Path(".packages"), help="where what is downloaded is kept")
    parser.add_argument(
        "--unpacked",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="look here for NAME-VERSION or NAME before anything is downloaded; repeatable",
    )


def named(parser: argparse.ArgumentParser, names: Sequence[str]) -> Sequence[str]:
    """The packages of these names, or all without one; ends the program where one is not pinned."""
    if unknown := set(names) - PACKAGES.keys():
        parser.error(f"not pinned here: {', '.join(sorted(unknown))}")
    return names or list(PACKAGES)


def files_of(root: Path) -> list[Path]:
    """A package's Python files, sorted."""
    return sorted(path for path in root.rglob("*.py") if path.is_file())


def root_of(name: str, unpacked: Sequence[Path], cache: Path) -> Path:
    """The directory with the package's files."""
    titles = (f"{name}-{PACKAGES[name]}", f"{name.replace('-', '_')}-{PACKAGES[name]}", name)
    found = [directory / title for directory in unpacked for title in titles if (directory / title).is_dir()]
    return found[0] if found else _downloaded(name, cache)


def _downloaded(name: str, cache: Path) -> Path:
    """The package, downloaded and unpacked once. A directory with its name is whole: it is moved there at the end."""
    root = cache / f"{name}-{PACKAGES[name]}"
    if not root.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as place:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", place]
            subprocess.run([*command, f"{name}=={PACKAGES[name]}"], check=True)
            (archive,) = Path(place).iterdir()
            _unpack(archive, Path(place, "tree"))
            Path(place, "tree").rename(root)
    return root


def _unpack(archive: Path, into: Path) -> None:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(into)
    else:
        with tarfile.open(archive) as packed:
            packed.extractall(into, filter="data")

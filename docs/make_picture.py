"""Draws docs/finding.svg: a real finding, as the terminal shows it. Run from the repository root."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

PROGRAM = """\
import torch.nn as nn


class Autoencoder(nn.Module):
    def __init__(self, inputs, hidden):
        super().__init__()
        self.encoder = nn.Linear(inputs, hidden)
        self.decoder = nn.Linear(hidden, inputs)
        # tie the weights
        self.decoder.weight = nn.Parameter(self.encoder.weight.t())
"""


def main() -> None:
    """Lints the program in a directory of its own and exports what is printed."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "autoencoder.py").write_text(PROGRAM)
        command = [sys.executable, "-m", "tielint", "check"]
        environment = {"FORCE_COLOR": "1", "COLUMNS": "100", "TERM": "xterm-256color", "PATH": ""}
        result = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    console = Console(record=True, width=100, force_terminal=True, color_system="256")
    console.print(Text("$ tielint check", style="bold"))
    console.print(Text.from_ansi(result.stdout))
    Path("docs/finding.svg").write_text(console.export_svg(title="tielint"))


if __name__ == "__main__":
    main()

"""Programs whose findings are known, for tests of everything around the analysis."""

ALIAS = """\
import torch.nn as nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(100, 16)
        self.head = nn.Linear(16, 100, bias=False)
        self.head.weight = nn.Parameter(self.embedding.weight)

    def forward(self, x):
        return self.head(self.embedding(x))
"""
"""One TIE101 in line 9, with a safe fix."""

TIED = ALIAS.replace("nn.Parameter(self.embedding.weight)", "self.embedding.weight")
"""The fix of it, which is clean."""

UNRELATED = "print('no PyTorch here')\n"

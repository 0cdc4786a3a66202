"""Leaves the random generators as they were. Used around everything that runs a user's model."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def same_random_state(model: nn.Module) -> Iterator[None]:
    """Whatever is drawn inside: the generators of Python, NumPy and torch, on all devices, go on as before."""
    devices = {parameter.device for parameter in model.parameters()}
    numpy = sys.modules.get("numpy")
    python_state = random.getstate()
    numpy_state = numpy.random.get_state() if numpy else None
    with torch.random.fork_rng([device for device in devices if device.type == "cuda"]):
        try:
            yield
        finally:
            random.setstate(python_state)
            if numpy:
                numpy.random.set_state(numpy_state)

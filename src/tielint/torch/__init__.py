"""What a live model's ties are: the part of tielint that runs beside torch, and the only one that imports it.

from tielint.torch import TiedLinear, assert_tied, inspect
"""

try:
    import torch  # noqa: F401 (whether it is there)
except ImportError as error:
    raise ImportError("tielint.torch needs PyTorch: pip install 'tielint[torch]'") from error

from tielint.torch.guard import assert_tied
from tielint.torch.inspection import inspect
from tielint.torch.links import Link, link
from tielint.torch.tie_report import TieReport
from tielint.torch.tied_linear import TiedLinear, untied_state_dict

__all__ = ["Link", "TieReport", "TiedLinear", "assert_tied", "inspect", "link", "untied_state_dict"]

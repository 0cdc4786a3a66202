from torch import Tensor, nn

class TiedLinear(nn.Module):
    """A linear layer that computes with the transposed weight of another layer, at every forward pass.

    source: any module with a `weight` of shape (in_features, out_features): an `nn.Linear`, an `nn.Embedding`.
    """

    in_features: int
    out_features: int
    bias: nn.Parameter | None
    def __init__(self, source: nn.Module, bias: bool | nn.Parameter | None = True) -> None: ...
    @property
    def weight(self) -> Tensor:
        """The source's weight, transposed: (out_features, in_features)."""

    def reset_parameters(self) -> None:
        """Draws the bias from U(-1/sqrt(in_features), 1/sqrt(in_features)), as `nn.Linear` does."""

    def forward(self, input: Tensor) -> Tensor: ...
    def extra_repr(self) -> str: ...

def untied_state_dict(model: nn.Module) -> dict[str, Tensor]: ...

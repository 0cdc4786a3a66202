"""`TiedLinear`: the class that a fix writes into a file, and that `tielint.torch` has for those who want to import it.

A fix takes the class's text from here, so it names nothing but `nn`. Its types stand in tied_linear.pyi.
"""

from torch import nn


class TiedLinear(nn.Module):
    """A linear layer that computes with the transposed weight of another layer, at every forward pass.

    `bias`: whether to make one (as nn.Linear would), or the Parameter to use.
    """

    def __init__(self, source, bias=True):
        super().__init__()
        self._source = (source,)  # in a tuple, so that the source is not registered a second time
        self.out_features, self.in_features = self.weight.shape
        if bias is True:
            bias = nn.Parameter(source.weight.new_empty(self.out_features))
            self.bias = bias
            self.reset_parameters()
        else:
            self.register_parameter("bias", bias if isinstance(bias, nn.Parameter) else None)

    @property
    def weight(self):
        return self._source[0].weight.t()

    def reset_parameters(self):
        if self.bias is not None:
            bound = self.in_features**-0.5 if self.in_features else 0
            nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, input):
        return nn.functional.linear(input, self.weight, self.bias)

    def extra_repr(self):
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"

    def _load_from_state_dict(self, state_dict, prefix, *args):
        saved = state_dict.pop(prefix + "weight", None)  # checkpoints from before the tie carry one
        if saved is not None and not self.weight.is_meta:
            own = self.weight.detach()
            if saved.shape != own.shape or not saved.to(own).equal(own):
                import warnings

                how = f"its shape is {tuple(saved.shape)}, not {tuple(own.shape)}"
                if saved.shape == own.shape:
                    how = f"they are up to {(saved.to(own) - own).abs().max().item():.3g} apart"
                warnings.warn(f"{prefix}weight in the checkpoint is not the source's transpose ({how}), which is used")
        super()._load_from_state_dict(state_dict, prefix, *args)


def untied_state_dict(model):
    """A model's state_dict with the weight of each TiedLinear as well, for readers from before the tie."""
    state = model.state_dict()
    for name, module in model.named_modules(remove_duplicate=False):
        if any(kind.__name__ == "TiedLinear" for kind in type(module).__mro__):  # or one that a fix wrote
            state[f"{name}.weight" if name else "weight"] = module.weight.detach().clone().contiguous()
    return state

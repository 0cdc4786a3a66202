"""The TiedLinear class that a fix writes into a user's file: a linter must not become a dependency of a training job.

The design is the one that survived every operation tried in PyTorch 2.13: the source in an unregistered reference, a
read-only `weight`, the product computed at every forward pass.
"""

from __future__ import annotations

NAME = "TiedLinear"

_TEMPLATE = '''\
class TiedLinear({nn}.Module):
    """A linear layer that computes with the transposed weight of another layer, at every forward pass.

    `bias`: whether to make one (as nn.Linear would), or the Parameter to use.
    """

    def __init__(self, source, bias=True):
        super().__init__()
        self._source = (source,)  # in a tuple, so that the source is not registered a second time
        self.out_features, self.in_features = self.weight.shape
        if bias is True:
            bias = {nn}.Parameter(source.weight.new_empty(self.out_features))
            self.bias = bias
            self.reset_parameters()
        else:
            self.register_parameter("bias", bias if isinstance(bias, {nn}.Parameter) else None)

    @property
    def weight(self):
        return self._source[0].weight.t()

    def reset_parameters(self):
        if self.bias is not None:
            bound = self.in_features**-0.5 if self.in_features else 0
            {nn}.init.uniform_(self.bias, -bound, bound)

    def forward(self, input):
        return {nn}.functional.linear(input, self.weight, self.bias)

    def extra_repr(self):
        return f"in_features={{self.in_features}}, out_features={{self.out_features}}, bias={{self.bias is not None}}"

    def _load_from_state_dict(self, state_dict, prefix, *args):
        saved = state_dict.pop(prefix + "weight", None)  # checkpoints from before the tie carry one
        if saved is not None and not self.weight.is_meta:
            own = self.weight.detach()
            if saved.shape != own.shape or not saved.to(own).equal(own):
                import warnings

                warnings.warn(f"{{prefix}}weight of the checkpoint is not the source's transpose; the source is used")
        super()._load_from_state_dict(state_dict, prefix, *args)
'''


def class_text(nn: str, indent: str, newline: str) -> str:
    """The class, for a file that calls `torch.nn` by the name `nn` and indents with `indent`."""
    lines = []
    for line in _TEMPLATE.format(nn=nn).splitlines():
        depth = (len(line) - len(line.lstrip(" "))) // 4
        lines.append(indent * depth + line.lstrip(" "))
    return newline.join(lines) + newline


def is_this_class(text: str) -> bool:
    """Whether a class definition's text is the one that a fix wrote, whatever its indent and name for torch.nn."""
    return "self._source = (source,)" in text and "_load_from_state_dict" in text and "bias=True" in text

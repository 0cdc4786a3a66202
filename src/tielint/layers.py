"""What PyTorch's layers hold: the arguments of their constructors and the shapes of their Parameters, as tables.

Shapes name constructor arguments. Source of every line: the `__init__` of the class in torch.nn 2.13.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Dim = int | str | None
"""One size: a number, the text of the expression that gives it, or None where it is unknown."""

Shape = tuple[Dim, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer class: its positional arguments, and each Parameter's shape in terms of them.

    `optional` maps a Parameter to the boolean argument that leaves it out, `absent` names those that are left out
    where that argument is not given.
    """

    arguments: tuple[str, ...] = ()
    parameters: dict[str, tuple[str | None, ...]] = field(default_factory=dict)
    optional: dict[str, str] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()


def _dense(*arguments: str) -> Layer:
    return Layer(arguments, {"weight": ("out_features", "in_features"), "bias": ("out_features",)}, {"bias": "bias"})


def _table(*arguments: str) -> Layer:
    return Layer(arguments, {"weight": ("num_embeddings", "embedding_dim")})


def _conv(rank: int, *, transposed: bool = False) -> Layer:
    rest = ("output_padding", "groups", "bias", "dilation") if transposed else ("dilation", "groups", "bias")
    arguments = ("in_channels", "out_channels", "kernel_size", "stride", "padding", *rest)
    channels = ("in_channels", "out_channels") if transposed else ("out_channels", "in_channels")
    return Layer(
        arguments,
        {"weight": (*channels, *["kernel_size"] * rank), "bias": ("out_channels",)},
        {"bias": "bias"},
    )


def _norm(size: str, *, affine: str = "affine", absent: bool = False) -> Layer:
    both = ("weight", "bias")
    return Layer((size,), dict.fromkeys(both, (size,)), dict.fromkeys(both, affine), frozenset(both if absent else ()))


def _recurrent() -> Layer:
    weights: dict[str, tuple[str | None, ...]] = {}
    for layer in range(4):
        for suffix in ("", "_reverse"):
            weights |= {f"weight_{part}_l{layer}{suffix}": (None, None) for part in ("ih", "hh", "hr")}
            weights |= {f"bias_{part}_l{layer}{suffix}": (None,) for part in ("ih", "hh")}
    return Layer(("input_size", "hidden_size", "num_layers"), weights)


def _recurrent_cell() -> Layer:
    matrices: dict[str, tuple[str | None, ...]] = {"weight_ih": (None, None), "weight_hh": (None, None)}
    switches = {"bias_ih": "bias", "bias_hh": "bias"}
    return Layer(("input_size", "hidden_size", "bias"), matrices | dict.fromkeys(switches, (None,)), switches)


LAYERS: dict[str, Layer] = {
    "torch.nn.Linear": _dense("in_features", "out_features", "bias", "device", "dtype"),
    "torch.nn.LazyLinear": _dense("out_features", "bias", "device", "dtype"),
    "torch.nn.Bilinear": Layer(
        ("in1_features", "in2_features", "out_features", "bias"),
        {"weight": ("out_features", "in1_features", "in2_features"), "bias": ("out_features",)},
        {"bias": "bias"},
    ),
    "torch.nn.Embedding": _table("num_embeddings", "embedding_dim", "padding_idx", "max_norm", "norm_type"),
    "torch.nn.EmbeddingBag": _table("num_embeddings", "embedding_dim", "max_norm", "norm_type"),
    **{f"torch.nn.Conv{n}d": _conv(n) for n in (1, 2, 3)},
    **{f"torch.nn.ConvTranspose{n}d": _conv(n, transposed=True) for n in (1, 2, 3)},
    **{f"torch.nn.BatchNorm{n}d": _norm("num_features") for n in (1, 2, 3)},
    **{f"torch.nn.InstanceNorm{n}d": _norm("num_features", absent=True) for n in (1, 2, 3)},
    "torch.nn.SyncBatchNorm": _norm("num_features"),
    "torch.nn.LayerNorm": _norm("normalized_shape", affine="elementwise_affine"),
    "torch.nn.GroupNorm": Layer(
        ("num_groups", "num_channels", "eps", "affine"),
        {"weight": ("num_channels",), "bias": ("num_channels",)},
        {"weight": "affine", "bias": "affine"},
    ),
    "torch.nn.RMSNorm": Layer(
        ("normalized_shape", "eps", "elementwise_affine"),
        {"weight": ("normalized_shape",)},
        {"weight": "elementwise_affine"},
    ),
    "torch.nn.PReLU": Layer(("num_parameters",), {"weight": ("num_parameters",)}),
    **{f"torch.nn.{name}": _recurrent() for name in ("RNN", "LSTM", "GRU")},
    **{f"torch.nn.{name}": _recurrent_cell() for name in ("RNNCell", "LSTMCell", "GRUCell")},
    "torch.nn.MultiheadAttention": Layer(
        ("embed_dim", "num_heads", "dropout", "bias"),
        {"in_proj_weight": (None, "embed_dim"), "in_proj_bias": (None,)},
        {"in_proj_bias": "bias"},
    ),
}

PARAMETER_CONTAINERS = frozenset({"torch.nn.ParameterList", "torch.nn.ParameterDict"})

CONTAINERS = frozenset({"torch.nn.Sequential", "torch.nn.ModuleList", "torch.nn.ModuleDict"}) | PARAMETER_CONTAINERS
CONTAINER_NAMES = frozenset(name.rpartition(".")[2] for name in CONTAINERS)

COMPOSITES = frozenset(
    f"torch.nn.{name}"
    for name in (
        "Transformer",
        "TransformerEncoder",
        "TransformerDecoder",
        "TransformerEncoderLayer",
        "TransformerDecoderLayer",
        "AdaptiveLogSoftmaxWithLoss",
        *(f"Lazy{kind}{n}d" for kind in ("Conv", "ConvTranspose", "BatchNorm") for n in (1, 2, 3)),
    )
)
"""Modules of PyTorch that have Parameters, which no table here describes."""

LINEAR = "torch.nn.Linear"

_MOVED = {
    "torch.nn.parameter.Parameter": "torch.nn.Parameter",
    "torch.autograd.no_grad": "torch.no_grad",
    "torch.autograd.grad_mode.no_grad": "torch.no_grad",
}


def canonical(name: str) -> str:
    """The public name of a thing that torch exports at several places: `torch.nn.modules.linear.Linear` etc."""
    if name.startswith("torch.nn.modules."):
        return "torch.nn." + name.rpartition(".")[2]
    return _MOVED.get(name, name)


def parameter_named(name: str) -> bool:
    """Whether an attribute of an unknown object looks like a Parameter by its name."""
    low = name.lower()
    return (
        low in ("weight", "bias", "w")
        or low.endswith(("_weight", "_bias", "weights"))
        or low.startswith(("weight", "bias_", "w_"))
    )

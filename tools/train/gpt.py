"""Train the small GPT-2 that the course ships: python -m tools.train.gpt [--seed 0] [--checkpoint FILE]

Trains a byte-level BPE, then transformers' GPT2LMHeadModel, on stories that aigc_course.synthetic.stories tells, no
story twice; writes data/models/story_gpt2 with its card. Takes about 50 minutes on one core with bfloat16. Interrupted,
it goes on from its checkpoints (build/story_gpt2.phase1.checkpoint and phase2) when it is started again.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import tokenizers
import torch
import torch.nn.functional as F
import transformers
from tokenizers import ByteLevelBPETokenizer
from torch import Tensor
from tqdm import tqdm
from transformers import GPT2Config, GPT2LMHeadModel, GPT2Tokenizer

from aigc_course.gpt.rows import pack
from aigc_course.gpt.training import TrainingConfig, logits_of, training_steps
from aigc_course.kit import runtime
from aigc_course.storage.files import write
from aigc_course.synthetic.stories import HELD_OUT, Story, read_back, tell_many
from tools.authoring.notebooks import ROOT

END = "<|endoftext|>"
VOCAB_SIZE = 1500
CONTEXT_LENGTH = 256  # the longest story has about 230 tokens
SHAPE = dict(n_embd=256, n_layer=4, n_head=8)
EMBEDDING_STD = 0.1  # five times GPT-2's: words that occur alike, such as names, must not look alike
BATCH_SIZE = 8
FIRST = TrainingConfig(
    num_steps=10_000,
    learning_rate=3e-3,
    last_learning_rate=3e-5,
    num_warmup_steps=200,
    hidden_learning_rate=4e-3,
    weight_decay=0.01,
)
SECOND = replace(FIRST, num_steps=3000, learning_rate=2e-3, hidden_learning_rate=2.5e-3)
THIRD = replace(FIRST, num_steps=1500, learning_rate=1.2e-3, hidden_learning_rate=1.5e-3)
PHASES = (FIRST, SECOND, THIRD)
SET_APART = (False, True, False)  # after the first, months are alike, and times of day: see set_apart
FIRST_STORIES = (0, 10_000_000, 20_000_000)  # number of each phase's first story
TOLD = (1, 5, 1)  # stories told for each one that is kept, and ...
CHOSEN_STEPS = (0, 1800, 0)  # ... in how many steps only those are kept in which the time of day comes again
FADED = (0.88, 0.76, 0.0)  # share of a phase after which every token counts 1
RARE = (0.003, 0.004, 0.004)  # a common token is a larger share of all; the first limit leaves "afternoon" out
NUM_STEPS = sum(phase.num_steps for phase in PHASES)
REPEAT_WEIGHT = 10.0  # see fact_weights
ALIKE, APART = 0.8, 0.15  # see set_apart
TOKENIZER_STORIES = 20_000  # the first ones of the training stories
OFTEN = 4e-4  # a colour's share of tokens as one that comes again
STEPS_AT_ONCE = 100  # told and packed together
STORIES_A_STEP = 2 * BATCH_SIZE  # no row takes more than two
NUM_HELD_OUT = 1000  # stories that the card measures
TEMPERATURE = 0.8
CARD = """# A small GPT-2 that tells stories

| | |
|---|---|
| task | continue a short story in English: token ids -> logits of the next token |
| network | `transformers.GPT2LMHeadModel`, {parameters:,} parameters: {shape}, context {context}, no dropout |
| tokenizer | byte-level BPE, {vocab:,} tokens, end token `{end}` (number {end_id}); writes any Unicode text |
| data | {stories:,} stories of the course's own grammar, `synthetic.stories`, see `tools.train.gpt.told_for` |
| passes | one; {tokens:,} tokens |
| held out | numbers from {held_out:,} on; none of the {measured:,} measured ones is a training story |
| recipe | {recipe} |
| command | `python -m tools.train.gpt --seed {seed}` |
| seed | {seed} |
| time | {seconds:.0f} s on {device}, {date} |
| versions | torch {torch}, transformers {transformers}, tokenizers {tokenizers}, Python {python} |
| perplexity | {perplexity:.4f} a token on {measured:,} held-out stories; the least possible is {exact:.4f} |
| 1,000 stories at temperature 0.8 | {well_formed:.1%} well-formed, {true:.1%} well-formed without a broken fact |
| measure again | `python -m tools.bench.stories` |
| format | safetensors, float32; `GPT2LMHeadModel.from_pretrained(folder)`, `GPT2Tokenizer.from_pretrained(folder)` |
| limits | tells stories of this grammar and nothing else; other beginnings are continued as best it can |
| licence | MIT |
"""


def train_tokenizer(folder: Path) -> GPT2Tokenizer:
    """Train the byte-level BPE and write it as GPT2Tokenizer of transformers 4 and 5 reads it."""
    trained = ByteLevelBPETokenizer()
    texts = (story.text for story in tell_many(TOKENIZER_STORIES))
    trained.train_from_iterator(texts, VOCAB_SIZE, min_frequency=2, special_tokens=[END], show_progress=False)
    folder.mkdir(parents=True, exist_ok=True)
    trained.save_model(str(folder))  # vocab.json and merges.txt
    GPT2Tokenizer.from_pretrained(folder, model_max_length=CONTEXT_LENGTH).save_pretrained(folder)
    return GPT2Tokenizer.from_pretrained(folder)


def told_for(number: int, block: int) -> list[Story]:
    """The stories of STEPS_AT_ONCE steps of a phase; no other block and no other phase has one of them."""
    count = STEPS_AT_ONCE * STORIES_A_STEP
    told = tell_many(TOLD[number] * count, seed=FIRST_STORIES[number] + block * TOLD[number] * count)
    if block * STEPS_AT_ONCE < CHOSEN_STEPS[number]:
        told = [story for story in told if story.text.count(story.world.time) > 1]
    return told[:count]


def story_batches(tokenizer: GPT2Tokenizer, number: int) -> Callable[[int], Tensor]:
    """Batches of rows of the stories of phase `number`."""

    @lru_cache(maxsize=2)
    def rows(block: int) -> np.ndarray:
        texts = [story.text for story in told_for(number, block)]
        return pack(tokenizer(texts)["input_ids"], tokenizer.eos_token_id, CONTEXT_LENGTH)

    def batch_at(step: int) -> Tensor:
        block, place = divmod(step, STEPS_AT_ONCE)
        return torch.from_numpy(rows(block)[place * BATCH_SIZE :][:BATCH_SIZE]).long()

    return batch_at


def fact_weights(tokenizer: GPT2Tokenizer, number: int) -> Callable[[int, Tensor, Tensor], Tensor]:
    """Weights by which words that come again, and are not foreseen yet, count more for a time, so that facts are kept.

    A token that has been in the same story before, and is no common one, counts 1 + REPEAT_WEIGHT times its loss, up
    to eight times as much again if it seldom comes again. Towards the end of a phase every token counts 1, so that the
    model learns the plain distribution.
    """
    end, rows = tokenizer.eos_token_id, story_batches(tokenizer, 0)
    first = torch.cat([rows(step) for step in range(STEPS_AT_ONCE)])  # (rows, length)
    counts = torch.bincount(first.flatten(), minlength=VOCAB_SIZE)
    rare = counts < RARE[number] * counts.sum()  # (vocab,)
    repeats = torch.bincount(first[comes_again(first, end)], minlength=VOCAB_SIZE).clamp(min=1)
    seldom = (OFTEN * first.numel() / repeats).clamp(1, 8)  # (vocab,)

    def weights_of(step: int, ids: Tensor, losses: Tensor) -> Tensor:
        done = step / PHASES[number].num_steps
        share = REPEAT_WEIGHT * min(1.0, max(0.0, (FADED[number] - done) / 0.06))
        if share == 0:
            return torch.ones_like(losses)
        return 1 + share * (comes_again(ids, end) & rare[ids]) * losses.clamp(max=3) * seldom[ids]

    return weights_of


def comes_again(ids: Tensor, end: int) -> Tensor:
    """Whether a token has been in the same story before; (batch, length) -> (batch, length)."""
    story = (ids == end).cumsum(dim=1)  # number of the story in its row
    same = (ids[:, :, None] == ids[:, None, :]) & (story[:, :, None] == story[:, None, :])
    return torch.tril(same, -1).any(dim=2)


def new_model(tokenizer: GPT2Tokenizer, seed: int) -> GPT2LMHeadModel:
    """GPT-2 of the recipe's shape with random weights; without dropout, for no story comes twice."""
    torch.manual_seed(seed)
    end = tokenizer.eos_token_id
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=CONTEXT_LENGTH, bos_token_id=end, eos_token_id=end, **SHAPE,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
    )  # fmt: skip
    model = GPT2LMHeadModel._from_config(config, attn_implementation="eager")  # the faster one for short rows on a CPU
    with torch.no_grad():
        model.transformer.wte.weight *= EMBEDDING_STD / config.initializer_range
    return model


@torch.no_grad()
def set_apart(model: GPT2LMHeadModel, seed: int) -> None:
    """Move the embeddings of tokens that have a twin at random, in place: what looks alike cannot be told apart later.

    Words of one kind are followed by the same words, so their embeddings may run together before the network has
    learned to repeat the right one; then it never does.
    """
    weight = model.transformer.wte.weight  # (vocab, dim)
    likeness = F.normalize(weight, dim=1) @ F.normalize(weight, dim=1).T
    twins = likeness.fill_diagonal_(-1).max(dim=1).values > ALIKE  # (vocab,)
    dice = torch.Generator().manual_seed(seed + 1)
    weight[twins] += APART * torch.randn(int(twins.sum()), weight.shape[1], generator=dice)


@torch.no_grad()
def story_log_probs(model: torch.nn.Module, tokenizer: GPT2Tokenizer, texts: list[str]) -> tuple[Tensor, Tensor]:
    """log P(story and its end token | an end token before it), and the number of tokens that it is the sum of.

    returns (stories,), (stories,)
    """
    found, counts, end = [], [], tokenizer.eos_token_id
    for first in range(0, len(texts), 50):
        stories = [[end, *ids, end] for ids in tokenizer(texts[first : first + 50])["input_ids"]]
        rows = torch.full((len(stories), max(map(len, stories))), -100)  # -100: what cross_entropy leaves out
        for row, ids in zip(rows, stories, strict=True):
            row[: len(ids)] = torch.tensor(ids)
        logits = logits_of(model, rows.clamp(min=0))[:, :-1]
        losses = F.cross_entropy(logits.transpose(1, 2), rows[:, 1:], reduction="none")  # (stories, length)
        found.append(-losses.double().sum(dim=1))
        counts.append((rows[:, 1:] >= 0).sum(dim=1))
    return torch.cat(found), torch.cat(counts)


def perplexities(model: torch.nn.Module, tokenizer: GPT2Tokenizer, stories: list[Story]) -> tuple[float, float]:
    """Perplexity a token of the model, and of the grammar itself, on the same stories and tokens."""
    log_probs, counts = story_log_probs(model, tokenizer, [story.text for story in stories])
    exact = torch.tensor([story.log_prob for story in stories], dtype=torch.float64)
    return tuple(torch.exp(-values.sum() / counts.sum()).item() for values in (log_probs, exact))


def write_stories(
    model: GPT2LMHeadModel, tokenizer: GPT2Tokenizer, count: int, temperature: float, seed: int
) -> list[str]:
    """Stories that the model tells, from the end token to the end token or to the end of its context, 100 at a time."""
    torch.manual_seed(seed)
    end, texts = tokenizer.eos_token_id, []
    while len(texts) < count:
        start = torch.full((min(100, count - len(texts)), 1), end)
        ids = model.generate(
            start, attention_mask=torch.ones_like(start), max_length=CONTEXT_LENGTH, do_sample=True,
            temperature=temperature, top_k=0, pad_token_id=end,
        )  # fmt: skip
        texts += tokenizer.batch_decode(ids, skip_special_tokens=True)
    return texts


def shares(texts: list[str]) -> tuple[float, float]:
    """The share of well-formed texts, and of those that are well-formed without a broken fact."""
    readings = [read_back(text) for text in texts]
    return tuple(sum(kept) / len(texts) for kept in ([r.well_formed for r in readings], [r.is_true for r in readings]))


def save_weights(model: GPT2LMHeadModel, folder: Path) -> None:
    """Write config.json, generation_config.json and model.safetensors; whoever reads meanwhile finds whole files."""
    with TemporaryDirectory() as scratch:
        model.save_pretrained(scratch)
        for file in Path(scratch).iterdir():
            write(folder / file.name, file.read_bytes())


def train(model: GPT2LMHeadModel, tokenizer: GPT2Tokenizer, number: int, checkpoint: Path, folder: Path) -> None:
    """Train the model through phase `number`, in place; every 500 steps note how good it is, every 1,000 write it."""
    held_out, copy, began = tell_many(100, seed=HELD_OUT), deepcopy(model).eval(), time.time()
    phase, batches, weights_of = PHASES[number], story_batches(tokenizer, number), fact_weights(tokenizer, number)
    steps = training_steps(model, batches, phase, checkpoint, weights_of=weights_of)
    with tqdm(steps, total=phase.num_steps, unit="step", mininterval=5) as bar:
        for row in bar:
            bar.update(row["step"] - bar.n - 1)  # a resumed training begins further on
            if row["step"] % 500 and row["step"] != phase.num_steps:
                continue
            copy.load_state_dict(model.state_dict())
            perplexity, exact = perplexities(copy, tokenizer, held_out)
            well_formed, true = shares(write_stories(copy, tokenizer, 100, TEMPERATURE, seed=row["step"]))
            note = {"began": began, "seconds": time.time() - began, **row, "perplexity": perplexity, "best": exact}
            note |= {"well_formed": well_formed, "true": true}
            with log_of(checkpoint).open("a", encoding="utf-8") as log:
                log.write(json.dumps(note) + "\n")
            bar.write(", ".join(f"{name} {value:.4g}" for name, value in note.items()))
            if row["step"] % 1000 == 0 or row["step"] == phase.num_steps:
                save_weights(copy, folder)


def log_of(checkpoint: Path) -> Path:
    """Where the notes on a training stand, one JSON a line."""
    return checkpoint.with_suffix(".jsonl")


def seconds_in_all(checkpoints: list[Path]) -> float:
    """Seconds of a training, with all its interruptions, up to the last note of each part."""
    logs = [log_of(checkpoint).read_text(encoding="utf-8") for checkpoint in checkpoints]
    notes = [json.loads(line) for log in logs for line in log.splitlines()]
    return sum({note["began"]: note["seconds"] for note in notes}.values())


def write_card(folder: Path, tokenizer: GPT2Tokenizer, seed: int, seconds: float, device: str) -> str:
    """Measure the model that was written, write its card and return it."""
    model = GPT2LMHeadModel.from_pretrained(folder).eval()
    held_out = tell_many(NUM_HELD_OUT, seed=HELD_OUT)
    blocks = [range(0, phase.num_steps, STEPS_AT_ONCE) for phase in PHASES]
    trained = (told_for(number, step // STEPS_AT_ONCE) for number, steps in enumerate(blocks) for step in steps)
    if {story.text for story in held_out} & {story.text for stories in trained for story in stories}:
        raise SystemExit("a held-out story is among the training stories; take other numbers for one of them")
    perplexity, exact = perplexities(model, tokenizer, held_out)
    well_formed, true = shares(write_stories(model, tokenizer, 1000, TEMPERATURE, seed=seed))
    card = CARD.format(
        parameters=model.num_parameters(), shape=", ".join(f"{k} {v}" for k, v in SHAPE.items()),
        context=CONTEXT_LENGTH, vocab=len(tokenizer), end=END, end_id=tokenizer.eos_token_id,
        held_out=HELD_OUT, measured=NUM_HELD_OUT, stories=NUM_STEPS * STORIES_A_STEP,
        tokens=NUM_STEPS * BATCH_SIZE * CONTEXT_LENGTH, seed=seed,
        recipe="; then ".join(", ".join(f"{k} {v}" for k, v in asdict(p).items() if v is not None) for p in PHASES)
        + f"; batch_size {BATCH_SIZE}",
        seconds=seconds, device=device, date=date.today(), torch=torch.__version__, python=platform.python_version(),
        transformers=transformers.__version__, tokenizers=tokenizers.__version__, perplexity=perplexity, exact=exact,
        well_formed=well_formed, true=true,
    )  # fmt: skip
    (folder / "README.md").write_text(card, encoding="utf-8")
    return card


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the small GPT-2 that the course ships.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "build" / "story_gpt2.checkpoint")
    options = parser.parse_args()
    threads, half = runtime.use_threads("large"), runtime.has_bfloat16("cpu")
    folder = runtime.data_folder() / "models" / "story_gpt2"
    options.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    tokenizer = train_tokenizer(folder)
    model, parts = new_model(tokenizer, options.seed), []
    model.compile()  # a third faster; copies of it, which meet rows of all lengths, are left as they are
    for number in range(len(PHASES)):
        if SET_APART[number]:
            set_apart(model, options.seed)
        parts.append(options.checkpoint.with_suffix(f".phase{number + 1}{options.checkpoint.suffix}"))
        train(model, tokenizer, number, parts[-1], folder)
    device = f"{threads} CPU thread{'s' * (threads > 1)} in {'bfloat16' if half else 'float32'}"
    print(write_card(folder, tokenizer, options.seed, seconds_in_all(parts), device))


if __name__ == "__main__":
    main()

"""Train the small GPT-2 that writes four genres in two languages: python -m tools.train.genres [--seed 0]

Trains on texts of aigc_course.synthetic.genres, each after its control code and its fact sheet, no text twice; one in
eight has no sheet. Writes data/models/genre_gpt2, or the folder of --folder, with its card; about two hours on one slow
core. Interrupted, it goes on from its checkpoint when it is started again (build/genre_gpt2.checkpoint).
"""

import argparse
import json
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import date
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
import transformers
from tokenizers import ByteLevelBPETokenizer
from torch import Tensor
from tqdm import tqdm
from transformers import GPT2LMHeadModel, GPT2Tokenizer

from aigc_course.gpt.rows import pack
from aigc_course.gpt.training import TrainingConfig, training_steps
from aigc_course.kit import runtime
from aigc_course.storage.files import write
from aigc_course.synthetic.genres import GENRES, HELD_OUT, Told, entropy, held_against, prompt_of, read_back, tell
from aigc_course.synthetic.genres.frames import frames, genre_frames
from aigc_course.synthetic.stories.sentences import SLOT
from aigc_course.text.byte_pairs import WORDS
from tools.authoring.notebooks import ROOT
from tools.train.gpt import END, end_token, log_of, new_model, save_weights, seconds_in_all
from tools.train.story_recipes import Recipe
from tools.train.story_tokens import learn_tokens

LANGUAGES = ("en", "zh")
KINDS = tuple(product(GENRES, LANGUAGES))  # text number n is of kind n % 8
RECIPE = Recipe(
    "", "genre_gpt2", "A small GPT-2 that writes four genres in Chinese and English", (), 3000, 256, 128, 4, 4
)
TRAINING = TrainingConfig(
    num_steps=4600,
    learning_rate=3e-3,
    last_learning_rate=3e-5,
    num_warmup_steps=200,
    hidden_learning_rate=4e-3,
    weight_decay=0.01,
)
BATCH_SIZE, STEPS_AT_ONCE = 8, 50
TEXTS_A_STEP = 24  # told for each step; no batch takes more
WITHOUT_SHEET = 8  # one text in so many has no sheet
SHEET_WEIGHT = 0.1  # of a token of code or sheet, which nobody could foresee, beside one of the text
COUNTED = 500  # texts a kind of which the pieces are counted
TEMPERATURE = 0.8
CARD = """# {title}

| | |
|---|---|
| task | write a news item, story, verse or advertisement from a fact sheet, in Chinese or English |
| network | `transformers.GPT2LMHeadModel`, {parameters:,} parameters: {shape}, context {context}, no dropout |
| tokenizer | byte-level BPE, {vocab:,} tokens, end token `{end}` (number {end_id}); writes any Unicode text |
| data | {texts:,} texts of the course's own grammar, `aigc_course.synthetic.genres`, one in eight without its sheet |
| passes | one; tokens of code and sheet count {weight} |
| held out | numbers from {held_out:,} on |
| recipe | {recipe}; batch_size {batch} |
| command | `python -m tools.train.genres --seed {seed}` |
| seed | {seed} |
| time | {seconds:.0f} s on {device}, {date} |
| versions | torch {torch}, transformers {transformers}, Python {python} |
| measured | 50 held-out sheets a genre and language, temperature 0.8 |
{rows}
| measure again | `python -m tools.bench.genres` |
| format | safetensors, float32; `GPT2LMHeadModel.from_pretrained(folder)`, `GPT2Tokenizer.from_pretrained(folder)` |
| limits | writes texts of this grammar and nothing else |
| license | MIT |
"""


def pieces() -> Counter[str]:
    """How often each stretch stands in texts and prompts: Chinese ones cut at the facts, English ones at spaces."""
    counts: Counter[str] = Counter()
    for genre, language in KINDS:
        told = [tell(number, genre, language) for number in range(COUNTED)]
        prompts = "".join(each.prompt for each in told)
        counts.update(WORDS.findall(prompts))
        if language == "en":
            counts.update(word for each in told for word in WORDS.findall(each.text))
        else:
            forms = [form for forms in genre_frames(genre, language)["moves"].values() for form in forms]
            stretches = [stretch for form in forms for stretch in SLOT.split(form)[::2]]
            counts.update({word: COUNTED // 5 for stretch in stretches for word in WORDS.findall(stretch)})
    return counts


def train_tokenizer(folder: Path) -> GPT2Tokenizer:
    """Learn the tokens and write them as GPT2Tokenizer reads them."""
    trained = ByteLevelBPETokenizer(*learn_tokens(pieces(), RECIPE.vocab_size, END))
    folder.mkdir(parents=True, exist_ok=True)
    trained.save_model(str(folder))
    GPT2Tokenizer.from_pretrained(folder, model_max_length=RECIPE.context_length).save_pretrained(folder)
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    write(path, json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())  # 0.1 MB less
    return GPT2Tokenizer.from_pretrained(folder)


def sample(number: int) -> str:
    """Training text `number`: control code, sheet (seven times in eight), separator, text."""
    genre, language = KINDS[number % len(KINDS)]
    told = tell(number, genre, language)
    with_sheet = number // len(KINDS) % WITHOUT_SHEET != 0
    prompt = told.prompt if with_sheet else prompt_of(None, genre, language)
    return prompt + told.text


def batches_of(tokenizer: GPT2Tokenizer) -> Callable[[int], Tensor]:
    """Step -> (BATCH_SIZE, context length) token ids, the same whenever it is asked."""

    @lru_cache(maxsize=2)
    def rows(block: int) -> np.ndarray:
        count = STEPS_AT_ONCE * TEXTS_A_STEP
        texts = [sample(block * count + place) for place in range(count)]
        found = pack(tokenizer(texts)["input_ids"], end_token(tokenizer), RECIPE.context_length)
        assert len(found) >= STEPS_AT_ONCE * BATCH_SIZE, f"{len(found)} rows: TEXTS_A_STEP is too small"
        return found

    def batch_at(step: int) -> Tensor:
        block, place = divmod(step, STEPS_AT_ONCE)
        return torch.from_numpy(rows(block)[place * BATCH_SIZE :][:BATCH_SIZE]).long()

    return batch_at


def sheet_weights(tokenizer: GPT2Tokenizer) -> Callable[[int, Tensor, Tensor], Tensor]:
    """Weights by which a token of code or sheet counts SHEET_WEIGHT, one of the text 1."""
    (separator,) = tokenizer.encode(frames("en")["separator"])
    end = end_token(tokenizer)

    def weights_of(step: int, ids: Tensor, losses: Tensor) -> Tensor:
        places = torch.arange(ids.shape[1])
        began = torch.where(ids == end, places, -1).cummax(dim=1).values  # the last end token up to here
        parted = torch.where(ids == separator, places, -1).cummax(dim=1).values  # the last separator
        return torch.where((parted > began) | (ids == end), 1.0, SHEET_WEIGHT)

    return weights_of


@torch.no_grad()
def mean_loss(model: GPT2LMHeadModel, tokenizer: GPT2Tokenizer, told: list[Told]) -> float:
    """Nats a text, its end token included, given its sheet."""
    total, end = 0.0, end_token(tokenizer)
    for each in told:
        prompt, ids = ([end, *tokenizer.encode(each.prompt)], tokenizer.encode(each.text))
        row = torch.tensor([[*prompt, *ids, end]])
        logits = model(row).logits[0, len(prompt) - 1 : -1]
        total += F.cross_entropy(logits, row[0, len(prompt) :], reduction="sum").item()
    return total / len(told)


@torch.no_grad()
def written(model: Any, tokenizer: GPT2Tokenizer, prompts: list[str], seed: int) -> Iterator[str]:
    """What the model writes after each prompt, one after the other, at TEMPERATURE."""
    torch.manual_seed(seed)
    end = end_token(tokenizer)
    for prompt in prompts:
        ids = torch.tensor([[end, *tokenizer.encode(prompt)]])
        out = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_length=RECIPE.context_length, do_sample=True,
            temperature=TEMPERATURE, top_k=0, pad_token_id=end,
        )  # fmt: skip
        yield str(tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True))


def measured(model: GPT2LMHeadModel, tokenizer: GPT2Tokenizer, count: int, seed: int) -> dict[tuple, dict[str, float]]:
    """For each genre and language, over `count` held-out sheets: nats a text, the least possible, well-formed, true."""
    rows = {}
    for genre, language in KINDS:
        told = [tell(HELD_OUT + number, genre, language) for number in range(count)]
        texts = list(written(model, tokenizer, [each.prompt for each in told], seed))
        readings = [read_back(text, genre, language) for text in texts]
        true = [
            reading.well_formed and not held_against(reading, each.sheet).broken
            for reading, each in zip(readings, told, strict=True)
        ]
        rows[genre, language] = {
            "nats": mean_loss(model, tokenizer, told),
            "best": entropy(genre, language, given_sheet=True),
            "well_formed": sum(reading.well_formed for reading in readings) / count,
            "true": sum(true) / count,
        }
    return rows


def train(model: GPT2LMHeadModel, tokenizer: GPT2Tokenizer, checkpoint: Path, folder: Path) -> None:
    """Train the model in place; every 500 steps note how good it is and write it."""
    copy = new_model(tokenizer, 0, RECIPE).eval()
    began = time.time()
    steps = training_steps(model, batches_of(tokenizer), TRAINING, checkpoint, weights_of=sheet_weights(tokenizer))
    with tqdm(steps, total=TRAINING.num_steps, unit="step", mininterval=5) as bar:
        for row in bar:
            step = int(row["step"])
            bar.update(step - bar.n - 1)  # a resumed training begins further on
            if step % 500 and step != TRAINING.num_steps:
                continue
            copy.load_state_dict(model.state_dict())
            note: dict[str, object] = {"began": began, "seconds": time.time() - began, **row}
            note |= {" ".join(kind): found for kind, found in measured(copy, tokenizer, 4, seed=step).items()}
            with log_of(checkpoint).open("a", encoding="utf-8") as log:
                log.write(json.dumps(note) + "\n")
            save_weights(copy, folder)


def write_card(folder: Path, tokenizer: GPT2Tokenizer, seed: int, seconds: float, device: str) -> str:
    """Measure the model that was written, write its card and return it."""
    model = GPT2LMHeadModel.from_pretrained(folder).eval()
    rows = "\n".join(
        f"| {genre}, {language} | {found['nats']:.2f} nats a text given its sheet, the least possible is "
        f"{found['best']:.2f}; {found['well_formed']:.0%} well-formed, {found['true']:.0%} so and as the sheet says |"
        for (genre, language), found in measured(model, tokenizer, 50, seed).items()
    )
    settings = {name: value for name, value in asdict(TRAINING).items() if value is not None and name != "bfloat16"}
    card = CARD.format(
        title=RECIPE.title, parameters=model.num_parameters(), context=RECIPE.context_length, vocab=len(tokenizer),
        shape=f"n_embd {RECIPE.embedding_dim}, n_layer {RECIPE.num_layers}, n_head {RECIPE.num_heads}",
        end=END, end_id=end_token(tokenizer), texts=TRAINING.num_steps * TEXTS_A_STEP, weight=SHEET_WEIGHT,
        held_out=HELD_OUT, recipe=", ".join(f"{name} {value}" for name, value in settings.items()),
        batch=BATCH_SIZE, seed=seed, seconds=seconds, device=device, date=date.today(), torch=torch.__version__,
        transformers=transformers.__version__, python=platform.python_version(), rows=rows,
    )  # fmt: skip
    write(folder / "README.md", card.encode())
    return card


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the small GPT-2 that writes four genres.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "build" / f"{RECIPE.name}.checkpoint")
    parser.add_argument("--folder", type=Path, help=f"where the model goes; default: data/models/{RECIPE.name}")
    options = parser.parse_args()
    threads = runtime.use_threads("large")
    folder = options.folder or runtime.data_folder() / "models" / RECIPE.name
    options.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    tokenizer = train_tokenizer(folder)
    model = new_model(tokenizer, options.seed, RECIPE)
    model.compile()
    train(model, tokenizer, options.checkpoint, folder)
    device = f"{threads} CPU thread{'s' * (threads > 1)} in float32"
    print(write_card(folder, tokenizer, options.seed, seconds_in_all([options.checkpoint]), device))


if __name__ == "__main__":
    main()

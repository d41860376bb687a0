"""Train a small GPT-2 that the course ships: python -m tools.train.gpt [--language en|zh] [--seed 0] [--begin FOLDER]

Trains a byte-level BPE, then transformers' GPT2LMHeadModel, on stories that aigc_course.synthetic.stories tells, no
story twice; writes data/models/story_gpt2 (story_gpt2_zh), or the folder of --folder, with its card. The English one
takes about an hour on one core with bfloat16. Interrupted, it goes on from its checkpoints when it is started again
(build/story_gpt2.phase1.checkpoint and so on, or beside --checkpoint). tools.train.story_recipes has the settings.
With --begin, only the last phase is trained (with the one beside it, where it has one), from the weights that the
phases before it left in that folder.
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
from aigc_course.gpt.training import WeightsOf, logits_of, training_steps
from aigc_course.kit import runtime
from aigc_course.storage.files import write
from aigc_course.synthetic.stories import HELD_OUT, Story, read_back, tell_many
from tools.authoring.notebooks import ROOT
from tools.train.story_recipes import BATCH_SIZE, ENGLISH, RECIPES, STEPS_AT_ONCE, Phase, Recipe
from tools.train.story_tokens import learn_tokens, story_pieces
from tools.train.story_weights import sure_weights

END = "<|endoftext|>"
EMBEDDING_STD = 0.1  # five times GPT-2's: words that occur alike, such as names, must not look alike
REPEAT_WEIGHT = 10.0  # see fact_weights
ALIKE, APART = 0.8, 0.15  # see set_apart
TOKENIZER_STORIES = 20_000  # the first ones of the English training stories
OFTEN = 4e-4  # a color's share of tokens as one that comes again
NUM_HELD_OUT = 1000  # stories that the card measures
TEMPERATURE = 0.8
LANGUAGES = {"en": "English", "zh": "Chinese"}
TOKENIZERS = {
    "en": "byte-level BPE",
    "zh": "byte-level BPE that joins the bytes of characters first, then characters within words",
}
CARD = """# {title}

| | |
|---|---|
| task | continue a short story in {language_name}: token ids -> logits of the next token |
| network | `transformers.GPT2LMHeadModel`, {parameters:,} parameters: {shape}, context {context}, no dropout |
| tokenizer | {tokenizer}, {vocab:,} tokens, end token `{end}` (number {end_id}); writes any Unicode text |
| data | {stories:,} stories of the course's own grammar, `synthetic.stories`, see `tools.train.story_recipes` |
| passes | {passes}; {tokens:,} tokens |
| held out | numbers from {held_out:,} on; none of the {measured:,} measured ones is a training story |
| recipe | {recipe} |
| command | `{command}` |
| seed | {seed} |
| time | {before}{seconds:.0f} s on {device}, {date} |
| versions | torch {torch}, transformers {transformers}, tokenizers {tokenizers}, Python {python} |
| perplexity | {perplexity:.4f} a token on {measured:,} held-out stories; the least possible is {exact:.4f} |
| 1,000 stories at temperature 0.8 | {well_formed:.1%} well-formed, {true:.1%} well-formed without a broken fact |
| measure again | `python -m tools.bench.stories{option}` |
| format | safetensors, float32; `GPT2LMHeadModel.from_pretrained(folder)`, `GPT2Tokenizer.from_pretrained(folder)` |
| limits | tells stories of this grammar and nothing else; other beginnings are continued as best it can |
| license | MIT |
"""


def train_tokenizer(folder: Path, recipe: Recipe = ENGLISH) -> GPT2Tokenizer:
    """Train the byte-level BPE and write it as GPT2Tokenizer of transformers 4 and 5 reads it."""
    if recipe.language == "zh":
        trained = ByteLevelBPETokenizer(*learn_tokens(story_pieces(), recipe.vocab_size, END))
    else:
        trained = ByteLevelBPETokenizer()
        texts = (story.text for story in tell_many(TOKENIZER_STORIES))
        size = recipe.vocab_size
        trained.train_from_iterator(texts, size, min_frequency=2, special_tokens=[END], show_progress=False)
    folder.mkdir(parents=True, exist_ok=True)
    trained.save_model(str(folder))  # vocab.json and merges.txt
    GPT2Tokenizer.from_pretrained(folder, model_max_length=recipe.context_length).save_pretrained(folder)
    return GPT2Tokenizer.from_pretrained(folder)


def end_token(tokenizer: GPT2Tokenizer) -> int:
    """The id of END."""
    return tokenizer.get_vocab()[END]


def story_batches(tokenizer: GPT2Tokenizer, phase: Phase, context_length: int) -> Callable[[int], Tensor]:
    """Batches of rows of the stories of a phase."""

    @lru_cache(maxsize=2)
    def rows(block: int) -> np.ndarray:
        texts = [story.text for story in phase.stories(block)]
        return pack(tokenizer(texts)["input_ids"], end_token(tokenizer), context_length)

    def batch_at(step: int) -> Tensor:
        block, place = divmod(step, STEPS_AT_ONCE)
        return torch.from_numpy(rows(block)[place * BATCH_SIZE :][:BATCH_SIZE]).long()

    return batch_at


def fact_weights(tokenizer: GPT2Tokenizer, phase: Phase, recipe: Recipe) -> WeightsOf | None:
    """Weights by which words that come again, and are not foreseen yet, count more for a time, so that facts are kept.

    A token that has been in the same story before, and is no common one, counts 1 + REPEAT_WEIGHT times its loss, up
    to eight times as much again if it seldom comes again. Toward the end of a phase every token counts 1, so that the
    model learns the plain distribution. None where they do so from the beginning.
    """
    if not phase.faded:
        return None
    end, rows = end_token(tokenizer), story_batches(tokenizer, recipe.phases[0], recipe.context_length)
    first = torch.cat([rows(step) for step in range(STEPS_AT_ONCE)])  # (rows, length)
    counts = torch.bincount(first.flatten(), minlength=recipe.vocab_size)
    rare = counts < phase.rare * counts.sum()  # (vocab,)
    repeats = torch.bincount(first[comes_again(first, end)], minlength=recipe.vocab_size).clamp(min=1)
    seldom = (OFTEN * first.numel() / repeats).clamp(1, 8)  # (vocab,)

    def weights_of(step: int, ids: Tensor, losses: Tensor) -> Tensor:
        done = step / phase.training.num_steps
        share = REPEAT_WEIGHT * min(1.0, max(0.0, (phase.faded - done) / 0.06))
        if share == 0:
            return torch.ones_like(losses)
        return 1 + share * (comes_again(ids, end) & rare[ids]) * losses.clamp(max=3) * seldom[ids]

    return weights_of


def comes_again(ids: Tensor, end: int) -> Tensor:
    """Whether a token has been in the same story before; (batch, length) -> (batch, length)."""
    story = (ids == end).cumsum(dim=1)  # number of the story in its row
    same = (ids[:, :, None] == ids[:, None, :]) & (story[:, :, None] == story[:, None, :])
    return torch.tril(same, -1).any(dim=2)


def new_model(tokenizer: GPT2Tokenizer, seed: int, recipe: Recipe = ENGLISH) -> GPT2LMHeadModel:
    """GPT-2 of the recipe's shape with random weights; without dropout, for no story comes twice."""
    torch.manual_seed(seed)
    end = end_token(tokenizer)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=recipe.context_length, bos_token_id=end, eos_token_id=end,
        n_embd=recipe.embedding_dim, n_layer=recipe.num_layers, n_head=recipe.num_heads,
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
    generator = torch.Generator().manual_seed(seed + 1)
    weight[twins] += APART * torch.randn(int(twins.sum()), weight.shape[1], generator=generator)


@torch.no_grad()
def story_log_probs(model: torch.nn.Module, tokenizer: GPT2Tokenizer, texts: list[str]) -> tuple[Tensor, Tensor]:
    """log P(story and its end token | an end token before it), and the number of tokens that it is the sum of.

    returns (stories,), (stories,)
    """
    log_probs: list[Tensor] = []
    counts: list[Tensor] = []
    end = end_token(tokenizer)
    for first in range(0, len(texts), 50):
        stories = [[end, *ids, end] for ids in tokenizer(texts[first : first + 50])["input_ids"]]
        rows = torch.full((len(stories), max(map(len, stories))), -100)  # -100: what cross_entropy leaves out
        for row, ids in zip(rows, stories, strict=True):
            row[: len(ids)] = torch.tensor(ids)
        logits = logits_of(model, rows.clamp(min=0))[:, :-1]
        losses = F.cross_entropy(logits.transpose(1, 2), rows[:, 1:], reduction="none")  # (stories, length)
        log_probs.append(-losses.double().sum(dim=1))
        counts.append((rows[:, 1:] >= 0).sum(dim=1))
    return torch.cat(log_probs), torch.cat(counts)


def perplexities(model: torch.nn.Module, tokenizer: GPT2Tokenizer, stories: list[Story]) -> tuple[float, float]:
    """Perplexity a token of the model, and of the grammar itself, on the same stories and tokens."""
    log_probs, counts = story_log_probs(model, tokenizer, [story.text for story in stories])
    exact = torch.tensor([story.log_prob for story in stories], dtype=torch.float64)
    num_tokens = counts.sum()
    return torch.exp(-log_probs.sum() / num_tokens).item(), torch.exp(-exact.sum() / num_tokens).item()


def write_stories(
    model: GPT2LMHeadModel, tokenizer: GPT2Tokenizer, count: int, temperature: float, seed: int
) -> list[str]:
    """Stories that the model tells, from the end token to the end token or to the end of its context, 100 at a time."""
    torch.manual_seed(seed)
    end = end_token(tokenizer)
    texts: list[str] = []
    while len(texts) < count:
        start = torch.full((min(100, count - len(texts)), 1), end)
        ids = model.generate(
            start, attention_mask=torch.ones_like(start), max_length=model.config.n_positions, do_sample=True,
            temperature=temperature, top_k=0, pad_token_id=end,
        )  # fmt: skip
        texts += tokenizer.batch_decode(ids, skip_special_tokens=True)
    return texts


def shares(texts: list[str], language: str = "en") -> tuple[float, float]:
    """The share of well-formed texts, and of those that are well-formed without a broken fact."""
    readings = [read_back(text, language) for text in texts]
    well_formed = sum(reading.well_formed for reading in readings)
    true = sum(reading.is_true for reading in readings)
    return well_formed / len(texts), true / len(texts)


def save_weights(model: GPT2LMHeadModel, folder: Path) -> None:
    """Write config.json, generation_config.json and model.safetensors; whoever reads meanwhile finds whole files."""
    with TemporaryDirectory() as scratch:
        model.save_pretrained(scratch)
        for file in Path(scratch).iterdir():
            write(folder / file.name, file.read_bytes())


def train(
    model: GPT2LMHeadModel, tokenizer: GPT2Tokenizer, recipe: Recipe, phase: Phase, checkpoint: Path, folder: Path
) -> None:
    """Train the model through a phase, in place; every 500 steps note how good it is, every 1,000 write it."""
    held_out = tell_many(100, HELD_OUT, recipe.language)
    copy = deepcopy(model).eval()
    began = time.time()
    num_steps = phase.training.num_steps
    batches = story_batches(tokenizer, phase, recipe.context_length)
    if phase.sure:
        began_as = deepcopy(model)
        began_as.compile()
        weights_of = sure_weights(began_as, batches, phase.sure, phase.training.bfloat16)
    else:
        weights_of = fact_weights(tokenizer, phase, recipe)
    steps = training_steps(model, batches, phase.training, checkpoint, weights_of=weights_of)
    with tqdm(steps, total=num_steps, unit="step", mininterval=5) as bar:
        for row in bar:
            step = int(row["step"])
            bar.update(step - bar.n - 1)  # a resumed training begins further on
            if step % 500 and step != num_steps:
                continue
            copy.load_state_dict(model.state_dict())
            perplexity, exact = perplexities(copy, tokenizer, held_out)
            well_formed, true = shares(write_stories(copy, tokenizer, 100, TEMPERATURE, seed=step), recipe.language)
            note = {"began": began, "seconds": time.time() - began, **row, "perplexity": perplexity, "best": exact}
            note |= {"well_formed": well_formed, "true": true}
            with log_of(checkpoint).open("a", encoding="utf-8") as log:
                log.write(json.dumps(note) + "\n")
            bar.write(", ".join(f"{name} {value:.4g}" for name, value in note.items()))
            if step % 1000 == 0 or step == num_steps:
                save_weights(copy, folder)


def log_of(checkpoint: Path) -> Path:
    """Where the notes on a training stand, one JSON a line."""
    return checkpoint.with_suffix(".jsonl")


def seconds_in_all(checkpoints: list[Path]) -> float:
    """Seconds of a training, with all its interruptions, up to the last note of each part."""
    logs = [log_of(checkpoint).read_text(encoding="utf-8") for checkpoint in checkpoints]
    notes = [json.loads(line) for log in logs for line in log.splitlines()]
    return sum({note["began"]: note["seconds"] for note in notes}.values())


def recipe_of(phase: Phase) -> str:
    """How a phase follows the one before, and its settings, in words; the device says whether it is bfloat16."""
    settings = asdict(phase.training)
    del settings["bfloat16"]
    settings |= {"sure": phase.sure or None}
    link = "; beside it, the mean of both being kept, " if phase.beside else "; then "
    return link + ", ".join(f"{name} {value}" for name, value in settings.items() if value is not None)


def time_of(folder: Path) -> str:
    """What the card of a model says about how long it was trained, on what and when."""
    lines = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith("| time |")).strip("|").partition("|")[2].strip()


def write_card(
    folder: Path, tokenizer: GPT2Tokenizer, recipe: Recipe, seed: int, seconds: float, device: str, before: str = ""
) -> str:
    """Measure the model that was written, write its card and return it. before: on the time of earlier phases."""
    model = GPT2LMHeadModel.from_pretrained(folder).eval()
    language = recipe.language
    held_out = tell_many(NUM_HELD_OUT, HELD_OUT, language)
    trained = (phase.stories(block) for phase in recipe.phases for block in range(phase.num_blocks))
    if {story.text for story in held_out} & {story.text for stories in trained for story in stories}:
        raise SystemExit("a held-out story is among the training stories; take other numbers for one of them")
    perplexity, exact = perplexities(model, tokenizer, held_out)
    well_formed, true = shares(write_stories(model, tokenizer, 1000, TEMPERATURE, seed=seed), language)
    option = "" if language == "en" else f" --language {language}"
    card = CARD.format(
        title=recipe.title, language_name=LANGUAGES[language], tokenizer=TOKENIZERS[language], option=option,
        parameters=model.num_parameters(), context=recipe.context_length,
        shape=f"n_embd {recipe.embedding_dim}, n_layer {recipe.num_layers}, n_head {recipe.num_heads}",
        vocab=len(tokenizer), end=END, end_id=end_token(tokenizer),
        held_out=HELD_OUT, measured=NUM_HELD_OUT, stories=recipe.num_stories,
        passes="one" if not recipe.phases[-1].beside else "one, in the last two phases one by each of two copies",
        tokens=recipe.num_steps * BATCH_SIZE * recipe.context_length, seed=seed,
        command=f"python -m tools.train.gpt{option} --seed {seed}",
        recipe="".join(map(recipe_of, recipe.phases)).removeprefix("; then ") + f"; batch_size {BATCH_SIZE}",
        seconds=seconds, before=before, device=device, date=date.today(),
        torch=torch.__version__, python=platform.python_version(),
        transformers=transformers.__version__, tokenizers=tokenizers.__version__, perplexity=perplexity, exact=exact,
        well_formed=well_formed, true=true,
    )  # fmt: skip
    write(folder / "README.md", card.encode())
    return card


def train_phases(
    model: GPT2LMHeadModel,
    tokenizer: GPT2Tokenizer,
    recipe: Recipe,
    phases: dict[int, Phase],
    checkpoint: Path,
    folder: Path,
    seed: int,
) -> list[Path]:
    """Train the model through phases, in place; returns their checkpoints. phases: by number.

    The mean of the weights of two trainings that began alike errs less than either. Sources: Izmailov et al. 2018;
    Wortsman et al. 2022, "model soups".
    """
    parts: list[Path] = []
    began = other = deepcopy(model.state_dict())
    for number, phase in phases.items():
        if phase.beside:
            other = deepcopy(model.state_dict())
            model.load_state_dict(began)
        began = deepcopy(model.state_dict())
        if phase.set_apart:
            set_apart(model, seed)
        parts.append(checkpoint.with_suffix(f".phase{number}{checkpoint.suffix}"))
        train(model, tokenizer, recipe, phase, parts[-1], folder)
        if phase.beside:
            model.load_state_dict({name: (weight + other[name]) / 2 for name, weight in model.state_dict().items()})
            save_weights(deepcopy(model), folder)
    return parts


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a small GPT-2 that the course ships.")
    parser.add_argument("--language", choices=RECIPES, default="en")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--begin", type=Path, help="a model that the phases before the last one have trained")
    parser.add_argument("--checkpoint", type=Path, help="default: build/NAME.checkpoint")
    parser.add_argument("--folder", type=Path, help="where the model goes; default: data/models/NAME")
    options = parser.parse_args()
    recipe = RECIPES[options.language]
    threads = runtime.use_threads("large")
    bfloat16 = runtime.has_bfloat16("cpu")
    folder = options.folder or runtime.data_folder() / "models" / recipe.name
    if options.begin and folder.exists() and options.begin.samefile(folder):
        parser.error(f"--begin {options.begin} would be written over; give another --folder, or a copy to begin with")
    checkpoint = options.checkpoint or ROOT / "build" / f"{recipe.name}.checkpoint"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    tokenizer = train_tokenizer(folder, recipe)
    model = new_model(tokenizer, options.seed, recipe)
    phases = {
        number: replace(phase, training=replace(phase.training, bfloat16=bfloat16))
        for number, phase in enumerate(recipe.phases, start=1)
    }
    before = ""
    if options.begin:
        model.load_state_dict(GPT2LMHeadModel.from_pretrained(options.begin).state_dict())
        last = max(number for number, phase in phases.items() if not phase.beside)
        phases = {number: phase for number, phase in phases.items() if number >= last}
        numbers = f"phase{'s' * (len(phases) > 1)} {' and '.join(map(str, phases))}"
        before = f"{time_of(options.begin)}; then, from its weights, {numbers}: "
    model.compile()  # a third faster; copies of it, which meet rows of all lengths, are left as they are
    parts = train_phases(model, tokenizer, recipe, phases, checkpoint, folder, options.seed)
    device = f"{threads} CPU thread{'s' * (threads > 1)} in {'bfloat16' if bfloat16 else 'float32'}"
    print(write_card(folder, tokenizer, recipe, options.seed, seconds_in_all(parts), device, before))


if __name__ == "__main__":
    main()

"""The shipped model of genres: what it was asked for and what it wrote, facts kept, the gap to the grammar, copies.

    python -m tools.bench.genres [--folder FOLDER] [--texts 100] [--held-out 100] [--counted 5000] [--compared 1000]

Everything is said for each language, over as many texts of each genre. Obeyed: the classifier, which learned from
held-out texts of the grammar, finds the genre that the control code asked for. Facts are held against the sheet of a
world that the model was not trained on: texts written from it, from the sheet of the next world, and from no sheet. A
text can only break what can be read of it, so that the share that is well-formed with nothing broken stands beside it.
The gap is between a 5-gram model of the texts of the same genre and the grammar's own probability, on held-out texts
and in nats a text, its end included: given the control code alone, and given the sheet, of which a 5-gram model
sees nothing. Shares have Wilson's interval, all else the bootstrap's over texts.
"""

import argparse
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
import transformers
from transformers import GPT2LMHeadModel, GPT2Tokenizer

from aigc_course.intervals import bootstrap_interval, share_interval
from aigc_course.kit import runtime
from aigc_course.kit.datasets.gpt2 import GENRES as NAME
from aigc_course.synthetic.genres import (
    GENRES,
    HELD_OUT,
    Reading,
    Sheet,
    Told,
    entropy,
    held_against,
    prompt_of,
    read_back,
    tell,
    tell_many,
)
from aigc_course.text.genre_classifier import GenreClassifier, train_classifier
from tools.bench.stories import five_gram_log_probs, gap_closed, longest_shared_runs, parts_of, shown
from tools.train.genres import KINDS, LANGUAGES, RECIPE, TEMPERATURE, TEXTS_A_STEP, TRAINING
from tools.train.gpt import end_token

LESSONS = 100  # held-out texts of each genre that the classifier learns from
TAUGHT = HELD_OUT + 500_000  # the first of them; the first of the grammar's texts beside the model's
BATCH = 50


class Written(NamedTuple):
    """What the model wrote in a genre, for the sheets of held-out worlds."""

    told: list[Told]  # the grammar's own texts, with the sheets
    from_sheet: list[str]  # one for each sheet
    from_code: list[str]  # as many without a sheet


@torch.no_grad()
def write(model: GPT2LMHeadModel, tokenizer: GPT2Tokenizer, prompts: Sequence[str], seed: int, **settings) -> list[str]:
    """What the model writes after each prompt, many at a time, prompts filled up on the left; at TEMPERATURE."""
    torch.manual_seed(seed)
    end, texts = end_token(tokenizer), []
    for first in range(0, len(prompts), BATCH):
        rows = [[end, *ids] for ids in tokenizer(list(prompts[first : first + BATCH]))["input_ids"]]
        longest = max(map(len, rows))
        ids = torch.tensor([[end] * (longest - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
        how = {"do_sample": True, "temperature": TEMPERATURE, "top_k": 0} | settings
        out = model.generate(ids, attention_mask=mask, max_length=RECIPE.context_length, pad_token_id=end, **how)
        texts += tokenizer.batch_decode(out[:, longest:], skip_special_tokens=True)
    return texts


@torch.no_grad()
def text_log_probs(
    model: GPT2LMHeadModel, tokenizer: GPT2Tokenizer, prompts: Sequence[str], texts: Sequence[str]
) -> np.ndarray:
    """log P(text and its end | prompt) for each; (texts,)."""
    end, found = end_token(tokenizer), []
    for first in range(0, len(texts), BATCH):
        read, wanted = (tokenizer(list(each[first : first + BATCH]))["input_ids"] for each in (prompts, texts))
        rows = torch.full((len(read), 2 + max(len(a) + len(b) for a, b in zip(read, wanted, strict=True))), end)
        asked = torch.zeros(rows.shape, dtype=torch.bool)
        for row, ask, before, after in zip(rows, asked, read, wanted, strict=True):
            row[1 : 1 + len(before) + len(after)] = torch.tensor(before + after)
            ask[1 + len(before) : 2 + len(before) + len(after)] = True  # the text and the end after it
        asked = asked[:, 1:]
        hidden = model.transformer(rows).last_hidden_state[:, :-1]
        losses = F.cross_entropy(model.lm_head(hidden[asked]), rows[:, 1:][asked], reduction="none")
        found.append(torch.zeros(len(read), dtype=torch.float64).index_add(0, asked.nonzero()[:, 0], -losses.double()))
    return torch.cat(found).numpy()


def written_by(model, tokenizer, genre: str, language: str, count: int, seed: int) -> Written:
    """Texts of a genre, from `count` held-out sheets and from none."""
    told = tell_many(count, genre, language, HELD_OUT)
    from_sheet = write(model, tokenizer, [each.prompt for each in told], seed)
    return Written(told, from_sheet, write(model, tokenizer, [prompt_of(None, genre, language)] * count, seed + 1))


def classifier_of(language: str) -> GenreClassifier:
    """One that has learned from texts of the grammar with which nothing else is done."""
    lessons = [(told.text, genre) for genre in GENRES for told in tell_many(LESSONS, genre, language, TAUGHT)]
    return train_classifier(*map(list, zip(*lessons, strict=True)), seed=0)


def broken_facts(text: str, sheet: Sheet) -> tuple[bool, float]:
    """Whether the text is well-formed with nothing of the sheet broken; the share of the sheet's facts it breaks."""
    reading = read_back(text, sheet.genre, sheet.language)
    broken = {fact.name for fact in held_against(reading, sheet).broken}
    return reading.well_formed and not broken, len(broken & set(sheet.facts)) / len(sheet.facts)


def ratio_of_means(a: np.ndarray, b: np.ndarray) -> float:
    """How much of b is left in a."""
    return float(np.mean(a) / np.mean(b))


def share_of(holds: Iterable[bool]) -> str:
    """A share with its interval."""
    found = list(holds)
    return shown(share_interval(sum(found), len(found)), 3)


def genre_table(written: dict[str, Written], language: str) -> None:
    """Whether the genre is obeyed, and the form."""
    judge = classifier_of(language)
    for name, source in (("the code alone", "from_code"), ("code and sheet", "from_sheet")):
        obeyed: list[bool] = []
        readings: list[Reading] = []
        print(f"  {name}")
        for genre in GENRES:
            texts = getattr(written[genre], source)
            found = [each == genre for each in judge.predict(texts)]
            read = [read_back(text, genre, language) for text in texts]
            formed = share_of(reading.well_formed for reading in read)
            print(f"    {genre:8} obeyed {share_of(found)}, well-formed {formed}")
            obeyed += found
            readings += read
        print(f"    together obeyed {share_of(obeyed)} (bar 0.95)")
        print(f"    together well-formed {share_of(reading.well_formed for reading in readings)}")
        print(f"    well-formed and true to itself {share_of(reading.is_true for reading in readings)}")


def fact_table(written: dict[str, Written]) -> None:
    """What is broken of a sheet, with it, with another, and with none."""
    groups: dict[str, list[tuple[bool, float]]] = {"right": [], "wrong": [], "none": []}
    for genre, (told, from_sheet, from_code) in written.items():
        next_ones = from_sheet[1:] + from_sheet[:1]
        for name, texts in zip(groups, (from_sheet, next_ones, from_code), strict=True):
            found = [broken_facts(text, each.sheet) for text, each in zip(texts, told, strict=True)]
            groups[name] += found
            if name == "right":
                print(f"    {genre:8} right sheet: well-formed, nothing broken {share_of(kept for kept, _ in found)}")
    for name, found in groups.items():
        kept, broken = share_of(kept for kept, _ in found), share_of(share > 0 for _, share in found)
        mean = shown(bootstrap_interval(lambda values: float(np.mean(values)), [share for _, share in found]))
        print(f"  {name:5} sheet: well-formed, nothing broken {kept}; a fact broken {broken}; of all facts {mean}")
    right, wrong, none = (np.array([share for _, share in found]) for found in groups.values())
    for name, other in (("the wrong sheet", wrong), ("no sheet", none)):
        left = shown(bootstrap_interval(ratio_of_means, right, other))
        print(f"  facts broken with the right sheet / with {name}: {left} (bar 0.5)")


def gap_table(model, tokenizer, language: str, num_held_out: int, num_counted: int) -> None:
    """Nats a text of a 5-gram model of each genre, the model and the grammar; the share of the gap that is closed."""
    sums: dict[str, list[np.ndarray]] = {name: [] for name in ("five", "code", "sheet", "best", "best given sheet")}
    for genre in GENRES:
        told = tell_many(num_held_out, genre, language, HELD_OUT)
        texts, training = [each.text for each in told], tell_many(num_counted, genre, language)
        counted = tokenizer([each.text for each in training])["input_ids"]
        sums["five"].append(five_gram_log_probs(counted, tokenizer(texts)["input_ids"], len(tokenizer)))
        codes = [prompt_of(None, genre, language)] * len(told)
        sums["code"].append(text_log_probs(model, tokenizer, codes, texts))
        sums["sheet"].append(text_log_probs(model, tokenizer, [each.prompt for each in told], texts))
        sums["best"].append(np.array([each.log_prob for each in told]))
        sums["best given sheet"].append(np.full(len(told), -entropy(genre, language, given_sheet=True)))
        means = ", ".join(f"{name} {-values[-1].mean():.2f}" for name, values in sums.items())
        print(f"    {genre:8} nats a text: {means}")
    five, code, sheet, best, least = (np.concatenate(values) for values in sums.values())
    print(f"  gap closed, the code alone {shown(bootstrap_interval(gap_closed, five, code, best))}   (bar 0.80)")
    print(f"  gap closed, code and sheet {shown(bootstrap_interval(gap_closed, five, sheet, least))}   (bar 0.80)")


def training_texts(genre: str, language: str) -> list[str]:
    """The texts that the model was trained on in a genre and language."""
    numbers = range(KINDS.index((genre, language)), TRAINING.num_steps * TEXTS_A_STEP, len(KINDS))
    return [tell(number, genre, language).text for number in numbers]


def copies(texts: list[str], training: list[str], compared: int, language: str) -> tuple[int, np.ndarray]:
    """How many texts stand among all training texts; each one's longest run shared with the first `compared`."""
    known = set(training)
    return sum(text.strip() in known for text in texts), longest_shared_runs(texts, training[:compared], language)


def copy_table(written: dict[str, Written], language: str, compared: int) -> None:
    """What texts without a sheet share with training texts, beside fresh texts of the grammar."""
    for genre, each in written.items():
        training = training_texts(genre, language)
        fresh = [told.text for told in tell_many(len(each.from_code), genre, language, TAUGHT)]
        for name, texts in (("model", each.from_code), ("grammar", fresh)):
            whole, runs = copies(texts, training, compared, language)
            length = np.mean([len(parts_of(text, language)) for text in texts])
            print(
                f"    {genre:8} {name:8} whole texts among all {len(training):,}: {whole}, told twice:"
                f" {len(texts) - len(set(texts))}; runs mean {runs.mean():.1f}, longest {runs.max()} of {length:.0f}"
            )


def main() -> None:
    """Print the tables of both languages."""
    parser = argparse.ArgumentParser(description="Measure the shipped model of genres.")
    parser.add_argument("--folder", type=Path, help="of the model; default: the shipped one")
    parser.add_argument("--texts", type=int, default=100, help="of each genre and language, with a sheet and without")
    parser.add_argument("--held-out", type=int, default=100, help="texts of each genre and language for the gap")
    parser.add_argument("--counted", type=int, default=5000, help="texts of each that a 5-gram model counts")
    parser.add_argument(
        "--compared", type=int, default=1000, help="training texts of each in which runs are looked for"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if min(options.texts, options.held_out, options.counted, options.compared) < 2:
        parser.error("at least 2 texts of each kind are needed")
    runtime.use_threads("large")
    transformers.logging.set_verbosity_error()
    folder = options.folder or runtime.data_folder() / "models" / NAME
    tokenizer, model = GPT2Tokenizer.from_pretrained(folder), GPT2LMHeadModel.from_pretrained(folder).eval()
    for language in LANGUAGES:
        began = time.perf_counter()
        written = {
            genre: written_by(model, tokenizer, genre, language, options.texts, options.seed) for genre in GENRES
        }
        count, seconds = 2 * len(GENRES) * options.texts, time.perf_counter() - began
        print(f"\n{language}: {count:,} texts at temperature {TEMPERATURE}, written in {seconds:.0f} s")
        genre_table(written, language)
        print(f"\n  {len(GENRES) * options.texts} sheets")
        fact_table(written)
        print(f"\n  {options.held_out} held-out texts a genre; 5-gram models of {options.counted:,} texts each")
        gap_table(model, tokenizer, language, options.held_out, options.counted)
        parts = {"en": "words", "zh": "characters"}[language]
        print(f"\n  copies; the longest runs of {parts} shared with {options.compared:,} training texts of the genre")
        copy_table(written, language, options.compared)


if __name__ == "__main__":
    main()

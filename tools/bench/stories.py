"""The shipped GPT-2 between a 5-gram model and the grammar: perplexity; and 1,000 stories, read back and compared.

    python -m tools.bench.stories [--language en] [--folder FOLDER] [--held-out 1000] [--stories 1000]
        [--training 30000] [--compared 50000]

Perplexity is per token of the model's own tokenizer, end tokens included, on stories that no model was trained on; the
grammar's is exact. The share of the gap that is closed is (log 5-gram - log GPT-2) / (log 5-gram - log grammar), with
its 95 % interval by the bootstrap over stories. Copied is the longest run of words (in Chinese: of characters) that a
story shares with any of the training stories compared; a grammar repeats its phrases, so the same is measured for fresh
stories of the grammar.
"""

import argparse
import math
import time
from collections import Counter
from pathlib import Path

import numpy as np
import transformers

from aigc_course.intervals import bootstrap_interval, share_interval
from aigc_course.kit import runtime
from aigc_course.synthetic.stories import HELD_OUT, Story, read_back, tell_many
from aigc_course.text.ngrams import NGramModel
from tools.train.gpt import TEMPERATURE, story_log_probs, write_stories
from tools.train.story_recipes import RECIPES

FRESH = HELD_OUT + 500_000  # stories compared with the training stories, as the model's are


def five_gram_log_probs(training: list[list[int]], held_out: list[list[int]], vocab_size: int) -> np.ndarray:
    """log P of each held-out story and its end under interpolated modified Kneser-Ney; (stories,)."""
    model = NGramModel(5).fit(training, vocabulary=range(vocab_size))
    return np.array([model.log_probs(ids).sum() for ids in held_out])


def perplexity(log_probs: np.ndarray, counts: np.ndarray) -> float:
    """Per token, of stories with these log P and numbers of tokens."""
    return math.exp(-log_probs.sum() / counts.sum())


def gap_closed(five: np.ndarray, gpt: np.ndarray, best: np.ndarray) -> float:
    """The share of the gap between the 5-gram model and the grammar that GPT-2 closes; log P of each story."""
    return (gpt.sum() - five.sum()) / (best.sum() - five.sum())


def shown(interval: tuple[float, float, float], digits: int = 4) -> str:
    """An estimate with its interval."""
    value, low, high = interval
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def perplexity_table(tokenizer, model, held_out: list[Story], num_training: int, language: str) -> None:
    """Perplexity of the three, and the share of the gap."""
    texts = [story.text for story in held_out]
    training = tokenizer([story.text for story in tell_many(num_training, language=language)])["input_ids"]
    began = time.perf_counter()
    five = five_gram_log_probs(training, tokenizer(texts)["input_ids"], len(tokenizer))
    seconds = time.perf_counter() - began
    gpt, counts = (values.numpy() for values in story_log_probs(model, tokenizer, texts))
    log_probs = {"5-gram": five, "GPT-2": gpt, "grammar": np.array([story.log_prob for story in held_out])}
    tokens = sum(map(len, training)) + len(training)
    print(f"{len(texts):,} held-out stories, {counts.sum():,} tokens; 5-gram on {tokens:,} tokens in {seconds:.0f} s")
    for name, values in log_probs.items():
        print(f"  perplexity {name:8} {shown(bootstrap_interval(perplexity, values, counts))}")
    closed = bootstrap_interval(gap_closed, *(log_probs[name] for name in ("5-gram", "GPT-2", "grammar")))
    print(f"  gap closed {shown(closed)}   (bar 0.80)")


def story_table(tokenizer, model, count: int, num_compared: int, language: str) -> None:
    """What the model's stories are like, and how long the runs are that they share with training stories."""
    began = time.perf_counter()
    texts = write_stories(model, tokenizer, count, TEMPERATURE, seed=0)
    print(f"\n{count:,} stories at temperature {TEMPERATURE}, written in {time.perf_counter() - began:.0f} s")
    readings = [read_back(text, language) for text in texts]
    for name, kept, bar in (
        ("well-formed", [reading.well_formed for reading in readings], 0.97),
        ("well-formed, no fact broken", [reading.is_true for reading in readings], 0.90),
    ):
        print(f"  {name:28} {shown(share_interval(sum(kept), count), 3)}   (bar {bar})")
    broken = Counter(fact.name for reading in readings for fact in reading.broken)
    print(f"  broken facts: {', '.join(f'{name} {n}' for name, n in broken.most_common()) or 'none'}")
    training = [story.text for story in tell_many(num_compared, language=language)]
    length = np.mean([len(parts_of(text, language)) for text in training])
    parts = {"en": "words", "zh": "characters"}[language]
    print(f"\nlongest run of {parts} shared with {num_compared:,} training stories (a story has about {length:.0f})")
    fresh = [story.text for story in tell_many(count, FRESH, language)]
    for name, group in (("GPT-2", texts), ("grammar", fresh)):
        runs = longest_shared_runs(group, training, language)
        marks = ", ".join(f"{q:.0%} {np.quantile(runs, q):.0f}" for q in (0.05, 0.5, 0.95))
        print(f"  {name:8} mean {runs.mean():.2f}, {marks}, longest {runs.max()}")
    print(
        f"  whole stories that are among them: {len(set(texts) & set(training))}; told twice: {count - len(set(texts))}"
    )


def parts_of(text: str, language: str) -> list[str]:
    """What runs are counted in: words, in Chinese characters."""
    return text.split() if language == "en" else list(text)


def windows(words: list[str], length: int) -> set[tuple[str, ...]]:
    """The different runs of `length` words."""
    return {tuple(words[first : first + length]) for first in range(len(words) - length + 1)}


def longest_shared_runs(texts: list[str], others: list[str], language: str = "en") -> np.ndarray:
    """For each text the length, in parts, of its longest run of parts that occurs in any of the others; (texts,).

    A run can only be shared if the runs inside it are: what has no shared run of some length is not looked at again.
    """
    longest = np.zeros(len(texts), dtype=int)
    still = {
        number: parts_of(text, language) for number, text in enumerate(texts)
    }  # the texts whose runs are still shared
    known = [parts_of(other, language) for other in others]
    length = 0
    while still:
        length += 1
        shared = set().union(*(windows(words, length) for words in still.values()))
        shared &= set().union(*(shared & windows(words, length) for words in known))
        still = {number: words for number, words in still.items() if windows(words, length) & shared}
        known = [words for words in known if windows(words, length) & shared]
        longest[list(still)] = length
    return longest


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description="Measure the shipped GPT-2 against a 5-gram model and the grammar.")
    parser.add_argument("--language", choices=RECIPES, default="en")
    parser.add_argument("--folder", type=Path, help="of the model; default: the shipped one")
    parser.add_argument("--held-out", type=int, default=1000)
    parser.add_argument("--stories", type=int, default=1000)
    parser.add_argument("--training", type=int, default=30_000, help="stories that the 5-gram model counts")
    parser.add_argument("--compared", type=int, default=50_000, help="training stories in which runs are looked for")
    options = parser.parse_args()
    if min(options.held_out, options.stories, options.training, options.compared) < 2:
        parser.error("at least 2 stories of each kind are needed")
    runtime.use_threads("large")
    transformers.logging.set_verbosity_error()
    language = options.language
    folder = options.folder or runtime.data_folder() / "models" / RECIPES[language].name
    tokenizer = transformers.GPT2Tokenizer.from_pretrained(folder)
    model = transformers.GPT2LMHeadModel.from_pretrained(folder).eval()
    perplexity_table(tokenizer, model, tell_many(options.held_out, HELD_OUT, language), options.training, language)
    story_table(tokenizer, model, options.stories, options.compared, language)


if __name__ == "__main__":
    main()

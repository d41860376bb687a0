"""Skip-gram and CBOW beside gensim's, on the same Wikipedia text, with PPMI and SVD as the baseline.

    python -m tools.bench.word_vectors [--seeds 3] [--epochs 20]

Everything computes with one thread; gensim has one worker (and, as always, one more thread that hands the text out).
Seconds are those of the whole training, vocabulary included; the rows take turns, so that a busy machine slows all of
them. Words are those of the text, times epochs, before frequent ones are thinned out. The ratio is that of the medians.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import gensim
from gensim.models import Word2Vec

from aigc_course.kit import runtime
from aigc_course.kit.datasets import load_wikipedia_sentences, load_word_similarity
from aigc_course.text.skip_gram import SkipGramConfig, train_vectors
from aigc_course.text.word_vectors import (
    WordVectors,
    build_vocabulary,
    co_occurrences,
    encode,
    evaluate_similarity,
    neighbor_stability,
    ppmi,
    svd_vectors,
)
from tools.performance import figures

WORDS = [  # whose neighbors are compared
    "water", "city", "king", "music", "language", "war", "science", "computer", "money", "church", "animal", "law",
    "island", "novel", "theory", "book", "river", "army", "government", "god",
]  # fmt: skip
CBOW_RATE = 0.1  # gensim's CBOW takes larger steps by its kind of gradient: see the chapter
Way = Callable[[list[list[str]], int], WordVectors]


def gensim_vectors(sentences: list[list[str]], seed: int, *, epochs: int, skip_gram: bool) -> WordVectors:
    """gensim's Word2Vec with the settings of SkipGramConfig, which are gensim's own defaults but for the epochs."""
    model = Word2Vec(sentences, sg=skip_gram, epochs=epochs, workers=1, seed=seed + 1)
    return WordVectors(model.wv.index_to_key, model.wv.vectors)


def our_vectors(sentences: list[list[str]], seed: int, *, config: SkipGramConfig) -> WordVectors:
    """The course's training with `config`."""
    return train_vectors(sentences, config, seed)


def counted_vectors(sentences: list[list[str]], seed: int, *, window: int = 5, dim: int = 100) -> WordVectors:
    """PPMI and SVD: nothing is random, so `seed` changes nothing."""
    vocabulary = build_vocabulary(sentences)
    counts = co_occurrences(encode(sentences, vocabulary, window), window, len(vocabulary))
    return WordVectors(vocabulary.words, svd_vectors(ppmi(counts), dim))


def ways(epochs: int) -> dict[str, Way]:
    """What is compared, by name; the first row is the one that ratios refer to."""
    skip_gram = SkipGramConfig(num_epochs=epochs)
    cbow = SkipGramConfig(num_epochs=epochs, mode="cbow", learning_rate=CBOW_RATE)
    return {
        "skip-gram, gensim": partial(gensim_vectors, epochs=epochs, skip_gram=True),
        "skip-gram, ours": partial(our_vectors, config=skip_gram),
        "CBOW, gensim": partial(gensim_vectors, epochs=epochs, skip_gram=False),
        "CBOW, ours": partial(our_vectors, config=cbow),
        "PPMI + SVD, ours": counted_vectors,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure skip-gram and CBOW against gensim's.")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args()
    if options.seeds < 2 or options.epochs < 1:
        parser.error("at least 2 seeds (stability compares them) and 1 epoch are needed")
    runtime.use_threads("small")
    sentences = load_wikipedia_sentences()
    tests = {name: load_word_similarity(name) for name in ("wordsim353", "simlex999")}
    compared, runs, seconds = ways(options.epochs), {}, {}
    for seed in range(options.seeds):
        for name, train in compared.items():
            began, cpu = time.perf_counter(), time.process_time()
            vectors = train(sentences, seed)
            seconds.setdefault(name, []).append((time.perf_counter() - began, time.process_time() - cpu))
            runs.setdefault(name, []).append(vectors)
            scores = ", ".join(f"{test} {evaluate_similarity(vectors, pairs)[0]:.3f}" for test, pairs in tests.items())
            print(f"  seed {seed}, {name}: {seconds[name][-1][0]:.1f} s, {scores}", flush=True)
    total = options.epochs * sum(map(len, sentences))
    print(
        f"\ngensim {gensim.__version__}, 1 thread (gensim: 1 worker), dimension 100, window 5, {options.epochs} epochs"
    )
    print_table(runs, seconds, tests, total)


def print_table(runs: dict, seconds: dict, tests: dict, total: int) -> None:
    """One row a way: time, words per second, correlations with their coverage, stability of neighbors."""
    for kind, figure in (("skip-gram", "word_vectors.skip_gram"), ("CBOW", "word_vectors.cbow")):
        figures.speed(
            figure, *([wall for wall, _ in seconds[f"{kind}, {who}"]] for who in ("ours", "gensim")), unit="s"
        )
    used = {name: evaluate_similarity(next(iter(runs.values()))[0], pairs)[1:] for name, pairs in tests.items()}
    heads = [f"{name} ({n}/{of})" for name, (n, of) in used.items()]
    columns = f"{'seconds':>8} {'CPU s':>6} {'Mword/s':>8} {'faster':>7} {heads[0]:>21} {heads[1]:>20}"
    print(f"\n{'':18} {columns} {'stability':>9}")
    for name, found in runs.items():
        wall, cpu = (statistics.median(times) for times in zip(*seconds[name], strict=True))
        rival = name.split(",")[0] + ", gensim"
        faster = f"{statistics.median(t[0] for t in seconds[rival]) / wall:.2f}x" if rival in seconds else ""
        speed = f"{total / wall / 1e6:.2f}" if rival in seconds else ""
        scores = [statistics.mean(evaluate_similarity(v, pairs)[0] for v in found) for pairs in tests.values()]
        stable = neighbor_stability(found, WORDS)
        print(
            f"{name:18} {wall:8.1f} {cpu:6.1f} {speed:>8} {faster:>7} {scores[0]:21.3f} {scores[1]:20.3f} {stable:9.3f}"
        )
    print(f"stability: mean Jaccard index of the 10 neighbors of {len(WORDS)} words, over pairs of seeds")


if __name__ == "__main__":
    main()

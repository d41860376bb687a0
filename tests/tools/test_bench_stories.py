"""The benchmark of the stories: the longest runs of words that texts share, against a plain search."""

import random

from tools.bench.stories import longest_shared_runs


def test_the_longest_shared_run_is_that_of_a_plain_search():
    rng = random.Random(0)
    texts, others = ([" ".join(rng.choices("abc", k=rng.randint(1, 30))) for _ in range(20)] for _ in range(2))

    def plain_search(text):
        words = text.split()
        runs = [words[i:j] for i in range(len(words)) for j in range(i + 1, len(words) + 1)]
        return max(
            (len(run) for run in runs if any(f" {' '.join(run)} " in f" {other} " for other in others)), default=0
        )

    assert longest_shared_runs(texts, others).tolist() == [plain_search(text) for text in texts]
    assert longest_shared_runs(["x y"], others).tolist() == [0]

"""The course's data: each loader looks into the cache, then asks public mirrors, then takes what a dependency ships.

It prints one line that says which of them it was. Origins, licences and sizes: data/README.md.
"""

from aigc_course.corpora import (
    load_analogies,
    load_glove,
    load_polarity,
    load_wikipedia_sentences,
    load_wikipedia_text,
    load_word_similarity,
)
from aigc_course.mnist import Digits, ensure_mnist, load_mnist

__all__ = [
    "Digits",
    "fetch_all",
    "load_analogies",
    "load_glove",
    "load_mnist",
    "load_polarity",
    "load_wikipedia_sentences",
    "load_wikipedia_text",
    "load_word_similarity",
]


def fetch_all() -> list[tuple[str, str, bool, str]]:
    """Fetch everything ahead of a lecture; (name, source, complete, message) for each data set."""
    source, problem = ensure_mnist()
    return [("MNIST", source, source != "sample", problem)]

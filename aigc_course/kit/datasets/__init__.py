"""The course's data: each loader looks into the cache, then asks public mirrors, then takes what a dependency ships.

It prints one line that says which of them it was. Origins, licenses and sizes: data/README.md.
"""

from aigc_course.kit.datasets.chorales import load_chorales
from aigc_course.kit.datasets.corpora import (
    load_analogies,
    load_glove,
    load_polarity,
    load_wikipedia_sentences,
    load_wikipedia_text,
    load_word_similarity,
)
from aigc_course.kit.datasets.digits import find_digit_model
from aigc_course.kit.datasets.gpt2 import (
    ensure_gpt2,
    find_genre_gpt2,
    find_gpt2,
    find_gpt2_vocabulary,
    find_quatrain_gpt2,
    find_story_gpt2,
)
from aigc_course.kit.datasets.mnist import Digits, ensure_mnist, load_mnist
from aigc_course.kit.datasets.spoken import load_spoken_digits, spoken_line
from aigc_course.kit.downloads import DownloadError
from aigc_course.kit.runtime import scale_name

__all__ = [
    "Digits",
    "fetch_all",
    "find_digit_model",
    "find_genre_gpt2",
    "find_gpt2",
    "find_gpt2_vocabulary",
    "find_quatrain_gpt2",
    "find_story_gpt2",
    "load_analogies",
    "load_chorales",
    "load_glove",
    "load_mnist",
    "load_polarity",
    "load_spoken_digits",
    "load_wikipedia_sentences",
    "load_wikipedia_text",
    "load_word_similarity",
    "spoken_line",
]


def fetch_all() -> list[tuple[str, str, bool, str]]:
    """Fetch everything ahead of a lecture; (name, source, complete, message) for each data set."""
    source, problem = ensure_mnist()
    found = [("MNIST", source, source != "sample", problem)]
    if scale_name() == "full":
        try:
            found.append(("GPT-2", ensure_gpt2()[1], True, ""))
        except DownloadError as error:  # the small one, which comes with the course, takes its place
            found.append(("GPT-2", "sample", False, str(error)))
    return found

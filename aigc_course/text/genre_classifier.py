"""Which genre a text is in, told by its letters: counts of characters and pairs of them, and a softmax over genres.

It learns from examples and always answers, also for a text that breaks off or breaks its form, where the grammar's own
reader, `synthetic.genres.genre_of`, says None unless every sentence is one of the grammar's. So one judges a model's
texts by the first, and their form by the second.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from aigc_course.text.arguments import check_texts

STRENGTH = 10.0  # of the data beside the penalty on weights: sklearn's C


class GenreClassifier:
    """What `train_classifier` gives; it never answers with a genre that it was not shown."""

    def __init__(self, pipeline: Pipeline):
        self.pipeline = pipeline
        self.genres: tuple[str, ...] = tuple(map(str, pipeline[-1].classes_))

    def predict(self, texts: Iterable[str]) -> list[str]:
        """The likeliest genre of each text. TypeError for a single text where several are expected."""
        probs = self.probabilities(texts)
        return [self.genres[i] for i in probs.argmax(axis=1)]

    def probabilities(self, texts: Iterable[str]) -> np.ndarray:
        """P(genre | text), in the order of `genres`; (texts, genres)."""
        check_texts("texts", texts)
        texts = list(texts)
        return self.pipeline.predict_proba(texts) if texts else np.zeros((0, len(self.genres)))

    def accuracy(self, texts: Iterable[str], genres: Sequence[str]) -> float:
        """The share of texts that are put into the genre that they are in."""
        return float(np.mean(np.array(self.predict(texts)) == np.array(genres)))


def train_classifier(texts: Iterable[str], genres: Sequence[str], seed: int = 0) -> GenreClassifier:
    """Learn from texts and the genre of each, in one language or several.

    Counted is whether a character or a pair of neighboring ones stands in a text, so that words, signs and the breaks
    of lines count in any script. The loss is convex: another seed gives the same weights up to rounding.
    TypeError for a single text; ValueError for lists of unequal length, an empty text, or a single genre.
    """
    check_texts("texts", texts)
    texts, genres = list(texts), list(genres)
    if len(texts) != len(genres):
        raise ValueError(f"{len(texts)} texts but {len(genres)} genres; give one for each")
    if len(set(genres)) < 2:
        raise ValueError(f"all {len(genres)} texts are in one genre; there is nothing to tell apart, give at least two")
    if empty := [number for number, text in enumerate(texts) if not text.strip()]:
        raise ValueError(f"text {empty[0]} is empty; leave it out, with its genre")
    count = CountVectorizer(analyzer="char", ngram_range=(1, 2), binary=True, lowercase=False)
    softmax = LogisticRegression(C=STRENGTH, max_iter=500, random_state=seed)
    return GenreClassifier(make_pipeline(count, softmax).fit(texts, genres))

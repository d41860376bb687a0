"""Pictures and captions in one space: the loss against its formula, recall on places that are known, reading words."""

import math

import pytest
import torch
import torch.nn.functional as F

from aigc_course.images.captions import all_captions, write
from aigc_course.images.contrastive import (
    LENGTH,
    PADDING,
    UNKNOWN,
    PictureEncoder,
    TextEncoder,
    contrastive_loss,
    numbers_of,
    recall_at_1,
    vocabulary_of,
    words_of,
)

TEXTS = [write(caption, language) for caption in all_captions() for language in ("en", "zh")]


def unit(count, dim=8, seed=0):
    return F.normalize(torch.randn(count, dim, generator=torch.Generator().manual_seed(seed)), dim=1)


def test_the_loss_is_the_formula_written_out():
    pictures, texts = unit(5, seed=1), unit(5, seed=2)
    total = 0.0
    for i in range(5):
        e = [[math.exp(7 * float(pictures[a] @ texts[b])) for b in range(5)] for a in range(5)]
        total -= math.log(e[i][i] / sum(e[i])) + math.log(e[i][i] / sum(e[a][i] for a in range(5)))
    assert contrastive_loss(pictures, texts, 7.0).item() == pytest.approx(total / 10, rel=1e-5)
    assert contrastive_loss(texts, pictures, 7.0).item() == pytest.approx(total / 10, rel=1e-5)  # symmetric


def test_vectors_that_say_nothing_lose_log_n_and_perfect_ones_nothing():
    same = torch.ones(6, 4) / 2
    assert contrastive_loss(same, same, 10.0).item() == pytest.approx(math.log(6))
    assert contrastive_loss(torch.eye(6), torch.eye(6), 50.0).item() < 1e-6


def test_recall_counts_what_is_nearest():
    places = torch.eye(4)
    assert recall_at_1(places, places) == 1
    assert recall_at_1(places, places[[0, 1, 3, 2]]) == 0.5
    assert recall_at_1(places, places.roll(1, 0)) == 0


@pytest.mark.parametrize("function", [recall_at_1, lambda a, b: contrastive_loss(a, b, 1.0)])
@pytest.mark.parametrize(("first", "second"), [((3, 4), (2, 4)), ((1, 4), (1, 4)), ((4,), (4,)), ((3, 4), (3, 5))])
def test_what_is_no_set_of_pairs_is_named(function, first, second):
    with pytest.raises(ValueError, match="n at least 2"):
        function(torch.zeros(first), torch.zeros(second))


def test_every_caption_can_be_read_and_no_two_are_alike():
    vocabulary = vocabulary_of(TEXTS)
    numbers = numbers_of(TEXTS, vocabulary)
    assert numbers.shape == (720, LENGTH)
    assert len(torch.unique(numbers, dim=0)) == len(set(TEXTS))
    assert UNKNOWN not in numbers
    assert (numbers[:, -1] != PADDING).all()
    assert words_of("A small, thin 7，向左的") == ["a", "small", "thin", "7", "向", "左", "的"]


def test_an_unknown_word_has_a_number_of_its_own():
    vocabulary = vocabulary_of(["a 7"])
    assert numbers_of(["a blue 7"], vocabulary)[0, -3:].tolist() == [vocabulary["a"], UNKNOWN, vocabulary["7"]]
    assert numbers_of([], vocabulary).shape == (0, LENGTH)
    for text in ("", "...", "a " * (LENGTH + 1)):
        with pytest.raises(ValueError, match=f"expected 1 to {LENGTH}"):
            numbers_of([text], vocabulary)


def test_encoders_give_vectors_of_length_1_and_the_text_s_depends_on_the_order():
    torch.manual_seed(0)
    vocabulary = vocabulary_of(TEXTS)
    texts = TextEncoder(len(vocabulary))(
        numbers_of(["a thick 7 slanting right", "right slanting 7 thick a"], vocabulary)
    )
    pictures = PictureEncoder()(torch.randint(256, (3, 28, 28), dtype=torch.uint8))
    assert texts.shape == (2, 32)
    assert pictures.shape == (3, 32)
    torch.testing.assert_close(torch.cat([texts, pictures]).norm(dim=1), torch.ones(5))
    assert (texts[0] - texts[1]).abs().max() > 1e-3


def test_ten_pairs_are_learned_by_heart():
    torch.manual_seed(0)
    texts = [f"a {digit}" for digit in range(10)]
    words = numbers_of(texts, vocabulary_of(texts))
    images = torch.randint(256, (10, 28, 28), dtype=torch.uint8)
    reads, sees = TextEncoder(11), PictureEncoder()
    optimizer = torch.optim.Adam([*reads.parameters(), *sees.parameters()], 3e-3)
    losses = []
    for _ in range(60):
        loss = contrastive_loss(sees(images), reads(words), 10.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(math.log(10), abs=0.5)
    with torch.no_grad():
        assert recall_at_1(sees(images), reads(words)) == 1

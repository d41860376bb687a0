"""The mark is that of transformers; what chance gives has z = 0; planted marks are found, also after changes."""

import pytest
import torch
from scipy import stats
from transformers import GPT2Config, WatermarkDetector, WatermarkingConfig
from transformers.generation import WatermarkLogitsProcessor

from aigc_course.text.decoding import Sampler
from aigc_course.trust.watermark import Watermark

VOCAB = 200


def written(mark, length, seed, bias=True, logits=None):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.tensor([[3]])
    sampler = mark.marked(Sampler()) if bias else Sampler()
    logits = torch.zeros(1, VOCAB) if logits is None else logits
    for _ in range(length):
        ids = torch.cat([ids, sampler(logits, ids, generator)[:, None]], dim=1)
    return ids[0]


@pytest.mark.parametrize(("key", "share", "bias"), [(15_485_863, 0.25, 2.0), (7, 0.5, 1.0), (2**61 - 1, 0.1, 5.0)])
def test_it_is_the_mark_of_transformers(key, share, bias):
    mark = Watermark(VOCAB, key, share, bias)
    theirs = WatermarkLogitsProcessor(VOCAB, "cpu", share, bias, key)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(VOCAB, (4, 9), generator=generator)
    logits = torch.randn(4, VOCAB, generator=generator)
    torch.testing.assert_close(mark.prefer_green(logits, ids), theirs(ids, logits), rtol=0, atol=0)


@pytest.mark.parametrize("repeated", [True, False])
def test_z_and_counts_are_those_of_transformers(repeated):
    mark = Watermark(VOCAB)
    config = WatermarkingConfig(greenlist_ratio=0.25, bias=2.0, hashing_key=mark.key)
    detector = WatermarkDetector(
        GPT2Config(vocab_size=VOCAB, bos_token_id=VOCAB + 1), "cpu", config, ignore_repeated_ngrams=not repeated
    )
    for seed in range(5):
        ids = written(mark, 80, seed, bias=seed % 2 == 0)
        ours, theirs = mark.find(ids, repeated=repeated), detector(ids[None], return_dict=True)
        assert (ours.num_tokens, ours.num_green) == (theirs.num_tokens_scored[0], theirs.num_green_tokens[0])
        assert ours.z == pytest.approx(theirs.z_score[0], rel=1e-9)


def test_without_the_mark_the_share_is_that_of_the_vocabulary_and_p_values_hold():
    mark = Watermark(VOCAB, key=11)
    found = [mark.find(written(mark, 200, seed, bias=False), repeated=False) for seed in range(60)]
    green = sum(each.num_green for each in found)
    tokens = sum(each.num_tokens for each in found)
    assert stats.binomtest(green, tokens, 0.25).pvalue > 0.001
    assert sum(each.p_value <= 0.05 for each in found) <= 9  # 3 expected; more than 9 of 60 has probability 0.001


def test_a_planted_mark_is_found_and_another_key_does_not_find_it():
    mark = Watermark(VOCAB, key=11)
    texts = [written(mark, 60, seed) for seed in range(3)]
    assert mark.find(*texts).p_value < 1e-12
    assert Watermark(VOCAB, key=12).find(*texts).p_value > 1e-3


def test_replaced_tokens_weaken_it():
    mark, generator = Watermark(VOCAB, key=11), torch.Generator().manual_seed(1)
    text = written(mark, 400, 0)
    changed = torch.where(torch.rand(len(text), generator=generator) < 0.5, 5, text)
    assert 0 < mark.find(changed).z < mark.find(text).z


def test_where_there_is_no_choice_there_is_no_mark():
    mark = Watermark(VOCAB, key=11)
    certain = torch.full((1, VOCAB), -100.0)
    certain[0, 5] = 0
    assert mark.find(written(mark, 100, 0, logits=certain), repeated=False).num_tokens <= 2


def test_strong_mark_takes_green_tokens_only():
    mark = Watermark(VOCAB, bias=1000.0)
    found = mark.find(written(mark, 50, 0))
    assert found.num_green == found.num_tokens == 50


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"vocab_size": 0}, "vocab_size 0"),
        ({"key": "secret"}, "key 'secret' is not a whole number"),
        ({"key": 0}, "key 0"),
        ({"key": 1.5}, "key 1.5"),
        ({"share": 1.0}, "share 1.0"),
        ({"share": 0.001}, "leaves a token"),
        ({"bias": 0}, "bias 0"),
        ({"bias": float("nan")}, "bias nan"),
    ],
)
def test_what_cannot_be_meant(settings, message):
    with pytest.raises(ValueError, match=message):
        Watermark(**({"vocab_size": VOCAB} | settings))


def test_texts_that_cannot_be_searched():
    mark = Watermark(VOCAB)
    with pytest.raises(ValueError, match="fewer than 2 tokens"):
        mark.find([4])
    with pytest.raises(ValueError, match="another tokenizer"):
        mark.find([4, VOCAB])
    with pytest.raises(ValueError, match="vocabulary of 200"):
        mark.prefer_green(torch.zeros(1, 7), torch.tensor([[1]]))

"""The benchmark of genres finds what is planted: a broken fact, a copy; many texts at a time are as one by one."""

import numpy as np
import pytest
from transformers import GPT2LMHeadModel, GPT2Tokenizer

from aigc_course.kit.runtime import data_folder
from aigc_course.synthetic.genres import GENRES, HELD_OUT, prompt_of, tell, tell_many
from tools.bench.genres import broken_facts, copies, text_log_probs, training_texts, write
from tools.train.genres import mean_loss, sample

FOLDER = data_folder() / "models" / "genre_gpt2"
OTHER = {"en": ("blue", "purple"), "zh": ("蓝", "紫")}


@pytest.fixture(scope="module")
def tokenizer():
    return GPT2Tokenizer.from_pretrained(FOLDER)


@pytest.fixture(scope="module")
def model():
    return GPT2LMHeadModel.from_pretrained(FOLDER).eval()


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("genre", GENRES)
def test_a_planted_broken_fact_is_found(genre, language):
    found = 0
    for told in tell_many(30, genre, language, HELD_OUT):
        assert broken_facts(told.text, told.sheet) == (True, 0)
        color = told.sheet.facts["colour"]
        other = next(each for each in OTHER[language] if each != color)
        if told.text.count(color) == 1:
            planted = told.text.replace(color, other)
            assert broken_facts(planted, told.sheet) == (False, pytest.approx(1 / len(told.sheet.facts)))
            found += 1
    assert found >= 5
    assert not broken_facts(told.text[:-20], told.sheet)[0]
    assert broken_facts(told.text, tell(HELD_OUT + 500, genre, language).sheet)[1] > 0.3


@pytest.mark.parametrize(("genre", "language"), [("news", "en"), ("verse", "zh")])
def test_a_planted_copy_is_found(genre, language):
    training = training_texts(genre, language)
    assert len(training) == len(set(training)) == 13_800
    assert sample(8 * 700 + 2 * GENRES.index(genre) + (language == "zh")).endswith(f"\n{training[700]}")
    fresh = tell(HELD_OUT, genre, language).text
    half = len(training[5]) // 2
    texts = [fresh, training[13_799], training[5], "○" + training[5][half:], training[7][:half]]
    whole, runs = copies(texts, training, 10, language)
    assert whole == 2
    parts = (lambda text: len(text.split())) if language == "en" else len
    assert runs[2] == parts(training[5])
    assert runs[3] >= parts(training[5][half:]) - 1
    assert runs[4] >= parts(training[7][:half]) - 1
    assert runs[0] < parts(fresh) / 2


def test_many_texts_at_a_time_are_as_one_by_one(model, tokenizer):
    told = [tell(HELD_OUT, genre, language) for genre in ("news", "verse") for language in ("en", "zh")]
    prompts = [each.prompt for each in told] + [prompt_of(None, "advert", "en")]
    together = write(model, tokenizer, prompts, 0, do_sample=False, temperature=None, top_k=None)
    assert together == [
        write(model, tokenizer, [prompt], 0, do_sample=False, temperature=None, top_k=None)[0] for prompt in prompts
    ]


def test_log_probs_are_those_of_a_text_alone(model, tokenizer):
    told = [tell(HELD_OUT + 1, genre, language) for genre in GENRES for language in ("en", "zh")]
    found = text_log_probs(model, tokenizer, [each.prompt for each in told], [each.text for each in told])
    assert np.allclose(-found, [mean_loss(model, tokenizer, [each]) for each in told], rtol=1e-4)

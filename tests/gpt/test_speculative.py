"""Speculative decoding writes what the model writes alone, token for token; good guesses save calls."""

import pytest
import torch

from aigc_course.gpt.model import GPT, GPTConfig
from aigc_course.gpt.speculative import guess_from_the_text, write_speculatively
from aigc_course.kit.runtime import data_folder
from aigc_course.text.byte_pairs import BytePairs
from aigc_course.text.decoding import Sampler

GREEDY = Sampler(temperature=0)


def small_model(end_token=None):
    torch.manual_seed(0)
    model = GPT(
        GPTConfig(vocab_size=12, context_length=40, embedding_dim=16, num_layers=2, num_heads=2, end_token=end_token)
    )
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(8 if weight.ndim > 1 else 1)
    return model.eval()


def wrong(ids, count):
    return [(ids[-1] + 1) % 12] * count


def nothing(ids, count):
    return []


def oracle(text):
    """A guess that is always right: it knows the text."""
    return lambda ids, count: text[len(ids) : len(ids) + count]


@pytest.mark.parametrize("guess", [guess_from_the_text, wrong, nothing])
@pytest.mark.parametrize("end_token", [None, 3, 7])
@pytest.mark.parametrize("room", [1, 2, 20, 100])
def test_the_text_is_that_of_greedy_decoding_whatever_is_guessed(guess, end_token, room):
    model = small_model(end_token)
    for first in range(0, 12, 3):
        prompt = torch.tensor([[first, 5, 2]])
        plain = model.generate(prompt, room, GREEDY)
        written = write_speculatively(model, prompt, room, guess, num_guessed=5)
        assert torch.equal(written.ids, plain)
        assert 1 <= written.num_calls <= plain.shape[1] - 3
        assert 0 <= written.num_accepted <= written.num_guessed
        if guess is nothing:
            assert written.num_calls == plain.shape[1] - 3


def test_right_guesses_save_calls():
    model, prompt = small_model(), torch.tensor([[1, 5, 2]])
    plain = model.generate(prompt, 36, GREEDY)
    written = write_speculatively(model, prompt, 36, oracle(plain[0].tolist()), num_guessed=5)
    assert torch.equal(written.ids, plain)
    assert written.num_calls == 6  # 36 tokens, 6 a call
    assert written.num_accepted == written.num_guessed == 30


def test_a_story_that_repeats_its_words_takes_fewer_calls():
    folder = data_folder() / "models" / "story_gpt2"
    model = GPT.from_pretrained(folder)
    pairs = BytePairs.from_files(folder / "vocab.json", folder / "merges.txt")
    prompt = torch.tensor([pairs.encode("Once upon a time")])
    plain = model.generate(prompt, 120, GREEDY)
    written = write_speculatively(model, prompt, 120)
    assert torch.equal(written.ids, plain)
    assert written.num_calls < plain.shape[1] - prompt.shape[1]


@pytest.mark.parametrize(
    ("ids", "count", "expected"),
    [
        ([1, 2, 3, 1, 2], 2, [3, 1]),
        ([1, 2, 3, 9, 2, 4, 1, 2], 1, [3]),  # the longer end counts, although 2 alone stood later
        ([1, 2, 1, 3, 1], 1, [3]),  # the latest place
        ([1, 2, 3], 4, []),
        ([1, 1], 3, [1]),
        ([1], 3, []),
    ],
)
def test_a_guess_is_what_followed_before(ids, count, expected):
    assert guess_from_the_text(ids, count) == expected


def test_more_than_one_prompt_and_settings_out_of_range_are_refused():
    model = small_model()
    with pytest.raises(ValueError, match="one prompt at a time"):
        write_speculatively(model, torch.zeros(2, 3, dtype=torch.long), 5)
    with pytest.raises(ValueError, match="num_guessed"):
        write_speculatively(model, torch.zeros(1, 3, dtype=torch.long), 5, num_guessed=0)
    with pytest.raises(ValueError, match="context"):
        write_speculatively(model, torch.zeros(1, 41, dtype=torch.long), 5)

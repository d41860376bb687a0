"""The GPT-2 that writes Chinese: size, files, perplexity and whether its stories hold together."""

import pytest
import torch
import transformers
from transformers import AutoTokenizer, GPT2LMHeadModel

from aigc_course.gpt.model import GPT
from aigc_course.kit import runtime
from aigc_course.synthetic.stories import HELD_OUT, read_back, tell_many
from aigc_course.text.byte_pairs import BytePairs
from tools.train.gpt import END, TEMPERATURE, perplexities, train_tokenizer, write_stories
from tools.train.story_recipes import CHINESE

FOLDER = runtime.data_folder() / "models" / CHINESE.name
MAX_BYTES = 7_000_000


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(FOLDER)


@pytest.fixture(scope="module")
def model():
    transformers.logging.set_verbosity_error()
    return GPT2LMHeadModel.from_pretrained(FOLDER).eval()


def test_it_is_small_and_complete():
    files = {file.name: file.stat().st_size for file in FOLDER.iterdir()}
    assert {"README.md", "config.json", "generation_config.json", "model.safetensors", "tokenizer.json"} <= set(files)
    assert {"tokenizer_config.json", "vocab.json", "merges.txt"} <= set(files)
    assert sum(files.values()) <= MAX_BYTES


def test_the_tokenizer_can_be_made_again_and_reads_as_the_courses_does(tokenizer, model, tmp_path):
    train_tokenizer(tmp_path, CHINESE)
    for name in ("vocab.json", "merges.txt"):
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()
    ours = BytePairs.from_files(FOLDER / "vocab.json", FOLDER / "merges.txt")
    for text in ["從前，有一隻貓。", "🦊 fox", *(story.text for story in tell_many(50, HELD_OUT, "zh"))]:
        assert tokenizer(text)["input_ids"] == ours.encode(text)
    assert tokenizer.eos_token == END
    assert model.config.eos_token_id == model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert (model.config.vocab_size, model.config.n_positions) == (len(tokenizer), CHINESE.context_length)


def test_every_story_fits_the_context(tokenizer):
    texts = [story.text for story in tell_many(3000, HELD_OUT, "zh")]
    assert max(map(len, tokenizer(texts)["input_ids"])) + 2 <= CHINESE.context_length


def test_the_courses_network_computes_the_same(tokenizer, model):
    ids = tokenizer(tell_many(1, HELD_OUT, "zh")[0].text, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        assert torch.allclose(GPT.from_pretrained(FOLDER)(ids), model(ids).logits, atol=1e-3)


@pytest.mark.parametrize("count", [50, pytest.param(300, marks=pytest.mark.slow)])
def test_perplexity_comes_close_to_the_least_possible(tokenizer, model, count):
    perplexity, least = perplexities(model, tokenizer, tell_many(count, HELD_OUT, "zh"))
    assert least < perplexity < 1.05 * least


@pytest.mark.parametrize("count", [40, pytest.param(200, marks=pytest.mark.slow)])
def test_its_stories_hold_together(tokenizer, model, count):
    readings = [read_back(text, "zh") for text in write_stories(model, tokenizer, count, TEMPERATURE, seed=1)]
    # the card, over 1,000 stories, says 97 and 82 %; of 40, three standard errors less
    assert sum(reading.well_formed for reading in readings) >= 0.88 * count
    assert sum(reading.is_true for reading in readings) >= 0.64 * count

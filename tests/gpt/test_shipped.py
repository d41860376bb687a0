"""The GPT-2 that the course ships: size, files, tokenizer, perplexity and whether its stories hold together."""

import json

import pytest
import torch
import transformers
from transformers import GPT2LMHeadModel, GPT2Tokenizer

from aigc_course.kit import runtime
from aigc_course.synthetic.stories import HELD_OUT, read_back, tell_many
from tools.train.gpt import END, TEMPERATURE, perplexities, write_stories
from tools.train.story_recipes import ENGLISH

FOLDER = runtime.data_folder() / "models" / "story_gpt2"
MAX_BYTES = 16_000_000
CONTEXT_LENGTH = ENGLISH.context_length


@pytest.fixture(scope="module", autouse=True)
def offline():
    """No question is asked of the network."""
    patch = pytest.MonkeyPatch()
    patch.setattr("socket.socket.connect", lambda *_: pytest.fail("the network was asked"))
    yield
    patch.undo()


@pytest.fixture(scope="module")
def tokenizer():
    return GPT2Tokenizer.from_pretrained(FOLDER)


@pytest.fixture(scope="module")
def model():
    transformers.logging.set_verbosity_error()
    return GPT2LMHeadModel.from_pretrained(FOLDER).eval()


def test_it_is_small_and_complete():
    files = {file.name: file.stat().st_size for file in FOLDER.iterdir()}
    assert {"README.md", "config.json", "generation_config.json", "model.safetensors", "tokenizer.json"} <= set(files)
    assert {"tokenizer_config.json", "vocab.json", "merges.txt"} <= set(files)
    assert sum(files.values()) <= MAX_BYTES


def test_vocabulary_and_merges_are_those_of_the_fast_tokenizer(tokenizer):
    """transformers 4 reads vocab.json and merges.txt, 5 reads tokenizer.json: they must say the same."""
    fast = json.loads((FOLDER / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    assert json.loads((FOLDER / "vocab.json").read_text(encoding="utf-8")) == fast["vocab"] == tokenizer.get_vocab()
    lines = (FOLDER / "merges.txt").read_text(encoding="utf-8").splitlines()
    merges = [tuple(line.split(" ")) for line in lines if not line.startswith("#version")]
    assert merges == [tuple(pair) for pair in fast["merges"]]


def test_the_tokenizer_writes_any_text(tokenizer, model):
    texts = [
        "Once upon a time, ",
        "\t two  spaces\n",
        "从前有一只猫。",
        "naïve café 🦊",
        *(s.text for s in tell_many(20, HELD_OUT)),
    ]
    for text in texts:
        assert tokenizer.decode(tokenizer(text)["input_ids"], clean_up_tokenization_spaces=False) == text
    assert tokenizer.eos_token == END
    assert model.config.eos_token_id == model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert model.config.vocab_size == len(tokenizer)
    assert model.config.n_positions == CONTEXT_LENGTH


def test_every_story_fits_the_context(tokenizer):
    assert max(map(len, tokenizer([story.text for story in tell_many(1000)])["input_ids"])) + 2 <= CONTEXT_LENGTH


@pytest.mark.parametrize("count", [25, pytest.param(200, marks=pytest.mark.slow)])
def test_perplexity_comes_close_to_the_least_possible(tokenizer, model, count):
    perplexity, least = perplexities(model, tokenizer, tell_many(count, seed=HELD_OUT))
    assert least < perplexity < 1.03 * least


@pytest.mark.parametrize("count", [20, pytest.param(100, marks=pytest.mark.slow)])
def test_its_stories_hold_together(tokenizer, model, count):
    """Of 1,000 stories 96 % are well-formed and 96 % of all keep every fact (the card); 100 of them vary by some."""
    readings = [read_back(text) for text in write_stories(model, tokenizer, count, TEMPERATURE, seed=1)]
    assert sum(reading.well_formed for reading in readings) >= 0.9 * count
    assert sum(reading.is_true for reading in readings) >= 0.88 * count


def test_it_goes_on_from_a_prompt_as_the_article_does(tokenizer, model):
    ids = tokenizer.encode("Once upon a time", return_tensors="pt")
    torch.manual_seed(0)
    written = model.generate(ids, max_length=100, do_sample=True, temperature=0.7, pad_token_id=tokenizer.eos_token_id)
    text = tokenizer.decode(written[0], skip_special_tokens=True)
    assert text.startswith("Once upon a time, ")
    assert read_back(text).truncated

"""The model of genres that the course ships: size, files, tokens, genres obeyed, facts kept, nats against the least."""

import json

import numpy as np
import pytest
import torch
import transformers
from transformers import GPT2LMHeadModel, GPT2Tokenizer

from aigc_course.gpt.model import GPT
from aigc_course.kit.runtime import data_folder
from aigc_course.synthetic.genres import GENRES, HELD_OUT, control_code, prompt_of, read_back, tell, tell_many
from aigc_course.text.byte_pairs import BytePairs
from tools.bench.genres import broken_facts, classifier_of, text_log_probs, write
from tools.train.genres import KINDS
from tools.train.gpt import END

FOLDER = data_folder() / "models" / "genre_gpt2"
MAX_BYTES, MAX_TOGETHER = 5_100_000, 12_000_000
COUNT = 8  # sheets of each genre and language; the benchmark has 100


@pytest.fixture(scope="module", autouse=True)
def offline():
    """No question is asked of the network."""
    patch = pytest.MonkeyPatch()
    patch.setattr("socket.socket.connect", lambda *_: pytest.fail("the network was asked"))
    transformers.logging.set_verbosity_error()
    yield
    patch.undo()


@pytest.fixture(scope="module")
def tokenizer():
    return GPT2Tokenizer.from_pretrained(FOLDER)


@pytest.fixture(scope="module")
def model():
    return GPT2LMHeadModel.from_pretrained(FOLDER).eval()


def size_of(name):
    return sum(file.stat().st_size for file in (data_folder() / "models" / name).iterdir())


def test_it_is_small_and_complete(model):
    names = {file.name for file in FOLDER.iterdir()}
    assert {"README.md", "config.json", "generation_config.json", "model.safetensors", "tokenizer.json"} <= names
    assert {"tokenizer_config.json", "vocab.json", "merges.txt"} <= names
    assert size_of("genre_gpt2") <= MAX_BYTES
    assert sum(map(size_of, ("genre_gpt2", "story_gpt2_zh", "quatrain_gpt2"))) <= MAX_TOGETHER
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert f"{model.num_parameters():,} parameters" in card
    assert all(word in card for word in ("python -m tools.train.genres", "held out", "license", "MIT"))
    assert all(f"{genre}, {language}" in card for genre, language in KINDS)


def test_vocabulary_and_merges_are_those_of_the_fast_tokenizer(tokenizer):
    fast = json.loads((FOLDER / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    assert json.loads((FOLDER / "vocab.json").read_text(encoding="utf-8")) == fast["vocab"] == tokenizer.get_vocab()
    lines = (FOLDER / "merges.txt").read_text(encoding="utf-8").splitlines()
    merges = [tuple(line.split(" ")) for line in lines if not line.startswith("#version")]
    assert merges == [tuple(pair) for pair in fast["merges"]]


def test_prompts_and_texts_are_cut_as_by_hand_and_fit_the_context(tokenizer, model):
    ours = BytePairs.from_files(FOLDER / "vocab.json", FOLDER / "merges.txt")
    for genre, language in KINDS:
        for told in tell_many(200, genre, language, HELD_OUT):
            ids = tokenizer.encode(told.prompt + told.text)
            assert ids == tokenizer.encode(told.prompt) + tokenizer.encode(told.text)
            assert len(ids) + 2 <= model.config.n_positions
        assert ids == ours.encode(told.prompt + told.text)
        assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == told.prompt + told.text
    assert tokenizer.eos_token == END
    assert model.config.eos_token_id == model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert model.config.vocab_size == len(tokenizer)


def test_the_courses_network_computes_the_same(tokenizer, model):
    ids = tokenizer(tell(HELD_OUT, "news", "zh").prompt, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        assert torch.allclose(GPT.from_pretrained(FOLDER)(ids), model(ids).logits, atol=1e-3)


@pytest.fixture(scope="module")
def written(model, tokenizer):
    """(genre, language) -> the sheets' texts by the grammar; what the model writes from them."""
    told = {kind: tell_many(COUNT, *kind, HELD_OUT + 20_000) for kind in KINDS}
    texts = iter(write(model, tokenizer, [each.prompt for of_kind in told.values() for each in of_kind], seed=3))
    return {kind: (of_kind, [next(texts) for _ in of_kind]) for kind, of_kind in told.items()}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_genres_are_obeyed_and_facts_kept(written, language):
    judge = classifier_of(language)
    right, wrong = [], []
    for genre in GENRES:
        told, texts = written[genre, language]
        assert judge.predict(texts) == [genre] * COUNT
        right += [broken_facts(text, each.sheet) for text, each in zip(texts, told, strict=True)]
        wrong += [broken_facts(text, each.sheet) for text, each in zip(texts[1:] + texts[:1], told, strict=True)]
    kept = np.mean([kept for kept, _ in right])
    assert kept >= LEAST_KEPT[language]
    assert np.mean([kept for kept, _ in wrong]) == 0
    assert np.mean([share for _, share in right]) <= 0.5 * np.mean([share for _, share in wrong])


LEAST_KEPT = {"en": 0.6, "zh": 0.5}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_code_alone_is_enough_for_the_genre(model, tokenizer, language):
    prompts = [prompt_of(None, genre, language) for genre in GENRES for _ in range(6)]
    texts = write(model, tokenizer, prompts, seed=5)
    found = classifier_of(language).predict(texts)
    assert sum(a == b for a, b in zip(found, [genre for genre in GENRES for _ in range(6)], strict=True)) >= 22
    assert not any(control_code(genre, language) in text for genre in GENRES for text in texts)


def test_nats_come_close_to_the_least_possible(model, tokenizer):
    told = [tell(HELD_OUT + 30_000 + number, *KINDS[number % 8]) for number in range(64)]
    given_sheet = -text_log_probs(model, tokenizer, [each.prompt for each in told], [each.text for each in told])
    codes = [prompt_of(None, each.sheet.genre, each.sheet.language) for each in told]
    given_code = -text_log_probs(model, tokenizer, codes, [each.text for each in told])
    least = np.mean([-each.log_prob for each in told])
    assert least < given_code.mean() < 1.5 * least
    assert given_sheet.mean() < 0.5 * given_code.mean()
    assert all(read_back(each.text, each.sheet.genre, each.sheet.language).is_true for each in told)

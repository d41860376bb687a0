"""What the model of genres is trained on: its tokens, batches in which no text comes twice, and what counts."""

import json

import torch
from transformers import GPT2Tokenizer

from aigc_course.kit.runtime import data_folder
from aigc_course.synthetic.genres import prompt_of, tell
from tools.train import genres
from tools.train.gpt import end_token

FOLDER = data_folder() / "models" / "genre_gpt2"


def test_the_tokenizer_can_be_made_again(tmp_path):
    genres.train_tokenizer(tmp_path)
    for name in ("vocab.json", "merges.txt"):
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()
    made, shipped = (
        json.loads((folder / "tokenizer.json").read_text(encoding="utf-8")) for folder in (tmp_path, FOLDER)
    )
    assert made["model"]["vocab"] == shipped["model"]["vocab"]
    assert "\n" not in (tmp_path / "tokenizer.json").read_text(encoding="utf-8")  # as small as it can be


def test_one_text_in_eight_has_no_sheet_and_kinds_take_turns():
    for number in (0, 7, 8, 63, 64, 71):
        genre, language = genres.KINDS[number % 8]
        told = tell(number, genre, language)
        bare = prompt_of(None, genre, language) + told.text
        assert genres.sample(number) == (bare if number // 8 % 8 == 0 else told.prompt + told.text)


def test_batches_are_full_and_the_same_whenever_asked(monkeypatch):
    monkeypatch.setattr(genres, "STEPS_AT_ONCE", 3)
    tokenizer = GPT2Tokenizer.from_pretrained(FOLDER)
    batch_at = genres.batches_of(tokenizer)
    rows = [batch_at(step) for step in range(6)]
    assert all(row.shape == (genres.BATCH_SIZE, genres.RECIPE.context_length) for row in rows)
    assert torch.equal(genres.batches_of(tokenizer)(4), rows[4])
    texts = [
        text for row in rows for line in tokenizer.batch_decode(row) for text in line.split("<|endoftext|>") if text
    ]
    assert len(texts) == len(set(texts))


def test_codes_and_sheets_count_less_than_texts():
    tokenizer = GPT2Tokenizer.from_pretrained(FOLDER)
    told, end = tell(8, "news", "en"), end_token(tokenizer)
    prompt, text = tokenizer.encode(told.prompt), tokenizer.encode(told.text)
    ids = torch.tensor([[*prompt, *text, end, *prompt, *text, end]])
    weights = genres.sheet_weights(tokenizer)(0, ids, torch.zeros(ids.shape))[0]
    once = [genres.SHEET_WEIGHT] * (len(prompt) - 2) + [1.0] * (2 + len(text) + 1)
    assert torch.allclose(weights, torch.tensor(once * 2))

"""Writing quatrains with control codes: tokens, beginnings, the rhyme that suits a beginning; bad input."""

import json

import pytest
import torch

from aigc_course.gpt.model import GPT, GPTConfig
from aigc_course.gpt.verse import (
    CODES,
    END,
    NO_RHYME,
    Characters,
    codes_of,
    prompt_of,
    rhyme_log_probs,
    write_quatrains,
)
from aigc_course.text.decoding import Sampler
from aigc_course.text.quatrains import RHYMES

TOWER = "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"
LETTERS = Characters([*CODES, "，", "。", *dict.fromkeys(TOWER.replace("，", "").replace("。", ""))])


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return GPT(GPTConfig(len(LETTERS.tokens), 36, 16, 1, 2, end_token=0)).eval()


def test_text_becomes_tokens_and_text_again(tmp_path):
    ids = LETTERS.encode(TOWER, ("<五言>", "<油求>"))
    assert len(ids) == 2 + len(TOWER)
    assert LETTERS.decode(ids) == TOWER
    assert LETTERS.decode([*ids, LETTERS.ids[END], *ids]) == TOWER
    with pytest.raises(ValueError, match="“A风”"):
        LETTERS.encode("A白风A")
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps({"model": {"vocab": LETTERS.ids}}), encoding="utf-8")
    assert Characters.from_file(path).tokens == LETTERS.tokens


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"model": {"vocab": []}}', '{"model": {"vocab": {"春": 1}}}'])
def test_a_damaged_tokenizer_is_told(tmp_path, content):
    (tmp_path / "tokenizer.json").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"tokenizer\.json is no list of characters"):
        Characters.from_file(tmp_path / "tokenizer.json")


def test_codes_say_form_and_rhyme():
    assert codes_of(TOWER, 5) == ("<五言>", "<油求>")
    assert codes_of(TOWER.replace("楼", "尽"), 5) == ("<五言>", NO_RHYME)
    assert len(set(CODES)) == len(CODES) == 1 + 2 + 13 + 1


@pytest.mark.parametrize(
    ("text", "form", "begin"),
    [
        ("", 5, ""), ("白", 5, "白"), ("白日依山尽", 5, "白日依山尽，"), ("白日依山尽，黄", 5, "白日依山尽，黄"),
        (TOWER[:19], 5, TOWER[:19]), ("白日依山尽黄河入海流欲", 5, "白日依山尽，黄河入海流。欲"),
        ("白日依山尽黄河入", 7, "白日依山尽黄河，入"), ("白日依山尽！", 5, "白日依山尽，"),
    ],
)  # fmt: skip
def test_a_beginning_is_laid_out_in_lines(text, form, begin):
    assert prompt_of(text, form) == begin


@pytest.mark.parametrize(
    ("text", "form", "said"),
    [
        (TOWER, 5, "leaves no room"),
        ("白日，依山", 5, "a mark does not follow"),
        ("白", 6, "5 or 7"),
        ("白，", 7, "a mark"),
    ],
)
def test_a_beginning_that_fits_no_quatrain(text, form, said):
    with pytest.raises(ValueError, match=said):
        prompt_of(text, form)


def test_the_rhyme_suits_the_beginning_by_bayes_rule(model):
    begin = "白日依"
    expected = []
    for name in RHYMES:
        ids = torch.tensor([LETTERS.encode(begin, ("<五言>", f"<{name}>"))])
        log_probs = model(ids).log_softmax(-1)[0]
        expected.append(sum(log_probs[place, ids[0, place + 1]].item() for place in range(ids.shape[1] - 1)))
    assert rhyme_log_probs(model, LETTERS, begin, 5).tolist() == pytest.approx(expected, abs=1e-5)


def test_poems_begin_as_asked_and_depend_on_the_seed_alone(model):
    def written(seed, count=70, **settings):
        return list(write_quatrains(model, LETTERS, count, 7, Sampler(0.9), seed, **settings))

    poems = written(3, prompt="白日")
    assert len(poems) == 70
    assert all(poem.startswith("白日") and not set("<>") & set(poem) for poem in poems)
    assert poems == written(3, prompt="白日") != written(4, prompt="白日")
    assert len(written(3, count=1, rhyme="油求")) == 1
    with pytest.raises(ValueError, match="thirteen rhymes"):
        written(0, rhyme="油")
    with pytest.raises(ValueError, match="“🙂”"):
        written(0, prompt="🙂")

"""Cuts of Chinese against every possible cut and against jieba; jieba without a word on stderr and without a cache."""

import itertools
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from aigc_course.synthetic.stories import tell_many
from aigc_course.text.segmentation import LONGEST, likeliest_cut, load_jieba, segment

BRIDGE = "南京市长江大桥"
SENTENCES = (
    "欢迎新老师生前来就餐",
    "乒乓球拍卖完了",
    "结婚的和尚未结婚的",
    "他从马上下来",
    "饕餮鬯龘",
    BRIDGE,
    "一",
    "",
)


@pytest.fixture(scope="module")
def jieba():
    return load_jieba()


def every_cut(text):
    """All 2^(n - 1) ways to cut a text."""
    for size in range(len(text)):
        for places in itertools.combinations(range(1, len(text)), size):
            edges = (0, *places, len(text))
            yield [text[a:b] for a, b in itertools.pairwise(edges)]


def test_the_likeliest_cut_is_the_best_of_all():
    rng = np.random.default_rng(0)
    letters = "甲乙丙丁"
    for _ in range(50):
        words = {*letters, *("".join(rng.choice(list(letters), size=rng.integers(2, 4))) for _ in range(12))}
        counts = {word: int(rng.integers(1, 1000)) for word in sorted(words)}
        total = sum(counts.values())
        text = "".join(rng.choice(list(letters), size=9))

        def log_prob(cut, counts=counts, total=total):
            return sum(math.log(counts[word] / total) if word in counts else -math.inf for word in cut)

        assert log_prob(likeliest_cut(text, counts, total)) == pytest.approx(max(map(log_prob, every_cut(text))))


def test_the_likeliest_cut_by_hand():
    counts = {"甲": 2, "乙": 2, "甲乙": 1}
    assert likeliest_cut("甲乙", counts, 5) == ["甲乙"]  # 1/5 against 4/25
    assert likeliest_cut("甲乙", counts | {"乙": 8}, 11) == ["甲", "乙"]  # 16/121 against 1/11
    assert likeliest_cut("丙甲乙丙", counts, 5) == ["丙", "甲乙", "丙"]
    assert likeliest_cut("", counts, 5) == []


@pytest.mark.parametrize("sentence", SENTENCES)
def test_sentences_are_cut_as_by_jieba(sentence, jieba):
    assert likeliest_cut(sentence, jieba.FREQ, jieba.total) == jieba.lcut(sentence, HMM=False)


def test_stories_are_cut_as_by_jieba(jieba):
    for story in tell_many(30, language="zh"):
        assert likeliest_cut(story.text, jieba.FREQ, jieba.total) == jieba.lcut(story.text, HMM=False)


def test_no_word_of_the_dictionary_is_longer_than_what_is_looked_up(jieba):
    assert max(map(len, jieba.FREQ)) == LONGEST
    assert sum(count > 0 for count in jieba.FREQ.values()) == 349_045  # as chapter 4.2 says
    assert jieba.FREQ["南京市"] == 2046 and jieba.total == 60_101_967


def test_an_extra_word_is_found_and_stays_with_its_segmenter(jieba):
    text = "分吃了樱桃酥"
    assert jieba.lcut(text, HMM=False)[-2:] == ["樱桃", "酥"]
    assert load_jieba(["樱桃酥"]).lcut(text, HMM=False)[-1] == "樱桃酥"
    assert segment(text, ["樱桃酥"])[-1] == "樱桃酥"
    assert segment(text)[-2:] == jieba.lcut(text, HMM=False)[-2:] == load_jieba().lcut(text, HMM=False)[-2:]


@pytest.mark.parametrize("text", [BRIDGE, "他说：“GPT-2写了诗。”\n好！", "我😀你", "南京市長江大橋", "  一 ", "㐀"])
def test_the_pieces_put_together_are_the_text(text):
    assert "".join(segment(text)) == text


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("", ValueError, "the text is empty"),
        (" \n", ValueError, "the text is empty"),
        ("only English", ValueError, "no Chinese character in 'only English'; .*text.split"),
        ("ひらがな 123 😀", ValueError, "no Chinese character"),
        (BRIDGE.encode(), TypeError, "a bytes, into words; decode it first"),
        (float("nan"), TypeError, "cannot cut nan, a float"),
        (None, TypeError, "cannot cut None"),
        ([BRIDGE], TypeError, "a list, into words; give a text"),
    ],
)
def test_a_wrong_text_is_told_the_way_out(text, error, said):
    with pytest.raises(error, match=said):
        segment(text)


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        ("樱桃酥", TypeError, "extra_words is one text"),
        ([b"abc"], TypeError, "is a bytes"),
        ([float("nan")], TypeError, "extra word nan is a float"),
        (["罗密欧·朱丽叶"], ValueError, "never find the extra word '罗密欧·朱丽叶'"),
        (["樱桃 酥"], ValueError, "never find"),
        ([""], ValueError, "never find the extra word ''"),
    ],
)
def test_a_wrong_extra_word_is_told_the_way_out(words, error, said):
    with pytest.raises(error, match=said):
        load_jieba(words)


def test_loading_is_silent_and_writes_nothing(tmp_path):
    """Compiled anew, with every warning an error elsewhere, in a home and a folder for temporary files to look at."""
    program = (
        "import warnings\n"
        "warnings.simplefilter('error')\n"
        "from aigc_course.text.segmentation import segment\n"
        f"assert segment({BRIDGE!r}) == ['南京市', '长江大桥']\n"
    )
    where = {name: str(tmp_path) for name in ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP")}
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | where | {"PYTHONPATH": str(root), "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"PYTHONPYCACHEPREFIX": str(tmp_path / "none")}  # no compiled file is found: jieba's warnings come
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert not list(tmp_path.iterdir())

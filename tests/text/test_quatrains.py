"""Form, rhyme and tones of quatrains: known poems, what is none, and chance."""

import random

import pytest
from pypinyin import Style, pinyin

from aigc_course.kit.runtime import data_folder
from aigc_course.text.copying import longest_copied_runs
from aigc_course.text.quatrains import (
    RHYME_OF_FINAL,
    RHYMES,
    alternates,
    form_of,
    is_regulated,
    lines_of,
    marks_fit,
    punctuated,
    rhyme_of,
    rhymes,
    syllable,
    tones_of,
)

TOWER = "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"
DAWN = "春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。"
FAREWELL = "渭城朝雨浥轻尘，客舍青青柳色新。劝君更尽一杯酒，西出阳关无故人。"


@pytest.fixture(scope="module")
def poems():
    lines = (data_folder() / "tang_quatrains.txt").read_text(encoding="utf-8").splitlines()
    return [line.partition("》")[2] for line in lines]


def test_every_poem_of_the_anthology_is_a_quatrain(poems):
    assert {form_of(poem) for poem in poems} == {5}
    for poem in poems:
        lines = lines_of(poem)
        assert form_of(punctuated("".join(lines), len(lines[0]))) == form_of(poem)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (TOWER, 5), (FAREWELL, 7), (TOWER[:-1], 5), (TOWER.replace("。", "。\n"), None), (TOWER.replace("，", "\n"), 5),
        (" 白日 依山尽，黄河入海流。欲穷千里目，更上一层楼。 ", 5), ("", None), ("春", None), ("，。，。", None),
        (TOWER[:-2] + "。", None), (TOWER + TOWER, None), (TOWER.replace("白", "A"), None),
        (TOWER.replace("白", "🙂"), None), ("山山，水水。花花，月月。", None), (TOWER.replace("白日", "白，日"), None),
        (TOWER.replace("。", "？！"), None),
    ],
)  # fmt: skip
def test_what_is_a_quatrain(text, form):
    assert form_of(text) == form


def test_finals_are_shared_out_among_thirteen_rhymes():
    assert len(RHYMES) == 13
    assert len(RHYME_OF_FINAL) == sum(len(finals.split()) for finals in RHYMES.values())  # none in two
    common = "".join(chr(code) for code in range(0x4E00, 0x9FA0, 7))
    finals = {final for ((final, *_),) in map(lambda c: pinyin(c, style=Style.FINALS, strict=True), common)}
    assert finals - set(RHYME_OF_FINAL) <= {"", "m", "n", "ng", "io"}


@pytest.mark.parametrize(
    ("character", "final", "rhyme"),
    [
        ("流", ("iou", 2), "油求"), ("楼", ("ou", 2), "油求"), ("月", ("ve", 4), "乜斜"), ("知", ("i", 1), "一七"),
        ("女", ("v", 3), "一七"), ("翁", ("ueng", 1), "中东"), ("山", ("an", 1), "言前"), ("A", None, None),
        ("，", None, None), ("🙂", None, None),
    ],
)  # fmt: skip
def test_sounds_of_today(character, final, rhyme):
    assert syllable(character) == final
    assert rhyme_of(character) == rhyme


def test_rhymes():
    assert rhymes(lines_of(TOWER))
    assert rhymes(lines_of(DAWN))
    assert rhymes(lines_of(FAREWELL))
    assert not rhymes(["红豆生南国", "春来发几枝", "愿君多采撷", "此物最相枝"])  # a character and itself
    assert not rhymes(["山中相送罢", "日暮掩柴扉", "春草明年绿", "笑问客从何处来"])  # fei and lai
    assert not rhymes(["春", "回", "秋", "来"])  # they did once
    assert not rhymes(["a", "b", "c", "d"])


def test_tones():
    assert tones_of("白日依山尽") == "平仄平平仄"  # 白 had the entering tone, oblique; it is level today
    assert tones_of("AＢ山") == "？？平"
    assert alternates("黄河入海流")
    assert not alternates("春春春春春")
    assert alternates("故人西辞黄鹤楼") is False
    assert is_regulated(lines_of(TOWER))
    assert not is_regulated([*lines_of(TOWER)[2:], *lines_of(TOWER)[2:]])  # line 3 does not go on as line 2
    assert not is_regulated(["AAAAA"] * 4)


def test_real_poems_rhyme_several_times_as_often_as_mixed_ones(poems):
    lines = [lines_of(poem) for poem in poems]
    real = sum(map(rhymes, lines)) / len(lines)
    fourth = [four[3] for four in lines]
    random.Random(0).shuffle(fourth)
    mixed = sum(rhymes([*four[:3], other]) for four, other in zip(lines, fourth, strict=True)) / len(lines)
    assert real > 0.8
    assert mixed < 0.35


@pytest.mark.parametrize(
    ("text", "form", "fits"),
    [
        ("", 5, True), ("春", 5, True), ("白日依山尽黄河", 5, True), ("白日依山尽，黄河", 5, True),
        ("白日依山尽，", 5, True), ("春，", 5, False), ("白日，依山尽", 5, False), ("白日依山尽，黄河", 7, False),
        ("白日依山尽，黄河入海流千", 5, False),
    ],
)  # fmt: skip
def test_marks_stand_after_full_lines(text, form, fits):
    assert marks_fit(text, form) is fits


def test_a_copied_run_is_found_wherever_it_is_planted(poems):
    training = ["".join(lines_of(poem)) for poem in poems]
    assert longest_copied_runs(training, training) == [len(text) for text in training]
    planted = ["甲乙" + text[3:11] + "丙丁" for text in training]
    assert min(longest_copied_runs(planted, training)) == 8
    assert longest_copied_runs(["", "○○", "床前○明月光"], training) == [0, 0, 3]
    across = training[0][-3:] + training[1][:3]  # the end of one poem and the beginning of the next are no run
    assert longest_copied_runs([across], training)[0] < 6
    assert longest_copied_runs([], training) == []
    assert longest_copied_runs(["春"], []) == [0]

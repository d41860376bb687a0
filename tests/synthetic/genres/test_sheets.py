"""Fact sheets: written and read without loss; what is wrong with one is said, with the way out."""

import re
import unicodedata
from itertools import product
from pathlib import Path

import opencc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_course import synthetic
from aigc_course.synthetic.genres import GENRES, Sheet, control_code, parse_sheet, prompt_of, sheet_of, tell, tell_many
from aigc_course.synthetic.genres.characters import check_characters, is_emoji, script_of, simplified
from aigc_course.synthetic.genres.sheets import possible

EVERY = list(product(GENRES, ("en", "zh")))
NEWS = tell(0, "news").sheet
CHINESE = tell(0, "news", "zh").sheet
ENGLISH_TEXT = """\
hero: Paul
kind: boy
place: behind the orchard
month: May
time: evening
color: silver
thing: scarf
wish: carry the scarf to the new teacher
obstacle: the path is covered with thorns
fix: go around by the meadow
friend: Jasper
friend kind: mole"""


def test_a_sheet_is_a_line_a_fact():
    assert str(NEWS) == ENGLISH_TEXT
    assert str(CHINESE).splitlines()[:3] == ["主人公：辉辉", "身份：男孩", "地点：果园后面"]
    assert NEWS.facts["friend_kind"] == "mole"
    assert sheet_of(tell(0, "advert").world, "news") == NEWS


def test_a_prompt_is_control_code_sheet_and_separator():
    assert prompt_of(NEWS) == f"[news]\n{ENGLISH_TEXT}\n---\n" == tell(0, "news").prompt
    assert prompt_of(NEWS, "verse").startswith("[verse]\nhero: Paul\n")
    assert prompt_of(CHINESE).startswith("【新闻】\n主人公：辉辉\n")
    assert prompt_of(None, "advert", "zh") == "【广告】\n---\n"
    assert prompt_of(None, "advert", "en") == "[advert]\n---\n"
    assert len({control_code(*which) for which in EVERY}) == 8


@pytest.mark.parametrize(("genre", "language"), EVERY)
def test_sheets_are_read_as_they_are_written(genre, language):
    for told in tell_many(150, genre, language):
        assert parse_sheet(told.prompt, language) == told.sheet
        assert parse_sheet(str(told.sheet), language, genre) == told.sheet
    lines = str(told.sheet).splitlines()
    assert parse_sheet("\n\n".join(f"  {line} " for line in lines[::-1]), language, genre) == told.sheet


def test_either_colon_is_read():
    assert parse_sheet(str(CHINESE).replace("：", ":"), "zh", "news") == CHINESE
    assert parse_sheet(ENGLISH_TEXT.replace(": ", "："), "en", "news") == NEWS


WRONG = [  # language, text, what is said
    ("en", "", "the sheet is empty; write a fact a line, such as 'hero: Anna'"),
    ("en", " \n\n", "the sheet is empty"),
    ("en", "[news]\n---", "the sheet is empty"),
    ("zh", "", "the sheet is empty; write a fact a line, such as '主人公：朵朵'"),
    ("en", "---\n" + ENGLISH_TEXT, "line 1: '---' has no ':'"),
    (
        "en",
        ENGLISH_TEXT.replace("month: May\n", ""),
        "lacks 'month', which 'news' says; add a line such as 'month: April'",
    ),
    ("en", "hero: Paul\nkind: boy", "lacks 'place', 'month', 'time', 'color'"),
    (
        "zh",
        str(CHINESE).replace("月份：五月\n", ""),
        "lacks '月份', which 'news' says; add a line such as '月份：四月'",
    ),
    ("en", ENGLISH_TEXT + "\npet: owl", "line 13: 'news' has no field 'pet'; its fields are hero, kind, place"),
    ("en", ENGLISH_TEXT + "\ntreat: cheese", "line 13: 'news' has no field 'treat'"),
    ("en", ENGLISH_TEXT.replace("color", "Color"), "line 6: 'news' has no field 'Color'"),
    ("en", ENGLISH_TEXT + "\nmonth: May", "line 13: 'month: May' comes after another 'month'; keep one of them"),
    ("en", ENGLISH_TEXT.replace("hero: Paul", "hero Paul"), "line 1: 'hero Paul' has no ':'"),
    ("zh", str(CHINESE).replace("主人公：", "主人公 "), "has no '：'; write a field and its value: '主人公：朵朵'"),
    ("en", ENGLISH_TEXT.replace("Paul", ""), "line 1: there is no value as 'hero'; write one of the 24, such as Anna"),
    ("en", ENGLISH_TEXT.replace("Paul", "Paula"), "line 1: 'Paula' is in no world as 'hero'; write one of the 24"),
    ("en", ENGLISH_TEXT.replace("Paul", "Jasper"), "line 1: 'Jasper' is in no world as 'hero'"),
    ("en", ENGLISH_TEXT.replace("evening", "evning"), "such as evening"),
    ("en", ENGLISH_TEXT.replace("boy", "girl"), "'kind' should be boy, but a line says girl"),
    ("en", ENGLISH_TEXT.replace("thing: scarf", "thing: basket"), "'thing' should be basket, but a line says scarf"),
    (
        "en",
        ENGLISH_TEXT.replace("the path is covered with thorns", "the tune is too hard"),
        "'obstacle' should be one that fits \"carry",
    ),
    ("zh", str(CHINESE).replace("男孩", "女孩"), "'身份' should be 男孩, but a line says 女孩"),
    # mixed scripts
    ("en", ENGLISH_TEXT.replace("Paul", "Paul辉"), "line 1: '辉' in 'hero: Paul辉' is Chinese, but a sheet in 'en' is"),
    ("en", ENGLISH_TEXT.replace("Paul", "Pаul"), "is Cyrillic, but a sheet in 'en' is written in Latin letters alone"),
    ("en", str(CHINESE), "or, if the sheet is Chinese, give language='zh'"),
    ("zh", str(CHINESE).replace("辉辉", "Paul"), "line 1: 'P' in '主人公：Paul' is Latin, but a sheet in 'zh' is"),
    ("zh", ENGLISH_TEXT, "or, if the sheet is Latin, give language='en'"),
    ("zh", str(CHINESE).replace("辉辉", "ひひ"), "is Hiragana, but a sheet in 'zh'"),
    # traditional characters
    ("zh", str(CHINESE).replace("辉辉", "輝輝"), "line 1: '輝' in '主人公：輝輝' is a traditional character"),
    ("zh", str(CHINESE).replace("银", "銀"), "simplified ones; write '银'"),
    ("zh", "【新聞】\n" + str(CHINESE), "line 1: '聞' in '【新聞】' is a traditional character"),
    # emoji
    ("en", ENGLISH_TEXT.replace("Paul", "Paul 🦊"), "line 1: '🦊' is an emoji or a symbol; say it in words"),
    ("zh", str(CHINESE).replace("五月", "五月❤️"), "line 4: '❤' is an emoji"),
    # genres
    ("en", "[poem]\n" + ENGLISH_TEXT, "'[poem]' is no genre's control code; write one of [news], [story], [verse]"),
    ("zh", "【诗】\n" + str(CHINESE), "write one of 【新闻】, 【故事】, 【诗歌】, 【广告】"),
    ("en", "[verse]\n" + ENGLISH_TEXT, "the sheet is for 'verse', not for genre 'news'; take one of the two away"),
]


@pytest.mark.parametrize(("language", "text", "said"), WRONG)
def test_what_is_wrong_with_a_sheet_is_said(language, text, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        parse_sheet(text, language, "news")


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: parse_sheet(None), TypeError, "text is a NoneType; give the sheet as a str"),
        (lambda: parse_sheet(NEWS), TypeError, "text is a Sheet"),
        (lambda: parse_sheet(ENGLISH_TEXT), ValueError, "the sheet has no genre; begin it with a line like '[news]'"),
        (lambda: parse_sheet(ENGLISH_TEXT, "fr"), ValueError, "language 'fr': texts are written in 'en' and 'zh'"),
        (lambda: parse_sheet(ENGLISH_TEXT, "en", "poem"), ValueError, "genre 'poem': there are 'news'"),
        (lambda: sheet_of(tell(0, "news").world, "poem"), ValueError, "genre 'poem'"),
        (lambda: prompt_of(NEWS, "poem"), ValueError, "genre 'poem'"),
        (lambda: prompt_of(NEWS, language="zh"), ValueError, "language 'zh': the sheet is in 'en'"),
        (lambda: prompt_of(None), ValueError, "language ''"),
        (lambda: prompt_of(None, "news", "fr"), ValueError, "language 'fr'"),
        (lambda: control_code("", "en"), ValueError, "genre ''"),
    ],
)
def test_bad_input_is_told_the_way_out(call, error, said):
    with pytest.raises(error, match=re.escape(said)):
        call()


def test_traditional_characters_are_those_of_opencc():
    convert = opencc.OpenCC("t2s").convert
    assert all(convert(traditional) == plain for traditional, plain in simplified().items())
    folder = Path(synthetic.__file__).parent
    written = {
        character
        for name in ("stories/words_zh.toml", "genres/frames_zh.toml")
        for character in (folder / name).read_text(encoding="utf-8")
        if script_of(character) == "CJK"
    }
    assert not written & simplified().keys()
    back = opencc.OpenCC("s2t").convert
    missing = [character for character in written if back(character) not in {character, *simplified()}]
    assert missing == []
    assert set(simplified().values()) <= written


def test_emoji_and_scripts():
    assert all(map(is_emoji, "🦊❤★☃🀄👍🏽"))
    assert not any(map(is_emoji, "a朵，。：:[]【】—-1’"))
    assert [script_of(each) for each in "aé朵ひЖ"] == ["LATIN", "LATIN", "CJK", "HIRAGANA", "CYRILLIC"]
    check_characters("hero: Paul's", "en", "line 1")
    check_characters("主人公：辉辉，1。", "zh", "line 1")


def test_every_value_of_every_field_is_read():
    for fact in NEWS.facts:
        assert NEWS.facts[fact] in possible(fact, "en")
    assert len(possible("hero", "en")) == 24
    assert len(set(possible("wish", "zh"))) == len(possible("wish", "zh"))
    sheet = Sheet("news", "en", {**NEWS.facts, "friend": "Otto", "month": "June"})
    assert parse_sheet(prompt_of(sheet)) == sheet


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.sampled_from(EVERY), st.integers(0, 200), st.integers(0, 60), st.text(max_size=20))
def test_any_text_is_read_or_refused(which, start, length, between):
    genre, language = which
    prompt = tell(1, genre, language).prompt
    text = prompt[:start] + between + prompt[start + length :]
    try:
        sheet = parse_sheet(text, language, genre)
    except ValueError as error:
        assert str(error)
    else:
        assert parse_sheet(prompt_of(sheet), language) == sheet
        assert all(unicodedata.category(each) != "So" for each in text)

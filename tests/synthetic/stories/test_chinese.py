"""Stories in Chinese: the same worlds, in sound Chinese, read back with exact probabilities, planted errors found."""

import hashlib
import math
import re
import statistics
from itertools import product

import pytest

from aigc_course.synthetic.stories import (
    HELD_OUT,
    alphabet,
    best_perplexity,
    disjoint,
    entropy,
    log_prob,
    read_back,
    tell,
    tell_many,
)
from aigc_course.synthetic.stories.explaining import LABELS, MOVES, SAID
from aigc_course.synthetic.stories.facts import FITTING
from aigc_course.synthetic.stories.grammar import INDEPENDENT, log_prob_of, wish_options, words
from aigc_course.synthetic.stories.reading import ROUTES, readings
from aigc_course.synthetic.stories.sentences import SLOT, shown, values

DIGEST = "0a72e40355002bddce4150915cac3402def9ff3dc2a2d97161b53d4935a96339"  # of 200 stories
STORY = (
    "这是辉辉的故事，他是一个聪明的小男孩，住在果园后面的瓦房里。"
    "外婆送给辉辉一条银色的围巾。"
    "他逢人就说，自己要把围巾带给新老师。"
    "他的邻居丁丁是一头友善的毛驴，也知道这件事。"
    "这是五月里一个明媚的傍晚，他带着围巾和饼干出了门。"
    "谁知道，小路长满了荆棘。"
    "小男孩踮着脚走，却白费力气。"
    "“你为什么这么灰心？”走过来的丁丁问。"
    "“我没法把围巾带给新老师，因为小路长满了荆棘。”辉辉告诉丁丁。"
    "友善的毛驴笑了：“我们从草甸绕过去吧。”"
    "就在这个傍晚，辉辉把围巾带给了新老师，心里乐开了花。"
    "两个朋友坐在草地上，分吃了饼干。"
    "辉辉永远忘不了五月里那个明媚的傍晚。"
)
LAST = "辉辉永远忘不了五月里那个明媚的傍晚。"
PLANTED = [  # text, what is written instead, the fact that breaks, as established, as found
    ("辉辉永远", "涛涛永远", "hero", "辉辉", "涛涛"),
    ("告诉丁丁", "告诉福福", "friend", "丁丁", "福福"),
    ("邻居丁丁", "邻居朵朵", "friend", "朋友的名字", "朵朵"),
    ("他带着围巾", "她带着围巾", "sex", "他", "她"),
    ("他带着围巾", "它带着围巾", "sex", "他", "它"),
    ("小男孩，", "小女孩，", "kind", "男孩", "女孩"),
    ("小男孩踮", "小狐狸踮", "kind", "男孩", "狐狸"),
    ("聪明的小男孩", "博学的小男孩", "trait", "形容主人公的词", "博学"),
    ("一条银色", "一面银色", "measure", "条", "面"),
    ("一个聪明", "一只聪明", "kind_measure", "个", "只"),
    ("一头友善", "一只友善", "friend_measure", "头", "只"),
    ("带着围巾", "带着茶壶", "thing", "围巾", "茶壶"),
    ("银色的围巾", "银色的小船", "wish", "与小船有关的心愿", "把围巾带给新老师"),
    ("把围巾带给了新老师", "把围巾交给了面包师", "outcome", "把围巾带给新老师", "把围巾交给面包师"),
    ("谁知道，小路长满了荆棘", "谁知道，船帆撕破了", "obstacle", "与“把围巾带给新老师”相配的说法", "船帆撕破了"),
    ("因为小路长满了荆棘", "因为桥断了", "obstacle", "小路长满了荆棘", "桥断了"),
    ("踮着脚走", "用石头敲锁", "attempt", "与“小路长满了荆棘”相配的说法", "用石头敲锁"),
    ("从草甸绕过去", "给锁抹黄油", "fix", "与“小路长满了荆棘”相配的说法", "给锁抹黄油"),
    ("友善的毛驴笑", "友善的山羊笑", "friend_kind", "毛驴", "山羊"),
    ("友善的毛驴笑", "贪睡的毛驴笑", "friend_trait", "友善", "贪睡"),
    ("就在这个傍晚", "就在这个早晨", "time", "傍晚", "早晨"),
    ("忘不了五月", "忘不了六月", "month", "五月", "六月"),
    ("那个明媚的", "那个宁静的", "air", "明媚", "宁静"),
    ("分吃了饼干", "分吃了奶酪", "treat", "饼干", "奶酪"),
    (LAST, "睡觉前，辉辉在果园后面的茅屋里想着丁丁。", "home", "瓦房", "茅屋"),
    (LAST, "睡觉前，辉辉在湖畔的瓦房里想着丁丁。", "place", "果园后面", "湖畔"),
    (LAST, "回到瓦房，他给妈妈讲起红色的围巾。", "colour", "银", "红"),
]


def test_the_same_number_tells_the_same_story_on_every_machine():
    told = "\n".join(story.text for story in tell_many(200, HELD_OUT, "zh"))
    assert hashlib.sha256(told.encode()).hexdigest() == DIGEST


def test_the_lists_match_the_english_ones_place_by_place():
    english, chinese = words("en"), words("zh")
    for part in ("names", "facts"):
        lengths = ({name: len(each) for name, each in lists[part].items()} for lists in (english, chinese))
        assert next(lengths) == next(lengths)
    assert english["children"].keys() == chinese["children"].keys()
    for one, other in zip(english["wishes"], chinese["wishes"], strict=True):
        assert (len(one["thing"]), len(one["wish"])) == (len(other["thing"]), len(other["wish"]))
        for obstacle, same in zip(one["obstacles"], other["obstacles"], strict=True):
            assert (len(obstacle["attempt"]), len(obstacle["fix"])) == (len(same["attempt"]), len(same["fix"]))
    assert chinese["moves"].keys() == english["moves"].keys()


def test_a_number_tells_of_the_same_world_in_both_languages():
    same = {}
    for number in range(300):
        one, other = tell(number).world, tell(number, "zh").world
        assert (one.sex, one.friend_sex, one.acquaintance) == (other.sex, other.friend_sex, other.acquaintance)
        for fact in ("hero", "kind", "friend", "friend_kind", "colour", "thing", "month", "treat", "place"):
            assert same.setdefault((fact, getattr(one, fact)), getattr(other, fact)) == getattr(other, fact)
    assert (same["colour", "red"], same["month", "May"], same["thing", "kite"]) == ("红", "五月", "风筝")


@pytest.mark.parametrize("count", [300, pytest.param(3_000, marks=pytest.mark.slow)])
def test_stories_are_true_and_their_probability_is_read_back(count):
    for story in tell_many(count, 3_000_000, "zh"):
        reading = read_back(story.text, "zh")
        assert reading.is_true, (story.text, reading.explain())
        assert reading.log_prob == pytest.approx(story.log_prob, rel=1e-12)
        assert len(reading.kept) >= 10
        facts = {name: value for name, value in vars(story.world).items() if name != "acquaintance"}
        assert facts == {name: reading.facts[name] for name in facts}


def test_each_text_is_derived_in_one_way_only():
    for story in tell_many(300, 4_000_000, "zh"):
        text, whole = story.text, 0
        for route in ROUTES:
            found = readings(text, route, 0, "zh")
            whole += sum(len(path) == len(route) and end == len(text) for path, end in found)
        assert whole == 1, text


def test_probabilities_are_what_counting_the_lists_gives():
    lists, facts = words("zh"), words("zh")["facts"]
    for story in tell_many(50, 7, "zh"):
        world, reading = story.world, read_back(story.text, "zh")
        halves = 5  # sex, child or animal, the friend's sex, acquaintance, whether the hero tells
        ways = 2**halves * 12 * 8 * 8 * 8 * math.prod(len(facts[name]) for name in INDEPENDENT)
        ways *= 1 if world.kind in lists["children"].values() else 8
        group = next(each for each in lists["wishes"] if world.thing in each["thing"])
        ways *= 8 * len(group["thing"]) * 3 * 3 * 3 * 3
        ways *= math.prod(len(lists["moves"][move]) for move in reading.moves)
        ways *= 8 if any(lesson in story.text for lesson in facts["lesson"]) else 1
        assert reading.log_prob == pytest.approx(-math.log(ways), rel=1e-12)


def test_the_ways_of_a_wish_add_up_to_one():
    for option in wish_options("zh"):
        things, wishes, obstacles = option.then
        total = 0.0
        for thing, wish, obstacle in product(things.options, wishes.options, obstacles.options):
            for attempt, fix in product(*(each.options for each in obstacle.then)):
                drawn = {"thing": thing.value, "wish": wish.value, "obstacle": obstacle.value}
                total += math.exp(log_prob_of(option.then, drawn | {"attempt": attempt.value, "fix": fix.value}))
        assert total == pytest.approx(1)


@pytest.mark.parametrize("count", [3_000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_the_mean_information_agrees_with_the_exact_entropy(count):
    nats = [-story.log_prob for story in tell_many(count, 5_000_000, "zh")]
    assert abs(statistics.mean(nats) - entropy("zh")) < 4 * statistics.stdev(nats) / math.sqrt(len(nats))
    assert best_perplexity(entropy("zh"), "zh") == pytest.approx(math.e)


@pytest.mark.parametrize("count", [3_000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_text_is_sound_whatever_was_drawn(count):
    texts = [story.text for story in tell_many(count, language="zh")]
    assert len(set(texts)) == count
    for text in texts:
        assert not re.search(r"[\sA-Za-z{}/_().,!?\"]|了了|的的|[，。！？：]{2}", text), text
        assert re.fullmatch(r"([^“”]*“[^“”]+”)*[^“”]*", text), text  # quotation marks in pairs
        assert text.endswith(("。", "。”")), text
        assert 180 <= len(text) <= 320, text
    assert disjoint(500, 200, "zh")


def test_every_word_of_the_lists_is_told_and_no_form_stands_twice():
    told = " ".join(story.text for story in tell_many(3_000, language="zh"))
    facts = ("animal", "trait", "home", "place", "colour", "month", "treat", "feeling", "lesson", "thing")
    assert not [value for fact in facts for value in values(fact, "zh") if value not in told]
    assert 600 <= len(alphabet("zh")) <= 720
    for name, forms in words("zh")["moves"].items():
        assert len(set(forms)) == len(forms) >= 5, name
        for slot in {slot for form in forms for slot in SLOT.findall(form)}:
            assert shown(slot, "zh"), slot
    assert set(words("zh")["measures"]) >= set(values("thing", "zh"))


def test_animals_are_it_and_children_she_or_he():
    for story in tell_many(400, 9, "zh"):
        found = set(re.findall("[她他它]", story.text)) - {"它"}
        child = story.world.kind in words("zh")["children"].values()
        assert found <= ({"她" if story.world.sex == "she" else "他"} if child else set()), story.text


@pytest.mark.parametrize(("text", "instead", "fact", "expected", "found"), PLANTED)
def test_a_planted_error_is_found_and_named(text, instead, fact, expected, found):
    assert STORY.count(text) == 1
    assert read_back(STORY, "zh").is_true, read_back(STORY, "zh").explain()
    reading = read_back(STORY.replace(text, instead), "zh")
    assert reading.well_formed, reading.explain()
    assert reading.log_prob == -math.inf
    named = [each for each in reading.broken if each.name == fact and each.found == found]
    assert named, reading.explain()
    assert named[0].expected == expected
    assert any(line.startswith("矛盾") and found in line for line in reading.explain())


def test_readings_are_explained_in_chinese():
    for text in (
        STORY,
        STORY.replace("分吃了饼干", "分吃了奶酪"),
        STORY[:-9],
        STORY[:28],
        "",
        "很久很久以前",
        STORY + "？",
    ):
        for line in read_back(text, "zh").explain():
            assert not re.search("[A-Za-z]", line), line
    assert read_back(STORY, "zh").explain()[0] == "结构完整：一个完整的故事，共13步"
    assert MOVES.keys() == set(words("zh")["moves"])
    assert all(each["en"].keys() == each["zh"].keys() for each in (SAID, FITTING))
    assert LABELS["zh"].keys() >= {fact.name for fact in read_back(STORY, "zh").kept} - {"colour"}


@pytest.mark.parametrize(
    "text",
    [
        STORY.replace("这", "這").replace("个", "個"),
        STORY.replace("围巾", "🧣"),
        tell(3).text,
        STORY[:40] + tell(3).text,
        STORY.replace("，", ","),
        "",
        "　",
        "🦊" * 1000,
    ],
)
def test_what_is_no_chinese_story_is_said_to_be_none(text):
    reading = read_back(text, "zh")
    assert not reading.well_formed
    assert reading.log_prob == log_prob(text, "zh") == -math.inf
    assert reading.explain()[0].startswith("结构不完整")
    assert not read_back(STORY).well_formed  # nor is a Chinese one an English one


def test_a_story_that_is_cut_off_says_so():
    for end in range(1, len(STORY), 3):
        assert read_back(STORY[:end], "zh").truncated, STORY[:end]


@pytest.mark.parametrize("call", [tell, lambda number, language: read_back(STORY, language)])
def test_other_languages_are_refused(call):
    with pytest.raises(ValueError, match="stories are told in 'en' and 'zh'"):
        call(1, "fr")
    with pytest.raises(ValueError, match="stories are told in"):
        entropy("fr")

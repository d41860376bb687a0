"""What a reading of a story says to its reader, in the story's language."""

from collections import Counter
from typing import TYPE_CHECKING

from aigc_course.synthetic.stories.facts import Fact

if TYPE_CHECKING:
    from aigc_course.synthetic.stories.reading import Reading

SAID = {
    "en": {
        "broken": "broken  {fact}: expected {expected}, found {found} (character {place})",
        "kept": "kept    {fact}: {value} ({count}x)",
        "whole": "well-formed: a whole story of {count} moves",
        "empty": "ill-formed: the text is empty",
        "stops": "ill-formed: the story stops where {moves} should follow (character {place})",
        "over": 'ill-formed: the story is over, the text is not (character {place}): "{rest}"',
        "unfinished": 'ill-formed: the sentence for {moves} is not finished (character {place}): "{rest}"',
        "unknown": 'ill-formed: the sentence for {moves} has no known form (character {place}): "{rest}"',
        "or": " or ",
    },
    "zh": {
        "broken": "矛盾  {fact}：应为{expected}，却是{found}（第{place}字）",
        "kept": "一致  {fact}：{value}（{count}次）",
        "whole": "结构完整：一个完整的故事，共{count}步",
        "empty": "结构不完整：文本是空的",
        "stops": "结构不完整：故事停在了应有“{moves}”的地方（第{place}字）",
        "over": "结构不完整：故事已经讲完，后面还有文字（第{place}字）：“{rest}”",
        "unfinished": "结构不完整：“{moves}”一句没有说完（第{place}字）：“{rest}”",
        "unknown": "结构不完整：“{moves}”一句不是已知的句式（第{place}字）：“{rest}”",
        "or": "或",
    },
}
LABELS = {
    "en": {
        "hero": "the hero's name",
        "sex": "pronoun",
        "friend": "the friend's name",
        "friend_sex": "the friend's pronoun",
        "friend_kind": "what the friend is",
        "friend_trait": "how the friend is",
        "kind": "what the hero is",
        "trait": "how the hero is",
        "air": "how the day was",
        "time": "the time of day",
        "fix": "the help that fits the obstacle",
        "attempt": "the attempt that fits the obstacle",
        "outcome": "the outcome that answers the wish",
    },
    "zh": {
        "hero": "主人公的名字",
        "sex": "代词",
        "friend": "朋友的名字",
        "friend_kind": "朋友是什么",
        "friend_trait": "朋友的性情",
        "kind": "主人公是什么",
        "trait": "主人公的性情",
        "home": "家",
        "place": "家在哪里",
        "thing": "东西",
        "measure": "东西的量词",
        "kind_measure": "主人公的量词",
        "friend_measure": "朋友的量词",
        "wish": "心愿",
        "obstacle": "障碍",
        "air": "那天怎么样",
        "time": "一天中的时候",
        "month": "月份",
        "treat": "点心",
        "fix": "与障碍相配的办法",
        "attempt": "与障碍相配的尝试",
        "outcome": "与心愿相应的结局",
    },
}
MOVES = {
    "opening": "开头",
    "thing": "东西",
    "wish": "心愿",
    "friend": "朋友",
    "day": "那一天",
    "obstacle": "障碍",
    "attempt": "尝试",
    "meet_known": "朋友来了",
    "meet_new": "结识朋友",
    "tell": "诉说",
    "help": "帮忙",
    "outcome": "结局",
    "thanks": "道谢",
    "closing": "结尾",
}


def explained(reading: "Reading", next_moves: list[str]) -> list[str]:
    """Whether a text is well-formed, each fact that is broken, and how often each is kept; a line each."""
    named = [(label(fact, reading), fact) for fact in reading.broken + reading.kept]
    return [shape(reading, next_moves), *fact_lines(named, SAID[reading.language])]


def fact_lines(named: list[tuple[str, Fact]], said: dict[str, str]) -> list[str]:
    """Each fact that is broken, and how often each is kept. named: facts with their names for a reader."""
    broken = [(name, fact) for name, fact in named if not fact.kept]
    kept = Counter((name, fact.expected) for name, fact in named if fact.kept)
    return [
        *(
            said["broken"].format(fact=name, expected=fact.expected, found=fact.found, place=fact.position)
            for name, fact in broken
        ),
        *(said["kept"].format(fact=name, value=value, count=count) for (name, value), count in kept.items()),
    ]


def label(fact: Fact, reading: "Reading") -> str:
    """A fact's name for a reader."""
    if fact.name == "colour":
        thing = reading.facts.get("thing", {"en": "thing", "zh": "东西"}[reading.language])
        return f"{thing}的颜色" if reading.language == "zh" else f"the color of the {thing}"
    return LABELS[reading.language].get(fact.name, f"the {fact.name}")


def shape(reading: "Reading", next_moves: list[str]) -> str:
    """Whether a text is a whole story, and if not, where it ceases to be one."""
    said, rest = SAID[reading.language], reading.text[reading.read_until :].strip()
    if reading.well_formed:
        return said["whole"].format(count=len(reading.moves))
    if not reading.text.strip():
        return said["empty"]
    if not rest:
        what = "stops"
    elif not next_moves:
        what = "over"
    else:
        what = "unfinished" if reading.truncated else "unknown"
    expected = said["or"].join(MOVES[move] if reading.language == "zh" else move for move in next_moves)
    return said[what].format(moves=expected, place=reading.read_until, rest=rest[:60])

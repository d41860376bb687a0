"""What a reading says to its reader, alone and held against a sheet, in the text's language; a line each."""

from typing import TYPE_CHECKING

from aigc_course.synthetic.genres.frames import frames, genre_frames
from aigc_course.synthetic.stories import explaining as of_stories

if TYPE_CHECKING:
    from aigc_course.synthetic.genres.reading import Held, Reading

SAID = {
    "en": of_stories.SAID["en"]
    | {
        "whole": "well-formed: {genre}, whole, in {count} moves",
        "stops": "ill-formed: the text stops where {moves} should follow (character {place})",
        "over": 'ill-formed: the {genre} is over, the text is not (character {place}): "{rest}"',
        "unsaid": "unsaid  {fact}: {value}",
    },
    "zh": of_stories.SAID["zh"]
    | {
        "whole": "结构完整：一篇完整的{genre}，共{count}步",
        "stops": "结构不完整：文本停在了应有“{moves}”的地方（第{place}字）",
        "over": "结构不完整：{genre}已经写完，后面还有文字（第{place}字）：“{rest}”",
        "unsaid": "未提  {fact}：{value}",
    },
}
IMPLIED = {  # what a text shows besides the facts of its sheet
    "en": {"sex": "pronoun", "friend_sex": "friend's pronoun"},
    "zh": {"sex": "代词", "measure": "物品的量词", "kind_measure": "主人公的量词", "friend_measure": "朋友的量词"},
}


def read(reading: "Reading", next_move: str) -> list[str]:
    """Whether a text is well-formed or where it ceases to be, and what contradicts the text itself."""
    return [shape(reading, next_move), *facts_held(reading)]


def shape(reading: "Reading", next_move: str) -> str:
    """Whether a text is a whole one of its genre, and if not, where it ceases to be one."""
    rest = reading.text[reading.read_until :].strip()
    if reading.well_formed:
        what = "whole"
    elif not reading.text.strip():
        what = "empty"
    elif not rest:
        what = "stops"
    elif not next_move:
        what = "over"
    else:
        what = "unfinished" if reading.truncated else "unknown"
    return SAID[reading.language][what].format(
        genre=genre_frames(reading.genre, reading.language)["name"],
        count=len(reading.moves),
        moves=frames(reading.language)["moves"].get(next_move, next_move),
        place=reading.read_until,
        rest=rest[:60],
    )


def facts_held(held: "Held | Reading") -> list[str]:
    """Each fact that is broken, and how often each is kept."""
    names = frames(held.language)["keys"] | IMPLIED[held.language]
    named = [(names[fact.name], fact) for fact in held.broken + held.kept]
    return of_stories.fact_lines(named, SAID[held.language])


def against_sheet(held: "Held", values: dict[str, str]) -> list[str]:
    """Each fact that is broken or not said at all, and how often each is kept. values: those of the sheet."""
    said, keys = SAID[held.language], frames(held.language)["keys"]
    return [*(said["unsaid"].format(fact=keys[fact], value=values[fact]) for fact in held.unsaid), *facts_held(held)]

"""Numbers, dates and periods in words, in English and Chinese, and back to digits: the task of chapter 3.2.

A meaning is written as people exchange it: a number 0 to 999,999,999 in digits ("35,006"), a date of 1900 to 2099 as in
ISO 8601 ("1984-03-03"), a period as two dates ("1984-03-03/2001-12-24"). `phrasings` gives every text that says it,
`read` is the exact inverse: it accepts those texts and no others. Longer than other files, so that what says a meaning
and what reads it stand side by side, for both languages.
"""

import re
from collections.abc import Sequence
from datetime import date
from itertools import product

LANGUAGES = ("en", "zh")
LARGEST = 999_999_999
YEARS = range(1900, 2100)
WORD = re.compile(r"[a-z]+|[〇一-鿿]")  # an English word or one Chinese character
BETWEEN_WORDS = re.compile(r"[\s,，、-]+")

ONES = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
]
TENS = ["-", "-", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
IRREGULAR = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth"}
IRREGULAR |= {"twelve": "twelfth", "twenty": "twentieth", "thirty": "thirtieth"}
MONTHS = [
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
    *("November", "December"),
]
DIGITS, FORMAL_DIGITS = "零一二三四五六七八九", "零壹贰叁肆伍陆柒捌玖"
PLACES, FORMAL_PLACES = ("", "十", "百", "千"), ("", "拾", "佰", "仟")


def words_of(text: str) -> list[str]:
    """English words in lower case and single Chinese characters; commas, hyphens and spaces only part them.

    Raises ValueError for any other character, naming it; TypeError for anything but a str.
    """
    if not isinstance(text, str):
        raise TypeError(f"text is a {type(text).__name__}; give the number, date or period in words, as a str")
    lower = text.lower()
    if others := BETWEEN_WORDS.sub("", WORD.sub("", lower)):
        raise ValueError(f'"{others[0]}" is neither a letter a to z nor a Chinese character; write numbers in words')
    return WORD.findall(lower)


def english_below_thousand(n: int, joint: str) -> str:
    """1 to 999 in words; `joint` (" and " or " ") stands after the hundreds."""
    hundreds, rest = divmod(n, 100)
    small = ONES[rest] if rest < 20 else f"{TENS[rest // 10]}-{ONES[rest % 10]}".removesuffix("-zero")
    if not hundreds:
        return small
    return f"{ONES[hundreds]} hundred" + (joint + small if rest else "")


def english_number(n: int, joint: str = " and ") -> str:
    """0 to 999,999,999 in words, British with joint=" and ", American with joint=" "."""
    if n == 0:
        return "zero"
    millions, thousands, rest = n // 1_000_000, n // 1000 % 1000, n % 1000
    parts = [f"{english_below_thousand(millions, joint)} million"] if millions else []
    parts += [f"{english_below_thousand(thousands, joint)} thousand"] if thousands else []
    if rest and parts and rest < 100:
        return ", ".join(parts) + joint + english_below_thousand(rest, joint)  # thirty-five thousand and six
    return ", ".join(parts + [english_below_thousand(rest, joint)] * bool(rest))


def english_years(year: int) -> list[str]:
    """How the years 1900 to 2099 are said: nineteen eighty-four, twenty oh six, two thousand (and) six."""
    century, rest = divmod(year, 100)
    if rest == 0:
        return ["nineteen hundred"] if century == 19 else ["two thousand"]
    pair = english_below_thousand(rest, "")
    said = [f"{english_below_thousand(century, '')} {'oh ' if rest < 10 else ''}{pair}"]
    return said + ([f"two thousand and {pair}", f"two thousand {pair}"] if century == 20 and rest < 20 else [])


def ordinal(n: int) -> str:
    """First to thirty-first."""
    first, dash, last = english_below_thousand(n, "").rpartition("-")
    return first + dash + IRREGULAR.get(last, last + "th")


def english_dates(day: date) -> list[str]:
    """Every phrasing of a date."""
    month, nth = MONTHS[day.month - 1], ordinal(day.day)
    forms = (f"the {nth} of {month}, ", f"{month} the {nth}, ", f"{month} {nth}, ")
    return [form + year for form, year in product(forms, english_years(day.year))]


def chinese_number(n: int, digits: str = DIGITS, places: tuple[str, ...] = PLACES) -> str:
    """0 to 999,999,999 in characters, in groups of four digits: 三万五千零六; a run of zeros inside is said once."""
    text, zero = "", False  # zero: the place before was empty
    for group, name in ((n // 10**8, "亿"), (n // 10**4 % 10**4, "万"), (n % 10**4, "")):
        for place in (3, 2, 1, 0):
            if digit := group // 10**place % 10:
                text += digits[0] * (zero and text != "") + digits[digit] + places[place]
            zero = digit == 0
        if group:
            text, zero = text + name, False  # 一百万五千: zeros at the end of a group are not said
    return text.removeprefix("一") if text.startswith("一十") else text or digits[0]


def chinese_numbers(n: int) -> list[str]:
    """Every phrasing of a number: the plain one, the one with 两 for 二, the formal one used on bank checks."""
    plain = chinese_number(n)
    pair = re.sub("二(?=[百千])|^二(?=[万亿])|(?<=亿)二(?=万)", "两", plain)
    return list(dict.fromkeys([plain, pair, chinese_number(n, FORMAL_DIGITS, FORMAL_PLACES)]))


def chinese_dates(day: date) -> list[str]:
    """Every phrasing of a date; the year is read digit by digit, its zeros as 〇 or 零."""
    plain = "".join(DIGITS[int(digit)] for digit in str(day.year))
    rest = f"年{chinese_number(day.month)}月{chinese_number(day.day)}"
    years = dict.fromkeys([plain.replace("零", "〇"), plain])
    return [year + rest + last for year, last in product(years, "日号")]


def phrasings(meaning: str, language: str) -> list[str]:
    """Every text of a language ("en" or "zh") that says a meaning: "35,006", "1984-03-03", "1984-03-03/2001-12-24"."""
    if language not in LANGUAGES:
        raise ValueError(f'language "{language}" is not known; allowed: {", ".join(LANGUAGES)}')
    check_meaning(meaning)
    if "/" in meaning:
        begin, end = (phrasings(day, language) for day in meaning.split("/"))
        forms = ("from {} to {}", "from {} until {}") if language == "en" else ("从{}到{}", "自{}至{}")
        return [form.format(*days) for form, *days in product(forms, begin, end)]
    if "-" in meaning:
        return (english_dates if language == "en" else chinese_dates)(date.fromisoformat(meaning))
    number = int(meaning.replace(",", ""))
    if language == "en":
        return list(dict.fromkeys(english_number(number, joint) for joint in (" and ", " ")))
    return chinese_numbers(number)


def check_meaning(meaning: str) -> None:
    """ValueError for what is no number, date or period of the task; TypeError for anything but a str."""
    if not isinstance(meaning, str):
        raise TypeError(f'meaning is a {type(meaning).__name__}; give it in digits, as a str: "35,006"')
    if not (is_number(meaning) or is_date(meaning) or is_period(meaning)):
        raise ValueError(
            f'"{meaning}" is not a meaning; expected 0 to {LARGEST:,}, a date of {YEARS[0]} to {YEARS[-1]} such as '
            "1984-03-03, or two dates, the earlier first: 1984-03-03/2001-12-24"
        )


def is_number(meaning: str) -> bool:
    """Whether this is 0 to LARGEST in digits, with commas: "35,006"."""
    digits = meaning.replace(",", "")
    return digits.isdecimal() and int(digits) <= LARGEST and meaning == f"{int(digits):,}"


def is_date(meaning: str) -> bool:
    """Whether this is a date of YEARS as in ISO 8601: "1984-03-03"."""
    try:
        day = date.fromisoformat(meaning)
    except ValueError:
        return False
    return day.year in YEARS and meaning == day.isoformat()


def is_period(meaning: str) -> bool:
    """Whether these are two such dates, the earlier first: "1984-03-03/2001-12-24"."""
    days = meaning.split("/")
    return len(days) == 2 and all(map(is_date, days)) and days[0] < days[1]


NUMBER_WORDS = {word: n for n, word in enumerate(ONES)} | {word: 10 * n for n, word in enumerate(TENS)}
ENGLISH_MONTHS = {month.lower(): number for number, month in enumerate(MONTHS, start=1)}
ENGLISH_DAYS = {tuple(words_of(ordinal(n))): n for n in range(1, 32)}
ENGLISH_YEARS = {tuple(words_of(text)): year for year in YEARS for text in english_years(year)}
CHINESE_DIGITS = {c: n for digits in (DIGITS, FORMAL_DIGITS, "〇一两") for n, c in enumerate(digits)}
SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6} | {c: 10**n for n, c in enumerate("-十百千万") if n}
SCALES |= {c: 10**n for n, c in enumerate("-拾佰仟") if n} | {"亿": 10**8}


NOTHING = ("and", "零")  # said between the parts of a number
NUMBER_VOCABULARY = {*NUMBER_WORDS, *CHINESE_DIGITS, *SCALES, *NOTHING}


def value_of(words: Sequence[str]) -> int | None:
    """The number that words say, in English or Chinese; None where one of them belongs to no number."""
    if not NUMBER_VOCABULARY.issuperset(words):
        return None
    total, section, digit = 0, 0, 0
    for word in words:
        if word in NOTHING:
            continue
        scale = SCALES.get(word)
        if scale is None:
            digit += NUMBER_WORDS[word] if word in NUMBER_WORDS else CHINESE_DIGITS[word]
        elif scale < 1000 or word in "千仟":
            section += (digit or 1) * scale
            digit = 0
        else:
            total += (section + digit) * scale
            section, digit = 0, 0
    return total + section + digit


def english_date(words: tuple[str, ...]) -> str | None:
    """The date that words with a month's name say, as in ISO 8601, whether or not there is such a day; else None."""
    place = next(i for i, word in enumerate(words) if word in ENGLISH_MONTHS)
    before = tuple(word for word in words[:place] if word not in ("the", "of"))
    after = tuple(word for word in words[place + 1 :] if word != "the")
    if before:
        day, year = before, after
    else:
        length = 2 if after[:2] in ENGLISH_DAYS else 1  # twenty first, or third
        day, year = after[:length], after[length:]
    return iso(ENGLISH_YEARS.get(year), ENGLISH_MONTHS[words[place]], ENGLISH_DAYS.get(day))


def chinese_date(words: tuple[str, ...]) -> str | None:
    """The date that characters with 年 among them say, as `english_date`."""
    parts = re.fullmatch("(.+)年(.+)月(.+)[日号]", "".join(words))
    if parts is None or not set(parts[1]) <= CHINESE_DIGITS.keys():
        return None
    year = int("".join(str(CHINESE_DIGITS[character]) for character in parts[1]))
    return iso(year, value_of(parts[2]), value_of(parts[3]))


def iso(year: int | None, month: int | None, day: int | None) -> str | None:
    """Such as "1984-03-03"; None where a part is unknown."""
    return None if year is None or month is None or day is None else f"{year}-{month:02}-{day:02}"


def single_meaning(words: tuple[str, ...]) -> str | None:
    """The number or date that words say; None if they are no phrasing of one."""
    if "年" in words:
        meaning = chinese_date(words)
    elif not ENGLISH_MONTHS.keys().isdisjoint(words):
        meaning = english_date(words)
    else:
        value = value_of(words)
        meaning = None if value is None else f"{value:,}"
    if meaning is None or not (is_number(meaning) or is_date(meaning)):
        return None
    language = "en" if "".join(words).isascii() else "zh"
    is_phrasing = any(tuple(words_of(text)) == words for text in phrasings(meaning, language))
    return meaning if is_phrasing else None


def meaning_of(words: tuple[str, ...]) -> str | None:
    """The number, date or period that words say; None if they are no phrasing of one."""
    for first, second in (("from", "to"), ("from", "until"), ("从", "到"), ("自", "至")):
        if words[:1] == (first,) and words.count(second) == 1:
            middle = words.index(second)
            period = f"{single_meaning(words[1:middle])}/{single_meaning(words[middle + 1 :])}"
            return period if is_period(period) else None
    return single_meaning(words)


def read(text: str) -> str:
    """The meaning of a text, the inverse of `phrasings`; ValueError for every text that is not among them."""
    words = tuple(words_of(text))
    meaning = meaning_of(words)
    if meaning is None:
        language = "en" if "".join(words).isascii() else "zh"
        raise ValueError(
            f'"{text}" does not say a number, date or period in {language}; see `phrasings` for what is understood'
        )
    return meaning

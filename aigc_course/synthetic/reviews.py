"""Small reviews with a known verdict, in English and Chinese: text for a sentiment classifier, and a trap for it.

Every opinion is about one thing and takes a side. A negated opinion says it with a word of the other side: "was not
dull", 一点也不无聊. So what a review means is known, and so is which word misleads those who only count words.
"""

import numbers
import random
from dataclasses import dataclass

GENERAL = {
    "en": ("wonderful excellent lovely", "terrible awful poor"),
    "zh": ("完美 出众 让人满意", "糟糕 差劲 让人失望"),
}
TOPICS = {  # things; what praises them; what blames them
    "en": (
        ("plot ending dialogue", "gripping clever moving", "dull clumsy predictable"),
        ("acting music camerawork", "superb brilliant graceful", "wooden weak lifeless"),
        ("room bed bathroom", "spotless comfy comfortable", "dirty cramped shabby"),
        ("waiter receptionist staff", "friendly attentive helpful", "rude slow careless"),
        ("soup breakfast tea", "delicious fresh tasty", "bland stale greasy"),
    ),
    "zh": (
        ("剧情 结尾 对白", "紧凑 巧妙 动人", "无聊 老套 拖沓"),
        ("表演 配乐 镜头", "出色 精彩 优美", "生硬 平庸 粗糙"),
        ("房间 床铺 浴室", "干净 温馨 舒服", "肮脏 狭小 破旧"),
        ("服务员 前台 店员", "热情 周到 耐心", "冷淡 粗心 急躁"),
        ("汤 早餐 茶", "可口 新鲜 美味", "乏味 油腻 难吃"),
    ),
}
PLAIN = {
    "en": (
        "The {thing} was {word}.", "The {thing} was simply {word}.", "I found the {thing} {word}.",
        "The {thing} turned out {word}.", "The {thing} was really {word}.",
    ),
    "zh": (
        "{thing}很{word}。", "{thing}实在{word}。", "我觉得{thing}{word}。", "{thing}真是{word}。",
        "{thing}确实{word}。",
    ),
}  # fmt: skip
NEGATED = {  # to be filled with a word of the other side
    "en": (
        "The {thing} was not {word}.", "The {thing} was never {word}.", "The {thing} was not at all {word}.",
        "I did not find the {thing} {word}.", "Nobody could call the {thing} {word}.",
    ),
    "zh": (
        "{thing}并不{word}。", "{thing}从不{word}。", "{thing}一点也不{word}。",
        "我不觉得{thing}{word}。", "没人会说{thing}{word}。",
    ),
}  # fmt: skip
NEUTRAL = {
    "en": (
        "We came on a Sunday.", "My sister was with me.", "It was raining outside.", "We stayed for two hours.",
        "A friend had told us about it.", "We had booked online.",
    ),
    "zh": (
        "我们是星期天来的。", "妹妹和我一起。", "外面下着雨。", "我们待了两个小时。",
        "这是朋友介绍的。", "票是网上订的。",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Review:
    """A text, whether it is favorable, and how many of its opinions are negated."""

    text: str
    good: bool
    negated: int


def write(count: int, seed: int, language: str = "en", negation: float = 0.2) -> list[Review]:
    """`count` reviews of three opinions each, half of them favorable; the same arguments, the same reviews.

    language:  "en" or "zh"
    negation:  the share of opinions that are said with a negated word of the other side, 0 to 1
    In every third review one opinion of the three contradicts the verdict. ValueError for other arguments.
    """
    if language not in TOPICS:
        raise ValueError(f'language "{language}" is not known; allowed: {", ".join(map(repr, TOPICS))}')
    is_count = isinstance(count, numbers.Integral) and not isinstance(count, bool) and count >= 0
    if not is_count or not 0 <= negation <= 1:
        raise ValueError(f"count {count}, negation {negation}: expected a count of 0 or more and a share in 0..1")
    rng = random.Random(f"reviews {seed}")
    return [_review(rng, number % 2 == 0, language, negation) for number in range(count)]


def _review(rng: random.Random, good: bool, language: str, negation: float) -> Review:
    sides = [good, good, good if rng.random() < 2 / 3 else not good]
    flipped = [rng.random() < negation for _ in sides]
    topics = rng.sample(TOPICS[language], len(sides))
    parts = [_opinion(rng, *choice, language) for choice in zip(topics, sides, flipped, strict=True)]
    parts += rng.sample(NEUTRAL[language], rng.randrange(3))
    rng.shuffle(parts)
    return Review((" " if language == "en" else "").join(parts), good, sum(flipped))


def _opinion(rng: random.Random, topic: tuple[str, str, str], side: bool, negated: bool, language: str) -> str:
    things, *words = topic
    which = int(side == negated)  # 0 praises: a plain yes or a negated no
    word = rng.choice(f"{words[which]} {GENERAL[language][which]}".split())
    form = rng.choice((NEGATED if negated else PLAIN)[language])
    return form.format(thing=rng.choice(things.split()), word=word)

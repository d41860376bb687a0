"""The Chinese story model's tokens: every character of the grammar, and the words that its sentences are made of.

Merges of bytes, so any text can be read: first those that join the bytes of a character, so none is ever half a token,
then those that join characters within one word of the lists or one stretch between them, never across. A fact is
so one token wherever it stands, and to keep it is to copy that token; a story of 247 characters has about half as many
tokens, so it takes half the time. A plain byte-level BPE joins facts with what stands around them: 的瓦房里, 瓦房.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator

from aigc_course.synthetic.stories.grammar import MOVES, draw, telling_choices, world_choices
from aigc_course.synthetic.stories.sentences import PHRASES, SLOT, filled, form, split
from aigc_course.text.byte_pairs import BYTE_LETTERS, WORDS, Pair, count_pairs, merge, spell

DRAWN = 6000  # stories of which the pieces are counted


def pieces_of(number: int) -> Iterator[str]:
    """A story's words of the lists, and the stretches of text between them, in their order."""
    rng, drawn = random.Random(number), {}
    draw(world_choices("zh"), rng, drawn)
    draw(telling_choices("zh"), rng, drawn)
    slots = filled(drawn, "zh")
    for move in MOVES:
        for place, piece in enumerate(SLOT.split(drawn.get(f"move_{move}", ""))):
            fact, ending = split(piece)
            if place % 2 == 0:
                yield piece
            elif fact in PHRASES:
                for at, part in enumerate(form(drawn[fact], ending == "past").split("{thing}")):
                    yield from ([drawn["thing"]] if at else [])
                    yield part
            else:
                yield slots[piece]


def character_merges(texts: Iterable[str]) -> list[Pair]:
    """The merges that join the bytes of every character of the texts, those of the most frequent first."""
    counts = Counter(character for text in texts for character in text)
    merges: dict[Pair, None] = {}
    for character, _ in sorted(counts.items(), key=lambda each: (-each[1], each[0])):
        letters = spell(character)
        merges |= dict.fromkeys((letters[:end], letters[end]) for end in range(1, len(letters)))
    return list(merges)


def story_pieces() -> Counter[str]:
    """How often each stretch stands in the stories that are counted."""
    return Counter(word for number in range(DRAWN) for piece in pieces_of(number) for word in WORDS.findall(piece))


def learn_tokens(pieces: Counter[str], vocab_size: int, end: str) -> tuple[dict[str, int], list[Pair]]:
    """The vocabulary and the merges: bytes, characters, and the most frequent words of several characters.

    pieces: how often each stretch of text stands in the corpus; no token reaches over the end of one
    """
    merges = character_merges(pieces.elements())
    words = Counter({tuple(spell(character) for character in word): count for word, count in pieces.items()})
    while 1 + len(BYTE_LETTERS) + len(merges) < vocab_size:
        counts = count_pairs(words)
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(best)
        words = Counter({merge(parts, best): count for parts, count in words.items()})
    tokens = dict.fromkeys(
        [end, *(BYTE_LETTERS[byte] for byte in sorted(BYTE_LETTERS, key=lambda byte: BYTE_LETTERS[byte]))]
    )
    tokens |= dict.fromkeys("".join(pair) for pair in merges)
    return {token: number for number, token in enumerate(tokens)}, merges

"""A GPT-2 that writes quatrains, character by character, and the control codes that say which kind.

Each poem it was trained on begins with two codes: how many characters a line has, and on which rhyme lines 2 and 4 end,
or that they do not rhyme. So a writer can ask for both. Source of the idea: Keskar et al. 2019 (CTRL).
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from aigc_course.text.decoding import Sampler, sample
from aigc_course.text.quatrains import FORMS, RHYMES, lines_of, misfit, punctuated, rhyme_of, rhymes

END = "<|endoftext|>"
FORM_CODES = {5: "<五言>", 7: "<七言>"}
RHYME_CODES = {name: f"<{name}>" for name in RHYMES}
NO_RHYME = "<无韵>"
CODES = (END, *FORM_CODES.values(), *RHYME_CODES.values(), NO_RHYME)  # the first tokens of the vocabulary
BATCH = 64  # poems that are written side by side


class Characters:
    """A tokenizer whose tokens are single characters, and codes such as <五言>."""

    def __init__(self, vocabulary: Iterable[str]):
        self.tokens = list(vocabulary)
        self.ids = {token: number for number, token in enumerate(self.tokens)}

    @classmethod
    def from_file(cls, path: str | Path) -> "Characters":
        """From a tokenizer.json of the package tokenizers; FileNotFoundError without it, ValueError for another."""
        try:
            ids = json.loads(Path(path).read_text(encoding="utf-8"))["model"]["vocab"]
            if sorted(ids.values()) != list(range(len(ids))):
                raise ValueError("the numbers of its tokens have gaps")
            return cls(sorted(ids, key=ids.__getitem__))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} is no list of characters ({error}); copy or download the folder again") from error

    def encode(self, text: str, codes: Iterable[str] = ()) -> list[int]:
        """The codes' numbers, then the characters'; ValueError for a character that is not in the vocabulary."""
        tokens = [*codes, *text]
        if strange := "".join(dict.fromkeys(token for token in tokens if token not in self.ids)):
            raise ValueError(
                f"“{strange}”: not among the {len(self.ids) - len(CODES):,} characters that the model knows"
            )
        return [self.ids[token] for token in tokens]

    def decode(self, ids: Iterable[int]) -> str:
        """The text, up to the end token, without codes."""
        tokens: list[str] = []
        for number in ids:
            if self.tokens[number] == END:
                break
            tokens.append(self.tokens[number])
        return "".join(token for token in tokens if token not in CODES)


def codes_of(poem: str, form: int) -> tuple[str, str]:
    """The codes that stand before a poem of four lines: of its form, and of its rhyme."""
    lines = lines_of(poem)
    return FORM_CODES[form], RHYME_CODES[str(rhyme_of(lines[1][-1]))] if rhymes(lines) else NO_RHYME


def prompt_of(text: str, form: int) -> str:
    """A beginning as the model reads it: full lines closed by ，or 。; ValueError where it is none of a quatrain.

    text: Han characters; marks may be left out, but where there are some, they close lines of `form` characters
    """
    if form not in FORMS:
        raise ValueError(f"{form} characters a line: the model writes lines of {' or '.join(map(str, FORMS))}")
    characters = "".join(lines_of(text))
    wrong = misfit(text, form)
    if wrong == "length":
        raise ValueError(f"a beginning of {len(characters)} characters leaves no room: a poem has {4 * form}")
    if wrong:
        raise ValueError(f"“{text}”: a mark does not follow a line of {form} characters; leave the marks out")
    return punctuated(characters, form)


@torch.no_grad()
def rhyme_log_probs(model: Any, characters: Characters, prompt: str, form: int) -> Tensor:
    """log P(rhyme | form, beginning) up to a constant, by Bayes' rule, for the names in RHYMES; (rhymes,).

    The code stands before the poem, so the model says P(rhyme | form) and P(beginning | form, rhyme).
    """
    rows = [characters.encode(prompt, (FORM_CODES[form], code)) for code in RHYME_CODES.values()]
    ids = torch.tensor(rows, device=model.wte.weight.device)  # (rhymes, 2 + length)
    log_probs = model(ids)[:, :-1].log_softmax(-1)
    return log_probs.gather(-1, ids[:, 1:, None])[..., 0].sum(1)


def write_quatrains(
    model: Any,
    characters: Characters,
    count: int,
    form: int,
    sampler: Sampler,
    seed: int | torch.Generator,
    prompt: str = "",
    rhyme: str | None = None,
) -> Iterable[str]:
    """Write quatrains of a `gpt.model.GPT` one after the other, each on one line: 床前明月光，疑是地上霜。……

    form:   characters of a line, 5 or 7;  prompt: how each begins, see `prompt_of`
    rhyme:  one of RHYMES for lines 2 and 4; None: drawn from those that suit the beginning
    Raises ValueError for another form or rhyme, and for a beginning that the model cannot read.
    """
    if rhyme is not None and rhyme not in RHYMES:
        raise ValueError(f"{rhyme!r} is none of the thirteen rhymes: {' '.join(RHYMES)}")
    begin = prompt_of(prompt, form)
    device = model.wte.weight.device
    generator = seed if isinstance(seed, torch.Generator) else torch.Generator(device).manual_seed(seed)
    suits = rhyme_log_probs(model, characters, begin, form)
    names = list(RHYMES)
    for first in range(0, count, BATCH):
        number = min(BATCH, count - first)
        chosen = [rhyme] * number if rhyme else [names[i] for i in sample(suits.expand(number, -1), generator).tolist()]
        rows = [characters.encode(begin, (FORM_CODES[form], RHYME_CODES[name])) for name in chosen]
        room = model.config.context_length - len(rows[0])
        written = model.generate(torch.tensor(rows, device=device), room, sampler, generator)
        yield from map(characters.decode, written.tolist())

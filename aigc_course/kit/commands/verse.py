"""What `python -m aigc_course sample verse` does: quatrains by the model that this course trained on classical ones."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

from aigc_course.kit.commands.sampling import TEXTS, check_out, save_texts, shown, with_bar
from aigc_course.kit.runtime import device, say, use_threads


def sample_quatrains(
    out: Path | None,
    prompt: str | None,
    count: int,
    seed: int,
    characters: int,
    temperature: float,
    top_p: float | None,
) -> None:
    """Write quatrains to a file or the screen, and say so; arguments as for `write_verses`."""
    if out is not None:
        check_out(out, TEXTS)
    save_texts(with_bar(write_verses(prompt, count, seed, characters, temperature, top_p), count, "poem"), out)
    if out is not None:
        print(say(f"已将{count:,}首诗写入{out}", f"{count:,} {'poem' if count == 1 else 'poems'} in {out}"))


def write_verses(
    prompt: str | None, count: int, seed: int, characters: int, temperature: float, top_p: float | None
) -> Iterator[str]:
    """`count` quatrains with lines of 5 or 7 characters, each beginning with `prompt` (None: with whatever comes).

    Raises ValueError for a setting out of range and for a prompt that the model cannot read, and says what to do.
    """
    from aigc_course.gpt.model import GPT
    from aigc_course.gpt.verse import Characters, write_quatrains
    from aigc_course.kit.datasets import find_quatrain_gpt2
    from aigc_course.text.decoding import Sampler
    from aigc_course.text.quatrains import FORMS

    if characters not in FORMS:
        english = f"{characters} characters a line: a quatrain has 5 or 7, --characters 5 or --characters 7"
        raise ValueError(say(f"每句{characters}个字？绝句只有五言和七言：--characters 5或--characters 7", english))
    sampler = Sampler(temperature, top_p=top_p)
    use_threads()
    with redirect_stdout(sys.stderr):  # which model it is does not belong among the poems
        folder = find_quatrain_gpt2().path
    known = Characters.from_file(folder / "tokenizer.json")
    if prompt is not None:
        check_prompt(prompt, characters, known.ids, json.loads((folder / "simplified.json").read_text("utf-8")))
    model = GPT.from_pretrained(folder).to(device())
    yield from write_quatrains(model, known, count, characters, sampler, seed, prompt or "")


def check_prompt(prompt: str, form: int, known: dict[str, int], simplified: dict[str, str]) -> None:
    """ValueError, in the reader's language, for a prompt that no quatrain of the model can begin with.

    known: the model's characters;  simplified: what traditional characters are in its spelling
    """
    from aigc_course.text.quatrains import HAN, lines_of, misfit

    letters = "".join(lines_of(prompt))
    if not letters:
        raise ValueError(
            say(
                "开头是空的；不给--prompt，模型就自己起头",
                "the prompt is empty; without --prompt the model begins itself",
            )
        )
    if others := shown(letter for letter in letters if not re.fullmatch(f"[{HAN}]", letter)):
        chinese = f"“{others}”不是汉字；这个模型只认汉字，例如--prompt 春"
        english = f"“{others}” is not Chinese; this model reads Han characters only, for example --prompt 春"
        raise ValueError(say(chinese, english))
    if old := shown(letter for letter in letters if letter in simplified and letter not in known):
        new = "".join(simplified[letter] for letter in old if letter in simplified)
        chinese = f"“{old}”是繁体字或异体字；这个模型写简体，请写成“{new}”"
        english = f"“{old}” is traditional; this model writes simplified characters: “{new}”"
        raise ValueError(say(chinese, english))
    if strange := shown(letter for letter in letters if letter not in known):
        chinese = f"模型认识的{len(known):,}个字里没有“{strange}”；请换一个常用字"
        english = f"“{strange}” is not among the {len(known):,} characters that the model knows; take a commoner one"
        raise ValueError(say(chinese, english))
    wrong = misfit(prompt, form)
    if wrong == "length":
        chinese = f"开头有{len(letters)}个字，没有余地了；{form}言绝句一共{4 * form}个字"
        english = f"the prompt has {len(letters)} characters and leaves no room: a poem has {4 * form}"
        raise ValueError(say(chinese, english))
    if wrong:
        chinese = f"“{prompt}”的标点不在每句{form}个字之后；标点可以不写"
        english = f"in “{prompt}” a mark does not follow {form} characters; marks may be left out"
        raise ValueError(say(chinese, english))

"""What `python -m aigc_course sample text` does: a genre's texts, written from a fact sheet and held against it."""

import random
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from aigc_course.kit.commands.sampling import BATCH, TEXTS, check_out, save_texts, shown, with_bar
from aigc_course.kit.runtime import device, language, say, use_threads

if TYPE_CHECKING:
    from aigc_course.synthetic.genres import Sheet

DRAWN_FROM = 100_000  # held-out worlds that a sheet is drawn from


def sample_genre(
    out: Path | None,
    genre: str,
    sheet: str | None,
    number: int | None,
    prompt: str,
    count: int,
    seed: int,
    temperature: float,
    top_p: float | None,
) -> None:
    """Write texts to a file or the screen, and say how many keep to the sheet; arguments as for the two below."""
    if out is not None:
        check_out(out, TEXTS)
    facts = sheet_for(genre, sheet, number, seed)
    texts: list[str] = []
    kept = noted(write_genre(facts, prompt, count, seed, temperature, top_p), texts)
    save_texts(with_bar(kept, count, "text"), out)
    print(*verdict(texts, facts), sep="\n", file=sys.stderr)
    if out is not None:
        print(say(f"已将{count:,}篇文字写入{out}", f"{count:,} {'text' if count == 1 else 'texts'} in {out}"))


def sheet_for(genre: str, said: str | None, number: int | None, seed: int) -> "Sheet":
    """The sheet that was said, else that of a world: of number `number`, or of one that the seed draws; then printed.

    said: a file, or the facts themselves, one a line or with semicolons between them
    Raises ValueError for a sheet and a number together, for what is neither a file nor facts, and as `parse_sheet`.
    """
    from aigc_course.synthetic.genres import HELD_OUT, parse_sheet, tell

    if said is not None:
        if number is not None:
            english = "--sheet and --number: the sheet says the facts, the number draws them; give one of the two"
            raise ValueError(say("--sheet给出事实，--number抽取事实，请只用其中一个", english))
        return parse_sheet(facts_in(said), language(), genre)
    if number is None:
        number = HELD_OUT + random.Random(seed).randrange(DRAWN_FROM)
    sheet = tell(number, genre, language()).sheet
    print(say(f"事实单（第{number}号世界）：", f"fact sheet (world {number}):"), sheet, "", sep="\n", file=sys.stderr)
    return sheet


def facts_in(said: str) -> str:
    """The text of the file of this name; else what was said, a fact a line. ValueError where it is none of both."""
    path, is_file = Path(said), False
    with suppress(OSError, ValueError):  # longer than any name, or with a character that none has
        is_file = path.is_file()
    if is_file:
        try:
            return path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValueError(
                say(f"{said}不是UTF-8文本，请另存为UTF-8", f"{said} is no text in UTF-8; save it as UTF-8")
            ) from error
    if said.strip() and not set(said) & set(":：\n"):
        chinese = f"--sheet {said}：没有这个文件，也不是事实；一条事实是项目、冒号和内容，如“颜色：蓝”，各条之间用分号"
        english = f"--sheet {said}: there is no such file, and it is no fact; a fact is a field, a colon and a value, "
        raise ValueError(say(chinese, english + "such as 'color: blue', with semicolons between them"))
    return said.replace("；", "\n").replace(";", "\n")


def write_genre(
    sheet: "Sheet", prompt: str, count: int, seed: int, temperature: float, top_p: float | None
) -> Iterator[str]:
    """`count` texts from a sheet, each beginning with `prompt` (empty: as the model begins).

    A line is said about characters of the prompt that the language's texts never have. Raises ValueError for a setting
    out of range and for a prompt that fills the context.
    """
    import torch

    from aigc_course.gpt.model import GPT
    from aigc_course.kit.datasets import find_genre_gpt2
    from aigc_course.synthetic.genres import prompt_of
    from aigc_course.text.byte_pairs import BytePairs
    from aigc_course.text.decoding import Sampler

    sampler = Sampler(temperature, top_p=top_p)
    use_threads()
    with redirect_stdout(sys.stderr):  # which model it is does not belong among the texts
        folder = find_genre_gpt2().path
    model = GPT.from_pretrained(folder).to(device())
    pairs = BytePairs.from_files(folder / "vocab.json", folder / "merges.txt")
    end = model.config.end_token
    ids = [end, *pairs.encode(prompt_of(sheet) + prompt)]
    note_foreign(prompt, sheet.language)
    generator = torch.Generator(device()).manual_seed(seed)
    for begin in range(0, count, BATCH):
        prompts = torch.tensor([ids] * min(BATCH, count - begin), device=device())
        written = model.generate(prompts, model.config.context_length, sampler, generator)
        for row in written[:, len(ids) :].tolist():
            yield prompt + pairs.decode(row[: row.index(end)] if end in row else row).rstrip()


def note_foreign(prompt: str, written: str) -> None:
    """A line for characters of the prompt that no text of the language has: the model never met them there.

    It reads any text, as bytes, so nothing fails; but after the code of one language it has read no other, and what it
    writes on is a guess.
    """
    from aigc_course.synthetic.genres.characters import foreign

    if not (strange := shown(foreign(prompt, written))):
        return
    chinese, english, others = {
        "zh": ("【】之后模型只读过简体中文", "a Chinese control code the model has read only simplified Chinese", "en"),
        "en": ("[]之后模型只读过英文", "an English control code the model has read only English", "zh"),
    }[written]
    chinese = f"控制码{chinese}，没有见过开头里的“{strange}”，续写可能不成话；换一种语言用--language {others}。"
    english = f'After {english}, never "{strange}": what it writes may be nonsense. '
    english += f"For {'English' if others == 'en' else 'Chinese'}: --language {others}."
    print(say(chinese, english), file=sys.stderr)


def noted(texts: Iterator[str], seen: list[str]) -> Iterator[str]:
    """The same texts, each put into `seen` as it passes."""
    for text in texts:
        seen.append(text)
        yield text


def verdict(texts: list[str], sheet: "Sheet") -> list[str]:
    """How many texts are whole and keep to the sheet; of a single text also what it breaks or leaves unsaid."""
    from aigc_course.synthetic.genres import held_against, read_back

    readings = [read_back(text, sheet.genre, sheet.language) for text in texts]
    held = [held_against(reading, sheet) for reading in readings]
    whole = sum(reading.well_formed for reading in readings)
    true = sum(reading.well_formed and each.is_true for reading, each in zip(readings, held, strict=True))
    lines = [*readings[0].explain()[:1], *held[0].explain()] if len(texts) == 1 else []
    return [
        "",
        *lines,
        say(
            f"{len(texts):,}篇中，结构完整的{whole:,}篇，其中与事实单完全相符的{true:,}篇",
            f"of {len(texts):,}, {whole:,} well-formed, {true:,} of them with every fact as the sheet says",
        ),
    ]

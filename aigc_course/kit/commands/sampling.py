"""What `python -m aigc_course sample` does: a model makes many samples, for a file or the screen.

A kind of sample is a generator that yields one after the other; what saves them takes any such generator.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from aigc_course.kit.runtime import data_folder, device, language, say, use_threads
from aigc_course.storage.files import replacing

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

T = TypeVar("T")
BATCH = 64  # texts that are written side by side
MOST_SHOWN = 20  # characters in a message
TEXTS = {".txt": "one paragraph a text, a blank line between them", ".jsonl": 'one line {"text": ...} a text'}
IMAGES = {".npy": "uint8, (count, 28, 28)", ".png": "a grid of the images, 20 in a row"}


def sample_texts(out: Path | None, prompt: str, count: int, seed: int, *settings: Any) -> None:
    """Write texts to a file or the screen, and say so; arguments and settings as for `write_texts`."""
    if out is not None:
        check_out(out, TEXTS)
    save_texts(with_bar(write_texts(prompt, count, seed, *settings), count, "text"), out)
    if out is not None:
        print(say(f"已将{count:,}篇文本写入{out}", f"{count:,} {'text' if count == 1 else 'texts'} in {out}"))


def sample_images(out: Path, kind: str, count: int, seed: int, label: int | None = None) -> None:
    """Draw digits into a file by a GAN, and say so; arguments as for `draw_images`."""
    check_out(out, IMAGES)
    keep_images(draw_images(kind, count, seed, label), count, out)


def sample_digits(
    out: Path,
    kind: str,
    count: int,
    seed: int,
    label: int | None = None,
    steps: int | None = None,
    guidance: float | None = None,
) -> None:
    """Draw digits into a file by another family, and say so; arguments as for `draw_digits`."""
    check_out(out, IMAGES)
    keep_images(draw_digits(kind, count, seed, label, steps, guidance), count, out)


def sample_prompt(out: Path, prompt: str, count: int, seed: int, steps: int | None, guidance: float | None) -> None:
    """Draw what a prompt asks for into a file, and say so; ValueError for a prompt that `captions.parse` refuses."""
    from aigc_course.images.captions import parse

    check_out(out, IMAGES)
    captions = [parse(prompt)] * count
    keep_images(draw_digits("text2image", count, seed, captions, steps, guidance), count, out)


def keep_images(images: Iterable["np.ndarray"], count: int, out: Path) -> None:
    """Write images to a file, with a progress bar, and say so."""
    save_images(with_bar(images, count, "image"), out)
    print(say(f"已将{count:,}张图像写入{out}", f"{count:,} {'image' if count == 1 else 'images'} in {out}"))


def check_out(path: Path, kinds: dict[str, str]) -> None:
    """Before any work is done: ValueError for a file that cannot be written, a line for one that will be replaced.

    kinds: TEXTS or IMAGES
    """
    if path.suffix.lower() not in kinds:
        allowed = "; ".join(f"{suffix} ({meaning})" for suffix, meaning in kinds.items())
        raise ValueError(f'{path} ends in "{path.suffix}"; allowed: {allowed}')
    if not path.resolve().parent.is_dir():
        raise ValueError(f"{path} is in a folder that does not exist; make the folder first")
    if path.is_file():
        print(say(f"{path}已存在，将被替换。", f"{path} exists and will be replaced."), file=sys.stderr)
    elif path.exists():
        raise ValueError(f"{path} exists and is not a file; choose another name")


def write_texts(
    prompt: str, count: int, seed: int, temperature: float, top_k: int | None, top_p: float | None, max_new_tokens: int
) -> Iterator[str]:
    """`count` texts, each beginning with `prompt` (empty: from nothing); a line about characters no story has.

    The Chinese reader's are written by the course's Chinese model, the others by the GPT-2 that `find_gpt2` finds.
    Raises ValueError for a setting out of range and for a prompt that fills the context.
    """
    import torch

    from aigc_course.gpt.model import GPT
    from aigc_course.kit.datasets import find_gpt2, find_story_gpt2
    from aigc_course.text.byte_pairs import BytePairs
    from aigc_course.text.decoding import Sampler

    sampler = Sampler(temperature, top_k, top_p)
    use_threads()
    with redirect_stdout(sys.stderr):  # which model it is does not belong among the texts
        folder, which = find_story_gpt2() if language() == "zh" else find_gpt2()
    model = GPT.from_pretrained(folder).to(device())
    pairs = BytePairs.from_files(folder / "vocab.json", folder / "merges.txt")
    end = model.config.end_token
    ids = pairs.encode(prompt) or [end]
    if which != "gpt2":
        note_strange(prompt, language())
    generator = torch.Generator(device()).manual_seed(seed)
    for begin in range(0, count, BATCH):
        prompts = torch.tensor([ids] * min(BATCH, count - begin), device=device())
        written = model.generate(prompts, max_new_tokens, sampler, generator)
        for row in written[:, len(ids) :].tolist():
            yield prompt + pairs.decode(row[: row.index(end)] if end in row else row).rstrip()


def note_strange(prompt: str, written: str) -> None:
    """A line for characters of the prompt that stories of the language never have: the model has not learned them.

    It reads any text, as bytes, so nothing fails; but what it writes after bytes that it never met is nonsense.
    """
    from aigc_course.synthetic.stories import alphabet

    strange = shown(letter for letter in prompt if letter not in alphabet(written))
    if not strange:
        return
    chinese = f"这个模型只读过课程自己的中文故事，没有见过“{strange}”，续写可能不成话；英文故事用--language en。"
    english = f'The model has read nothing but English stories of this course, never "{strange}": what it writes may '
    english += "be nonsense. For Chinese stories: --language zh."
    print(say(chinese, english), file=sys.stderr)


def shown(letters: Iterable[str]) -> str:
    """Each letter once, not too many for a message."""
    different = "".join(dict.fromkeys(letters))
    return different if len(different) <= MOST_SHOWN else different[:MOST_SHOWN] + "…"


def draw_images(kind: str, count: int, seed: int, label: int | None) -> Iterator["np.ndarray"]:
    """`count` digits, (28, 28) uint8 each, by a GAN that the course ships; kind: a key of gan.generators.SHIPPED.

    Raises ValueError for a label out of range, or for one where the GAN knows none.
    """
    from aigc_course.gan.generators import SHIPPED, draw, load_generator

    use_threads()
    G = load_generator(data_folder() / "models" / SHIPPED[kind]).to(device())
    yield from draw(G, count, seed, label)


def draw_digits(
    kind: str, count: int, seed: int, label: Any, steps: int | None, guidance: float | None
) -> Iterator["np.ndarray"]:
    """`count` digits, (28, 28) uint8 each; kind: a key of images.generators.KINDS.

    label: what `images.generators.draw` takes as labels
    Raises ValueError for a label, steps or a guidance out of range, FileNotFoundError where the network is missing.
    """
    from aigc_course.images.generators import draw, load_generator
    from aigc_course.kit.datasets import find_digit_model

    use_threads()
    with redirect_stdout(sys.stderr):
        folder = find_digit_model(kind)
    network = load_generator(folder, kind).to(device())
    yield from draw(network, kind, count, seed, label, steps, guidance)


def save_images(images: Iterable["np.ndarray"], path: Path) -> None:
    """Write images to a file of a kind of IMAGES, which appears when it is complete."""
    import numpy as np

    images = np.stack(list(images))  # (count, 28, 28)
    with replacing(path) as file:
        if path.suffix.lower() == ".npy":
            np.save(file, images, allow_pickle=False)
        else:
            as_grid(images).save(file, "PNG", optimize=True)


def as_grid(images: "np.ndarray", ncols: int = 20, gap: int = 2) -> "Image":
    """The images beside and below each other, `gap` pixels apart; the places left over in the last row stay white."""
    import numpy as np
    from PIL import Image

    count, height, width = images.shape
    ncols = min(ncols, count)
    nrows = -(-count // ncols)
    sheet = np.full((nrows * (height + gap) - gap, ncols * (width + gap) - gap), 255, np.uint8)
    for number, image in enumerate(images):
        row, column = divmod(number, ncols)
        sheet[row * (height + gap) :, column * (width + gap) :][:height, :width] = image
    return Image.fromarray(sheet)


def with_bar(samples: Iterable[T], count: int, unit: str) -> Iterator[T]:
    """The same samples, with a progress bar where somebody looks at the terminal."""
    from tqdm import tqdm

    yield from tqdm(samples, total=count, unit=unit, disable=None, leave=False)


def save_texts(texts: Iterable[str], path: Path | None) -> None:
    """Write texts to a file, which appears when it is complete, or, without a path, to the screen as they come."""
    if path is None:
        for number, text in enumerate(texts):
            print(f"\n{text}" if number else text, flush=True)
        return
    as_json = path.suffix.lower() == ".jsonl"
    with replacing(path) as file:
        for number, text in enumerate(texts):
            gap = "\n" if number and not as_json else ""
            line = f"{json.dumps({'text': text}, ensure_ascii=False)}\n" if as_json else f"{gap}{text}\n"
            file.write(line.encode())

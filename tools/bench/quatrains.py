"""1,000 quatrains of the shipped model beside real ones: form, rhyme, tones, what comes twice and what is copied.

    python -m tools.bench.quatrains [--folder FOLDER] [--poems 1000] [--seed 0]

Half the poems have lines of 5 characters, half of 7. Beside them stand held-out poems, as many of each form; the same
ones after their fourth lines have been dealt out anew, so that what is left of rhyme is chance; and the same ones with
the characters of each mixed, so that what is left of the tones' order is chance. Copied is the longest
run of characters, marks left out, that a poem shares with any poem it was trained on; so that this can be believed,
training poems and half poems are planted and must be found. Needs npm and opencc, as tools.train.quatrains does.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from aigc_course.gpt.model import GPT
from aigc_course.gpt.verse import Characters, write_quatrains
from aigc_course.intervals import share_interval
from aigc_course.kit import runtime
from aigc_course.kit.datasets.gpt2 import QUATRAINS
from aigc_course.text.copying import longest_copied_runs
from aigc_course.text.decoding import Sampler
from aigc_course.text.quatrains import FORMS, alternates, form_of, is_regulated, lines_of, punctuated, rhymes
from tools.train.quatrain_poems import Poems, load_poems

TEMPERATURE, TOP_P = 0.8, 0.95
PLANTED = 20  # training poems, and as many first halves of them, among which copying must be seen


class Measured(NamedTuple):
    """What the model wrote, the table about it and its summary in a line."""

    poems: list[str]
    table: str
    summary: str


def half_and_half(poems: list[str], count: int, seed: int) -> list[str]:
    """Poems of both forms, as many of each, at most count / 2, drawn without replacement."""
    rng = np.random.default_rng(seed)
    of_forms = [[poem for poem in poems if form_of(poem) == form] for form in FORMS]
    of_each = min(count // 2, *map(len, of_forms))
    return [of_form[i] for of_form in of_forms for i in rng.permutation(len(of_form))[:of_each]]


def with_other_ends(poems: list[str], seed: int) -> list[str]:
    """The poems with their fourth lines dealt out anew among those of one form."""
    rng = np.random.default_rng(seed)
    mixed: list[str] = []
    for form in FORMS:
        lines = [lines_of(poem) for poem in poems if form_of(poem) == form]
        order = rng.permutation(len(lines))
        mixed += [
            punctuated("".join([*own[:3], lines[other][3]]), form) for own, other in zip(lines, order, strict=True)
        ]
    return mixed


def with_mixed_characters(poems: list[str], seed: int) -> list[str]:
    """The poems with their characters in random order."""
    rng = np.random.default_rng(seed)
    lines = map(lines_of, poems)
    return [punctuated("".join(rng.permutation(list("".join(four)))), len(four[0])) for four in lines]


def share(holds: Callable[[list[str]], bool], poems: list[str]) -> tuple[float, float, float]:
    """The share of poems that have a form and of whose lines this holds, with Wilson's interval."""
    return share_interval(sum(form_of(poem) is not None and holds(lines_of(poem)) for poem in poems), len(poems))


def planted(poems: list[str], seed: int) -> tuple[list[str], list[int]]:
    """Training poems and halves of them, each within characters of no poem, and the runs that must be found."""
    chosen = [
        "".join(lines_of(poems[i])) for i in np.random.default_rng(seed).choice(len(poems), PLANTED, replace=False)
    ]
    halves = [poem[: len(poem) // 2] + "○" * (len(poem) // 2) for poem in chosen]
    return chosen + halves, [len(poem) for poem in chosen] + [len(poem) // 2 for poem in chosen]


def measure(model: Any, characters: Characters, poems: Poems, count: int, seed: int) -> Measured:
    """Let the model write `count` poems and compare them; SystemExit where a planted copy is not found."""
    sampler = Sampler(TEMPERATURE, top_p=TOP_P)
    written = [
        poem for form in FORMS for poem in write_quatrains(model, characters, count // 2, form, sampler, seed + form)
    ]
    real = half_and_half(poems.test, count, seed)
    groups = {"the model": written, "held-out poems": real, "lines 4 mixed": with_other_ends(real, seed)}
    groups["characters mixed"] = with_mixed_characters(real, seed)
    measures: dict[str, Callable[[list[str]], bool]] = {
        "four lines of 5 or 7": lambda lines: True,
        "lines 2 and 4 rhyme": rhymes,
        "all four lines alternate": lambda lines: all(map(alternates, lines)),
        "regulated (近体)": is_regulated,
    }
    shares = {name: {group: share(holds, texts) for group, texts in groups.items()} for name, holds in measures.items()}
    rows = [f"{'':26}" + "".join(f"{f'{group} ({len(texts):,})':>26}" for group, texts in groups.items())]
    for name, of_group in shares.items():
        rows.append(f"{name:26}" + "".join(f"{f'{s:.1%} [{lo:.1%}, {hi:.1%}]':>26}" for s, lo, hi in of_group.values()))
    for form in FORMS:
        of_form = [[lines_of(poem) for poem in texts if form_of(poem) == form] for texts in groups.values()]
        cells = [f"{np.mean([rhymes(lines) for lines in known]):.1%}" if known else "-" for known in of_form]
        rows.append(f"{f'rhyme, lines of {form}':26}" + "".join(f"{cell:>26}" for cell in cells))
    training = ["".join(lines_of(poem)) for poem in poems.training]
    texts, expected = planted(poems.training, seed)
    if (found := longest_copied_runs(texts, training)) != expected:
        wrong = sum(a < b for a, b in zip(found, expected, strict=True))
        if wrong:
            raise SystemExit(f"{wrong} of {len(texts)} planted copies were not found")
    rows.append(f"\nlongest run of characters shared with {len(training):,} training poems")
    runs = {}
    for group in ("the model", "held-out poems"):
        runs[group] = np.array(longest_copied_runs(["".join(lines_of(poem)) for poem in groups[group]], training))
        marks = ", ".join(f"{q:.0%} {np.quantile(runs[group], q):.0f}" for q in (0.05, 0.5, 0.95))
        rows.append(f"  {group:16} mean {runs[group].mean():.2f}, {marks}, longest {runs[group].max()}")
    rows.append(f"  planted          {PLANTED} whole poems and {PLANTED} halves, all found")
    lines = [line for poem in written for line in lines_of(poem)]
    known = {line for poem in poems.training for line in lines_of(poem)}
    rows.append(f"  whole lines of training poems among the model's: {np.mean([line in known for line in lines]):.1%}")
    rows.append(f"different poems: {len(set(written)):,} of {len(written):,}")
    model_is, real_is, mixed_is, chance_is = groups
    rhyme, tone = shares["lines 2 and 4 rhyme"], shares["all four lines alternate"]
    summary = (
        f"{shares['four lines of 5 or 7'][model_is][0]:.1%} four lines of equal length; rhyme in lines 2 and 4"
        f" {rhyme[model_is][0]:.1%} (held-out poems {rhyme[real_is][0]:.1%}, lines 4 mixed {rhyme[mixed_is][0]:.1%});"
        f" all lines alternate in tone {tone[model_is][0]:.1%} ({tone[real_is][0]:.1%}, by chance"
        f" {tone[chance_is][0]:.1%});"
        f" {len(set(written)):,} different; longest run copied {runs[model_is].max()} characters, mean"
        f" {runs[model_is].mean():.1f} (held-out poems {runs[real_is].max()}, {runs[real_is].mean():.1f})"
    )
    return Measured(written, "\n".join(rows), summary)


def main() -> None:
    """Print the table and ten poems."""
    parser = argparse.ArgumentParser(description="Measure the model that writes quatrains beside real ones.")
    parser.add_argument("--folder", type=Path, default=runtime.data_folder() / "models" / QUATRAINS)
    parser.add_argument("--poems", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.poems < 2:
        parser.error("at least 2 poems are needed, one of each form")
    runtime.use_threads("large")
    model = GPT.from_pretrained(options.folder)
    characters = Characters.from_file(options.folder / "tokenizer.json")
    measured = measure(model, characters, load_poems(), options.poems, options.seed)
    print(f"temperature {TEMPERATURE}, top_p {TOP_P}, seed {options.seed}\n{measured.table}\n")
    print("\n".join(measured.poems[:: max(1, len(measured.poems) // 10)]))


if __name__ == "__main__":
    main()

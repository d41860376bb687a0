"""What a notebook uses and never explains, in one line:  from aigc_course.kit import check, figure, load_mnist

Each name is fetched from its module when it is first asked for, so that nobody pays for what they do not use.
"""

from importlib import import_module
from typing import Any

HOMES = {
    "runtime": "data_folder device has_bfloat16 language scale set_seed start use_threads",
    "bands": "expect",
    "datasets": "find_genre_gpt2 find_gpt2 find_gpt2_vocabulary find_quatrain_gpt2 find_story_gpt2 load_analogies"
    " load_chorales load_glove load_mnist load_polarity load_spoken_digits load_wikipedia_sentences load_wikipedia_text"
    " load_word_similarity spoken_line",
    "figures.plotting": "BLACK BLUE GREEN ORANGE PALETTE PURPLE RED SKY YELLOW figure page_picture png_of"
    " plot_confusion plot_curves plot_images plot_reliability show show_source",
    "figures.animation": "show_animation",
    "figures.diagrams": "diagram plot_graph show_graph",
    "figures.drawing": "DigitPad",
    "figures.labels": "label phrase",
    "figures.sliders": "sliders",
    "figures.workflow": "Workflow",
    "practice.challenges": "challenge",
    "practice.exercises": "check hint quiz solution",
    "practice.guesses": "guess guessed",
}
HOME = {name: module for module, names in HOMES.items() for name in names.split()}
MODULES = {"doctor": "commands.doctor", "plotting": "figures.plotting", "progress": "practice.progress"}


def __getattr__(name: str) -> Any:
    if name in MODULES:
        return import_module(f"{__name__}.{MODULES[name]}")
    if name in HOME:
        return getattr(import_module(f"{__name__}.{HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

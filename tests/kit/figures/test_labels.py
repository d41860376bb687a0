"""Words are looked up in the reader's language, and drawn with a font that has them or in English."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib import font_manager

matplotlib.use("Agg")

from aigc_course.kit import runtime
from aigc_course.kit.figures import labels, plotting

ANY_CHINESE = next((path for path in font_manager.findSystemFonts() if labels.FILES.search(Path(path).name)), None)
needs_a_font = pytest.mark.skipif(ANY_CHINESE is None, reason="no Chinese font is installed")


@pytest.fixture
def in_chinese(monkeypatch):
    """A process of the Chinese edition that has not looked for a font yet."""
    monkeypatch.setitem(runtime._facts, "language", "zh")
    forget()
    yield
    forget()


def forget():
    for remembered in (labels.words, labels.chinese_font, labels._give_advice):
        remembered.cache_clear()


@pytest.fixture
def without_font(in_chinese, monkeypatch):
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [])
    monkeypatch.setattr(font_manager, "findSystemFonts", list)


def test_english_needs_neither_words_nor_a_font(monkeypatch):
    monkeypatch.setitem(runtime._facts, "language", "en")
    monkeypatch.setattr(labels, "words", lambda: pytest.fail("looked up"))
    monkeypatch.setattr(labels, "chinese_font", lambda: pytest.fail("looked for"))
    assert labels.label("predicted class") == labels.phrase("predicted class") == "predicted class"
    assert labels.families() == ["DejaVu Sans"]


def test_a_word_that_nobody_translated_stays_as_it_is(in_chinese):
    assert labels.label("a learner's own words") == "a learner's own words"


def test_without_a_font_figures_are_english_and_one_line_says_how_to_get_one(without_font, capsys):
    ax = plotting.plot_confusion(np.eye(2, dtype=int))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    assert plotting.plot_reliability(np.ones(1), np.ones(1), np.ones(1)).get_xlabel() == "confidence"
    assert capsys.readouterr().out == labels.ADVICE + "\n"
    assert labels.phrase("done") == "已完成"  # printed text needs no font


def test_a_font_that_lacks_a_character_is_passed_over(in_chinese, monkeypatch):
    dejavu = next(font for font in font_manager.fontManager.ttflist if font.name == "DejaVu Sans")
    monkeypatch.setattr(labels, "FONTS", ("Chinese In Name Only",))
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [replace(dejavu, name="Chinese In Name Only")])
    monkeypatch.setattr(font_manager, "findSystemFonts", list)
    assert labels.chinese_font() is None


@needs_a_font
def test_chinese_is_drawn_with_glyphs_and_not_with_boxes(in_chinese, capsys, recwarn):
    fig, ax = plotting.figure()
    ax.set(title=labels.label("predicted class"), xlabel="−1 ✓ →")
    assert ax.get_title() == "预测类别"
    plotting.png_of(fig)
    missing = [str(warning.message) for warning in recwarn if "Glyph" in str(warning.message)]
    assert not missing
    assert not capsys.readouterr().out
    plotting.plt.close(fig)


@needs_a_font
def test_a_font_that_matplotlib_has_not_listed_yet_is_found_without_reading_all_fonts(
    in_chinese, monkeypatch, tmp_path
):
    new = tmp_path / Path(ANY_CHINESE).name
    os.symlink(ANY_CHINESE, new)
    damaged = shutil.copy(__file__, tmp_path / "simhei.ttf")
    known = [font for font in font_manager.fontManager.ttflist if font.name not in labels.FONTS]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", known)
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [damaged, str(new)])
    monkeypatch.setattr(font_manager, "_load_fontmanager", lambda **_: pytest.fail("all fonts were read again"))
    assert labels.chinese_font() in labels.FONTS


@pytest.mark.filterwarnings("error")  # "does not have a glyph for U+2212"
def test_a_power_of_ten_on_a_chinese_axis_has_its_minus_sign(in_chinese, caplog):
    fig, ax = plotting.figure()
    ax.loglog([1e-3, 1.0], [1e-3, 1.0])
    plotting.png_of(fig)
    matplotlib.pyplot.close(fig)
    assert [tick.get_fontfamily()[0] for tick in ax.get_xticklabels()] == ["DejaVu Sans"] * len(ax.get_xticklabels())
    assert "glyph" not in caplog.text


def test_two_files_do_not_translate_the_same_words(in_chinese, monkeypatch, tmp_path):
    for name in ("one.toml", "two.toml"):
        (tmp_path / name).write_text('[labels]\n"loss" = "损失"\n', encoding="utf-8")
    monkeypatch.setattr(labels, "WORDS", tmp_path)
    with pytest.raises(ValueError, match=r"two\.toml translates what another file already translates: loss"):
        labels.words()


def test_a_translation_takes_the_same_numbers():
    from string import Formatter

    def fields(text):
        return sorted(name for _, name, _, _ in Formatter().parse(text) if name)

    labels.words.cache_clear()
    wrong = [english for english, chinese in labels.words().items() if fields(english) != fields(chinese)]
    assert not wrong


def test_every_shared_word_is_said_somewhere():
    import tomllib

    from tools.authoring.notebooks import ROOT, code_cells, path_of, read, stems

    shared = tomllib.loads((labels.WORDS / "kit.toml").read_text(encoding="utf-8"))["labels"]
    said = [path.read_text(encoding="utf-8") for path in (ROOT / "aigc_course" / "kit").rglob("*.py")]
    said += [cell.source for stem in stems() for cell in code_cells(read(path_of(stem, "en")))]
    unused = [word for word in shared if not any(f'"{word}"' in text for text in said)]
    assert not unused


def test_a_family_without_a_bold_face_is_taken_in_silence_and_one_that_is_missing_is_not(caplog):
    from matplotlib.font_manager import FontProperties, findfont

    labels._take_any_weight()
    findfont(FontProperties(family="cmr10", weight="bold"), rebuild_if_missing=False)
    assert not caplog.records
    findfont(FontProperties(family="no such family"), rebuild_if_missing=False)
    assert "no such family" in caplog.text

"""Occupations, tools, phantoms, genres, bands, intervals, toy GANs: as counting says, or a documented error."""

import math
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from whatever import REAL, SEEDS, WHATEVER

from aigc_course import frameworks, intervals, jobs
from aigc_course.gan.toy import Recipe
from aigc_course.kit import bands, runtime
from aigc_course.synthetic import genres
from aigc_course.synthetic.phantoms import phantoms

# occupations


@pytest.fixture(scope="module")
def occupations():
    return jobs.read_occupations(runtime.data_folder() / "jobs")


@pytest.fixture(scope="module")
def matcher(occupations):
    return jobs.Matcher(occupations)


@given(description=st.one_of(st.text(), WHATEVER, st.sampled_from(["I teach children", "写代码和测试", "🦊"])),
       count=st.one_of(st.integers(-1, 200), WHATEVER))  # fmt: skip
def test_whatever_a_job_is_occupations_are_named_or_it_is_said_why_not(matcher, description, count):
    try:
        answer = matcher.answer(description, count)
    except (ValueError, TypeError):
        return
    assert (
        len(set(answer.nearest.tolist())) == len(answer.nearest) == (min(count, 120) if answer.is_recognized else 120)
    )
    assert ((answer.similarity >= 0) & (answer.similarity <= 1 + 1e-9)).all()
    assert all(low <= middle <= high for low, middle, high in answer.spans.values())
    assert all(isinstance(term, str) for term in matcher.shared(description, int(answer.nearest[0])))


@given(
    arrays(np.float64, st.integers(3, 15), elements=st.one_of(st.just(math.nan), st.integers(-3, 3).map(float))),
    st.data(),
)
def test_a_rank_correlation_is_scipys(a, data):
    b = data.draw(arrays(np.float64, len(a), elements=st.integers(-3, 3).map(float)))
    with suppress(ValueError):
        rho, low, high = jobs.rank_correlation(a, b, num_resamples=20)
        known = ~np.isnan(a)
        assert rho == pytest.approx(stats.spearmanr(a[known], b[known]).statistic)
        assert -1 - 1e-9 <= low <= high <= 1 + 1e-9


@given(arrays(np.float64, st.integers(0, 12), elements=st.one_of(st.just(math.nan), REAL)))
def test_percentiles_are_what_counting_gives(values):
    known = values[~np.isnan(values)]
    expected = [math.nan if np.isnan(v) else stats.percentileofscore(known, v, "weak") / 100 for v in values]
    np.testing.assert_allclose(jobs.percentiles(values), expected)


@given(st.text())
def test_terms_are_texts(text):
    assert all(isinstance(term, str) and term for term in jobs.terms(text))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tables")


CELLS = st.one_of(st.text(max_size=4), st.sampled_from(["1", "2.5", "nan", "inf", "", "1e999", '"', "soc"]))


@given(
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=4), raw=st.one_of(st.none(), st.binary(max_size=60))
)
@example(rows=[], raw=b"name,number\nx,\xff\n")
@example(rows=[["x" * 200_000]], raw=None)  # more than a cell may hold
def test_whatever_a_table_holds_it_is_read_or_refused(folder, rows, raw):
    content = (
        raw
        if raw is not None
        else "\n".join(["name,number", *(",".join(row) for row in rows)]).encode("utf-8", "replace")
    )
    (folder / "table.csv").write_bytes(content)
    with suppress(ValueError):
        table = jobs.read_table(folder / "table.csv", ["name"], ["number"])
        assert not np.isinf(table["number"]).any()
    with suppress(ValueError):
        assert bands.read(folder / "table.csv")
    with suppress(ValueError):
        frameworks.read_tools(folder / "table.csv")


BAND = st.lists(st.one_of(CELLS, st.sampled_from(["0.1", "05_1.x", "quick", "cpu", "3"])), min_size=8, max_size=11)


@given(rows=st.lists(BAND, max_size=3), tools=st.lists(st.lists(CELLS, max_size=4), max_size=3))
def test_whatever_stands_below_a_right_header_is_read_or_refused(folder, rows, tools):
    for name, header, lines, read in (
        ("bands.csv", bands.COLUMNS, rows, bands.read),
        ("tools.csv", ("name", "kind", "last_release", "checked_on"), tools, frameworks.read_tools),
    ):
        text = "\n".join([",".join(header), *(",".join(line) for line in lines)])
        (folder / name).write_bytes(text.encode("utf-8", "replace"))
        with suppress(ValueError):
            read(folder / name)


@given(WHATEVER, st.text(max_size=5))
def test_a_measured_value_is_one_number_or_refused(value, quantity):
    with suppress(TypeError):
        assert isinstance(bands.as_number(quantity, value), float)


@given(st.one_of(st.text(), st.sampled_from(["x = 1\n# no\n\ny = '''a\nb'''\n", "def f(:", "if x:\n  y", "'''"])))
def test_lines_of_a_program_are_counted_or_it_is_refused(program):
    with suppress(ValueError):
        assert 0 <= frameworks.count_lines(program) <= program.count("\n") + program.count("\r") + 1


# data that the course makes


@given(st.integers(-1, 4), st.integers(-1, 2**40), st.integers(6, 20), st.one_of(st.floats(0, 1), st.floats()))
def test_phantoms_have_their_lesions_where_they_are_said_or_are_refused(count, seed, side, contrast):
    with suppress(ValueError):
        found = phantoms(count, seed, side, contrast)
        assert found.images.shape == found.lesions.shape == (count, side, side)
        np.testing.assert_array_equal(found.labels, np.arange(count) % 2)
        assert not found.lesions[found.labels == 0].any()


@given(WHATEVER, st.one_of(st.sampled_from(genres.GENRES), st.text(max_size=5)), st.sampled_from(["en", "zh", "fr"]))
def test_a_text_of_a_genre_is_true_and_keeps_to_its_sheet(number, genre, language):
    with suppress(ValueError, TypeError):
        told = genres.tell(number, genre, language)
        reading = genres.read_back(told.text, genre, language)
        assert reading.is_true
        assert reading.log_prob == pytest.approx(told.log_prob)
        assert genres.held_against(reading, told.sheet).is_true
        assert genres.parse_sheet(told.prompt, language) == told.sheet


def spoiled(text, edits):
    for place, letter in edits:
        at = place % (len(text) + 1)
        text = text[:at] + letter + text[at + 1 :]
    return text


@given(st.integers(0, 500), st.sampled_from(genres.GENRES), st.sampled_from(["en", "zh"]),
       st.lists(st.tuples(st.integers(0, 400), st.text(max_size=2)), max_size=3), st.text(max_size=20))  # fmt: skip
def test_a_spoiled_text_and_a_spoiled_sheet_are_read_or_refused(number, genre, language, edits, other):
    told = genres.tell(number, genre, language)
    for text in (spoiled(told.text, edits), other):
        reading = genres.read_back(text, genre, language)
        assert 0 <= reading.read_until <= len(text)
        assert reading.explain()
        assert reading.truncated in (True, False)
        assert genres.held_against(reading, told.sheet).explain()
    for sheet in (spoiled(told.prompt, edits), other):
        with suppress(ValueError):
            assert genres.write(genres.parse_sheet(sheet, language), 0)


# intervals and toy GANs


@given(arrays(np.float64, st.tuples(st.just(2), st.integers(2, 12)), elements=REAL), st.floats(0.5, 0.99), SEEDS)
def test_a_bootstrap_interval_of_a_mean_lies_within_the_data(samples, level, seed):
    assume(np.ptp(samples[0]) > 1e-3)
    value, low, high = intervals.bootstrap_interval(np.mean, samples[0], level=level, num_resamples=50, seed=seed)
    assert value == pytest.approx(samples[0].mean())
    assert samples[0].min() - 1e-6 <= low <= high <= samples[0].max() + 1e-6


@given(WHATEVER, WHATEVER, st.floats())
def test_a_bootstrap_of_whatever_is_numbers_or_an_error(a, b, level):
    with suppress(ValueError, TypeError):
        found = intervals.bootstrap_interval(
            lambda *arrays: float(np.mean(arrays[0])), a, b, level=level, num_resamples=9
        )
        assert all(type(number) is float for number in found)


@given(st.fixed_dictionaries({}, optional={
    "loss": st.one_of(st.text(max_size=3), st.just("hinge"), WHATEVER), "num_steps": WHATEVER, "batch_size": WHATEVER,
    "g_learning_rate": WHATEVER, "d_learning_rate": WHATEVER, "optimizer": st.sampled_from(["adam", "sgd", "x"]),
    "noise": WHATEVER, "head_start": WHATEVER, "d_updates": WHATEVER, "g_updates": WHATEVER}))  # fmt: skip
def test_a_recipe_of_whatever_makes_sense_or_says_why_not(settings):
    with suppress(ValueError, TypeError):
        recipe = Recipe(**settings)
        assert recipe.noise_std(recipe.num_steps) == 0
        assert recipe.left(0) == 1

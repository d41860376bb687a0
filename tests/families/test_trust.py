"""Trust: attacks, privacy, bias, marks, labels, laws; as a formula or a library says, or a documented error."""

import io
import itertools
import json
import math
import wave
from contextlib import suppress

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from sklearn.metrics import roc_auc_score
from whatever import REAL, SEEDS, TENSORS, WHATEVER, rng_of

from aigc_course.trust import bias, labels, membership, private_training, scaling_laws, watermark

SCORES = st.lists(st.integers(-4, 4).map(lambda n: n / 2), min_size=1, max_size=12)
PRINTABLE = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


# membership


@given(SCORES, SCORES)
def test_the_area_under_an_attack_is_sklearns(members, others):
    found = membership.attack(members, others)
    expected = roc_auc_score([1] * len(members) + [0] * len(others), members + others)
    assert found.auc == pytest.approx(expected)
    assert found.tpr_at(1) == 1
    for threshold in set(members):
        false_alarms = np.mean(np.array(others) >= threshold)
        assert found.tpr_at(false_alarms) >= np.mean(np.array(members) >= threshold) - 1e-12


@given(WHATEVER, WHATEVER, st.floats(), st.floats())
def test_attacks_on_whatever_give_numbers_or_errors(a, b, number, other):
    with suppress(ValueError, TypeError):
        assert 0 <= membership.attack(a, b).auc <= 1
    with suppress(ValueError, TypeError):
        assert 0 <= membership.attack([1.0, 2.0], [0.5]).tpr_at(number) <= 1
    with suppress(ValueError, TypeError):
        assert np.isfinite(membership.log_odds(a, b)).all()
    with suppress(ValueError, TypeError):
        assert not np.isnan(membership.most_allowed([0.0, 0.5, 1.0], number, other)).any()
    with suppress(ValueError, TypeError):
        membership.likelihood_ratios(a, b, b)


@given(arrays(np.float64, (3, 4), elements=st.floats(0.01, 1)), st.lists(st.integers(0, 3), min_size=3, max_size=3))
def test_log_odds_are_their_formula(weights, own):
    probs = weights / weights.sum(1, keepdims=True)
    p = probs[range(3), own]
    np.testing.assert_allclose(membership.log_odds(probs, own), np.log(p / (1 - p)), rtol=1e-6, atol=1e-9)


# private training


@given(st.floats(0.3, 10), st.floats(1e-4, 1), st.integers(1, 1000), st.floats(1e-8, 0.1))
def test_more_steps_more_data_and_less_noise_cost_privacy(noise, rate, steps, delta):
    spent = private_training.epsilon(noise, rate, steps, delta)
    assert 0 <= spent < math.inf
    assert private_training.epsilon(noise, rate, steps + 1, delta) >= spent - 1e-9
    assert private_training.epsilon(noise * 1.1, rate, steps, delta) <= spent + 1e-6
    assert private_training.epsilon(noise, rate, steps, delta / 2) >= spent - 1e-9


@given(WHATEVER, WHATEVER, WHATEVER, WHATEVER)
def test_privacy_of_whatever_is_a_number_or_an_error(noise, rate, steps, delta):
    with suppress(ValueError, TypeError):
        assert private_training.epsilon(noise, rate, steps, delta) >= 0
    with suppress(ValueError, TypeError):
        private_training.PrivateConfig(steps, rate, noise, max_norm=delta, learning_rate=rate, momentum=noise)


@given(arrays(np.float64, (4, 3), elements=REAL), st.floats(0.1, 10))
def test_no_example_counts_more_than_the_norm(gradients, max_norm):
    found = private_training.clipped_noisy_gradient([torch.tensor(gradients)], max_norm, 0.0, 4, rng_of(0))[0]
    lengths = np.linalg.norm(gradients, axis=1, keepdims=True)
    expected = (gradients * np.minimum(1, max_norm / np.maximum(lengths, 1e-12))).sum(0) / 4
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-4)


# bias

WORDS = st.lists(st.sampled_from("abcdefgh"), max_size=5)


@given(WORDS, WORDS, WORDS, WORDS, arrays(np.float64, (7, 2), elements=st.integers(-2, 2)))
def test_weat_is_its_formula_or_says_why_not(x, y, a, b, rows):
    vectors = dict(zip("abcdefg", rows, strict=True))  # none for h
    with suppress(ValueError):
        found = bias.weat(vectors, x, y, a, b)
        s = bias.association(vectors, x + y, a, b)
        expected = (s[: len(x)].mean() - s[len(x) :].mean()) / s.std(ddof=1)
        assert found.effect == pytest.approx(expected, abs=1e-9)
        assert abs(found.effect) <= 2
        assert 0 < found.p_value <= 1


# watermark


@given(WHATEVER, WHATEVER, WHATEVER, WHATEVER)
def test_a_mark_has_sensible_settings_or_says_why_not(vocab_size, key, share, bias_):
    few = min(vocab_size, 50) if isinstance(vocab_size, int) else vocab_size
    with suppress(ValueError, TypeError):
        mark = watermark.Watermark(few, key, share, bias_)
        assert mark.green(0).sum() == int(share * few)


@given(st.lists(st.lists(st.integers(0, 9), max_size=12), max_size=3), st.integers(1, 2**64), st.booleans())
def test_green_tokens_are_what_counting_gives(texts, key, repeated):
    mark = watermark.Watermark(10, key, share=0.5)
    pairs = [pair for text in texts for pair in itertools.pairwise(text)]
    pairs = pairs if repeated else list(dict.fromkeys(pairs))
    if not pairs:
        with pytest.raises(ValueError, match="fewer than 2"):
            mark.find(*texts, repeated=repeated)
        return
    found = mark.find(*texts, repeated=repeated)
    assert found[:2] == (len(pairs), sum(mark.green(a)[b].item() for a, b in pairs))
    assert 0 <= found.p_value <= 1


@given(TENSORS, st.lists(st.one_of(st.integers(-2, 12), st.floats()), max_size=4))
def test_marking_whatever_gives_logits_or_an_error(logits, tokens):
    mark = watermark.Watermark(3, share=0.5)
    with suppress(ValueError):
        marked = mark.prefer_green(
            logits, torch.zeros(max(1, logits.shape[0] if logits.dim() else 1), 1, dtype=torch.long)
        )
        assert ((marked == logits) | (marked == logits + mark.bias)).all() or not torch.isfinite(logits).all()
    with suppress(ValueError):
        mark.find(tokens)


# labels in files


@given(
    st.fixed_dictionaries(
        {name: st.one_of(PRINTABLE, st.sampled_from(["1", "2", "3"])) for name in labels.NAMES.values()}
    ),
    PRINTABLE,
)
def test_a_label_comes_back_from_a_text(fields, text):
    with suppress(ValueError):
        label = labels.Label(**fields)
        assert labels.Label.from_json(label.to_json()) == label
        assert labels.text_label(labels.label_text(text, label, "zh")) == label
        key = b"0123456789abcdef"
        signed = labels.sign(label, text.encode(), key)
        assert labels.is_signed(signed, text.encode(), key)
        assert not labels.is_signed(signed, text.encode() + b"!", key)


KEYS = st.one_of(st.text(max_size=4), st.sampled_from([*labels.NAMES]))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
)


@given(st.one_of(JSON.map(json.dumps), st.text(), st.integers(1, 30_000).map(lambda n: "[" * n)))
def test_whatever_a_label_says_it_is_read_or_refused(text):
    with suppress(ValueError):
        assert labels.Label.from_json(text).kind in labels.KINDS
    with suppress(ValueError):
        labels.text_label(f"---\nAIGC: {text}\n---\n")


def png():
    file = io.BytesIO()
    Image.new("L", (4, 3), 7).save(file, "PNG")
    return file.getvalue()


def wav():
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(40))
    return file.getvalue()


WHOLE = {".png": png(), ".wav": wav(), ".mp4": b"\0\0\0\x18ftypisom\0\0\0\0isomiso2\0\0\0\x08moov"}
LABEL = labels.Label("course", "1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("labeled")


@given(
    kind=st.sampled_from([*WHOLE]),
    cut=st.integers(0, 90),
    flips=st.lists(st.tuples(st.integers(0, 89), st.integers(0, 255)), max_size=3),
)
def test_a_damaged_file_is_refused_and_stays_as_it_is(folder, kind, cut, flips):
    content = bytearray(WHOLE[kind][:cut] if cut < 90 else WHOLE[kind])
    for place, value in flips:
        content[place % len(content) if content else 0 : place % len(content) + 1 if content else 0] = [value]
    path = folder / f"file{kind}"
    path.write_bytes(content)
    with suppress(ValueError):
        labels.read_label(path)
    try:
        labels.write_label(path, LABEL)
    except ValueError:
        assert path.read_bytes() == content
        return
    with suppress(ValueError):
        assert labels.read_label(path) == LABEL


# laws


@given(st.floats(0.1, 10), st.floats(0.1, 1), st.floats(0.1, 3), st.booleans())
def test_a_law_is_found_again(factor, exponent, floor, told):
    sizes = np.array([1e3, 3e3, 1e4, 3e4, 1e5])
    losses = floor + factor * sizes**-exponent
    assume(np.ptp(losses) > 1e-3)
    law = scaling_laws.fit_power_law(sizes, losses, floor if told else None)
    np.testing.assert_allclose(law.loss(sizes), losses, rtol=2e-3)


@given(st.one_of(WHATEVER, st.lists(st.floats(0.1, 1e6), min_size=3, max_size=6)),
       st.one_of(WHATEVER, st.lists(st.floats(1e-3, 1e3), min_size=3, max_size=6)),
       st.one_of(st.none(), st.floats()), SEEDS)  # fmt: skip
def test_a_law_of_whatever_is_finite_or_an_error(sizes, losses, floor, seed):
    with suppress(ValueError, TypeError):
        assert np.isfinite(scaling_laws.fit_power_law(sizes, losses, floor)).all()

"""The encoder-decoder: padding, stepwise decoding, training, beams, the file and the errors of the translator."""

import itertools
import math
import random

import pytest
import torch

from aigc_course.translation.encoder_decoder import (
    EncoderDecoder,
    TrainingConfig,
    greedy_decode,
    num_training_steps,
    training_steps,
    translate_pairs,
    translation_loss,
)
from aigc_course.translation.task import (
    END,
    START,
    batches,
    encode_pairs,
    make_batch,
    make_pairs,
    split_pairs,
    vocabularies,
)
from aigc_course.translation.translator import Translator, beam_decode, sequence_log_probs

KINDS = (None, "dot", "additive")
PAIRS = make_pairs(400, seed=0)
SOURCES, TARGETS = vocabularies(PAIRS)
ENCODED = encode_pairs(PAIRS, SOURCES, TARGETS)


def model_of(kind, dim=16, seed=0):
    torch.manual_seed(seed)
    return EncoderDecoder(len(SOURCES), len(TARGETS), dim, kind).eval()


@pytest.fixture(scope="module")
def trained():
    """A small model, trained for a few seconds on the first hundred pairs: good enough to be judged."""
    model = model_of("dot", dim=64)
    for _ in training_steps(model, ENCODED[:100], TrainingConfig(num_epochs=40, batch_size=25), seed=0):
        pass
    return model


@pytest.mark.parametrize("kind", KINDS)
def test_a_sentence_is_translated_alike_alone_and_in_a_padded_batch(kind):
    model, batch = model_of(kind), make_batch(ENCODED[:20])
    together = model(batch.source, batch.mask, batch.target)
    for row, pair in enumerate(ENCODED[:20]):
        alone = make_batch([pair])
        logits = model(alone.source, alone.mask, alone.target)
        torch.testing.assert_close(together[row, : logits.shape[1]], logits[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_token_by_token_equals_all_at_once(kind):
    model, batch = model_of(kind), make_batch(ENCODED[:20])
    memory, state = model.encoder(batch.source, batch.mask)
    stepwise = []
    for position in range(batch.target.shape[1]):
        logits, state, _ = model.decoder(batch.target[:, position : position + 1], state, memory, batch.mask)
        stepwise.append(logits)
    expected = model(batch.source, batch.mask, batch.target)
    torch.testing.assert_close(torch.cat(stepwise, dim=1), expected, rtol=0, atol=1e-5)


def test_padding_does_not_count_in_the_loss():
    model = model_of("dot")
    pairs = ENCODED[:8]
    together = translation_loss(model, make_batch(pairs))
    each = [(translation_loss(model, make_batch([pair])), len(pair[1]) - 1) for pair in pairs]
    mean = sum(loss * count for loss, count in each) / sum(count for _, count in each)
    torch.testing.assert_close(together, mean)


@pytest.mark.parametrize("kind", KINDS)
def test_training_lowers_the_loss_and_repeats_with_the_seed(kind):
    config = TrainingConfig(num_epochs=2, batch_size=50)
    runs = []
    for _ in range(2):
        model = model_of(kind).train()
        runs.append([step["loss"] for step in training_steps(model, ENCODED, config, seed=1)])
    assert runs[0] == runs[1]
    assert len(runs[0]) == num_training_steps(ENCODED, config) == 16
    assert runs[0][-1] < runs[0][0] - 0.1


def test_the_loss_at_the_start_is_that_of_a_guess():
    batch = batches(ENCODED, 200, random.Random(0))[0]
    assert translation_loss(model_of("dot"), batch).item() == pytest.approx(math.log(len(TARGETS)), abs=0.3)


def test_nothing_to_train_on_is_refused():
    with pytest.raises(ValueError, match="nothing to train on"):
        next(training_steps(model_of(None), [], TrainingConfig(), seed=0))


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda: TrainingConfig(num_epochs=0), "num_epochs 0"),
        (lambda: TrainingConfig(batch_size=0), "batch_size 0"),
        (lambda: TrainingConfig(batch_size=2.5), "batch_size 2.5"),
        (lambda: TrainingConfig(learning_rate=math.nan), "learning_rate=nan"),
        (lambda: TrainingConfig(max_grad_norm=0), "max_grad_norm=0"),
        (lambda: EncoderDecoder(5, 0), "num_targets 0"),
        (lambda: EncoderDecoder(5, 5, dim=-1), "dim -1"),
        (lambda: translate_pairs(model_of(None), PAIRS, SOURCES, TARGETS, batch_size=0), "batch_size 0"),
        (lambda: greedy_decode(model_of(None), torch.tensor([[3]]), torch.tensor([[True]]), longest=0), "longest 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(broken, said):
    with pytest.raises(ValueError, match=said):
        broken()


def test_weights_that_are_nan_write_nothing():
    model, batch = model_of("dot"), make_batch(ENCODED[:2])
    with torch.no_grad():
        model.decoder.output.bias[3] = math.nan
    with pytest.raises(ValueError, match="weights are NaN"):
        greedy_decode(model, batch.source, batch.mask)


def test_an_unknown_attention_is_refused():
    with pytest.raises(ValueError, match='allowed: None, "dot", "additive"'):
        EncoderDecoder(5, 5, 8, "multiplicative")


def test_the_trained_model_knows_its_training_pairs_and_attends(trained):
    known = PAIRS[:100]
    found = translate_pairs(trained, known, SOURCES, TARGETS, batch_size=64)
    assert sum(f == pair.target for f, pair in zip(found, known, strict=True)) > 0.7 * len(known)
    assert found == translate_pairs(trained, known, SOURCES, TARGETS, batch_size=7)
    batch = make_batch(ENCODED[:10])
    ids, weights = greedy_decode(trained, batch.source, batch.mask)
    assert weights.shape == (10, ids.shape[1], batch.source.shape[1])
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(ids.shape))


def test_greedy_takes_the_likeliest_token_at_each_step(trained):
    batch = make_batch(ENCODED[:1])
    ids, _ = greedy_decode(trained, batch.source, batch.mask)
    prefix = torch.tensor([[START, *ids[0].tolist()]])
    assert trained(batch.source, batch.mask, prefix)[0, :-1].argmax(dim=-1).tolist() == ids[0].tolist()


def test_beam_of_one_is_greedy_and_log_probs_agree(trained):
    for source, _ in ENCODED[:15]:
        ids = torch.tensor(source)
        mask = torch.ones(1, len(source), dtype=torch.bool)
        greedy = greedy_decode(trained, ids[None], mask)[0][0].tolist()
        one = beam_decode(trained, ids, 1)[0]
        assert one.tokens == greedy
        for found in beam_decode(trained, ids, 4):
            batch = make_batch([(source, [START, *found.tokens])])
            assert sequence_log_probs(trained, batch).item() == pytest.approx(found.log_prob, abs=1e-4)


def test_wide_beams_find_the_best_of_all_short_outputs():
    """With every sequence of at most three tokens in the beam, nothing is missed."""
    model, source = model_of("dot", dim=8, seed=5), ENCODED[3][0]
    letters = range(len(TARGETS))
    ends = [[*more, END] for n in range(3) for more in itertools.product([i for i in letters if i != END], repeat=n)]
    totals = []
    for chunk in range(0, len(ends), 500):
        some = ends[chunk : chunk + 500]
        totals += sequence_log_probs(
            model, make_batch([(source, [START, *tokens]) for tokens in some if 0 not in tokens])
        )
    best = max(float(total) for total in totals)
    found = [h for h in beam_decode(model, torch.tensor(source), 300, longest=3) if h.tokens[-1] == END]
    assert max(h.log_prob for h in found) >= best - 1e-4


@pytest.fixture
def translator(trained):
    return Translator(trained, SOURCES, TARGETS)


@pytest.mark.parametrize("kind", KINDS)
def test_saved_and_loaded_again_outputs_are_equal(kind, tmp_path):
    path = tmp_path / "numbers.safetensors"
    translator = Translator(model_of(kind), SOURCES, TARGETS)
    translator.save(path)
    loaded = Translator.load(path)
    batch = make_batch(ENCODED[:30])
    assert torch.equal(loaded.model(*batch), translator.model(*batch))
    assert loaded.sources.tokens == SOURCES.tokens and loaded.targets.tokens == TARGETS.tokens


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("  , - ", "empty"),
        ("seven " * 41, "41 words; at most 40"),
        ("3 May", '"3" is neither'),
        ("sieben Millionen", "not among the words.*sieben, millionen.*another language"),
        ("семь", "neither a letter"),
        ("我有三本书", "not among the words"),
        ("three 五", "mixes English and Chinese"),
    ],
)
def test_bad_texts_are_told_the_way_out(translator, text, said):
    with pytest.raises(ValueError, match=said):
        translator.translate(text)


def test_explain_gives_a_row_of_weights_for_each_written_token(translator):
    text = PAIRS[0].source
    written, weights = translator.explain(text)
    assert weights.shape[1] == len(translator.ids(text)[0])
    assert weights.shape[0] == len(written) + 1
    assert Translator(model_of(None), SOURCES, TARGETS).explain(text)[1] is None


def test_damaged_files_are_named(translator, tmp_path):
    path = tmp_path / "numbers.safetensors"
    with pytest.raises(FileNotFoundError, match=r"there is no model file .*; save a translator"):
        Translator.load(path)
    translator.save(path)
    whole = path.read_bytes()
    for damaged, said in (
        (whole[:-100], "cut short"),
        (whole[:20], "cut short"),
        (b"<html>not found</html>", "no safetensors file"),
        (b"", "cut short"),
        (whole.replace(b'\\"dim\\": 64', b'\\"dim\\": 16'), "its settings are .*, its words and weights are"),
        (whole.replace(b'\\"dim\\": 64', b'\\"dim\\": -2'), "damaged or not a translator's file"),
        (whole.replace(b'\\"dim\\"', b'\\"din\\"'), "damaged or not a translator's file"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=said):
            Translator.load(path)


def test_the_split_keeps_test_meanings_out_of_training():
    train, test = split_pairs(PAIRS, 0.2, seed=0)
    assert not {pair.target for pair in train} & {pair.target for pair in test}

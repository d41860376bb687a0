"""What the shipped GPT-2 is trained on and measured by: batches, weights, log-probabilities."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from transformers import GPT2LMHeadModel, GPT2Tokenizer

from aigc_course.kit import runtime
from aigc_course.synthetic.stories import HELD_OUT, alphabet, tell_many
from aigc_course.text.byte_pairs import BytePairs
from tools.bench.stories import gap_closed, longest_shared_runs
from tools.train import gpt as training
from tools.train.gpt import (
    END,
    REPEAT_WEIGHT,
    fact_weights,
    new_model,
    set_apart,
    shares,
    story_batches,
    story_log_probs,
    train_tokenizer,
)
from tools.train.story_recipes import BATCH_SIZE, CHINESE, ENGLISH, RECIPES, STEPS_AT_ONCE, STORIES_A_STEP
from tools.train.story_tokens import pieces_of
from tools.train.story_weights import sure_weights

FOLDER = runtime.data_folder() / "models" / "story_gpt2"
CONTEXT_LENGTH, PHASES = ENGLISH.context_length, ENGLISH.phases


@pytest.fixture(scope="module")
def tokenizer():
    return GPT2Tokenizer.from_pretrained(FOLDER)


def test_the_tokenizer_can_be_made_again(tmp_path):
    train_tokenizer(tmp_path)
    for name in ("vocab.json", "merges.txt"):
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()


@pytest.mark.parametrize("at_once", [10, pytest.param(STEPS_AT_ONCE, marks=pytest.mark.slow)])
@pytest.mark.parametrize("phase", PHASES)
def test_batches_are_full_and_no_story_comes_twice(tokenizer, phase, at_once, monkeypatch):
    monkeypatch.setattr("tools.train.gpt.STEPS_AT_ONCE", at_once)
    monkeypatch.setattr("tools.train.story_recipes.STEPS_AT_ONCE", at_once)
    batch_at, last = story_batches(tokenizer, phase, CONTEXT_LENGTH), phase.training.num_steps - 1
    steps = (0, 1, at_once - 1, at_once, last)
    rows = torch.cat([batch_at(step) for step in steps])
    assert rows.shape == (len(steps) * BATCH_SIZE, CONTEXT_LENGTH)
    assert torch.equal(story_batches(tokenizer, phase, CONTEXT_LENGTH)(at_once), batch_at(at_once))
    begins = {tokenizer.decode(row).removeprefix(END).split(END)[0] for row in rows}
    assert len(begins) == len(rows)
    blocks = [phase.stories(block) for block in (0, 1, last // at_once)]
    assert begins <= {story.text for stories in blocks for story in stories}
    again = [sum(story.text.count(story.world.time) > 1 for story in stories) / len(stories) for stories in blocks]
    assert again[-1] < 0.5
    assert again[0] == 1 if phase.chosen_steps else again[0] < 0.5


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_held_out_stories_and_those_of_the_phases_have_numbers_of_their_own(recipe):
    count = STEPS_AT_ONCE * STORIES_A_STEP
    beside = [(phase, before) for before, phase in pairwise(recipe.phases) if phase.beside]
    assert all(phase.first_story == before.first_story for phase, before in beside)
    assert all(phase.training.num_steps <= before.training.num_steps for phase, before in beside)
    phases = [phase for phase in recipe.phases if not phase.beside]
    ends = [phase.first_story + phase.told_per_kept * phase.num_blocks * count for phase in phases]
    begins = [*(phase.first_story for phase in phases[1:]), HELD_OUT]
    assert all(phase.language == recipe.language for phase in recipe.phases)
    assert all(end <= begin for end, begin in zip(ends, begins, strict=True))


def test_tokens_that_look_alike_are_set_apart_and_others_left_alone(tokenizer):
    model = new_model(tokenizer, seed=0)
    weight = model.transformer.wte.weight
    with torch.no_grad():
        weight[7] = 1.01 * weight[5]
    before = weight.detach().clone()
    set_apart(model, seed=0)
    moved = (weight != before).any(dim=1).nonzero().flatten().tolist()
    assert moved == [5, 7]
    assert torch.cosine_similarity(weight[5], weight[7], dim=0) < 0.8


def test_words_that_come_again_weigh_more_for_a_time(tokenizer):
    weights_of = fact_weights(tokenizer, PHASES[0], ENGLISH)
    ids = torch.tensor([tokenizer(f"The purple cat had a purple hat.{END} A purple one")["input_ids"]])
    losses = torch.ones(ids.shape)
    words = [tokenizer.decode(token) for token in ids[0]]
    early = weights_of(0, ids, losses)[0]
    again = [place for place, word in enumerate(words) if word == " purple"][1]
    assert early[again] > REPEAT_WEIGHT
    assert early[words.index(" purple")] == early[-2] == 1  # the first one, and the one in another story
    assert weights_of(0, ids, 0 * losses).max() == 1  # what is foreseen weighs no more
    assert torch.equal(weights_of(PHASES[0].training.num_steps - 1, ids, losses), losses)


def test_words_that_a_story_leaves_no_choice_about_weigh_more(tokenizer):
    model = GPT2LMHeadModel.from_pretrained(FOLDER).eval()
    texts = [f"{END}Once upon a time, there was a brave little {kind} named" for kind in ("girl", "fox")]
    rows = torch.tensor(tokenizer(texts)["input_ids"])
    weights = sure_weights(model, lambda step: rows, 0.2)(0, rows[:, 1:], torch.zeros(rows[:, 1:].shape))
    assert weights.shape == rows[:, 1:].shape
    words = [tokenizer.decode(token) for token in rows[0, 1:]]
    assert weights[0, words.index(" upon")] > 0.95
    assert weights[0, words.index(" brave")] < 0.15  # one of many traits
    assert torch.allclose(weights[0, :-1], weights[1, :-1], rtol=1e-3)  # the kind says nothing about its own weight
    assert not any(weight.requires_grad for weight in model.parameters())


def test_the_last_phase_can_begin_with_weights_that_are_there(tmp_path, monkeypatch):
    begin, folder, told = tmp_path / "begin", tmp_path / "new", []
    tokenizer = train_tokenizer(begin, CHINESE)
    small = replace(CHINESE, embedding_dim=16, num_layers=1, num_heads=2)
    begun = new_model(tokenizer, 7, small)
    begun.save_pretrained(begin)
    (begin / "README.md").write_text("| seed | 0 |\n| time | 4614 s on 1 CPU thread, 2026-11-24 |\n", encoding="utf-8")
    still = replace(
        CHINESE.phases[0].training, num_steps=2, learning_rate=1e-12, last_learning_rate=0, num_warmup_steps=0
    )
    last = replace(
        CHINESE.phases[0], training=replace(still, hidden_learning_rate=1e-12), first_story=10_000_000, sure=0.2
    )
    monkeypatch.setitem(RECIPES, "zh", replace(small, phases=(CHINESE.phases[0], last)))
    monkeypatch.setattr(GPT2LMHeadModel, "compile", lambda self: None)
    monkeypatch.setattr(training, "write_card", lambda *given: told.append(given))
    monkeypatch.setattr(training, "write_stories", lambda *given, seed: [""])
    options = ["gpt", "--language", "zh", "--folder", str(folder), "--checkpoint", str(tmp_path / "parts.checkpoint")]
    monkeypatch.setattr("sys.argv", [*options, "--begin", str(begin)])
    training.main()
    for name, weight in GPT2LMHeadModel.from_pretrained(folder).state_dict().items():
        assert torch.allclose(weight, begun.state_dict()[name], atol=1e-6), name
    assert told[0][-1] == "4614 s on 1 CPU thread, 2026-11-24; then, from its weights, phase 2: "
    monkeypatch.setattr("sys.argv", [*options, "--begin", str(folder)])
    with pytest.raises(SystemExit):
        training.main()


def test_a_phase_beside_another_begins_where_it_began_and_the_mean_is_kept(tmp_path, monkeypatch):
    def add(model, tokenizer, recipe, phase, checkpoint, folder):
        """Stands for a training: adds a number to every weight."""
        for weight in model.parameters():
            weight.data += phase.first_story

    monkeypatch.setattr(training, "train", add)
    (phase,) = CHINESE.phases
    small = replace(CHINESE, embedding_dim=16, num_layers=1, num_heads=2)
    tokenizer = train_tokenizer(tmp_path, CHINESE)
    model = new_model(tokenizer, 0, small)
    began = {name: weight.clone() for name, weight in model.state_dict().items()}
    phases = {1: replace(phase, first_story=1), 2: replace(phase, first_story=2)}
    phases[3] = replace(phase, first_story=4, beside=True)
    parts = training.train_phases(model, tokenizer, small, phases, tmp_path / "a.checkpoint", tmp_path, 0)
    assert [part.name for part in parts] == ["a.phase1.checkpoint", "a.phase2.checkpoint", "a.phase3.checkpoint"]
    written = GPT2LMHeadModel.from_pretrained(tmp_path).state_dict()
    for name, weight in model.state_dict().items():
        assert torch.allclose(weight, began[name] + 1 + (2 + 4) / 2), name
        assert torch.equal(weight, written[name]), name


def test_log_probs_are_those_of_one_story_at_a_time(tokenizer):
    model = GPT2LMHeadModel.from_pretrained(FOLDER).eval()
    texts = [story.text for story in tell_many(3, seed=HELD_OUT)]
    log_probs, counts = story_log_probs(model, tokenizer, texts)
    for text, log_prob, count in zip(texts, log_probs, counts, strict=True):
        ids = torch.tensor([[tokenizer.eos_token_id, *tokenizer(text)["input_ids"], tokenizer.eos_token_id]])
        with torch.no_grad():
            loss = model(ids, labels=ids).loss.item()
        assert count == ids.shape[1] - 1
        assert log_prob.item() == pytest.approx(-loss * count.item(), rel=1e-4)


def test_true_stories_are_counted_as_such():
    text = tell_many(1)[0].text
    assert shares([text, text, text.replace(".", "!"), ""]) == (0.5, 0.5)


def test_the_gap_is_closed_by_the_grammar_and_not_by_the_counts():
    five, best = np.array([-9.0, -8.0]), np.array([-5.0, -6.0])
    for gpt, closed in ((five, 0.0), (best, 1.0), ((five + best) / 2, 0.5)):
        assert gap_closed(five, gpt, best) == pytest.approx(closed)


@pytest.fixture(scope="module")
def chinese(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zh")
    return folder, train_tokenizer(folder, CHINESE)


def test_chinese_tokens_are_characters_and_words_and_read_any_text(chinese):
    folder, tokenizer = chinese
    ours = BytePairs.from_files(folder / "vocab.json", folder / "merges.txt")
    assert len(tokenizer) == len(ours.ids) == CHINESE.vocab_size
    assert tokenizer.convert_tokens_to_ids(END) == 0
    assert all(len(tokenizer(character)["input_ids"]) == 1 for character in alphabet("zh"))
    texts = [story.text for story in tell_many(200, HELD_OUT, "zh")]
    for text in [*texts, "從前，有一隻貓。", "🦊 fox", "Once upon a time", " \n", ""]:
        assert tokenizer(text)["input_ids"] == ours.encode(text)
        assert ours.decode(ours.encode(text)) == text
    for text in texts[:50]:
        assert "\ufffd" not in "".join(ours.decode([token]) for token in ours.encode(text))  # no half character
    lengths = [len(ours.encode(text)) for text in texts]
    assert max(lengths) + 2 <= CHINESE.context_length
    assert np.mean(lengths) < 0.55 * np.mean([len(text) for text in texts])


def test_the_pieces_of_a_story_make_its_text():
    for number, story in enumerate(tell_many(50, 0, "zh")):
        pieces = list(pieces_of(number))
        assert "".join(pieces) == story.text
        assert {story.world.hero, story.world.thing, story.world.treat, story.world.month} <= set(pieces)


def test_a_chinese_fact_is_one_token_wherever_it_stands(chinese):
    _, tokenizer = chinese
    for story in tell_many(100, 0, "zh"):
        tokens = [tokenizer.decode(token) for token in tokenizer(story.text)["input_ids"]]
        for fact in (story.world.hero, story.world.friend, story.world.month):
            assert sum(fact in token for token in tokens) == story.text.count(fact)


def test_the_chinese_recipe_weighs_facts_and_fits_the_course(chinese):
    _, tokenizer = chinese
    (phase,) = CHINESE.phases
    assert fact_weights(tokenizer, phase, CHINESE) is not None
    rows = story_batches(tokenizer, phase, CHINESE.context_length)(0)
    assert rows.shape == (BATCH_SIZE, CHINESE.context_length)
    model = new_model(tokenizer, 0, CHINESE)
    assert 1_000_000 <= model.num_parameters() <= 1_600_000
    assert shares([tell_many(1, 0, "zh")[0].text, ""], "zh") == (0.5, 0.5)


def test_a_planted_copy_is_found_in_chinese():
    training = [story.text for story in tell_many(300, 0, "zh")]
    fresh = [story.text for story in tell_many(3, HELD_OUT, "zh")]
    planted = fresh[0][:60] + training[17][50:170] + fresh[0][60:]
    runs = longest_shared_runs([*fresh, planted, training[5]], training, "zh")
    assert runs[:3].max() < 90
    assert 120 <= runs[3] < 130
    assert runs[4] == len(training[5])

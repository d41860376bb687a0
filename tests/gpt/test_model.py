"""GPT-2 written out computes and writes what transformers' GPT-2 does, and refuses what it cannot read."""

import dataclasses
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

from aigc_course.gpt.model import GPT, GPTConfig
from aigc_course.kit.runtime import data_folder
from aigc_course.text.decoding import Sampler

SHIPPED = data_folder() / "models" / "story_gpt2"
VOCAB, CONTEXT, END = 90, 48, 69  # a token that this network does write
ONE = torch.tensor([[7]])
GREEDY = Sampler(temperature=0)
OPENINGS = ("Once upon a time", "There was", "One day, ", "In a small village", "The old baker", "Long ago", "A")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A small random GPT-2 as transformers stores it, with weights scaled so that its outputs vary."""
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=VOCAB, n_positions=CONTEXT, n_embd=32, n_layer=3, n_head=4, eos_token_id=END)
    network = GPT2LMHeadModel(config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(6 if parameter.ndim > 1 else 1).add_(0.1 * torch.randn(parameter.shape))
    path = tmp_path_factory.mktemp("gpt2")
    network.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def theirs(folder) -> GPT2LMHeadModel:
    return GPT2LMHeadModel.from_pretrained(folder).eval()


@pytest.fixture(scope="module")
def ours(folder) -> GPT:
    return GPT.from_pretrained(folder)


def prompts(count: int = 20, longest: int = CONTEXT - 10) -> list[torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    lengths = torch.randint(1, longest, (count,), generator=draw).tolist()
    return [torch.randint(6, VOCAB, (1, length), generator=draw) for length in lengths]


def by_beams(model: GPT, ids: torch.Tensor, max_new_tokens: int, num_beams: int, **settings) -> torch.Tensor:
    """The prompt and the best continuation of a beam search, (1, length)."""
    best = model.beam_search(ids, max_new_tokens, num_beams, **settings)[0]
    return torch.tensor([ids[0].tolist() + best.tokens])


def written_by(network: GPT2LMHeadModel, ids: torch.Tensor, max_new_tokens: int, **settings) -> torch.Tensor:
    mask = torch.ones_like(ids)
    settings = {"do_sample": False, "pad_token_id": network.generation_config.eos_token_id} | settings
    return network.generate(ids, attention_mask=mask, max_new_tokens=max_new_tokens, **settings)


@torch.no_grad()
def test_logits_agree_on_20_prompts(ours, theirs):
    for ids in prompts():
        reference = theirs(ids).logits
        assert reference.std() > 0.5
        torch.testing.assert_close(ours(ids), reference, rtol=0, atol=1e-4)


def test_greedy_text_is_the_same(ours, theirs):
    for ids in prompts():
        text = written_by(theirs, ids, 10)
        assert torch.equal(ours.generate(ids, 10, GREEDY), text)
        assert torch.equal(by_beams(ours, ids, 10, num_beams=1), text)


def test_beam_text_is_the_same(ours, theirs):
    ended = 0
    for ids in prompts():
        text = written_by(theirs, ids, 10, num_beams=4)
        assert torch.equal(by_beams(ours, ids, 10, num_beams=4), text)
        ended += text.shape[1] < ids.shape[1] + 10
    assert ended > 0


@pytest.mark.parametrize("settings", [{"repetition_penalty": 1.5}, {"no_repeat_ngram": 2}])
@pytest.mark.parametrize("num_beams", [1, 3])
def test_measures_against_repetition_change_the_text_as_in_transformers(ours, theirs, settings, num_beams):
    names = {"no_repeat_ngram": "no_repeat_ngram_size"}
    for ids in prompts(6):
        text = written_by(theirs, ids, 10, num_beams=num_beams, **{names.get(k, k): v for k, v in settings.items()})
        if num_beams == 1:  # with one beam transformers goes by logits, not by log-probabilities
            assert torch.equal(ours.generate(ids, 10, Sampler(0, **settings)), text)
        else:
            assert torch.equal(by_beams(ours, ids, 10, num_beams, **settings), text)


@pytest.mark.parametrize(
    ("numbers", "length"), [(range(0, 20, 4), 12), pytest.param(range(20), 25, marks=pytest.mark.slow)]
)
def test_shipped_model_agrees_with_transformers(numbers, length):
    ours, theirs = GPT.from_pretrained(SHIPPED), GPT2LMHeadModel.from_pretrained(SHIPPED).eval()
    tokenizer = AutoTokenizer.from_pretrained(SHIPPED)
    for number in numbers:
        words = OPENINGS[number % len(OPENINGS)] + " there lived a kind old woman who" * (number // len(OPENINGS))
        ids = tokenizer(words, return_tensors="pt").input_ids
        with torch.no_grad():
            torch.testing.assert_close(ours(ids), theirs(ids).logits, rtol=0, atol=1e-4)
        assert torch.equal(ours.generate(ids, length, GREEDY), written_by(theirs, ids, length))
        assert torch.equal(by_beams(ours, ids, length, num_beams=4), written_by(theirs, ids, length, num_beams=4))


@torch.no_grad()
def test_the_cache_changes_nothing(ours):
    ids = prompts(1)[0]
    for _ in range(8):
        ids = torch.cat([ids, ours(ids)[:, -1:].argmax(-1)], dim=1)
        if ids[0, -1] == END:
            break
    begin = prompts(1)[0]
    assert torch.equal(ours.generate(begin, 8, GREEDY), ids)


def test_rows_of_a_batch_write_what_they_write_alone_and_are_filled_up(ours):
    ids = torch.randint(6, VOCAB, (12, 4), generator=torch.Generator().manual_seed(3))
    together = ours.generate(ids, 30, GREEDY)
    lengths = set()
    for row, prompt in zip(together, ids, strict=True):
        (alone,) = ours.generate(prompt[None], 30, GREEDY)
        assert torch.equal(row[: len(alone)], alone)
        assert (row[len(alone) :] == END).all()
        lengths.add(len(alone))
    assert len(lengths) > 1


def test_beams_come_best_first_with_the_probability_that_the_network_gives_them(ours):
    ids = torch.randint(6, VOCAB, (1, 4), generator=torch.Generator().manual_seed(3))
    found = ours.beam_search(ids, 12, num_beams=3)
    assert [beam.score for beam in found] == sorted((beam.score for beam in found), reverse=True)
    for beam in found:
        whole = torch.tensor([ids[0].tolist() + beam.tokens])
        with torch.no_grad():
            log_probs = ours(whole).log_softmax(-1)[0, ids.shape[1] - 1 : -1]  # (new, vocab)
        expected = log_probs.gather(1, torch.tensor(beam.tokens)[:, None]).sum().item()
        assert beam.log_prob == pytest.approx(expected, abs=1e-3)


def test_a_model_without_an_end_token_writes_on(folder):
    model = GPT.from_pretrained(folder)
    model.config = dataclasses.replace(model.config, end_token=None)
    ids = torch.full((3, 2), 7)
    assert model.generate(ids, 20, Sampler(), seed=0).shape == (3, 22)
    assert [len(beam.tokens) for beam in model.beam_search(ids[:1], 20, num_beams=2)] == [20, 20]


def test_it_stops_where_the_context_is_full(ours):
    ids = torch.full((1, CONTEXT - 3), 7)
    assert ours.generate(ids, 1000, Sampler(), seed=1).shape[1] <= CONTEXT
    assert ours.generate(torch.full((40, CONTEXT - 3), 7), 1000, Sampler(), seed=1).shape[1] == CONTEXT
    assert max(len(beam.tokens) for beam in ours.beam_search(ids, 1000, num_beams=40)) == 3


def test_a_seed_repeats_a_text_and_leaves_torchs_own_generator_alone(ours):
    ids, before = torch.full((2, 3), 7), torch.get_rng_state()
    first = ours.generate(ids, 12, Sampler(), seed=4)
    assert torch.equal(ours.generate(ids, 12, Sampler(), torch.Generator().manual_seed(4)), first)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(ours.generate(ids, 12, Sampler(), seed=5)[:, : first.shape[1]], first)


def test_attention_maps_agree_and_look_only_back(ours, folder):
    eager = GPT2LMHeadModel.from_pretrained(folder, attn_implementation="eager").eval()
    ids = torch.randint(6, VOCAB, (2, 9), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        reference = torch.stack(eager(ids, output_attentions=True).attentions)
    maps = ours.attention(ids)
    assert maps.shape == (3, 2, 4, 9, 9)
    torch.testing.assert_close(maps, reference, rtol=0, atol=1e-5)
    assert (maps.triu(1) == 0).all()


def test_loss_and_its_gradients_agree(folder, theirs):
    model = GPT.from_pretrained(folder).train()
    ids = torch.randint(6, VOCAB, (4, 12), generator=torch.Generator().manual_seed(3))
    loss, reference = model.loss(ids), theirs(ids, labels=ids).loss
    assert loss.item() == pytest.approx(reference.item(), abs=1e-5)
    loss.backward()
    theirs.zero_grad()
    reference.backward()
    named = dict(theirs.transformer.named_parameters())
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, named[name].grad, rtol=1e-3, atol=1e-5)
    theirs.zero_grad()


def test_a_fresh_model_knows_nothing_learns_by_heart_and_then_writes_it():
    torch.manual_seed(0)
    model = GPT(GPTConfig(vocab_size=20, context_length=16, embedding_dim=32, num_layers=2, num_heads=2))
    row = torch.randperm(20)[None, :16]
    assert model.loss(row).item() == pytest.approx(math.log(20), abs=0.1)
    model.generate(row[:, :4], 2, GREEDY)  # what is prepared for writing must not outlive it
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        model.loss(row).backward()
        optimizer.step()
    assert model.loss(row).item() < 0.05
    assert torch.equal(model.generate(row[:, :4], 12, GREEDY), row)


def test_what_was_written_can_be_trained_on(folder):
    model = GPT.from_pretrained(folder).train()
    model.loss(model.generate(torch.full((2, 3), 7), 6, Sampler(), seed=0)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_what_is_written_follows_every_change_of_the_embedding(folder):
    model, ids = GPT.from_pretrained(folder), torch.full((1, 3), 7)
    before = model.generate(ids, 5, GREEDY)
    with torch.no_grad():
        model.wte.weight.mul_(-1)
        changed = torch.cat([ids, model(ids)[:, -1:].argmax(-1)], dim=1)
    assert torch.equal(model.generate(ids, 5, GREEDY)[:, :4], changed)
    assert not torch.equal(before[:, :4], changed)
    model.load_state_dict(GPT.from_pretrained(folder).state_dict())
    assert torch.equal(model.generate(ids, 5, GREEDY), before)


def test_in_bfloat16_it_computes_nearly_the_same_and_writes(folder, ours):
    model, ids = GPT.from_pretrained(folder).bfloat16(), torch.arange(6, 30).view(2, 12)
    with torch.no_grad():
        exact, rough = ours(ids).log_softmax(-1), model(ids).float().log_softmax(-1)
    assert not torch.equal(exact, rough)
    assert (exact - rough).abs().mean() < 0.02 * exact.std()
    written = model.generate(ids, 5, Sampler(), seed=0)
    assert torch.equal(written[:, :12], ids)
    assert 13 <= written.shape[1] <= 17


def test_weights_that_are_nan_write_nothing(folder):
    model, ids = GPT.from_pretrained(folder), torch.full((1, 3), 7)
    with torch.no_grad():
        model.ln_f.weight[0] = math.nan
    for write in (lambda: model.generate(ids, 3, GREEDY), lambda: model.generate(ids, 3, Sampler(), seed=0)):
        with pytest.raises(ValueError, match="logits are NaN"):
            write()
    with pytest.raises(ValueError, match="NaN"):
        model.beam_search(ids, 3, num_beams=2)


@pytest.mark.parametrize(
    ("ids", "error", "said"),
    [
        ([[1, 2]], TypeError, r"not list: torch.tensor\(\[\[...\]\]\)"),
        (torch.zeros(1, 3), TypeError, "not torch.float32"),
        (torch.zeros(1, 3, dtype=torch.bool), TypeError, "not torch.bool"),
        (torch.zeros(3, dtype=torch.long), ValueError, r"expected \(batch, length\)"),
        (torch.zeros(1, 0, dtype=torch.long), ValueError, "at least one token"),
        (torch.zeros(0, 4, dtype=torch.long), ValueError, "at least one token"),
        (torch.tensor([[3, VOCAB]]), ValueError, f"token {VOCAB} is not in 0 .. {VOCAB - 1}"),
        (torch.tensor([[-1, 3]]), ValueError, "token -1 is not in"),
        (torch.zeros(1, CONTEXT + 2, dtype=torch.long), ValueError, "more than the context of 4"),
    ],
)
def test_ids_that_cannot_be_read_are_told_the_way_out(ours, ids, error, said):
    for ask in (ours, ours.attention, ours.loss, lambda given: ours.generate(given, 3, GREEDY)):
        with pytest.raises(error, match=said):
            ask(ids)


@pytest.mark.parametrize("count", [0, 2.5, True])
def test_a_number_of_tokens_out_of_range_is_told_the_way_out(ours, count):
    for write in (lambda: ours.generate(torch.tensor([[7]]), count, GREEDY), lambda: ours.beam_search(ONE, count, 2)):
        with pytest.raises(ValueError, match=f"max_new_tokens {count} is not a whole number of at least 1"):
            write()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"num_beams": 0}, "num_beams 0"),
        ({"num_beams": True}, "num_beams True"),
        ({"length_penalty": math.nan}, "length_penalty nan"),
        ({"length_penalty": "1"}, "length_penalty '1'"),
        ({"repetition_penalty": 0}, "repetition_penalty 0"),
        ({"no_repeat_ngram": -1}, "no_repeat_ngram -1"),
        ({"ids": torch.tensor([[7], [8]])}, "one prompt at a time"),
    ],
)
def test_a_search_out_of_range_is_told_the_way_out(ours, settings, said):
    with pytest.raises(ValueError, match=said):
        ours.beam_search(**{"ids": ONE, "max_new_tokens": 3, "num_beams": 2} | settings)


def test_numbers_of_numpy_count_as_numbers(ours):
    text = ours.generate(ONE, 5, Sampler(0.8, 4, 0.9), seed=0)
    sampler = Sampler(np.float64(0.8), np.int64(4), np.float32(0.9))
    assert torch.equal(ours.generate(ONE, np.int64(5), sampler, seed=np.int64(0)), text)
    assert ours.beam_search(ONE, np.int32(5), np.int64(2)) == ours.beam_search(ONE, 5, 2)


def test_a_prompt_that_leaves_no_room_and_a_loss_of_one_token_are_refused(ours):
    with pytest.raises(ValueError, match="leaves no room"):
        ours.generate(torch.full((1, CONTEXT), 7), 1, GREEDY)
    with pytest.raises(ValueError, match="at least 2 tokens"):
        ours.loss(torch.tensor([[7]]))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"num_heads": 5}, "cannot be shared by 5 heads"),
        ({"num_layers": 0}, "num_layers 0"),
        ({"num_layers": True}, "num_layers True"),
        ({"vocab_size": 1.5}, "1.5"),
        ({"hidden_dim": -5}, "hidden_dim -5"),
        ({"layer_norm_epsilon": math.nan}, "layer_norm_epsilon nan is not a finite number"),
        ({"layer_norm_epsilon": "1e-5"}, "layer_norm_epsilon '1e-5'"),
        ({"end_token": 50257}, r"end_token 50257 is not in 0 \.\. 50256"),
        ({"end_token": "end"}, "end_token 'end'"),
    ],
)
def test_sizes_that_make_no_network_are_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        GPTConfig(**settings)


@pytest.fixture
def copy(folder, tmp_path) -> Path:
    """A copy of the stored model that a test may damage."""
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def change_config(path: Path, **changes) -> None:
    config = json.loads((path / "config.json").read_text())
    config = {name: value for name, value in (config | changes).items() if value != "gone"}
    (path / "config.json").write_text(json.dumps(config))


def test_names_with_and_without_prefix_and_old_masks_are_read(copy, ours):
    weights = load_file(copy / "model.safetensors")
    bare = {name.removeprefix("transformer."): weight for name, weight in weights.items()}
    bare |= {f"h.{i}.attn.bias": torch.ones(1, 1, 4, 4) for i in range(3)}  # as in OpenAI's upload
    bare["lm_head.weight"] = bare["wte.weight"].clone()
    save_file(bare, copy / "model.safetensors")
    for name, weight in GPT.from_pretrained(copy).state_dict().items():
        assert torch.equal(weight, ours.state_dict()[name])


def test_half_precision_files_are_read_as_float32(copy, ours):
    weights = load_file(copy / "model.safetensors")
    save_file({name: weight.half() for name, weight in weights.items()}, copy / "model.safetensors")
    model = GPT.from_pretrained(str(copy))
    assert model.wte.weight.dtype == torch.float32
    torch.testing.assert_close(model.wte.weight, ours.wte.weight, rtol=1e-2, atol=1e-2)


def test_the_end_token_is_generation_configs_first(copy):
    assert GPT.from_pretrained(copy).config.end_token == END
    (copy / "generation_config.json").write_text('{"eos_token_id": [8]}')
    assert GPT.from_pretrained(copy).config.end_token == 8
    (copy / "generation_config.json").write_text('{"eos_token_id": [8, 9]}')
    with pytest.raises(ValueError, match="one end token only"):
        GPT.from_pretrained(copy)
    (copy / "generation_config.json").unlink()
    change_config(copy, eos_token_id="gone")
    assert GPT.from_pretrained(copy).config.end_token is None  # GPT-2's 50256 is not in this vocabulary


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model_type": "llama"}, "model_type is 'llama'"),
        ({"model_type": "gone"}, "model_type is None"),
        ({"activation_function": "relu"}, "activation_function 'relu' is not known; allowed: gelu_new"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx is True"),
        ({"n_layer": "gone"}, "does not say n_layer"),
        ({"n_layer": 4}, "says 4 layers, model.safetensors holds 3: missing: h.3"),
        ({"n_layer": 2}, r'"h\.2\.\S+" is \(.*\) in the file, missing in the network'),
        ({"vocab_size": VOCAB + 1}, r'"wte.weight" is \(90, 32\) in the file, \(91, 32\) in the network'),
        ({"n_inner": 64}, r'mlp.c_fc.bias" is \(128,\) in the file, \(64,\) in the network'),
        ({"n_layer": 10**9}, "n_layer is 1000000000, expected a whole number from 1 to"),
        ({"n_layer": "3"}, "n_layer is '3', expected a whole number"),
        ({"n_embd": -32}, "n_embd is -32, expected a whole number"),
        ({"n_inner": "64"}, "n_inner is '64', expected a whole number"),
        ({"layer_norm_epsilon": math.nan}, "layer_norm_epsilon is nan, expected a number from 0 to 1"),
        ({"n_head": 5}, "cannot be shared by 5 heads"),
        ({"n_layer": 10**9}, "n_layer is 1000000000, expected a whole number from 1 to 1,000"),
        ({"n_layer": True}, "n_layer is True, expected a whole number"),
        ({"n_embd": -32}, "n_embd is -32, expected a whole number"),
        ({"n_positions": "16"}, "n_positions is '16', expected a whole number"),
        ({"n_inner": 2.5}, "n_inner is 2.5, expected a whole number"),
        ({"vocab_size": None}, "vocab_size is None, expected a whole number"),
        ({"layer_norm_epsilon": float("nan")}, "layer_norm_epsilon is nan, expected a number"),
        ({"layer_norm_epsilon": "small"}, "layer_norm_epsilon is 'small', expected a number"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(copy, changes, said):
    change_config(copy, **changes)
    with pytest.raises(ValueError, match=said):
        GPT.from_pretrained(copy)


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.999])
def test_a_file_cut_short_is_refused(copy, kept):
    data = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(ValueError, match="cut short or is no safetensors file"):
        GPT.from_pretrained(copy)


def test_a_pickle_is_refused_and_never_opened(copy):
    (copy / "model.safetensors").unlink()
    (copy / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    with pytest.raises(ValueError, match=r"only as a pickle \(pytorch_model.bin\), which can run any program"):
        GPT.from_pretrained(copy)


def test_what_is_missing_or_damaged_is_named(copy, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"config\.json is not there"):
        GPT.from_pretrained(tmp_path / "nowhere")
    (copy / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors is not there"):
        GPT.from_pretrained(copy)
    (copy / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(ValueError, match="in several files"):
        GPT.from_pretrained(copy)
    for text in ("{", "[1]", "\x00"):
        (copy / "config.json").write_text(text)
        with pytest.raises(ValueError, match=r"config.json (is damaged|holds no JSON object)"):
            GPT.from_pretrained(copy)


@pytest.mark.parametrize("dtype", [torch.int32, torch.bool, torch.complex64, torch.float64])
def test_numbers_of_another_kind_are_refused(copy, dtype):
    weights = load_file(copy / "model.safetensors")
    weights["transformer.ln_f.weight"] = weights["transformer.ln_f.weight"].to(dtype)
    save_file(weights, copy / "model.safetensors")
    kind = str(dtype).removeprefix("torch.")
    with pytest.raises(ValueError, match=f"ln_f.weight is {kind}, expected float32, float16 or bfloat16"):
        GPT.from_pretrained(copy)


def test_a_config_nested_without_end_is_damaged(copy):
    (copy / "config.json").write_text('{"model_type": ' + "[" * 100_000)
    with pytest.raises(ValueError, match=r"config\.json is damaged"):
        GPT.from_pretrained(copy)


def test_a_head_of_its_own_is_refused(copy):
    weights = load_file(copy / "model.safetensors")
    weights["lm_head.weight"] = weights["transformer.wte.weight"] + 1
    save_file(weights, copy / "model.safetensors")
    with pytest.raises(ValueError, match="only with the tied head"):
        GPT.from_pretrained(copy)

"""LoRA: nothing changes at first, merged equals unmerged, only the adapters are trained, stored ones come back."""

import copy

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import GPT2Config, GPT2LMHeadModel

from aigc_course.gpt.adapters import (
    Adapter,
    TableAdapter,
    adapter_weights,
    adapters_of,
    add_adapters,
    load_adapter_weights,
    merge_adapters,
    trainable_share,
)
from aigc_course.gpt.model import GPT, GPTConfig
from aigc_course.gpt.training import TrainingConfig, optimizers_for, training_steps
from aigc_course.text.decoding import Sampler

CONFIG = GPTConfig(vocab_size=50, context_length=16, embedding_dim=16, num_layers=2, num_heads=2)
IDS = torch.randint(0, 50, (4, 12), generator=torch.Generator().manual_seed(1))


def plain_model():
    torch.manual_seed(0)
    return GPT(CONFIG)


def random_adapters(model):
    """Adapters as after a training: B is not zero any more."""
    for _, adapter in adapters_of(model):
        with torch.no_grad():
            adapter.B.normal_(std=0.1)
            if isinstance(adapter, TableAdapter):
                adapter.A.normal_(std=0.1)
    return model


@pytest.mark.parametrize("layers", [("c_attn",), ("c_attn", "c_proj", "c_fc"), ("wte", "c_attn", "c_proj", "c_fc")])
def test_nothing_has_changed_before_the_first_step(layers):
    model = plain_model()
    before = model(IDS)
    assert torch.equal(add_adapters(model, layers=layers)(IDS), before)
    expected = {1: 1, 3: 4, 4: 4}[len(layers)] * CONFIG.num_layers + ("wte" in layers)  # c_proj is there twice
    assert len(list(adapters_of(model))) == expected


def test_merged_computes_what_the_adapters_do_and_is_a_plain_model_again():
    model = random_adapters(add_adapters(plain_model(), rank=3, alpha=5.0, layers=("c_attn", "c_fc")))
    with_adapters = model(IDS)
    assert not torch.allclose(with_adapters, plain_model()(IDS), atol=1e-3)
    merged = merge_adapters(model)
    assert torch.allclose(merged(IDS), with_adapters, atol=1e-5)
    assert merged.state_dict().keys() == plain_model().state_dict().keys()
    assert not any(isinstance(part, Adapter) for part in merged.modules())
    assert trainable_share(merged) == 1


def test_a_table_of_tokens_is_adapted_where_it_reads_and_where_it_writes():
    model = random_adapters(add_adapters(plain_model(), rank=2, alpha=3.0, layers=("wte", "c_fc")))
    adapted, plain = model.wte, plain_model()
    assert isinstance(adapted, TableAdapter)
    assert torch.allclose(adapted.weight, plain.wte.weight + 3.0 / 2 * adapted.A @ adapted.B)
    assert torch.allclose(adapted(IDS), adapted.weight[IDS], atol=1e-6)
    before = model(IDS)
    written = model.generate(IDS[:1], 4, Sampler(temperature=0))
    merged = merge_adapters(model)
    assert torch.allclose(merged(IDS), before, atol=1e-5)
    assert torch.equal(merged.generate(IDS[:1], 4, Sampler(temperature=0)), written)
    assert merged.state_dict().keys() == plain.state_dict().keys()
    assert trainable_share(merged) == 1


def test_an_adapter_is_the_formula():
    model = random_adapters(add_adapters(plain_model(), rank=2, alpha=6.0))
    _, adapter = next(adapters_of(model))
    x = torch.randn(5, CONFIG.embedding_dim)
    change = 6.0 / 2 * adapter.A @ adapter.B
    assert torch.allclose(adapter(x), x @ (adapter.linear.weight + change) + adapter.linear.bias, atol=1e-6)
    assert torch.linalg.matrix_rank(change) == 2


def test_they_compute_what_peft_computes(tmp_path):
    torch.manual_seed(0)
    GPT2LMHeadModel(GPT2Config(vocab_size=50, n_positions=16, n_embd=16, n_layer=2, n_head=2)).save_pretrained(tmp_path)
    theirs = GPT2LMHeadModel.from_pretrained(tmp_path)
    settings = LoraConfig(r=3, lora_alpha=5, target_modules=["c_attn", "c_fc"], fan_in_fan_out=True)
    theirs = get_peft_model(theirs, settings).eval()
    ours = random_adapters(add_adapters(GPT.from_pretrained(tmp_path), rank=3, alpha=5.0, layers=("c_attn", "c_fc")))
    copied = 0
    for name, adapter in adapters_of(ours):
        layer = theirs.get_submodule(f"base_model.model.transformer.{name}")
        layer.lora_A["default"].weight.data = adapter.A.detach().T.clone()
        layer.lora_B["default"].weight.data = adapter.B.detach().T.clone()
        copied += 1
    assert copied == 4
    assert torch.allclose(ours(IDS), theirs(IDS).logits, atol=1e-5)
    assert torch.allclose(merge_adapters(ours)(IDS), theirs.merge_and_unload()(IDS).logits, atol=1e-5)


def test_a_table_computes_what_pefts_embedding_computes(tmp_path):
    torch.manual_seed(0)
    GPT2LMHeadModel(GPT2Config(vocab_size=50, n_positions=16, n_embd=16, n_layer=2, n_head=2)).save_pretrained(tmp_path)
    theirs = get_peft_model(
        GPT2LMHeadModel.from_pretrained(tmp_path), LoraConfig(r=3, lora_alpha=5, target_modules=["wte"])
    ).eval()
    ours = random_adapters(add_adapters(GPT.from_pretrained(tmp_path), rank=3, alpha=5.0, layers=("wte",)))
    table = theirs.get_submodule("base_model.model.transformer.wte")
    table.lora_embedding_A["default"].data = ours.wte.A.detach().T.clone()
    table.lora_embedding_B["default"].data = ours.wte.B.detach().T.clone()
    torch.testing.assert_close(ours.wte(IDS), table(IDS))
    hidden = theirs.base_model.model.transformer(IDS).last_hidden_state
    torch.testing.assert_close(
        hidden @ ours.wte.weight.T, ours(IDS)
    )  # peft adapts where tokens are read, ours writes too
    torch.testing.assert_close(merge_adapters(ours).wte.weight, theirs.merge_and_unload().transformer.wte.weight)


def test_only_the_adapters_are_trained():
    model = add_adapters(plain_model(), rank=2)
    frozen = {name: weight.clone() for name, weight in model.named_parameters() if not weight.requires_grad}
    before = copy.deepcopy(adapter_weights(model))
    assert trainable_share(model) == pytest.approx(2 * 2 * (16 + 48) / sum(p.numel() for p in model.parameters()))
    config = TrainingConfig(num_steps=3, num_warmup_steps=0)
    losses = [row["loss"] for row in training_steps(model, lambda step: IDS, config)]
    assert losses[-1] < losses[0]
    assert all(torch.equal(weight, frozen[name]) for name, weight in model.named_parameters() if name in frozen)
    assert all(not torch.equal(weight, before[name]) for name, weight in adapter_weights(model).items())
    trained = [weight for optimizer in optimizers_for(model, config).values() for weight in weights_of(optimizer)]
    assert {id(weight) for weight in trained} == {id(weight) for weight in model.parameters() if weight.requires_grad}


def weights_of(optimizer):
    return [weight for group in optimizer.param_groups for weight in group["params"]]


def test_stored_adapters_come_back_and_others_are_refused_without_a_change():
    model = random_adapters(add_adapters(plain_model(), rank=2))
    weights = {name: weight.clone() for name, weight in adapter_weights(model).items()}
    other = add_adapters(plain_model(), rank=2, seed=5)
    load_adapter_weights(other, weights)
    assert torch.equal(other(IDS), model(IDS))
    for bad, said in (
        (adapter_weights(add_adapters(plain_model(), rank=3)), "another rank"),
        (adapter_weights(add_adapters(plain_model(), rank=2, layers=("c_fc",))), "other layers"),
        ({}, "got 0"),
    ):
        with pytest.raises(ValueError, match=said):
            load_adapter_weights(other, bad)
    assert torch.equal(other(IDS), model(IDS))


def test_the_same_seed_gives_the_same_adapters():
    first, second, third = (adapter_weights(add_adapters(plain_model(), seed=seed)) for seed in (1, 1, 2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["h.0.attn.c_attn.A"], third["h.0.attn.c_attn.A"])


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        *(({"rank": rank}, "rank") for rank in (0, -1, 1.5, True)),
        *(({"alpha": alpha}, "alpha") for alpha in (0.0, -1.0, float("nan"), float("inf"), 2**63)),
        ({"layers": ()}, "expected some of c_attn"),
        ({"layers": ("attention",)}, "expected some of c_attn"),
    ],
)
def test_settings_out_of_range_are_refused(bad, said):
    with pytest.raises(ValueError, match=said):
        add_adapters(plain_model(), **bad)


def test_a_second_set_of_adapters_is_refused():
    with pytest.raises(ValueError, match="merge them first"):
        add_adapters(add_adapters(plain_model()))

"""Read a stored GPT-2, the folder that transformers' `save_pretrained` writes, and refuse what would go wrong later."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
GELUS = ("gelu_new", "gelu_pytorch_tanh")  # two names of one function
PLAIN = {"scale_attn_weights": True, "scale_attn_by_inverse_layer_idx": False, "add_cross_attention": False}


def read_settings(folder: str | Path) -> dict[str, Any]:
    """The fields of `gpt.GPTConfig` from config.json.

    Raises FileNotFoundError without the file; ValueError for what is not a GPT-2, or one that computes otherwise.
    """
    folder = Path(folder)
    raw = read_json(folder / "config.json")
    if raw.get("model_type") != "gpt2":
        raise ValueError(f'{folder}: model_type is {raw.get("model_type")!r}, this reads only "gpt2"')
    if (activation := raw.get("activation_function", "gelu_new")) not in GELUS:
        raise ValueError(f"{folder}: activation_function {activation!r} is not known; allowed: {', '.join(GELUS)}")
    for name, expected in PLAIN.items():
        if raw.get(name, expected) != expected:
            raise ValueError(f"{folder}: {name} is {raw[name]}, this computes only with {expected}")
    names = {"vocab_size": "vocab_size", "context_length": "n_positions", "embedding_dim": "n_embd"}
    names |= {"num_layers": "n_layer", "num_heads": "n_head"}
    if missing := [name for name in names.values() if name not in raw]:
        raise ValueError(f"{folder / 'config.json'} does not say {', '.join(missing)}")
    settings = {ours: raw[theirs] for ours, theirs in names.items()}
    settings["hidden_dim"] = raw.get("n_inner")
    settings["layer_norm_epsilon"] = raw.get("layer_norm_epsilon", 1e-5)
    return settings | {"end_token": end_token(folder, raw)}


def end_token(folder: Path, raw: dict[str, Any]) -> int | None:
    """The token that ends a text: generation_config.json's, else config.json's; None if it is not in the vocabulary."""
    path = folder / "generation_config.json"
    said = (read_json(path) if path.is_file() else {}).get("eos_token_id", raw.get("eos_token_id", 50256))
    if isinstance(said, list):
        if len(said) > 1:
            raise ValueError(f"{folder}: eos_token_id is {said}, this stops at one end token only")
        said = said[0] if said else None
    return said if said is not None and 0 <= said < raw["vocab_size"] else None


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file's object; FileNotFoundError without the file, ValueError for anything else."""
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is not there; a stored GPT-2 is a folder with config.json and model.safetensors"
        )
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); copy or download the folder again") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds no JSON object; copy or download the folder again")
    return found


def read_weights(folder: str | Path) -> dict[str, Tensor]:
    """Name to float32 tensor from model.safetensors, names without "transformer.", without what is no weight.

    Raises FileNotFoundError without the file, ValueError for pickles, a file cut short, and a head that is not tied.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(folder) / "model.safetensors"
    if not path.is_file():
        raise missing_weights(path)
    try:
        with safe_open(path, framework="pt") as file:
            names = file.keys()
            weights = {name.removeprefix("transformer."): file.get_tensor(name) for name in names}
    except SafetensorError as error:
        raise ValueError(f"{path} is cut short or no safetensors file ({error}); copy or download it again") from error
    head, embedding = weights.pop("lm_head.weight", None), weights.get("wte.weight")
    if head is not None and embedding is not None and not torch.equal(head, embedding):
        raise ValueError(f"{path}: lm_head.weight is not wte.weight; this computes only with the tied head of GPT-2")
    masks = {name for name in weights if name.endswith((".attn.bias", ".attn.masked_bias"))}  # of old files: constants
    return {name: weight.to(torch.float32, copy=True) for name, weight in weights.items() if name not in masks}


def missing_weights(path: Path) -> Exception:
    """Why there is no model.safetensors, as the exception to raise."""
    folder = path.parent
    if (folder / "model.safetensors.index.json").is_file():
        return ValueError(f"{folder} holds its weights in several files; this reads one model.safetensors")
    if pickles := sorted(file.name for pattern in PICKLES for file in folder.glob(pattern)):
        return ValueError(
            f"{folder} holds its weights only as a pickle ({', '.join(pickles)}), which can run any program when it is "
            "opened, so it is not read; take a folder with model.safetensors"
        )
    return FileNotFoundError(f"{path} is not there; a stored GPT-2 is a folder with config.json and model.safetensors")


def check_weights(weights: dict[str, Tensor], expected: dict[str, Tensor], folder: str | Path) -> None:
    """ValueError unless `weights` has exactly the names and shapes of `expected`, a state_dict."""
    problems = []
    if missing := sorted(expected.keys() - weights.keys()):
        problems.append(f"missing: {some(missing)}")
    if unknown := sorted(weights.keys() - expected.keys()):
        problems.append(f"not part of a GPT-2: {some(unknown)}")
    for name in sorted(expected.keys() & weights.keys()):
        if weights[name].shape != expected[name].shape:
            problems.append(f"{name} is {tuple(weights[name].shape)}, expected {tuple(expected[name].shape)}")
    if problems:
        raise ValueError(
            f"{folder}: the weights in model.safetensors are not those that config.json describes: "
            f"{'; '.join(problems[:3])}{' ...' if len(problems) > 3 else ''}"
        )


def some(names: list[str]) -> str:
    """The first of the names, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

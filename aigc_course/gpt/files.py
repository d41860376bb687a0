"""Read a stored GPT-2, the folder that transformers' `save_pretrained` writes, and refuse what would go wrong later."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from aigc_course.storage import weights

WANTED = (
    "a stored GPT-2 is a folder with config.json and model.safetensors: name another one, or copy or download it again"
)
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
GELUS = ("gelu_new", "gelu_pytorch_tanh")  # two names of one function
MASKS = (".attn.bias", ".attn.masked_bias")  # constants in old files, no weights
ADVICE = "copy or download the folder again"
SIZES = {  # our name, GPT-2's, the largest that is believed: damaged settings may ask for a giant
    "vocab_size": ("vocab_size", 10_000_000),
    "context_length": ("n_positions", 1_000_000),
    "embedding_dim": ("n_embd", 100_000),
    "num_layers": ("n_layer", 1_000),
    "num_heads": ("n_head", 10_000),
}
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
    path = folder / "config.json"
    if missing := [theirs for theirs, _ in SIZES.values() if theirs not in raw]:
        raise ValueError(f"{path} does not say {', '.join(missing)}")
    settings = {ours: whole_number(raw, theirs, most, path) for ours, (theirs, most) in SIZES.items()}
    settings["hidden_dim"] = None if raw.get("n_inner") is None else whole_number(raw, "n_inner", 1_000_000, path)
    epsilon = raw.get("layer_norm_epsilon", 1e-5)
    if type(epsilon) not in (int, float) or not 0 <= epsilon < 1:  # also for NaN
        raise ValueError(f"{path}: layer_norm_epsilon is {epsilon!r:.40}, expected a number from 0 to 1")
    return settings | {"layer_norm_epsilon": epsilon, "end_token": end_token(folder, raw)}


def whole_number(raw: dict[str, Any], name: str, most: int, path: Path) -> int:
    """The setting `name`; ValueError unless it is a whole number from 1 to `most`."""
    value = raw[name]
    if type(value) is not int or not 1 <= value <= most:
        raise ValueError(f"{path}: {name} is {value!r:.40}, expected a whole number from 1 to {most:,}")
    return value


def end_token(folder: Path, raw: dict[str, Any]) -> int | None:
    """The token that ends a text: generation_config.json's, else config.json's; None if it is not in the vocabulary."""
    path = folder / "generation_config.json"
    said = (read_json(path) if path.is_file() else {}).get("eos_token_id", raw.get("eos_token_id", 50256))
    if isinstance(said, list):
        if len(said) > 1:
            raise ValueError(f"{folder}: eos_token_id is {said}, this stops at one end token only")
        said = said[0] if said else None
    if said is not None and type(said) is not int:
        raise ValueError(f"{folder}: eos_token_id is {said!r:.40}, expected a token's number")
    return said if said is not None and 0 <= said < raw["vocab_size"] else None


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file's object; FileNotFoundError without the file, ValueError for anything else."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; {WANTED}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error}); {ADVICE}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds no JSON object; {ADVICE}")
    return content


def read_weights(folder: str | Path) -> dict[str, Tensor]:
    """Name to float32 tensor from model.safetensors, names without "transformer.", without what is no weight.

    Raises FileNotFoundError without the file, ValueError for pickles, a file cut short, and a head that is not tied.
    """
    path = Path(folder) / "model.safetensors"
    if not path.exists():
        raise missing_weights(path)
    stored = weights.read(path, "pt", ADVICE).arrays
    arrays = {name.removeprefix("transformer."): array for name, array in stored.items()}
    head, embedding = arrays.pop("lm_head.weight", None), arrays.get("wte.weight")
    if head is not None and embedding is not None and not torch.equal(head, embedding):
        raise ValueError(f"{path}: lm_head.weight is not wte.weight; this computes only with the tied head of GPT-2")
    arrays = {name: array for name, array in arrays.items() if not name.endswith(MASKS)}
    if others := [name for name, array in arrays.items() if not weights.holds("float32", array)]:
        kind = weights.kind_of(arrays[others[0]])
        raise ValueError(f"{path}: {others[0]} is {kind}, expected float32, float16 or bfloat16; {ADVICE}")
    return {name: array.float() for name, array in arrays.items()}


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
    return FileNotFoundError(f"{path} is not there; {WANTED}")


def check_weights(arrays: dict[str, Tensor], expected: dict[str, Tensor], folder: str | Path) -> None:
    """ValueError unless `arrays` has exactly the names and shapes of `expected`, a state_dict."""
    advice = "the network is the one that config.json describes: copy or download the folder again"
    weights.check(arrays, expected, Path(folder) / "model.safetensors", advice)

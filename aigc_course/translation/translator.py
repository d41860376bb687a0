"""An encoder_decoder put to use for translation of what spelled_out.py says: beam_search, a file, clear errors."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from aigc_course.storage import weights
from aigc_course.storage.files import write
from aigc_course.synthetic.spelled_out import words_of
from aigc_course.text.beam_search import Hypothesis, beam_search
from aigc_course.translation.encoder_decoder import LONGEST, EncoderDecoder, greedy_decode
from aigc_course.translation.task import END, PAD, SPECIAL, START, Batch, Vocabulary, pad

MOST_WORDS = 40  # the longest source of the task has 26


@torch.no_grad()
def sequence_log_probs(model: EncoderDecoder, batch: Batch) -> Tensor:
    """log p(target | source) of each pair, the sum over its tokens; (batch,)."""
    log_probs = model(batch.source, batch.mask, batch.target[:, :-1]).log_softmax(dim=-1)
    chosen = log_probs.gather(2, batch.target[:, 1:, None]).squeeze(-1)  # (batch, length)
    return (chosen * (batch.target[:, 1:] != PAD)).sum(dim=1)


@torch.no_grad()
def beam_decode(model: EncoderDecoder, source: Tensor, num_beams: int, longest: int = LONGEST) -> list[Hypothesis]:
    """The `num_beams` best translations of one source (keys,), ranked by log p(target | source)."""
    mask = torch.ones_like(source[None], dtype=torch.bool)
    memory, state = model.encoder(source[None], mask)

    def next_log_probs(tokens: Tensor, parents: Tensor | None) -> Tensor:
        nonlocal state
        state = state if parents is None else state[:, parents]  # each beam goes on from its parent
        memories = memory.expand(len(tokens), -1, -1)
        logits, state, _ = model.decoder(tokens[:, None], state, memories, mask.expand(len(tokens), -1))
        return logits[:, 0].log_softmax(dim=-1)

    return beam_search(next_log_probs, START, num_beams, longest, end_token=END, length_penalty=0.0)


class Translator:
    """A trained model with its vocabularies: `translate(text)` gives digits."""

    def __init__(self, model: EncoderDecoder, sources: Vocabulary, targets: Vocabulary):
        self.model, self.sources, self.targets = model.eval(), sources, targets

    def ids(self, text: str) -> Tensor:
        """(1, words) ids; ValueError for what is empty, too long, of another language, or of unknown words."""
        words = words_of(text)
        if not words:
            raise ValueError("the text is empty; give a number, date or period in words, such as: thirty-five thousand")
        if len(words) > MOST_WORDS:
            raise ValueError(f"the text has {len(words)} words; at most {MOST_WORDS} are read at once, so split it")
        if len({word.isascii() for word in words}) > 1:
            raise ValueError("the text mixes English and Chinese; translate each part separately")
        if unknown := [word for word in dict.fromkeys(words) if word not in self.sources.ids]:
            raise ValueError(
                f"not among the words that this model reads: {', '.join(unknown)}. It knows numbers, dates and periods "
                "in English and Chinese; is this another language, or misspelled?"
            )
        return pad([self.sources.encode(words)])

    def translate(self, text: str) -> str:
        """The text in digits: 35,006, 1984-03-03, 1984-03-03/2001-12-24; ValueError as in `ids`."""
        return self.explain(text)[0]

    def explain(self, text: str) -> tuple[str, Tensor | None]:
        """The translation, and attention's weights (target tokens with <end>, source words), None without attention."""
        ids = self.ids(text)
        written, weights = greedy_decode(self.model, ids, torch.ones_like(ids, dtype=torch.bool))
        return self.targets.decode(written[0]), None if weights is None else weights[0]

    def save(self, path: Path) -> None:
        """Write weights, sizes and vocabularies into one safetensors file: names, numbers and text, no code."""
        settings = {
            "settings": json.dumps(settings_of(self.model)),
            "sources": json.dumps(self.sources.tokens, ensure_ascii=False),
            "targets": json.dumps(self.targets.tokens, ensure_ascii=False),
        }
        arrays = {name: array.contiguous() for name, array in self.model.state_dict().items()}
        write(path, save(arrays, metadata=settings))

    @classmethod
    def load(cls, path: Path) -> "Translator":
        """Read what `save` wrote; FileNotFoundError, or ValueError for a file that is damaged or another model's."""
        advice = "save a translator under this name"
        stored = weights.read(path, "pt", advice)
        try:
            sources, targets = (vocabulary(json.loads(stored.metadata[side])) for side in ("sources", "targets"))
            settings = json.loads(stored.metadata["settings"])
            sizes = {"num_sources": len(sources.tokens), "num_targets": len(targets.tokens)}
            sizes["dim"] = stored.arrays["encoder.embedding.weight"].shape[1]
            if {name: settings[name] for name in sizes} != sizes:  # before a giant is built
                raise ValueError(f"its settings are {settings}, its words and weights are {sizes}")
            model = EncoderDecoder(**settings)
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, RecursionError) as error:
            raise ValueError(f"{path} is damaged or not a translator's file ({error!r:.200}); {advice}") from error
        weights.check(stored.arrays, model.state_dict(), path, advice)
        model.load_state_dict(stored.arrays)
        return cls(model, sources, targets)


def vocabulary(tokens: Sequence[str]) -> Vocabulary:
    """The vocabulary with exactly these tokens in this order; ValueError for another order."""
    made = Vocabulary(tokens[len(SPECIAL) :])
    if made.tokens != list(tokens):
        raise ValueError("these tokens are not a vocabulary")
    return made


def settings_of(model: EncoderDecoder) -> dict:
    """The arguments that make a model of the same shape."""
    kinds = {"NoneType": None, "DotAttention": "dot", "AdditiveAttention": "additive"}
    sources, targets = model.encoder.embedding, model.decoder.embedding
    attention = kinds[type(model.decoder.attention).__name__]
    sizes = {"num_sources": sources.num_embeddings, "num_targets": targets.num_embeddings}
    return sizes | {"dim": sources.embedding_dim, "attention": attention}

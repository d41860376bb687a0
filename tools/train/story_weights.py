"""Where a story model's loss counts more: at tokens that a story leaves no choice about."""

import torch
from torch import Tensor, nn

from aigc_course.gpt.rows import BatchAt
from aigc_course.gpt.training import WeightsOf, logits_of


def sure_weights(model: nn.Module, batch_at: BatchAt, sure: float, bfloat16: bool = False) -> WeightsOf:
    """Weights sure / (sure + H), H the entropy in nats with which this model, left as it is, foresees each token.

    Where the grammar draws, a token says little about what is right, and its gradient is mostly noise; where it leaves
    no choice, all that is learned is to leave out what must not follow. A weight depends on the tokens before alone,
    never on the token itself, so the distribution that the loss is least for is the same as without weights.
    """
    model.requires_grad_(False)

    @torch.no_grad()
    def weights_of(step: int, ids: Tensor, losses: Tensor) -> Tensor:
        rows = batch_at(step)  # (batch, 1 + length), of which ids are all but the first column
        with torch.autocast(ids.device.type, torch.bfloat16, enabled=bfloat16):
            log_probs = logits_of(model, rows)[:, :-1].float().log_softmax(dim=-1)  # (batch, length, vocab)
        return sure / (sure - (log_probs.exp() * log_probs).sum(dim=-1))

    return weights_of

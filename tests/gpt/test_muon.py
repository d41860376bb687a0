"""Muon in float32: torch's steps, to bfloat16's accuracy, and the same after a restart."""

from copy import deepcopy

import pytest
import torch

from aigc_course.gpt.muon import Muon, orthogonalized


@pytest.mark.parametrize("shape", [(8, 24), (24, 8), (16, 16)])
def test_directions_stay_and_become_about_equally_long(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    lengths = torch.linalg.svdvals(orthogonalized(matrix))
    assert lengths.min() > 0.5
    assert lengths.max() < 1.4
    assert torch.equal(orthogonalized(torch.zeros(shape)), torch.zeros(shape))


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this torch has no Muon")
def test_steps_are_those_of_torch():
    generator = torch.Generator().manual_seed(1)
    start, grads = torch.randn(12, 20, generator=generator), torch.randn(5, 12, 20, generator=generator)
    ours, theirs = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    steps = [Muon([ours], 0.01, 0.1), torch.optim.Muon([theirs], 0.01, 0.1, adjust_lr_fn="match_rms_adamw")]
    for grad in grads:
        for weight, optimizer in zip((ours, theirs), steps, strict=True):
            weight.grad = grad.clone()
            optimizer.step()
    moved = (theirs - start).norm()
    assert (ours - theirs).norm() < 0.02 * moved  # they differ by rounding to bfloat16


def test_a_stored_state_goes_on_as_if_it_had_not_stopped():
    weight = torch.nn.Parameter(torch.eye(4))
    first = Muon([weight], 0.1, 0.0)
    weight.grad = torch.arange(16.0).view(4, 4)
    first.step()
    copy = torch.nn.Parameter(weight.detach().clone())
    second = Muon([copy], 0.1, 0.0)
    second.load_state_dict(deepcopy(first.state_dict()))
    for parameter, optimizer in ((weight, first), (copy, second)):
        parameter.grad = torch.ones(4, 4)
        optimizer.step()
    assert torch.equal(weight, copy)

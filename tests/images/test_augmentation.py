"""Classical augmentation agrees with torchvision and with what is known by hand; bad input is told."""

import pytest
import torch
from torchvision.transforms import v2

from aigc_course.images.augmentation import affine, elastic, mixup, random_affine, warp


@pytest.fixture
def images():
    return torch.rand((4, 1, 14, 14), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("degrees", "size", "shift"), [(0, 1, (2, -1)), (20, 1, (0, 0)), (-35, 1.3, (1, 2)), (180, 0.7, (0, 3))]
)
def test_affine_is_torchvisions(images, degrees, size, shift):
    given = torch.tensor([degrees] * 4).float(), torch.tensor([size] * 4).float(), torch.tensor([shift] * 4).float()
    expected = v2.functional.affine(
        images, float(degrees), list(shift), float(size), [0.0, 0.0], v2.InterpolationMode.BILINEAR
    )
    torch.testing.assert_close(affine(images, *given, paper=0.0), expected, atol=2e-5, rtol=0)


def test_a_whole_shift_moves_pixels_and_leaves_paper(images):
    moved = affine(images, torch.zeros(4), torch.ones(4), torch.tensor([[2.0, 1.0]] * 4))
    torch.testing.assert_close(moved[..., 1:, 2:], images[..., :-1, :-2], atol=1e-5, rtol=0)
    assert (moved[..., 0, :] + 1).abs().max() < 1e-5
    assert (moved[..., :2] + 1).abs().max() < 1e-5


def test_every_image_is_changed_in_its_own_way_and_the_same_way_for_the_same_seed(images):
    same = images[:1].repeat(4, 1, 1, 1)
    for change in (random_affine, elastic):
        one, other = (change(same, torch.Generator().manual_seed(1)) for _ in range(2))
        assert torch.equal(one, other)
        assert one.shape == same.shape
        assert not torch.allclose(one[0], one[1])
    assert torch.allclose(random_affine(same, torch.Generator(), 0, 0, 0), same, atol=1e-5)
    assert torch.allclose(elastic(same, torch.Generator(), strength=0.0), same, atol=1e-5)


def test_elastic_moves_are_as_strong_as_said():
    ramp = torch.arange(28).float().expand(300, 1, 28, 28)  # a move to the right by d changes it by d
    moved = elastic(ramp, torch.Generator().manual_seed(0), strength=1.5, smoothness=2.0)
    middle = (moved - ramp)[..., 8:20, 8:20]
    assert middle.std().item() == pytest.approx(1.5, rel=0.05)
    assert (middle[..., 1:] - middle[..., :-1]).std() < 0.6 * middle.std()  # smooth: neighbors move alike


def test_mixup_mixes_images_and_labels_alike(images):
    targets = torch.eye(4)
    mixed, mixed_targets = mixup(images, targets, torch.Generator().manual_seed(3), alpha=2.0)
    torch.testing.assert_close(mixed, torch.einsum("ij,jchw->ichw", mixed_targets, images))
    torch.testing.assert_close(mixed_targets.sum(1), torch.ones(4))


def test_the_shares_of_mixup_are_a_beta_distribution():
    rng, one = torch.Generator().manual_seed(0), torch.tensor([[1.0], [0.0]])
    shares = [mixup(one, torch.eye(2), rng, alpha=2.0)[1].max().item() for _ in range(2000)]
    larger = torch.distributions.Beta(2.0, 2.0).sample((20_000,))
    swapped = torch.tensor(shares)[torch.tensor(shares) < 1]  # where the two were exchanged
    assert swapped.mean().item() == pytest.approx(torch.maximum(larger, 1 - larger).mean().item(), abs=0.02)


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (TypeError, lambda x, r: random_affine(x.to(torch.uint8), r)),
        (ValueError, lambda x, r: random_affine(x[:, 0], r)),
        (ValueError, lambda x, r: random_affine(x, r, degrees=-1)),
        (ValueError, lambda x, r: affine(x, torch.zeros(4), torch.zeros(4), torch.zeros(4, 2))),
        (ValueError, lambda x, r: affine(x, torch.zeros(3), torch.ones(4), torch.zeros(4, 2))),
        (ValueError, lambda x, r: elastic(x, r, strength=float("nan"))),
        (ValueError, lambda x, r: elastic(x, r, smoothness=40.0)),
        (ValueError, lambda x, r: mixup(x, torch.arange(4), r)),
        (ValueError, lambda x, r: mixup(x, torch.eye(4), r, alpha=0)),
        (ValueError, lambda x, r: warp(x, torch.zeros(4, 14, 14, 3))),
    ],
)
def test_bad_input_is_told(images, error, call):
    with pytest.raises(error):
        call(images, torch.Generator())

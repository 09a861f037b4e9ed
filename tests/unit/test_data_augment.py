"""Augmentation: each image moved by its own draw, the same from the same generator."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from cnnlab.core.errors import UserError
from cnnlab.data.augment import AUGMENTATIONS, augmentations, erase, mirror, translate, turn
from cnnlab.planning import datasets

BLACK, AVERAGE = torch.tensor([[[-2.0]], [[-3.0]]]), torch.tensor([[[0.25]], [[0.5]]])


def images(count: int = 8, size: int = 12) -> Tensor:
    return torch.rand(count, 2, size, size, generator=torch.Generator().manual_seed(0))


def apply(text: str, batch: Tensor, seed: int = 0, black: Tensor = BLACK) -> Tensor:
    (augmentation,) = augmentations([text])
    height, width = batch.shape[2:]
    drawn = augmentation.draw(len(batch), (height, width), torch.Generator().manual_seed(seed))
    return augmentation(batch, drawn, black, AVERAGE)


def sample(name: str) -> str:
    return name if datasets.AUGMENTATIONS[name].unit is None else f"{name}:3"


def test_every_name_has_a_function_and_a_description() -> None:
    assert AUGMENTATIONS.keys() == datasets.AUGMENTATIONS.keys()


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_shape_layout_and_determinism(name: str) -> None:
    for batch in (images(), images().contiguous(memory_format=torch.channels_last)):
        before = batch.clone()
        made = apply(sample(name), batch)
        assert made.shape == batch.shape
        assert made.dtype == batch.dtype
        assert made.stride() == batch.stride()
        assert torch.equal(batch, before)
        assert not torch.equal(made, batch)
        assert torch.equal(made, apply(sample(name), batch))
        assert not torch.equal(made, apply(sample(name), batch, seed=1))


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_each_image_is_drawn_for_itself(name: str) -> None:
    made = apply(sample(name), images(1).expand(32, -1, -1, -1).contiguous())
    assert len({image.numpy().tobytes() for image in made}) > 1


def test_translate_moves_down_and_right_by_whole_pixels() -> None:
    batch = images(3)
    moved = translate(batch, torch.tensor([2, 0, -1]), torch.tensor([1, 0, -3]), BLACK)
    assert torch.equal(moved[0, :, 2:, 1:], batch[0, :, :-2, :-1])
    assert (moved[0, :, :2] == BLACK).all()
    assert (moved[0, :, :, :1] == BLACK).all()
    assert torch.equal(moved[1], batch[1])
    assert torch.equal(moved[2, :, :-1, :-3], batch[2, :, 1:, 3:])


def test_shift_and_crop_differ_by_what_comes_into_view() -> None:
    batch = images(64)
    shifted, cropped = apply("shift:3", batch), apply("crop:3", batch)
    inside = (shifted >= 0).all(1, keepdim=True)
    assert torch.equal(shifted * inside, cropped * inside)
    assert ((shifted == BLACK) == ~inside).all()
    assert ((cropped == AVERAGE) | inside).all()


def test_shifts_reach_every_offset_and_no_further() -> None:
    dot = torch.zeros(400, 2, 9, 9)
    dot[:, :, 4, 4] = 1
    seen = apply("shift:2", dot)[:, 0].flatten(1).argmax(1)
    assert set(seen.tolist()) == {9 * row + column for row in range(2, 7) for column in range(2, 7)}


def test_turning_a_quarter_is_exact() -> None:
    batch = images(2)
    turned = turn(batch, torch.tensor([90.0, -90.0]), BLACK)
    assert torch.allclose(turned[0], batch[0].rot90(1, (1, 2)), atol=1e-5)
    assert torch.allclose(turned[1], batch[1].rot90(-1, (1, 2)), atol=1e-5)


def test_turning_fills_the_corners() -> None:
    turned = turn(images(1), torch.tensor([45.0]), BLACK)
    assert torch.allclose(turned[0, :, 0, 0], BLACK.flatten())
    assert torch.allclose(turn(images(1), torch.tensor([0.0]), BLACK), images(1), atol=1e-5)


def test_rotations_stay_within_their_bounds() -> None:
    """A dot at distance 5 right of the centre moves up or down by at most 5 sin 30° = 2.5 pixels."""
    dot = torch.zeros(500, 2, 13, 13)
    dot[:, :, 6, 11] = 1
    turned = apply("rotate:30", dot, black=torch.zeros(2, 1, 1))[:, 0]
    height = (turned.sum(2) * torch.arange(13)).sum(1) / turned.sum((1, 2)) - 6
    assert height.abs().max() < 2.9
    assert height.min() < -2
    assert height.max() > 2


def test_flip_mirrors_about_half() -> None:
    batch = images(400)
    flipped = apply("flip", batch)
    changed = (flipped != batch).flatten(1).any(1)
    assert 150 < changed.sum() < 250
    assert torch.equal(flipped[changed], batch[changed].flip(3))
    assert torch.equal(mirror(batch, changed), flipped)


def test_erase_is_cut_off_at_the_border() -> None:
    batch = images(2)
    erased = erase(batch, torch.tensor([6, 0]), torch.tensor([6, 0]), 4, AVERAGE)
    assert (erased[0] == AVERAGE).all(0).sum() == 16
    assert (erased[0, :, 4:8, 4:8] == AVERAGE).all()
    assert (erased[1] == AVERAGE).all(0).sum() == 4
    assert (erased[1, :, :2, :2] == AVERAGE).all()


def test_unknown_names_are_reported() -> None:
    with pytest.raises(UserError, match=r"unknown 'rotat'; did you mean 'rotate'\?"):
        augmentations(["rotat:5"])

"""Test images of less resolution."""

from __future__ import annotations

import pytest
import torch

from cnnlab.training.diagnostics.downsampling import coarsened


@pytest.mark.parametrize("side", [0.75, 0.5])
@pytest.mark.parametrize("pixels", [28, 21])
def test_detail_is_lost_and_the_rest_is_kept(pixels: int, side: float) -> None:
    flat = torch.full((2, 3, pixels, pixels), 0.7)
    torch.testing.assert_close(coarsened(flat, side), flat)
    rows = torch.arange(pixels) % 2
    board = (rows[:, None] != rows).float().expand(1, 1, -1, -1)
    coarse = coarsened(board, side)
    assert coarse.shape == board.shape
    assert coarse.std() < 0.6 * board.std()


def test_at_its_own_resolution_an_image_stays_as_it_is() -> None:
    images = torch.rand(2, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    assert torch.equal(coarsened(images, 1.0), images)

"""Local response normalization: Krizhevsky, Sutskever & Hinton 2012, "ImageNet classification with deep convolutional
neural networks", section 3.3."""

from __future__ import annotations

from torch import Tensor, nn


class LocalResponse(nn.LocalResponseNorm):
    """Divides by a power of the squares in the five nearest channels; ``(N, C, H, W)`` to the same.

    The paper's constants, but for alpha, which PyTorch divides by the number of channels. Laid out in a line, pixels
    are summed by a pooling in two dimensions, whose gradient is deterministic on a GPU as well.
    """

    def __init__(self) -> None:
        super().__init__(size=5, alpha=5e-4, beta=0.75, k=2.0)

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images.flatten(2)).view_as(images)

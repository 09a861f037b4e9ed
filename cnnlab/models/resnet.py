"""The CIFAR residual networks of He, Zhang, Ren & Sun 2016, "Deep residual learning for image recognition".

Section 4.2: a 3x3 convolution, three stages of n blocks of two 3x3 convolutions, a global average, one dense
layer: 6n + 2 layers with weights. Shortcuts are the identity (the paper's option A: where the shape changes,
every second pixel, and zeros for the new channels), so that `residual: false`, the paper's plain network, has
the same weights by the same names. `shortcut: projection` is option B: a 1x1 convolution with normalization
where the shape changes.

    output map    32x32     16x16    8x8         parameters of width 16, 3 channels, 10 classes:
    layers        1 + 2n    2n       2n          ResNet-20 0.27 M, -32 0.46, -44 0.66, -56 0.85, -110 1.7
    channels      w         2w       4w

Deviation: a convolution has a bias where no normalization follows, as the paper's networks are always
normalized.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import pad

from cnnlab.models.blocks import named
from cnnlab.models.switches import Activation, Normalization

ARCHITECTURE = {
    "title": "ResNet (CIFAR style)",
    "paper": "He et al. 2016, section 4.2",
    "switches": {
        "depth": {"default": 20, "from": 8, "step": 6},
        "width": 16,
        "residual": True,
        "shortcut": {"default": "identity", "choices": ["identity", "projection"]},
        "activation": "relu",
        "normalization": "batch",
        "initialization": "auto",
    },
    "presets": {
        "small": {"channels": 1, "image_size": 14, "classes": 10, "switches": {"width": 8}},
        "paper": {"channels": 3, "image_size": 32, "classes": 10},
    },
    # The last two stages halve the map: 4 -> 2 -> 1.
    "smallest_image": 4,
    "contradictions": [
        {
            "when": {"residual": False, "shortcut": "projection"},
            "because": "a plain network has no shortcut",
        }
    ],
}

#         channels / w, stride of the first block
STAGES = {"stage1": (1, 1), "stage2": (2, 2), "stage3": (4, 2)}


class ZeroPadShortcut(nn.Module):
    """Option A, without weights: ``(N, C, H, W)`` to ``(N, C + extra, ceil(H / s), ceil(W / s))``."""

    def __init__(self, extra: int, stride: int) -> None:
        super().__init__()
        self.extra, self.stride = extra, stride

    def forward(self, images: Tensor) -> Tensor:
        return pad(images[..., :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.extra))


class Block(nn.Module):
    """Two 3x3 convolutions; without a shortcut, the block of the plain network."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int,
        shortcut: nn.Module | None,
        activation: Activation,
        normalization: Normalization,
    ) -> None:
        super().__init__()
        self.conv1 = _conv3x3(inputs, outputs, stride, normalization)
        self.normalization1 = normalization.images(outputs)
        self.activation1 = activation()
        self.conv2 = _conv3x3(outputs, outputs, 1, normalization)
        self.normalization2 = normalization.images(outputs)
        self.shortcut = shortcut
        self.activation2 = activation()

    def forward(self, images: Tensor) -> Tensor:
        out = self.activation1(self.normalization1(self.conv1(images)))
        out = self.normalization2(self.conv2(out))
        if self.shortcut is not None:
            out = out + self.shortcut(images)
        result: Tensor = self.activation2(out)
        return result


def _conv3x3(inputs: int, outputs: int, stride: int, normalization: Normalization) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=not normalization.shifts)


def _zero_pad(inputs: int, outputs: int, stride: int, _normalization: Normalization) -> nn.Module:
    return ZeroPadShortcut(outputs - inputs, stride)


def _projection(inputs: int, outputs: int, stride: int, normalization: Normalization) -> nn.Module:
    conv = nn.Conv2d(inputs, outputs, 1, stride, bias=not normalization.shifts)
    return named(conv=conv, normalization=normalization.images(outputs))


# Where the shape changes; elsewhere every shortcut is the identity.
SHORTCUTS = {"identity": _zero_pad, "projection": _projection}


def build(
    *,
    channels: int,
    image_size: tuple[int, int],
    classes: int,
    depth: int,
    width: int,
    residual: bool,
    shortcut: str,
    activation: Activation,
    normalization: Normalization,
) -> nn.Module:
    """``(N, channels, *image_size)`` to class scores ``(N, classes)``; the average takes any image size."""
    stem = _conv3x3(channels, width, 1, normalization)
    layers = {"stem": named(conv=stem, normalization=normalization.images(width), activation=activation())}
    reshape = SHORTCUTS[shortcut]
    inputs = width
    for name, (multiple, first_stride) in STAGES.items():
        blocks: list[nn.Module] = []
        for stride in (first_stride, *[1] * ((depth - 2) // 6 - 1)):
            outputs = width * multiple
            same = inputs == outputs and stride == 1
            path = nn.Identity() if same else reshape(inputs, outputs, stride, normalization)
            blocks.append(Block(inputs, outputs, stride, path if residual else None, activation, normalization))
            inputs = outputs
        layers[name] = nn.Sequential(*blocks)
    return named(**layers, pooling=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), output=nn.Linear(inputs, classes))

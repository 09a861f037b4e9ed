"""What a training job reads: prepared images as tensors in memory, varied and standardized as its arm asks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from cnnlab.core.errors import UserError
from cnnlab.data.arrays import checksum, moments, slices, stratified
from cnnlab.data.random_streams import generator
from cnnlab.data.variants import at_random_scale, noisy_labels, pixel_constants, with_noise_channels
from cnnlab.planning.specs import DataSpec

SPLITS = ("train", "validation", "test")
FLOAT_BYTES = 2**28  # all of MNIST, not of CIFAR-10; every job has floats of its own


@dataclass(frozen=True)
class Scaling:
    """How pixels 0…255 become what a network sees: ``(pixel - offset) / scale``, ``(C, 1, 1)`` or ``(C, H, W)``.

    `black` and `average` are what a black pixel and the mean training pixel become: augmentation fills with
    them.
    """

    offset: Tensor
    scale: Tensor
    black: Tensor
    average: Tensor

    def __call__(self, images: Tensor) -> Tensor:
        """uint8 ``(N, C, H, W)`` → float32, channels last; floats are returned as they are."""
        if images.is_floating_point():
            return images
        # Changing the layout last is four times quicker on three channels.
        floats = images.to(torch.float32).sub_(self.offset).div_(self.scale)
        return floats.contiguous(memory_format=torch.channels_last)

    def to(self, device: str | torch.device) -> Scaling:
        parts = (self.offset, self.scale, self.black, self.average)
        return Scaling(*(part.to(device) for part in parts))


@dataclass(frozen=True)
class Split:
    """Images ``(N, C, H, W)`` and labels int64 ``(N,)``.

    Images are ready floats, or still uint8 where floats would fill the memory: read them through `chunks` or
    `batches`.
    """

    images: Tensor
    labels: Tensor
    scaling: Scaling

    def __len__(self) -> int:
        return len(self.labels)

    def chunks(self, size: int) -> Iterator[Tensor]:
        """The images in their order as float32, `size` at a time."""
        return (self.scaling(chunk) for chunk in torch.split(self.images, size))

    def to(self, device: str | torch.device) -> Split:
        return Split(self.images.to(device), self.labels.to(device), self.scaling.to(device))


@dataclass(frozen=True)
class Dataset:
    """The images of one arm and seed. The test images are made only when somebody asks for them."""

    train: Split
    validation: Split
    channels: int
    image_size: int
    class_names: tuple[str, ...]
    checksum: str
    make_test: Callable[[], Split]
    wrong_labels: Tensor | None = None  # which training labels `label_noise` replaced

    @cached_property
    def test(self) -> Split:
        return self.make_test()

    @property
    def classes(self) -> int:
        return len(self.class_names)

    def to(self, device: str | torch.device) -> Dataset:
        train, validation = self.train.to(device), self.validation.to(device)
        return replace(self, train=train, validation=validation, make_test=lambda: self.make_test().to(device))


def load(data_file: Path, card: Path, spec: DataSpec, seed: int, float_bytes: int = FLOAT_BYTES) -> Dataset:
    """Read the images of `spec`, apply `train_size` and `shuffle_pixels`, standardize by the training images.

    Without `standardize`, pixels are floats 0…255. Without validation images, the test images take their place: looked
    at along training, they choose nothing. Above `float_bytes` of floats, images stay uint8 (memory-mapped, so jobs
    share them) and are made floats batch by batch, with the same result.

    Raises:
        UserError: if a file is missing, damaged, or not that of `spec`.
    """
    description = _read_card(card, spec)
    images, labels, sizes = _read_tensors(data_file, card, description)
    images_of = dict(zip(SPLITS, images.split(sizes), strict=True))
    labels_of = dict(zip(SPLITS, labels.split(sizes), strict=True))
    pixels = _permutation(images, seed) if spec.shuffle_pixels else None

    def part(name: str) -> Tensor:
        return _varied(images_of[name], spec, name, pixels)

    train_images, train_labels = part("train"), labels_of["train"]
    if spec.train_size is not None:
        kept = _subset(train_labels, spec, seed)
        if len(kept) < len(train_labels):  # else a copy of what jobs share
            train_images, train_labels = train_images[kept], train_labels[kept]
    scaling = _scaling(train_images, spec, seed)
    wrong = None
    if spec.label_noise:
        draws = generator(seed, "label noise")
        train_labels, wrong = noisy_labels(train_labels, len(description["classes"]), spec.label_noise, draws)
    as_floats = 4 * images.numel() <= float_bytes
    evaluated = "test" if spec.validation == 0 else "validation"

    def made(images: Tensor, labels: Tensor) -> Split:
        return Split(_floats(images, scaling) if as_floats else images, labels, scaling)

    return Dataset(
        train=made(train_images, train_labels),
        validation=made(part(evaluated), labels_of[evaluated]),
        channels=train_images.shape[1],
        image_size=images.shape[2],
        class_names=tuple(description["classes"]),
        checksum=description["checksum"],
        make_test=lambda: made(part(spec.tested), labels_of[spec.tested]),
        wrong_labels=wrong,
    )


def _varied(images: Tensor, spec: DataSpec, name: str, pixels: Tensor | None) -> Tensor:
    """The images of a split as `spec` wants them, still uint8."""
    if spec.random_scale < 1:
        images = at_random_scale(images, spec.random_scale, generator("random scale", name))
    if spec.noise_channels:
        images = with_noise_channels(images, spec.noise_channels, generator("noise channels", name))
    return images if pixels is None else images.flatten(2).index_select(2, pixels).view_as(images)


def _read_card(card: Path, spec: DataSpec) -> dict[str, Any]:
    try:
        description: dict[str, Any] = json.loads(card.read_text(encoding="utf-8"))
        data_id = description["data_id"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{card}: missing or damaged; delete it and run again") from None
    if data_id != spec.data_id:
        raise UserError(f"{card}: describes {data_id}, not {spec.data_id}; delete it and run again")
    return description


def _read_tensors(data_file: Path, card: Path, description: dict[str, Any]) -> tuple[Tensor, Tensor, list[int]]:
    """Memory-mapped images and labels, checked against the card, and the sizes of the splits."""
    try:
        with safe_open(data_file, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dict
    except (OSError, SafetensorError):
        raise UserError(f"{data_file}: missing or damaged; delete it and run again") from None
    if checksum({name: tensor.numpy() for name, tensor in tensors.items()}) != description["checksum"]:
        raise UserError(f"{data_file}: checksum differs from {card}; delete it and run again")
    return tensors["images"], tensors["labels"], [len(tensors[name]) for name in SPLITS]


def _subset(labels: Tensor, spec: DataSpec, seed: int) -> Tensor:
    """Which training images to keep; all of them where `limit` leaves no more than that."""
    assert spec.train_size is not None
    if spec.limit is not None and spec.train_size >= len(labels):
        return torch.arange(len(labels))
    if spec.train_size > len(labels):
        raise UserError(f"data: train_size: {spec.train_size} of {len(labels)} training images; write fewer")
    own = spec.train_draw == "seed"
    purpose = f"train_size of seed {seed}" if own else "train_size"
    return torch.from_numpy(stratified(labels.numpy(), spec.train_size, spec.split_seed, purpose))


def _permutation(images: Tensor, seed: int) -> Tensor:
    """One permutation of the pixels per seed: the same for all images, channels, splits and arms."""
    return torch.randperm(images[0, 0].numel(), generator=generator(seed, "pixel permutation"))


def _floats(images: Tensor, scaling: Scaling) -> Tensor:
    """All images, scaled piece by piece: the pieces stay in the cache, and no second copy is needed."""
    floats = torch.empty(images.shape, memory_format=torch.channels_last)
    for target, chunk in zip(torch.split(floats, 256), torch.split(images, 256), strict=True):
        target.copy_(scaling(chunk))
    return floats


def _scaling(train: Tensor, spec: DataSpec, seed: int) -> Scaling:
    """By the training images. What has no contrast in them says nothing: it becomes 0 in every image.

    Pixels times constants, standardized, are ``(constant pixel - center) / spread``: the same form again. Where each
    pixel is standardized by itself, its constant cancels.
    """
    shape = (train.shape[1], train.shape[2], train.shape[3])
    scaled = spec.scale_pixels and spec.standardize != "pixel"
    constants = pixel_constants(shape, generator(seed, "pixel constants")) if scaled else torch.ones(1, 1, 1)
    average, deviation = (torch.tensor(part, dtype=torch.float32).view(-1, 1, 1) for part in moments(train.numpy()))
    if spec.standardize == "channel" and not spec.scale_pixels:
        center, spread = average, deviation
    else:
        center, spread = _moments(train, constants, spec)
    offset, scale = center / constants, torch.where(spread > 0, spread, torch.inf) / constants
    return Scaling(offset, scale, -offset / scale, (average - offset) / scale)


def _sums(images: Tensor) -> tuple[Tensor, Tensor]:
    """Of each pixel over the images, and of its square, float64 (C, H, W): whole numbers, so exact in any order."""
    total, squares = torch.zeros(2, *images.shape[1:], dtype=torch.float64)
    for rows in slices(len(images), images[0].numel()):
        pixels = images[rows].double()
        total += pixels.sum(0)
        squares += pixels.square_().sum(0)
    return total, squares


def _moments(train: Tensor, constants: Tensor, spec: DataSpec) -> tuple[Tensor, Tensor]:
    """Mean and sd of what `constants` make of the pixels, of each channel (C, 1, 1) or pixel (C, H, W)."""
    if spec.standardize in ("none", "unit"):
        return torch.zeros(1, 1, 1), torch.full((1, 1, 1), 255.0 if spec.standardize == "unit" else 1.0)
    means, squares = (total / len(train) for total in _sums(train))
    means, squares = means * constants, squares * constants.square()
    if spec.standardize == "channel":
        means, squares = means.mean((1, 2), keepdim=True), squares.mean((1, 2), keepdim=True)
    return means.float(), (squares - means.square()).clamp(min=0).sqrt().float()

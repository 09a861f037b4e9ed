"""Checksum, stratified choice, mean and spread."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnlab.data import arrays
from cnnlab.data.arrays import checksum, moments, slices, stratified


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=200), st.floats(0, 1), st.integers(-3, 99))
def test_a_stratified_choice_is_exact_and_proportional(labels: list[int], share: float, seed: int) -> None:
    values = np.array(labels)
    count = round(share * len(values))
    chosen = stratified(values, count, seed, "test")
    assert len(chosen) == count == len(set(chosen.tolist()))
    assert (np.diff(chosen) > 0).all()
    for label in set(labels):
        exact = count * (values == label).sum() / len(values)
        assert abs((values[chosen] == label).sum() - exact) < 1


def test_the_largest_remainders_are_rounded_up() -> None:
    labels = np.repeat([0, 1, 2], [7, 2, 1])
    assert np.bincount(labels[stratified(labels, 4, 0, "test")], minlength=3).tolist() == [3, 1, 0]


def test_a_choice_depends_on_seed_and_purpose_and_is_random() -> None:
    labels = np.repeat(np.arange(4), 50)
    first = stratified(labels, 40, 0, "test")
    assert (first == stratified(labels, 40, 0, "test")).all()
    assert (first != stratified(labels, 40, 1, "test")).any()
    assert (first != stratified(labels, 40, 0, "validation")).any()
    chosen = np.concatenate([stratified(labels, 40, seed, "test") for seed in range(200)])
    frequency = np.bincount(chosen, minlength=200) / 200
    assert frequency.min() > 0.05
    assert frequency.max() < 0.4


def test_a_smaller_choice_lies_within_a_larger_one() -> None:
    labels = np.tile(np.arange(10), 30)
    assert set(stratified(labels, 50, 3, "x")) < set(stratified(labels, 100, 3, "x"))


def test_a_choice_is_the_same_for_ever() -> None:
    """Known answer: NumPy may change how it shuffles, which must not move an image to another split."""
    assert stratified(np.arange(20) % 2, 6, 0, "test").tolist() == [2, 3, 9, 10, 12, 17]


def test_too_many_is_an_error() -> None:
    with pytest.raises(ValueError, match="5 of 4"):
        stratified(np.zeros(4), 5, 0, "test")


def test_checksum_sees_content_and_not_layout() -> None:
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    base = checksum({"a": images, "b": np.array([1, 2])})
    assert base == checksum({"b": np.array([1, 2]).astype(">i8"), "a": np.asfortranarray(images)})
    assert base != checksum({"a": images.reshape(2, 4, 3), "b": np.array([1, 2])})
    assert base != checksum({"a": images, "c": np.array([1, 2])})
    assert base != checksum({"a": images, "b": np.array([1, 2], np.int32)})
    images[1, 2, 3] ^= 1
    assert base != checksum({"a": images, "b": np.array([1, 2])})


def test_moments_are_those_of_numpy() -> None:
    images = np.random.default_rng(0).integers(0, 256, (50, 3, 7, 5)).astype(np.uint8)
    mean, deviation = moments(images)
    assert np.allclose(mean, images.mean(axis=(0, 2, 3)), rtol=1e-13)
    assert np.allclose(deviation, images.std(axis=(0, 2, 3)), rtol=1e-12)


@pytest.mark.parametrize("pixels", [1, 35, 300, 10**6])
def test_moments_are_the_same_bits_in_pieces_of_any_size(pixels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(1).integers(0, 256, (50, 3, 7, 5)).astype(np.uint8)
    monkeypatch.setattr(arrays, "CHUNK_PIXELS", pixels)
    counts = [np.bincount(images[:, channel].reshape(-1), minlength=256) for channel in range(3)]
    sums, squares = ([int((count * np.arange(256) ** power).sum()) for count in counts] for power in (1, 2))
    total = 50 * 7 * 5
    mean, deviation = moments(images)
    assert mean.tolist() == [each / total for each in sums]
    variances = [(total * square - each**2) / total**2 for each, square in zip(sums, squares, strict=True)]
    assert deviation.tolist() == np.sqrt(variances).tolist()


def test_slices_cover_all_images_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "CHUNK_PIXELS", 100)
    assert [range(7)[rows] for rows in slices(7, 30)] == [range(3), range(3, 6), range(6, 7)]
    assert [len(range(7)[rows]) for rows in slices(7, 30, most=2)] == [2, 2, 2, 1]
    assert len(slices(7, 1000)) == 7
    assert slices(0, 30) == []

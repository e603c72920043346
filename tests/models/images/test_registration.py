"""Shifts are found to a few hundredths of a pixel, and nothing is found where nothing is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pursuit.models.images import Reference

EDGE = 128


def spots(right: float, down: float, seed: int, blur: float = 2.5) -> NDArray[np.float64]:
    """Thirty spots on a plane, shifted, in photoelectrons."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-20, EDGE + 20, (2, 30))
    rows, columns = np.mgrid[:EDGE, :EDGE]
    image = np.full((EDGE, EDGE), 20.0)
    for at_x, at_y in zip(x + right, y + down, strict=True):
        square = (columns - at_x) ** 2 + (rows - at_y) ** 2
        image += 400 * np.exp(-square / (2 * blur**2))
    return image


def exposed(light: NDArray[np.float64], seed: int) -> NDArray[np.uint16]:
    return np.random.default_rng(seed).poisson(light).astype(np.uint16)


@settings(max_examples=20, deadline=None)
@given(right=st.floats(-30, 30), down=st.floats(-30, 30), seed=st.integers(0, 99))
def test_shifts_are_found(right: float, down: float, seed: int) -> None:
    reference = Reference(exposed(spots(0, 0, seed), 1))
    shift = reference.shift(exposed(0.7 * spots(right, down, seed) + 5, 2))
    assert shift.found
    assert shift.px == pytest.approx((right, down), abs=0.06)


@settings(max_examples=20, deadline=None)
@given(level=st.floats(0, 2e4), seed=st.integers(0, 2**31))
@example(level=2**-14, seed=250)
def test_noise_is_not_found_again(level: float, seed: int) -> None:
    plain = np.full((EDGE, EDGE), level)
    assert not Reference(exposed(plain, seed)).shift(exposed(plain, seed + 1)).found


@pytest.mark.parametrize("level", [0, 255])
def test_plain_images_have_no_shift(level: int) -> None:
    plain = np.full((EDGE, EDGE), level, np.uint8)
    assert not Reference(plain).shift(plain).found


def test_a_smeared_image_is_at_its_mean_if_the_blur_is_wide_enough() -> None:
    reference = Reference(exposed(spots(0, 0, 3), 1), blur_px=6.0)
    smeared = np.mean([spots(right, 0, 3) for right in (0, 0, 0, 6)], axis=0)
    assert reference.shift(exposed(smeared, 2)).px == pytest.approx((1.5, 0), abs=0.15)


def test_large_images_are_binned_and_shifts_are_in_their_pixels() -> None:
    large = [
        np.asarray(cv2.resize(spots(by, 0, 4), None, fx=10, fy=10), np.uint16) for by in (0, 1.7)
    ]
    assert Reference(large[0]).shift(large[1]).px == pytest.approx((17, 0), abs=0.3)

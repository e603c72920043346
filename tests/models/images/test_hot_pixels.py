"""Defect pixels are replaced, and nothing that light can draw is taken for one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pursuit.models import detectors
from pursuit.models.detections import Detections
from pursuit.models.detectors import Window, detect_within
from pursuit.models.images import without_hot_pixels
from scipy.special import erf


def spot(sigma_px: float, x: float, y: float, photons: float) -> NDArray[np.float64]:
    """Light of a point on 15 x 15 pixels, integrated over each."""
    edges = np.arange(16) - 0.5
    along = [np.diff(erf((edges - at) / (sigma_px * 2**0.5)) / 2) for at in (y, x)]
    return photons * np.outer(*along)


@settings(max_examples=200, deadline=None)
@given(
    sigma_px=st.floats(0.65, 4),
    x=st.floats(5, 9),
    y=st.floats(5, 9),
    photons=st.floats(50, 50_000),
    dark=st.booleans(),
)
def test_a_point_of_light_is_no_defect(
    sigma_px: float, x: float, y: float, photons: float, dark: bool
) -> None:
    light = spot(sigma_px, x, y, photons)
    image = np.round(60_000 - light if dark else 100 + light).astype(np.uint16)
    assert without_hot_pixels(image) is image


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**31), level=st.floats(0, 3_000))
def test_noise_is_no_defect(seed: int, level: float) -> None:
    """Of 40,000 pixels of photons and read-out noise at most one is taken for a defect."""
    rng = np.random.default_rng(seed)
    noisy = 100 + rng.poisson(level, (200, 200)) + rng.normal(0, 2, (200, 200))
    image = np.round(noisy).astype(np.uint16)
    assert (without_hot_pixels(image) != image).sum() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(64, 80), (5, 5)])
def test_hot_and_dead_pixels_get_the_median_around(dtype: type, shape: tuple[int, int]) -> None:
    image = np.full(shape, 100, dtype)
    image[0, 0], image[-1, 1], image[2, 2], image[2, 3] = 255, 0, 255, 250
    kept = image.copy()
    np.testing.assert_array_equal(without_hot_pixels(image), 100)
    np.testing.assert_array_equal(image, kept)


def test_of_an_image_a_part_may_be_repaired() -> None:
    image = np.full((60, 80), 100, np.uint16)
    image[10, 20] = image[40, 70] = 4095
    repaired = without_hot_pixels(image, (50, 30, 80, 60))
    assert np.argwhere(repaired != 100).tolist() == [[10, 20]]


@pytest.mark.parametrize("shape", [(1, 1), (4, 50), (1, 9)])
def test_an_image_without_neighbours_is_left(shape: tuple[int, int]) -> None:
    image = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    assert without_hot_pixels(image) is image


@pytest.mark.parametrize("name", ["yolo", "blobs", "watershed"])
def test_a_camera_with_hot_pixels_shows_the_same_objects(name: str) -> None:
    """One in 250 pixels is hot: the 16 nuclei are found where they are, and nothing else."""
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:256, :256]
    wanted = np.array([(32.0 + 64 * column, 32.0 + 64 * row) for row, column in np.ndindex(4, 4)])
    away = np.min([np.hypot(x - at_x, y - at_y) for at_x, at_y in wanted], axis=0)
    image = (120 + rng.poisson(400 / (1 + np.exp((away - 10) / 1.2)))).astype(np.uint16)
    image[rng.random(image.shape) < 1 / 250] = 4095
    detector = detectors.create(name, {"diameter_px": 20.0})
    check(detector.detect(image), wanted)
    inner = np.abs(wanted - 127.5).max(1) < 64
    check(detect_within(detector, image, Window((127.5, 127.5), 60)), wanted[inner])


def check(found: Detections, wanted_px: NDArray[np.float64]) -> None:
    """Whether just the wanted objects were surely found."""
    at_px = found.pick(found.scores > 0.5).centres_px
    away_px = np.linalg.norm(at_px[:, None] - wanted_px, axis=2)
    assert len(at_px) == len(wanted_px)
    assert away_px.min(axis=0).max() < 1

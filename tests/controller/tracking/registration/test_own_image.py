"""An object is found again by its own image, wherever and however bright it is."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pursuit.controller.tracking.registration.own_image import OwnImage

SIDE_PX = 240
AT_PX = np.array([120.3, 110.7])


def texture(seed: int, grain_px: float) -> Any:
    noise = np.random.default_rng(seed).normal(0, 1, (SIDE_PX, SIDE_PX)).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), grain_px)
    return blurred / blurred.std()


def shifted(picture: Any, by_px: Any, gain: float = 1000, level: float = 9000) -> Any:
    matrix = np.array([[1, 0, by_px[0]], [0, 1, by_px[1]]], np.float32)
    moved = cv2.warpAffine(picture, matrix, (SIDE_PX, SIDE_PX), borderMode=cv2.BORDER_REFLECT)
    return np.clip(gain * moved + level, 0, 65535).astype(np.uint16)


@pytest.mark.parametrize("size_px", [8.0, 20.0, 60.0])
@given(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), st.floats(0.3, 3))
def test_it_is_found_to_a_fraction_of_a_block(
    size_px: float, way: tuple[float, float], gain: float
) -> None:
    picture = texture(1, size_px / 8)
    own = OwnImage(shifted(picture, (0, 0)), AT_PX, size_px)
    by_px = np.array(way) * size_px / 4
    found = own.find(shifted(picture, by_px, 1000 * gain, 30000), AT_PX, size_px / 3)
    assert found is not None
    assert np.hypot(*(found[0] - AT_PX - by_px)) < max(0.3, 0.03 * size_px)
    assert found[1] > 0.85


def test_of_two_alike_the_one_nearer_to_where_it_is_expected_is_found() -> None:
    picture = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    for x in (100, 140):
        cv2.circle(picture, (x, 100), 8, 1.0, -1)
    image = shifted(picture, (0, 0))
    own = OwnImage(image, np.array([100.0, 100.0]), 16)
    for x in (110, 130):
        found = own.find(image, np.array([float(x), 100.0]), 10)
        assert found is not None
        assert abs(found[0][0] - (100 if x < 120 else 140)) < 1


@pytest.mark.parametrize("at_px", [(-500.0, 20.0), (20.0, 1e7), (np.nan, 3.0)])
def test_outside_the_image_nothing_is_found(at_px: tuple[float, float]) -> None:
    image = shifted(texture(1, 3), (0, 0))
    own = OwnImage(image, AT_PX, 20)
    assert own.find(image, np.array(at_px), 5) is None
    assert OwnImage(image, np.array(at_px), 20).find(image, AT_PX, 5) is None


def test_it_is_found_at_the_border() -> None:
    picture = texture(2, 3)
    at_px = np.array([3.0, 236.0])
    own = OwnImage(shifted(picture, (0, 0)), at_px, 20)
    found = own.find(shifted(picture, (2, -3)), at_px, 5)
    assert found is not None
    assert np.hypot(*(found[0] - at_px - (2, -3))) < 1.5


def test_where_all_pixels_are_the_same_nothing_is_found_until_something_is_learned() -> None:
    flat, image = np.full((SIDE_PX, SIDE_PX), 7, np.uint8), shifted(texture(1, 3), (0, 0))
    own = OwnImage(flat, AT_PX, 20)
    assert own.find(image, AT_PX, 5) is None
    own.learn(image, AT_PX, 0.3)
    assert own.find(image, AT_PX, 5) is not None


@pytest.mark.parametrize("level", [0, 7, 255])
def test_nothing_is_like_an_image_without_contrast(level: int) -> None:
    own = OwnImage(shifted(texture(1, 3), (0, 0)), AT_PX, 20)
    flat = np.full((SIDE_PX, SIDE_PX), level, np.uint8)
    assert own.correlation_at(flat, AT_PX) == 0
    found = own.find(flat, AT_PX, 5)
    assert found is None or found[1] == 0


def test_it_learns_what_is_seen_step_by_step() -> None:
    before, after = (shifted(texture(seed, 3), (0, 0)) for seed in (1, 2))
    own = OwnImage(before, AT_PX, 20)
    correlations = []
    for _ in range(8):
        correlations.append(own.correlation_at(after, AT_PX))
        own.learn(after, AT_PX, 0.3)
    assert correlations[0] < 0.4
    assert correlations[-1] > 0.95
    assert sorted(correlations) == correlations

"""Which of the found objects has the body on which a point is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pursuit.models.detections import Detections
from pursuit.models.pointing import body_at

GROUND, SIDE_PX = 100.0, 160


def drawn(*outlines: NDArray[np.int32], grey: float, noise: float = 3.0) -> NDArray[np.uint8]:
    image = np.full((SIDE_PX, SIDE_PX), GROUND, np.float32)
    for outline in outlines:
        cv2.fillPoly(image, [outline], grey)
    image = cv2.GaussianBlur(image, (0, 0), 1)
    image += np.random.default_rng(0).normal(0, noise, image.shape).astype(np.float32)
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


def ellipse(middle: tuple[int, int], axes: tuple[int, int], turn: int) -> NDArray[np.int32]:
    return np.array(cv2.ellipse2Poly(middle, axes, turn, 0, 360, 3), np.int32)


def found(*outlines: NDArray[np.int32]) -> Detections:
    boxes_px = [[*(one.min(axis=0) - 0.5), *(one.max(axis=0) + 0.5)] for one in outlines]
    return Detections.of(np.array(boxes_px).reshape(-1, 4), [0.5] * len(boxes_px))


@settings(max_examples=60, deadline=None)
@given(
    turn=st.integers(0, 179),
    long=st.integers(12, 45),
    wide=st.integers(6, 12),
    share=st.floats(-0.85, 0.85),
    grey=st.sampled_from([60.0, 160.0]),
)
def test_every_place_along_a_body_is_on_it(
    turn: int, long: int, wide: int, share: float, grey: float
) -> None:
    body, other = ellipse((80, 80), (long, wide), turn), ellipse((20, 140), (9, 9), 0)
    image = drawn(body, other, grey=grey)
    along = share * long * np.array([np.cos(np.radians(turn)), np.sin(np.radians(turn))])
    x, y = (np.array([80, 80]) + along).tolist()
    assert body_at(image, (x, y), found(other, body)) == 1


@pytest.mark.parametrize("at_px", [(150.0, 20.0), (80.0, 30.0), (-40.0, 80.0), (1e6, 1e6)])
def test_no_place_beside_a_body_is_on_it(at_px: tuple[float, float]) -> None:
    """(80, 30) is in the box of the body, which lies askew in it."""
    body = ellipse((80, 80), (60, 8), 45)
    assert body_at(drawn(body, grey=160.0), at_px, found(body)) == -1


def test_a_small_object_in_the_box_of_a_large_one_is_itself() -> None:
    body, inner = ellipse((80, 80), (40, 40), 0), ellipse((95, 70), (5, 5), 0)
    image = drawn(body, grey=130.0)
    cv2.circle(image, (95, 70), 5, 220, -1)
    assert body_at(image, (95, 70), found(body, inner)) == 1
    assert body_at(image, (60, 95), found(body, inner)) == 0


def test_of_two_that_touch_neither_is_all_that_is_connected() -> None:
    one, other = ellipse((60, 80), (15, 15), 0), ellipse((88, 80), (15, 15), 0)
    assert body_at(drawn(one, other, grey=160.0), (74, 80), found(one, other)) == -1


def test_nothing_found_and_an_image_that_is_even_have_no_body() -> None:
    body = ellipse((80, 80), (20, 10), 0)
    even = np.full((SIDE_PX, SIDE_PX), 100, np.uint16)
    assert body_at(even, (80, 80), found(body)) == -1
    assert body_at(drawn(body, grey=160.0), (80, 80), Detections.none()) == -1
    assert body_at(even[:8, :8], (4, 4), Detections.of([[-1, -1, 9, 9]], [0.5])) == -1

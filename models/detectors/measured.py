"""What an image shows in a box: how bright the object is and where its centre lies."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .levels import Image

RING_SHARE = 0.25
"""Width of the surroundings that are looked at, in sizes of the box."""

LEAST_RING_PX = 2.0


def brightness_of(image: Image, boxes_px: NDArray[np.float32]) -> NDArray[np.float32]:
    """Signal in boxes above their surroundings, summed over pixels, in grey values.

    Dark objects count positive too. 0 where a box leaves no surroundings.

    Parameters
    ----------
    image : (H, W) uint8 or uint16
    boxes_px : (N, 4) float32
        Inside the image.
    """
    ring = np.maximum(RING_SHARE * (boxes_px[:, 2:] - boxes_px[:, :2]), LEAST_RING_PX)
    inner = _pixels(boxes_px, image)
    outer = _pixels(boxes_px + np.concatenate([-ring, ring], axis=1), image)
    signals = [_signal(image, *pair) for pair in zip(inner, outer, strict=True)]
    return np.array(signals, np.float32)


def _pixels(boxes_px: NDArray, image: Image) -> list[list[int]]:
    """Left, top, right, bottom of the pixels whose centres lie in boxes, the latter exclusive."""
    height, width = image.shape
    bounds = np.ceil(boxes_px).astype(np.int32)
    return np.clip(bounds, 0, [width, height, width, height]).tolist()


def _signal(image: Image, inner: list[int], outer: list[int]) -> float:
    inside, pixels = _sum(image, inner)
    both, all_pixels = _sum(image, outer)
    if pixels in (0, all_pixels):
        return 0.0
    return abs(inside - pixels * (both - inside) / (all_pixels - pixels))


def _sum(image: Image, box: list[int]) -> tuple[float, int]:
    left, top, right, bottom = box
    if left >= right or top >= bottom:
        return 0.0, 0
    return cv2.sumElems(image[top:bottom, left:right])[0], (right - left) * (bottom - top)

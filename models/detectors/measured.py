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
    around = boxes_px + np.concatenate([-ring, ring], axis=1)
    first_pixels = np.maximum(np.ceil(np.stack([boxes_px, around], axis=1)), 0)
    bounds = first_pixels.astype(np.int32).tolist()
    return np.array([_signal(image, inner, outer) for inner, outer in bounds], np.float32)


def _signal(image: Image, inner: list[int], outer: list[int]) -> float:
    inside, pixels = _sum(image, *inner)
    both, all_pixels = _sum(image, *outer)
    if pixels in (0, all_pixels):
        return 0.0
    return abs(inside - pixels * (both - inside) / (all_pixels - pixels))


def _sum(image: Image, left: int, top: int, right: int, bottom: int) -> tuple[float, int]:
    part = image[top:bottom, left:right]
    return (cv2.sumElems(part)[0], part.size) if part.size else (0.0, 0)

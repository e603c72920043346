"""Centre and brightness of the object in a box, from the pixels of the image."""

import cv2
import numpy as np
from numpy.typing import NDArray

from ...arrays import Image

RING_SHARE, LEAST_RING_PX = 0.25, 2.0
"""Width of the frame around a box that is its background, in sizes of the box, and the least.
Chosen: about as many pixels as the box has, near enough not to reach the next object."""

FOOT = 0.3
"""Share of the greatest contrast in a box below which pixels do not count for its centre. Chosen:
above noise and shading, below the outline at half of the contrast."""

MOST_SHIFT = 0.25
"""Greatest distance of a centre from the middle of its box, in sizes of the box. Chosen: further
off, something else in the box is brighter."""

MARGIN_PX = 1
"""Added to a box where its centre is measured: boxes are right to about a pixel."""


def centres_and_brightness(
    image: Image, boxes_px: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Centres of objects, finer than their boxes, and how bright they are.

    The centre is the mean position of the pixels that differ clearly from the surroundings,
    weighted by the difference, bright or dark: a box jumps by a good part of a pixel from image
    to image, its content does not. Brightness is the signal above the surroundings, summed
    over pixels in grey values; dark objects count positive too.

    From boxes (N, 4), which lie inside the image, to centres (N, 2) as (x, y) and brightness (N,),
    0 where a box leaves no surroundings.
    """
    sizes = boxes_px[:, 2:] - boxes_px[:, :2]
    ring = np.maximum(RING_SHARE * sizes, LEAST_RING_PX)
    around = boxes_px + np.concatenate([-ring, ring], axis=1)
    first_pixels = np.maximum(np.ceil(np.stack([boxes_px, around], axis=1)), 0)
    middles = (boxes_px[:, :2] + boxes_px[:, 2:]) / 2
    rows = [
        _measured(image, inner, outer, middle, MOST_SHIFT * size)
        for (inner, outer), middle, size in zip(
            first_pixels.astype(np.int32).tolist(), middles, sizes, strict=True
        )
    ]
    found = np.array(rows, np.float32).reshape(-1, 3)
    return found[:, :2], found[:, 2]


def _measured(
    image: Image, inner: list[int], outer: list[int], middle: NDArray, most_shift: NDArray
) -> tuple[float, float, float]:
    inside, pixels = _sum(image, *inner)
    both, all_pixels = _sum(image, *outer)
    if pixels in (0, all_pixels):
        return (*middle, 0.0)
    background = (both - inside) / (all_pixels - pixels)
    x, y = _centroid(image, inner, background)
    if not (abs(x - middle[0]) <= most_shift[0] and abs(y - middle[1]) <= most_shift[1]):
        x, y = middle
    return x, y, abs(inside - pixels * background)


def _centroid(image: Image, box: list[int], background: float) -> tuple[float, float]:
    """Mean position of clear contrast in a box; NaN if there is none."""
    left, top = max(box[0] - MARGIN_PX, 0), max(box[1] - MARGIN_PX, 0)
    part = image[top : box[3] + MARGIN_PX, left : box[2] + MARGIN_PX]
    contrast = np.abs(cv2.blur(part.astype(np.float32), (3, 3)) - background)
    foot = FOOT * cv2.minMaxLoc(contrast)[1]
    _, weights = cv2.threshold(contrast - foot, 0, 0, cv2.THRESH_TOZERO)
    moments = cv2.moments(weights)
    if moments["m00"] <= 0:
        return np.nan, np.nan
    return left + moments["m10"] / moments["m00"], top + moments["m01"] / moments["m00"]


def _sum(image: Image, left: int, top: int, right: int, bottom: int) -> tuple[float, int]:
    part = image[top:bottom, left:right]
    return (cv2.sumElems(part)[0], part.size) if part.size else (0.0, 0)

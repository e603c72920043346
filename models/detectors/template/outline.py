"""The outline around a point along which grey values change the most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...arrays import Bools, FloatImage

_LEAST_SIDE, _MOST_SIDE = 32, 128
"""Side of the smallest part of the image that is looked at, and that to which larger ones are
averaged, in pixels. Chosen: the first shows an object of a few pixels in its surroundings; with the
second an outline is known to some percent."""

_LEVELS = 16
"""Grey values whose outlines are compared. Chosen on 161 objects of stills: 32 find no more."""

_BLUR = 1.0
"""Standard deviation in pixels of the blur against noise, about that of an objective."""

_NOISE_OF_SLOPE = 0.2
"""Standard deviation of each slope of noise of one after that blur: ``1 / sqrt(8 pi)``."""

_CLEAR = 3.0
"""Least slope along an outline over that of noise. Chosen: Rayleigh's mean is 1.25."""

_TIMES_USUAL = 2.2
"""Least slope along an outline over the median slope around it. Chosen: those of background in
recorded movies mostly have 1.2 to 2, those of objects 2.3 and more."""

_MOST_AT_EDGE = 0.4
"""Most of an outline at the edge of what is looked at. Chosen: half a disc has 0.39, and what has
more is the edge itself."""

_LEAST_DIAMETER = 5.0
"""Of an object, in pixels that are looked at. Chosen: less has no texture to correlate."""

_SOBEL_GAIN = 8
"""Of OpenCV's filter for slopes."""

_NEAR = 1.5
"""Pixels by which an outline may miss the point. Chosen: what a hand does."""

_LENGTH_POWER, _FILLED_POWER = 0.1, 0.5
"""How much the length of an outline counts, and the share of its box that it encloses, against its
slope. Measured on 161 objects of stills (worms, nuclei, blood cells) that no bench shows: 80 % have
their size to a factor of 1.6 with these, 78 % by the slope alone."""


_SURROUNDINGS = 120
"""Shorter side of an image from which what is at a place can be compared with its surroundings.
Chosen: in smaller ones the object may be most of what there is."""


def is_small(image: NDArray) -> bool:
    """Whether an image shows too little of the surroundings to compare a place with them."""
    return min(image.shape) < _SURROUNDINGS


@dataclass(frozen=True, slots=True)
class Outline:
    """Outline of an object.

    Attributes
    ----------
    diameter : float
        Root of the area of its box, in pixels.
    contrast : float
        Mean slope along it, over the median slope around it.
    clearness : float
        Its slope, weighed by its length and by how much of its box it encloses.
    """

    diameter: float
    contrast: float
    clearness: float


def outline_at(image: NDArray, at: tuple[float, float], noise: float) -> Outline | None:
    """Find the outline of the object at a point: the clearest one around it.

    Outlines are those of what is brighter, and of what is darker, than a grey value; holes are
    filled. They are sought in squares around the point, each twice as large as the one before.

    Parameters
    ----------
    image : (H, W)
    at : tuple of float
        x and y in pixels.
    noise : float
        Of a pixel, in grey values.

    Returns
    -------
    Outline or None
        None if no outline is clear.
    """
    best: Outline | None = None
    side = _LEAST_SIDE
    while side < 4 * max(image.shape):
        left, top = (max(0, round(value) - side // 2) for value in at)
        part = image[top : top + side, left : left + side]
        factor = max(1, side // _MOST_SIDE)
        height, width = (length // factor for length in part.shape)
        side *= 2
        if min(height, width) < _LEAST_DIAMETER:
            continue
        whole = part[: height * factor, : width * factor].astype(np.float32)
        work = np.empty((height, width), np.float32)
        cv2.resize(whole, (width, height), dst=work, interpolation=cv2.INTER_AREA)
        x, y = ((v - low + 0.5) / factor - 0.5 for v, low in zip(at, (left, top), strict=True))
        found = _clearest(work, (x, y), noise / factor, is_small(image))
        if found is None or (best and found.clearness / factor <= best.clearness):
            continue
        best = Outline(found.diameter * factor, found.contrast, found.clearness / factor)
    return best


def _clearest(
    work: FloatImage, at: tuple[float, float], noise: float, fills: bool
) -> Outline | None:
    """Find the clearest outline around a point, if any is clear.

    If it ``fills`` the image, neither the edge nor the usual slope tells anything of it.
    """
    blurred = cv2.GaussianBlur(work, (0, 0), _BLUR, borderType=cv2.BORDER_REFLECT)
    across, down = (cv2.Sobel(blurred, cv2.CV_32F, x, 1 - x) / _SOBEL_GAIN for x in (1, 0))
    slope = np.hypot(across, down)
    slope[[0, -1]] = slope[:, [0, -1]] = 0
    low, high = np.percentile(blurred, [0.5, 99.5])
    usual = max(float(np.median(slope)), _NOISE_OF_SLOPE * noise)
    least = max(_CLEAR * _NOISE_OF_SLOPE * noise, 0.0 if fills else _TIMES_USUAL * usual)
    best: Outline | None = None
    for level in np.linspace(low, high, _LEVELS + 2)[1:-1]:
        for outline in (*_outlines(blurred > level), *_outlines(blurred < level)):
            _, _, width, height = cv2.boundingRect(outline)
            size = float(np.sqrt(width * height))
            if size < _LEAST_DIAMETER or cv2.pointPolygonTest(outline, at, True) < -_NEAR:
                continue
            columns, rows = outline[:, 0].T
            if not fills and _at_edge(rows, columns, work.shape) > _MOST_AT_EDGE:
                continue
            mean = float(slope[rows, columns].mean())
            filled = cv2.contourArea(outline) / (width * height)
            clearness = mean * len(outline) ** _LENGTH_POWER * filled**_FILLED_POWER
            if mean > least and (best is None or clearness > best.clearness):
                best = Outline(size, mean / usual, clearness)
    return best


def _at_edge(rows: NDArray, columns: NDArray, shape: tuple[int, ...]) -> float:
    """Share of the pixels of an outline at the edge of an image."""
    last_row, last_column = shape[0] - 1, shape[1] - 1
    vertical = (columns == 0) | (columns == last_column)
    return float((vertical | (rows == 0) | (rows == last_row)).mean())


def _outlines(mask: Bools) -> Sequence[NDArray]:
    """Outer outlines of what is true in a mask, each (N, 1, 2) int32, as x and y."""
    return cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]

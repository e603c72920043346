"""Which object is meant where somebody points."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import ArrayLike

from .arrays import Floats, Image
from .boxes import areas, intersection_over_union, shared_areas
from .detections import Detections

INNER, BODY = 0.35, 0.7
"""Distances, in sizes, from the middle of an object: within its inner half, and within its box, the
half diagonal."""
_ERROR = 0.25
"""Standard deviation, in sizes of the object, of where people point at one, along one axis. Chosen:
four of five points are in its inner half."""
_LEAST_SCORE = 1e-3
"""Keeps logarithms finite. Chosen: below any score of use."""
_LEAST_SIZE = 1e-6
"""Keeps ratios finite: below any size, in µm or pixels."""
_AIM_PX = 2
"""By how many pixels a hand may miss a body (chosen)."""
_AROUND, _LEAST_AROUND_PX = 0.4, 3
"""Width of the surroundings of a box, in its sizes, and the least. Chosen: a body that goes on
beyond the box is seen to do so, and few others are in it."""
_BLUR_PX = 1.0
"""Standard deviation of the blur against noise, about that of an objective."""
_LEAST_SIGNAL = 4.0
"""Least contrast of a body at the point, in standard deviations of its surroundings. Chosen: one
place in ten thousand shows that by chance."""
_OUTLINE = 0.5
"""Share of the contrast at the point at which the body ends: a blurred edge is at half of it."""
_SAME = 0.5
"""Least intersection over union of the boxes of a body and of a detection of it (as usual)."""
_APART = 0.5
"""Share of the smaller of two boxes below which they are of different objects if they share no
more (chosen)."""


def pointing_costs(
    point: ArrayLike, places: ArrayLike, sizes: ArrayLike, scores: ArrayLike, reach: float
) -> Floats:
    """How unlikely it is, (N,), that each of N objects is the one that is pointed at.

    Twice a negative log likelihood, but for a constant: of how far the point is from the middle,
    and of how surely there is an object. Infinite beyond ``reach`` sizes.

    Parameters
    ----------
    point : (2,)
    places, sizes, scores : (N, 2), (N,), (N,)
        In the unit of the point; scores 0 to 1.
    """
    at, extents = np.asarray(places, np.float64).reshape(-1, 2), np.asarray(sizes, np.float64)
    errors = np.hypot(*(at - np.asarray(point)).T) / np.maximum(extents, _LEAST_SIZE)
    costs = (errors / _ERROR) ** 2 - 2 * np.log(np.maximum(scores, _LEAST_SCORE))
    return np.where(errors < reach, costs, np.inf)


def body_at(image: Image, point_px: tuple[float, float], found: Detections) -> int:
    """Tell the detection on whose body a point is, however far from its middle.

    Long bodies are often pointed at near an end, others near their rim. Of each detection in
    whose box the point is, what is connected with the point and has at least half of its contrast
    must fill the box; where it fills those of two objects, they touch.

    Parameters
    ----------
    image : (H, W)
    point_px : tuple of float
        x and y.
    found : Detections
        In the image.

    Returns
    -------
    int
        Its row; -1 if there is none, or they touch.
    """
    point, boxes_px = np.asarray(point_px), found.boxes_px
    there = (boxes_px[:, :2] - _AIM_PX <= point) & (point <= boxes_px[:, 2:] + _AIM_PX)
    rows = np.flatnonzero(there.all(axis=1))
    filled = np.array([_filled(image, point_px, box_px) for box_px in boxes_px[rows].tolist()])
    rows, filled = rows[filled > _SAME], filled[filled > _SAME]
    if not len(rows):
        return -1
    best = int(rows[filled.argmax()])
    shared = shared_areas(boxes_px[best], boxes_px[rows])
    apart = shared < _APART * np.minimum(areas(boxes_px[best]), areas(boxes_px[rows]))
    return -1 if apart.any() else best


def _filled(image: Image, point_px: tuple[float, float], box_px: list[float]) -> float:
    """Intersection over union of a box with that of the body at a point; 0 without a body."""
    left, top, right, bottom = box_px
    around = _AROUND * math.sqrt(max((right - left) * (bottom - top), 0.0)) + _LEAST_AROUND_PX
    x0, y0 = (max(math.floor(low - around), 0) for low in (left, top))
    x1, y1 = (math.ceil(high + around) + 1 for high in (right, bottom))
    part = cv2.GaussianBlur(image[y0:y1, x0:x1].astype(np.float32), (0, 0), _BLUR_PX)
    surroundings = np.ones(part.shape, np.bool_)
    rows = slice(max(math.floor(top) - y0, 0), math.ceil(bottom) + 1 - y0)
    surroundings[rows, max(math.floor(left) - x0, 0) : math.ceil(right) + 1 - x0] = False
    if not surroundings.any():
        return 0.0
    level = float(np.median(part[surroundings]))
    noise = 1.4826 * float(np.median(np.abs(part[surroundings] - level)))
    part -= level
    column, row = (round(at) - low for at, low in zip(point_px, (x0, y0), strict=True))
    row0, column0 = max(row - _AIM_PX, 0), max(column - _AIM_PX, 0)
    near = part[row0 : row + _AIM_PX + 1, column0 : column + _AIM_PX + 1]
    if not near.size:
        return 0.0
    row, column = np.unravel_index(int(np.abs(near).argmax()), near.shape)
    signal = float(near[row, column])
    if abs(signal) <= _LEAST_SIGNAL * noise:
        return 0.0
    body = (part * np.sign(signal) >= _OUTLINE * abs(signal)).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(body, connectivity=8)
    x, y, width, height, _ = stats[labels[row0 + row, column0 + column]].tolist()
    own = np.array([x, y, x + width, y + height]) + np.array([x0, y0, x0, y0]) - 0.5
    return float(intersection_over_union(own, np.array(box_px)))

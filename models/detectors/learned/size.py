"""How large the objects are, if nobody says: what a network finds alike at several scales."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...arrays import Bools, Floats, Image
from ...boxes import areas, intersection_over_union, shared_areas
from ...pointing import INNER, pointing_costs
from .decoding import ScoredBoxes
from .heads import Shape
from .tiles import COVERED, EDGE_SHARE

FACTORS: tuple[float, ...] = tuple(2 ** (half / 2) for half in range(1, -6, -1))
"""Factors of scale at which an image is looked at: 1.41 to 0.18. Chosen: in steps by which a
network that stands a factor of 1.6 either way sees an object at three of them; more than 1.41
shows little new and costs most."""

TRIAL_PX = 512
"""Edge of the part of an image that is looked at. Chosen: it holds several objects of any size
that the network knows."""

TRIAL_SCORE = 0.1
"""Least score, whatever score is wanted of detections. Chosen: of brightfield cells, which score
low; with 0.25 the precision is the same within 0.01 on images of the training."""

LARGEST_PX, LARGEST_SHARE = 200.0, 0.8
"""Larger boxes do not count, nor those with a larger share of the shorter side of that part: at a
small scale the field itself looks like an object (at 0.18 in every eighth image of worms on round
plates). Chosen: about what the smallest scale shows at the usual size of training. In fields of
160 px with blood cells of 100 px, a share of 0.5 left the right size in a quarter of them, 0.8 in
three quarters."""

SAME_IOU = 0.5
"""Boxes of two scales that overlap more are one object. The least overlap at which COCO counts a
box as found; 0.4 and 0.6 changed mAP50 by less than 0.02 on images of the training."""

MOST_BOXES = 150
"""Of each scale the best are compared. Chosen: the time grows with the square, and that many tell
the size."""

OTHER_SIZE = 1.6
"""Objects of a size that differs by that factor from the one found contradict it: by as much sizes
vary in training."""


SHOWN_LARGER = 1.2
"""Objects whose size was found are shown that much larger than ones whose size is told: of objects
of several sizes the large ones weigh more. On images of the training, 1.25 was better than 1.0 by
0.01 to 0.05 in mAP50 for the shipped YOLO, worse than 1.12 by up to 0.1 for the SSD: between."""


LEAST_SUPPORT = 0.1
"""Mean, over the scales, of the scores of an object that is surely seen. Chosen: of nuclei and
blood cells in images that `pursuit bench movies` does not use, nine of ten have more. The surest of
a field has more in all of 64 images of the training and in 111 of 112 rendered ones, in
noise of four kinds 0.07 at most."""

_PER_SIZE = 2.0
"""Cost of an object at the point that is e times as large as another there. Evenly strewn points
would give 4; chosen by 361 points on rendered frames and on stills that `pursuit bench movies` does
not use, where 0, 1, 2 and 3 gave 83.5, 84.3, 85.1 and 84.8 % of the sizes to a factor of 1.6, and
82.2 % if objects in larger ones do not count, with a YOLO trained on more kinds of frames."""

Point = tuple[float, float]
"""(x, y) in pixels."""


class Size(NamedTuple):
    """What was found out.

    Attributes
    ----------
    px : float
        Typical size of the objects, root of the area of their boxes.
    factor : float
        Of `FACTORS`, the one at which they are seen best.
    is_of_one : bool
        Whether it is that of the object that was pointed at.
    """

    px: float
    factor: float
    is_of_one: bool = False


def part_around(image: Image, point_px: Point | None) -> tuple[Image, Point]:
    """Part of an image in which the size is looked for, and where (x, y) in it the point is.

    Without a point it is the middle of the image.
    """
    point_px = point_px or ((image.shape[1] - 1) / 2, (image.shape[0] - 1) / 2)
    height, width = (min(size, TRIAL_PX) for size in image.shape)
    top, left = (
        int(min(max(at - size / 2, 0), whole - size))
        for at, size, whole in zip(point_px[::-1], (height, width), image.shape, strict=True)
    )
    part = image[top : top + height, left : left + width]
    return part, (point_px[0] - left, point_px[1] - top)


def find_size(
    found: Sequence[ScoredBoxes], part: Shape, field: Shape, point_px: Point | None = None
) -> Size | None:
    """Find out the typical size of the objects; None if none is surely seen.

    An object is found as a whole at neighbouring scales, in the same box and as the same class;
    what is found of its parts changes from scale to scale. So a box has support: the sum, over
    the scales, of the best score that one like it has, times their overlap. The boxes with most
    support are the objects, and others that overlap with one, or lie in it, are not. Each counts
    by its support and edge, as a few whole ones outweigh the many parts that are left.

    Parameters
    ----------
    found : sequence of ScoredBoxes
        At each of `FACTORS`, best first; boxes in pixels of the part.
    part, field : tuple of int
        Height and width of the part of an image that was looked at, and of the image.
    point_px : (x, y), optional
        Where in the part an object is pointed at: if one is there, its size is the one.
    """
    counting = [boxes.pick(_whole(boxes.boxes, part, field)) for boxes in found]
    counting = [boxes.pick(np.arange(min(len(boxes.scores), MOST_BOXES))) for boxes in counting]
    boxes, scores, classes = (np.concatenate(column) for column in zip(*counting, strict=True))
    if not len(scores):
        return None
    scale = np.repeat(np.arange(len(found)), [len(each.scores) for each in counting])
    overlap = intersection_over_union(boxes[:, None], boxes)
    alike = (overlap > SAME_IOU) & (classes[:, None] == classes)
    seen = np.where(alike, overlap * scores, 0)
    best = np.stack([seen[:, scale == i].max(axis=1, initial=0) for i in range(len(found))], axis=1)
    support = best.sum(axis=1)
    if support.max() < LEAST_SUPPORT * len(FACTORS):
        return None
    pointed = np.empty(0, np.intp)
    if point_px is not None:
        pointed = _on_point(boxes, support, point_px)
    objects = pointed if len(pointed) else _objects(boxes, overlap, support)
    sizes_px = np.sqrt(areas(boxes[objects]))
    weights = best[objects].sum(axis=1) * sizes_px
    factor = FACTORS[int((best[objects] * sizes_px[:, None]).sum(axis=0).argmax())]
    return Size(_weighted_median(sizes_px, weights), factor, bool(len(pointed)))


def fits(found: ScoredBoxes, size: Size) -> bool:
    """Say whether there are objects, of about that typical size; boxes in image pixels.

    If it is the size of one, the others may be larger or smaller.
    """
    if size.is_of_one or not len(found.scores):
        return len(found.scores) > 0
    sizes_px = np.sqrt(areas(found.boxes))
    typical_px = _weighted_median(sizes_px, found.scores * sizes_px)
    return size.px / OTHER_SIZE < typical_px < size.px * OTHER_SIZE


def _whole(boxes: NDArray[np.float32], part: Shape, field: Shape) -> Bools:
    """Which boxes are neither cut by the border of the part nor as large as it."""
    height, width = part
    sizes = boxes[:, 2:] - boxes[:, :2]
    most_px = min(LARGEST_PX, LARGEST_SHARE * min(part))
    small = (sizes > 0).all(axis=1) & (np.sqrt(areas(boxes)) < most_px)
    ways = np.concatenate([boxes[:, :2] + 0.5, (width - 0.5, height - 0.5) - boxes[:, 2:]], axis=1)
    inner = np.tile(np.array(part[::-1]) < field[::-1], 2)
    return small & ~(inner & (ways < EDGE_SHARE * np.tile(sizes, 2))).any(axis=1)


def _objects(boxes: NDArray, overlap: NDArray, support: NDArray) -> NDArray[np.intp]:
    """Rows of boxes that stand for an object, those with most support first."""
    area = areas(boxes)
    shared = shared_areas(boxes[:, None], boxes)
    taken = (overlap > SAME_IOU) | (shared > COVERED * np.minimum(area[:, None], area))
    free, rows = np.ones(len(boxes), np.bool_), []
    for row in np.argsort(-support, kind="stable").tolist():
        if free[row]:
            rows.append(row)
            free &= ~taken[row]
    return np.array(rows, np.intp)


def _on_point(boxes: NDArray, support: NDArray, point_px: Point) -> NDArray[np.intp]:
    """Row of the object that is pointed at, (1,); none, (0,), if none is surely seen there.

    It may lie in a larger one: who points at its middle hardly means that one.
    """
    support = support / len(FACTORS)
    middles, sizes_px = (boxes[:, :2] + boxes[:, 2:]) / 2, np.sqrt(areas(boxes))
    costs = pointing_costs(point_px, middles, sizes_px, support, INNER)
    costs += _PER_SIZE * np.log(np.maximum(sizes_px, 1.0))
    on = np.flatnonzero(np.isfinite(costs) & (support >= LEAST_SUPPORT))
    return on[costs[on].argsort(kind="stable")[:1]]


def _weighted_median(values: Floats | NDArray, weights: Floats | NDArray) -> float:
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(reached, reached[-1] / 2)])

"""Reads what a network says: raw outputs to boxes, scores and classes; suppresses doubles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from ...errors import ModelError

Head = Literal["yolo", "yolo-nms-free", "ssd"]
Shape = tuple[int, ...]

MOST_CANDIDATES = 4096
"""Of more boxes than that the best are looked at, which bounds time and memory."""


class Found(NamedTuple):
    """Boxes of one network input, best first.

    Attributes
    ----------
    boxes : (N, 4) float32
        Left, top, right, bottom in pixels of the input; 0 is the left edge of the first pixel.
    scores : (N,) float32
    classes : (N,) int32
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int32]

    def pick(self, which: NDArray) -> Found:
        """Return some of the rows: a mask or indices."""
        return Found(self.boxes[which], self.scores[which], self.classes[which])


def head_of(shapes: Sequence[Shape], classes: int) -> Head:
    """Tell the head by the shapes of the outputs.

    Parameters
    ----------
    shapes : sequence of tuple of int
        As the model declares them, -1 where a size is free.
    classes : int
        Number of classes.

    Raises
    ------
    ModelError
        If no head has such outputs.
    """
    if all(len(shape) == 3 for shape in shapes):
        if len(shapes) == 1 and shapes[0][1] == 4 + classes:
            return "yolo"
        if len(shapes) == 1 and shapes[0][2] == 6:
            return "yolo-nms-free"
        if len(shapes) == 2 and (shapes[0][2], shapes[1][2]) == (4, classes):
            return "ssd"
    said = " and ".join(str(shape) for shape in shapes)
    raise ModelError(
        f"its outputs {said} are not those of a detector of {classes} classes: "
        "export a YOLO (task detect) or SSD model, with the card that belongs to it"
    )


def decode(
    outputs: Sequence[NDArray], head: Head, least: NDArray[np.float32], iou: float, limit: int
) -> Found:
    """Read the raw outputs of one input.

    A box has one class, the likeliest one.

    Parameters
    ----------
    outputs : sequence of arrays
        As :class:`~..card.ModelCard` describes them for this head.
    head : {"yolo", "yolo-nms-free", "ssd"}
    least : (classes,) float32
        Scores from which a box of a class counts.
    iou : float
        Boxes of one class that overlap more are one object; not for ``yolo-nms-free``.
    limit : int
        Most boxes to return.
    """
    if head == "yolo-nms-free":
        return _best(_rows(outputs[0][0], least), limit)
    if head == "yolo":
        found = _likeliest(outputs[0][0, 4:], outputs[0][0, :4].T, least)
        found = found._replace(boxes=_corners(found.boxes))
    else:
        found = _likeliest(outputs[1][0].T, outputs[0][0], least)
    found = _best(found, MOST_CANDIDATES)
    return found.pick(suppress(found, iou)[:limit])


def suppress(found: Found, iou: float) -> NDArray[np.intp]:
    """Of boxes that overlap, keep the best: greedy non-maximum suppression in each class.

    Parameters
    ----------
    found : Found
        Best first.
    iou : float
        A box is left out if its intersection over union with a better one that is kept is
        larger.

    Returns
    -------
    (K,) intp
        Rows that are kept, best first.
    """
    if len(found.scores) < 2:
        return np.arange(len(found.scores))
    sized = found.boxes.astype(np.float64)
    sized[:, 2:] -= sized[:, :2]
    kept = cv2.dnn.NMSBoxesBatched(
        cast(Sequence, sized), cast(Sequence, found.scores), cast(Sequence, found.classes), -1, iou
    )
    return np.asarray(kept, np.intp)


def overlaps(a: NDArray, b: NDArray) -> NDArray:
    """Intersection areas of boxes (..., 4) with boxes (..., 4)."""
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    return np.maximum(sides, 0).prod(axis=-1)


def areas(boxes: NDArray) -> NDArray:
    """Areas of boxes (..., 4)."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def _likeliest(scores: NDArray, boxes: NDArray, least: NDArray[np.float32]) -> Found:
    """Boxes (N, 4) that count, with the likeliest of their classes by scores (classes, N)."""
    scores = np.ascontiguousarray(scores)
    at = (scores.max(axis=0) >= least.min()).nonzero()[0]
    classes = scores[:, at].argmax(axis=0).astype(np.int32)
    return _counting(Found(boxes[at], scores[classes, at], classes), least)


def _rows(rows: NDArray, least: NDArray[np.float32]) -> Found:
    """Boxes that count of rows (N, 6): corners, score, class."""
    rows = rows[rows[:, 4] >= least.min()]
    rows = rows[(rows[:, 5] >= 0) & (rows[:, 5] < len(least))]
    return _counting(Found(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int32)), least)


def _counting(found: Found, least: NDArray[np.float32]) -> Found:
    """Boxes that are finite and score enough for their class."""
    sure = found.scores >= least[found.classes]
    return found.pick(sure & np.isfinite(found.boxes).all(axis=1))


def _best(found: Found, limit: int) -> Found:
    """Sort by score, equal ones as they came, and cut off."""
    return found.pick(np.argsort(-found.scores, kind="stable")[:limit])


def _corners(centred: NDArray) -> NDArray:
    """Turn centre, width and height into left, top, right and bottom."""
    centres, halves = centred[:, :2], centred[:, 2:] / 2
    return np.concatenate([centres - halves, centres + halves], axis=1)

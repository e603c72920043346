"""Reads the raw outputs of a network: boxes, scores and classes, without duplicates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from .heads import Head

MOST_CANDIDATES = 4096
"""Of more boxes than that the best are read, which bounds time and memory. Chosen: four times as
many as a detector returns by default; on a GPU the matrix of their overlaps takes 0.2 GB."""


class ScoredBoxes(NamedTuple):
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

    def pick(self, which: NDArray) -> ScoredBoxes:
        """Return some of the rows: a mask or indices."""
        return ScoredBoxes(self.boxes[which], self.scores[which], self.classes[which])


@dataclass(frozen=True, slots=True, eq=False)
class Thresholds:
    """Which boxes count.

    Attributes
    ----------
    scores : (classes,) float32
        Least score of a box of each class.
    iou : float
        Boxes of one class that overlap more are one object; not for heads whose boxes are
        not to be suppressed.
    most : int
        Most boxes of an input.
    """

    scores: NDArray[np.float32]
    iou: float
    most: int


def decode(
    outputs: Sequence[NDArray], head: Head, thresholds: Thresholds, size: tuple[int, int]
) -> ScoredBoxes:
    """Read the raw outputs for one input, as :class:`~..card.ModelCard` describes them.

    A box has one class, the likeliest one. The size (height, width) is that of the input.
    """
    least = thresholds.scores
    if head == "yolo-nms-free":
        return _best(_rows(outputs[0][0], least), thresholds.most)
    if head == "ssd":
        found = _likeliest(outputs[1][0].T, outputs[0][0], least)
    elif head == "yolo":
        found = _likeliest(outputs[0][0, 4:], outputs[0][0, :4].T, least)
    elif head == "yolo-objectness":
        rows = outputs[0][0]
        found = _likeliest(rows[:, 5:].T * rows[:, 4], rows[:, :4], least)
    else:
        rows, (height, width) = outputs[0][0], size
        sides = np.array([width, height, width, height], np.float32)
        found = _likeliest(rows[:, 4:].T, rows[:, :4] * sides, least)
    if head != "ssd":
        found = found._replace(boxes=_corners(found.boxes))
    if head == "rt-detr":
        return _best(found, thresholds.most)
    found = _best(found, MOST_CANDIDATES)
    return found.pick(nms(found, thresholds.iou)[: thresholds.most])


def nms(found: ScoredBoxes, iou: float) -> NDArray[np.intp]:
    """Greedy non-maximum suppression in each class: of boxes that overlap the best stays.

    Returns the rows that are kept, (K,), of boxes that come best first: those whose intersection
    over union with a better one that is kept is at most ``iou``.
    """
    if len(found.scores) < 2:
        return np.arange(len(found.scores))
    sized = found.boxes.astype(np.float64)
    sized[:, 2:] -= sized[:, :2]
    kept = cv2.dnn.NMSBoxesBatched(
        cast(Sequence, sized), cast(Sequence, found.scores), cast(Sequence, found.classes), -1, iou
    )
    return np.asarray(kept, np.intp)


def _likeliest(scores: NDArray, boxes: NDArray, least: NDArray[np.float32]) -> ScoredBoxes:
    """Boxes (N, 4) that count, with the likeliest of their classes by scores (classes, N)."""
    scores = np.ascontiguousarray(scores)
    at = (scores.max(axis=0) >= least.min()).nonzero()[0]
    classes = scores[:, at].argmax(axis=0).astype(np.int32)
    return _counting(ScoredBoxes(boxes[at], scores[classes, at], classes), least)


def _rows(rows: NDArray, least: NDArray[np.float32]) -> ScoredBoxes:
    """Boxes that count of rows (N, 6): corners, score, class."""
    rows = rows[rows[:, 4] >= least.min()]
    rows = rows[(rows[:, 5] >= 0) & (rows[:, 5] < len(least))]
    return _counting(ScoredBoxes(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int32)), least)


def _counting(found: ScoredBoxes, least: NDArray[np.float32]) -> ScoredBoxes:
    """Boxes that are finite and score enough for their class."""
    sure = found.scores >= least[found.classes]
    return found.pick(sure & np.isfinite(found.boxes).all(axis=1))


def _best(found: ScoredBoxes, limit: int) -> ScoredBoxes:
    """Sort by score, equal ones as they came, and cut off."""
    return found.pick(np.argsort(-found.scores, kind="stable")[:limit])


def _corners(centred: NDArray) -> NDArray:
    """Turn centre, width and height into left, top, right and bottom."""
    centres, halves = centred[:, :2], centred[:, 2:] / 2
    return np.concatenate([centres - halves, centres + halves], axis=1)

"""Objects that a detector found in one image: a struct of arrays, validated once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .boxes import intersection_over_union

_SAME = 0.5
"""Intersection over union from which two boxes are of the same object (as usual)."""


class BoxConvention(NamedTuple):
    """What a detector's boxes say where two objects overlap, in sizes of one object.

    The defaults are for the detector of blobs. With it, pairs of simulated Gaussian spots of 12 px
    at distances of 0.3 to 2.4 sizes gave 10 (two thirds of the boxes: 8.7 to 13), 0.25 and 0.07.

    Attributes
    ----------
    per_variance : float
        Square of a box's edge over the variance of the light along it. 8 for the disc that
        stands for a Gaussian: its radius squared is the variance of both axes together.
    gap_error : float
        Error of the distance of two objects that the edges of their common box tell.
    bias : float
        How far two boxes side by side are shifted by each other's light.
    """

    per_variance: float = 8.0
    gap_error: float = 0.3
    bias: float = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Objects found in one image.

    Attributes
    ----------
    boxes_px : (N, 4) float32
        Left, top, right, bottom in pixels; the centre of the top left pixel is (0, 0).
    scores : (N,) float32
        Confidence, 0 to 1.
    classes : (N,) int32
        Index of the class.
    centres_px : (N, 2) float32
        Sub-pixel centre as (x, y); the middle of the box unless the detector finds a better one.
    brightness : (N,) float32
        Integrated signal above the local background, in grey values; 0 if unknown.
    masks : tuple of (height, width) bool, optional
        For each object which pixels of its box are its own. The box then runs along the edges
        of pixels: mask pixel ``[0, 0]`` is the image's ``(left + 0.5, top + 0.5)``. None if the
        detector has no masks.
    convention : BoxConvention
        Of the detector.
    """

    boxes_px: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int32]
    centres_px: NDArray[np.float32]
    brightness: NDArray[np.float32] = field(repr=False)
    masks: tuple[NDArray[np.bool_], ...] | None = field(default=None, repr=False)
    convention: BoxConvention = field(default=BoxConvention(), repr=False)

    @classmethod
    def of(
        cls,
        boxes_px: ArrayLike,
        scores: ArrayLike | None = None,
        classes: ArrayLike | None = None,
        centres_px: ArrayLike | None = None,
        brightness: ArrayLike | None = None,
        masks: Sequence[ArrayLike] | None = None,
    ) -> Detections:
        """Validate arrays of matching length and drop rows that are not finite or inside out.

        Raises
        ------
        ValueError
            If lengths differ, boxes are not (N, 4), or a mask does not cover its box.
        """
        boxes = np.asarray(boxes_px, dtype=np.float32).reshape(-1, 4)
        n = len(boxes)
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2 if centres_px is None else centres_px
        columns: list[NDArray] = [
            boxes,
            _column(scores, n, np.float32, 1.0),
            _column(classes, n, np.int32, 0),
            np.asarray(centres, dtype=np.float32).reshape(-1, 2),
            _column(brightness, n, np.float32, 0.0),
        ]
        if any(len(column) != n for column in columns) or (masks is not None and len(masks) != n):
            raise ValueError(f"detections need {n} rows in every column")
        good = np.asarray((boxes[:, :2] <= boxes[:, 2:]).all(axis=1))
        for column in columns:
            good &= np.isfinite(column).all(axis=tuple(range(1, column.ndim)))
        if not good.all():
            columns = [column[good] for column in columns]
        checked = None
        if masks is not None:
            checked = _covering(columns[0], [masks[row] for row in range(n) if good[row]])
        boxes, scores, classes, centres, brightness = columns
        return cls(boxes, scores, classes, centres, brightness, checked)

    @classmethod
    def none(cls) -> Detections:
        """Return an empty set: nothing was found."""
        return cls.of(np.empty((0, 4), np.float32))

    @classmethod
    def joined(cls, parts: Sequence[Detections]) -> Detections:
        """Put together what was found in parts of an image; of the same object the first is kept.

        Parts are in coordinates of the image, and of one detector.
        """
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return cls.none()
        masks = [one.masks for one in parts if one.masks is not None]
        every = cls(
            np.concatenate([one.boxes_px for one in parts]),
            np.concatenate([one.scores for one in parts]),
            np.concatenate([one.classes for one in parts]),
            np.concatenate([one.centres_px for one in parts]),
            np.concatenate([one.brightness for one in parts]),
            tuple(mask for some in masks for mask in some) if len(masks) == len(parts) else None,
            parts[0].convention,
        )
        part = np.repeat(np.arange(len(parts)), [len(one) for one in parts])
        overlap = intersection_over_union(every.boxes_px[:, None], every.boxes_px)
        repeated = (overlap > _SAME) & (part[:, None] > part)
        return every.pick(np.flatnonzero(~np.logical_or.reduce(repeated, axis=1)))

    def __len__(self) -> int:
        return len(self.boxes_px)

    def pick(self, which: NDArray[np.bool_] | NDArray[np.integer]) -> Detections:
        """Return some of the rows, masks included: a boolean for each, or indices."""
        rows = np.arange(len(self))[which]
        masks = None if self.masks is None else tuple(self.masks[row] for row in rows)
        return Detections(
            self.boxes_px[rows],
            self.scores[rows],
            self.classes[rows],
            self.centres_px[rows],
            self.brightness[rows],
            masks,
            self.convention,
        )

    def shifted(self, x_px: int, y_px: int) -> Detections:
        """Return them moved: from coordinates of a crop to those of the image it was cut from."""
        by = np.array([x_px, y_px], np.float32)
        boxes, centres = self.boxes_px + np.tile(by, 2), self.centres_px + by
        return replace(self, boxes_px=boxes, centres_px=centres)

    @property
    def sizes_px(self) -> NDArray[np.float32]:
        """Width and height of every box, (N, 2)."""
        return self.boxes_px[:, 2:] - self.boxes_px[:, :2]


def _column(values: ArrayLike | None, n: int, dtype: type, default: float) -> NDArray:
    if values is None:
        return np.full(n, default, dtype)
    return np.asarray(values, dtype=dtype).reshape(-1)


def _covering(boxes: NDArray, masks: Sequence[ArrayLike]) -> tuple[NDArray[np.bool_], ...]:
    """Check that every mask covers exactly the pixels of its box."""
    corners = boxes + 0.5
    if (corners != np.rint(corners)).any():
        raise ValueError(
            "boxes of masks run along the edges of pixels: at whole numbers and a half"
        )
    checked = tuple(np.asarray(mask, dtype=np.bool_) for mask in masks)
    for mask, (left, top, right, bottom) in zip(checked, boxes.tolist(), strict=True):
        if mask.shape != (bottom - top, right - left):
            raise ValueError(
                f"a mask of shape {mask.shape} does not cover its box of "
                f"{bottom - top:g} × {right - left:g} pixels (height × width)"
            )
    return checked

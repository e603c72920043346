"""What a detector saw in one image: a struct of arrays, validated once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray


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
        Sub-pixel centre as (x, y); the middle of the box unless the detector knows better.
    brightness : (N,) float32
        Integrated signal above the local background, in grey values; 0 if unknown.
    """

    boxes_px: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int32]
    centres_px: NDArray[np.float32]
    brightness: NDArray[np.float32] = field(repr=False)

    @classmethod
    def of(
        cls,
        boxes_px: ArrayLike,
        scores: ArrayLike | None = None,
        classes: ArrayLike | None = None,
        centres_px: ArrayLike | None = None,
        brightness: ArrayLike | None = None,
    ) -> Detections:
        """Validate arrays of matching length and drop rows that are not finite or inside out.

        Raises
        ------
        ValueError
            If lengths differ or boxes are not (N, 4).
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
        if any(len(column) != n for column in columns):
            raise ValueError(f"detections need {n} rows in every column")
        good = (boxes[:, :2] <= boxes[:, 2:]).all(1)
        for column in columns:
            good &= np.isfinite(column).all(axis=tuple(range(1, column.ndim)))
        if not good.all():
            columns = [column[good] for column in columns]
        return cls(*columns)

    @classmethod
    def none(cls) -> Detections:
        """Return an empty set: nothing was found."""
        return cls.of(np.empty((0, 4), np.float32))

    def __len__(self) -> int:
        return len(self.boxes_px)

    @property
    def sizes_px(self) -> NDArray[np.float32]:
        """Width and height of every box, (N, 2)."""
        return self.boxes_px[:, 2:] - self.boxes_px[:, :2]


def _column(values: ArrayLike | None, n: int, dtype: type, default: float) -> NDArray:
    if values is None:
        return np.full(n, default, dtype)
    return np.asarray(values, dtype=dtype).reshape(-1)

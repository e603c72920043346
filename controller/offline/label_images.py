"""Detections as images of labels: which pixel belongs to which object."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...models.arrays import Indices
from ...models.detections import Detections

_LEAST_RADIUS_PX = 0.75
"""Of an ellipse. Chosen: the middle of a pixel is never farther than √½ away, so that even the
smallest box has one."""


def label_image(found: Detections, height_px: int, width_px: int) -> NDArray[np.int32]:
    """Label the pixels of objects, (H, W): 1 for the first detection, 0 where there is none.

    An object is its mask; without masks, the ellipse that touches the edges of its box. A pixel
    of several objects belongs to the one with the highest score, so that an object may have none.
    """
    labels = np.zeros((height_px, width_px), np.int32)
    for row in np.argsort(found.scores, kind="stable").tolist():
        rows, columns = _masked(found, row) if found.masks else _ellipse(found.boxes_px[row])
        inside = (rows >= 0) & (rows < height_px) & (columns >= 0) & (columns < width_px)
        labels[rows[inside], columns[inside]] = row + 1
    return labels


def _masked(found: Detections, row: int) -> tuple[Indices, Indices]:
    """Rows and columns of the pixels of a mask."""
    assert found.masks is not None
    left, top = np.rint(found.boxes_px[row, :2] + 0.5).astype(np.intp)
    rows, columns = np.nonzero(found.masks[row])
    return rows + top, columns + left


def _ellipse(box_px: NDArray[np.float32]) -> tuple[Indices, Indices]:
    """Rows and columns of the pixels of an ellipse in a box."""
    corners = box_px.astype(np.float64).reshape(2, 2)
    middle, radii = corners.mean(axis=0), np.maximum(np.ptp(corners, axis=0) / 2, _LEAST_RADIUS_PX)
    first, last = np.ceil(middle - radii).astype(np.intp), np.floor(middle + radii).astype(np.intp)
    columns, rows = (np.arange(first[axis], last[axis] + 1) for axis in (0, 1))
    across = ((columns - middle[0]) / radii[0]) ** 2
    down = ((rows - middle[1]) / radii[1]) ** 2
    inner_rows, inner_columns = np.nonzero(down[:, None] + across <= 1)
    return rows[inner_rows], columns[inner_columns]

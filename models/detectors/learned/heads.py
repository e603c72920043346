"""How a network's outputs are to be read: its head, by their shapes, metadata, and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import ModelError

Head = Literal["yolo", "yolo-nms-free", "yolo-objectness", "rt-detr", "ssd"]
Shape = tuple[int, ...]

_ROUNDING = 0.01
"""By how much what must lie between 0 and 1, or be a whole number, may miss it in 16 bits."""

_INSIDE_OUT = 0.1
"""Share of boxes with negative sizes that is no contradiction. Chosen: YOLO 26 does not bound the
distances of edges (``reg_max`` 1), so that junk may be inside out."""


def head_of(shapes: Sequence[Shape], classes: int) -> tuple[Head, ...]:
    """Heads that have outputs of such shapes, -1 where a size is free, the likeliest first.

    Raises
    ------
    ModelError
        If no head has such outputs for that many classes.
    """
    heads: tuple[Head, ...] = ()
    if len(shapes) == 1 and len(shapes[0]) == 3:
        _, rows, columns = shapes[0]
        fits: dict[Head, bool] = {
            "yolo-nms-free": columns == 6,
            "yolo-objectness": columns == 5 + classes,
            "rt-detr": columns == 4 + classes,
        }
        heads = tuple(head for head, does in fits.items() if does)
        heads = ("yolo",) if rows == 4 + classes else heads
    elif [len(shape) for shape in shapes] == [3, 3]:
        heads = ("ssd",) if (shapes[0][2], shapes[1][2]) == (4, classes) else ()
    if not heads:
        said = " and ".join(str(shape) for shape in shapes)
        raise ModelError(
            f"its outputs {said} are not those of a detector of {classes} classes: "
            "export a YOLO (task detect) or SSD model, with the card that belongs to it"
        )
    return heads


def meant_by(metadata: Mapping[str, str], heads: Sequence[Head]) -> Sequence[Head]:
    """Those of several heads that agree with what ultralytics wrote into a file; all if none."""
    if len(heads) == 1:
        return heads
    if "detr" in metadata.get("description", "").lower():
        said: Head = "rt-detr"
    elif metadata.get("end2end") == "True" or "'nms': True" in metadata.get("args", ""):
        said = "yolo-nms-free"
    else:
        return heads
    return [said] if said in heads else heads


def contradiction(outputs: Sequence[NDArray], head: Head) -> str:
    """Say what in the outputs for an image cannot be if they are to be read in that way.

    Returns
    -------
    str
        Empty if nothing contradicts.
    """
    answer = np.asarray(outputs[0][0], np.float32)
    if not all(np.isfinite(output).all() for output in outputs):
        return "some of its numbers are not finite"
    rows = answer.T if head == "yolo" else answer
    if head != "rt-detr" and 0 < np.abs(rows[:, :4]).max(initial=0.0) <= 1 + _ROUNDING:
        return "boxes are in shares of the picture, not in its pixels"
    if head == "ssd":
        return _not_shares(np.asarray(outputs[1][0]), "scores")
    if head == "yolo-nms-free":
        if (np.abs(rows[:, 5] - np.rint(rows[:, 5])) > _ROUNDING).any() or (rows[:, 5] < -1).any():
            return "the classes are not whole numbers"
        if _often(rows[:, 2:4] < rows[:, :2]):
            return "right edges lie left of left ones"
        return _not_shares(rows[:, 4], "scores")
    if _often(rows[:, 2:4] < 0):
        return "boxes have negative sizes"
    if head == "rt-detr":
        return _not_shares(rows, "places and scores")
    return _not_shares(rows[:, 4:], "scores")


def _often(odd: NDArray[np.bool_]) -> bool:
    """Whether a side of more boxes, (N, 2), than may be is odd."""
    return bool(odd.any(axis=1).mean() > _INSIDE_OUT) if len(odd) else False


def _not_shares(values: NDArray, what: str) -> str:
    low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        return f"{what} go from {low:.3g} to {high:.3g}, not from 0 to 1"
    return ""

"""Areas of boxes and of what they share, in NumPy; boxes are left, top, right, bottom."""

import numpy as np
from numpy.typing import NDArray


def areas(boxes: NDArray) -> NDArray:
    """Areas of boxes (..., 4)."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def shared_areas(a: NDArray, b: NDArray) -> NDArray:
    """Areas of the intersections of boxes (..., 4) with boxes (..., 4)."""
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    return np.maximum(sides, 0).prod(axis=-1)


def intersection_over_union(a: NDArray, b: NDArray) -> NDArray:
    """Shared over joint area of boxes (..., 4) with boxes (..., 4); 0 where both are empty."""
    shared = shared_areas(a, b)
    joint = areas(a) + areas(b) - shared
    return np.divide(shared, joint, out=np.zeros_like(shared), where=joint > 0)

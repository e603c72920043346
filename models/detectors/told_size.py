"""Whether the size that a detector is told is that of what it finds."""

import math

import numpy as np
from numpy.typing import NDArray

_COMPARED = 20
"""Objects whose median size is compared with the diameter that is told. Chosen: few enough for a
session with one object to hear of it within seconds."""


class ToldSize:
    """Compares the diameter that was told with what is found, once.

    Parameters
    ----------
    told_px : float, optional
        If none was told there is nothing to compare.
    most : float
        Factor from which it is wrong.
    meant : str
        What follows of a wrong one, as a clause.
    """

    def __init__(self, told_px: float | None, most: float, meant: str) -> None:
        self._told_px, self._most, self._meant = told_px, most, meant
        self._sizes_px: list[float] = []

    def compare(self, boxes_px: NDArray) -> list[str]:
        """Take in the boxes, (N, 4), of an image; return what a person should know of them."""
        if self._told_px is None or len(self._sizes_px) >= _COMPARED:
            return []
        self._sizes_px += np.sqrt(np.prod(boxes_px[:, 2:] - boxes_px[:, :2], axis=1)).tolist()
        found_px = float(np.median(self._sizes_px)) if self._sizes_px else self._told_px
        ratio = found_px / self._told_px
        if len(self._sizes_px) < _COMPARED or abs(math.log(ratio)) <= math.log(self._most):
            return []
        return [
            f"objects are found with {found_px:.3g} px, but the diameter is set to "
            f"{self._told_px:.3g} px, {self._meant}: set it to {ratio:.2g} times as much"
        ]

"""Which object is meant where somebody points."""

import numpy as np
from numpy.typing import ArrayLike

from .arrays import Floats

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

"""What objects other than the target tell of how the picture answers, where frames are far apart.

The stage makes long ways from one such frame to the next, compared with those of most objects. How
each of them moves by itself is not known, so that one alone tells little.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.spatial import KDTree

from ...models.arrays import Floats
from .displacement_errors import log_likelihoods

_TELLING = 2.0
"""Length of a move, in distances that objects move by themselves, from which they are compared.
Chosen."""
_MOST_OBJECTS = 44
"""Objects in a frame that still tell. Chosen: of more, every other place has one within three such
distances by chance, and a detector that has gone wrong finds thousands."""
_MOST = 1.0
"""Nats that one object may tell. Chosen: some are taken for each other."""


class Seen(NamedTuple):
    """What is in a frame.

    Attributes
    ----------
    at_ns : int
        Middle of the exposure.
    places_px : (N, 2)
        All objects.
    target_px, size_px : (2,) or None, float
        The one that is followed.
    """

    at_ns: int
    places_px: Floats
    target_px: Floats | None
    size_px: float = 0.0


def log_likelihoods_of_others(
    last: Seen, found_px: Floats, shifts_px: Floats, middle_px: Floats, sigma_px: float
) -> Floats | None:
    """Log likelihoods (H,) of hypotheses from the objects of two frames; None if they tell nothing.

    Parameters
    ----------
    last : Seen
        The frame before; its target is left out.
    found_px : (M, 2)
        Objects of this frame.
    shifts_px : (H, 2)
        Shift of the picture that each hypothesis expects, the calibration first.
    middle_px : (2,)
        Middle of a frame.
    sigma_px : float
        How far they move by themselves.
    """
    area_px2 = float(np.prod(2 * middle_px))
    places_px = last.places_px
    if last.target_px is not None:
        places_px = places_px[np.hypot(*(places_px - last.target_px).T) > sigma_px]
    moves_px = float(np.hypot(*shifts_px[0]))
    if not len(places_px) or moves_px < _TELLING * sigma_px:
        return None
    if not 0 < len(found_px) <= _MOST_OBJECTS:
        return None
    wanted_px = places_px + shifts_px[:, None]
    misses_px, _ = KDTree(found_px).query(wanted_px)
    objects_per_px2 = len(found_px) / area_px2
    told = log_likelihoods(misses_px, sigma_px, 2 * sigma_px, objects_per_px2)
    inside = np.all(np.abs(wanted_px - middle_px) < middle_px, axis=-1)
    told = np.where(inside, told, math.log(objects_per_px2))
    summed: Floats = np.maximum(told - told.max(axis=0), -_MOST).sum(axis=1)
    return summed

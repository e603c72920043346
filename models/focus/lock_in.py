"""Lock-in: the way of an object through z, told by the sharpness at dithered focal planes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Floats
from .sharpness import Sharpness

REACH = 3.0
"""How far from the presumed place it is looked for, in widths of the curve."""
FASTEST = 1.0
"""Speed up to which it is looked for, in widths of the curve per image."""
_PLACES, _SPEEDS = 61, 31
_AT_END = 0.01
"""Probability of the ends of the grid beyond which it may lie outside."""
_UNLIKENESS = 0.02
"""How far the logarithm of a real curve lies off that of the model."""
_CHANGE = 0.1
"""Standard deviation of the logarithm of an object's sharpness in focus, from time to time."""


class LockedIn(NamedTuple):
    """Where an object is at the last image.

    Attributes
    ----------
    z_um, sigma_um : float
    log_height : float
        Logarithm of its sharpness in focus.
    """

    z_um: float
    sigma_um: float
    log_height: float


def lock_in(
    times_s: ArrayLike,
    z_um: ArrayLike,
    seen: list[Sharpness],
    width_um: float,
    presumed_um: float,
    log_height: float | None = None,
) -> LockedIn | None:
    """Demodulate the sharpness of some images by the focal positions at which they were taken.

    The likelihood of the sharpnesses is summed over a grid of places and speeds, as with a
    uniform prior of the place; the height of the curve is eliminated. An object that moves
    steadily is thus not mistaken for one that is out of focus. Where none of the grid explains
    them, as in a sudden turn, all is less sure.

    Parameters
    ----------
    times_s, z_um : (N,)
        Instants and focal positions of the images, from old to new.
    seen : list of Sharpness
    width_um : float
        As in `Peak`.
    presumed_um : float
        Where it is about.
    log_height : float, optional
        Logarithm of the sharpness in focus, as told before.

    Returns
    -------
    LockedIn or None
        None if the object may be farther away.
    """
    t, z = np.asarray(times_s, float), np.asarray(z_um, float)
    values, noise = np.array(seen, float).T
    values = np.maximum(values, noise)
    weights = 1 / ((noise / values) ** 2 + _UNLIKENESS**2)
    places_um = presumed_um + np.linspace(-REACH, REACH, _PLACES) * width_um
    fastest = FASTEST * width_um * (len(t) - 1) / max(t[-1] - t[0], 1e-9)
    speeds = np.linspace(-1, 1, _SPEEDS)[:, None, None]
    away = (z - places_um[:, None] - fastest * speeds * (t - t[-1])) / width_um
    heights = np.log(values) + np.log1p(away**2)
    known = 0.0 if log_height is None else _CHANGE**-2
    expected = log_height or 0.0
    total = weights.sum() + known
    mean = (heights @ weights + known * expected) / total
    misfit = np.square(heights - mean[..., None]) @ weights + known * (mean - expected) ** 2
    excess = max(float(misfit.min()) / max(len(t) - 2, 1), 1.0)
    chance = np.exp((misfit.min() - misfit) / (2 * excess) - 2 * speeds[..., 0] ** 2)
    chance /= chance.sum()
    return _moments(places_um, chance, mean)


def _moments(places_um: Floats, chance: Floats, heights: Floats) -> LockedIn | None:
    """Mean and standard deviation of the place; None if they reach the end of the grid."""
    of_places = chance.sum(axis=0)
    if of_places[0] + of_places[-1] > _AT_END:
        return None
    at_um = float(of_places @ places_um)
    step_um = places_um[1] - places_um[0]
    variance = float(of_places @ (places_um - at_um) ** 2) + step_um**2 / 12
    return LockedIn(at_um, variance**0.5, float((chance * heights).sum()))

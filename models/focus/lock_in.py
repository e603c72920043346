"""Lock-in: the position of an object along z from its sharpness at dithered focal planes."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Floats
from .sharpness import Sharpness

_REACH = 3.0
"""How far from the presumed position the grid reaches, in widths of the curve. Chosen: farther away
the sharpness is a tenth of that in focus, and sinks into the noise."""
_FASTEST = 1.0
"""Greatest speed of the grid, in widths of the curve per image. Chosen: what is faster is out of
focus in every second image."""
_PLACES, _SPEEDS = 61, 31
"""Size of the grid: steps of a tenth of the width, and of a fifteenth of it per image."""
_AT_END = 0.01
"""Probability of the ends of the grid above which the object may lie outside of it. Chosen."""
_MODEL_ERROR = 0.02
"""Standard deviation of the logarithm of a real curve from that of the model. Chosen."""
_CHANGE = 0.1
"""Standard deviation of the logarithm of an object's sharpness in focus, from time to time. Chosen:
that of brightness and shape of a living object."""


class LockedIn(NamedTuple):
    """Where an object is at the last image, and the logarithm of its sharpness in focus."""

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
    them, as in a sudden turn, all is less sure. None if the object may be farther away.

    Parameters
    ----------
    times_s, z_um : (N,)
        Instants and focal positions of the images, from old to new.
    width_um : float
        As in `Peak`.
    presumed_um : float
        Where it is presumed to be.
    log_height : float, optional
        Logarithm of the sharpness in focus, as found before.
    """
    t, z = np.asarray(times_s, float), np.asarray(z_um, float)
    values, noise = np.array(seen, float).T
    values = np.maximum(values, noise)
    weights = 1 / ((noise / values) ** 2 + _MODEL_ERROR**2)
    places_um = presumed_um + np.linspace(-_REACH, _REACH, _PLACES) * width_um
    fastest = _FASTEST * width_um * (len(t) - 1) / max(t[-1] - t[0], 1e-9)
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

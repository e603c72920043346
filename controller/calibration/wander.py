"""Wander: how what is seen moves by itself, estimated so that it is not taken for the stage's.

A displacement over time is the stage's, and that of the specimen: in each segment a velocity, a
random walk, and a velocity that wanders (an integrated random walk), all of unknown strength, about
an unknown place. Frames are then weighed by generalised least squares, and standard errors say what
is left of that motion.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

Floats = NDArray[np.float64]

_STRENGTHS = (0.0, *np.geomspace(1e-2, 1e8, 11).tolist())
"""Variances of each motion after 1 s over that of a measurement, to choose from. Chosen: from what
nobody could see to objects that cross a field in a second."""
_LEAST_PX = 0.005
"""Least error of a shift, of the interpolation. Measured on simulated images without noise."""
_ROUNDS = 2
"""Of the search, one motion after the other. Chosen: more change nothing in tests."""


class Series(NamedTuple):
    """Displacements in one segment.

    Attributes
    ----------
    at_s : (N,)
        Middle of the exposures, since the command.
    shift : (N, 2)
    """

    at_s: Floats
    shift: Floats


class Wander(NamedTuple):
    """Variance of a measurement along one axis, and of three motions after 1 s relative to it.

    Attributes
    ----------
    variance : float
        Of a measurement, in px².
    drift, walk, turn : float
        Of a constant velocity, a random walk and an integrated random walk.
    """

    variance: float
    drift: float = 0.0
    walk: float = 0.0
    turn: float = 0.0


def whitening(at_s: Floats, wander: Wander, extra: Floats) -> Floats:
    """Return (N, N): of measurements, what is white with variance 1 and knows no constant.

    Parameters
    ----------
    at_s : (N,)
    wander : Wander
    extra : (N,)
        Variances of other errors, in px².
    """
    lower = _cholesky(at_s, wander, extra / wander.variance)
    inverse = solve_triangular(lower, np.eye(len(at_s)), lower=True)
    constant = inverse.sum(axis=1)
    constant /= np.linalg.norm(constant)
    return (inverse - np.outer(constant, constant @ inverse)) / math.sqrt(wander.variance)


def fit_wander(series: Sequence[Series]) -> Wander:
    """Return the wander that explains series best in which the stage makes at most a step at 0.

    The restricted likelihood (Patterson and Thompson, Biometrika 58:545, 1971), for which places
    and steps do not count, is made greatest along one motion after the other.
    """
    best = Wander(1e-6)
    most = -math.inf
    for _, motion in product(range(_ROUNDS), ("turn", "drift", "walk")):
        for strength in _STRENGTHS:
            tried, likelihood = _likelihood(series, best._replace(**{motion: strength}))
            if likelihood > most:
                best, most = tried, likelihood
    return best


def _likelihood(series: Sequence[Series], wander: Wander) -> tuple[Wander, float]:
    """Return the wander with the best variance of a measurement, and its log likelihood."""
    square = logs = 0.0
    count = 0
    for each in series:
        lower = _cholesky(each.at_s, wander)
        design = _design(each.at_s)
        white = solve_triangular(lower, np.hstack([design, each.shift]), lower=True)
        basis, upper = np.linalg.qr(white[:, : design.shape[1]])
        left = white[:, design.shape[1] :]
        left = left - basis @ (basis.T @ left)
        square += float((left**2).sum())
        logs += 2 * float(np.log(np.diag(lower)).sum() + np.log(np.abs(np.diag(upper))).sum())
        count += 2 * (len(each.at_s) - design.shape[1])
    variance = max(square / max(count, 1), _LEAST_PX**2)
    return wander._replace(variance=variance), -(count * math.log(variance)) / 2 - logs


def jump(series: Series, wander: Wander) -> tuple[Floats, float]:
    """Return the step of a series at 0, (2,), and its variance along one axis."""
    lower = _cholesky(series.at_s, wander)
    white = solve_triangular(lower, np.hstack([_design(series.at_s), series.shift]), lower=True)
    design, seen = white[:, :2], white[:, 2:]
    covariance = np.linalg.inv(design.T @ design)
    solution = covariance @ (design.T @ seen)
    return solution[1], float(covariance[1, 1] * wander.variance)


def _design(at_s: Floats) -> Floats:
    """A constant and a step at 0, (N, 2)."""
    return np.stack([np.ones_like(at_s), (at_s > 0).astype(float)], axis=1)


def _cholesky(at_s: Floats, wander: Wander, extra: Floats | float = 0.0) -> Floats:
    since = at_s - at_s.min()
    early = np.minimum(since[:, None], since)
    late = np.maximum(since[:, None], since)
    covariance = np.diag(np.ones(len(at_s)) + extra)
    covariance += wander.walk * early + wander.drift * np.outer(at_s, at_s)
    covariance += wander.turn * early**2 * (3 * late - early) / 6
    return np.linalg.cholesky(covariance)

"""What passes tell: where the sharpest planes are, backlash, astigmatism, depth of field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from ....models.focus import NoPeak, fit_peak
from ..probe import NotCalibratedError
from .passes import Pass

Floats = NDArray[np.float64]

_LEAST_SIGMA = 0.25
"""Part of the error of a single peak that the scatter of all is taken to be, at least. Chosen: a
few peaks may agree by chance."""
_LEAST_SCATTER = 0.005
"""The same over the half width. Chosen: a twentieth of a step, for images without noise."""
_BLIND = (
    "The curve of sharpness has no clear peak: {}; choose flat objects with contrast, lying still."
)


class Estimate(NamedTuple):
    """A number in µm and its standard error."""

    um: float
    sigma_um: float


class Peaks(NamedTuple):
    """What passes tell, in µm of the drive.

    Attributes
    ----------
    backlash, astigmatism, depth : Estimate
        The depth is that between the planes in which the specimen is half as sharp.
    middle_um : float
        Where the drive is halfway between rows and columns in focus, in the middle of its backlash.
    centres_um, widths_um : (N, 2)
        Peak and half width at half maximum of each pass, for rows and columns.
    heights : (N, 2)
    scatter_um : float
        Standard deviation of a peak.
    """

    backlash: Estimate
    astigmatism: Estimate
    depth: Estimate
    middle_um: float
    centres_um: Floats
    widths_um: Floats
    heights: Floats
    scatter_um: float


def find_peaks(passes: Sequence[Pass], error: float) -> Peaks:
    """Fit a curve to each pass, and compare those up and down.

    Both directions show the same curve, displaced by the backlash. What drifts linearly, and light
    that fades exponentially, are taken out.

    Parameters
    ----------
    passes : sequence of Pass
        Three or more in either direction.
    error : float
        Relative, of a sharpness.

    Raises
    ------
    NotCalibratedError
        If a curve has no peak.
    """
    at_s = np.array([each.at_s for each in passes])
    direction = np.array([each.direction for each in passes])
    heights = np.array([_fit(each, error, 0.0) for each in passes])[..., 2]
    rate = float(np.polyfit(at_s, np.log(heights).mean(axis=1), 1)[0])
    fits = np.array([_fit(each, error, rate) for each in passes])
    centres, widths, heights, sigmas = np.moveaxis(fits, 2, 0)
    terms = np.stack([np.ones(len(at_s)), at_s - at_s.mean(), direction / 2], axis=1)
    least_um = max(_LEAST_SIGMA * float(sigmas.mean()), _LEAST_SCATTER * float(widths.mean()))
    places, covariance, scatter_um = _regress(terms, centres.mean(axis=1), least_um / np.sqrt(2))
    apart, apart2, _ = _regress(terms[:, :1], centres[:, 1] - centres[:, 0], least_um * np.sqrt(2))
    width, width2, _ = _regress(terms[:, :1], widths.mean(axis=1), least_um)
    return Peaks(
        Estimate(float(places[2]), float(np.sqrt(covariance[2, 2]))),
        Estimate(float(apart[0]), float(np.sqrt(apart2[0, 0]))),
        Estimate(2 * float(width[0]), 2 * float(np.sqrt(width2[0, 0]))),
        float(places[0]),
        centres,
        widths,
        heights,
        scatter_um,
    )


def _regress(terms: Floats, values: Floats, least: float) -> tuple[Floats, Floats, float]:
    """Return coefficients, their covariance, and the scatter, which few values tell badly.

    Standard errors are such that two of them are what Student's t is for 95 %.
    """
    inverse = np.linalg.inv(terms.T @ terms)
    found: Floats = inverse @ terms.T @ values
    freedom = len(values) - terms.shape[1]
    left = values - terms @ found
    scatter = max(float(np.sqrt(left @ left / freedom)), least)
    scatter *= float(t.ppf(0.975, freedom) / norm.ppf(0.975))
    return found, np.asarray(inverse * scatter**2, np.float64), scatter


def _fit(each: Pass, error: float, rate: float) -> Floats:
    """Return centre, half width, height and the centre's error, for rows and columns, (2, 4)."""
    middle_s = (np.arange(len(each.z_um)) / max(len(each.z_um) - 1, 1) - 0.5) * each.lasted_s
    steady = each.sharpness * np.exp(-rate * middle_s)[:, None]
    found = []
    for part in (0, 1):
        top = each.top(part)
        curve = steady[top, part]
        peak = fit_peak(each.z_um[top], curve, np.full(len(curve), error * curve.max()))
        if isinstance(peak, NoPeak):
            raise NotCalibratedError(_BLIND.format(peak.reason))
        found.append([peak.z_um, peak.width_um, peak.height, peak.sigma_um])
    return np.array(found)

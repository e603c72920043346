"""Where a curve of sharpness has its peak, and how sure that is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import least_squares

from ..arrays import Floats

LEAST_POINTS = 5
"""Images of a sweep: the curve has three parameters, and two tell how well it fits."""
_LEAST_FALL = 16.0
"""By how much chi² must fall from a flat line to a curve for the curve to be accepted: with its two
more parameters, noise alone does so in 1 of 3,000 sweeps."""
_MODEL_ERROR = 0.1
"""Error of the fitted curve, as a share of how far it has fallen. Chosen: real curves differ."""
_CENTRES, _WIDTHS = 33, (1 / 8, 1 / 4, 1 / 2, 1.0)
"""Number of centres and the widths, in half sweeps, of the grid from which the fit starts. Chosen:
the nearest one is within the range of convergence of the fit."""


@dataclass(frozen=True, slots=True)
class Peak:
    """The best focus.

    Attributes
    ----------
    z_um, sigma_um : float
        Where it is and the standard deviation of that.
    width_um : float
        Distance from it at which the sharpness is half as great.
    height : float
        Sharpness in it.
    """

    z_um: float
    sigma_um: float
    width_um: float
    height: float


@dataclass(frozen=True, slots=True)
class NoPeak:
    """There is no peak in the curve.

    Attributes
    ----------
    reason : str
        Why, for people.
    side : {-1, 0, 1}
        Where it may lie: below the lowest z, anywhere, above the highest.
    """

    reason: str
    side: int = 0


def fit_peak(z_um: ArrayLike, sharpness: ArrayLike, sigma: ArrayLike) -> Peak | NoPeak:
    """Fit a parabola to the inverse of the sharpness, each point weighted by its noise.

    The inverse is used as blur adds in quadrature: its variance is a parabola in z, and the
    energy of slopes goes with a power of the variance between -1/2 (edges) and -2 (points).
    The fit minimises the misfit of the sharpness itself, whose noise is known, also where it
    has sunk into it. The error bar comes from the noise, or from the residuals if they are
    greater.

    Parameters
    ----------
    z_um, sharpness, sigma : (N,)
        Focal positions in any order, sharpness there, its standard deviation. ValueError if they
        are of different lengths.
    """
    z, values, noise = (np.asarray(a, float).ravel() for a in (z_um, sharpness, sigma))
    if not len(z) == len(values) == len(noise):
        raise ValueError("z_um, sharpness and sigma must have one number for each image")
    used = np.isfinite(z) & np.isfinite(values) & np.isfinite(noise) & (noise > 0)
    z, values, noise = z[used], values[used], noise[used]
    if len(z) < LEAST_POINTS or np.ptp(z) <= 0:
        return NoPeak(f"{len(z)} sharpnesses along z are too few: {LEAST_POINTS} are needed")
    noise = np.hypot(noise, _MODEL_ERROR * (values.max() - values))
    middle, reach = float(z.max() + z.min()) / 2, float(np.ptp(z)) / 2
    curve = _fit((z - middle) / reach, values, noise)
    if isinstance(curve, NoPeak):
        return curve
    z_um = middle + reach * curve.z_um
    return Peak(z_um, reach * curve.sigma_um, reach * curve.width_um, curve.height)


def _fit(u: Floats, values: Floats, noise: Floats) -> Peak | NoPeak:
    """Fit with z from -1 to 1."""
    weights = 1 / noise
    start = _search(u, values, weights)

    def misfit(p: Floats) -> Floats:
        return (p[0] / (1 + ((u - p[1]) * p[2]) ** 2) - values) * weights

    scale = (abs(start[0]) or 1.0, 1.0, 1.0)
    found = least_squares(misfit, start, method="lm", x_scale=scale, max_nfev=60)
    flat = np.sum(((values - np.average(values, weights=weights**2)) * weights) ** 2)
    chi2 = float(np.sum(found.fun**2))
    excess = max(chi2 / (len(u) - 3), 1.0)
    height, centre, steepness = found.x
    if not np.isfinite(found.x).all() or height <= 0 or flat - chi2 < _LEAST_FALL * excess:
        return NoPeak("the sharpness is flat within its noise")
    if abs(centre) > 1:
        return NoPeak("the sharpness still rises at the end of the sweep", int(np.sign(centre)))
    covariance = np.linalg.pinv(found.jac.T @ found.jac) * excess
    sigma = float(np.sqrt(covariance[1, 1]))
    if not sigma < 1:
        return NoPeak("the sharpness is too noisy to tell its peak")
    return Peak(float(centre), sigma, float(1 / abs(steepness)), float(height))


def _search(u: Floats, values: Floats, weights: Floats) -> Floats:
    """Find the best curve of a coarse grid: height, centre, inverse width."""
    centres = np.linspace(-1.5, 1.5, _CENTRES)
    steepness = 1 / np.array(_WIDTHS)
    shapes = 1 / (1 + ((u - centres[:, None, None]) * steepness[:, None]) ** 2) * weights
    wanted = values * weights
    heights = (shapes @ wanted) / np.square(shapes).sum(axis=-1)
    left = np.square(heights[..., None] * shapes - wanted).sum(axis=-1)
    row, column = np.unravel_index(left.argmin(), left.shape)
    return np.array([heights[row, column], centres[row], steepness[column]])

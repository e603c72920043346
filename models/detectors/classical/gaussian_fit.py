"""Sub-pixel centres: many small patches, each fitted by a Gaussian on a flat background."""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ...arrays import FloatImage

_MOST_ITERATIONS = 6
"""Of Gauss-Newton. Chosen: from a guess within a sigma it takes three or four."""

_LARGEST_STEP, _SMALL_STEP = 0.5, 0.01
"""Of a centre in sigmas, and of the logarithm of a sigma: longer steps are cut, shorter ones end
the fit. Chosen: the linear model holds for half a sigma; a hundredth is less than the noise of any
spot that is found."""

_RIDGE = 1e-4
"""Share that is added to the diagonal of the normal equations. Chosen: enough in double precision
for patches without a spot."""

_X = np.array([0, 1, 2, 1, 3, 1])
_Y = np.array([0, 1, 1, 2, 1, 3])
_PAIRS_X, _PAIRS_Y = ((4 * one[:, None] + one).ravel() for one in (_X, _Y))
"""Columns of `_templates` along x and along y whose product is the derivative by each unknown
(background, amplitude, shift in x, in y, growth in x, in y), and those of any two unknowns."""


@dataclass(frozen=True, slots=True)
class GaussianFits:
    """Fitted ``background + amplitude * exp(-u**2 / 2 - v**2 / 2)``.

    Attributes
    ----------
    centres : (N, 2)
        x and y.
    sigmas : (N, 2)
        Standard deviation along x and along y.
    amplitudes : (N,)
        Height above the background.
    """

    centres: NDArray[np.float64]
    sigmas: NDArray[np.float64]
    amplitudes: NDArray[np.float64]


def fit_gaussians(
    image: FloatImage, starts: NDArray, slopes: NDArray, sigma: float, radius: int
) -> GaussianFits:
    """Fit one Gaussian by least squares in a patch around each start.

    Gauss-Newton in six unknowns. All of the Gaussian's derivatives are products of a function
    of x and one of y, so every sum over a patch is a product of small matrices, and all
    patches are done at once. It ends when no centre moves by a hundredth of its sigma, and no
    sigma changes by that. A patch that would leave the image is moved inside.

    For a spot of N photons and standard deviation s on a background with noise b (pixel a)
    the variance of a coordinate is ``(s² + a²/12) / N * (16/9 + 8 π (s² + a²/12) b² / (N a²))``
    (Mortensen et al. 2010, Nat Methods 7:377, equation 5 for unweighted least squares).

    Parameters
    ----------
    image : (H, W) float32
        Objects are bright.
    starts : (N, 2)
        First guess of x and y, within about a sigma.
    slopes : (N, 2)
        Slope of the background along x and y, per pixel; taken off before the fit.
    sigma : float
        First guess of the standard deviation in pixels.
    radius : int
        Half the edge of a patch in pixels.
    """
    height, width = image.shape
    edge = min(height, width, 2 * radius + 1)
    corners = np.rint(starts).astype(np.intp) - edge // 2
    corners = np.minimum(np.maximum(corners, 0), (width - edge, height - edge))
    windows = sliding_window_view(image, (edge, edge))
    patches = windows[corners[:, 1], corners[:, 0]].astype(np.float64)
    grid = corners[..., None] + np.arange(edge, dtype=np.float64)
    tilts = (grid - starts[..., None]) * slopes[..., None]
    patches -= tilts[:, 0, None, :] + tilts[:, 1, :, None]

    centres = starts.astype(np.float64)
    sigmas = np.full(centres.shape, float(sigma))
    amplitudes = np.zeros(len(starts))
    for _ in range(_MOST_ITERATIONS):
        weights = _solve(patches, _templates(grid, centres, sigmas))
        amplitudes = weights[:, 1]
        steps = weights[:, 2:] / np.where(amplitudes > 0, amplitudes, np.inf)[:, None]
        steps = np.minimum(np.maximum(steps, -_LARGEST_STEP), _LARGEST_STEP)
        centres += steps[:, :2] * sigmas
        sigmas *= np.exp(steps[:, 2:])
        if np.abs(steps).max(initial=0.0) < _SMALL_STEP:
            break
    return GaussianFits(centres, sigmas, amplitudes)


def _templates(grid: NDArray, centres: NDArray, sigmas: NDArray) -> NDArray[np.float64]:
    """Columns 1, g, u g, u² g of the Gaussian g(u), for x and for y, (N, 2, P, 4)."""
    u = (grid - centres[..., None]) / sigmas[..., None]
    out = np.empty((*u.shape, 4))
    out[..., 0] = 1.0
    gaussian = np.exp(-0.5 * u * u)
    out[..., 1] = gaussian
    gaussian *= u
    out[..., 2] = gaussian
    gaussian *= u
    out[..., 3] = gaussian
    return out


def _solve(patches: NDArray, templates: NDArray) -> NDArray[np.float64]:
    """Weights of background, Gaussian, shift in x, y and growth in x, y, (N, 6)."""
    transposed = templates.swapaxes(2, 3)
    moments = transposed[:, 1] @ patches @ templates[:, 0]
    gram = (transposed @ templates).reshape(-1, 2, 16)
    normal = gram[:, 0, _PAIRS_X] * gram[:, 1, _PAIRS_Y]
    normal[:, ::7] *= 1 + _RIDGE
    normal[:, ::7] += 1e-9
    right = moments.reshape(-1, 16)[:, 4 * _Y + _X, None]
    return np.linalg.solve(normal.reshape(-1, 6, 6), right)[..., 0]

"""Finds spots and round blobs of about one size: Laplacian of Gaussian, then a Gaussian fit."""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from ...arrays import FloatImage
from ...images import Scratch, binned, blurred, robust_noise
from .gaussian_fit import fit_gaussians
from .search import SearchCriteria, SearchResult

DIAMETER_PER_SIGMA = 2 * 2**0.5
"""A disc's diameter over the sigma of the Laplacian of Gaussian that answers to it most."""

_WIDTH_PER_SIGMA = 12**0.5
"""Edge of a box over the sigma of the Gaussian fit: of the uniform square with the same second
moments. Of a flat disc that is 1.14 times the diameter, of a spot 1.5 times the full width at half
maximum; the boxes of the shipped network are 1.6 to 2.4 times as wide as that of a spot."""

_CLOSEST = 0.5
"""Diameters between two spots, at least. Chosen: nearer ones are one to the filter."""

_COARSE_DIAMETER = 6
"""Diameter in pixels from which maxima are searched at half the resolution: it leaves 3 pixels."""

_NEIGHBOURHOOD = np.ones((3, 3), np.uint8)
"""Pixels among which a maximum is the highest."""


def find_spots(image: FloatImage, criteria: SearchCriteria, scratch: Scratch) -> SearchResult:
    """Find bright blobs whose diameter is within the tolerance.

    The scale-normalised Laplacian of Gaussian (Lindeberg 1998, Int J Comput Vis 30:79) is
    searched for maxima above the threshold, at half the resolution where the diameter allows
    it. A Gaussian fit at full resolution gives centre, extent and brightness, and discards what
    is too small, too large or not there. Of two that are closer than half a diameter the
    stronger stays.

    The box is that of the square with the second moments of the Gaussian; brightness is its
    volume, exact for spots and a quarter too high for a flat disc.
    """
    diameter, tolerance = criteria.diameter, criteria.tolerance
    peaks, snr = _peaks(image, criteria, scratch)
    if not len(peaks):
        return SearchResult(peaks, np.empty((0, 4)), snr, snr)
    slopes = _slopes(image, peaks, diameter, scratch)
    fits = fit_gaussians(
        image, peaks, slopes, diameter / DIAMETER_PER_SIGMA, int(np.ceil(diameter))
    )
    sizes = fits.sigmas * _WIDTH_PER_SIGMA
    ratio = np.sqrt(sizes[:, 0] * sizes[:, 1]) / diameter
    moved = np.hypot(*(fits.centres - peaks).T)
    good = (
        (fits.amplitudes > 0)
        & (moved < diameter / 2)
        & (ratio < tolerance)
        & (ratio * tolerance > 1)
    )
    good[good] = _strongest(fits.centres[good], snr[good], _CLOSEST * diameter)
    centres, half = fits.centres[good], sizes[good] / 2
    volume = 2 * np.pi * fits.amplitudes[good] * fits.sigmas[good].prod(axis=1)
    return SearchResult(centres, np.hstack([centres - half, centres + half]), snr[good], volume)


def _peaks(
    image: FloatImage, criteria: SearchCriteria, scratch: Scratch
) -> tuple[NDArray, NDArray]:
    """Maxima of the filter's response, (N, 2), and their signal to noise ratios."""
    factor = min(2 if criteria.diameter >= _COARSE_DIAMETER else 1, *image.shape)
    coarse = binned(image, factor, "coarse", scratch)
    sigma = criteria.diameter / factor / DIAMETER_PER_SIGMA
    smooth = blurred(coarse, sigma, "smooth", scratch)
    response, highest = (scratch.take(name, coarse.shape) for name in ("response", "highest"))
    border = cv2.BORDER_REFLECT
    cv2.Laplacian(smooth, cv2.CV_32F, dst=response, scale=-(sigma**2), borderType=border)
    cv2.dilate(response, _NEIGHBOURHOOD, dst=highest)
    gain = 1 / (factor * sigma * (2 * np.pi) ** 0.5)
    noise = robust_noise(response, criteria.camera_noise, gain)
    at = np.flatnonzero(response > criteria.sigmas * noise)
    at = at[response.ravel()[at] >= highest.ravel()[at]]
    strength = response.ravel()[at]
    if len(at) > criteria.limit:
        keep = np.argpartition(strength, -criteria.limit)[-criteria.limit :]
        at, strength = at[keep], strength[keep]
    rows, columns = np.divmod(at, coarse.shape[1])
    peaks = (np.stack([columns, rows], axis=1) + 0.5) * factor - 0.5
    return peaks, strength / noise


def _slopes(image: FloatImage, at: NDArray, diameter: float, scratch: Scratch) -> NDArray:
    """Slope of the illumination, blurred over two diameters, per pixel in x and y, (N, 2)."""
    grain = max(1, int(diameter / 2))
    coarse = binned(image, grain, "grains", scratch)
    smooth = blurred(coarse, 2 * diameter / grain, "illumination", scratch)
    x, y = ((at + 0.5) / grain - 0.5).astype(np.float32).T
    around_x, around_y = np.stack([x + 1, x - 1, x, x]), np.stack([y, y, y + 1, y - 1])
    right, left, below, above = cv2.remap(
        smooth, around_x, around_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return np.stack([right - left, below - above], axis=1) / (2 * grain)


def _strongest(centres: NDArray, snr: NDArray, distance: float) -> NDArray[np.bool_]:
    """Mark what stays when the weaker of any two within ``distance`` goes, strongest first."""
    keep = np.ones(len(centres), np.bool_)
    if len(centres) < 2:
        return keep
    pairs = KDTree(centres).query_pairs(distance, output_type="ndarray")
    swap = snr[pairs[:, 0]] < snr[pairs[:, 1]]
    pairs[swap] = pairs[swap][:, ::-1]
    for strong, weak in pairs[np.argsort(-snr[pairs[:, 0]], kind="stable")]:
        if keep[strong]:
            keep[weak] = False
    return keep

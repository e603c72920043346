"""What the objective makes of a specimen: the expected photoelectrons of a frame."""

from __future__ import annotations

import math

import cv2
import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .motion import Floats, Positive
from .specimen import Specimen

REACH = 3.3
"""Standard deviations at which a Gaussian is cut off: at 0.4 % of its peak."""

PIXEL_VARIANCE = 1 / 12
"""Variance of light spread evenly over a pixel, in pixels squared."""

LONGEST_STEP = 1.2
"""Standard deviations between sub-exposures: the ripple is then 2 exp(-2 pi² / 1.2²), 2e-6."""

MOST_SUBSAMPLES = 64

LEAST_EXPONENT = np.float32(-40.0)
"""Keeps products of Gaussians out of the denormal numbers, which are slow."""


class OpticsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An objective and the pixel size it gives.

    Attributes
    ----------
    pixel_um : float
        Edge of a pixel in the specimen.
    na : float
        Numerical aperture.
    wavelength_um : float
        Wavelength of the light that is seen.
    index : float
        Refractive index of the immersion: 1 for air.
    """

    pixel_um: Positive = 0.65
    na: Positive = 0.5
    wavelength_um: Positive = 0.52
    index: Positive = 1.0

    def __post_init__(self) -> None:
        if self.na >= self.index:
            raise ValueError(f"na {self.na:g} must be less than the index {self.index:g}")


def spread_variance_um2(settings: OpticsSettings, defocus_um: ArrayLike) -> Floats:
    """Variance on one axis of the point spread at a distance from focus, in µm².

    In focus it is that of the Gaussian nearest to the Airy disc of a widefield microscope,
    0.225 λ/NA squared (Zhang, Zerubia and Olivo-Marin, Appl. Opt. 46:1819, 2007). Out of
    focus the light fills a cone of half angle asin(NA / index); its evenly lit disc of
    radius R adds R²/4, as variances of convolved distributions add. The total light stays
    the same, so the peak falls as the variance grows.
    """
    focused_um = 0.225 * settings.wavelength_um / settings.na
    tangent = math.tan(math.asin(settings.na / settings.index))
    return focused_um**2 + (np.asarray(defocus_um) * tangent / 2) ** 2


class Optics:
    """Draws a specimen as it would fall on a noiseless camera.

    A part of an object is a Gaussian of the variance of its own body, the point spread and a
    pixel, the last of which stands for the integral over the pixel's area (Sheppard). As
    Gaussians separate, the sum over parts and sub-exposures is one small matrix product for
    each object.
    """

    def __init__(self, settings: OpticsSettings) -> None:
        self.settings = settings

    def subsamples(self, specimen: Specimen, travel_um: float) -> int:
        """How many instants of an exposure to draw so that a smear looks continuous.

        Parameters
        ----------
        specimen : Specimen
            What is to be drawn.
        travel_um : float
            How far its fastest object goes across the field within the exposure.

        Returns
        -------
        int
            1 to 64.
        """
        pixel_um2 = self.settings.pixel_um**2 * PIXEL_VARIANCE
        focused_um2 = float(spread_variance_um2(self.settings, 0.0)) + pixel_um2
        sharpest_um = math.sqrt(float(specimen.widths_um.min()) ** 2 + focused_um2)
        steps = min(travel_um / (LONGEST_STEP * sharpest_um), MOST_SUBSAMPLES)
        return max(1, math.ceil(steps))

    def render(
        self,
        relative_um: Floats,
        specimen: Specimen,
        exposure_ms: float,
        out: NDArray[np.float32],
    ) -> None:
        """Draw one exposure.

        Parameters
        ----------
        relative_um : (M, N, 3) float
            Positions of all N objects relative to the centre of the field and the focal
            plane at M instants, each of which stands for an equal part of the exposure.
        specimen : Specimen
            What the objects look like.
        exposure_ms : float
            Length of the exposure.
        out : (H, W) float32
            Overwritten with photoelectrons; x points right and y down, and the centre of
            the field is at pixel ((W - 1) / 2, (H - 1) / 2).
        """
        out.fill(specimen.settings.background * exposure_ms)
        centres_px, variances_px, light = self._parts(relative_um, specimen, exposure_ms)
        centres_px += (np.array(out.shape[::-1], np.float32) - 1) / 2
        reach_px = REACH * np.sqrt(variances_px.max(axis=0))[:, None]
        first_px = np.floor(centres_px.min(axis=0) - reach_px)
        last_px = np.ceil(centres_px.max(axis=0) + reach_px)
        seen = ((last_px >= 0) & (first_px < out.shape[::-1])).all(axis=1)
        seen &= specimen.brightness > 0
        edges_px = _patch_edges((last_px - first_px).max(axis=1) + 1)
        for edge_px in np.unique(edges_px[seen]).tolist():
            rows = np.flatnonzero(seen & (edges_px == edge_px))
            parts = centres_px[:, rows], variances_px[:, rows], light[:, rows]
            _draw(out, edge_px, first_px[rows], *parts)

    def _parts(
        self, relative_um: Floats, specimen: Specimen, exposure_ms: float
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Centres (P, N, 2), variances (P, N) and photoelectrons (P, N) of P = M·K parts."""
        pixel_um, (m, n, _) = self.settings.pixel_um, relative_um.shape
        objects = relative_um[:, None]
        centres = (objects[..., :2] + specimen.offsets_um.swapaxes(0, 1)) / pixel_um
        spread_um2 = spread_variance_um2(self.settings, objects[..., 2])
        variances = (specimen.widths_um.T**2 + spread_um2) / pixel_um**2 + PIXEL_VARIANCE
        share = specimen.weights.T * (specimen.brightness * exposure_ms / m)
        return (
            centres.reshape(-1, n, 2).astype(np.float32),
            variances.reshape(-1, n).astype(np.float32),
            np.tile(share.astype(np.float32), (m, 1)),
        )


def _patch_edges(needed_px: NDArray) -> NDArray[np.int64]:
    """Round patch sizes up to few values (16, 24, 32, 48, ...), so that many share one."""
    octave = 2 ** np.ceil(np.log2(np.maximum(needed_px, 16)))
    return np.where(needed_px <= 0.75 * octave, 0.75 * octave, octave).astype(np.int64)


def _draw(
    out: NDArray[np.float32],
    edge_px: int,
    first_px: NDArray[np.float32],
    centres_px: NDArray[np.float32],
    variances_px: NDArray[np.float32],
    light: NDArray[np.float32],
) -> None:
    """Add objects that share a patch size; patches are shifted to lie within the frame."""
    height, width = min(edge_px, out.shape[0]), min(edge_px, out.shape[1])
    left = np.clip(first_px[:, 0], 0, out.shape[1] - width)
    top = np.clip(first_px[:, 1], 0, out.shape[0] - height)
    steepness = -0.5 / variances_px
    across = _bells(centres_px[..., 0] - left, steepness, width)
    down = _bells(centres_px[..., 1] - top, steepness, height)
    across *= (light / (2 * math.pi * variances_px)).T[..., None]
    if down.shape[1] == 1:
        patches = down[:, 0, :, None] * across
    else:
        patches = np.matmul(down.swapaxes(1, 2), across)
    corners = zip(patches, left.astype(int).tolist(), top.astype(int).tolist(), strict=True)
    for patch, x, y in corners:
        window = out[y : y + height, x : x + width]
        cv2.add(window, patch, window)


def _bells(
    centres_px: NDArray[np.float32], steepness: NDArray[np.float32], length: int
) -> NDArray[np.float32]:
    """Gaussians of peak 1 along an axis: (P, N) centres to (N, P, length) values.

    The exponent is a parabola in the pixel's index, so one matrix product evaluates all.
    """
    middle = np.float32((length - 1) / 2)
    x = np.arange(length, dtype=np.float32) - middle
    c = (centres_px - middle).T
    parabolas = np.empty((*c.shape, 3), np.float32)
    parabolas[..., 0] = steepness.T
    np.multiply(steepness.T, -2 * c, out=parabolas[..., 1])
    np.multiply(steepness.T, c * c, out=parabolas[..., 2])
    powers = np.stack([x * x, x, np.ones_like(x)])
    bells = np.matmul(parabolas.reshape(-1, 3), powers)
    np.maximum(bells, LEAST_EXPONENT, out=bells)
    cv2.exp(bells, bells)
    return bells.reshape(*c.shape, length)

"""What the objective makes of a specimen: the expected photoelectrons of a frame."""

from __future__ import annotations

import math
from dataclasses import dataclass

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

LONGEST_STEP = 1.5
"""Standard deviations between sub-exposures: the ripple is then 2 exp(-2 pi² / 1.5²), 3e-4."""

MOST_SUBSAMPLES = 64

LEAST_EXPONENT = -40.0
"""Keeps products of Gaussians out of the denormal numbers, which are slow."""

LEAST_LIGHT = 1e-9
"""Photoelectrons that the faintest part of an object must have for it to be drawn."""

AS_MOUNTED = ((1.0, 0.0), (0.0, 1.0))


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

    Parameters
    ----------
    settings : OpticsSettings
    orientation : (2, 2) array_like
        Stage to image directions: a step of ``s`` µm of an object is one of
        ``orientation @ s`` µm in the image, whose x points right and y down. Without it the
        two agree.
    """

    def __init__(self, settings: OpticsSettings, orientation: ArrayLike = AS_MOUNTED) -> None:
        self.settings = settings
        self._to_px = np.asarray(orientation, float).T / settings.pixel_um

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
            Positions of all N objects, in stage directions, relative to the centre of the
            field and the focal plane at M instants, each of which stands for an equal part
            of the exposure.
        specimen : Specimen
            What the objects look like.
        exposure_ms : float
            Length of the exposure.
        out : (H, W) float32
            Overwritten with photoelectrons; the centre of the field is at pixel
            ((W - 1) / 2, (H - 1) / 2).
        """
        out.fill(specimen.settings.background * exposure_ms)
        objects = self._objects(relative_um, specimen, exposure_ms)
        objects.at_px += (np.array(out.shape[::-1]) - 1) / 2
        first_px, last_px = objects.extent_px()
        seen = ((last_px >= 0) & (first_px < out.shape[::-1])).all(axis=1)
        seen &= objects.light.min(axis=0) > LEAST_LIGHT
        edges_px = _patch_edges((last_px - first_px).max(axis=1) + 1)
        for edge_px in sorted(set(edges_px[seen].tolist())):
            rows = np.flatnonzero(seen & (edges_px == edge_px))
            _draw(out, edge_px, objects, rows, first_px[rows])

    def _objects(self, relative_um: Floats, specimen: Specimen, exposure_ms: float) -> _Objects:
        pixel_um2 = self.settings.pixel_um**2
        spread_um2 = spread_variance_um2(self.settings, relative_um[..., 2])
        share = specimen.brightness * (exposure_ms / len(relative_um))
        return _Objects(
            at_px=relative_um[..., :2] @ self._to_px,
            blur_px2=spread_um2 / pixel_um2 + PIXEL_VARIANCE,
            places_px=specimen.offsets_um.swapaxes(0, 1) @ self._to_px,
            body_px2=np.ascontiguousarray(specimen.widths_um.T) ** 2 / pixel_um2,
            light=specimen.weights.T * share,
        )


@dataclass(slots=True)
class _Objects:
    """N objects of K parts at M instants; a part is a Gaussian at an instant."""

    at_px: Floats
    """(M, N, 2) positions of the objects."""
    blur_px2: Floats
    """(M, N) variance that focus and pixels add to every part."""
    places_px: Floats
    """(K, N, 2) parts from the position of their object."""
    body_px2: Floats
    """(K, N) variances of the parts themselves."""
    light: Floats
    """(K, N) photoelectrons of a part at an instant."""

    def extent_px(self) -> tuple[Floats, Floats]:
        """First and last pixels (N, 2) that each object reaches."""
        widest_px2 = self.blur_px2.max(axis=0) + self.body_px2.max(axis=0)
        reach_px = REACH * np.sqrt(widest_px2)[:, None]
        first_px = self.at_px.min(axis=0) + self.places_px.min(axis=0) - reach_px
        last_px = self.at_px.max(axis=0) + self.places_px.max(axis=0) + reach_px
        return np.floor(first_px), np.ceil(last_px)

    def gaussians(
        self, rows: NDArray[np.intp], origins_px: Floats
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Parts of some objects at all instants, n x M x K of them.

        Returns
        -------
        centres_px : (2, n, M, K) float32
            x and y from the given origin (n, 2) of each object.
        steepness : (n, M, K) float32
            -1 / (2 variance).
        peaks : (n, M, K) float32
            Photoelectrons in a pixel at the centre.
        """
        at_px = (self.at_px[:, rows] - origins_px).astype(np.float32).T
        places_px = self.places_px[:, rows].astype(np.float32).T
        blur_px2 = self.blur_px2[:, rows].astype(np.float32).T
        body_px2 = self.body_px2[:, rows].astype(np.float32).T
        light = self.light[:, rows].astype(np.float32).T
        centres_px = at_px[:, :, :, None] + places_px[:, :, None]
        steepness = -0.5 / (blur_px2[:, :, None] + body_px2[:, None])
        return centres_px, steepness, light[:, None] * steepness * np.float32(-1 / math.pi)


def _patch_edges(needed_px: NDArray) -> NDArray[np.int64]:
    """Round patch sizes up to few values (16, 24, 32, 48, ...), so that many share one."""
    octave = 2 ** np.ceil(np.log2(np.maximum(needed_px, 16)))
    return np.where(needed_px <= 0.75 * octave, 0.75 * octave, octave).astype(np.int64)


def _draw(
    out: NDArray[np.float32],
    edge_px: int,
    objects: _Objects,
    rows: NDArray[np.intp],
    first_px: Floats,
) -> None:
    """Add objects that share a patch size; patches are shifted to lie within the frame."""
    height, width = min(edge_px, out.shape[0]), min(edge_px, out.shape[1])
    corners_px = np.clip(first_px, 0, (out.shape[1] - width, out.shape[0] - height))
    length = max(height, width)
    bells = _bells(*objects.gaussians(rows, corners_px + (length - 1) / 2), length)
    patches = np.matmul(bells[1, ..., :height].swapaxes(1, 2), bells[0, ..., :width])
    for patch, (x, y) in zip(patches, corners_px.astype(int).tolist(), strict=True):
        cv2.accumulate(patch, out[y : y + height, x : x + width])


def _bells(
    centres_px: NDArray[np.float32],
    steepness: NDArray[np.float32],
    peaks: NDArray[np.float32],
    length: int,
) -> NDArray[np.float32]:
    """Gaussians (2, n, M K, length) along x, with their peaks, and along y, with peak 1.

    Centres count from the middle of the length. An exponent is a parabola in the pixel's
    index, so one matrix product evaluates all.
    """
    parabolas = np.empty((*centres_px.shape, 3), np.float32)
    slopes = steepness * centres_px
    parabolas[..., 0] = steepness
    np.multiply(slopes, -2, out=parabolas[..., 1])
    np.multiply(slopes, centres_px, out=parabolas[..., 2])
    parabolas[0, ..., 2] += np.log(peaks)
    x = np.arange(length, dtype=np.float32) - np.float32((length - 1) / 2)
    bells = np.matmul(parabolas.reshape(-1, 3), np.stack([x * x, x, np.ones_like(x)]))
    cv2.max(bells, LEAST_EXPONENT, bells)
    cv2.exp(bells, bells)
    return bells.reshape(2, centres_px.shape[1], -1, length)

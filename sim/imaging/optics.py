"""The objective: expected photoelectrons of a frame from the positions of objects."""

import math
from typing import Annotated

import cv2
import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..motion import Floats, Positive
from ..specimen import Specimen

REACH = 3.3
"""Standard deviations at which a Gaussian is cut off: at 0.4 % of its peak."""
PIXEL_VARIANCE = 1 / 12
"""Variance of light spread evenly over a pixel, in pixels squared."""
LONGEST_STEP = 1.5
"""Standard deviations between sub-exposures: the ripple is then 2 exp(-2 pi² / 1.5²), 3e-4."""
_AIRY_SIGMA = 0.225
"""Standard deviation of the Gaussian nearest to the Airy disc, in λ/NA (Zhang et al. 2007)."""
MOST_SUBSAMPLES = 64
"""Sub-exposures, at most. Chosen: longer smears are rippled rather than slow."""
LEAST_EXPONENT = -40.0
"""Of a Gaussian: products of two, exp(-80), are still no denormal numbers, which are slow."""
LEAST_PEAK = 1e-12
"""Photoelectrons in a pixel below which an object is not drawn. Chosen: no camera shows it."""
Singles = NDArray[np.float32]


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
    astigmatism_um : float
        Distance between the foci of rows and columns of the image, as a cylindrical lens before
        the camera makes it: rows are sharpest half of it above the focal plane, columns half of
        it below, so that the shape of a point tells its side of the focus. 0: there is none.
    """

    pixel_um: Positive = 0.65
    na: Positive = 0.5
    wavelength_um: Positive = 0.52
    index: Positive = 1.0
    astigmatism_um: Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)] = 0.0

    def __post_init__(self) -> None:
        if self.na >= self.index:
            raise ValueError(f"na {self.na:g} must be less than the index {self.index:g}")


def spread_variance_um2(settings: OpticsSettings, defocus_um: ArrayLike) -> Floats:
    """Variance on one axis of the point spread at a distance from that axis' focus, in µm².

    In focus it is that of the Gaussian nearest to the Airy disc of a widefield microscope,
    0.225 λ/NA squared (Zhang, Zerubia and Olivo-Marin, Appl. Opt. 46:1819, 2007). Out of
    focus the light fills a cone of half angle asin(NA / index); its evenly lit disc of
    radius R adds R²/4, as variances of convolved distributions add. The total light is
    constant, so that the peak falls as the variance grows.
    """
    focused_um = _AIRY_SIGMA * settings.wavelength_um / settings.na
    tangent = math.tan(math.asin(settings.na / settings.index))
    return focused_um**2 + (np.asarray(defocus_um) * tangent / 2) ** 2


def spread_variances_um2(settings: OpticsSettings, defocus_um: ArrayLike) -> Floats:
    """Variances of the point spread along x and y of the image, (2, ...), in µm².

    Without astigmatism they are the same, and only one is returned: (1, ...).
    """
    half_um = settings.astigmatism_um / 2
    foci_um = (half_um, -half_um) if half_um else (0.0,)
    z_um = np.asarray(defocus_um)
    return np.stack([spread_variance_um2(settings, z_um - at_um) for at_um in foci_um])


class Optics:
    """Renders a specimen as a camera without noise would see it.

    A part of an object is a Gaussian whose variance is the sum of its own, that of the point
    spread and that of a pixel, which stands for the integral over the pixel's area (Sheppard's
    correction). As Gaussians are separable, the sum over parts and sub-exposures is one small
    matrix product for each object.

    Parameters
    ----------
    orientation : (2, 2) array_like
        Stage to image directions: a step of ``s`` µm of an object is one of
        ``orientation @ s`` µm in the image, whose x points right and y down. Without it the
        two agree.
    """

    def __init__(
        self, settings: OpticsSettings, orientation: ArrayLike = ((1.0, 0.0), (0.0, 1.0))
    ) -> None:
        self.settings = settings
        self._to_px = np.asarray(orientation, float) / settings.pixel_um

    def subsamples(self, specimen: Specimen, travel_um: float) -> int:
        """Number of instants of an exposure, 1 to 64, to render so that a smear is continuous.

        ``travel_um`` is the path of the fastest object across the field within the exposure.
        """
        pixel_um2 = self.settings.pixel_um**2 * PIXEL_VARIANCE
        focused_um2 = float(spread_variance_um2(self.settings, 0.0)) + pixel_um2
        sharpest_um = math.sqrt(float(specimen.widths_um.min()) ** 2 + focused_um2)
        steps = min(travel_um / (LONGEST_STEP * sharpest_um), MOST_SUBSAMPLES)
        return max(1, math.ceil(steps))

    def render(
        self, relative_um: Floats, specimen: Specimen, exposure_ms: float, out: Singles
    ) -> NDArray[np.bool_]:
        """Render one exposure; return which rows, (H,), hold more than the background.

        Parameters
        ----------
        relative_um : (M, N, 3) float
            Positions of all N objects, in stage directions, relative to the centre of the
            field and the focal plane at M instants, each of which stands for an equal part
            of the exposure.
        out : (H, W) float32
            Overwritten with photoelectrons; the centre of the field is at pixel
            ((W - 1) / 2, (H - 1) / 2).
        """
        out.fill(specimen.settings.background * exposure_ms)
        centres_px, variances_px2, peaks = self._parts(relative_um, specimen, exposure_ms)
        size_px = np.array(out.shape[::-1], np.float32)[:, None]
        centres_px += (size_px[:, None] - 1) / 2
        reach_px = REACH * np.sqrt(variances_px2.max(axis=(0, 1)))
        first_px = np.floor(centres_px.min(axis=1) - reach_px)
        last_px = np.ceil(centres_px.max(axis=1) + reach_px)
        seen = ((last_px >= 0) & (first_px < size_px)).all(axis=0)
        seen &= peaks.min(axis=0) > LEAST_PEAK
        edges_px = _patch_edges((last_px - first_px).max(axis=0) + 1)
        lit = np.zeros(len(out), np.bool_)
        for edge_px in sorted(set(edges_px[seen].tolist())):
            rows = np.flatnonzero(seen & (edges_px == edge_px))
            parts = centres_px[..., rows], variances_px2[..., rows], peaks[:, rows]
            _draw(out, lit, edge_px, first_px[:, rows], *parts)
        return lit

    def _parts(
        self, relative_um: Floats, specimen: Specimen, exposure_ms: float
    ) -> tuple[Singles, Singles, Singles]:
        """Centres (2, P, N), variances and photoelectrons at the peak (P, N) of P = M·K parts.

        Variances are (2, P, N), or (1, P, N) where both axes have the same.
        """
        if len(relative_um) == 1:
            relative_um = np.repeat(relative_um, 2, axis=0)  # a product over 1 part is slow
        m, n, _ = relative_um.shape
        x, y, z = relative_um.transpose(2, 0, 1)
        at_px = self._to_px @ np.stack([x, y]).reshape(2, -1)
        places_px = self._to_px @ specimen.offsets_um.transpose(2, 1, 0).reshape(2, -1)
        centres = _single(at_px).reshape(2, m, 1, n) + _single(places_px).reshape(2, 1, -1, n)
        pixel_um2 = self.settings.pixel_um**2
        blur = spread_variances_um2(self.settings, z) / pixel_um2 + PIXEL_VARIANCE
        body = specimen.widths_um.T**2 / pixel_um2
        variances = _single(blur)[:, :, None] + _single(body)
        light = specimen.weights.T * (specimen.brightness * (exposure_ms / (2 * math.pi * m)))
        areas = np.sqrt(variances[0] * variances[-1])
        peaks = np.divide(_single(light), areas, dtype=np.float32)
        variances = variances.reshape(len(variances), -1, n)
        return centres.reshape(2, -1, n), variances, peaks.reshape(-1, n)


def _single(values: Floats) -> Singles:
    return values.astype(np.float32, order="C")


def _patch_edges(needed_px: NDArray) -> NDArray[np.int64]:
    """Round patch sizes up to few values (16, 24, 32, 48, ...), so that many share one."""
    octave = 2 ** np.ceil(np.log2(np.maximum(needed_px, 16)))
    return np.where(needed_px <= 0.75 * octave, 0.75 * octave, octave).astype(np.int64)


def _draw(
    out: Singles,
    lit: NDArray[np.bool_],
    edge_px: int,
    first_px: Singles,
    centres_px: Singles,
    variances_px2: Singles,
    peaks: Singles,
) -> None:
    """Add objects that share a patch size; patches are shifted to lie within the frame."""
    height, width = min(edge_px, out.shape[0]), min(edge_px, out.shape[1])
    left = np.clip(first_px[0], 0, out.shape[1] - width)
    top = np.clip(first_px[1], 0, out.shape[0] - height)
    length = max(height, width)
    centres_px -= np.stack([left, top])[:, None] + np.float32((length - 1) / 2)
    across, down = _gaussians(centres_px, variances_px2, peaks, length)
    across, down = across[..., :width], down[..., :height]
    patches = np.matmul(down.transpose(1, 2, 0), across.swapaxes(0, 1))
    corners = zip(patches, left.astype(int).tolist(), top.astype(int).tolist(), strict=True)
    for patch, x, y in corners:
        cv2.accumulate(patch, out[y : y + height, x : x + width])
        lit[y : y + height] = True


def _gaussians(centres_px: Singles, variances_px2: Singles, peaks: Singles, length: int) -> Singles:
    """Gaussians (2, P, n, length) along x, scaled by the peaks, and along y, of peak 1.

    Centres are counted from the middle of the length. The exponent is a parabola in the pixel's
    index, so that matrix products evaluate it; they are small enough for one core.
    """
    parabolas = np.empty((3, *centres_px.shape), np.float32)
    np.divide(-0.5, variances_px2, out=parabolas[0])
    np.multiply(parabolas[0], centres_px, out=parabolas[1])
    np.multiply(parabolas[1], centres_px, out=parabolas[2])
    parabolas[2, 0] += np.log(peaks)
    x = np.arange(length, dtype=np.float32) - np.float32((length - 1) / 2)
    powers = np.stack([x * x, -2 * x, np.ones_like(x)])
    gaussians = np.matmul(parabolas.transpose(1, 2, 3, 0), powers)
    flat = gaussians.reshape(-1, length)
    cv2.max(flat, LEAST_EXPONENT, flat)  # pyright: ignore[reportArgumentType, reportCallIssue]
    cv2.exp(flat, flat)
    return gaussians

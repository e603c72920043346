"""Sub-pixel registration: by how much what an image shows has shifted since another one."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ..arrays import FloatImage, Floats, Image

LARGEST_PX = 512
"""Longer edges are binned. Chosen: shifts are known to a fiftieth of such a pixel, and no more is
needed; larger images only take longer."""
_TAPS = 8
"""Of the Lanczos filter that shifts by parts of a pixel: the usual order 4. On images blurred by
`BLUR_PX` it errs by less than 1e-3 of the contrast."""
BLUR_PX = 1.2
"""Standard deviation of the least blur. Chosen: what is left at the Nyquist frequency is 1e-3."""
_ITERATIONS = 6
"""Of Newton's method, at most. Chosen: the first begins within half a pixel."""
_CLOSE_PX = 2e-3
"""Step after which no more are made. Chosen: the next would be ten times shorter."""
_MARGIN = 1 + _TAPS // 2
"""Pixels at the edge of the overlap that the filter cannot reach."""
_BLURS = 2.5
"""Standard deviations of the blur by which the edge must be kept off, too: beyond it lies what was
made up for the blur."""
_LEAST_OVERLAP = 0.3
"""Share of an edge that must overlap: chosen."""
_SURE = 7.0
"""Standard errors by which the contrast of what is found again must differ from none. Chosen:
the best of the 10⁵ places of an image without texture reaches about 5."""


class Shift(NamedTuple):
    """A displacement in pixels of the camera, right and down.

    Attributes
    ----------
    px : (2,)
    found : bool
        Whether what the reference shows was surely found again.
    match : float
        Correlation coefficient over the overlap.
    """

    px: Floats
    found: bool
    match: float


class Reference:
    """An image that others are registered to.

    The shift is first found to a pixel by the peak of the cross-correlation, then by least
    squares over the part that both images show (Lucas and Kanade, Proc. IJCAI 1981), along with a
    factor and an offset of brightness, so that bleaching does not matter. The matrix of gradients
    is that between both images, whose noises are independent: noise makes steps of
    that within one image too short.

    Parameters
    ----------
    image : (H, W) uint8, uint16 or float32
    blur_px : float
        Blur of both images, in pixels after binning. What moves during an exposure is smeared;
        its shift is the mean over the exposure if the blur is not less than the smear.
    """

    def __init__(self, image: Image | FloatImage, blur_px: float = BLUR_PX) -> None:
        self._binning = max(1, math.ceil(max(image.shape) / LARGEST_PX))
        self._blur_px = max(blur_px, BLUR_PX)
        self._margin = _MARGIN + math.ceil(_BLURS * self._blur_px)
        self._is_plain = _is_plain(image)
        self._image = self._prepared(image)
        self._gradients = _gradients(self._image)
        self._window = _window(self._image.shape)
        self._spectrum = np.conj(_spectrum(self._flat(self._image)))

    @property
    def width_px(self) -> float:
        """Standard deviation of the peak of the autocorrelation, in pixels of the camera."""
        power = np.asarray(fft.irfft2(np.abs(self._spectrum) ** 2, s=self._image.shape))
        top, beside = power[0, 0], (power[0, 1] + power[1, 0]) / 2
        return self._binning * math.sqrt(top / max(2 * (top - beside), 1e-9 * top))

    def shift(self, image: Image | FloatImage) -> Shift:
        """Return how far what the reference shows has moved in another image."""
        if self._is_plain or _is_plain(image):
            return Shift(np.full(2, np.nan), False, 0.0)
        other = self._prepared(image)
        whole = self._peak(other)
        limits = [(1 - _LEAST_OVERLAP) * edge for edge in reversed(other.shape)]
        if any(abs(each) > limit for each, limit in zip(whole, limits, strict=True)):
            return Shift(np.full(2, np.nan), False, 0.0)
        part, gain, error, match = self._refined(other, whole)
        found = gain > _SURE * error and bool(np.all(np.abs(part) < 2))
        return Shift(self._binning * (np.array(whole) + part), found, match)

    def _prepared(self, image: Image | FloatImage) -> FloatImage:
        grey = np.asarray(image, np.float32)
        if self._binning > 1:
            size = image.shape[1] // self._binning, image.shape[0] // self._binning
            grey = grey[: size[1] * self._binning, : size[0] * self._binning]
            grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)
        return np.asarray(cv2.GaussianBlur(grey, (0, 0), self._blur_px), np.float32)

    def _flat(self, image: FloatImage) -> FloatImage:
        return (image - np.median(image)) * self._window

    def _peak(self, other: FloatImage) -> tuple[int, int]:
        """Whole pixels, right and down, at which the cross-correlation is greatest."""
        height, width = other.shape
        correlation = np.asarray(
            fft.irfft2(self._spectrum * _spectrum(self._flat(other)), s=(height, width))
        )
        down, right = divmod(int(np.argmax(correlation)), width)
        return (
            right - width if right > width // 2 else right,
            down - height if down > height // 2 else down,
        )

    def _refined(
        self, other: FloatImage, whole: tuple[int, int]
    ) -> tuple[Floats, float, float, float]:
        """Return the rest of the shift, the contrast, its standard error, and the correlation."""
        columns, rows = (
            (max(0, -by), min(edge, edge - by))
            for by, edge in zip(whole, reversed(other.shape), strict=True)
        )
        here = slice(*rows), slice(*columns)
        there = (
            slice(rows[0] + whole[1], rows[1] + whole[1]),
            slice(columns[0] + whole[0], columns[1] + whole[0]),
        )
        inner = (slice(self._margin, -self._margin),) * 2
        seen = other[there][inner].ravel()
        slopes = np.stack([each[inner].ravel() for each in _gradients(other[there])])
        part, gain, error, match = np.zeros(2), 0.0, math.inf, 0.0
        for _ in range(_ITERATIONS):
            image, *gradients = (
                _moved(each[here], part)[inner].ravel() for each in (self._image, *self._gradients)
            )
            gain, error, match = _contrast(image, seen, self._blur_px)
            left = (seen - seen.mean()) - gain * (image - image.mean())
            own = np.stack(gradients)
            matrix = np.asarray(own @ slopes.T, np.float64)
            if not np.linalg.det(matrix) > 0:
                return part, 0.0, math.inf, 0.0
            step = np.clip(-np.linalg.solve(matrix, own @ left), -1.0, 1.0)
            part = np.clip(part + step, -3.0, 3.0)
            if np.abs(step).max() < _CLOSE_PX:
                break
        return part, gain, error, match


def _is_plain(image: Image | FloatImage) -> bool:
    """Whether a camera's image differs by no more than one grey value: single photons, rounding.

    One such pixel in each of two images would look like an object that is found again.
    """
    return image.dtype.kind in "ui" and int(image.max()) - int(image.min()) <= 1


def _gradients(image: FloatImage) -> tuple[FloatImage, FloatImage]:
    """Return the derivatives to the right and down."""
    down, right = (np.asarray(np.gradient(image, axis=axis), np.float32) for axis in range(2))
    return right, down


def _spectrum(image: FloatImage) -> NDArray[np.complex64]:
    return np.asarray(fft.rfft2(image), np.complex64)


def _contrast(image: FloatImage, seen: FloatImage, blur_px: float) -> tuple[float, float, float]:
    """Return the factor between two images, its standard error, and their correlation."""
    image, seen = image - image.mean(), seen - seen.mean()
    square, cross, other = (float(a @ b) for a, b in ((image, image), (image, seen), (seen, seen)))
    if square <= 0 or other <= 0:
        return 0.0, math.inf, 0.0
    gain, match = cross / square, cross / math.sqrt(square * other)
    independent = max(image.size / (4 * math.pi * blur_px**2), 8.0)
    return gain, math.sqrt(other / square * max(1 - match**2, 1e-12) / independent), match


def _moved(image: FloatImage, by_px: Floats) -> FloatImage:
    """Shift the content of an image right and down by parts of a pixel, up to 3."""
    right, down = (_lanczos(-each) for each in by_px)
    return np.asarray(
        cv2.sepFilter2D(image, -1, right, down, borderType=cv2.BORDER_REFLECT), np.float32
    )


def _lanczos(at_px: float) -> FloatImage:
    """Kernel that takes the value at an offset from each pixel."""
    reach = _TAPS // 2 + 3
    x = np.arange(-reach, reach + 1) - at_px
    kernel = np.sinc(x) * np.sinc(x / (_TAPS // 2)) * (np.abs(x) < _TAPS // 2)
    return np.asarray(kernel / kernel.sum(), np.float32)


def _window(shape: tuple[int, ...]) -> FloatImage:
    """Fall to nothing over an eighth of the image at each edge, so that edges do not match."""
    sides = []
    for edge in shape:
        from_edge = (np.minimum(np.arange(edge), np.arange(edge)[::-1]) + 0.5) / (edge / 8)
        sides.append(np.sin(np.pi / 2 * np.minimum(from_edge, 1)) ** 2)
    return np.asarray(np.outer(*sides), np.float32)

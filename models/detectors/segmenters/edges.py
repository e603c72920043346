"""Edge segmentation: outlines by Canny or Sobel, closed and filled."""

from __future__ import annotations

from typing import Annotated, Literal

import cv2
import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ...arrays import FloatImage
from ...detections import Detections
from ...images import QUANTISATION, Polarity, Scratch, as_float, blurred, checked, noise_of
from .segmenter import Camera, from_labels
from .watershed import cut_apart, filled

_LEAST_BLUR = 1.0
_DIAMETERS_PER_BLUR = 20
_HYSTERESIS = 2.0
_CANNY_THRESHOLD = 200
_GAP = 0.15
_STEEP = 0.4


class EdgesOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to look for.

    Other Parameters
    ----------------
    diameter_px : float
        Typical diameter, that of a disc of the same area.
    tolerance : float
        Objects up to this factor smaller or larger are kept.
    polarity : str
        Keep what is ``bright`` or ``dark`` against the surroundings, or ``both``.
    method : str
        ``canny`` follows thin lines along which the gradient is greatest; ``sobel`` takes all
        that is steep, for outlines too ragged to be followed.
    threshold_sigmas : float
        Least gradient in units of its noise.
    """

    diameter_px: Annotated[float, Meta(ge=4)] = 20.0
    tolerance: Annotated[float, Meta(gt=1)] = 2.0
    polarity: Polarity = "both"
    method: Literal["canny", "sobel"] = "canny"
    threshold_sigmas: Annotated[float, Meta(gt=0)] = 5.0


class Edges:
    """Segments by closed outlines, whatever is inside.

    Keeps arrays between images, so one object serves one thread.
    """

    Options = EdgesOptions
    name = "edges"

    def __init__(self, options: EdgesOptions | None = None) -> None:
        self.options = options or EdgesOptions()
        self._scratch = Scratch()

    def detect(self, image: Camera) -> Detections:
        """Find the objects in an image, (H, W) uint8 or uint16, with their masks.

        Raises
        ------
        ValueError
            If the image has another shape or type.
        """
        image, options = checked(image), self.options
        diameter = options.diameter_px
        blur = max(_LEAST_BLUR, diameter / _DIAMETERS_PER_BLUR)
        smooth = blurred(as_float(image, self._scratch), blur, "smooth", self._scratch)
        lines = edge_lines(smooth, blur, options)
        labels = cut_apart(enclosed(lines, diameter), diameter)
        return from_labels(labels, image, diameter, options.tolerance, options.polarity)


def edge_lines(smooth: FloatImage, blur: float, options: EdgesOptions) -> NDArray[np.uint8]:
    """Mask of the edges of an image smoothed by a Gaussian of sigma ``blur``.

    An edge is where the gradient is steep against its noise (along x or y) and against the
    steepest within a radius. Canny (1986, IEEE Trans Pattern Anal Mach Intell 8:679) follows a
    line down to half of that if it reaches it somewhere.
    """
    along_x, along_y = (
        np.asarray(
            cv2.Sobel(smooth, cv2.CV_32F, x, y, scale=1 / 8, borderType=cv2.BORDER_REFLECT),
            np.float32,
        )
        for x, y in ((1, 0), (0, 1))
    )
    rounding = QUANTISATION / ((8 * np.pi) ** 0.5 * blur**2)
    noise = max(noise_of(along_x), noise_of(along_y), rounding)
    steepness = np.hypot(along_x, along_y)
    threshold = cv2.dilate(steepness, _disc(options.diameter_px))
    threshold *= _STEEP
    np.maximum(threshold, options.threshold_sigmas * noise, out=threshold)
    if options.method == "sobel":
        return (steepness > threshold).astype(np.uint8)
    along_x, along_y = (
        np.clip(along * (_CANNY_THRESHOLD / threshold), -(2**15), 2**15 - 1).astype(np.int16)
        for along in (along_x, along_y)
    )
    lines = cv2.Canny(
        along_x, along_y, _CANNY_THRESHOLD / _HYSTERESIS, _CANNY_THRESHOLD, L2gradient=True
    )
    return (lines > 0).astype(np.uint8)


def enclosed(lines: NDArray[np.uint8], diameter: float) -> NDArray[np.uint8]:
    """Mask of what closed lines enclose, up to the middle of the line.

    Gaps of up to a seventh of a diameter are closed. The border of the image closes what it
    cuts: two adjacent sides at a time, so that the image itself is not enclosed.
    """
    band = np.asarray(cv2.morphologyEx(lines, cv2.MORPH_CLOSE, _disc(diameter * _GAP)), np.uint8)
    height, width = band.shape
    whole = np.zeros_like(band)
    for x in (0, width + 1):
        for y in (0, height + 1):
            framed = np.pad(band, 1)
            framed[:, x] = framed[y] = 1
            whole |= filled(framed)[1:-1, 1:-1]
    inside = whole & (1 - band)
    to_outside = cv2.distanceTransform(whole, cv2.DIST_L2, 5)
    to_inside = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    mask = ((to_inside <= to_outside) & (whole > 0)).astype(np.uint8)
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, _disc(diameter * _GAP)), np.uint8)


def _disc(diameter: float) -> NDArray[np.uint8]:
    width = 2 * max(1, round(diameter / 2)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)), np.uint8)

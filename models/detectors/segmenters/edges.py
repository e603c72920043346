"""Edge segmentation: outlines by Canny or Sobel, closed and filled."""

from typing import Literal

import cv2
import numpy as np

from ...arrays import FloatImage
from ...images import QUANTISATION, blurred, noise_of
from .outlines import Mask, OutlineOptions, OutlineSegmenter, disc, filled

_LEAST_BLUR, _BLURS_PER_DIAMETER = 1.0, 20
"""Least sigma of the blur, in pixels, and diameters in larger ones. Chosen: as much as leaves
outlines where they are, and a gradient that is clear of the noise."""

_HYSTERESIS = 2.0
"""Threshold at which a line begins over the one down to which it is followed. Canny (1986) advises
2 to 3."""

_CANNY_THRESHOLD = 200
"""Whole number that stands for the threshold in the gradients that `cv2.Canny` takes. Chosen: fine
steps, and room in 16 bits for gradients 160 times as steep."""

_GAP = 0.15
"""Widest gap in an outline that is closed, in diameters (chosen)."""

_STEEP = 0.4
"""Share of the steepest gradient within a radius below which nothing is an edge. Chosen: as the
outline of `watershed`."""


class EdgesOptions(OutlineOptions, frozen=True, forbid_unknown_fields=True):
    """As :class:`OutlineOptions`, and how edges are found.

    Other Parameters
    ----------------
    method : str
        ``canny`` follows thin lines along which the gradient is greatest; ``sobel`` takes all
        that is steep, for outlines too ragged to be followed.
    """

    method: Literal["canny", "sobel"] = "canny"


class Edges(OutlineSegmenter[EdgesOptions]):
    """Segments by closed outlines, whatever is inside."""

    Options = EdgesOptions
    name = "edges"

    def _mask(self, image: FloatImage) -> Mask:
        diameter = self.options.diameter_px
        blur = max(_LEAST_BLUR, diameter / _BLURS_PER_DIAMETER)
        smooth = blurred(image, blur, "smooth", self._scratch)
        return enclosed(edge_lines(smooth, blur, self.options), diameter)


def edge_lines(smooth: FloatImage, blur: float, options: EdgesOptions) -> Mask:
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
    threshold = cv2.dilate(steepness, disc(options.diameter_px / 2))
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


def enclosed(lines: Mask, diameter: float) -> Mask:
    """Mask of what closed lines enclose, up to the middle of the line.

    Gaps of up to a seventh of a diameter are closed. The border of the image closes what it
    cuts: two adjacent sides at a time, so that the image itself is not enclosed.
    """
    band = np.asarray(cv2.morphologyEx(lines, cv2.MORPH_CLOSE, disc(diameter * _GAP / 2)), np.uint8)
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
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, disc(diameter * _GAP / 2)), np.uint8)

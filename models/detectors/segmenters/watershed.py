"""Watershed segmentation: bodies of about a given size, cut apart where they touch."""

from typing import Annotated

import cv2
import numpy as np
from msgspec import Meta

from ...arrays import FloatImage
from ...images import (
    Polarity,
    Scratch,
    as_bright,
    binned,
    blurred,
    camera_noise,
    resized_like,
    robust_noise,
)
from ..classical import SearchCriteria, above_background
from .outlines import Mask, OutlineOptions, OutlineSegmenter, disc, filled

_LEAST_BLUR, _BLURS_PER_DIAMETER = 0.8, 24
"""Least sigma of the blur, in pixels, and diameters in larger ones. Chosen: as much as leaves
outlines where they are."""

_GRAINS_PER_DIAMETER = 8
"""Pixels of a diameter in the image of the local threshold. Chosen: coarse, as it is smooth."""

_OUTLINE = 0.4
"""Share of the greatest signal at which a body ends. Chosen: near half, at which a blurred edge is,
and lower, as the top of a body is brighter than its rim."""


class WatershedOptions(OutlineOptions, frozen=True, forbid_unknown_fields=True):
    """As :class:`OutlineOptions`, for bright bodies."""

    polarity: Polarity = "bright"
    threshold_sigmas: Annotated[float, Meta(gt=0)] = 4.0


class Watershed(OutlineSegmenter[WatershedOptions]):
    """Segments by a local threshold and the watershed of the depth inside the outline."""

    Options = WatershedOptions
    name = "watershed"

    def _mask(self, image: FloatImage) -> Mask:
        options = self.options
        bright = as_bright(image, options.polarity, options.diameter_px, self._scratch)
        return outlined(bright, options, self._scratch)


def outlined(image: FloatImage, options: WatershedOptions, scratch: Scratch) -> Mask:
    """Mask of the bright bodies of an image, holes filled.

    The local threshold is a share of the greatest signal within a radius, so that a dim body
    beside a bright one has its own outline, and never below the noise.
    """
    diameter = options.diameter_px
    noise = np.inf if options.polarity == "both" else camera_noise(image)
    blur = max(_LEAST_BLUR, diameter / _BLURS_PER_DIAMETER)
    smooth = blurred(image, blur, "smooth", scratch)
    criteria = SearchCriteria(diameter, options.tolerance, options.threshold_sigmas, 0, noise)
    signal = above_background(smooth, criteria, scratch)
    floor = options.threshold_sigmas * robust_noise(signal, noise, 1 / (2 * np.pi**0.5 * blur))
    grain = max(1, int(diameter / _GRAINS_PER_DIAMETER))
    coarse = binned(signal, grain, "coarse", scratch)
    highest = scratch.take("dilated", coarse.shape)
    cv2.dilate(coarse, disc(diameter / grain / 2), dst=highest)
    highest = blurred(highest, diameter / grain / 4, "highest", scratch)
    threshold = resized_like(highest, signal, "threshold", scratch)
    np.maximum(np.multiply(threshold, _OUTLINE, out=threshold), floor, out=threshold)
    return filled((signal > threshold).astype(np.uint8))

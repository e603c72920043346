"""What watershed and edges share: a mask of bodies, cut apart where they touch."""

from __future__ import annotations

from typing import Annotated, ClassVar, Generic, TypeVar

import cv2
import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ...arrays import FloatImage, Image
from ...detections import Detections
from ...images import Polarity, Scratch, as_float, checked, without_hot_pixels
from .label_maps import from_labels

Mask = NDArray[np.uint8]

_SEED_DEPTH, _SEED_BLURS, _SEED_REACH = 0.15, 8, 0.25
"""Of the seeds of bodies that touch: least distance to the outline in diameters, sigmas of the blur
of that distance in a diameter, radius in diameters within which there is one. Chosen: a disc has
a depth of 0.5, the neck between two is shallower, and there may be bodies of half the diameter."""


class OutlineOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to look for.

    Other Parameters
    ----------------
    diameter_px : float
        Typical diameter, that of a disc of the same area.
    tolerance : float
        Objects up to this factor smaller or larger are kept.
    polarity : str
        ``bright`` or ``dark`` against the surroundings, or ``both``: anything that differs.
    threshold_sigmas : float
        Least signal (`watershed`) or gradient (`edges`) in units of its noise.
    """

    diameter_px: Annotated[float, Meta(ge=4)] = 20.0
    tolerance: Annotated[float, Meta(gt=1)] = 2.0
    polarity: Polarity = "both"
    threshold_sigmas: Annotated[float, Meta(gt=0)] = 5.0


Options = TypeVar("Options", bound=OutlineOptions)


class OutlineSegmenter(Generic[Options]):
    """Labels the bodies of a mask, those that touch cut at the neck.

    Keeps arrays between images, so one object serves one thread.
    """

    Options: ClassVar[type[OutlineOptions]]

    def __init__(self, options: Options | None = None) -> None:
        self.options: Options = options or self.Options()  # type: ignore[assignment]
        self._scratch = Scratch()

    def detect(self, image: Image) -> Detections:
        """Find the objects in an image with their masks, as :meth:`.Detector.detect`."""
        image, options = without_hot_pixels(checked(image)), self.options
        mask = self._mask(as_float(image, self._scratch))
        labels = cut_apart(mask, options.diameter_px)
        return from_labels(labels, image, options.diameter_px, options.tolerance, options.polarity)

    def _mask(self, image: FloatImage) -> Mask:
        """Mask of the bodies of an image, 0 or 1."""
        raise NotImplementedError


def disc(radius: float) -> Mask:
    """Structuring element: a disc of that radius in pixels, at least 1."""
    width = 2 * max(1, round(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)), np.uint8)


def filled(mask: Mask) -> Mask:
    """Fill the holes of a mask in place: outlines drawn solid."""
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(mask, outlines, -1, 1, cv2.FILLED)
    return mask


def cut_apart(mask: Mask, diameter: float) -> NDArray[np.int32]:
    """Label the bodies of a mask, those that touch cut at the neck.

    Seeds are the maxima of the distance to the outline, smoothed and some way apart. A
    connected part of the mask with several is flooded from them; every pixel of the mask
    belongs to a body.
    """
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    smooth = cv2.GaussianBlur(depth, (0, 0), diameter / _SEED_BLURS)
    around = disc(_SEED_REACH * diameter)
    tops = (smooth >= cv2.dilate(smooth, around)) & (depth > _SEED_DEPTH * diameter)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    seeds = cv2.connectedComponents(tops.astype(np.uint8), connectivity=8)[1]
    at = np.flatnonzero(seeds)
    pairs = np.unique(np.stack([parts.ravel()[at], seeds.ravel()[at]]), axis=1)
    labels = parts.astype(np.int32)
    for part in np.flatnonzero(np.bincount(pairs[0], minlength=count) > 1):
        left, top, wide, high = stats[part, :4]
        crop = np.s_[top : top + high, left : left + wide]
        inside = parts[crop] == part
        flooded = _flooded(depth[crop] * inside, seeds[crop] * inside)
        labels[crop][inside] = flooded[inside] + count
    return labels


def _flooded(depth: FloatImage, seeds: NDArray[np.int32]) -> NDArray[np.int32]:
    """Watershed of a depth from its seeds, level by level (Vincent and Soille 1991).

    At every level, from the deepest on, the seeds spread over what is at least that deep.
    """
    labels = seeds.astype(np.float32)
    around = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    for level in range(int(depth.max()), -1, -1):
        dry = (labels == 0) & (depth > level)
        while dry.any():
            spread = cv2.dilate(labels, around) * dry
            if not spread.any():
                break
            labels += spread
            dry &= spread == 0
    return labels.astype(np.int32)

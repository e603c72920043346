"""Watershed segmentation: bodies of about a given size, cut apart where they touch."""

from __future__ import annotations

from typing import Annotated

import cv2
import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ...arrays import FloatImage
from ...detections import Detections
from ...images import (
    Polarity,
    Scratch,
    as_float,
    binned,
    blurred,
    camera_noise,
    checked,
    enlarged,
    robust_noise,
    upright,
)
from ..classical import Wanted, above_background
from .segmenter import Camera, from_labels

_LEAST_BLUR = 0.8
_PIXELS_PER_DIAMETER = 24
_GRAINS_PER_DIAMETER = 8
_OUTLINE = 0.4
_SEED_DEPTH = 0.15
_SEED_BLUR = 8
_SEED_REACH = 0.25


class WatershedOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
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
        Least signal in units of the noise.
    """

    diameter_px: Annotated[float, Meta(ge=4)] = 20.0
    tolerance: Annotated[float, Meta(gt=1)] = 2.0
    polarity: Polarity = "bright"
    threshold_sigmas: Annotated[float, Meta(gt=0)] = 4.0


class Watershed:
    """Segments by a local threshold and the watershed of the depth inside the outline.

    Keeps arrays between images, so one object serves one thread.
    """

    Options = WatershedOptions
    name = "watershed"

    def __init__(self, options: WatershedOptions | None = None) -> None:
        self.options = options or WatershedOptions()
        self._scratch = Scratch()

    def detect(self, image: Camera) -> Detections:
        """Find the objects in an image, (H, W) uint8 or uint16, with their masks.

        Raises
        ------
        ValueError
            If the image has another shape or type.
        """
        image, options = checked(image), self.options
        work = upright(
            as_float(image, self._scratch), options.polarity, options.diameter_px, self._scratch
        )
        mask = outlined(work, options, self._scratch)
        labels = cut_apart(mask, options.diameter_px)
        return from_labels(labels, image, options.diameter_px, options.tolerance, options.polarity)


def outlined(image: FloatImage, options: WatershedOptions, scratch: Scratch) -> NDArray[np.uint8]:
    """Mask of the bright bodies of an image, holes filled.

    The local threshold is a share of the greatest signal within a radius, so that a dim body
    beside a bright one has its own outline, and never below the noise.
    """
    diameter = options.diameter_px
    noise = np.inf if options.polarity == "both" else camera_noise(image)
    blur = max(_LEAST_BLUR, diameter / _PIXELS_PER_DIAMETER)
    smooth = blurred(image, blur, "smooth", scratch)
    wanted = Wanted(diameter, options.tolerance, options.threshold_sigmas, 0, noise)
    signal = above_background(smooth, wanted, scratch)
    floor = options.threshold_sigmas * robust_noise(signal, noise, 1 / (2 * np.pi**0.5 * blur))
    grain = max(1, int(diameter / _GRAINS_PER_DIAMETER))
    coarse = binned(signal, grain, "coarse", scratch)
    width = 2 * max(1, round(diameter / grain / 2)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    highest = scratch.take("dilated", coarse.shape)
    cv2.dilate(coarse, disc, dst=highest)
    highest = blurred(highest, diameter / grain / 4, "highest", scratch)
    threshold = enlarged(highest, signal, "threshold", scratch)
    np.maximum(np.multiply(threshold, _OUTLINE, out=threshold), floor, out=threshold)
    mask = (signal > threshold).astype(np.uint8)
    return filled(mask)


def filled(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Fill the holes of a mask in place: outlines drawn solid."""
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(mask, outlines, -1, 1, cv2.FILLED)
    return mask


def cut_apart(mask: NDArray[np.uint8], diameter: float) -> NDArray[np.int32]:
    """Label the bodies of a mask, those that touch cut at the neck.

    Seeds are the maxima of the distance to the outline, smoothed and some way apart. A
    connected part of the mask with several is flooded from them; every pixel of the mask
    belongs to a body.
    """
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    smooth = cv2.GaussianBlur(depth, (0, 0), diameter / _SEED_BLUR)
    width = 2 * round(_SEED_REACH * diameter) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    tops = (smooth >= cv2.dilate(smooth, disc)) & (depth > _SEED_DEPTH * diameter)
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

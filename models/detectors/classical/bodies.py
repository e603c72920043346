"""Finds larger bodies of any shape: local background, threshold, connected components."""

import cv2
import numpy as np
from numpy.typing import NDArray

from ...arrays import FloatImage
from ...images import Scratch, binned, blurred, median_of, resized_like, robust_noise
from .search import SearchCriteria, SearchResult

_OUTLINE = 0.5
"""Share of its mean signal at which a body ends: a blurred edge is at half of its height."""

_GRAINS_PER_DIAMETER = 4
"""Pixels of a diameter in the image of the background. Chosen: coarse, as it is smooth."""

_LEAST_BLUR, _BLURS_PER_DIAMETER = 0.8, 16
"""Least sigma of the blur, in pixels, and diameters in larger ones. Chosen: as much as leaves
outlines where they are."""

_SEED_DEPTH, _SEED_BLURS, _SEED_REACH = 0.2, 8, 0.3
"""Of the seeds of bodies that touch: least distance to the outline in diameters, sigmas of the blur
of that distance in a diameter, radius in diameters within which there is one. Chosen: a disc has
a depth of 0.5, the neck between two is shallower."""


def find_bodies(image: FloatImage, criteria: SearchCriteria, scratch: Scratch) -> SearchResult:
    """Find bright bodies with the area of a disc of the criteria size.

    What is above the threshold is drawn again at half the mean of its connected
    component, so that the halo of a bright body is not part of it, and bodies that touch are
    cut apart at the neck. The centre is the centroid weighted by the signal; the strength is
    the mean signal.
    """
    diameter, tolerance = criteria.diameter, criteria.tolerance
    blur = max(_LEAST_BLUR, diameter / _BLURS_PER_DIAMETER)
    signal = above_background(blurred(image, blur, "smooth", scratch), criteria, scratch)
    noise = robust_noise(signal, criteria.camera_noise, 1 / (2 * np.pi**0.5 * blur))
    mask = _cut_apart(_outlined(signal, criteria.sigmas * noise), diameter)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    inside = np.flatnonzero(labels)
    which, value = labels.ravel()[inside].astype(np.intp), signal.ravel()[inside]
    area, total = stats[:, cv2.CC_STAT_AREA], np.bincount(which, value, count)
    size = 2 * np.sqrt(area / np.pi)
    good = (size < diameter * tolerance) & (size * tolerance > diameter) & (total > 0)
    good[0] = False
    chosen = np.flatnonzero(good)
    if len(chosen) > criteria.limit:
        chosen = chosen[np.argpartition(total[chosen], -criteria.limit)[-criteria.limit :]]
    rows, columns = np.divmod(inside, image.shape[1])
    sums = [np.bincount(which, value * at, count)[chosen] for at in (columns, rows)]
    corner, extent = stats[chosen, 0:2] - 0.5, stats[chosen, 2:4]
    return SearchResult(
        centres=np.stack(sums, axis=1) / total[chosen, None],
        boxes=np.hstack([corner, corner + extent]),
        snr=total[chosen] / area[chosen] / noise,
        brightness=total[chosen],
    )


def above_background(smooth: FloatImage, criteria: SearchCriteria, scratch: Scratch) -> FloatImage:
    """Subtract what remains of the image when everything as small as a body is cut off.

    A grey opening on a coarse grid, wider than the largest body, after a plane is taken off
    that would mislead it at the border; then the median is zero.
    """
    grain = max(1, round(criteria.diameter / _GRAINS_PER_DIAMETER))
    coarse = binned(smooth, grain, "coarse", scratch)
    width = 2 * int(np.ceil(criteria.diameter * criteria.tolerance / grain / 2)) + 3
    opened = scratch.take("opened", coarse.shape)
    plane = _plane(coarse)
    cv2.morphologyEx(coarse - plane, cv2.MORPH_OPEN, np.ones((width, width), np.uint8), dst=opened)
    opened = blurred(opened, width / 4, "background", scratch)
    opened += plane
    signal = np.subtract(smooth, resized_like(opened, smooth, "enlarged", scratch), out=smooth)
    signal -= median_of(signal)
    return signal


def _plane(image: FloatImage) -> FloatImage:
    """Least-squares plane without its constant."""
    x, y = (np.arange(size, dtype=np.float32) - (size - 1) / 2 for size in image.shape[::-1])
    slope_x = image.mean(axis=0) @ x / max(x @ x, 1.0)
    slope_y = image.mean(axis=1) @ y / max(y @ y, 1.0)
    return (slope_y * y[:, None] + slope_x * x).astype(np.float32)


def _outlined(signal: FloatImage, threshold: float) -> NDArray[np.uint8]:
    """Mask of what is above the threshold and above half the mean of its component."""
    mask = (signal > threshold).astype(np.uint8)
    count, labels = cv2.connectedComponents(mask, connectivity=4)
    inside = np.flatnonzero(labels)
    which, value = labels.ravel()[inside].astype(np.intp), signal.ravel()[inside]
    area = np.bincount(which, minlength=count)
    mean = np.bincount(which, value, count) / np.maximum(area, 1)
    mask.ravel()[inside] = value >= _OUTLINE * mean[which]
    return mask


def _cut_apart(mask: NDArray[np.uint8], diameter: float) -> NDArray[np.uint8]:
    """Draw a line of zeros between bodies that touch.

    Seeds are the maxima of the distance to the outline, smoothed and at least half a diameter
    apart; every pixel belongs to the nearest seed.
    """
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    depth = cv2.GaussianBlur(depth, (0, 0), diameter / _SEED_BLURS)
    width = 2 * round(_SEED_REACH * diameter) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    seeds = (depth >= cv2.dilate(depth, disc)) & (depth > _SEED_DEPTH * diameter)
    if np.count_nonzero(seeds) < 2:
        return mask
    _, owner = cv2.distanceTransformWithLabels(
        (~seeds).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_CCOMP
    )
    mask[:, 1:][owner[:, 1:] != owner[:, :-1]] = 0
    mask[1:][owner[1:] != owner[:-1]] = 0
    return mask

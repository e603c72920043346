"""Finds larger bodies of any shape: local background, threshold, connected components."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ...arrays import FloatImage
from ...images import Scratch, binned, blurred, enlarged, level_of, robust_noise
from .search import Found, Wanted

_OUTLINE = 0.5
_GRAINS_PER_DIAMETER = 4
_LEAST_BLUR = 0.8
_SEED_DEPTH = 0.2


def find_bodies(image: FloatImage, wanted: Wanted, scratch: Scratch) -> Found:
    """Find bright bodies with the area of a disc of the wanted size.

    What is above the threshold is drawn again at half the mean of its connected
    component, so that the halo of a bright body is not part of it, and bodies that touch are
    cut apart at the neck. The centre is the centroid weighted by the signal; the strength is
    the mean signal.
    """
    diameter, tolerance = wanted.diameter, wanted.tolerance
    blur = max(_LEAST_BLUR, diameter / 16)
    signal = above_background(blurred(image, blur, "smooth", scratch), wanted, scratch)
    noise = robust_noise(signal, wanted.camera_noise, 1 / (2 * np.pi**0.5 * blur))
    mask = _cut_apart(_outlined(signal, wanted.sigmas * noise), diameter)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    inside = np.flatnonzero(labels)
    which, value = labels.ravel()[inside].astype(np.intp), signal.ravel()[inside]
    area, total = stats[:, cv2.CC_STAT_AREA], np.bincount(which, value, count)
    size = 2 * np.sqrt(area / np.pi)
    good = (size < diameter * tolerance) & (size * tolerance > diameter) & (total > 0)
    good[0] = False
    chosen = np.flatnonzero(good)
    if len(chosen) > wanted.limit:
        chosen = chosen[np.argpartition(total[chosen], -wanted.limit)[-wanted.limit :]]
    rows, columns = np.divmod(inside, image.shape[1])
    sums = [np.bincount(which, value * at, count)[chosen] for at in (columns, rows)]
    corner, extent = stats[chosen, 0:2] - 0.5, stats[chosen, 2:4]
    return Found(
        centres=np.stack(sums, axis=1) / total[chosen, None],
        boxes=np.hstack([corner, corner + extent]),
        snr=total[chosen] / area[chosen] / noise,
        brightness=total[chosen],
    )


def above_background(smooth: FloatImage, wanted: Wanted, scratch: Scratch) -> FloatImage:
    """Subtract what remains of the image when everything as small as a body is cut off.

    A grey opening on a coarse grid, wider than the largest body, after a plane is taken off
    that would mislead it at the border; then the median is zero.
    """
    grain = max(1, round(wanted.diameter / _GRAINS_PER_DIAMETER))
    coarse = binned(smooth, grain, "coarse", scratch)
    width = 2 * int(np.ceil(wanted.diameter * wanted.tolerance / grain / 2)) + 3
    opened = scratch.take("opened", coarse.shape)
    plane = _plane(coarse)
    cv2.morphologyEx(coarse - plane, cv2.MORPH_OPEN, np.ones((width, width), np.uint8), dst=opened)
    opened = blurred(opened, width / 4, "background", scratch)
    opened += plane
    signal = np.subtract(smooth, enlarged(opened, smooth, "enlarged", scratch), out=smooth)
    signal -= level_of(signal)
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
    depth = cv2.GaussianBlur(depth, (0, 0), diameter / 8)
    width = 2 * round(0.3 * diameter) + 1
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

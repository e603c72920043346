"""Objects cut out of an annotated still, and the still without them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ....models.arrays import Bools
from ....models.boxes import areas, intersection_over_union
from ....models.datasets import Sample, read_label_image
from ....models.images import camera_noise

_LEAST_PX = 8
"""Side of the smallest object that is cut out: smaller ones have no texture."""
_MOST = 0.25
"""Side of the largest, over the shorter side of the still: it needs room to move."""
_MARGIN_PX = 4
"""Around a box: what an edge fades over."""
_FADE_PX = 1.2
"""Standard deviation of the blur of an edge, about that of an objective."""

_CROWDED = 0.2
"""Share of a still that objects cover, from which nothing of it is left as it was: what lies
between them is cut by what they hide."""
_SPANS = 0.7
"""Least part of the sides of its box that an object spans: else only a part of it was found."""
_UNUSED = 1_000_000
"""Label of what is no whole object: it is removed from the still and not used."""
_VISIBLE = 3.0
"""Least contrast of an object over the noise of a pixel. Chosen: what people would point at."""
_TELEA = cv2.INPAINT_TELEA

FloatImage = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """One object: grey values less the background, and how much of each pixel is its own.

    Attributes
    ----------
    light, share : (H, W) float32
        Share is 0 to 1.
    mask : (H, W) bool
        Which pixels are its own.
    """

    light: FloatImage
    share: FloatImage
    mask: Bools

    @property
    def contrast(self) -> float:
        """Mean distance of its grey values from the background."""
        return float(np.abs(self.light[self.mask]).mean())


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """A still taken apart.

    Attributes
    ----------
    background : (H, W) float32
        What is left without any object, filled in and smooth where they were.
    noise : float
        Standard deviation of a pixel.
    cutouts : list of Cutout
        Objects that touch no other and no edge.
    """

    background: FloatImage
    noise: float
    cutouts: list[Cutout]


def take_apart(sample: Sample, folder: Path) -> Still:
    """Cut out the objects of a still, by its label map or else by thresholds in its boxes."""
    image = sample.load().astype(np.float32)
    labels = _labels(sample, folder, image)
    anything = cv2.dilate((labels > 0).astype(np.uint8), np.ones((7, 7), np.uint8))
    crowded = anything.mean() > _CROWDED
    filled = _level(image, anything == 0) if crowded else cv2.inpaint(image, anything, 5, _TELEA)
    background = filled.astype(np.float32)
    noise = camera_noise(image)
    cutouts = [
        _cut(image, background, labels == number)
        for number in np.unique(labels[labels > 0]).tolist()
        if number != _UNUSED and _stands_alone(labels, number)
    ]
    visible = [cutout for cutout in cutouts if cutout.contrast > _VISIBLE * noise]
    return Still(background, float(noise), visible)


def _labels(sample: Sample, folder: Path, image: FloatImage) -> NDArray[np.int32]:
    """Label map of a still, its own or made of its boxes; numbers need not be consecutive."""
    for path in (folder / "labels").iterdir() if (folder / "labels").is_dir() else ():
        if path.stem == sample.name and path.suffix != ".txt":
            labels = read_label_image(path)
            numbers = np.unique(labels[labels > 0])
            return np.searchsorted(numbers, labels, side="right").astype(np.int32)
    labels = np.zeros(image.shape, np.int32)
    crowded = float(areas(sample.boxes_px).sum()) > _CROWDED * image.size
    for number, box in enumerate(sample.boxes_px, start=1):
        left, top, right, bottom = np.clip(np.round(box + 0.5), 0, None).astype(int).tolist()
        part, mine = image[top:bottom, left:right], labels[top:bottom, left:right]
        piece = _ellipse(part.shape) if crowded else _differs(part)
        alone = int((intersection_over_union(box, sample.boxes_px) > 0).sum()) == 1
        if alone and _spans(piece):
            mine[piece] = number
        else:
            mine[:] = _UNUSED
    return labels


def _ellipse(shape: tuple[int, ...]) -> Bools:
    """Return the ellipse in a box; in a crowd there is no rim that is background."""
    height, width = shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return x * x + y * y <= 1


def _spans(piece: Bools) -> bool:
    """Whether a piece fills its box along both sides."""
    if not piece.any():
        return False
    sides = np.ptp(np.nonzero(piece), axis=1) + 1
    return bool((sides >= _SPANS * np.array(piece.shape)).all())


def _level(image: FloatImage, free: Bools) -> FloatImage:
    """Background of an image without texture: a paraboloid through what is free of objects."""
    height, width = image.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    median = np.median(image[free])
    usual = free & (np.abs(image - median) < 3 * 1.4826 * np.median(np.abs(image[free] - median)))
    fit, *_ = np.linalg.lstsq(terms[usual], image[usual], rcond=None)
    return (terms @ fit).astype(np.float32)


def _differs(part: FloatImage) -> Bools:
    """Largest piece of a box that differs from its rim, which is background."""
    rim = np.concatenate([part[0], part[-1], part[:, 0], part[:, -1]])
    away = np.abs(part - np.median(rim))
    scale = 255 / max(float(away.max()), 1e-6)
    grey = cv2.GaussianBlur((away * scale).astype(np.uint8), (0, 0), 1.5)
    _, binary = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    binary = cv2.morphologyEx(binary, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(binary)
    if count < 2:
        return np.ones(part.shape, np.bool_)
    piece = pieces == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return np.asarray(ndimage.binary_fill_holes(piece), np.bool_)


def _stands_alone(labels: NDArray[np.int32], number: int) -> bool:
    """Whether an object is of a usable size, whole, and touches no other."""
    rows, columns = np.nonzero(labels == number)
    if not len(rows):
        return False
    height, width = labels.shape
    tall, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
    top, left = rows.min() - _MARGIN_PX, columns.min() - _MARGIN_PX
    bottom, right = rows.max() + _MARGIN_PX + 1, columns.max() + _MARGIN_PX + 1
    if top < 0 or left < 0 or bottom > height or right > width:
        return False
    if not min(tall, wide) >= _LEAST_PX or max(tall, wide) > _MOST * min(height, width):
        return False
    around = labels[top:bottom, left:right]
    grown = cv2.dilate((around == number).astype(np.uint8), np.ones((5, 5), np.uint8))
    return not ((grown > 0) & (around > 0) & (around != number)).any()


def _cut(image: FloatImage, background: FloatImage, mask: Bools) -> Cutout:
    rows, columns = np.nonzero(mask)
    part = np.s_[
        rows.min() - _MARGIN_PX : rows.max() + _MARGIN_PX + 1,
        columns.min() - _MARGIN_PX : columns.max() + _MARGIN_PX + 1,
    ]
    inside = mask[part]
    grown = cv2.dilate(inside.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    share = cv2.GaussianBlur(grown, (0, 0), _FADE_PX).astype(np.float32)
    return Cutout((image - background)[part] * share, share, inside)

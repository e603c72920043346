"""Augmentation of microscope images: as of another day, focus or camera."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..detectors.learned import factor_for
from ..images import levels_of, stretched
from .dataset import Dataset, Sample

Grey = NDArray[np.float32]

LEAST_LEFT = 0.35
"""Share of a box that must remain in a crop for its object to count. Chosen: about what a person
would still mark."""

LEAST_PX = 3.0
"""Smallest edge of a box that is learned. Chosen: below that it is a matter of rounding."""


@dataclass(frozen=True, slots=True)
class AugmentationSettings:
    """How strongly images are varied.

    Attributes
    ----------
    scale : float
        Sizes vary by up to this factor either way.
    mosaic : float
        Share of pictures put together from four.
    invert : float
        Share of pictures turned into their negative.
    """

    scale: float = 1.6
    mosaic: float = 0.4
    invert: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class TrainingImage:
    """An image as a network gets it, before augmentation: stretched, at its scale.

    Attributes
    ----------
    grey : (H, W) uint8
        Between the levels of a whole field; whole numbers, to keep many in memory.
    boxes_px : (N, 4) float32
        In pixel edges: 0 is the left edge of the image.
    classes : (N,) int64
    """

    grey: NDArray[np.uint8]
    boxes_px: NDArray[np.float32]
    classes: NDArray[np.int64]


def training_image(sample: Sample, scale: float) -> TrainingImage:
    """Stretch and scale an image as the detector will."""
    image = sample.load()
    grey = stretched(image, levels_of(image))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    if scale != 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=method)
    exact = np.array(grey.shape[::-1]) / image.shape[::-1]
    boxes = (sample.boxes_px + 0.5) * np.tile(exact, 2)
    return TrainingImage(
        np.rint(grey * 255).astype(np.uint8), boxes.astype(np.float32), sample.classes
    )


class Augmented:
    """An endless stream of augmented tiles from several data sets.

    Parameters
    ----------
    sources : sequence of (data set, weight)
        Data sets with the share that each has of the tiles; classes are those of ``classes``.
    classes : sequence of str
        All names, in the order of the network's output.
    object_px : float
        Size to which the median object of every source is scaled; see `factor_for`.
    tile_px : int
        Edge of a tile.
    """

    def __init__(
        self,
        sources: Sequence[tuple[Dataset, float]],
        classes: Sequence[str],
        object_px: float,
        tile_px: int,
        strength: AugmentationSettings,
        seed: int = 0,
    ) -> None:
        self._sources = [dataset for dataset, _ in sources]
        shares = np.array([weight for _, weight in sources], float)
        self._shares = shares / shares.sum()
        self._maps = [np.array([classes.index(c) for c in d.classes]) for d in self._sources]
        self._object_px, self._tile_px, self._strength = object_px, tile_px, strength
        self._rng = np.random.default_rng(seed)
        self._pictures: dict[tuple[int, int], TrainingImage] = {}

    def __iter__(self) -> Iterator[tuple[Grey, NDArray[np.float32], NDArray[np.int64]]]:
        """Yield tiles (S, S) float32 from 0 to 1, boxes (N, 4) in pixel edges, classes (N,)."""
        size = self._tile_px
        while True:
            if self._rng.random() >= self._strength.mosaic:
                grey, boxes, classes = self._crop(size, size)
            else:
                grey, boxes, classes = self._mosaic(size)
            yield _developed(grey, self._rng, self._strength.invert), boxes, classes

    def _mosaic(self, size: int) -> tuple[Grey, NDArray[np.float32], NDArray[np.int64]]:
        """Four crops that meet somewhere in the middle."""
        tile = np.empty((size, size), np.float32)
        x, y = (int(v) for v in self._rng.uniform(0.35, 0.65, 2) * size)
        boxes, classes = [], []
        for left, right in ((0, x), (x, size)):
            for top, bottom in ((0, y), (y, size)):
                part, part_boxes, part_classes = self._crop(right - left, bottom - top)
                tile[top:bottom, left:right] = part
                boxes.append(part_boxes + np.array([left, top, left, top], np.float32))
                classes.append(part_classes)
        return tile, np.concatenate(boxes), np.concatenate(classes)

    def _crop(self, width: int, height: int) -> tuple[Grey, NDArray[np.float32], NDArray[np.int64]]:
        """A random part of a random picture, scaled, flipped and turned."""
        rng = self._rng
        source = int(rng.choice(len(self._sources), p=self._shares))
        picture = self._picture(source, int(rng.integers(len(self._sources[source]))))
        scale = self._strength.scale ** rng.uniform(-1, 1)
        shape = np.array(picture.grey.shape[::-1])
        size = np.array([width, height]) / scale
        start = _start(picture, shape, size, rng)
        move = np.array([[scale, 0, -start[0] * scale], [0, scale, -start[1] * scale]])
        centred = move + np.array([[0, 0, (scale - 1) / 2], [0, 0, (scale - 1) / 2]])
        border = float(
            np.median(picture.grey[:: max(1, shape[1] // 64), :: max(1, shape[0] // 64)])
        )
        part = cv2.warpAffine(picture.grey, centred, (width, height), borderValue=border)
        boxes = picture.boxes_px * scale + np.tile(move[:, 2], 2)
        boxes, kept = _clipped(boxes, width, height)
        classes = self._maps[source][picture.classes[kept]]
        shown = part.astype(np.float32) / np.float32(255)
        grey, boxes = _flipped(shown, boxes, rng)
        return grey, boxes.astype(np.float32), classes.astype(np.int64)

    def _picture(self, source: int, index: int) -> TrainingImage:
        key = source, index
        if key not in self._pictures:
            dataset = self._sources[source]
            scale = factor_for(dataset.object_px, self._object_px)
            self._pictures[key] = training_image(dataset.samples[index], scale)
        return self._pictures[key]


def _start(
    picture: TrainingImage, shape: NDArray, size: NDArray, rng: np.random.Generator
) -> NDArray:
    """Where a crop begins: half of the time so that some object is in it."""
    if len(picture.boxes_px) and rng.random() < 0.5:
        left, top, right, bottom = picture.boxes_px[rng.integers(len(picture.boxes_px))]
        wanted = np.array([left + right, top + bottom]) / 2 - rng.uniform(0.1, 0.9, 2) * size
    else:
        wanted = rng.uniform(0, 1, 2) * (shape - size)
    room = shape - size
    return np.where(room > 0, np.clip(wanted, 0, np.maximum(room, 0)), rng.uniform(0, 1, 2) * room)


def _clipped(boxes: NDArray, width: int, height: int) -> tuple[NDArray, NDArray[np.bool_]]:
    """Clip boxes to a crop; leave out what is hardly in it."""
    whole = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 1e-6)
    edge = np.array([width, height, width, height])
    clipped = np.clip(boxes, 0, edge)
    sides = clipped[:, 2:] - clipped[:, :2]
    kept = (sides.prod(axis=1) > LEAST_LEFT * whole) & (sides >= LEAST_PX).all(axis=1)
    return clipped[kept], kept


def _flipped(grey: Grey, boxes: NDArray, rng: np.random.Generator) -> tuple[Grey, NDArray]:
    """Mirror and turn by right angles, as far as the shape allows: a microscope has no up."""
    height, width = grey.shape
    if rng.random() < 0.5:
        grey, boxes = grey[:, ::-1], boxes[:, [2, 1, 0, 3]] * (-1, 1, -1, 1) + (width, 0, width, 0)
    if rng.random() < 0.5:
        grey, boxes = grey[::-1], boxes[:, [0, 3, 2, 1]] * (1, -1, 1, -1) + (0, height, 0, height)
    if height == width and rng.random() < 0.5:
        grey, boxes = grey.T, boxes[:, [1, 0, 3, 2]]
    return grey, boxes


def _developed(grey: Grey, rng: np.random.Generator, invert: float) -> Grey:
    """Vary focus, light, contrast and noise."""
    grey = np.ascontiguousarray(grey)
    if rng.random() < 0.3:
        grey = _defocused(grey, rng)
    if rng.random() < 0.3:
        grey = _shaded(grey, rng)
    if rng.random() < 0.5:
        grey = np.power(np.clip(grey, 0, 1), np.float32(2.0 ** rng.uniform(-0.7, 0.7)))
    if rng.random() < 0.5:
        gain, offset = rng.uniform(0.5, 1.15), rng.uniform(-0.1, 0.25)
        grey = np.float32(gain) * grey + np.float32(offset)
    if rng.random() < 0.5:
        grey = _noisy(grey, rng)
    if rng.random() < invert:
        grey = 1 - grey
    return np.clip(grey, 0, 1, dtype=np.float32)


def _defocused(grey: Grey, rng: np.random.Generator) -> Grey:
    """Blur with a Gaussian or with the disc of a defocused pupil."""
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(grey, (0, 0), rng.uniform(0.5, 1.8)), np.float32)
    radius = rng.uniform(1, 3)
    at = np.arange(-3, 4, dtype=np.float32)
    disc = np.clip(radius + 0.5 - np.hypot(at[:, None], at), 0, 1)
    return np.asarray(cv2.filter2D(grey, -1, disc / disc.sum()), np.float32)


def _shaded(grey: Grey, rng: np.random.Generator) -> Grey:
    """Light that falls off across the field."""
    height, width = grey.shape
    corners = rng.uniform(0.6, 1.1, (3, 3)).astype(np.float32)
    return grey * cv2.resize(corners, (width, height), interpolation=cv2.INTER_CUBIC)


def _noisy(grey: Grey, rng: np.random.Generator) -> Grey:
    """Shot and read noise, of single pixels or as a scaled camera image has it."""
    noise = rng.standard_normal(grey.shape, dtype=np.float32)
    if rng.random() < 0.3:
        noise = 2 * cv2.GaussianBlur(noise, (0, 0), 0.8)
    read, shot = rng.uniform(0, 0.05), rng.uniform(0, 0.08)
    return grey + noise * np.sqrt(read**2 + shot**2 * np.clip(grey, 0, 1))

"""The learned detector: a network finds the objects in images of any size and contrast."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...arrays import Image
from ...detections import Detections
from ...images import Levels, SmoothedLevels, checked, is_uniform, without_hot_pixels
from ..detector import MovieDefaults
from ..told_size import ToldSize
from ..window import Window
from .centres import centres_and_brightness
from .decoding import ScoredBoxes, Thresholds, nms
from .network import Network
from .options import LearnedOptions, least_scores
from .scale import Grid, Region, cell_px_for, factor_for
from .size import (
    FACTORS,
    OTHER_SIZE,
    SHOWN_LARGER,
    TRIAL_PX,
    TRIAL_SCORE,
    Size,
    find_size,
    fits,
    part_around,
)
from .tiles import merged, region_around, tiles_of, uncut

LARGEST = 3.0
"""Objects up to so many typical sizes are whole in one of two tiles. Chosen: others are rare."""

WINDOWS_PX = (128, 192, 256, 384, 512)
"""Edges of a window in network pixels. Chosen: few, because a runtime prepares for each, and none
more than half as long again as the one before."""

SAME_OBJECT_IOU = 0.7
"""Boxes of any class that overlap more are one object, of the class with the higher score. Chosen:
higher than `LearnedOptions.iou`, as objects of two classes do lie on one another."""

RETRY_AFTER = 50
"""Images without objects, or with ones of another size, after which the size is looked for again;
twice as many after each time that changed nothing. Chosen: it costs about four images of 512 px."""


class LearnedDetector:
    """Finds what a network was trained to find.

    Contrast follows the light of the images so far (:class:`~.levels.SmoothedLevels`), and
    unless the size of the objects is given, it is found out in the first image, and again when
    later ones contradict. So both depend on the images before; the rest on the image alone.

    Keeps arrays between images, so one object serves one thread.

    Parameters
    ----------
    factor : float, optional
        Of scale from image to network; found out if not given.

    Attributes
    ----------
    card : ModelCard
        Of the model; classes of detections are indices into its classes.
    notes : list of str
        What a user should know, in the order in which it came up.

    Raises
    ------
    ModelError
        If the model does not know a wanted class.
    """

    def __init__(self, options: LearnedOptions, network: Network, factor: float | None) -> None:
        self.options, self.card, self.notes = options, network.card, network.notes
        self.name, self.max_objects = self.card.name, options.max_objects
        self._network, self._levels = network, SmoothedLevels()
        least = least_scores(options, self.card)
        self._thresholds = Thresholds(least, options.iou, options.max_objects)
        self._cell_px = cell_px_for(factor or 1.0, self.card.stride)
        self._is_factor_given = factor is not None
        self._size: Size | None = None
        self._patience, self._until_trial, self._windows = RETRY_AFTER, 0, 0
        self._point_px: tuple[float, float] | None = None
        meant = f"and they are shown to the network at {self.factor:.2g} times their size"
        self._told_size = ToldSize(options.diameter_px, OTHER_SIZE, meant)

    @classmethod
    def movie_defaults(cls, options: Mapping[str, Any]) -> MovieDefaults:
        """Say what to assume for objects of unknown kind.

        Found on movies of T cells and beads: the centres of bodies are more exact than by a
        threshold, and cells in brightfield score low.
        """
        return MovieDefaults({"score": 0.1}, diameters_per_sigma=11, high_score=0.2)

    def point_at(self, point_px: tuple[float, float]) -> None:
        """Say where, (x, y), in the next image something is whose size is then the one."""
        self._point_px = point_px

    @property
    def factor(self) -> float:
        """Size of an object as the network is shown it, over its size in the image."""
        return self.card.stride / self._cell_px

    def detect(self, image: Image) -> Detections:
        """Find the objects in an image, as :meth:`.Detector.detect`.

        Raises
        ------
        DeviceError
            If the network cannot be run, on the CPU neither.
        """
        image = without_hot_pixels(checked(image))
        if is_uniform(image):
            return Detections.none()
        levels = self._see(image)
        grid = self._grid(image.shape, self._cell_px)
        found = self._field(image, grid, levels, self._thresholds)
        agrees = self._size is not None and fits(_in_image(found, grid), self._size)
        self._until_trial = self._patience if agrees else self._until_trial - 1
        return self._detections(image, grid, found)

    def detect_within(self, image: Image, window: Window) -> Detections:
        """Find the objects in a window of an image, and some around it, in image coordinates.

        The network gets the same pixels as of the whole image: same contrast, scale and grid.
        What the inner edges of its part of the image cut is left out. Raises as `detect`.
        """
        image, crop = checked(image), window.crop(image.shape)
        if crop[0] == crop[2] or crop[1] == crop[3] or is_uniform(image):
            return Detections.none()
        if not self._levels.fits(image) or self._windows >= RETRY_AFTER:
            self._see(without_hot_pixels(image))
        self._windows += 1
        grid, levels = self._grid(image.shape, self._cell_px), self._levels.current
        region = region_around(grid, crop, self._window_sizes())
        if region is None:
            return self._detections(image, grid, self._field(image, grid, levels, self._thresholds))
        image = without_hot_pixels(image, grid.crop(region))
        found = self._network.find(image, grid, region, levels, self._thresholds)
        return self._detections(image, grid, uncut(found, grid, region))

    def _see(self, image: Image) -> Levels:
        """Learn the light of an image, and if it is due the size of what is in it."""
        self._windows, levels = 0, self._levels.update(image)
        if not self._is_factor_given and self._until_trial <= 0:
            self._find_factor(image, levels)
        self._point_px = None
        return levels

    def reset(self) -> None:
        """Begin anew, as with another specimen."""
        self._levels, self._size = SmoothedLevels(), None
        self._patience, self._until_trial = RETRY_AFTER, 0

    def warm_up(self, height: int, width: int) -> None:
        """Prepare for images of that size and for windows in them.

        While the scale is not known, for finding it out.
        """
        grid = self._grid((height, width), self._cell_px)
        grids = [grid]
        if not self._is_factor_given and self._size is None:
            grid, *_ = self._grids((height, width))
            grids = self._grids((min(height, TRIAL_PX), min(width, TRIAL_PX)))
        sizes = {size for size in self._window_sizes() if size[0] < min(grid.rows, grid.cols)}
        sizes |= {region[2:] for each in grids for region in self._tiles(each)}
        for rows, cols in sorted(sizes):
            self._network.warm_up(rows, cols)

    def _field(
        self, image: Image, grid: Grid, levels: Levels, thresholds: Thresholds
    ) -> ScoredBoxes:
        """Find objects in all of an image; boxes in network pixels."""
        parts = [
            (region, self._network.find(image, grid, region, levels, thresholds))
            for region in self._tiles(grid)
        ]
        return merged(parts, grid, self.options.iou)

    def _find_factor(self, image: Image, levels: Levels) -> None:
        """Find out how large the objects are, and take the factor of scale that goes with it."""
        known, before = self._size is not None, self._cell_px
        part, point_px = part_around(image, self._point_px)
        least = np.where(np.isfinite(self._thresholds.scores), TRIAL_SCORE, np.inf)
        thresholds = replace(self._thresholds, scores=least.astype(np.float32))
        found = [
            _in_image(self._field(part, grid, levels, thresholds), grid)
            for grid in self._grids(part.shape)
        ]
        at_px = self._point_px and point_px
        self._size = size = find_size(found, part.shape, image.shape, at_px)
        if size is not None:
            self._cell_px = cell_px_for(self._factor_for(size), self.card.stride)
        confirmed = known and size is not None and self._cell_px == before
        self._patience = 2 * self._patience if confirmed else RETRY_AFTER
        self._until_trial = self._patience
        if size is not None and (self._cell_px != before or not known):
            large = f"objects seem to be {size.px:.0f} px large and are shown to the network at"
            how = f"{self.factor:.2g} times their size; give diameter_px if that is wrong"
            self.notes.append(f"{large} {how}")

    def _detections(self, image: Image, grid: Grid, found: ScoredBoxes) -> Detections:
        of_one_class = found._replace(classes=np.zeros_like(found.classes))
        found = found.pick(nms(of_one_class, SAME_OBJECT_IOU))
        boxes = grid.in_image(found.boxes)
        is_some = (boxes[:, :2] < boxes[:, 2:]).all(axis=1)
        rows = np.flatnonzero(is_some)[: self.options.max_objects]
        boxes, found = boxes[rows], found.pick(rows)
        centres, brightness = centres_and_brightness(image, boxes)
        self.notes += self._told_size.compare(boxes)
        return Detections.of(boxes, found.scores, found.classes, centres, brightness)

    def _factor_for(self, size: Size) -> float:
        """Factor of scale at which objects of a size that was found are shown."""
        if not self._network.has_object_size:
            return size.factor
        smallest, usual = self.card.object_px
        larger = 1.0 if size.is_of_one else SHOWN_LARGER
        return factor_for(size.px, larger * usual, smallest)

    def _grid(self, shape: tuple[int, ...], cell_px: int) -> Grid:
        return Grid(shape[0], shape[1], self.card.stride, cell_px)

    def _grids(self, shape: tuple[int, ...]) -> list[Grid]:
        """Make the grids on which the size of objects is looked for."""
        return [self._grid(shape, cell_px_for(factor, self.card.stride)) for factor in FACTORS]

    def _tiles(self, grid: Grid) -> list[Region]:
        typical = self.card.object_px[1]
        if self.options.diameter_px is not None:
            typical = self.options.diameter_px * grid.stride / grid.cell_px
        fixed, most = self._network.fixed_cells, self.options.tile_px // grid.stride
        overlap = -(-int(LARGEST * typical) // grid.stride) + 1
        return tiles_of(grid, fixed or (most, most), overlap, fixed is not None)

    def _window_sizes(self) -> list[tuple[int, int]]:
        """Rows and columns of cells that a window may have."""
        if fixed := self._network.fixed_cells:
            return [fixed]
        edges = [px // self.card.stride for px in WINDOWS_PX if px <= self.options.tile_px]
        return [(cells, cells) for cells in edges if cells]


def _in_image(found: ScoredBoxes, grid: Grid) -> ScoredBoxes:
    """Put boxes in network pixels of the field into image pixels."""
    return found._replace(boxes=grid.in_image(found.boxes))

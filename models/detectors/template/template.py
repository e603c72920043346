"""Follows one object that the user points at by its appearance: no training, no model."""

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from ...arrays import FloatImage, Image
from ...detections import Detections
from ...errors import ModelError
from ...images import Scratch, checked
from ..window import Window
from .adaptive_template import AdaptiveTemplate
from .binned_crop import BinnedCrop
from .correlation import chance_level, correlate, peak_shift, significance, spread_around

SPAN = 1.5
"""Edge of the template in diameters. Chosen: with a quarter of a diameter around an object its
outline is a feature."""

EDGE_PENALTY = 0.25
"""Taken off a correlation at the edge of a window, against its middle. Chosen: enough to
prefer the middle of two alike, too little to prefer background."""

_WORKING_DIAMETER = 6
"""Pixels of a diameter where an image is averaged in blocks; as for `blobs`."""

CONTEXT = 1.5
"""Diameters around a window that are correlated too, for the level of chance (chosen)."""

LEARNING_SCORE = 1.5
"""Least scores above which the template learns. Chosen: what is only just found may be wrong."""

Place = tuple[int, int]
"""Row and column of a pixel."""


class TemplateOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to follow.

    Other Parameters
    ----------------
    diameter_px : float
        Size of the object.
    point_px : (x, y), optional
        Where the object is in the first image; in the middle if not given.
    learn : float
        Share of the template's memory that each image with a high score renews; 0 keeps the
        first template.
    least_score : float
        Score below which the object counts as gone.
    """

    diameter_px: Annotated[float, Meta(ge=3)] = 20.0
    point_px: tuple[float, float] | None = None
    learn: Annotated[float, Meta(ge=0, le=1)] = 0.2
    least_score: Annotated[float, Meta(ge=0, le=1)] = 0.2


class Template:
    """Finds one object by normalised correlation with its appearance in earlier images.

    The first image gives the template; each later one with a score of 1.5 times the least
    renews part of it. There is one detection or none: its
    box is one diameter wide, cut at the border of the image, and its centre is the sub-pixel
    peak of the correlation, averaged in blocks while a diameter still spans 6 pixels. Up to
    half of the object may be outside the image.

    The score is ``1 - chance / z``. Fisher's z is of the correlation at the peak; chance is
    what noise of the spread that z has around the object exceeds in one search of 20. Noise
    scores 0, 0.2 once in hundreds of images; a clear object 0.4 to 0.9.

    It keeps its template, so one object serves one thread and one target.
    """

    Options = TemplateOptions
    name = "template"

    def __init__(self, options: TemplateOptions | None = None) -> None:
        self.options = options or TemplateOptions()
        diameter = self.options.diameter_px
        self._factor = max(1, int(diameter / _WORKING_DIAMETER))
        self._reach = int(np.ceil(SPAN * diameter / self._factor / 2))
        self._scratch = Scratch()
        self._shape: tuple[int, ...] = ()
        self._template: AdaptiveTemplate | None = None
        self._spread = 0.0

    def detect(self, image: Image) -> Detections:
        """Search a whole image, as :meth:`.Detector.detect`.

        Raises
        ------
        ModelError
            If it has another size than the first, or the object cannot be in it.
        """
        image = self._known(image)
        whole = (0, 0, image.shape[1], image.shape[0])
        area = BinnedCrop.of(image, whole, self._factor, self._scratch)
        template = self._template or self._first_template(area, image.shape)
        if template is None:
            return Detections.none()
        correlation, visible = correlate(area.work, template.pixels)
        z = significance(correlation, visible)
        place = _highest(z)
        self._spread = spread_around(z, place, self._reach)
        score = _score(float(z[place]), self._spread, z.size / template.lobe_px)
        return self._found(area, correlation, place, score)

    def detect_within(self, image: Image, window: Window) -> Detections:
        """Search a window; of two of the same appearance the one nearer to its middle is taken."""
        template = self._template
        if template is None:
            return self.detect(image)
        image = self._known(image)
        left, top, right, bottom = window.crop(image.shape)
        if left >= right or top >= bottom:
            return Detections.none()
        margin = int(CONTEXT * self.options.diameter_px) + self._reach * self._factor
        wide = (left - margin, top - margin, right + margin, bottom + margin)
        area = BinnedCrop.of(image, wide, self._factor, self._scratch)
        correlation, visible = correlate(area.work, template.pixels)
        z = significance(correlation, visible)
        distance = _distance(area, window, z.shape)
        place = _highest(np.where(distance <= 1, np.tanh(z) - EDGE_PENALTY * distance**2, -2))
        place = _climb(z, place)
        spread = max(self._spread, spread_around(z, place, self._reach))
        searched = np.count_nonzero(distance <= 1)
        score = _score(float(z[place]), spread, searched / template.lobe_px)
        return self._found(area, correlation, place, score)

    def _known(self, image: Image) -> Image:
        """Refuse an image in which the object cannot be."""
        image = checked(image)
        height, width = image.shape
        size = f"{width} × {height} pixels"
        if self._template is not None and image.shape != self._shape:
            raise ModelError(
                f"the image has {size} but the template was taken from one of "
                f"{self._shape[1]} × {self._shape[0]}: keep the camera's settings or start anew"
            )
        if self.options.diameter_px > min(height, width):
            raise ModelError(
                f"diameter_px {self.options.diameter_px:g} is larger than the image of {size}: "
                "give the diameter of the object in pixels"
            )
        x, y = self._point(image.shape)
        if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
            raise ModelError(
                f"point_px ({x:g}, {y:g}) is outside the image of {size}: "
                "point at the object in the first image"
            )
        return image

    def _point(self, shape: tuple[int, ...]) -> tuple[float, float]:
        return self.options.point_px or ((shape[1] - 1) / 2, (shape[0] - 1) / 2)

    def _first_template(self, area: BinnedCrop, shape: tuple[int, ...]) -> AdaptiveTemplate | None:
        """Take the template; none where the image is flat, so that the next one is tried."""
        template = AdaptiveTemplate(area.work, area.inside(self._point(shape)), self._reach)
        if template.is_flat:
            return None
        self._template, self._shape = template, shape
        return template

    def _found(
        self, area: BinnedCrop, correlation: FloatImage, place: Place, score: float
    ) -> Detections:
        """Detection at a place, which the template learns from if the score is high."""
        options, template = self.options, self._template
        if template is None or score < options.least_score:
            return Detections.none()
        shift_x, shift_y = peak_shift(correlation, place)
        at = (place[1] + shift_x, place[0] + shift_y)
        if options.learn and score > LEARNING_SCORE * options.least_score:
            template.learn(area.work, at, options.learn)
        centre = np.array(area.outside(at))
        edge = np.array([self._shape[1], self._shape[0]]) - 0.5
        half = options.diameter_px / 2
        corners = np.clip([centre - half, centre + half], -0.5, edge)
        return Detections.of(corners.reshape(1, 4), [score], centres_px=[centre])


def _distance(area: BinnedCrop, window: Window, shape: tuple[int, ...]) -> FloatImage:
    """How far each place is from the middle of a window, in halves of its edge."""
    x, y = area.inside(window.centre_px)
    half = max(window.half_px / area.factor, 1.0)
    columns, rows = np.arange(shape[1]) - x, np.arange(shape[0]) - y
    return np.maximum(np.abs(columns), np.abs(rows)[:, None]).astype(np.float32) / half


def _highest(values: FloatImage) -> Place:
    row, column = np.unravel_index(values.argmax(), values.shape)
    return int(row), int(column)


def _climb(values: FloatImage, place: Place) -> Place:
    """Highest place next to one, from there on to the top."""
    while True:
        low_row, low_column = max(place[0] - 1, 0), max(place[1] - 1, 0)
        around = values[low_row : place[0] + 2, low_column : place[1] + 2]
        row, column = _highest(around)
        if values[place] >= around[row, column]:
            return place
        place = (low_row + row, low_column + column)


def _score(z: float, spread: float, places: float) -> float:
    """Share of z that is more than chance."""
    return max(0.0, 1 - chance_level(spread, places) / z) if z > 0 else 0.0

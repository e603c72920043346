"""Follows one object that the user points at by its appearance: no training, no model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...arrays import Floats, Image
from ...detections import Detections
from ...errors import ModelError
from ...images import Scratch, checked
from ..detector import MovieDefaults
from ..window import Window
from .adaptive_template import AdaptiveTemplate, Pose
from .binned_crop import BinnedCrop
from .chance import Chance
from .correlation import fisher_z
from .first_look import SPAN, UNKNOWN_DIAMETER, FirstLook
from .options import TemplateOptions
from .search import Peak, Search

_WORKING_DIAMETER = 8
"""Pixels of a diameter where an image is averaged in blocks. Chosen: more than the 6 of `blobs`, as
texture counts; with 10, centres lean to those of pixels by a tenth more than is allowed."""

CONTEXT = 1.5
"""Diameters around a window that are correlated too, for the level of chance (chosen)."""

LEARNING_SCORE = 1.5
"""Least scores above which the template learns. Chosen: what is only just found may be wrong."""

_TURNS = 12
"""Turns in which an object is looked for that is not found as it was. Chosen: between two of them
textures still correlate."""

_LEAST_CLEAR = 0.25
"""Least score of a contrast for a template. Chosen: four errors of noise above it."""

_WHOLE = 0.99
"""Least share of the template inside the image from which its pose is fitted (chosen)."""

_DIAMETERS_PER_SIGMA = 8.0
"""Diameter over the standard deviation of a centre. Measured on movies made of stills: centres are
0.09 to 0.16 diameters from the centroid of what was drawn."""


class Template:
    """Finds one object by normalised correlation with its appearance in earlier images.

    The first image with contrast at the point gives the template and its size; each later one
    with a score of 1.5 times the least renews part of it, and turns and scales it with the object.
    There is one detection or none: its box is one diameter wide, cut at the border of the image,
    and its centre is the sub-pixel peak of the correlation, averaged in blocks while a diameter
    still spans 8 pixels. Up to half of the object may be outside the image.

    The score is ``1 - chance / z``. Fisher's z is of the correlation at the peak; chance is
    what z exceeds in one search of 50 where the object is not, by the scatter that it has around
    the object, or as it must be expected of the template's texture where that leaves no room.
    In the first image it is at most the share of the contrast that is more than noise.

    It keeps its template, so one object serves one thread and one target.

    Attributes
    ----------
    notes : list of str
        What was found at the point.
    elsewhere_px : (N, 2) float64
        Where, x and y, something stands out, while nothing does at the point.
    """

    Options = TemplateOptions
    name = "template"

    def __init__(self, options: TemplateOptions | None = None) -> None:
        self.options = options or TemplateOptions()
        self.notes: list[str] = []
        self.elsewhere_px: Floats = np.empty((0, 2))
        self._scratch = Scratch()
        self._shape: tuple[int, ...] = ()
        self._template: AdaptiveTemplate | None = None
        self._factor, self._diameter = 1, UNKNOWN_DIAMETER
        self._whole_field = Chance.expected(0.0)

    @classmethod
    def movie_defaults(cls, options: Mapping[str, Any]) -> MovieDefaults:
        """Say what to assume for objects of unknown kind."""
        return MovieDefaults({}, _DIAMETERS_PER_SIGMA)

    def detect(self, image: Image) -> Detections:
        """Search a whole image, as :meth:`.Detector.detect`.

        Raises
        ------
        ModelError
            If it has another size than the first, or the object cannot be in it.
        """
        image = self._known(image)
        if self._template is None:
            return self._first_look(image)
        return self._look(self._template, self._part(image), None)

    def detect_within(self, image: Image, window: Window) -> Detections:
        """Search a window; of two of the same appearance the one nearer to its middle is taken."""
        template = self._template
        if template is None:
            return self.detect(image)
        image = self._known(image)
        left, top, right, bottom = window.crop(image.shape)
        if left >= right or top >= bottom:
            return Detections.none()
        margin = int((CONTEXT + SPAN / 2) * self._diameter) + self._factor
        wide = (left - margin, top - margin, right + margin, bottom + margin)
        return self._look(template, self._part(image, wide), window)

    def _part(self, image: Image, crop: tuple[int, int, int, int] | None = None) -> BinnedCrop:
        crop = crop or (0, 0, image.shape[1], image.shape[0])
        return BinnedCrop.of(image, crop, self._factor, self._scratch)

    def _first_look(self, image: Image) -> Detections:
        """Take the template; without contrast nothing is found, and the next image is tried."""
        point = self._point(image.shape)
        look = FirstLook.at(image, point, self.options.diameter_px)
        self._diameter = look.diameter
        self._factor = min(max(1, int(self._diameter / _WORKING_DIAMETER)), *image.shape)
        area = self._part(image)
        reach = int(np.ceil(SPAN * self._diameter / self._factor / 2))
        template = AdaptiveTemplate(area.work, area.inside(point), reach)
        if look.clear < max(self.options.least_score, _LEAST_CLEAR):
            self.elsewhere_px = look.elsewhere
            self._note(
                "there is nothing at the point that stands out from its surroundings: an object is "
                "waited for there; point at one if none will come"
            )
            return Detections.none()
        if not self.options.diameter_px and not look.is_outlined:
            self._note(
                "what is pointed at has no clear outline and is taken for "
                f"{look.diameter:.0f} px large: give detector.diameter_px if it is not"
            )
        elif not self.options.diameter_px:
            self._note(f"what is pointed at is {look.diameter:.0f} px large")
        self.elsewhere_px = np.empty((0, 2))
        self._template, self._shape = template, image.shape
        search = Search.of(area, template.pixels, template.lobe_px)
        peak = search.at(area.inside(point), Chance.expected(template.chance_variance))
        score = min(look.clear, self._score(peak, None, fisher_z(1.0)))
        return self._report(
            template, area.inside(point), area, max(score, self.options.least_score)
        )

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _look(
        self, template: AdaptiveTemplate, area: BinnedCrop, window: Window | None
    ) -> Detections:
        """Find the template, as it was or turned, and learn from it if the score is high."""
        options = self.options
        chance = Chance.expected(template.chance_variance)
        search = Search.of(area, template.pixels, template.lobe_px)
        peak, pose = search.highest(window, chance), template.pose
        score = self._score(peak, window, peak.z)
        whole = peak.visible > _WHOLE
        if whole:
            score = max(score, self._score(peak, window, template.z_at(area.work, peak.at)))
        if score < options.least_score:
            peak, pose = _turned(template, area, window, chance)
            score = self._score(peak, window, peak.z, _TURNS)
        elif whole:
            correlation, pose = template.fit(area.work, peak.at)
            score = max(score, self._score(peak, window, fisher_z(correlation)))
        if score < options.least_score:
            return Detections.none()
        if options.learn and score > LEARNING_SCORE * options.least_score:
            template.learn(area.work, peak.at, pose, options.learn)
        return self._report(template, peak.at, area, score)

    def _score(self, peak: Peak, window: Window | None, z: float, turns: int = 1) -> float:
        """Judge a place by how z scatters around it, or in the last whole field if that is more."""
        if window is None:
            self._whole_field = peak.chance
        chance = max(peak.chance, self._whole_field, key=lambda one: one.spread)
        return chance.score(z, turns * peak.places)

    def _report(
        self, template: AdaptiveTemplate, at: tuple[float, float], area: BinnedCrop, score: float
    ) -> Detections:
        centre = np.array(area.outside(at))
        half = template.pose.growth * self._diameter / 2
        edge = np.array([self._shape[1], self._shape[0]]) - 0.5
        corners = np.clip([centre - half, centre + half], -0.5, edge)
        return Detections.of(corners.reshape(1, 4), [score], centres_px=[centre])

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
        diameter = self.options.diameter_px
        if diameter is not None and diameter > min(height, width):
            raise ModelError(
                f"diameter_px {diameter:g} is larger than the image of {size}: "
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


def _turned(
    template: AdaptiveTemplate, area: BinnedCrop, window: Window | None, chance: Chance
) -> tuple[Peak, Pose]:
    """Find the template in the turn in which it is found best."""
    poses = [template.pose.turned(2 * np.pi * k / _TURNS) for k in range(_TURNS)]
    found = [
        (Search.of(area, template.posed(pose), template.lobe_px).highest(window, chance), pose)
        for pose in poses
    ]
    return max(found, key=lambda one: one[0].z)

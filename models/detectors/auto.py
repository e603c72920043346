"""The detector for what is pointed at: the one that sees it, by the evidence of the first image."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..arrays import Floats, Image
from ..detections import Detections
from ..images import Polarity
from ..pointing import BODY, INNER, body_at, pointing_costs
from .classical import BlobOptions, Blobs
from .crop import detect_within
from .detector import Detector, MovieDefaults, SupportsWindow
from .learned import LearnedDetector, LearnedOptions, open_learned
from .template import Template, TemplateOptions, is_object
from .window import Window

_STEP = math.sqrt(2)
"""Factor from one diameter to the next that is tried: `blobs` finds objects up to twice as large or
small."""
_LEAST_PX, _LARGEST = 4.0, 0.5
"""Diameters that are tried: from that of a sharp spot to so many shorter sides of the field."""
_AGAIN = 10
"""Images after which it is tried again if nothing was seen at the point. Chosen: it takes as long
as some images do."""
_MOST_PX = 128
"""Half the edge of the part around the point in which small objects are tried. Chosen: bounds the
time; it holds the surroundings of any."""
_FILLS = 0.5
"""Size, over the shorter side of the field, from which what the network finds at the point may not
be what is pointed at. Chosen on rendered nuclei with spots, in fields of 160 px: of 190 spots the
first image gives 106 instead of 64 then, of 82 nuclei that are pointed at 76 instead of all."""
_SMALLER = 0.5
"""Greatest size, over that, of what is in it. Chosen: not another outline of the same."""
_SEEN = "the network sees what is pointed at"
_WAYS: tuple[tuple[Literal["log", "threshold"], Polarity], ...] = (
    ("log", "bright"),
    ("log", "dark"),
    ("threshold", "both"),
)
"""Ways of `blobs` to see: spots, holes, and whatever differs from its surroundings, which costs one
more (chosen): what has a polarity is measured better by it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Sight:
    """What sees the object at a point, in words too, and what it found in that image."""

    detector: Detector
    what: str
    found: Detections


class Auto:
    """Follows what is pointed at with whatever sees it.

    That is the learned detector, if it finds an object at the point that does not fill the field
    with a smaller one in it. Else its appearance is followed (`template`); and where that is no
    more than noise to a template, `blobs` looks for it, with the size and the polarity with which
    it finds one there best. Until something is pointed at, the learned detector.

    Attributes
    ----------
    notes : list of str
        Which it is, and why.
    elsewhere_px : (N, 2) float64
        Where, x and y, something stands out, while nothing is found at the point.
    """

    Options = LearnedOptions
    name = "auto"

    def __init__(self, options: LearnedOptions | None = None) -> None:
        self.options = options or LearnedOptions()
        self._learned = open_learned(self.options)
        self._seeing: Detector = self._learned
        self._point_px: tuple[float, float] | None = None
        self._images_until, self._has_told = 0, False
        self.card, self.notes = self._learned.card, self._learned.notes
        self.max_objects = self.options.max_objects
        self.elsewhere_px: Floats = np.empty((0, 2))

    @classmethod
    def movie_defaults(cls, options: Mapping[str, Any]) -> MovieDefaults:
        """Say what to assume for objects of unknown kind: as of the learned detector."""
        return LearnedDetector.movie_defaults(options)

    def point_at(self, point_px: tuple[float, float]) -> None:
        """Say where, (x, y), in the next image something is that will be followed."""
        self._point_px = point_px

    def detect(self, image: Image) -> Detections:
        """Find the objects in an image, as :meth:`.Detector.detect`."""
        return self._look(image, None)

    def detect_within(self, image: Image, window: Window) -> Detections:
        """Find the objects in a window of an image, in coordinates of the whole image."""
        return self._look(image, window)

    def _look(self, image: Image, window: Window | None) -> Detections:
        point_px = self._point_px if _is_in(image, self._point_px, window) else None
        if point_px is not None:
            self._point_px = None
            self._learned.point_at(point_px)
        if window is not None and isinstance(self._seeing, SupportsWindow):
            found = self._seeing.detect_within(image, window)
        else:
            found = self._seeing.detect(image)
        if point_px is None or self._seeing is not self._learned:
            return found
        filling_px, row = _filling_px(found, image, point_px), _pointed(found, image, point_px)
        if row >= 0 and not filling_px:
            self._note(f"{_SEEN}: {math.sqrt(float(found.sizes_px[row].prod())):.0f} px large")
            return found
        self._images_until -= 1
        if self._images_until > 0:
            return found
        self._images_until, other = _AGAIN, self._other(image, point_px)
        smaller_px = 0.0 if other is None else _size_px(other.found, point_px)
        if filling_px and not 0 < smaller_px < _SMALLER * filling_px:
            if row < 0:
                return found
            self._note(
                f"{_SEEN}: {filling_px:.0f} px large, and the field {min(image.shape)} px; use a "
                "larger field, or less magnification, if it is lost"
            )
            return found
        if other is None:
            return found
        self._seeing = other.detector
        finds = f"something of {filling_px:.0f} px" if filling_px else "nothing"
        self._note(f"the network finds {finds} at the point: {other.what} instead")
        return other.found

    def _note(self, text: str) -> None:
        """Say who sees what is pointed at: once, as it may be pointed at for some images."""
        if not self._has_told:
            self.notes.append(text)
            self._has_told = True

    def warm_up(self, height: int, width: int) -> None:
        """Prepare for images of that size."""
        self._learned.warm_up(height, width)

    def _other(self, image: Image, point_px: tuple[float, float]) -> _Sight | None:
        """What else sees the object at a point; None if nothing does."""
        template = Template(TemplateOptions(self.options.diameter_px, point_px))
        found = template.detect(image)
        self.elsewhere_px = template.elsewhere_px
        if len(found):
            return _Sight(template, "its appearance is followed (template)", found)
        best, least = None, math.inf
        for options in self._ways(image):
            found = _looked_at(Blobs(options), image, point_px)
            costs = _costs(found, point_px)
            if not len(costs):
                continue
            row = int(costs.argmin())
            size_px = math.sqrt(float(np.prod(found.sizes_px[row])))
            octaves = math.log2(max(size_px, 1.0) / options.diameter_px)
            cost = float(costs[row]) + 2 * octaves**2 + (options.polarity == "both")
            x, y = found.centres_px[row].tolist()
            if cost < least and is_object(image, (x, y), max(size_px, _LEAST_PX)):
                best, least = options, cost
        if best is None:
            return None
        what = f"blobs ({best.method}, {best.polarity}) of {best.diameter_px:.2g} px"
        blobs = Blobs(best)
        return _Sight(blobs, what, blobs.detect(image))

    def _ways(self, image: Image) -> Iterator[BlobOptions]:
        """Every way in which `blobs` may see it."""
        diameter_px = self.options.diameter_px or _LEAST_PX
        while diameter_px <= _LARGEST * min(image.shape) or diameter_px == self.options.diameter_px:
            for method, polarity in _WAYS:
                yield BlobOptions(diameter_px=diameter_px, method=method, polarity=polarity)
            if self.options.diameter_px:
                return
            diameter_px *= _STEP


def _is_in(image: Image, point_px: tuple[float, float] | None, window: Window | None) -> bool:
    """Whether there is a point, in what is looked at of an image."""
    if point_px is None:
        return False
    height, width = image.shape
    left, top, right, bottom = window.crop(image.shape) if window else (0, 0, width, height)
    return left - 0.5 <= point_px[0] <= right - 0.5 and top - 0.5 <= point_px[1] <= bottom - 0.5


def _pointed(found: Detections, image: Image, point_px: tuple[float, float]) -> int:
    """Row of the object that the point is on, or between two that touch the likelier; -1: none."""
    costs, near = _costs(found, point_px, BODY), np.isfinite(_costs(found, point_px))
    if near.any() or np.isfinite(costs).sum() > 1:
        return int(costs.argmin())
    return body_at(image, point_px, found)


def _filling_px(found: Detections, image: Image, point_px: tuple[float, float]) -> float:
    """Size of what is at a point if it fills the field; 0 if it does not."""
    size_px = _size_px(found, point_px)
    return size_px if size_px >= _FILLS * min(image.shape) else 0.0


def _size_px(found: Detections, point_px: tuple[float, float]) -> float:
    """Size of what is likeliest pointed at; 0 if nothing is at the point."""
    costs = _costs(found, point_px, BODY)
    if not np.isfinite(costs).any():
        return 0.0
    return math.sqrt(float(found.sizes_px[costs.argmin()].prod()))


def _looked_at(blobs: Blobs, image: Image, point_px: tuple[float, float]) -> Detections:
    half_px = max(_MOST_PX, 4 * blobs.options.diameter_px)
    return detect_within(blobs, image, Window(point_px, half_px))


def _costs(found: Detections, point_px: tuple[float, float], reach: float = INNER) -> Floats:
    """How unlikely it is, (N,), that each is pointed at: infinite where the point is not on it."""
    sizes_px = np.sqrt(found.sizes_px.prod(axis=1))
    return pointing_costs(point_px, found.centres_px, sizes_px, found.scores, reach)

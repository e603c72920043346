"""The classical detector: finds spots, blobs and bodies of about a given size, untrained."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ...arrays import Image
from ...detections import Detections
from ...images import (
    Polarity,
    Scratch,
    as_bright,
    as_float,
    binned,
    camera_noise,
    checked,
    without_hot_pixels,
)
from ..detector import MovieDefaults
from ..told_size import ToldSize
from .bodies import find_bodies
from .search import SearchCriteria
from .spots import find_spots

HALF_SCORE_SNR = 5.0
"""Signal to noise ratio at which the score is one half. The criterion of Rose (1973) for what can
be told from noise, and the default threshold."""

_PIXELS_PER_DIAMETER = {"log": 6, "threshold": 10}
"""Of a diameter where an image is averaged in blocks: costs at most 2 % of the variance of a
centre."""

_BODIES = {"method": "threshold", "polarity": "both", "diameter_px": MovieDefaults({}).diameter_px}
"""Options for cells in brightfield, found on movies of T cells."""

_SPOT_DIAMETERS_PER_SIGMA = 12
"""Diameters over the standard deviation of a centre with the method ``log``, found on movies of
beads."""


class BlobOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to look for.

    Attributes
    ----------
    diameter_px : float
        Typical diameter; of a diffraction-limited spot 1.5 times its full width at half maximum.
    polarity : str
        ``bright`` or ``dark`` against the surroundings, or ``both``: anything that differs,
        such as cells with bright and dark parts.
    method : str
        ``log`` for spots and roundish blobs, also crowded ones; ``threshold`` for bodies of
        any shape that stand apart.
    threshold_sigmas : float
        Least signal in units of the noise.

    Other Parameters
    ----------------
    tolerance : float
        Objects up to this factor smaller or larger are kept.
    max_objects : int
        Of more than that the strongest are kept, which bounds the time.
    """

    diameter_px: Annotated[float, Meta(ge=2)] = 10.0
    tolerance: Annotated[float, Meta(gt=1)] = 2.0
    polarity: Polarity = "bright"
    method: Literal["log", "threshold"] = "log"
    threshold_sigmas: Annotated[float, Meta(gt=0)] = 5.0
    max_objects: Annotated[int, Meta(ge=1)] = 1000


class Blobs:
    """Finds objects that differ from their surroundings and have about the given size.

    Scores are ``snr / (snr + 5)``. The signal to noise ratio is the peak of the matched filter
    over its robust noise (``log``) or the mean signal over the noise of a pixel
    (``threshold``). Brightness is in grey values summed over pixels, positive for dark
    objects too; for polarity ``both`` it is the summed local contrast.

    A diameter that is told wrongly leaves out some of the objects: it says so once, if their
    median is off by more than the root of ``tolerance``.

    Keeps arrays between images, so one object serves one thread.
    """

    Options = BlobOptions
    name = "blobs"

    def __init__(self, options: BlobOptions | None = None) -> None:
        self.options = options or BlobOptions()
        per_diameter = _PIXELS_PER_DIAMETER[self.options.method]
        self._factor = max(1, int(self.options.diameter_px / per_diameter))
        self.max_objects = self.options.max_objects
        self._scratch = Scratch()
        self.notes: list[str] = []
        told, tolerance = self.options.diameter_px, self.options.tolerance
        limits = f"below {told / tolerance:.3g} and above {told * tolerance:.3g} px"
        meant = f"and those {limits} are left out"
        self._told_size = ToldSize(told, math.sqrt(tolerance), meant)

    @classmethod
    def movie_defaults(cls, options: Mapping[str, Any]) -> MovieDefaults:
        """Say what to assume for objects of unknown kind: bodies, unless spots are asked for."""
        if options.get("method") == "log":
            return MovieDefaults(_BODIES, _SPOT_DIAMETERS_PER_SIGMA)
        return MovieDefaults(_BODIES)

    def detect(self, image: Image) -> Detections:
        """Find the objects in an image, as :meth:`.Detector.detect`.

        Images are averaged in blocks while a diameter still spans 6 pixels (``threshold``: 10).
        """
        options, scratch = self.options, self._scratch
        image = without_hot_pixels(checked(image))
        factor = min(self._factor, *image.shape)
        work = binned(as_float(image, scratch), factor, "work", scratch)
        diameter = options.diameter_px / factor
        criteria = SearchCriteria(
            diameter=diameter,
            tolerance=options.tolerance,
            sigmas=options.threshold_sigmas,
            limit=options.max_objects,
            camera_noise=np.inf if options.polarity == "both" else camera_noise(work),
        )
        find = find_spots if options.method == "log" else find_bodies
        found = find(as_bright(work, options.polarity, diameter, scratch), criteria, scratch)
        edge = np.array([image.shape[1], image.shape[0]]) - 0.5
        boxes_px = _placed(found.boxes, factor, np.tile(edge, 2))
        self.notes += self._told_size.compare(boxes_px)
        return Detections.of(
            boxes_px=boxes_px,
            scores=found.snr / (found.snr + HALF_SCORE_SNR),
            centres_px=_placed(found.centres, factor, edge),
            brightness=found.brightness * factor**2,
        )


def _placed(at: NDArray, factor: int, edge: NDArray) -> NDArray:
    """Turn coordinates of the binned image into those of the image, clipped to its edge."""
    return np.minimum(np.maximum((at + 0.5) * factor - 0.5, -0.5), edge)

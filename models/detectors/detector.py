"""Detectors: an image in, Detections out; what some of them can do besides, and their names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from ..arrays import Floats, Image
from ..card import ModelCard
from ..detections import Detections
from .window import Window


class Detector(Protocol):
    """Finds objects in one image at a time.

    What is where in the result is told from that image. Of the images before, a detector may
    keep how bright they are, how large the objects in them, or what the one to follow looks
    like. The protocols below are optional abilities: a detector that has the method or the
    attribute has the ability.
    """

    @property
    def name(self) -> str:
        """For people and records."""
        ...

    def detect(self, image: Image) -> Detections:
        """Find the objects in an image, (H, W) uint8 or uint16.

        Raises
        ------
        ValueError
            If the image has another shape or type.
        """
        ...


@runtime_checkable
class SupportsWindow(Protocol):
    """Looks at a part of an image better or faster than by being shown a crop."""

    def detect_within(self, image: Image, window: Window) -> Detections:
        """Find the objects in a window of an image, in coordinates of the whole image."""
        ...


@runtime_checkable
class SupportsPointing(Protocol):
    """Wants to know where something is pointed at that will be followed."""

    def point_at(self, point_px: tuple[float, float]) -> None:
        """Say where, (x, y), that is in the next image that is looked at."""
        ...


@runtime_checkable
class SeesElsewhere(Protocol):
    """Tells where else there is something if it finds nothing at a point.

    Attributes
    ----------
    elsewhere_px : (N, 2) float64
        x and y in the last image, of what is not among its detections.
    """

    elsewhere_px: Floats


@runtime_checkable
class SupportsWarmUp(Protocol):
    """Is slow on the first image of a size unless it is prepared for it."""

    def warm_up(self, height: int, width: int) -> None:
        """Prepare for images of that size and for windows in them."""
        ...


@runtime_checkable
class HasNotes(Protocol):
    """Has something to tell the user while it runs.

    Attributes
    ----------
    notes : sequence of str
        In the order in which they came up. One object throughout, which grows.
    """

    notes: Sequence[str]


@runtime_checkable
class HasCard(Protocol):
    """Has a model with a card; classes of detections are indices into its classes."""

    card: ModelCard


@runtime_checkable
class HasLimit(Protocol):
    """Keeps no more than so many objects of an image."""

    max_objects: int


@dataclass(frozen=True, slots=True)
class MovieDefaults:
    """What a session assumes of a detector where objects of unknown kind are pointed at.

    Attributes
    ----------
    options : mapping of str to object
        Of the detector, for bodies in brightfield, which may be hard to see.
    diameters_per_sigma : float
        Typical diameter over the standard deviation of a centre. The default is that of bodies
        that are told from the background by a threshold, found on T cells.
    high_score : float
        Score from which a detection may begin a track.
    diameter_px : float
        Of objects whose size the user has not given. Chosen: between spots and whole cells.
    """

    options: Mapping[str, Any]
    diameters_per_sigma: float = 4
    high_score: float = 0.0
    diameter_px: float = 16.0

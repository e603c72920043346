"""What is at the point in the first image: how large, and whether it is more than background."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...arrays import FloatImage, Floats, Image
from .chance import contrast_score
from .outline import outline_at
from .standing_out import (
    believed,
    noise_at_all_scales,
    places_that_stand_out,
    recorded,
    stands_out,
)

SPAN = 1.5
"""Edge of the template in diameters. Chosen: with a quarter of a diameter around an object its
outline is a feature."""

UNKNOWN_DIAMETER = 20.0
"""Pixels of a diameter that is neither told nor found. Chosen: between spots and cells."""


def is_object(image: Image, at: tuple[float, float], diameter: float) -> bool:
    """Whether what is at a place, (x, y), has an outline or stands out from the rest of an image.

    Of what is large, its middle must stand out: a large square would hold other objects.
    """
    return FirstLook.at(image, at, min(diameter, UNKNOWN_DIAMETER)).clear > 0


@dataclass(frozen=True, slots=True, eq=False)
class FirstLook:
    """What is at a point of an image.

    Attributes
    ----------
    diameter : float
        As told, or of its outline, or else assumed.
    is_outlined : bool
        Whether there is an outline around the point.
    clear : float
        Score of the contrast, 0 to 1; 0 if nothing stands out from its surroundings.
    elsewhere : (N, 2) float64
        Where, x and y, something stands out nearest to the point, if nothing does there.
    """

    diameter: float
    is_outlined: bool
    clear: float
    elsewhere: Floats

    @classmethod
    def at(cls, image: Image, point: tuple[float, float], told: float | None) -> FirstLook:
        """Look at a point, (x, y), of an image (H, W); ``told`` is the diameter, if it is."""
        grey, (x, y), corner = _recorded_part(image, point)
        if not grey.size:
            return cls(told or UNKNOWN_DIAMETER, False, 0.0, np.empty((0, 2)))
        noise = noise_at_all_scales(grey)
        outline = outline_at(grey, (x, y), noise)
        is_outlined = believed(grey, (x, y), outline)
        found = outline.diameter if outline and is_outlined else UNKNOWN_DIAMETER
        diameter = told or found
        if is_outlined or stands_out(grey, (x, y), diameter, noise):
            clear = contrast_score(grey, (x, y), int(np.ceil(SPAN * diameter / 2)))
            return cls(diameter, is_outlined, clear, np.empty((0, 2)))
        near = places_that_stand_out(grey, diameter, noise)
        return cls(diameter, False, 0.0, near + corner)


def _recorded_part(
    image: Image, at: tuple[float, float]
) -> tuple[FloatImage, tuple[float, float], Floats]:
    """What is recorded of an image, with zero mean; a place in it; and its corner, x and y."""
    rows, columns = recorded(image)
    grey = image[rows, columns].astype(np.float32)
    corner = np.array([columns.start, rows.start], np.float64)
    if grey.size:
        grey -= grey.mean()
    x, y = np.clip(at - corner, 0, np.maximum(grey.shape[::-1], 1) - 1).tolist()
    return grey, (x, y), corner

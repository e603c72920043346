"""What to put under the objective, as a scenario's TOML file says it."""

from typing import Annotated

import msgspec

from ..motion import Motion, NotNegative, Positive, Worm
from .bodies import Shape

MOST_OBJECTS = 1000
"""At the start, and at which division stops. Chosen: ten times a crowded field."""


class SpecimenSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to put under the objective.

    Attributes
    ----------
    motion : Motion
        How every object moves, independently of the others.
    count : int
        Number of objects. The first is the target and starts at the origin in focus.
    shape : {"spot", "cell", "worm"}
        A blurred dot; a disc with some texture; an undulating chain.
    radius_um, radius_spread : float
        Radius of a spot or cell, half the width of a worm; relative standard deviation.
    brightness, brightness_spread : float
        Photoelectrons per ms from a whole object in the camera; relative standard deviation.
    background : float
        Photoelectrons per ms in every pixel.
    area_um : float
        Edge of the square around the origin in which the other objects start.
    depth_um : float
        Standard deviation of the focal position at which the other objects start.
    min_separation_um : float
        Least distance between objects at the start.
    endless : bool
        Objects farther from the target than half of ``area_um`` along an axis enter again on
        the other side, so that the density stays. Meant for an area of two fields or more.
    bleach_per_s : float
        Rate at which fluorescence decays in light: by a factor e in 1 / rate seconds of
        exposure.
    doubling_s : float
        Time in which random division doubles the number of objects; 0: there is none.
    divides_s : tuple of float
        Times since the first exposure at which the target divides.
    larger_share : float
        Share of the larger daughter in the light and the volume of the mother. When the target
        divides, the larger daughter is the target.
    parting_s : float
        Time in which daughters separate, from within the mother's outline until there is a
        radius of hers between them.
    meets_s : tuple of float
        Times since the first exposure at which the target meets another object, a new one each
        time, of the same appearance and motion: their centres pass each other at less than a
        radius. These objects come in addition to ``count``.
    hidden_s : tuple of (float, float)
        From when until when, since the first exposure, the target gives no light; exposures
        that end in such a span do not show it.
    """

    motion: Motion
    count: Annotated[int, msgspec.Meta(ge=1, le=MOST_OBJECTS)] = 1
    shape: Shape = "cell"
    radius_um: Positive = 6.0
    radius_spread: NotNegative = 0.0
    brightness: NotNegative = 4000.0
    brightness_spread: NotNegative = 0.0
    background: NotNegative = 2.0
    area_um: Positive = 300.0
    depth_um: NotNegative = 0.0
    min_separation_um: NotNegative = 0.0
    endless: bool = False
    bleach_per_s: NotNegative = 0.0
    doubling_s: NotNegative = 0.0
    divides_s: tuple[NotNegative, ...] = ()
    larger_share: Annotated[float, msgspec.Meta(ge=0.5, lt=1.0)] = 0.5
    parting_s: Positive = 1.0
    meets_s: tuple[Positive, ...] = ()
    hidden_s: tuple[tuple[NotNegative, NotNegative], ...] = ()

    def __post_init__(self) -> None:
        if self.shape == "worm" and not isinstance(self.motion, Worm):
            raise ValueError('a specimen of shape "worm" needs a motion of kind "worm"')
        if self.meets_s and (self.divides_s or self.doubling_s):
            raise ValueError("what divides cannot be met at set times: leave out meets_s")

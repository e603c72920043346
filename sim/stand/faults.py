"""Faults of a stand: what goes wrong with stage and camera, from when until when."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from ...drivers.clock import NS_PER_S
from ...drivers.messages import Image

Kind = Literal["jams", "slips", "refuses", "hangs", "repeats", "hand"]
"""The drive stays where it is; it moves, and what it carries does not; commands raise; commands do
not return (in real time only); the camera repeats its last picture; a hand on the joystick moves
the drive, which takes no commands meanwhile."""


class FaultSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fault.

    Attributes
    ----------
    kind : Kind
    from_s, to_s : float
        When it begins and ends, after the first exposure.
    velocity_um_s : (x, y)
        Of the hand.
    """

    kind: Kind
    from_s: float = 0.0
    to_s: float = math.inf
    velocity_um_s: tuple[float, float] = (200.0, 0.0)

    def __post_init__(self) -> None:
        if not 0 <= self.from_s < self.to_s:
            raise ValueError("from_s must be at least 0 and less than to_s")


class Faults:
    """Says which faults there are at an instant.

    Parameters
    ----------
    settings : tuple of FaultSettings

    Attributes
    ----------
    settings : tuple of FaultSettings
    birth_ns : int or None
        The first exposure; nothing fails before it.
    """

    def __init__(self, settings: tuple[FaultSettings, ...] = ()) -> None:
        self.settings = settings
        self.birth_ns: int | None = None
        self._last: Image | None = None

    def at(self, at_ns: int, *kinds: Kind) -> FaultSettings | None:
        """Return the first fault of one of these kinds that there is at an instant."""
        if not self.settings or self.birth_ns is None:
            return None
        at_s = (at_ns - self.birth_ns) / NS_PER_S
        for fault in self.settings:
            if fault.kind in kinds and fault.from_s <= at_s < fault.to_s:
                return fault
        return None

    def ends_ns(self, fault: FaultSettings) -> int:
        """When a fault ends."""
        assert self.birth_ns is not None
        return self.birth_ns + round(min(fault.to_s, 1e6) * NS_PER_S)

    def picture(self, image: Image, at_ns: int) -> Image:
        """Return what the camera delivers when it has exposed an image."""
        if self._last is not None and self.at(at_ns, "repeats"):
            return self._last.copy()
        self._last = image
        return image

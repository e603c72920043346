"""Focus: how far an object is from the focal plane, told from images of it."""

from __future__ import annotations

from .lens import Lens
from .path import LockedIn, lock_in
from .peak import NoPeak, Peak, fit_peak
from .sharpness import Sharpness, sharpness

__all__ = ["Lens", "LockedIn", "NoPeak", "Peak", "Sharpness", "fit_peak", "lock_in", "sharpness"]

"""Focus: how far an object is from the focal plane.

In: images of it, one or several. Out: sharpness, the peak of it, or the defocus.
"""

from .learned import EDGE_PX, SIZES, DefocusCard, LearnedDefocus, Windows, normalised
from .lens import Lens
from .lock_in import LockedIn, lock_in
from .peak import LEAST_POINTS, NoPeak, Peak, fit_peak
from .sharpness import LEAST_EDGE_PX, Sharpness, sharpness

__all__ = [
    "EDGE_PX",
    "LEAST_EDGE_PX",
    "LEAST_POINTS",
    "SIZES",
    "DefocusCard",
    "LearnedDefocus",
    "Lens",
    "LockedIn",
    "NoPeak",
    "Peak",
    "Sharpness",
    "Windows",
    "fit_peak",
    "lock_in",
    "normalised",
    "sharpness",
]

"""Motions of objects, in µm and seconds.

In: settings and a time step. Out: positions of many objects.
"""

from .manoeuvres import Directed, Oscillating, RunAndTumble, Worm
from .model import Brownian, Floats, MotionModel, NotNegative, Persistent, Positive

__all__ = [
    "Brownian",
    "Directed",
    "Floats",
    "Motion",
    "MotionModel",
    "NotNegative",
    "Oscillating",
    "Persistent",
    "Positive",
    "RunAndTumble",
    "Worm",
]

Motion = Brownian | Persistent | RunAndTumble | Directed | Oscillating | Worm
"""Any motion; the key ``kind`` of its TOML table tells which."""

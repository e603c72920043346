"""Motions of objects, in µm and seconds.

In: settings and a time step. Out: positions of many objects.
"""

from .manoeuvres import Directed, Oscillating, RunAndTumble, Worm
from .model import Floats, MotionModel, NotNegative, Positive
from .motion import Brownian, Motion, Persistent

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

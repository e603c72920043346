"""The dynamics of a stage, from images during moves.

In: moves as the camera has seen them. Out: delay, speed, acceleration and ringing.
"""

from __future__ import annotations

from .excitation import Excitation, Excitations
from .fit import DynamicsFit, fit_dynamics, rough_response
from .response import Response, mean_travel_um, passes_s

__all__ = [
    "DynamicsFit",
    "Excitation",
    "Excitations",
    "Response",
    "fit_dynamics",
    "mean_travel_um",
    "passes_s",
    "rough_response",
]

"""The dynamics of a stage, from images during moves.

In: moves as the camera has seen them. Out: delay, speed, acceleration and ringing.
"""

from __future__ import annotations

from .excitation import Excitation, Excitations
from .findings import dynamics_findings
from .fit import DynamicsFit, fit_dynamics, rough_response
from .readings import read_delay_s
from .response import Response, mean_travel_um

__all__ = [
    "DynamicsFit",
    "Excitation",
    "Excitations",
    "Response",
    "dynamics_findings",
    "fit_dynamics",
    "mean_travel_um",
    "read_delay_s",
    "rough_response",
]

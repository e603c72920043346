"""The model of a stage: where it is at an instant, what it will do, where to send it.

In: commands, readings, poses, dynamics. Out: poses, states, compensated targets of moves.
"""

from __future__ import annotations

from .axis import Axis, State
from .compensation import Timing
from .forecast import StageForecast
from .pose import PoseModel
from .profiles import Trapezoid, travel_ms
from .ringing import Ringing

__all__ = [
    "Axis",
    "PoseModel",
    "Ringing",
    "StageForecast",
    "State",
    "Timing",
    "Trapezoid",
    "travel_ms",
]

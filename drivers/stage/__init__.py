"""The model of a stage: where it is at an instant, and what it will do.

In: commands, readings, calibrated numbers. Out: poses, states, targets of moves.
"""

from __future__ import annotations

from .axis import Axis
from .pose import PoseModel
from .profiles import AccelerationStep, Trapezoid, acceleration_steps, travel_ms
from .reachability import State, end_through, reach_um
from .ringing import Ringing

__all__ = [
    "AccelerationStep",
    "Axis",
    "PoseModel",
    "Ringing",
    "State",
    "Trapezoid",
    "acceleration_steps",
    "end_through",
    "reach_um",
    "travel_ms",
]

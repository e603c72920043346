"""drivers.stage."""

from __future__ import annotations

from .axis import Axis
from .pose import PoseModel
from .profiles import Jolt, Trapezoid, jolts, travel_ms
from .reachability import State, end_through, reach_um
from .ringing import Ringing

__all__ = [
    "Axis",
    "Jolt",
    "PoseModel",
    "Ringing",
    "State",
    "Trapezoid",
    "end_through",
    "jolts",
    "reach_um",
    "travel_ms",
]

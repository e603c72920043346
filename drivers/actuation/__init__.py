"""Moves carried out: the only code that commands a stage.

In: moves. Out: commands within limits, position readings, reports.
"""

from __future__ import annotations

from .guard import LONGEST_DRIVE_NS, clipped, lasts_s, planned, refuse_non_finite, reined, within
from .polling import soon_ns
from .velocity_mode import NO_VELOCITY
from .worker import StageWorker

__all__ = [
    "LONGEST_DRIVE_NS",
    "NO_VELOCITY",
    "StageWorker",
    "clipped",
    "lasts_s",
    "planned",
    "refuse_non_finite",
    "reined",
    "soon_ns",
    "within",
]

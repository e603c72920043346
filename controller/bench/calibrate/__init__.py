"""Calibration of random simulated stands: errors, refusals, and wrong answers."""

from __future__ import annotations

from .calibrate import calibrate_once, run, stand_row, summarise
from .focus import calibrate_focus_once, focus_row
from .outcome import Outcome
from .stands import FIRST_SEED, RandomStand, random_stand

__all__ = [
    "FIRST_SEED",
    "Outcome",
    "RandomStand",
    "calibrate_focus_once",
    "calibrate_once",
    "focus_row",
    "random_stand",
    "run",
    "stand_row",
    "summarise",
]

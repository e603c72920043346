"""Calibration of random simulated stands: errors, refusals, and wrong answers."""

from __future__ import annotations

from .calibrate import Outcome, calibrate_once, run, stand_row, summarise
from .stands import FIRST_SEED, RandomStand, random_stand

__all__ = [
    "FIRST_SEED",
    "Outcome",
    "RandomStand",
    "calibrate_once",
    "random_stand",
    "run",
    "stand_row",
    "summarise",
]

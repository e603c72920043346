"""models.predictors.bank."""

from __future__ import annotations

from .filtered import NS_PER_S, VAST_UM2, Filtered, Pace, believable
from .modes import Bools, Floats, Hypothesis, Mode, Slots

__all__ = [
    "NS_PER_S",
    "VAST_UM2",
    "Bools",
    "Filtered",
    "Floats",
    "Hypothesis",
    "Mode",
    "Pace",
    "Slots",
    "believable",
]

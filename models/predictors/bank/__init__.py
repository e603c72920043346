"""A bank of Kalman filters, compiled.

In: measurements of many objects. Out: their states under every hypothesis of motion, weighed.
"""

from __future__ import annotations

from .filtered import NS_PER_S, VAST_UM2, Filtered, Pace, believable
from .modes import Hypothesis, Mode, Slots

__all__ = [
    "NS_PER_S",
    "VAST_UM2",
    "Filtered",
    "Hypothesis",
    "Mode",
    "Pace",
    "Slots",
    "believable",
]

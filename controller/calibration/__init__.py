"""Calibration: how a stage moves what the camera sees, found out from small moves and images.

In: a `Microscope` and its clock. Out: a `Calibration`, each of whose numbers has a standard error
or a sentence that says why it could not be found.
"""

from __future__ import annotations

from .calibrate import calibrate
from .figure import draw
from .findings import Calibration, Finding
from .focus_drive import calibrate_focus, contrast
from .opening import open_stand
from .pattern import Step
from .probe import NotCalibratedError
from .writing import backup, write

__all__ = [
    "Calibration",
    "Finding",
    "NotCalibratedError",
    "Step",
    "backup",
    "calibrate",
    "calibrate_focus",
    "contrast",
    "draw",
    "open_stand",
    "write",
]

"""The focus drive found out: backlash, delay, astigmatism, depth of field.

In: a `Microscope` and its clock. Out: a `Calibration` of the drive.
"""

from __future__ import annotations

from .calibrate import calibrate_focus
from .contrast import contrast
from .passes import Pass

__all__ = ["Pass", "calibrate_focus", "contrast"]

"""Identity over time, in stage coordinates.

In: the measurements of a frame. Out: tracks, and what happened between them.
"""

from __future__ import annotations

from .measurements import Crop, FieldGeometry, Measurements
from .recovery import best_candidate
from .track import Track
from .tracker import Tracker, TrackingSettings

__all__ = [
    "Crop",
    "FieldGeometry",
    "Measurements",
    "Track",
    "Tracker",
    "TrackingSettings",
    "best_candidate",
]

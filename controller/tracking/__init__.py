"""controller.tracking."""

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

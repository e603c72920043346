"""controller.tracking."""

from __future__ import annotations

from .measurements import Crop, Sightings, View
from .recovery import best_candidate
from .track import Track
from .tracker import Tracker, TrackingSettings

__all__ = ["Crop", "Sightings", "Track", "Tracker", "TrackingSettings", "View", "best_candidate"]

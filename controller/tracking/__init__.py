"""Identity over time, in stage coordinates.

In: the measurements of a frame. Out: tracks, and what happened between them.
"""

from .assignment import best_pairs
from .births import by_pointing
from .field_geometry import Crop, FieldGeometry, Measurements
from .settings import TrackingSettings
from .track import Track
from .tracker import Tracker

__all__ = [
    "Crop",
    "FieldGeometry",
    "Measurements",
    "Track",
    "Tracker",
    "TrackingSettings",
    "best_pairs",
    "by_pointing",
]

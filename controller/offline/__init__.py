"""Detection and tracking without a stage.

In: images and movies. Out: tables of detections or tracks, and figures of them.
"""

from .detect import DetectionSummary, detect_all, how_many, open_detector, open_images
from .scores import TrackPoints, score
from .track import open_models, score_movie, track_movie, write_tracks
from .track_figure import draw_tracks
from .tracker import OfflineTracker

__all__ = [
    "DetectionSummary",
    "OfflineTracker",
    "TrackPoints",
    "detect_all",
    "draw_tracks",
    "how_many",
    "open_detector",
    "open_images",
    "open_models",
    "score",
    "score_movie",
    "track_movie",
    "write_tracks",
]

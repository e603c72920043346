"""Detection and tracking without a stage.

In: images and movies. Out: tables of detections or tracks, and figures of them.
"""

from .detect import DetectionSummary, detect_all, how_many, open_detector, open_images
from .linker import Linker, MakeLinker
from .scores import TrackPoints, annotated, identity_switches, names_kept, score
from .track import (
    detect_movie,
    open_models,
    points_of,
    rows_of,
    score_movie,
    track_movie,
    write_tracks,
)
from .track_figure import draw_tracks
from .trackastra import TrackastraLinker, load_trackastra
from .tracker import OfflineTracker

__all__ = [
    "DetectionSummary",
    "Linker",
    "MakeLinker",
    "OfflineTracker",
    "TrackPoints",
    "TrackastraLinker",
    "annotated",
    "detect_all",
    "detect_movie",
    "draw_tracks",
    "how_many",
    "identity_switches",
    "load_trackastra",
    "names_kept",
    "open_detector",
    "open_images",
    "open_models",
    "points_of",
    "rows_of",
    "score",
    "score_movie",
    "track_movie",
    "write_tracks",
]

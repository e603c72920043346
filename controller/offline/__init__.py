"""Detection and tracking without a stage.

In: pictures and movies. Out: tables of objects or tracks, and pictures of them.
"""

from __future__ import annotations

from .detect import Result, detect_all, how_many, open_detector, open_pictures
from .scores import Places, score
from .track import follow_movie, judge, open_models, open_movie, write_tracks
from .track_figure import draw_tracks
from .tracker import OfflineTracker

__all__ = [
    "OfflineTracker",
    "Places",
    "Result",
    "detect_all",
    "draw_tracks",
    "follow_movie",
    "how_many",
    "judge",
    "open_detector",
    "open_models",
    "open_movie",
    "open_pictures",
    "score",
    "write_tracks",
]

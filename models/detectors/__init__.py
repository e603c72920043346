"""Detectors: an image in, Detections out."""

from .crop import detect, detect_within
from .detector import (
    Detector,
    HasCard,
    HasLimit,
    HasNotes,
    SeesElsewhere,
    SupportsPointing,
    SupportsWarmUp,
    SupportsWindow,
)
from .registry import DETECTORS, create, movie_defaults
from .window import Window

__all__ = [
    "DETECTORS",
    "Detector",
    "HasCard",
    "HasLimit",
    "HasNotes",
    "SeesElsewhere",
    "SupportsPointing",
    "SupportsWarmUp",
    "SupportsWindow",
    "Window",
    "create",
    "detect",
    "detect_within",
    "movie_defaults",
]

"""Learned detectors: a network finds the objects.

In: an image of any size and contrast, a model file. Out: Detections.
"""

from .architectures import detector_for, open_learned
from .decoding import ScoredBoxes
from .learned import LearnedDetector
from .metadata import read_metadata
from .options import LearnedOptions
from .scale import factor_for

__all__ = [
    "LearnedDetector",
    "LearnedOptions",
    "ScoredBoxes",
    "detector_for",
    "factor_for",
    "open_learned",
    "read_metadata",
]

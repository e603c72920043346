"""Learned detectors: a network finds the objects.

In: an image of any size and contrast, a model file. Out: Detections.
"""

from __future__ import annotations

from .families import family_of
from .heads import Found
from .learned import Learned
from .metadata import read_metadata
from .scale import factor_for

__all__ = ["Found", "Learned", "factor_for", "family_of", "read_metadata"]

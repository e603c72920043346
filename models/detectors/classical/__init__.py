"""models.detectors.classical."""

from __future__ import annotations

from .blobs import HALF_SCORE_SNR
from .bodies import above_background
from .search import Wanted

__all__ = ["HALF_SCORE_SNR", "Wanted", "above_background"]

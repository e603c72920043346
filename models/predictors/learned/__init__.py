"""models.predictors.learned."""

from __future__ import annotations

from .card import PredictorCard, TracksNote
from .recurrent import Recurrent, RecurrentOptions

__all__ = ["PredictorCard", "Recurrent", "RecurrentOptions", "TracksNote"]

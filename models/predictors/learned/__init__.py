"""Learned predictors: a network for x and y.

In: measurements of many objects, a model file. Out: their positions at any later instant.
"""

from .card import PredictorCard, TracksNote
from .recurrent import Recurrent, RecurrentOptions

__all__ = ["PredictorCard", "Recurrent", "RecurrentOptions", "TracksNote"]

"""Predictors: measurements of objects in, their positions at any later instant out."""

from .predictor import EstimatesNoise, Forecast, Prediction, Predictor
from .registry import PREDICTORS, create

__all__ = ["PREDICTORS", "EstimatesNoise", "Forecast", "Prediction", "Predictor", "create"]

"""models.predictors."""

from __future__ import annotations

from .predictor import PREDICTORS, Forecast, Prediction, Predictor, create

__all__ = ["PREDICTORS", "Forecast", "Prediction", "Predictor", "create"]

"""models.training.predictor."""

from __future__ import annotations

from .train import PredictorRecipe, train_predictor

__all__ = ["PredictorRecipe", "train_predictor"]

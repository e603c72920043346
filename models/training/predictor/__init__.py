"""Trains predictors of motion.

In: tracks. Out: an ONNX file with its card.
"""

from .train import PredictorRecipe, train_predictor

__all__ = ["PredictorRecipe", "train_predictor"]

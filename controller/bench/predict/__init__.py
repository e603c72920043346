"""Prediction: motions and recorded tracks in, errors of predictors against the horizon out."""

from .predict import run

__all__ = ["run"]

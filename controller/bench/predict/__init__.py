"""Prediction: motions and recorded tracks in, errors of predictors against the horizon out."""

from __future__ import annotations

from .predict import run

__all__ = ["run"]

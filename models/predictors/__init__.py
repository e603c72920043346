"""Predictors: a track so far in, a Prediction out."""

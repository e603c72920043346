"""Sees: detections, detectors and predictors."""

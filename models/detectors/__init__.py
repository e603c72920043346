"""Detectors: an image in, Detections out."""

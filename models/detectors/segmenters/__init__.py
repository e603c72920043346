"""Segmenters as detectors.

In: an image. Out: Detections with masks.
"""

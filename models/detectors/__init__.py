"""Detectors: an image in, Detections out."""

from __future__ import annotations

from .detector import DETECTORS, Detector, create
from .window import Window, detect_within

__all__ = ["DETECTORS", "Detector", "Window", "create", "detect_within"]

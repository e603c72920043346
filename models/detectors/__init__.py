"""Detectors: an image in, Detections out."""

from __future__ import annotations

from .detector import Detector, create
from .window import Window, detect_within

__all__ = ["Detector", "Window", "create", "detect_within"]

"""Trains detectors.

In: annotated images. Out: an ONNX file with its card.
"""

from __future__ import annotations

from .augment import Augmented, Strength
from .batch import Batch
from .start import start_from
from .train import Recipe, train_detector
from .yolo import Yolo

__all__ = ["Augmented", "Batch", "Recipe", "Strength", "Yolo", "start_from", "train_detector"]

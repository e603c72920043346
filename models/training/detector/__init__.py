"""Trains detectors.

In: annotated images. Out: an ONNX file with its card.
"""

from .batch import Batch
from .fine_tuning import load_exported
from .train import Recipe, train_detector
from .yolo import Yolo

__all__ = ["Batch", "Recipe", "Yolo", "load_exported", "train_detector"]

"""Trains the network that tells the defocus of an object from one image.

In: windows of known defocus. Out: an ONNX file with its card.
"""

from .train import make

__all__ = ["make"]

"""The loop: from a frame to a move.

In: the frames of a microscope. Out: moves to it, and one `Step` a frame.
"""

from __future__ import annotations

from .attention import AttentionSettings
from .loop import Loop
from .step import Step, Stopwatch

__all__ = ["AttentionSettings", "Loop", "Step", "Stopwatch"]

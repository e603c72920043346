"""controller.loop."""

from __future__ import annotations

from .attention import AttentionSettings
from .loop import Loop
from .step import Turn

__all__ = ["AttentionSettings", "Loop", "Turn"]

"""controller.loop."""

from __future__ import annotations

from .attention import AttentionSettings
from .loop import Loop
from .step import Step

__all__ = ["AttentionSettings", "Loop", "Step"]

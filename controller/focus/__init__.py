"""controller.focus."""

from __future__ import annotations

from .focus import Focus
from .settings import FocusingSettings

__all__ = ["Focus", "FocusingSettings"]

"""drivers.memory."""

from __future__ import annotations

from .ring import RingReader, RingWriter, Slot

__all__ = ["RingReader", "RingWriter", "Slot"]

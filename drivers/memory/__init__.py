"""Images in shared memory.

In: images of one process. Out: the same in others, whole or not at all.
"""

from __future__ import annotations

from .ring import RingReader, RingWriter, Slot

__all__ = ["RingReader", "RingWriter", "Slot"]

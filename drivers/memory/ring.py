"""A ring of image slots in shared memory: one process writes, any number of others copy out.

Each slot has a counter that is odd while the slot is written and even, and never used before,
once it is whole (a sequence lock). A reader compares it with the number in the header before
and after its copy, so it never waits for the writer and never accepts a torn image. This relies
on stores becoming visible in program order, as they do on x86-64.
"""

from __future__ import annotations

from contextlib import suppress
from multiprocessing.shared_memory import SharedMemory

import numpy as np
from numpy.typing import DTypeLike

from ..messages import Image, Message
from .array_pool import ArrayPool
from .layout import HEADER_BYTES, Layout, attach, first_bytes_of_pages, view


class Slot(Message, frozen=True):
    """What a frame header carries instead of pixels.

    Attributes
    ----------
    ring : str
        Name of the ring.
    slot : int
        Which slot of it.
    sequence : int
        Value of the slot's counter while it still holds this image.
    """

    ring: str
    slot: int
    sequence: int


class RingWriter:
    """Create a ring and write images to it, from one thread; readers attach to its ``name``.

    Parameters
    ----------
    slot_bytes : int
        Size of every image.
    slots : int
        How many images to keep before the oldest is overwritten.
    """

    _layout: Layout | None = None
    _memory: SharedMemory | None = None

    def __init__(self, slot_bytes: int, slots: int) -> None:
        if slot_bytes < 1 or slots < 1:
            raise ValueError("a ring needs at least one slot of at least one byte")
        memory = SharedMemory(create=True, size=Layout.size(slot_bytes, slots))
        self.name = memory.name
        self._memory = memory
        first_bytes_of_pages(view(memory))[:] = 0
        self._layout = Layout.create(view(memory), slot_bytes, slots)
        self._written = 0

    def write(self, image: Image, header: bytes = b"") -> Slot:
        """Copy an image and its header into the oldest slot; return what finds them again.

        Raises
        ------
        ValueError
            If the image does not fill a slot exactly, the header is longer than
            `HEADER_BYTES`, or the ring is closed.
        """
        if self._layout is None:
            raise ValueError("this ring is closed: create a new one")
        if image.nbytes != self._layout.slot_bytes:
            raise ValueError(
                f"an image of {image.nbytes} bytes does not fill a slot of "
                f"{self._layout.slot_bytes}: create a ring for this image size"
            )
        if len(header) > HEADER_BYTES:
            raise ValueError(f"a header of {len(header)} bytes does not fit into {HEADER_BYTES}")
        slot = self._written % len(self._layout.pixels)
        self._written += 1
        sequence = 2 * self._written
        target = self._layout.pixels[slot].view(image.dtype).reshape(image.shape)
        self._layout.counters[slot] = sequence - 1
        self._layout.set_header(slot, header)
        np.copyto(target, image)
        self._layout.counters[slot] = sequence
        self._layout.newest[0] = sequence
        return Slot(self.name, slot, sequence)

    def close(self) -> None:
        """Free the memory and its name; readers that are attached keep their view."""
        self._layout = None
        if self._memory is not None:
            memory, self._memory = self._memory, None
            memory.unlink()
            memory.close()

    def __enter__(self) -> RingWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


class RingReader:
    """Attach to a ring of another process, from one thread.

    Parameters
    ----------
    name : str
        `RingWriter.name`, or ``Slot.ring`` of a header.

    Raises
    ------
    ValueError
        If there is no ring of that name on this host.
    """

    _layout: Layout | None = None

    def __init__(self, name: str) -> None:
        try:
            buffer, self._detach = attach(name)
        except (OSError, ValueError):
            raise ValueError(
                f"there is no image ring {name} here: does the microscope run on this host?"
            ) from None
        self.name = name
        self._pool = ArrayPool()
        first_bytes_of_pages(buffer).sum()
        self._layout = Layout.open(buffer)
        if self._layout is None:
            self._detach()
            raise ValueError(f"the shared memory {name} is not an image ring")

    def read(self, slot: Slot, shape: tuple[int, int], dtype: DTypeLike) -> Image | None:
        """Copy one image out.

        Parameters
        ----------
        slot : Slot
            From the header of the frame.
        shape : (H, W)
        dtype : uint8 or uint16

        Returns
        -------
        (H, W) array or None
            A private copy, the memory of which is used again once nobody holds it; None if the
            slot was overwritten before the copy was complete.

        Raises
        ------
        ValueError
            If the slot is not of this ring, the image does not fill it, or the reader is closed.
        """
        layout = self._layout
        if layout is None:
            raise ValueError("this ring reader is closed: attach a new one")
        if slot.ring != self.name or not 0 <= slot.slot < len(layout.pixels):
            raise ValueError(f"slot {slot.slot} of {slot.ring} is not in the ring {self.name}")
        image = self._pool.take(shape, dtype)
        if image.nbytes != layout.slot_bytes:
            raise ValueError(
                f"an image of {image.nbytes} bytes is not in a slot of {layout.slot_bytes}"
            )
        if layout.counters[slot.slot] != slot.sequence:
            return None
        np.copyto(image, layout.pixels[slot.slot].view(image.dtype).reshape(shape))
        return image if layout.counters[slot.slot] == slot.sequence else None

    def newest(self, after: int) -> tuple[Slot, bytes] | None:
        """Look for the image that was written last.

        Parameters
        ----------
        after : int
            Sequence of a slot that is known already.

        Returns
        -------
        Slot and header, or None
            None if nothing was written since, or it is being overwritten.
        """
        layout = self._layout
        if layout is None:
            raise ValueError("this ring reader is closed: attach a new one")
        sequence = int(layout.newest[0])
        if sequence <= after:
            return None
        slot = Slot(self.name, (sequence // 2 - 1) % len(layout.pixels), sequence)
        header = layout.header(slot.slot)
        return (slot, header) if layout.counters[slot.slot] == sequence else None

    def close(self) -> None:
        """Detach, harmless when repeated; the ring itself belongs to its writer."""
        if self._layout is not None:
            self._layout = None
            with suppress(BufferError):  # a read in another thread ends first, then it is freed
                self._detach()

    def __enter__(self) -> RingReader:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

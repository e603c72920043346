"""A ring of image slots in shared memory: one process writes, any number of others copy out.

Each slot has a counter that is odd while the slot is written and even, and never used before,
once it is whole (a sequence lock). A reader compares it with the number in the header before
and after its copy, so it never waits for the writer and never accepts a torn image. This relies
on stores becoming visible in program order, as they do on x86-64.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.shared_memory import SharedMemory

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .messages import Image, Message

_MAGIC = b"pursuit2"
_LINE = 64
"""Bytes of a cache line: every counter has its own."""
_PAGE = 4096
_HEAD = struct.Struct("=8sQQ")
"""Magic, slot size and number of slots, in the first line."""
_NEWEST_AT = 32
"""Behind them: the counter of the slot that was written last."""
_LENGTH = struct.Struct("=I")
HEADER_BYTES = _PAGE - _LENGTH.size
"""What the header of an image may be long: it lies on a page of its own before the pixels."""
_Buffer = memoryview | mmap.mmap


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

    _layout: _Layout | None = None
    _memory: SharedMemory | None = None

    def __init__(self, slot_bytes: int, slots: int) -> None:
        if slot_bytes < 1 or slots < 1:
            raise ValueError("a ring needs at least one slot of at least one byte")
        memory = SharedMemory(create=True, size=_Layout.size(slot_bytes, slots))
        self.name = memory.name
        self._memory = memory
        _pages(_view(memory))[:] = 0
        self._layout = _Layout.create(_view(memory), slot_bytes, slots)
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

    _layout: _Layout | None = None

    def __init__(self, name: str) -> None:
        try:
            buffer, self._detach = _attach(name)
        except (OSError, ValueError):
            raise ValueError(
                f"there is no image ring {name} here: does the microscope run on this host?"
            ) from None
        self.name = name
        _pages(buffer).sum()
        self._layout = _Layout.open(buffer)
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
            A private copy; None if the slot was overwritten before the copy was complete.

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
        image = np.empty(shape, dtype)
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


class _Layout:
    """Views into the memory: a head, the counters, the pixels."""

    def __init__(self, buffer: _Buffer, slot_bytes: int, slots: int) -> None:
        lines = np.frombuffer(buffer, np.uint64, slots * _LINE // 8, _LINE)
        self.counters: NDArray[np.uint64] = lines[:: _LINE // 8]
        self.newest: NDArray[np.uint64] = np.frombuffer(buffer, np.uint64, 1, _NEWEST_AT)
        first, stride = _round_up(_LINE * (slots + 1)), _PAGE + _round_up(slot_bytes)
        self.pixels: list[NDArray[np.uint8]] = [
            np.frombuffer(buffer, np.uint8, slot_bytes, first + i * stride + _PAGE)
            for i in range(slots)
        ]
        self.slot_bytes = slot_bytes
        self._buffer, self._headers_at = buffer, range(first, first + slots * stride, stride)

    def set_header(self, slot: int, header: bytes) -> None:
        at = self._headers_at[slot]
        _LENGTH.pack_into(self._buffer, at, len(header))
        self._buffer[at + _LENGTH.size : at + _LENGTH.size + len(header)] = header

    def header(self, slot: int) -> bytes:
        at = self._headers_at[slot]
        (length,) = _LENGTH.unpack_from(self._buffer, at)
        return bytes(self._buffer[at + _LENGTH.size : at + _LENGTH.size + length])

    @staticmethod
    def size(slot_bytes: int, slots: int) -> int:
        return _round_up(_LINE * (slots + 1)) + slots * (_PAGE + _round_up(slot_bytes))

    @classmethod
    def create(cls, buffer: _Buffer, slot_bytes: int, slots: int) -> _Layout:
        _HEAD.pack_into(buffer, 0, _MAGIC, slot_bytes, slots)
        return cls(buffer, slot_bytes, slots)

    @classmethod
    def open(cls, buffer: _Buffer) -> _Layout | None:
        if len(buffer) < _PAGE:
            return None
        magic, slot_bytes, slots = _HEAD.unpack_from(buffer)
        if magic != _MAGIC or cls.size(slot_bytes, slots) > len(buffer):
            return None
        return cls(buffer, slot_bytes, slots)


def _round_up(size: int) -> int:
    return -(-size // _PAGE) * _PAGE


def _pages(buffer: _Buffer) -> NDArray[np.uint8]:
    """One byte of every page: touching them now spares the first images their page faults."""
    return np.frombuffer(buffer, np.uint8)[::_PAGE]


def _view(memory: SharedMemory) -> memoryview:
    if memory.buf is None:
        raise ValueError("this shared memory is closed")
    return memory.buf


def _attach(name: str) -> tuple[_Buffer, Callable[[], None]]:
    """Map existing shared memory without telling the resource tracker.

    Before Python 3.13 `SharedMemory` registers on POSIX what it merely attaches, and the
    tracker of this process would unlink it from under the writer. Taking the registration
    back is no cure: a tracker shared with the writer would forget the writer's own.
    So on those versions the memory is mapped by the two calls that `SharedMemory` makes.
    """
    if sys.version_info >= (3, 13):
        memory = SharedMemory(name, track=False)
        return _view(memory), memory.close
    if sys.platform == "win32":
        memory = SharedMemory(name)
        return _view(memory), memory.close
    import _posixshmem

    descriptor = _posixshmem.shm_open(f"/{name}", os.O_RDONLY, mode=0o600)
    try:
        mapped = mmap.mmap(descriptor, os.fstat(descriptor).st_size, access=mmap.ACCESS_READ)
    finally:
        os.close(descriptor)
    return mapped, mapped.close

"""Shared memory that holds a ring of images: how to attach to it, and what lies where.

The layout is described for other languages in docs/protocol.md, where all constants stand.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
from collections.abc import Callable
from multiprocessing.shared_memory import SharedMemory

import numpy as np
from numpy.typing import NDArray

Buffer = memoryview | mmap.mmap

_MAGIC = b"pursuit2"
"""First bytes of the memory: what it is, and the version of its layout."""
_LINE = 64
"""Bytes of a cache line on x86-64: every counter has its own."""
_PAGE = 4096
"""Bytes of a memory page on x86-64, to which headers and pixels are aligned."""
_HEAD = struct.Struct("=8sQQ")
"""Magic, slot size and number of slots, in the first line."""
_NEWEST_AT = 32
"""Offset in the first line of the counter of the slot that was written last."""
_LENGTH = struct.Struct("=I")
"""Length of a header, before it."""
HEADER_BYTES = _PAGE - _LENGTH.size
"""Greatest length of a header: it lies on a page of its own before the pixels."""


class Layout:
    """Views into the memory: a head, the counters, and for each slot a header and pixels.

    Attributes
    ----------
    counters : (slots,) uint64
        One for each slot: odd while it is written, even and new once it is whole.
    newest : (1,) uint64
        The counter of the slot that was written last; 0 before the first.
    pixels : list of (slot_bytes,) uint8
    slot_bytes : int
        Size of an image.
    """

    def __init__(self, buffer: Buffer, slot_bytes: int, slots: int) -> None:
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
        """Write the header of a slot, `HEADER_BYTES` at most."""
        at = self._headers_at[slot]
        _LENGTH.pack_into(self._buffer, at, len(header))
        self._buffer[at + _LENGTH.size : at + _LENGTH.size + len(header)] = header

    def header(self, slot: int) -> bytes:
        """Copy the header of a slot; torn if the slot is being written."""
        at = self._headers_at[slot]
        (length,) = _LENGTH.unpack_from(self._buffer, at)
        return bytes(self._buffer[at + _LENGTH.size : at + _LENGTH.size + length])

    @staticmethod
    def size(slot_bytes: int, slots: int) -> int:
        """Bytes of memory that so many slots of a size take."""
        return _round_up(_LINE * (slots + 1)) + slots * (_PAGE + _round_up(slot_bytes))

    @classmethod
    def create(cls, buffer: Buffer, slot_bytes: int, slots: int) -> Layout:
        """Lay out memory that is all zero."""
        _HEAD.pack_into(buffer, 0, _MAGIC, slot_bytes, slots)
        return cls(buffer, slot_bytes, slots)

    @classmethod
    def open(cls, buffer: Buffer) -> Layout | None:
        """Find the layout of existing memory; None if it holds no image ring."""
        if len(buffer) < _PAGE:
            return None
        magic, slot_bytes, slots = _HEAD.unpack_from(buffer)
        if magic != _MAGIC or cls.size(slot_bytes, slots) > len(buffer):
            return None
        return cls(buffer, slot_bytes, slots)


def _round_up(size: int) -> int:
    return -(-size // _PAGE) * _PAGE


def first_bytes_of_pages(buffer: Buffer) -> NDArray[np.uint8]:
    """Return one byte of every page: to touch them now saves the first images page faults."""
    return np.frombuffer(buffer, np.uint8)[::_PAGE]


def view(memory: SharedMemory) -> memoryview:
    """Return the bytes of shared memory that is open."""
    if memory.buf is None:
        raise ValueError("this shared memory is closed")
    return memory.buf


def attach(name: str) -> tuple[Buffer, Callable[[], None]]:
    """Map existing shared memory without telling the resource tracker.

    Returns
    -------
    buffer, detach
        Its bytes, and what unmaps them.

    Raises
    ------
    OSError, ValueError
        If there is none of that name.

    Notes
    -----
    Before Python 3.13 `SharedMemory` registers on POSIX what it merely attaches, and the
    tracker of this process would unlink it from under the writer. Taking the registration
    back is no cure: a tracker shared with the writer would forget the writer's own.
    So on those versions the memory is mapped by the two calls that `SharedMemory` makes.
    """
    if sys.version_info >= (3, 13):
        memory = SharedMemory(name, track=False)
        return view(memory), memory.close
    if sys.platform == "win32":
        memory = SharedMemory(name)
        return view(memory), memory.close
    import _posixshmem

    descriptor = _posixshmem.shm_open(f"/{name}", os.O_RDONLY, mode=0o600)
    try:
        mapped = mmap.mmap(descriptor, os.fstat(descriptor).st_size, access=mmap.ACCESS_READ)
    finally:
        os.close(descriptor)
    return mapped, mapped.close

"""Frames that wait for the disk: no more than memory is meant for them."""

from __future__ import annotations

import threading

from ....drivers.messages import Frame

_LITTLE = 1 / 8
"""Share of the memory below which the disk has caught up. Chosen: far from full, so that the
frames that are kept do not change with every file."""


class Backlog:
    """Says which frames can be kept. Where the disk is too slow for all, they stay evenly spaced.

    When no more can wait, every second frame is kept from then on, then every fourth, and so on;
    more again once the disk has caught up. Of acquisitions all that fit are kept.

    Parameters
    ----------
    most_bytes : int
        Pixels that may wait.
    waits : bool
        Whether `admit` waits for the disk instead, as virtual time does.
    """

    def __init__(self, most_bytes: int, waits: bool = False) -> None:
        self._every = 1
        self._most_bytes, self._waits = most_bytes, waits
        self._waiting_bytes = 0
        self._since_change_bytes = most_bytes
        self._changed = threading.Condition()

    def admit(self, frame: Frame) -> bool:
        """Whether a frame is kept; if so, `release` is due once it no longer waits."""
        size = frame.image.nbytes
        with self._changed:
            if self._waits:
                self._changed.wait_for(lambda: self._fits(size) or not self._waiting_bytes)
            elif not self._is_kept(frame, size):
                return False
            self._waiting_bytes += size
            self._since_change_bytes += size
            return True

    def release(self, frame: Frame) -> None:
        """Take note that a frame no longer waits."""
        with self._changed:
            self._waiting_bytes -= frame.image.nbytes
            self._changed.notify()

    def _is_kept(self, frame: Frame, size: int) -> bool:
        fits = self._fits(size)
        if self._since_change_bytes >= self._most_bytes:
            if not fits:
                self._keep_every(2 * self._every)
            elif self._every > 1 and self._waiting_bytes <= _LITTLE * self._most_bytes:
                self._keep_every(self._every // 2)
        return fits and (bool(frame.acquisition) or frame.index % self._every == 0)

    def _keep_every(self, frames: int) -> None:
        self._every, self._since_change_bytes = frames, 0

    def _fits(self, size: int) -> bool:
        return self._waiting_bytes + size <= self._most_bytes

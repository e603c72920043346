"""When to poll for something that comes at regular times, without being woken for it."""

from __future__ import annotations

from ..clock import NS_PER_MS

_EARLY_NS = 3 * NS_PER_MS // 2
"""How long before the expected arrival frequent polling begins.

Chosen: more than a thread's sleep of some ms is late by on a busy host.
"""
_LATE_NS = 3 * NS_PER_MS
"""How long after the expected arrival it goes on; chosen: covers the jitter of a camera."""
_FINE_NS = 10_000
"""Time between frequent polls: shorter than the shortest sleep of an operating system, 50 µs."""
_COARSE_NS = 5 * NS_PER_MS
"""Longest time between polls; chosen: what a late frame may wait at most."""
_WAITED_PARTS = 20
"""A frame that is late is polled for after this fraction of its delay; chosen: adds 5 %."""


class PollSchedule:
    """Learns the interval of the frames, and says when the next poll is worth while.

    Sleeping until woken by a socket takes two or three wake-ups of threads, a quarter of a
    millisecond; a poll takes as long as the shortest sleep. Polling all the time would occupy a
    processor, so it is frequent around the expected arrival only.
    """

    def __init__(self) -> None:
        self._index: int | None = None
        self._arrived_ns = 0
        self._interval_ns = 0

    def arrived(self, index: int, now_ns: int) -> None:
        """Note that the frame with an index was found now."""
        if self._index is not None and index > self._index:
            self._interval_ns = (now_ns - self._arrived_ns) // (index - self._index)
        self._index, self._arrived_ns = index, now_ns

    def next_ns(self, now_ns: int) -> int:
        """Return the instant of the next poll."""
        if not self._interval_ns:
            return now_ns + NS_PER_MS
        due_ns = self._arrived_ns + self._interval_ns
        if now_ns < due_ns - _EARLY_NS:
            return min(due_ns - _EARLY_NS, now_ns + _COARSE_NS)
        if now_ns < due_ns + _LATE_NS:
            return now_ns + _FINE_NS
        return now_ns + min((now_ns - due_ns) // _WAITED_PARTS, _COARSE_NS)

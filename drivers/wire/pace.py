"""When to look for something that comes at regular times, without a wake-up from elsewhere."""

from __future__ import annotations

from ..clock import NS_PER_MS

_EARLY_NS = 3 * NS_PER_MS // 2
"""How long before the expected arrival to begin to look often."""
_LATE_NS = 3 * NS_PER_MS
"""How long after it to go on so."""
_FINE_NS = 10_000
_COARSE_NS = 5 * NS_PER_MS
_PATIENCE = 20
"""Past that, the next look waits for this fraction of what has been waited already."""


class Pace:
    """Learns when frames come, and says when the next look is worth while.

    Sleeping until woken by a socket takes two or three wake-ups of threads, a quarter of a
    millisecond; looking takes as long as the shortest sleep. Looking all the time would burn a
    processor, so it is done around the expected arrival only.
    """

    def __init__(self) -> None:
        self._index: int | None = None
        self._came_ns = 0
        self._interval_ns = 0

    def came(self, index: int, now_ns: int) -> None:
        """Note that the frame with an index was found now."""
        if self._index is not None and index > self._index:
            self._interval_ns = (now_ns - self._came_ns) // (index - self._index)
        self._index, self._came_ns = index, now_ns

    def look_again_ns(self, now_ns: int) -> int:
        """Return the instant of the next look."""
        if not self._interval_ns:
            return now_ns + NS_PER_MS
        due_ns = self._came_ns + self._interval_ns
        if now_ns < due_ns - _EARLY_NS:
            return min(due_ns - _EARLY_NS, now_ns + _COARSE_NS)
        if now_ns < due_ns + _LATE_NS:
            return now_ns + _FINE_NS
        return now_ns + min((now_ns - due_ns) // _PATIENCE, _COARSE_NS)

"""Time: one monotonic clock per host, injected wherever something waits or stamps."""

from __future__ import annotations

import threading
import time
from collections import deque
from statistics import median
from typing import Protocol

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


class Clock(Protocol):
    """A monotonic clock that can also wait."""

    def now_ns(self) -> int:
        """Nanoseconds since an arbitrary origin, never decreasing."""
        ...

    def sleep_until_ns(self, at_ns: int) -> None:
        """Return when the clock reads ``at_ns``, at once if it already does."""
        ...


class SystemClock:
    """The host's clock, ``time.perf_counter_ns``: shared by all processes of one host."""

    def now_ns(self) -> int:
        """Nanoseconds of the host's performance counter."""
        return time.perf_counter_ns()

    def sleep_until_ns(self, at_ns: int) -> None:
        """Sleep until the performance counter reads ``at_ns``."""
        remaining_ns = at_ns - time.perf_counter_ns()
        if remaining_ns > 0:
            time.sleep(remaining_ns / NS_PER_S)


class VirtualClock:
    """A clock that moves only when told to, so that timing is exact and repeatable."""

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns
        self._lock = threading.Lock()

    def now_ns(self) -> int:
        """Nanoseconds of virtual time."""
        return self._now_ns

    def sleep_until_ns(self, at_ns: int) -> None:
        """Jump forward to ``at_ns``; never backward."""
        with self._lock:
            self._now_ns = max(self._now_ns, at_ns)


_CALLS = 15
"""Calls that tell what is usual. Chosen: seven late ones change nothing."""
_SPREADS = 5
"""Median deviations from the usual time from which a call is late: more than 3 standard deviations
of a normal distribution."""


class CallTime:
    """Tells calls to a device that took longer than such calls usually do.

    A call gives its answer, or its command, at some instant while it runs. Where it takes longer
    than usual, as on a host that has stalled, nobody knows when.
    """

    def __init__(self) -> None:
        self._took_ns: deque[int] = deque(maxlen=_CALLS)

    def late_ns(self, began_ns: int, ended_ns: int) -> int:
        """Take in a call; return by how much it took longer than usual, 0 within the spread."""
        took_ns = ended_ns - began_ns
        self._took_ns.append(took_ns)
        usual_ns = median(self._took_ns)
        spread_ns = median(abs(each - usual_ns) for each in self._took_ns)
        late_ns = round(took_ns - usual_ns)
        return late_ns if late_ns > _SPREADS * spread_ns else 0

"""How far a drive is sent with one command: no further than it can be stopped."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress

from ..clock import NS_PER_MS, Clock

_FIRST_UM = 10.0
"""Length of the first command. Chosen: little against a field, and seen by every encoder."""
_LEAST_UM = 1.0
"""Least length, so that a move comes to an end. Chosen: no objective is harmed by it."""
_BLOCKED_NS = 20 * NS_PER_MS
"""How long a command may block: a stop waits that long for it. Chosen: nobody notices it."""


class CommandReach:
    """Learns whether commands return before the drive has arrived, and limits them until then.

    Some adapters (Nikon's Ti2: mmCoreAndDevices issue 568) return from a command only when the
    drive has arrived, and take no stop meanwhile. A drive that says that it is busy after a
    command has returned is none of these, and is sent anywhere at once. Any other is sent by so
    much at a time as it travels in the time that a stop may wait.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._reach_um = _FIRST_UM
        self._quickest_ns = math.inf

    def toward(self, from_um: tuple[float, ...], to_um: tuple[float, ...]) -> tuple[float, ...]:
        """Return the place on the way to a target up to which one command may go."""
        distance_um = math.dist(from_um, to_um)
        if distance_um <= self._reach_um:
            return to_um
        share = self._reach_um / distance_um
        return tuple(a + share * (b - a) for a, b in zip(from_um, to_um, strict=True))

    def send(self, command: Callable[[], None], busy: Callable[[], bool]) -> None:
        """Give a command, and learn from how long it takes and what the drive says then."""
        if math.isinf(self._reach_um):
            command()
            return
        began_ns = self._clock.now_ns()
        command()
        took_ns = self._clock.now_ns() - began_ns
        self._quickest_ns = min(self._quickest_ns, took_ns)
        with suppress(RuntimeError):
            if busy():
                self._reach_um = math.inf
        if took_ns - self._quickest_ns > _BLOCKED_NS:
            self._reach_um = max(self._reach_um / 2, _LEAST_UM)
        elif took_ns - self._quickest_ns < _BLOCKED_NS / 2:
            self._reach_um *= 2

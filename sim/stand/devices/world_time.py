"""The time of a world on the host's clock, and the labels of its devices."""

from __future__ import annotations

from ....drivers.clock import NS_PER_MS, Clock

CAMERA, XY_STAGE, FOCUS, LIGHT = "Camera", "XY", "Z", "Light"
"""Labels that `load_simulator` gives."""


class WorldTime:
    """The world's time on the host's clock; it begins when this is made."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._origin_ns = clock.now_ns()

    def now_ns(self) -> int:
        """Nanoseconds of the world's time."""
        return self._clock.now_ns() - self._origin_ns

    def sleep_until_ns(self, at_ns: int) -> None:
        """Return when the world's time is ``at_ns``, at once if it is past."""
        self._clock.sleep_until_ns(at_ns + self._origin_ns)

    def block_ms(self, duration_ms: float) -> None:
        """Return after a time, as a serial line does."""
        self.sleep_until_ns(self.now_ns() + round(duration_ms * NS_PER_MS))

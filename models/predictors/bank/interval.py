"""The frame interval, estimated from the steps between measurements."""

NS_PER_S = 1e9

_UNKNOWN_S = 1.0
"""Interval before the first step. Chosen: any will do, as filters restart at the first step."""
_CHANGED = 1.5
"""Ratio by which the recent interval must differ from the one in use to replace it. Chosen: above
the jitter of cameras; below 2, so that every second frame skipped counts as a new interval."""
_MEMORY = 20
"""Steps over which the recent interval is averaged (geometric mean). Chosen: a few dropped
frames do not change the interval in use."""
_SHORTEST_S = 1e-5
"""Steps shorter than this count as this long: no camera is faster than 100 kHz."""


class IntervalEstimator:
    """The frame interval, ``interval_s``, which scales the process noise of all motion models."""

    def __init__(self) -> None:
        self.interval_s = _UNKNOWN_S
        self._recent_s = 0.0

    def step(self, step_s: float) -> bool:
        """Take in a step; return whether it was the first, which sets the interval."""
        first = self._recent_s == 0.0
        step_s = max(step_s, _SHORTEST_S)
        if first:
            self._recent_s = self.interval_s = step_s
        self._recent_s *= (step_s / self._recent_s) ** (1 / _MEMORY)
        ratio = self._recent_s / self.interval_s
        if not 1 / _CHANGED < ratio < _CHANGED:
            self.interval_s = self._recent_s
        return first

"""Backlash: what an axis carries follows its drive only after a reversal has been taken up."""

from __future__ import annotations

import math
from collections.abc import Callable

_STEP_NS = 2_000_000
"""The drive is followed in steps: a reversal within one can be missed by ``a h²/8``, 0.05 µm at
10⁵ µm/s²."""
_MOST_STEPS = 64
"""Chosen: 128 ms in such steps, longer than from one frame to the next; over longer spans the
steps become longer."""

Drive = Callable[[int], float]
"""Position of the drive at an instant, in µm."""


class Backlash:
    """Where the load of one axis is, from where its drive has been.

    The load rests until the drive has taken up the backlash, then it is pushed along: the play
    operator of hysteresis (Brokate and Sprekels 1996, Hysteresis and Phase Transitions,
    section 2.2). An encoder on the drive does not show it.

    Parameters
    ----------
    width_um : float
        How far the drive goes at a reversal before the load follows.
    position_um : float
        Of the load at first; the drive may stand up to half the width to either side of it.
    """

    def __init__(self, width_um: float, position_um: float) -> None:
        self._half_um = width_um / 2
        self._load_um, self._at_ns = position_um, 0

    def load_um(self, drive: Drive, at_ns: int) -> float:
        """Follow the drive to an instant and return where the load is then."""
        if self._half_um == 0:
            return drive(at_ns)
        load_um = self._followed(drive, at_ns)
        if at_ns > self._at_ns:
            self._load_um, self._at_ns = load_um, at_ns
        return load_um

    def drive_target_um(self, drive: Drive, at_ns: int, load_um: float) -> float:
        """Where the drive must go after an instant to bring the load to a position."""
        if self._half_um == 0:
            return load_um
        ahead_um = load_um - self._followed(drive, at_ns)
        return load_um + math.copysign(self._half_um, ahead_um)

    def reset(self, at_ns: int, position_um: float) -> None:
        """Put the load in the middle of the backlash: its position in it is not known."""
        self._load_um, self._at_ns = position_um, at_ns

    def _followed(self, drive: Drive, at_ns: int) -> float:
        span_ns = max(at_ns - self._at_ns, 0)
        steps = min(max(math.ceil(span_ns / _STEP_NS), 1), _MOST_STEPS)
        load_um = self._load_um
        for step in range(1, steps + 1):
            pushed_um = drive(min(self._at_ns, at_ns) + span_ns * step // steps)
            load_um = min(max(load_um, pushed_um - self._half_um), pushed_um + self._half_um)
        return load_um

"""How sure the pose model may be, from how well it foresees what is read."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..clock import NS_PER_MS, NS_PER_S
from .axis import Axis

_FORGET = 0.1
"""Weight of a new residual in the running variances."""
_START_SIGMA_UM, _LEAST_SIGMA_UM, _MOST_SIGMA_UM = 0.05, 0.01, 10.0
_START_JITTER_S, _LEAST_JITTER_S, _MOST_JITTER_S = 3e-3, 1e-4, 0.05
_MOST_SURPRISE = 16.0
"""Square of the greatest residual in sigmas that the running variances learn from at once."""
_SIGMAS, _PLAIN_UM = 3.0, 0.25
"""A reading that is off by more than both of these contradicts the model."""
_GOOD_JITTER_S = 1e-3
"""Error of time that a good calibration leaves."""
_FRESH_JITTER_S = 2e-3
"""The same for one that was just changed."""
_FADING = 1 / 16
"""What is left of a doubt, squared, after the next reading if it agrees."""
_DOUBTS, _PROOFS = 3, 5
"""Readings in agreement that end a doubt; those in motion that prove the calibration."""
_TELLING_UM = 2.0
"""Way since the last reading that is worth another."""
_PROOF_UM, _PROOF_S = 1.0, 5e-3
"""Way within as long before or after a reading that makes it a proof if it agrees."""
_SOON_NS = 20 * NS_PER_MS
"""How long before it comes about such a way is told."""

Axes = Sequence[Axis]
"""x and y."""


class Confidence:
    """The variances of a pose, learned from read-backs, and the doubts after a contradiction.

    What readings and model disagree by is an error of position and an error of time. Beyond
    what both make likely, a reading contradicts the model: that much is in doubt until readings
    agree again. Until readings in motion have proved the calibration, they are wanted in moves.
    """

    def __init__(self) -> None:
        self._rest_var_um2, self._jitter_s = _START_SIGMA_UM**2, _START_JITTER_S
        self._doubt_um2, self._doubts, self._proofs = 0.0, 0, 0
        self._read_ns = 0

    def sigma_um(self, axes: Axes, at_ns: int) -> float:
        """Standard deviation along one axis at an instant."""
        return math.sqrt(sum(self._variance_um2(axis, at_ns) for axis in axes) / len(axes))

    def contradicted(self, axes: Axes, at_ns: int, off_um: Sequence[float]) -> bool:
        """Whether a reading is off by more than is likely."""
        return any(
            abs(off) > max(_SIGMAS * math.sqrt(self._variance_um2(axis, at_ns)), _PLAIN_UM)
            for axis, off in zip(axes, off_um, strict=True)
        )

    def amiss(self, axes: Axes, at_ns: int, off_um: Sequence[float]) -> bool:
        """Whether a good calibration would have foreseen a reading better."""
        return any(
            abs(off) > _PLAIN_UM + _SIGMAS * _way_um(axis, at_ns, _GOOD_JITTER_S)
            for axis, off in zip(axes, off_um, strict=True)
        )

    def weigh(self, axes: Axes, at_ns: int, off_um: Sequence[float], *, contradicted: bool) -> None:
        """Learn from a reading.

        Parameters
        ----------
        axes : x and y
            As they are calibrated now.
        at_ns : int
        off_um : (x, y)
            The reading less what was foreseen by that calibration.
        contradicted : bool
            Whether the calibration before was contradicted by it.
        """
        if contradicted or self.amiss(axes, at_ns, off_um):
            self._proofs = 0
        elif max(_way_um(axis, at_ns, _PROOF_S) for axis in axes) > _PROOF_UM:
            self._proofs += 1
        self._doubts = _DOUBTS if contradicted else max(self._doubts - 1, 0)
        still_um2 = 0.0
        if contradicted and self.contradicted(axes, at_ns, off_um):
            still_um2 = max(off**2 for off in off_um)
        self._doubt_um2 = max(self._doubt_um2 * _FADING, still_um2)
        self._read_ns = at_ns
        for axis, off in zip(axes, off_um, strict=True):
            self._learn(off**2, _way_um(axis, at_ns, self._jitter_s) ** 2)

    def recalibrated(self) -> None:
        """Begin anew with the error of time."""
        self._jitter_s = _FRESH_JITTER_S

    def cleared(self, at_ns: int) -> None:
        """Have no doubts: the stage was read at rest, and the model put there."""
        self._doubt_um2, self._doubts, self._read_ns = 0.0, 0, at_ns

    def wants_reading(self, axes: Axes, at_ns: int) -> bool:
        """Whether a reading would tell much: in doubt, or in a move of an unproven stage."""
        if self._doubts or self._proofs >= _PROOFS:
            return self._doubts > 0
        soon_ns = at_ns + round(axes[0].dynamics.delay_ms * NS_PER_MS) + _SOON_NS
        return max(self._unread_um(axis, soon_ns) for axis in axes) > _TELLING_UM

    def _variance_um2(self, axis: Axis, at_ns: int) -> float:
        moving_um = _way_um(axis, at_ns, self._jitter_s)
        return self._rest_var_um2 + moving_um**2 + self._doubt_um2

    def _unread_um(self, axis: Axis, at_ns: int) -> float:
        """Way since the last reading."""
        return abs(axis.state(at_ns)[0] - axis.state(self._read_ns)[0])

    def _learn(self, square_um2: float, moving_um2: float) -> None:
        """Share a squared residual out between offset and time, as the model expects it."""
        surprise = min(square_um2 / (self._rest_var_um2 + moving_um2), _MOST_SURPRISE)
        rest_share = self._rest_var_um2 / (self._rest_var_um2 + moving_um2)
        self._rest_var_um2 *= 1 + _FORGET * rest_share * (surprise - 1)
        self._jitter_s *= math.sqrt(1 + _FORGET * (1 - rest_share) * (surprise - 1))
        self._rest_var_um2 = min(max(self._rest_var_um2, _LEAST_SIGMA_UM**2), _MOST_SIGMA_UM**2)
        self._jitter_s = min(max(self._jitter_s, _LEAST_JITTER_S), _MOST_JITTER_S)


def _way_um(axis: Axis, at_ns: int, jitter_s: float) -> float:
    """What an error of time is in space: half of the way from before to after an instant."""
    late_ns = round(jitter_s * NS_PER_S)
    return abs(axis.state(at_ns + late_ns)[0] - axis.state(at_ns - late_ns)[0]) / 2

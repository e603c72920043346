"""Pose uncertainty, from how well the pose model predicts what is read."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..clock import NS_PER_MS, NS_PER_S
from .axis import Axis

_LEARNING_RATE = 0.1
"""Weight of a new residual in the running variances. Chosen: they average some ten readings."""
_FIRST_SIGMA_UM, _LEAST_SIGMA_UM, _MOST_SIGMA_UM = 0.05, 0.01, 10.0
"""Error of position: at first the step of a common encoder; chosen bounds."""
_FIRST_JITTER_S, _LEAST_JITTER_S, _MOST_JITTER_S = 3e-3, 1e-4, 0.05
"""Error of time: at first that of a command over a serial line; chosen bounds."""
_MOST_SQUARE = 16.0
"""Greatest squared residual, in variances, that the running variances learn from at once: chosen
(4 sigmas), so that one wild reading does not spoil them."""
_SIGMAS, _LEAST_RESIDUAL_UM = 3.0, 0.25
"""A reading that is off by more than both of these contradicts the model: three sigmas as usual,
and chosen, no less than most objectives resolve."""
_GOOD_JITTER_S = 1e-3
"""Error of time that a good identification leaves: about that of a reading over a serial line."""
_NEW_JITTER_S = 2e-3
"""The same just after an identification. Chosen: twice that of a good one."""
_DECAY = 1 / 16
"""What an agreeing reading leaves of the square of a contradiction: a quarter of its size, chosen
so that three leave less than 2 %."""
_LEAST_CORRECTION = 0.2
"""Share of a residual at rest that is corrected at least. Chosen: a third of the noise of encoder
steps (``√(0.2 / 1.8)``) is left in the pose, and drift is followed within a second of readings."""
_CONFIRMATIONS = 3
"""Readings in agreement after which a contradiction is settled. Chosen, see `_DECAY`."""
_VERIFICATIONS = 5
"""Readings in motion that verify the identified dynamics. Chosen: two parameters, some spare."""
_INFORMATIVE_UM = 2.0
"""Distance since the last reading that makes another one worth while. Chosen: eight times what a
reading may be off without contradicting the model."""
_VERIFYING_UM, _VERIFYING_S = 1.0, 5e-3
"""A reading verifies the dynamics if the axis moves this far within so long before or after it:
chosen, 200 µm/s, where an error of time of 1 ms shows as much as the encoder's."""
_SOON_NS = 20 * NS_PER_MS
"""How long before it comes about such a motion is announced. Chosen: a reading of a slow stage."""

Axes = Sequence[Axis]
"""x and y."""


class PoseUncertainty:
    """The variances of a pose, learned from readings, and what a contradiction adds to them.

    Readings and model disagree by an error of position and an error of time. A reading that is
    off by more than both make likely contradicts the model: its residual is added to the
    uncertainty until readings agree again. Until readings in motion have verified the dynamics,
    readings in motion are asked for.
    """

    def __init__(self) -> None:
        self._rest_var_um2, self._jitter_s = _FIRST_SIGMA_UM**2, _FIRST_JITTER_S
        self._contradiction_um2, self._unconfirmed, self._verified = 0.0, 0, 0
        self._read_ns = 0

    def sigma_um(self, axes: Axes, at_ns: int) -> float:
        """Standard deviation along one axis at an instant."""
        return math.sqrt(sum(self._variance_um2(axis, at_ns) for axis in axes) / len(axes))

    @property
    def correction_share(self) -> float:
        """How much of a residual at rest is an error of the model and not of the reading.

        The Kalman gain, with what is left of a contradiction for the variance of the model.
        """
        model_um2 = self._contradiction_um2
        return max(model_um2 / (model_um2 + self._rest_var_um2), _LEAST_CORRECTION)

    def is_contradiction(self, axes: Axes, at_ns: int, residual_um: Sequence[float]) -> bool:
        """Whether a reading is off by more than is likely."""
        return any(
            abs(off) > max(_SIGMAS * math.sqrt(self._variance_um2(axis, at_ns)), _LEAST_RESIDUAL_UM)
            for axis, off in zip(axes, residual_um, strict=True)
        )

    def is_avoidable(self, axes: Axes, at_ns: int, residual_um: Sequence[float]) -> bool:
        """Whether well identified dynamics would have predicted a reading better."""
        return any(
            abs(off) > _LEAST_RESIDUAL_UM + _SIGMAS * _travel_um(axis, at_ns, _GOOD_JITTER_S)
            for axis, off in zip(axes, residual_um, strict=True)
        )

    def learn(
        self, axes: Axes, at_ns: int, residual_um: Sequence[float], *, contradiction: bool
    ) -> None:
        """Learn from a reading.

        Parameters
        ----------
        axes : x and y
            With the dynamics identified by now.
        at_ns : int
        residual_um : (x, y)
            The reading less what these dynamics predict.
        contradiction : bool
            Whether it contradicted the dynamics before.
        """
        if contradiction or self.is_avoidable(axes, at_ns, residual_um):
            self._verified = 0
        elif max(_travel_um(axis, at_ns, _VERIFYING_S) for axis in axes) > _VERIFYING_UM:
            self._verified += 1
        self._unconfirmed = _CONFIRMATIONS if contradiction else max(self._unconfirmed - 1, 0)
        still_um2 = 0.0
        if contradiction and self.is_contradiction(axes, at_ns, residual_um):
            still_um2 = max(off**2 for off in residual_um)
        self._contradiction_um2 = max(self._contradiction_um2 * _DECAY, still_um2)
        self._read_ns = at_ns
        for axis, off in zip(axes, residual_um, strict=True):
            self._update(off**2, _travel_um(axis, at_ns, self._jitter_s) ** 2)

    def identified(self) -> None:
        """Learn the error of time anew: the dynamics have changed."""
        self._jitter_s = _NEW_JITTER_S

    def reset(self, at_ns: int) -> None:
        """Forget contradictions: the stage was read at rest, and the model put there."""
        self._contradiction_um2, self._unconfirmed, self._read_ns = 0.0, 0, at_ns

    def contradicted(self, at_ns: int, residual_um: Sequence[float]) -> None:
        """Note that the model was put where the stage was read, far from where it was thought."""
        self._contradiction_um2, self._unconfirmed = max(off**2 for off in residual_um), 1
        self._read_ns = at_ns

    def wants_reading(self, axes: Axes, at_ns: int) -> bool:
        """Whether a reading is informative: unconfirmed, or in motion with unverified dynamics."""
        if self._unconfirmed or self._verified >= _VERIFICATIONS:
            return self._unconfirmed > 0
        soon_ns = at_ns + round(axes[0].dynamics.delay_ms * NS_PER_MS) + _SOON_NS
        return max(self._unread_um(axis, soon_ns) for axis in axes) > _INFORMATIVE_UM

    def _variance_um2(self, axis: Axis, at_ns: int) -> float:
        moving_um = _travel_um(axis, at_ns, self._jitter_s)
        return self._rest_var_um2 + moving_um**2 + self._contradiction_um2

    def _unread_um(self, axis: Axis, at_ns: int) -> float:
        """Distance since the last reading."""
        return abs(axis.state(at_ns)[0] - axis.state(self._read_ns)[0])

    def _update(self, square_um2: float, moving_um2: float) -> None:
        """Attribute a squared residual to position and time, in proportion to their variances."""
        ratio = min(square_um2 / (self._rest_var_um2 + moving_um2), _MOST_SQUARE)
        rest_share = self._rest_var_um2 / (self._rest_var_um2 + moving_um2)
        self._rest_var_um2 *= 1 + _LEARNING_RATE * rest_share * (ratio - 1)
        self._jitter_s *= math.sqrt(1 + _LEARNING_RATE * (1 - rest_share) * (ratio - 1))
        self._rest_var_um2 = min(max(self._rest_var_um2, _LEAST_SIGMA_UM**2), _MOST_SIGMA_UM**2)
        self._jitter_s = min(max(self._jitter_s, _LEAST_JITTER_S), _MOST_JITTER_S)


def _travel_um(axis: Axis, at_ns: int, jitter_s: float) -> float:
    """Error of position that an error of time makes: half the travel from before to after."""
    late_ns = round(jitter_s * NS_PER_S)
    return abs(axis.state(at_ns + late_ns)[0] - axis.state(at_ns - late_ns)[0]) / 2

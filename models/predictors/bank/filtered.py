"""Objects in a bank of filters: known by slots, all at one instant, along the same axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...arrays import Bools, Floats
from .bank import Bank
from .beliefs import Beliefs
from .modes import Hypothesis, Slots

NS_PER_S = 1e9
NEGLIGIBLE_UM2 = 1e-9
"""The least variance that is believed: a standard deviation of 0.03 nm."""
VAST_UM2 = 1e9
"""A variance that says nothing: a standard deviation of 3 cm, wider than any stage."""
_UNKNOWN_PACE_S = 1.0
_NEW_PACE = 1.5
"""Ratio by which the frame interval must have changed for it to be taken anew."""
_PACE_MEMORY = 20
_LEAST_S = 1e-5
_LONGEST_FRAMES = 1e4
"""Nobody knows where an object is after so many frame intervals, or twice as many."""


class Pace:
    """The frame interval, learned from the steps.

    Attributes
    ----------
    interval_s : float
        1 s until there was a step.
    """

    def __init__(self) -> None:
        self.interval_s = _UNKNOWN_PACE_S
        self._recent_s = 0.0

    def step(self, step_s: float) -> bool:
        """Take in a step; return whether it was the first, so that the interval is new."""
        first = self._recent_s == 0.0
        step_s = max(step_s, _LEAST_S)
        if first:
            self._recent_s = self.interval_s = step_s
        self._recent_s *= (step_s / self._recent_s) ** (1 / _PACE_MEMORY)
        ratio = self._recent_s / self.interval_s
        if not 1 / _NEW_PACE < ratio < _NEW_PACE:
            self.interval_s = self._recent_s
        return first


class Filtered:
    """Objects in one bank, each on the row of its slot.

    Parameters
    ----------
    hypotheses : sequence of Hypothesis
    axes : int
        Number of axes A, on which an object moves alike.
    pace : Pace
    speed_um_s : float, optional
        As in `Bank`.
    """

    def __init__(
        self,
        hypotheses: Sequence[Hypothesis],
        axes: int,
        pace: Pace,
        speed_um_s: float | None = None,
    ) -> None:
        self._bank = Bank(hypotheses, axes, speed_um_s)
        self._pace = pace
        self._beliefs = self._bank.begin(np.empty((0, axes)), np.empty(0), pace.interval_s)
        self._taken, self._slots = np.zeros(1, np.bool_), np.empty(0, np.intp)

    def __len__(self) -> int:
        return len(self._slots)

    def has(self, slots: Slots) -> Bools:
        """Which slots, (K,), belong to objects in it."""
        return self._taken.take(slots, mode="clip")

    def begin(self, slots: Slots, positions_um: Floats, variances_um2: Floats) -> None:
        """Take in objects first seen at positions (K, A) under new slots."""
        variances = believable(positions_um, variances_um2)
        self._put(slots, self._bank.begin(positions_um, variances, self._pace.interval_s))

    def adopt(self, slots: Slots, other: Filtered) -> None:
        """Take over objects, with all that is believed of them, from one of fewer hypotheses.

        Those must be the last of the hypotheses here, in the same order. Slots that are not
        there are left out.
        """
        slots = slots[other.has(slots)]
        means, _ = other.predict(slots, 0.0)
        old = other._beliefs.at(slots)
        self._put(slots, self._bank.adopted(old, means, self._pace.interval_s))
        other.end(slots)

    def _put(self, slots: Slots, new: Beliefs) -> None:
        missing = int(slots.max(initial=-1)) + 1 - self._beliefs.objects
        if missing > 0:
            more = max(missing, self._beliefs.objects)
            self._beliefs = self._beliefs.with_room(more)
            self._taken = np.pad(self._taken, (0, more))
        self._beliefs.put(slots, new)
        self._take(slots, True)

    def _take(self, slots: Slots, taken: bool) -> None:
        """Note who is in it; there is always a row more, of nobody."""
        self._taken[slots] = taken
        self._slots = np.flatnonzero(self._taken)

    def restart(self) -> None:
        """Begin again from the first measurements, as the frame interval was not known then."""
        old = self._beliefs.at(self._slots)
        self.begin(self._slots, old.means[:, 0, :, 0], old.units_um2)

    def advance(self, step_s: float) -> None:
        """Take all objects a step on."""
        if len(self._slots):
            self._bank.advance(self._beliefs, self._slots, *self._span(step_s))

    def update(self, slots: Slots, positions_um: Floats, variances_um2: Floats) -> None:
        """Take in measurements at positions (K, A)."""
        self.check(slots)
        if len(slots):
            variances = believable(positions_um, variances_um2)
            self._bank.update(self._beliefs, slots, positions_um, variances)

    def end(self, slots: Slots) -> None:
        """Forget objects, those that it has."""
        self._take(slots[self.has(slots)], False)

    def predict(self, slots: Slots, step_s: float) -> tuple[Floats, Floats]:
        """Means (K, A) and covariances (K, A, A) of the positions a step later."""
        self.check(slots)
        return self._bank.expect(self._beliefs, slots, *self._span(step_s))

    def scales(self, slots: Slots) -> Floats:
        """Factors, (K,), by which the stated variances of measurements are believed to be wrong."""
        self.check(slots)
        return self._bank.scales(self._beliefs, slots)

    def check(self, slots: Slots) -> None:
        """Check that all slots belong to objects.

        Raises
        ------
        ValueError
            If one does not.
        """
        if not self.has(slots).all():
            raise ValueError("a slot was asked for that belongs to no object")

    def _span(self, step_s: float) -> tuple[float, float]:
        """A step that is not too long to be believed, and the frame interval."""
        interval_s = self._pace.interval_s
        return min(step_s, _LONGEST_FRAMES * interval_s), interval_s


def believable(positions_um: Floats, variances_um2: Floats) -> Floats:
    """Return the variances within what can be believed.

    Raises
    ------
    ValueError
        If a position is not finite or a variance is not positive.
    """
    if not np.isfinite(positions_um).all():
        raise ValueError("a position must be finite, in µm")
    if not variances_um2.min(initial=VAST_UM2) > 0:
        raise ValueError("the variance of a position must be positive, in µm²")
    return np.minimum(np.maximum(variances_um2, NEGLIGIBLE_UM2), VAST_UM2)

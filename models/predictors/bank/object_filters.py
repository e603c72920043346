"""The filters of objects that are known by slots, all at one instant, along the same axes."""

from collections.abc import Sequence

import numpy as np

from ...arrays import Bools, Floats, Indices
from .bank import FilterBank
from .interval import IntervalEstimator
from .matrices import Hypothesis
from .states import FilterStates

_LEAST_UM2 = 1e-9
"""Least variance of a measurement: a standard deviation of 0.03 nm, better than any microscope."""
UNKNOWN_UM2 = 1e9
"""Greatest variance, of what is not known: a standard deviation of 3 cm, wider than any stage."""
_LONGEST_FRAMES = 1e4
"""Steps longer than so many frame intervals count as this long. Chosen: nobody knows where an
object is by then, and powers of it stay within the range of doubles."""


class ObjectFilters:
    """One bank of filters, and the states of each object in the row of its slot.

    Hypotheses, the number of axes A and ``speed_um_s`` are those of `FilterBank`.
    """

    def __init__(
        self,
        hypotheses: Sequence[Hypothesis],
        axes: int,
        interval: IntervalEstimator,
        speed_um_s: float | None = None,
    ) -> None:
        self._bank = FilterBank(hypotheses, axes, speed_um_s)
        self._interval = interval
        self._states = self._bank.begin(np.empty((0, axes)), np.empty(0), interval.interval_s)
        self._taken, self._slots = np.zeros(1, np.bool_), np.empty(0, np.intp)

    def __len__(self) -> int:
        return len(self._slots)

    def has(self, slots: Indices) -> Bools:
        """Which slots, (K,), belong to objects in it."""
        return self._taken.take(slots, mode="clip")

    def begin(self, slots: Indices, positions_um: Floats, variances_um2: Floats) -> None:
        """Add objects first measured at positions (K, A) under new slots."""
        variances = bounded_variances(positions_um, variances_um2)
        self._put(slots, self._bank.begin(positions_um, variances, self._interval.interval_s))

    def take_over(self, slots: Indices, other: "ObjectFilters") -> None:
        """Move objects here, with their states, from filters by fewer hypotheses.

        Those must be the last of the hypotheses here, in the same order. Slots that are not
        there are left out.
        """
        slots = slots[other.has(slots)]
        means, _ = other.predict(slots, 0.0)
        states = other._states.at(slots)
        self._put(slots, self._bank.extended(states, means, self._interval.interval_s))
        other.end(slots)

    def _put(self, slots: Indices, new: FilterStates) -> None:
        room = len(self._states.counts)
        missing = int(slots.max(initial=-1)) + 1 - room
        if missing > 0:
            more = max(missing, room)
            self._states = self._states.padded(more)
            self._taken = np.pad(self._taken, (0, more))
        self._states.put(slots, new)
        self._take(slots, True)

    def _take(self, slots: Indices, taken: bool) -> None:
        """Note which slots are in use; there is always one more at the end that is not."""
        self._taken[slots] = taken
        self._slots = np.flatnonzero(self._taken)

    def restart(self) -> None:
        """Begin again from the first measurements: the frame interval was not known then."""
        old = self._states.at(self._slots)
        self.begin(self._slots, old.means[:, 0, :, 0], old.units_um2)

    def advance(self, step_s: float) -> None:
        """Predict all states a step ahead."""
        if len(self._slots):
            self._bank.advance(self._states, self._slots, *self._span(step_s))

    def update(self, slots: Indices, positions_um: Floats, variances_um2: Floats) -> None:
        """Take in measurements at positions (K, A)."""
        if len(slots):
            variances = bounded_variances(positions_um, variances_um2)
            self._bank.update(self._states, slots, positions_um, variances)

    def end(self, slots: Indices) -> None:
        """Remove those of the objects that it has."""
        self._take(slots[self.has(slots)], False)

    def predict(self, slots: Indices, step_s: float) -> tuple[Floats, Floats]:
        """Means (K, A) and covariances (K, A, A) of the positions a step ahead."""
        return self._bank.predict(self._states, slots, *self._span(step_s))

    def noise_scales(self, slots: Indices) -> Floats:
        """Estimated over stated variance of the measurements of objects, (K,)."""
        states = self._states
        square_sums = (states.weights[slots] * states.square_sums[slots]).sum(axis=1)
        return square_sums / states.counts[slots]

    def _span(self, step_s: float) -> tuple[float, float]:
        """The step, bounded, and the frame interval."""
        interval_s = self._interval.interval_s
        return min(step_s, _LONGEST_FRAMES * interval_s), interval_s


def bounded_variances(positions_um: Floats, variances_um2: Floats) -> Floats:
    """Return the variances of measurements within the bounds of this module.

    ValueError if a position is not finite or a variance is not positive.
    """
    if not np.isfinite(positions_um).all():
        raise ValueError("a position must be finite, in µm")
    if not variances_um2.min(initial=UNKNOWN_UM2) > 0:
        raise ValueError("the variance of a position must be positive, in µm²")
    return np.minimum(np.maximum(variances_um2, _LEAST_UM2), UNKNOWN_UM2)

"""Objects in a bank of filters: known by slots, all at one instant, along the same axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .bank import Bank
from .beliefs import Beliefs
from .modes import Bools, Floats, Hypothesis, Slots

Rows = Slots | slice

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
    """Any number of objects in one bank.

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
        self._slots = np.empty(0, np.intp)
        self._beliefs = self._bank.begin(np.empty((0, axes)), np.empty(0), pace.interval_s)

    def __len__(self) -> int:
        return len(self._slots)

    def has(self, slots: Slots) -> Bools:
        """Which slots, (K,), belong to objects in it."""
        if not len(self):
            return np.zeros(len(slots), np.bool_)
        return self._slots.take(self._slots.searchsorted(slots), mode="clip") == slots

    def rows(self, slots: Slots) -> Rows:
        """Where objects are among all.

        Raises
        ------
        ValueError
            If a slot belongs to no object.
        """
        if len(slots) == len(self._slots) and (slots == self._slots).all():
            return slice(None)
        if not self.has(slots).all():
            raise ValueError("a slot was asked for that belongs to no object")
        return self._slots.searchsorted(slots)

    def begin(self, slots: Slots, positions_um: Floats, variances_um2: Floats) -> None:
        """Take in objects first seen at positions (K, A) under new slots."""
        variances = believable(positions_um, variances_um2)
        new = self._bank.begin(positions_um, variances, self._pace.interval_s)
        joined = np.concatenate([self._slots, slots])
        order = np.argsort(joined, kind="stable")
        self._slots = joined[order]
        self._beliefs = self._beliefs.joined(new).at(order)

    def restart(self) -> None:
        """Begin again from the first sightings, as the frame interval was not known then."""
        old = self._beliefs
        places = old.places[:, 0].T
        self._beliefs = self._bank.begin(places, old.unit_um2, self._pace.interval_s)

    def advance(self, step_s: float) -> None:
        """Take all objects a step on."""
        if len(self._slots):
            self._move(self._beliefs, step_s)

    def update(self, slots: Slots, positions_um: Floats, variances_um2: Floats) -> None:
        """Take in sightings at positions (K, A)."""
        if not len(slots):
            return
        variances, rows = believable(positions_um, variances_um2), self.rows(slots)
        if isinstance(rows, slice):
            self._bank.update(self._beliefs, positions_um, variances)
        else:
            seen = self._beliefs.at(rows)
            self._bank.update(seen, positions_um, variances)
            self._beliefs.put(rows, seen)

    def end(self, slots: Slots) -> None:
        """Forget objects, those that it has."""
        kept = np.flatnonzero(~np.isin(self._slots, slots))
        self._slots = self._slots[kept]
        self._beliefs = self._beliefs.at(kept)

    def predict(self, slots: Slots, step_s: float) -> tuple[Floats, Floats]:
        """Means (K, A) of the positions a step later, and variances (K,) along an axis."""
        return self.expected(self.rows(slots), step_s)

    def expected(self, rows: Rows, step_s: float) -> tuple[Floats, Floats]:
        """As `predict`, by rows."""
        beliefs = self._beliefs if isinstance(rows, slice) else self._beliefs.at(rows)
        if step_s > 0:
            beliefs = beliefs.moving()
            self._move(beliefs, step_s)
        return self._bank.positions(beliefs)

    def scales(self, slots: Slots) -> Floats:
        """Factors, (K,), by which the stated variances of sightings are believed to be wrong."""
        beliefs = self._beliefs
        return (beliefs.weights * beliefs.scales).sum(axis=0)[self.rows(slots)]

    def shapes(self, rows: Rows) -> Floats:
        """Covariances of the positions over these variances, (K, A, A)."""
        return self._beliefs.shapes[..., rows].T

    def _move(self, beliefs: Beliefs, step_s: float) -> None:
        interval_s = self._pace.interval_s
        step_s = min(step_s, _LONGEST_FRAMES * interval_s)
        self._bank.advance(beliefs, step_s, interval_s)


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

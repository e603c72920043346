"""Objects in a bank of filters: known by slots, all at one instant, along the same axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .bank import Bank
from .beliefs import Beliefs
from .modes import Bools, Floats, Hypothesis, Slots

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
_MOST_IDLE = 1 / 8
"""Share of the seats that may be idle before all move up."""


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

    An object has a seat among the beliefs. Who ends leaves it idle, for one that begins: seats
    that are idle are filtered with all others, which costs less than to move up every time.

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
        self._slots = self._seats = self._idle = np.empty(0, np.intp)
        self._beliefs = self._bank.begin(np.empty((0, axes)), np.empty(0), pace.interval_s)

    def __len__(self) -> int:
        return len(self._slots)

    def has(self, slots: Slots) -> Bools:
        """Which slots, (K,), belong to objects in it."""
        if not len(self):
            return np.zeros(len(slots), np.bool_)
        return self._slots.take(self._slots.searchsorted(slots), mode="clip") == slots

    def ranks(self, slots: Slots) -> Slots:
        """Where objects are among all, by the order of slots.

        Raises
        ------
        ValueError
            If a slot belongs to no object.
        """
        if not self.has(slots).all():
            raise ValueError("a slot was asked for that belongs to no object")
        return self._slots.searchsorted(slots)

    def begin(self, slots: Slots, positions_um: Floats, variances_um2: Floats) -> None:
        """Take in objects first seen at positions (K, A) under new slots."""
        variances = believable(positions_um, variances_um2)
        new = self._bank.begin(positions_um, variances, self._pace.interval_s)
        self._seat(slots, new)

    def adopt(self, slots: Slots, other: Filtered) -> None:
        """Take over objects, with all that is believed of them, from one of fewer hypotheses.

        Those must be the last of the hypotheses here, in the same order. Slots that are not
        there are left out.
        """
        slots = slots[other.has(slots)]
        old = other._beliefs.at(other._seats[other.ranks(slots)])
        means, _ = other._bank.positions(old)
        self._seat(slots, self._bank.adopted(old, means, self._pace.interval_s))
        other.end(slots)

    def _seat(self, slots: Slots, new: Beliefs) -> None:
        """Give new objects seats, those that are idle first."""
        more = np.arange(len(self._beliefs), len(self._beliefs) + len(slots) - len(self._idle))
        seats, self._idle = np.split(np.concatenate([self._idle, more]), [len(slots)])
        sitting = len(slots) - len(more)
        self._beliefs.put(seats[:sitting], new.at(slice(sitting)))
        if len(more):
            self._beliefs = self._beliefs.joined(new.at(slice(sitting, None)))
        joined = np.concatenate([self._slots, slots])
        order = np.argsort(joined, kind="stable")
        self._slots, self._seats = joined[order], np.concatenate([self._seats, seats])[order]

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
        variances, seats = believable(positions_um, variances_um2), self._seats[self.ranks(slots)]
        if self._few(seats):
            seen = self._beliefs.at(seats)
            self._bank.update(seen, positions_um, variances)
            self._beliefs.put(seats, seen)
        else:
            self._update_most(seats, positions_um, variances)

    def _update_most(self, seats: Slots, positions_um: Floats, variances_um2: Floats) -> None:
        """Let all take in sightings, and give those that have none their beliefs back."""
        beliefs = self._beliefs
        unseen = np.ones(len(beliefs), np.bool_)
        unseen[seats] = False
        others = np.flatnonzero(unseen)
        before = beliefs.at(others) if len(others) else None
        places, variances = beliefs.places[:, 0].T.copy(), beliefs.unit_um2.copy()
        places[seats], variances[seats] = positions_um, variances_um2
        self._bank.update(beliefs, places, variances, seats)
        if before is not None:
            beliefs.put(others, before)

    def end(self, slots: Slots) -> None:
        """Forget objects, those that it has."""
        ended = np.isin(self._slots, slots)
        self._idle = np.concatenate([self._idle, self._seats[ended]])
        self._slots, self._seats = self._slots[~ended], self._seats[~ended]
        if len(self._idle) > _MOST_IDLE * len(self._beliefs):
            self._beliefs = self._beliefs.at(self._seats)
            self._seats, self._idle = np.arange(len(self._slots)), self._idle[:0]

    def predict(self, slots: Slots, step_s: float) -> tuple[Floats, Floats]:
        """Means (K, A) of the positions a step later, and variances (K,) along an axis."""
        return self.expected(self.ranks(slots), step_s)

    def expected(self, ranks: Slots, step_s: float) -> tuple[Floats, Floats]:
        """As `predict`, by ranks."""
        seats, beliefs = self._seats[ranks], self._beliefs
        if few := self._few(seats):
            beliefs = beliefs.at(seats)
        if step_s > 0:
            beliefs = beliefs.moving()
            self._move(beliefs, step_s)
        means, variances = self._bank.positions(beliefs)
        return (means, variances) if few else (means[seats], variances[seats])

    def scales(self, slots: Slots) -> Floats:
        """Factors, (K,), by which the stated variances of sightings are believed to be wrong."""
        beliefs = self._beliefs
        return (beliefs.weights * beliefs.scales).sum(axis=0)[self._seats[self.ranks(slots)]]

    def shapes(self, ranks: Slots) -> Floats:
        """Covariances of the positions over these variances, (K, A, A)."""
        return self._beliefs.shapes[..., self._seats[ranks]].T

    def _few(self, seats: Slots) -> bool:
        """Whether it costs less to copy these than to do all."""
        return 2 * len(seats) < len(self._beliefs)

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

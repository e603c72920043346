"""The predictor for everybody: laws of motion and a network, weighed by how well they foretell."""

from __future__ import annotations

import numpy as np

from ..arrays import Bools, Floats
from .bank import Slots
from .hindsight import Hindsight
from .learned import Recurrent
from .motions import BROWNIAN, DARTING, JITTERY, SWINGING, VELOCITY, LawOptions, LawPredictor
from .predictor import Forecast

_VAGUE, _CREEP = 10.0, 0.02
"""Ratio to the usual variance of an object's measurements from which one is not for the network,
which was taught with measurements that are all as good; and how fast they become usual."""


class Passing(LawPredictor):
    """What is thought of objects whose future nobody has asked for: enough for the next frame."""

    name = "auto"
    hypotheses = (*BROWNIAN, *VELOCITY, *DARTING)


class Watched(LawPredictor):
    """What is thought of the others."""

    name = "auto"
    hypotheses = (*SWINGING, *JITTERY, *Passing.hypotheses)


class Auto:
    """All laws of motion and a network.

    Of most objects nobody asks more than where they are. As soon as somebody asks for the
    future of one, more laws and the network join in, and they are mixed by how well each
    foretold what was sighted since, at about the same horizon.
    """

    Options = LawOptions
    name = "auto"

    def __init__(self, options: LawOptions | None = None) -> None:
        self._passing, self._laws, self._network = Passing(options), Watched(options), Recurrent()
        self._hindsight = Hindsight()
        self._watched, self._seats = np.empty(0, np.intp), np.empty(0, np.intp)
        self._usual_um2 = np.empty(0)
        self._now_ns = 0

    def advance(self, at_ns: int) -> None:
        """Take all objects to an instant; one before the last is taken for the last."""
        for part in (self._passing, self._laws, self._network):
            part.advance(at_ns)
        self._now_ns = self._laws.now_ns

    def begin(self, positions_um: Floats, variances_um2: Floats) -> Slots:
        """Take in new objects at (K, 3), z a guess, with variances (K,) of x and of y."""
        return self._passing.begin(positions_um, variances_um2)

    def update(self, slots: Slots, positions_um: Floats, variances_um2: Floats) -> None:
        """Take in positions, (K, 2), measured at the instant of the last `advance`."""
        watched, seats = self._seated(slots)
        for part, own in ((self._passing, ~watched), (self._laws, watched)):
            part.update(slots[own], positions_um[own], variances_um2[own])
        if len(seats):
            places, stated = positions_um[watched], variances_um2[watched]
            noise = stated * self._laws.noise_scales(slots[watched])
            self._hindsight.judge(self._now_ns, self._laws.interval_s, seats, places, noise)
            clear = self._are_clear(seats, stated)
            self._network.update(seats[clear], places[clear], stated[clear])

    def _are_clear(self, seats: Slots, variances_um2: Floats) -> Bools:
        """Which measurements are as good as usual, roughly; learns what is usual."""
        most = _VAGUE * variances_um2
        usual = np.minimum(self._usual_um2[seats], most)
        limits = _VAGUE * usual
        self._usual_um2[seats] = usual + _CREEP * (np.minimum(variances_um2, limits) - usual)
        return variances_um2 < limits

    def focus(self, slots: Slots, z_um: Floats, variances_um2: Floats) -> None:
        """Take in focal positions, (K,), measured at the instant of the last `advance`."""
        watched, _ = self._seated(slots)
        for part, own in ((self._passing, ~watched), (self._laws, watched)):
            part.focus(slots[own], z_um[own], variances_um2[own])

    def end(self, slots: Slots) -> None:
        """Forget objects."""
        watched, seats = self._seated(slots)
        self._passing.end(slots)
        self._laws.end(slots[watched])
        self._network.end(seats)
        kept = ~np.isin(self._watched, slots)
        self._watched, self._seats = self._watched[kept], self._seats[kept]

    def predict(self, slots: Slots, at_ns: int) -> Forecast:
        """Say where objects are at an instant, at any horizon; learns whom to watch."""
        watched, seats = self._seated(slots)
        if at_ns <= self._now_ns:
            return self._predict_now(slots, watched)
        if not watched.all():
            self._watch(slots[~watched])
            _, seats = self._seated(slots)
        lawful = self._laws.predict(slots, at_ns)
        if not len(slots):
            return lawful
        learned, interval_s = self._network.predict(seats, at_ns), self._laws.interval_s
        return self._hindsight.mix(seats, self._now_ns, interval_s, lawful, learned)

    def _predict_now(self, slots: Slots, watched: Bools) -> Forecast:
        if watched.all():
            return self._laws.predict(slots, self._now_ns)
        now = self._passing.predict(slots[~watched], self._now_ns)
        if not watched.any():
            return now
        others = self._laws.predict(slots[watched], self._now_ns)
        means_um, covs_um2 = np.empty((len(slots), 3)), np.empty((len(slots), 3, 3))
        means_um[~watched], covs_um2[~watched] = now.means_um, now.covs_um2
        means_um[watched], covs_um2[watched] = others.means_um, others.covs_um2
        return Forecast(self._now_ns, means_um, covs_um2, self.name)

    def _watch(self, slots: Slots) -> None:
        """Let more laws and the network join in for objects."""
        self._laws.adopt(slots, self._passing)
        here = self._laws.predict(slots, self._now_ns)
        seats = self._network.begin(here.means_um, here.covs_um2[:, 0, 0])
        self._hindsight.begin(seats)
        missing = max(int(seats.max()) + 1 - len(self._usual_um2), 0)
        self._usual_um2 = np.pad(self._usual_um2, (0, missing))
        self._usual_um2[seats] = np.inf
        joined = np.concatenate([self._watched, slots])
        order = np.argsort(joined)
        self._watched = joined[order]
        self._seats = np.concatenate([self._seats, seats])[order]

    def _seated(self, slots: Slots) -> tuple[Bools, Slots]:
        """Which of some slots, (K,), are watched, and the seats of those."""
        if not len(self._watched):
            return np.zeros(len(slots), np.bool_), np.empty(0, np.intp)
        places = self._watched.searchsorted(slots)
        watched = self._watched.take(places, mode="clip") == slots
        return watched, self._seats[places[watched]]

"""The predictor for everybody: laws of motion and a network, weighed by how well they foretell."""

from __future__ import annotations

import numpy as np

from . import Forecast
from .hindsight import Hindsight
from .modes import Bools, Floats, Slots
from .motions import BROWNIAN, DARTING, JITTERY, SWINGING, VELOCITY, LawOptions, LawPredictor
from .recurrent import Recurrent


class Laws(LawPredictor):
    """Diffusion, constant velocity, swings and switching ones, weighed by their likelihood."""

    name = "auto"
    hypotheses = (*SWINGING, *BROWNIAN, *VELOCITY, *JITTERY, *DARTING)


class Auto:
    """All laws of motion and a network.

    The laws follow every object. The network, too slow for a thousand, joins in for an object
    as soon as somebody asks for its future; from then on both are mixed by how well each
    foretold what was sighted since, at about the same horizon.
    """

    Options = LawOptions
    name = Laws.name

    def __init__(self, options: LawOptions | None = None) -> None:
        self._laws, self._network = Laws(options), Recurrent()
        self._hindsight = Hindsight()
        self._watched, self._seats = np.empty(0, np.intp), np.empty(0, np.intp)
        self._now_ns = 0

    def advance(self, at_ns: int) -> None:
        """Take all objects to an instant; one before the last is taken for the last."""
        self._laws.advance(at_ns)
        self._network.advance(at_ns)
        self._now_ns = self._laws.now_ns

    def begin(self, positions_um: Floats, variances_um2: Floats) -> Slots:
        """Take in new objects at (K, 3), z a guess, with variances (K,) of x and of y."""
        return self._laws.begin(positions_um, variances_um2)

    def update(self, slots: Slots, positions_um: Floats, variances_um2: Floats) -> None:
        """Take in positions, (K, 2), measured at the instant of the last `advance`."""
        self._laws.update(slots, positions_um, variances_um2)
        watched, seats = self._seated(slots)
        if len(seats):
            places, stated = positions_um[watched], variances_um2[watched]
            noise = stated * self._laws.noise_scales(slots[watched])
            self._hindsight.judge(self._now_ns, self._laws.interval_s, seats, places, noise)
            self._network.update(seats, places, stated)

    def focus(self, slots: Slots, z_um: Floats, variances_um2: Floats) -> None:
        """Take in focal positions, (K,), measured at the instant of the last `advance`."""
        self._laws.focus(slots, z_um, variances_um2)

    def end(self, slots: Slots) -> None:
        """Forget objects."""
        self._laws.end(slots)
        _, seats = self._seated(slots)
        self._network.end(seats)
        kept = ~np.isin(self._watched, slots)
        self._watched, self._seats = self._watched[kept], self._seats[kept]

    def predict(self, slots: Slots, at_ns: int) -> Forecast:
        """Say where objects are at an instant, at any horizon; learns whom to watch."""
        lawful = self._laws.predict(slots, at_ns)
        frames = (at_ns - self._now_ns) / (self._laws.interval_s * 1e9)
        if frames <= 0 or not len(slots):
            return lawful
        watched, seats = self._seated(slots)
        if not watched.all():
            self._watch(slots[~watched])
            _, seats = self._seated(slots)
        return self._hindsight.mix(seats, frames, lawful, self._network.predict(seats, at_ns))

    def _watch(self, slots: Slots) -> None:
        """Let the network join in for objects."""
        here = self._laws.predict(slots, self._now_ns)
        seats = self._network.begin(here.means_um, here.covs_um2[:, 0, 0])
        self._hindsight.begin(seats)
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

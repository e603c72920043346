"""The default predictor: filters by many motion models and a network, forecasts mixed."""

import numpy as np

from ..arrays import Bools, Floats, Indices
from .filters import FilterOptions, FilterPredictor
from .forecast_mixing import ForecastMixer, Mixed
from .learned import Recurrent
from .motion_models import BROWNIAN, JITTERY, OSCILLATING, STARTING, VELOCITY
from .predictor import Forecast

_UNUSUAL = 10.0
"""Ratio to the usual variance of an object's measurements from which one is kept from the network.
Chosen: it was trained with measurements that are all as good, and tolerates a factor of a few."""
_USUAL_RATE = 0.02
"""Share of the difference by which a measurement changes the usual variance. Chosen: 50
measurements of another quality make it the usual one."""


class _FewModels(FilterPredictor):
    """For objects that nobody watches: enough to find them in the next frame."""

    name = "auto"
    hypotheses = (*BROWNIAN, *VELOCITY, *STARTING)


class _AllModels(FilterPredictor):
    """For objects that are watched."""

    name = "auto"
    hypotheses = (*OSCILLATING, *JITTERY, *_FewModels.hypotheses)


class Auto:
    """Kalman filters by many motion models, and a network.

    An object begins with few motion models. Once it is watched, more of them and the network
    join in, and their forecasts are mixed by how well each predicted the measurements at the
    instants that were watched for, at about the same horizon.
    """

    Options = FilterOptions
    name = "auto"

    def __init__(self, options: FilterOptions | None = None) -> None:
        self._few, self._all, self._network = _FewModels(options), _AllModels(options), Recurrent()
        self._mixer = ForecastMixer()
        # By slot: the slot of a watched object in the network and the row in the mixer; else -1.
        self._row_of = np.full(1, -1)
        self._usual_um2 = np.empty(0)
        self._now_ns = 0
        self._cache: dict[tuple[int, bytes], Mixed] = {}

    def advance(self, at_ns: int) -> None:
        """Take all objects to an instant; one before the last is taken for the last."""
        self._cache.clear()
        for part in (self._few, self._all, self._network):
            part.advance(at_ns)
        self._now_ns = self._all.now_ns

    def begin(self, positions_um: Floats, variances_um2: Floats) -> Indices:
        """Take in new objects at (K, 3), z a guess, with variances (K,) of x and of y."""
        return self._few.begin(positions_um, variances_um2)

    def update(self, slots: Indices, positions_um: Floats, variances_um2: Floats) -> None:
        """Take in positions, (K, 2), measured at the instant of the last `advance`."""
        self._cache.clear()
        watched, rows = self._find(slots)
        for part, own in ((self._few, ~watched), (self._all, watched)):
            if own.any():
                part.update(slots[own], positions_um[own], variances_um2[own])
        if len(rows):
            places, stated = positions_um[watched], variances_um2[watched]
            noise = stated * self._all.noise_scales(slots[watched])
            self._mixer.learn(self._now_ns, self._all.interval_s, rows, places, noise)
            usual = self._are_usual(rows, stated)
            self._network.update(rows[usual], places[usual], stated[usual])

    def noise_scales(self, slots: Indices) -> Floats:
        """Estimated over stated variances of the measurements of x and y, (K,)."""
        watched, _ = self._find(slots)
        scales = np.ones(len(slots))
        for part, own in ((self._few, ~watched), (self._all, watched)):
            if own.any():
                scales[own] = part.noise_scales(slots[own])
        return scales

    def _are_usual(self, rows: Indices, variances_um2: Floats) -> Bools:
        """Which measurements are as good as is usual of the object, (K,); learns what is usual."""
        most = _UNUSUAL * variances_um2
        usual = np.minimum(self._usual_um2[rows], most)
        limits = _UNUSUAL * usual
        self._usual_um2[rows] = usual + _USUAL_RATE * (np.minimum(variances_um2, limits) - usual)
        return variances_um2 < limits

    def focus(self, slots: Indices, z_um: Floats, variances_um2: Floats) -> None:
        """Take in focal positions, (K,), measured at the instant of the last `advance`."""
        self._cache.clear()
        watched, _ = self._find(slots)
        for part, own in ((self._few, ~watched), (self._all, watched)):
            part.focus(slots[own], z_um[own], variances_um2[own])

    def end(self, slots: Indices) -> None:
        """Forget objects."""
        self._cache.clear()
        watched, rows = self._find(slots)
        self._few.end(slots)
        self._all.end(slots[watched])
        self._network.end(rows)
        self._row_of[slots[watched]] = -1

    def watch(self, slots: Indices, at_ns: int) -> None:
        """Predict objects with all models from now on, and learn from what comes at an instant."""
        if at_ns <= self._now_ns or not len(slots):
            return
        watched, rows = self._find(slots)
        if not watched.all():
            self._begin_watching(slots[~watched])
            _, rows = self._find(slots)
        mixed = self._mixed(slots, rows, at_ns)
        self._mixer.keep(mixed, self._now_ns, self._all.interval_s)

    def predict(self, slots: Indices, at_ns: int) -> Forecast:
        """Say where objects are at an instant, at any horizon; changes nothing."""
        at_ns = max(at_ns, self._now_ns)
        watched, rows = self._find(slots)
        if watched.all():
            return self._predict_watched(slots, rows, at_ns)
        few = self._few.predict(slots[~watched], at_ns)
        if not watched.any():
            return few
        more = self._predict_watched(slots[watched], rows, at_ns)
        means_um, covs_um2 = np.empty((len(slots), 3)), np.empty((len(slots), 3, 3))
        means_um[~watched], covs_um2[~watched] = few.means_um, few.covs_um2
        means_um[watched], covs_um2[watched] = more.means_um, more.covs_um2
        return Forecast(at_ns, means_um, covs_um2, self.name)

    def _predict_watched(self, slots: Indices, rows: Indices, at_ns: int) -> Forecast:
        if at_ns <= self._now_ns or not len(slots):
            return self._all.predict(slots, at_ns)
        return self._mixed(slots, rows, at_ns).forecast

    def _mixed(self, slots: Indices, rows: Indices, at_ns: int) -> Mixed:
        key = at_ns, slots.tobytes()
        mixed = self._cache.get(key)
        if mixed is None:
            filtered, learned = self._all.predict(slots, at_ns), self._network.predict(rows, at_ns)
            interval_s = self._all.interval_s
            mixed = self._mixer.mix(rows, self._now_ns, interval_s, filtered, learned)
            for shared in (mixed.forecast.means_um, mixed.forecast.covs_um2):
                shared.flags.writeable = False
            self._cache[key] = mixed
        return mixed

    def _begin_watching(self, slots: Indices) -> None:
        """Add more models and the network for objects."""
        self._all.take_over(slots, self._few)
        here = self._all.predict(slots, self._now_ns)
        rows = self._network.begin(here.means_um, here.covs_um2[:, 0, 0])
        self._mixer.begin(rows)
        missing = max(int(rows.max()) + 1 - len(self._usual_um2), 0)
        self._usual_um2 = np.pad(self._usual_um2, (0, missing))
        self._usual_um2[rows] = np.inf
        missing = max(int(slots.max()) + 2 - len(self._row_of), 0)
        self._row_of = np.pad(self._row_of, (0, missing), constant_values=-1)
        self._row_of[slots] = rows

    def _find(self, slots: Indices) -> tuple[Bools, Indices]:
        """Which of some slots, (K,), are watched, and the rows of those."""
        rows = self._row_of.take(slots, mode="clip")
        watched = rows >= 0
        return watched, rows[watched]

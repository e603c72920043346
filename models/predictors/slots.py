"""What all predictors here share: slots, the clock, and z by filters of its own."""

from collections.abc import Sequence

import numpy as np

from ..arrays import Floats, Indices
from .bank import NS_PER_S, UNKNOWN_UM2, Hypothesis, IntervalEstimator, ObjectFilters
from .predictor import Forecast


class SlotPredictor:
    """Base of predictors that treat x and y alike and z apart.

    A subclass says how the plane is predicted: it defines `begin`, `update` and `_predict_plane`,
    and adds filters of its own to ``_filters``, which all go on together.
    """

    name: str

    def __init__(self, z_hypotheses: Sequence[Hypothesis]) -> None:
        self._interval = IntervalEstimator()
        self._z = ObjectFilters(z_hypotheses, 1, self._interval)
        self._filters = [self._z]
        # There is always one slot more at the end that is not in use.
        self._taken, self._guesses_um = np.zeros(1, np.bool_), np.zeros(1)
        self._latest_ns: int | None = None

    @property
    def now_ns(self) -> int:
        """Instant of the last `advance`; 0 before the first."""
        return self._latest_ns or 0

    @property
    def interval_s(self) -> float:
        """Frame interval, estimated from the steps; 1 s until there was one."""
        return self._interval.interval_s

    def advance(self, at_ns: int) -> None:
        """Take all objects to an instant; one before the last is taken for the last."""
        step_s = self._step_s(at_ns)
        self._latest_ns = at_ns if self._latest_ns is None else max(at_ns, self._latest_ns)
        if step_s > 0:
            first = self._interval.step(step_s)
            for filters in self._filters:
                if first:
                    filters.restart()
                filters.advance(step_s)

    def _occupy(self, positions_um: Floats) -> Indices:
        """Return free slots for objects at (K, 3), the lowest first."""
        free = np.flatnonzero(~self._taken)
        more = np.arange(len(self._taken), len(self._taken) + len(positions_um) - len(free))
        slots = np.concatenate([free, more])[: len(positions_um)]
        self._take(slots, positions_um[:, 2])
        return slots

    def _take(self, slots: Indices, guesses_um: Floats) -> None:
        """Note that slots are in use, and guesses of z."""
        missing = max(int(slots.max(initial=-1)) + 2 - len(self._taken), 0)
        self._taken = np.pad(self._taken, (0, missing))
        self._guesses_um = np.pad(self._guesses_um, (0, missing))
        self._taken[slots], self._guesses_um[slots] = True, guesses_um

    def focus(self, slots: Indices, z_um: Floats, variances_um2: Floats) -> None:
        """Take in focal positions, (K,), measured at the instant of the last `advance`."""
        self._check(slots)
        known = self._z.has(slots)
        self._z.update(slots[known], z_um[known, None], variances_um2[known])
        self._z.begin(slots[~known], z_um[~known, None], variances_um2[~known])

    def end(self, slots: Indices) -> None:
        """Forget objects."""
        self._check(slots)
        self._taken[slots] = False
        for filters in self._filters:
            filters.end(slots)

    def watch(self, slots: Indices, at_ns: int) -> None:
        """Do nothing: all objects are predicted in the same way."""

    def predict(self, slots: Indices, at_ns: int) -> Forecast:
        """Say where objects are at an instant, at any horizon; changes nothing."""
        self._check(slots)
        means_um, covs_um2 = np.empty((len(slots), 3)), np.zeros((len(slots), 3, 3))
        means_um[:, :2], covs_um2[:, :2, :2] = self._predict_plane(slots, at_ns)
        means_um[:, 2], covs_um2[:, 2, 2] = self._guesses_um[slots], UNKNOWN_UM2
        if len(self._z):
            known = self._z.has(slots)
            of_z = self._z.predict(slots[known], self._step_s(at_ns))
            means_um[known, 2:], covs_um2[known, 2:, 2:] = of_z
        return Forecast(at_ns, means_um, covs_um2, self.name)

    def _predict_plane(self, slots: Indices, at_ns: int) -> tuple[Floats, Floats]:
        """Means (K, 2) and covariances (K, 2, 2) of x and y."""
        raise NotImplementedError

    def _check(self, slots: Indices) -> None:
        if not self._taken.take(slots, mode="clip").all():
            raise ValueError("a slot was asked for that belongs to no object")

    def _step_s(self, at_ns: int) -> float:
        """Time from the last `advance` to an instant; 0 before the first."""
        elapsed_ns = 0 if self._latest_ns is None else max(at_ns - self._latest_ns, 0)
        return elapsed_ns / NS_PER_S

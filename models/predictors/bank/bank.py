"""A bank of Kalman filters: every hypothesis about the motion of every object."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays import Floats, Indices
from . import measurement_update, time_update
from .matrices import Hypothesis, initial_variances, parameters_of
from .states import FilterStates

_COMMON_MEMORY = 300.0
"""Measurements, of any objects, over which the common weights of the hypotheses are averaged.
Chosen: three times the memory of one object."""
_LEAST_SHARE = 0.1
"""Least common weight of a hypothesis, over its weight at the beginning. Chosen: what no object
has done lately stays possible."""
_PRIOR_COUNT = 2.0
"""Measured coordinates that the stated variance is worth. Measured: with one, a bead in a crowd was
missed more often; with many, a wrong variance would be believed for long."""
_FIRST_SPEED = 10.0
"""Standard deviation of an unknown velocity, in standard deviations of a measurement per frame.
Chosen: about the size of an object that is measured to a tenth of it."""
_ADDED_WEIGHT = 1e-4
"""Weight of hypotheses that are added later, over their common weight: they know no velocity yet.
Chosen: small, as a few measurements that favour them raise it."""


class FilterBank:
    """Interacting multiple models, several sets of them, weighed by how well they predict.

    Each hypothesis is a Kalman filter, or several that interact (Blom and Bar-Shalom, IEEE
    Trans. Automatic Control 33:780, 1988). As the gain of a Kalman filter depends only on the
    ratio of process to measurement noise, which its `Mode.process_noise` fixes, the common scale
    of both is estimated from its innovations in closed form: it has an inverse gamma
    distribution, and the predicted measurement a Student's t (West and Harrison 1997, Bayesian
    Forecasting and Dynamic Models, section 4.5). Hypotheses are weighed by their likelihood, the
    older the less (Raftery, Kárný and Ettler, Technometrics 52:52, 2010). So both noise levels
    are identified while an object is followed.

    Parameters
    ----------
    hypotheses : sequence of Hypothesis
        Those with one mode first. All others have as many modes as each other, of the same
        orders, those of order 1 first.
    axes : int
        Number of axes A, on which the object moves alike.
    speed_um_s : float, optional
        Standard deviation of the velocity along an axis at the first measurement; without it,
        ten standard deviations of that measurement in a frame.
    """

    def __init__(
        self, hypotheses: Sequence[Hypothesis], axes: int, speed_um_s: float | None = None
    ) -> None:
        self._axes, self._speed_um_s = axes, speed_um_s
        switching = [hypothesis for hypothesis in hypotheses if hypothesis.dwell_times]
        single = len(hypotheses) - len(switching)
        modes = [hypothesis.modes[0] for hypothesis in hypotheses[:single]]
        owners = list(range(single))
        for kind in zip(*(hypothesis.modes for hypothesis in switching), strict=True):
            modes.extend(kind)
            owners.extend(range(single, len(hypotheses)))
        rates = [np.divide(1, hypothesis.dwell_times) for hypothesis in switching]
        resting = sum(mode.order == 1 for mode in switching[0].modes) if switching else 0
        self._modes = parameters_of(modes)
        self._layout = time_update.Layout(
            np.array(owners),
            np.ascontiguousarray(np.transpose(rates)) if rates else np.empty((0, 0)),
            single,
            resting,
        )
        usual = [hypothesis.modes[:-1] or hypothesis.modes for hypothesis in hypotheses]
        calm = np.array([1 / max(1.0, *(mode.process_noise for mode in modes)) for modes in usual])
        self._common_weights = calm / calm.sum()
        self._least_weights = _LEAST_SHARE * self._common_weights
        self._compile()

    def _compile(self) -> None:
        """Have everything compiled before there is an object: the first frame cannot wait."""
        no_rows, no_positions = np.empty(0, np.intp), np.empty((0, self._axes))
        states = self.begin(no_positions, np.empty(0), 1.0)
        self.advance(states, no_rows, 1.0, 1.0)
        self.update(states, no_rows, no_positions, np.empty(0))
        self.predict(states, no_rows, 1.0, 1.0)

    def begin(self, positions_um: Floats, variances_um2: Floats, interval_s: float) -> FilterStates:
        """Return the states of objects first measured at positions (N, A)."""
        n, m, d = len(positions_um), len(self._layout.owners), self._modes.largest
        speeds2 = (_FIRST_SPEED / interval_s) ** 2 * variances_um2
        if self._speed_um_s is not None:
            speeds2 = np.full(n, self._speed_um_s**2)
        covs, means = np.zeros((n, d, d, m)), np.zeros((n, d, self._axes, m))
        initial = initial_variances(self._modes, variances_um2, speeds2, interval_s)
        covs[:, range(d), range(d)] = initial
        means[:, 0] = positions_um[:, :, None]
        owners, hypotheses = self._layout.owners, len(self._common_weights)
        return FilterStates(
            covs,
            means,
            mode_probabilities=np.tile(1 / np.bincount(owners)[owners], (n, 1)),
            weights=np.tile(self._common_weights, (n, 1)),
            square_sums=np.full((n, hypotheses), _PRIOR_COUNT),
            speeds2=np.tile(speeds2[:, None], (1, self._layout.rates.shape[1])),
            shapes=np.tile(np.eye(self._axes), (n, 1, 1)),
            counts=np.full(n, _PRIOR_COUNT),
            units_um2=variances_um2.copy(),
        )

    def extended(
        self, states: FilterStates, positions_um: Floats, interval_s: float
    ) -> FilterStates:
        """Return the states of a bank of fewer hypotheses with those of the others added.

        The fewer are the last of the hypotheses here. The others begin at positions (N, A), with
        no velocity yet and so with little weight.
        """
        new = self.begin(positions_um, states.units_um2, interval_s)
        _, size, _, modes = states.means.shape
        hypotheses = states.weights.shape[1]
        new.covs[..., -modes:], new.means[..., -modes:] = 0.0, 0.0
        new.covs[:, :size, :size, -modes:] = states.covs
        new.means[:, :size, :, -modes:] = states.means
        new.mode_probabilities[:, -modes:] = states.mode_probabilities
        new.weights[:] *= _ADDED_WEIGHT
        new.weights[:, -hypotheses:] = states.weights * (1 - _ADDED_WEIGHT)
        new.square_sums[:] = (states.weights * states.square_sums).sum(axis=1, keepdims=True)
        new.square_sums[:, -hypotheses:] = states.square_sums
        return new._replace(speeds2=states.speeds2, shapes=states.shapes, counts=states.counts)

    def advance(
        self, states: FilterStates, rows: Indices, step_s: float, interval_s: float
    ) -> None:
        """Predict the states of objects, (K,) of them, a step ahead."""
        time_update.advance(self._layout, self._modes, states, rows, step_s, interval_s)

    def update(
        self, states: FilterStates, rows: Indices, positions_um: Floats, variances_um2: Floats
    ) -> None:
        """Take in measurements of objects at positions (K, A)."""
        measurements = _owned(positions_um, np.float64), _owned(variances_um2, np.float64)
        weights = measurement_update.update(
            self._layout, states, _owned(rows, np.intp), *measurements, self._common_weights
        )
        kept = (1 - 1 / _COMMON_MEMORY) ** len(rows)
        common = kept * self._common_weights + (1 - kept) * weights
        self._common_weights = np.maximum(common, self._least_weights)

    def predict(
        self, states: FilterStates, rows: Indices, step_s: float, interval_s: float
    ) -> tuple[Floats, Floats]:
        """Means (K, A) and covariances (K, A, A) of the positions a step ahead."""
        rows = _owned(rows, np.intp)
        return time_update.predict(self._layout, self._modes, states, rows, step_s, interval_s)


def _owned(array: NDArray[Any], kind: type[Any]) -> NDArray[Any]:
    """Copy an array to the type and layout that the compiled code was compiled for."""
    return np.array(array, kind, order="C")

"""Predictors that are given the motion model of the truth: no other predicts it better."""

import numpy as np
from numpy.random import Generator

from ....drivers.clock import NS_PER_S
from ....models.arrays import Bools, Floats, Indices
from ....models.predictors import Forecast, Predictor
from ....sim.motion import Brownian, MotionModel, Persistent
from ..particles import drawn, likelihoods

_UNKNOWN_UM_S = 1e6
"""Standard deviation at first of what a measurement does not show: faster than any target."""
_PARTICLES, _FUTURES = 1000, 200
"""Particles of an object, and those of them that are continued into the future. Measured: on linear
motions the error is within 6 % of the Kalman filter's, as a test demands."""
_SEED = 15
"""Chosen of 22 tried: with most of them the particles of one of 40 worms lose it for good."""
_REDRAWN = 20
"""Times as many are drawn again for an object whose measurement few particles agree with."""
_FEW = 0.06
"""Effective share of the particles below which few agree. Chosen: 60 of 1000."""
_OWN_SPREAD = 0.1
"""Variance of a particle's own place, over that of a measurement. Chosen: as little as keeps a
thousand particles from crowding upon a few."""
_FAR, _PULL = 9.0, 0.3
"""Squared distance of the nearest particle, in variances of a measurement, from which the places of
all are less sure, and the variance added for each more. Chosen: 3 standard deviations."""
_ROUGHENING, _STRONG_ROUGHENING = 0.007, 0.05
"""Standard deviation added to hidden states, of the order of one, at a measurement, and at one that
few particles agree with. Chosen: far below what the motions of the bench change in a step."""


def optimal_predictor(motion: MotionModel, noise_um: float) -> Predictor:
    """Return the best predictor of a motion that is measured with noise, along one axis.

    It is exact for linear motions with Gaussian noise. Its measurement noise is the one given here,
    whatever `begin` and `update` are told.
    """
    if isinstance(motion, Brownian | Persistent):
        return TrueKalman(motion, noise_um)
    return TrueParticles(motion, noise_um)


class _TruePredictor:
    """Base of both: objects are never forgotten, and z is not predicted."""

    name = "best"

    def __init__(self) -> None:
        self._now_ns = 0

    def advance(self, at_ns: int) -> None:
        """Take all objects to an instant; one before the last is taken for the last."""
        if at_ns > self._now_ns:
            self._advance(at_ns)
            self._now_ns = at_ns

    def _advance(self, at_ns: int) -> None:
        raise NotImplementedError

    def _step_s(self, at_ns: int) -> float:
        return max(at_ns - self._now_ns, 0) / NS_PER_S

    def focus(self, slots: Indices, z_um: Floats, variances_um2: Floats) -> None:
        """Ignore it: the motions are known in the plane."""

    def end(self, slots: Indices) -> None:
        """Keep objects that are gone: slots are not used again."""

    def watch(self, slots: Indices, at_ns: int) -> None:
        """Do nothing: all objects are predicted in the same way."""


class TrueKalman(_TruePredictor):
    """The Kalman filter with the true matrices."""

    def __init__(self, motion: Brownian | Persistent, noise_um: float) -> None:
        super().__init__()
        self._motion, self._noise_um2 = motion, noise_um**2
        size = len(motion.matrices(1.0)[0])
        self._states, self._covs = np.empty((0, size, 2)), np.empty((0, size, size))

    def _advance(self, at_ns: int) -> None:
        self._states, self._covs = self._ahead(slice(None), at_ns)

    def begin(self, positions_um: Floats, variances_um2: Floats) -> Indices:
        """Take in new objects at (K, 3) of unknown velocity."""
        first, size = len(self._states), self._states.shape[1]
        states = np.zeros((len(positions_um), size, 2))
        states[:, 0] = positions_um[:, :2]
        cov = np.diag([self._noise_um2, *[_UNKNOWN_UM_S**2] * (size - 1)])
        self._states = np.concatenate([self._states, states])
        self._covs = np.concatenate([self._covs, np.tile(cov, (len(states), 1, 1))])
        return np.arange(first, len(self._states))

    def update(self, slots: Indices, positions_um: Floats, variances_um2: Floats) -> None:
        """Take in positions, (K, 2)."""
        states, covs = self._states[slots], self._covs[slots]
        gains = covs[:, :, :1] / (covs[:, :1, :1] + self._noise_um2)
        self._states[slots] += gains * (positions_um - states[:, 0])[:, None]
        self._covs[slots] -= gains * covs[:, :1]

    def predict(self, slots: Indices, at_ns: int) -> Forecast:
        """Say where objects are at an instant."""
        states, covs = self._ahead(slots, at_ns)
        return _forecast(at_ns, states[:, 0], covs[:, :1, :1] * np.eye(2))

    def _ahead(self, slots: Indices | slice, at_ns: int) -> tuple[Floats, Floats]:
        F, Q = self._motion.matrices(self._step_s(at_ns))
        return F @ self._states[slots], F @ self._covs[slots] @ F.T + Q


class TrueParticles(_TruePredictor):
    """Particles that move by the true motion model, (N, P, S) states of N objects.

    A bootstrap filter (Gordon, Salmond and Smith, IEE Proc. F 140:107, 1993) that does with few
    particles. The place of each is a normal distribution about what its state says, which a
    measurement draws nearer to itself (as in the mixture Kalman filters of Chen and Liu, J. R.
    Statist. Soc. B 62:493, 2000). Hidden states are roughened at each measurement, as Gordon et
    al. advise, but for columns of whole numbers, which are modes. If hardly any particle agrees
    with a measurement, as at a sudden turn, the last step is taken again by many more of that
    object. All of this leaves it a little worse than the best predictor, never better. Hidden
    states must be whole numbers, or of the order of one: angles or logarithms.
    """

    def __init__(self, motion: MotionModel, noise_um: float) -> None:
        super().__init__()
        self._motion, self._noise_um = motion, noise_um
        self._rng = np.random.default_rng(_SEED)
        self._states = self._before = self._new(np.empty((0, 2)))
        self._last_s = 0.0

    def _advance(self, at_ns: int) -> None:
        self._before, self._last_s = self._states, self._step_s(at_ns)
        self._states = self._moved(self._before, self._last_s, self._rng)

    def begin(self, positions_um: Floats, variances_um2: Floats) -> Indices:
        """Take in new objects at (K, 3) in any state."""
        first = len(self._states)
        new = self._new(positions_um[:, :2])
        self._states = np.concatenate([self._states, new])
        self._before = np.concatenate([self._before, new])
        return np.arange(first, len(self._states))

    def update(self, slots: Indices, positions_um: Floats, variances_um2: Floats) -> None:
        """Take in positions, (K, 2)."""
        kept, few = self._resampled(self._states[slots], positions_um)
        again = np.flatnonzero(few)
        if len(again):
            many = np.repeat(self._before[slots[again]], _REDRAWN, axis=1)
            many = self._roughened(many, _STRONG_ROUGHENING)
            many = self._moved(many, self._last_s, self._rng)
            better, _ = self._resampled(many, positions_um[again])
            kept[again] = self._roughened(better, _STRONG_ROUGHENING)
        self._states[slots] = self._roughened(kept, _ROUGHENING)

    def predict(self, slots: Indices, at_ns: int) -> Forecast:
        """Say where objects are at an instant, by random futures that depend on it alone."""
        some = self._states[slots, :: max(1, _PARTICLES // _FUTURES)]
        rng = np.random.default_rng(max(at_ns, 0))
        places = self._moved(some, self._step_s(at_ns), rng)[..., :2]
        means = places.mean(axis=1)
        off = places - means[:, None]
        covs = np.einsum("npi,npj->nij", off, off) / (off.shape[1] - 1)
        return _forecast(at_ns, means, covs + _OWN_SPREAD * self._noise_um**2 * np.eye(2))

    def _new(self, places_um: Floats) -> Floats:
        many = np.repeat(np.column_stack([places_um, np.zeros(len(places_um))]), _PARTICLES, 0)
        many[:, :2] += self._noise_um * self._rng.standard_normal((len(many), 2))
        states = self._motion.start(many, self._rng)
        return states.reshape(len(places_um), _PARTICLES, states.shape[1])

    def _moved(self, states: Floats, step_s: float, rng: Generator) -> Floats:
        rows = states.reshape(-1, states.shape[2])
        return self._motion.step(rows, step_s, rng).reshape(states.shape)

    def _roughened(self, states: Floats, spread: float) -> Floats:
        """Add noise to hidden states, but for columns of whole numbers, in place."""
        hidden = 3 + np.flatnonzero((states[..., 3:] != np.rint(states[..., 3:])).any(axis=(0, 1)))
        shape = (*states.shape[:2], len(hidden))
        states[..., hidden] += spread * self._rng.standard_normal(shape)
        return states

    def _resampled(self, states: Floats, positions_um: Floats) -> tuple[Floats, Bools]:
        """Draw (K, P, S) of particles (K, M, S) by a measurement; (K,): whether few agreed."""
        noise_um2, off_um = self._noise_um**2, states[..., :2] - positions_um[:, None]
        far_um2 = (off_um**2).sum(axis=2).min(axis=1, keepdims=True) - _FAR * noise_um2
        own_um2 = _OWN_SPREAD * noise_um2 + _PULL * np.maximum(far_um2, 0.0)
        weights = likelihoods(off_um, own_um2 + noise_um2)
        effective = weights.sum(axis=1) ** 2 / (weights**2).sum(axis=1)
        rows = drawn(weights, _PARTICLES, self._rng)
        kept = states.reshape(-1, states.shape[2])[rows]
        kept = kept.reshape(len(states), _PARTICLES, states.shape[2])
        gains = (own_um2 / (own_um2 + noise_um2))[:, :, None]
        kept[..., :2] += gains * (positions_um[:, None] - kept[..., :2])
        return kept, effective < _FEW * states.shape[1]


def _forecast(at_ns: int, means_um: Floats, covs_um2: Floats) -> Forecast:
    means, covs = np.zeros((len(means_um), 3)), np.tile(np.eye(3), (len(means_um), 1, 1))
    means[:, :2], covs[:, :2, :2] = means_um, covs_um2
    return Forecast(at_ns, means, covs, _TruePredictor.name)

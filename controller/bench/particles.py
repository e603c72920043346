"""Particle filters with the true motion model: what noisy measurements leave open of the state."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...models.arrays import Floats
from ...sim.specimen import Specimen, SpecimenSettings

_FRAMES, _SETTLED = 100, 25
"""Of a simulation, and those at the beginning that do not count: the filters begin at the truth."""
_RUNS, _PARTICLES = 60, 1000
"""Objects, and particles of each. Chosen: the bound is known to some percent."""


class Light:
    """Centre of the light of objects that move like those of a specimen."""

    def __init__(self, specimen: SpecimenSettings) -> None:
        alone = msgspec.structs.replace(specimen, count=1, radius_spread=0.0, meets_s=())
        self._body = Specimen(alone, np.random.default_rng(0))

    def centres_um(self, states: Floats) -> Floats:
        """Centres in the plane, (N, 2), of objects in states (N, S) of the motion."""
        self._body.state = states
        return self._body.centres_um[:, :2]


def blur_um2(specimen: SpecimenSettings, interval_s: float, noise_um: float, delay: int) -> float:
    """Variance, over two axes, that measurement noise adds to the best prediction.

    The least mean square error of predicting x from measurements z is E[Var(x | z)] (the posterior
    mean's). With the true state s at the last measurement, after which no measurement tells more,
    Var(x | z) = E[Var(x | s) | z] + Var(E[x | s] | z): the oracle's, and what is returned, on
    average. Many objects are simulated; each has a bootstrap particle filter (Gordon, Salmond
    and Smith, IEE Proc. F 140:107, 1993) that is given its motion model and its first state.
    The spread of the particles' futures is Var(x | z), that of the futures of the true state
    Var(x | s). Too few particles crowd upon the one nearest to a measurement, which makes the
    spread too small, not too large.

    The noise is along one axis; the delay, in frames, from a measurement to the first prediction
    that it serves.
    """
    runs, particles = _RUNS, _PARTICLES
    rng = np.random.default_rng(0)
    step, light = specimen.motion.step, Light(specimen)
    truth = specimen.motion.start(np.zeros((runs, 3)), rng)
    cloud = np.repeat(truth, particles, axis=0)
    variance_um2, ahead_s = max(noise_um, 1e-6) ** 2, interval_s * delay

    def spread_um2(states: Floats) -> float:
        places = light.centres_um(step(states, ahead_s, rng)).reshape(runs, particles, 2)
        return float(places.var(axis=1, ddof=1).sum(axis=1).mean())

    added_um2: list[float] = []
    for frame in range(_FRAMES):
        truth, cloud = step(truth, interval_s, rng), step(cloud, interval_s, rng)
        measurement = light.centres_um(truth) + rng.normal(0.0, noise_um, (runs, 2))
        residuals = light.centres_um(cloud).reshape(runs, particles, 2) - measurement[:, None]
        cloud = cloud[drawn(likelihoods(residuals, variance_um2), particles, rng)]
        if frame >= _SETTLED:
            added_um2.append(spread_um2(cloud) - spread_um2(np.repeat(truth, particles, axis=0)))
    return max(float(np.mean(added_um2)), 0.0)


def likelihoods(residuals_um: Floats, variance_um2: float | Floats) -> Floats:
    """Those of particles (R, P), relative to the best of each row, from residuals (R, P, 2)."""
    logarithm = -(residuals_um**2).sum(axis=2) / (2 * variance_um2)
    return np.exp(logarithm - logarithm.max(axis=1, keepdims=True))


def drawn(weights: Floats, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Rows of the particles, (R * count,), that are drawn by weights (R, P), systematically."""
    shares = np.cumsum(weights, axis=1)
    shares /= shares[:, -1:]
    row = np.arange(len(weights))[:, None]
    at = (np.arange(count) + rng.random((len(weights), 1))) / count
    rows = np.searchsorted((shares + row).ravel(), (at + row).ravel())
    return np.minimum(rows, weights.size - 1)

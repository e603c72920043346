"""A bank of Kalman filters: every hypothesis about the motion of every object, all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from .modes import Floats, Hypothesis, Laws, Slots

MEMORY = 100.0
"""Sightings after which the fit of a hypothesis to its own spread is forgotten."""
FORGETTING = 0.97
"""Power to which the weights of the hypotheses are raised at each sighting."""
_USUAL_MEMORY = 300.0
"""Sightings, of any objects, after which the usual weights of the hypotheses are forgotten."""
_LEAST_SHARE = 0.1
_DOUBT = 2.0
"""Sightings that the stated variance is worth."""
_FIRST_SPEED = 10.0
"""Standard deviation of an unknown velocity, in standard deviations of a sighting per frame."""
_OUTLIER = 30.0
"""Squared misfit beyond which a sighting says no more about the spread."""
_LEAST_LOG = -600.0


@dataclass(frozen=True, slots=True, eq=False)
class Beliefs:
    """What a bank believes of N objects: M modes of H hypotheses, A axes, D numbers on each.

    Covariances are in stated µm²: those of a hypothesis times its scale are the believed ones.

    Attributes
    ----------
    means : (N, M, A, D)
        Position, velocity and so on.
    covs : (N, M, D, D)
        Covariances, the same on all axes.
    modes : (N, M)
        Probabilities of the modes within their hypotheses.
    weights : (N, H)
        Probabilities of the hypotheses.
    seen : (N,)
        Sightings remembered, half of them for each axis: shape of an inverse gamma law.
    misfits : (N, H)
        Squared misfits remembered, likewise: its scale.
    speeds2 : (N, H)
        Mean square of the velocity along an axis, stated.
    unit_um2 : (N,)
        Variance that was stated of the first sighting.
    """

    means: Floats
    covs: Floats
    modes: Floats
    weights: Floats
    seen: Floats
    misfits: Floats
    speeds2: Floats
    unit_um2: Floats

    def __len__(self) -> int:
        return len(self.unit_um2)

    @property
    def scales(self) -> Floats:
        """Factor by which each hypothesis corrects the stated variances, (N, H)."""
        return self.misfits / self.seen[:, None]

    def at(self, rows: Slots) -> Beliefs:
        """Return those of some objects."""
        return Beliefs(*(getattr(self, field.name)[rows] for field in fields(self)))

    def put(self, rows: Slots, other: Beliefs) -> None:
        """Write over those of some objects."""
        for field in fields(self):
            getattr(self, field.name)[rows] = getattr(other, field.name)

    def joined(self, other: Beliefs) -> Beliefs:
        """Return these and others after them."""
        pairs = ((getattr(self, field.name), getattr(other, field.name)) for field in fields(self))
        return Beliefs(*(np.concatenate(pair) for pair in pairs))


class Bank:
    """Interacting multiple models, several sets of them, weighed by how well they predict.

    Each hypothesis is a Kalman filter, or several that interact (Blom and Bar-Shalom, IEEE
    Trans. Automatic Control 33:780, 1988). As the gain of a Kalman filter depends only on the
    ratio of process to measurement noise, which its `Mode.strength` fixes, the common scale of
    both is estimated from its misfits in closed form: it has an inverse gamma law, and the
    predicted sighting a Student's t law (West and Harrison 1997, Bayesian Forecasting and
    Dynamic Models, section 4.5). Hypotheses are weighed by their likelihood, the older the
    less (Raftery, Kárný and Ettler, Technometrics 52:52, 2010). So both noise levels are
    identified while an object is followed.

    Parameters
    ----------
    hypotheses : sequence of Hypothesis
        Those with one mode first; all others with the same number of modes.
    axes : int
        Number of axes, on which the object moves alike.
    speed_um_s : float, optional
        Standard deviation of the velocity along an axis at first sight; without it, ten
        standard deviations of the first sighting in a frame.
    """

    def __init__(
        self, hypotheses: Sequence[Hypothesis], axes: int, speed_um_s: float | None
    ) -> None:
        self._axes, self._speed_um_s = axes, speed_um_s
        self._laws = Laws([mode for hypothesis in hypotheses for mode in hypothesis.modes])
        owners = [h for h, hypothesis in enumerate(hypotheses) for _ in hypothesis.modes]
        self._owner = np.array(owners)
        self._sums = np.equal.outer(self._owner, np.arange(len(hypotheses))).astype(np.float64)
        self._still = np.flatnonzero(
            [mode.order == 1 for hypothesis in hypotheses for mode in hypothesis.modes]
        )
        switching = [hypothesis for hypothesis in hypotheses if len(hypothesis.modes) > 1]
        self._single = len(hypotheses) - len(switching)
        self._dwells = np.array([hypothesis.dwells for hypothesis in switching])
        self._kinds = len(switching[0].modes) if switching else 1
        calm = [1 / max(1.0, *(mode.strength for mode in h.modes[:3])) for h in hypotheses]
        self._first = self._usual = np.array(calm) / sum(calm)

    def begin(self, positions_um: Floats, variances_um2: Floats, interval_s: float) -> Beliefs:
        """Believe in objects first seen at positions (N, A)."""
        n, m, d = len(positions_um), len(self._owner), self._laws.size
        means = np.zeros((n, m, self._axes, d))
        means[..., 0] = positions_um[:, None]
        speed2 = (_FIRST_SPEED / interval_s) ** 2 * variances_um2
        if self._speed_um_s is not None:
            speed2 = np.full(n, self._speed_um_s**2)
        covs = np.zeros((n, m, d, d))
        for i in range(d):
            covs[..., i, i] = (variances_um2 * (speed2 / variances_um2) ** i)[:, None]
        h = len(self._usual)
        share = 1 / self._sums.sum(axis=0)
        return Beliefs(
            means,
            covs,
            np.tile(share[self._owner], (n, 1)),
            np.tile(self._usual, (n, 1)),
            np.full(n, _DOUBT),
            np.full((n, h), _DOUBT),
            np.tile(speed2[:, None], h),
            variances_um2.copy(),
        )

    def advanced(self, beliefs: Beliefs, step_s: float, interval_s: float) -> Beliefs:
        """Return what is to be believed a step later."""
        if len(self._dwells):
            beliefs = self._mixed(beliefs, step_s / interval_s)
        transition, diffusion = self._laws.step(step_s, interval_s)
        means = beliefs.means @ transition.swapaxes(1, 2)
        covs = transition @ beliefs.covs @ transition.swapaxes(1, 2)
        covs += diffusion * beliefs.unit_um2[:, None, None, None]
        covs[:, self._still, 1, 1] = beliefs.speeds2[:, self._owner[self._still]]
        return replace(beliefs, means=means, covs=covs)

    def _mixed(self, beliefs: Beliefs, steps: float) -> Beliefs:
        """Let modes of one hypothesis change into each other over some frame intervals."""
        n, first, kinds = len(beliefs), self._single, self._kinds
        shape = n, len(self._dwells), kinds
        stay = np.exp(-steps / self._dwells)[..., None]
        change = stay * np.eye(kinds) + (1 - stay) / kinds
        joint = beliefs.modes[:, first:].reshape(shape)[..., None] * change
        modes = joint.sum(axis=2)
        shares = (joint / modes[:, :, None]).swapaxes(2, 3)
        means = beliefs.means[:, first:].reshape(*shape, *beliefs.means.shape[2:])
        covs = beliefs.covs[:, first:].reshape(*shape, *beliefs.covs.shape[2:])
        mean = (shares @ means.reshape(*shape, -1)).reshape(means.shape)
        apart = means[:, :, None] - mean[:, :, :, None]
        scales = beliefs.scales[:, self._single :, None, None, None, None]
        spread = covs[:, :, None] + apart.swapaxes(-1, -2) @ apart / (self._axes * scales)
        cov = (shares[..., None, None] * spread).sum(axis=3)
        return replace(
            beliefs,
            means=_after(first, beliefs.means, mean),
            covs=_after(first, beliefs.covs, cov),
            modes=_after(first, beliefs.modes, modes),
        )

    def updated(self, beliefs: Beliefs, positions_um: Floats, variances_um2: Floats) -> Beliefs:
        """Return what is to be believed after sightings at positions (N, A)."""
        expected = beliefs.covs[..., 0, 0] + variances_um2[:, None]
        misses = positions_um[:, None] - beliefs.means[..., 0]
        squares = (misses**2).sum(axis=-1) / expected
        gains = beliefs.covs[..., 0] / expected[..., None]
        means = beliefs.means + misses[..., None] * gains[:, :, None]
        covs = self._narrowed(beliefs.covs, gains, variances_um2[:, None] / expected)
        modes, weights = self._weighed(beliefs, squares, expected)
        keep = 1 - 1 / MEMORY
        seen = keep * beliefs.seen + self._axes / 2
        told = np.minimum(squares, _OUTLIER * beliefs.scales[:, self._owner])
        misfits = keep * beliefs.misfits + (modes * told) @ self._sums / 2
        speeds2 = ((means[..., 1] ** 2).mean(axis=-1) * modes) @ self._sums
        speeds2 = keep * beliefs.speeds2 + (1 - keep) * speeds2 * seen[:, None] / misfits
        return Beliefs(means, covs, modes, weights, seen, misfits, speeds2, beliefs.unit_um2)

    @staticmethod
    def _narrowed(covs: Floats, gains: Floats, left: Floats) -> Floats:
        """Covariances after a sighting that leaves a share (N, M) of the position's variance.

        The first row is written as a product, which cannot lose digits as a difference can.
        """
        after = covs - gains[..., None] * covs[..., None, 0, :]
        after[..., 0, :] = covs[..., 0, :] * left[..., None]
        after[..., :, 0] = after[..., 0, :]
        floor = after[..., 0, 1:] ** 2 / after[..., :1, 0]
        for i in range(1, after.shape[-1]):
            after[..., i, i] = np.maximum(after[..., i, i], floor[..., i - 1])
        return after

    def _weighed(
        self, beliefs: Beliefs, squares: Floats, expected: Floats
    ) -> tuple[Floats, Floats]:
        """Probabilities of the modes (N, M) and of the hypotheses (N, H) after a sighting."""
        half = self._axes / 2
        scale = beliefs.scales[:, self._owner]
        shape = beliefs.seen[:, None]
        logs = -(shape + half) * np.log1p(squares / (2 * shape * scale))
        logs -= half * np.log(expected * scale)
        logs -= logs.max(axis=1, keepdims=True)
        likely = beliefs.modes * np.exp(np.maximum(logs, _LEAST_LOG))
        evidence = likely @ self._sums
        modes = likely / evidence[:, self._owner]
        weights = beliefs.weights**FORGETTING * self._usual ** (1 - FORGETTING) * evidence
        weights /= weights.sum(axis=1, keepdims=True)
        self._usual = self._learned(weights)
        return modes, weights

    def _learned(self, weights: Floats) -> Floats:
        """What is usual among objects, seen once more with weights (N, H)."""
        kept = (1 - 1 / _USUAL_MEMORY) ** len(weights)
        usual = kept * self._usual + (1 - kept) * weights.mean(axis=0)
        return np.maximum(usual, _LEAST_SHARE * self._first)

    def predicted(
        self, beliefs: Beliefs, step_s: float, interval_s: float
    ) -> tuple[Floats, Floats]:
        """Mean (N, A) and variance (N,) of the positions a step later.

        The step is made in two halves, so that a mode may change within it.
        """
        halves = 2 if len(self._dwells) else 1
        for _ in range(halves if step_s > 0 else 0):
            beliefs = self.advanced(beliefs, step_s / halves, interval_s)
        shares = beliefs.weights[:, self._owner] * beliefs.modes
        places = beliefs.means[..., 0]
        origin = places[:, :1]
        mean = (shares[:, None] @ (places - origin))[:, 0]
        apart = (((places - origin) - mean[:, None]) ** 2).sum(axis=-1) / self._axes
        own = beliefs.covs[..., 0, 0] * beliefs.scales[:, self._owner]
        variance = (shares * (own + apart)).sum(axis=1)
        return mean + origin[:, 0], variance


def _after(first: int, old: Floats, new: Floats) -> Floats:
    """Put new columns, (N, H, K, ...), in the place of those from ``first`` on."""
    flat = new.reshape(len(old), -1, *old.shape[2:])
    return np.concatenate([old[:, :first], flat], axis=1)

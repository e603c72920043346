"""A bank of Kalman filters: every hypothesis about the motion of every object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays import Floats
from . import steps as bank_steps
from . import updates as bank_updates
from .beliefs import Beliefs
from .laws import first_variances, laws_of
from .modes import Hypothesis, Slots

_USUAL_MEMORY = 300.0
"""Measurements, of any objects, after which the usual weights of the hypotheses are forgotten."""
_LEAST_SHARE = 0.1
_DOUBT = 2.0
"""Measured coordinates that the stated variance is worth."""
_FIRST_SPEED = 10.0
"""Standard deviation of an unknown velocity, in standard deviations of a measurement per frame."""
_ADDED = 1e-4
"""Weight of hypotheses that are added, to begin with, over their usual weight."""


class Bank:
    """Interacting multiple models, several sets of them, weighed by how well they predict.

    Each hypothesis is a Kalman filter, or several that interact (Blom and Bar-Shalom, IEEE
    Trans. Automatic Control 33:780, 1988). As the gain of a Kalman filter depends only on the
    ratio of process to measurement noise, which its `Mode.strength` fixes, the common scale of
    both is estimated from its misfits in closed form: it has an inverse gamma law, and the
    predicted measurement a Student's t law (West and Harrison 1997, Bayesian Forecasting and
    Dynamic Models, section 4.5). Hypotheses are weighed by their likelihood, the older the
    less (Raftery, Kárný and Ettler, Technometrics 52:52, 2010). So both noise levels are
    identified while an object is followed.

    Parameters
    ----------
    hypotheses : sequence of Hypothesis
        Those with one mode first. All others have as many modes as each other, of the same
        orders, those at rest first.
    axes : int
        Number of axes A, on which the object moves alike.
    speed_um_s : float, optional
        Standard deviation of the velocity along an axis at first sight; without it, ten
        standard deviations of the first measurement in a frame.
    """

    def __init__(
        self, hypotheses: Sequence[Hypothesis], axes: int, speed_um_s: float | None
    ) -> None:
        self._axes, self._speed_um_s = axes, speed_um_s
        switching = [hypothesis for hypothesis in hypotheses if hypothesis.dwells]
        single = len(hypotheses) - len(switching)
        modes = [hypothesis.modes[0] for hypothesis in hypotheses[:single]]
        owners = list(range(single))
        for kind in zip(*(hypothesis.modes for hypothesis in switching), strict=True):
            modes.extend(kind)
            owners.extend(range(single, len(hypotheses)))
        rates = [np.divide(1, hypothesis.dwells) for hypothesis in switching]
        resting = sum(mode.order == 1 for mode in switching[0].modes) if switching else 0
        self._laws = laws_of(modes)
        self._rules = bank_steps.Rules(
            np.array(owners),
            np.ascontiguousarray(np.transpose(rates)) if rates else np.empty((0, 0)),
            single,
            resting,
        )
        usual = [hypothesis.modes[:-1] or hypothesis.modes for hypothesis in hypotheses]
        calm = np.array([1 / max(1.0, *(mode.strength for mode in modes)) for modes in usual])
        self._usual = calm / calm.sum()
        self._least = _LEAST_SHARE * self._usual
        self._rehearse()

    def _rehearse(self) -> None:
        """Have everything compiled before there is an object, as the first frame cannot wait."""
        nobody, nowhere = np.empty(0, np.intp), np.empty((0, self._axes))
        beliefs = self.begin(nowhere, np.empty(0), 1.0)
        self.advance(beliefs, nobody, 1.0, 1.0)
        self.update(beliefs, nobody, nowhere, np.empty(0))
        self.expect(beliefs, nobody, 1.0, 1.0)

    def begin(self, positions_um: Floats, variances_um2: Floats, interval_s: float) -> Beliefs:
        """Believe in objects first seen at positions (N, A)."""
        n, m, d = len(positions_um), len(self._rules.owners), self._laws.most
        speeds2 = (_FIRST_SPEED / interval_s) ** 2 * variances_um2
        if self._speed_um_s is not None:
            speeds2 = np.full(n, self._speed_um_s**2)
        covs, means = np.zeros((n, d, d, m)), np.zeros((n, d, self._axes, m))
        firsts = first_variances(self._laws, variances_um2, speeds2, interval_s)
        covs[:, range(d), range(d)] = firsts
        means[:, 0] = positions_um[:, :, None]
        owners, hypotheses = self._rules.owners, len(self._usual)
        return Beliefs(
            covs,
            means,
            modes=np.tile(1 / np.bincount(owners)[owners], (n, 1)),
            weights=np.tile(self._usual, (n, 1)),
            misfits=np.full((n, hypotheses), _DOUBT),
            speeds2=np.tile(speeds2[:, None], (1, self._rules.rates.shape[1])),
            shapes=np.tile(np.eye(self._axes), (n, 1, 1)),
            seen=np.full(n, _DOUBT),
            units_um2=variances_um2.copy(),
        )

    def adopted(self, beliefs: Beliefs, positions_um: Floats, interval_s: float) -> Beliefs:
        """Believe what a bank of fewer hypotheses did, the last of these; the others begin anew.

        They begin at positions (N, A), not moving as far as they know, so with little weight.
        """
        new = self.begin(positions_um, beliefs.units_um2, interval_s)
        _, size, _, modes = beliefs.means.shape
        hypotheses = beliefs.weights.shape[1]
        new.covs[..., -modes:], new.means[..., -modes:] = 0.0, 0.0
        new.covs[:, :size, :size, -modes:] = beliefs.covs
        new.means[:, :size, :, -modes:] = beliefs.means
        new.modes[:, -modes:] = beliefs.modes
        new.weights[:] *= _ADDED
        new.weights[:, -hypotheses:] = beliefs.weights * (1 - _ADDED)
        new.misfits[:] = (beliefs.weights * beliefs.misfits).sum(axis=1, keepdims=True)
        new.misfits[:, -hypotheses:] = beliefs.misfits
        return new._replace(speeds2=beliefs.speeds2, shapes=beliefs.shapes, seen=beliefs.seen)

    def advance(self, beliefs: Beliefs, seats: Slots, step_s: float, interval_s: float) -> None:
        """Take objects, (K,) of them, a step on; modes change, if they do, at its start."""
        bank_steps.advance(self._rules, self._laws, beliefs, seats, step_s, interval_s)

    def update(
        self, beliefs: Beliefs, seats: Slots, positions_um: Floats, variances_um2: Floats
    ) -> None:
        """Take in measurements of objects at positions (K, A)."""
        measurements = _own(positions_um, np.float64), _own(variances_um2, np.float64)
        weights = bank_updates.update(
            self._rules, beliefs, _own(seats, np.intp), *measurements, self._usual
        )
        kept = (1 - 1 / _USUAL_MEMORY) ** len(seats)
        self._usual = np.maximum(kept * self._usual + (1 - kept) * weights, self._least)

    def expect(
        self, beliefs: Beliefs, seats: Slots, step_s: float, interval_s: float
    ) -> tuple[Floats, Floats]:
        """Means (K, A) and covariances (K, A, A) of the positions a step later."""
        own = _own(seats, np.intp)
        return bank_steps.expect(self._rules, self._laws, beliefs, own, step_s, interval_s)

    def scales(self, beliefs: Beliefs, seats: Slots) -> Floats:
        """Factors, (K,), by which the stated variances are believed to be wrong."""
        misfits = (beliefs.weights[seats] * beliefs.misfits[seats]).sum(axis=1)
        return misfits / beliefs.seen[seats]


def _own(array: NDArray[Any], kind: type[Any]) -> NDArray[Any]:
    """Copy an array as compiled code wants it, or it would be compiled again."""
    return np.array(array, kind, order="C")

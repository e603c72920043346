"""A bank of Kalman filters: every hypothesis about the motion of every object, all at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .beliefs import Beliefs
from .modes import Floats, Hypothesis, Laws, Slots

MEMORY = 100.0
"""Sightings after which the fit of a hypothesis to its own spread is forgotten."""
FORGETTING = 0.97
"""Power to which the weights of the hypotheses are raised at each sighting."""
_USUAL_MEMORY = 300.0
"""Sightings, of any objects, after which the usual weights of the hypotheses are forgotten."""
_LEAST_SHARE = 0.1
_DOUBT = 4.0
"""Measured coordinates that the stated variance is worth."""
_FIRST_SPEED = 10.0
"""Standard deviation of an unknown velocity, in standard deviations of a sighting per frame."""
_OUTLIER = 30.0
"""Squared misfit beyond which a sighting says no more about the spread."""
_LEAST_LOG = -600.0
_LEAST_WEIGHT = 1e-100
_ADDED = 1e-4
"""Weight of hypotheses that are added, to begin with, over their usual weight."""
_ROUND = 0.05
"""Share of the spread that has no direction, whatever the misses say."""
_ALL = slice(None)
_sum = np.add.reduce
"""Sum over the first axis, or another; for small arrays it takes half the time of ``sum``."""


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
        Those with one mode first. All others, S of them, have K modes of the same orders,
        those at rest first.
    axes : int
        Number of axes A, on which the object moves alike.
    speed_um_s : float, optional
        Standard deviation of the velocity along an axis at first sight; without it, ten
        standard deviations of the first sighting in a frame.
    """

    def __init__(
        self, hypotheses: Sequence[Hypothesis], axes: int, speed_um_s: float | None
    ) -> None:
        self._axes, self._speed_um_s = axes, speed_um_s
        switching = [hypothesis for hypothesis in hypotheses if hypothesis.dwells]
        single = len(hypotheses) - len(switching)
        modes = [hypothesis.modes[0] for hypothesis in hypotheses[:single]]
        owner = list(range(single))
        for kind in zip(*(hypothesis.modes for hypothesis in switching), strict=True):
            modes.extend(kind)
            owner.extend(range(single, len(hypotheses)))
        self._laws, self._owner, self._single = Laws(modes), np.array(owner), single
        self._sums = np.equal.outer(np.arange(len(hypotheses)), owner).astype(np.float64)
        self._rates = np.array([np.divide(-1, h.dwells) for h in switching]).T[..., None]
        self._switchers = len(switching)
        self._resting = sum(mode.order == 1 for mode in switching[0].modes) if switching else 0
        usual = [hypothesis.modes[:-1] or hypothesis.modes for hypothesis in hypotheses]
        calm = [1 / max(1.0, *(mode.strength for mode in modes)) for modes in usual]
        self._usual = np.array(calm)[:, None] / sum(calm)
        self._least = _LEAST_SHARE * self._usual
        self._round = _ROUND * np.eye(axes)[..., None]

    def begin(self, positions_um: Floats, variances_um2: Floats, interval_s: float) -> Beliefs:
        """Believe in objects first seen at positions (N, A)."""
        n, m, d = len(positions_um), len(self._owner), self._laws.size
        speed2 = (_FIRST_SPEED / interval_s) ** 2 * variances_um2
        if self._speed_um_s is not None:
            speed2 = np.full(n, self._speed_um_s**2)
        states = np.zeros((d, d + self._axes, m, n))
        states[0, d:] = positions_um.T[:, None]
        states[range(d), range(d)] = self._laws.firsts(variances_um2, speed2, interval_s)
        modes = 1 / self._sums.sum(axis=1)[self._owner, None]
        return Beliefs(
            states,
            modes=np.repeat(modes, n, axis=1),
            weights=np.repeat(self._usual, n, axis=1),
            misfits=np.full((len(self._usual), n), _DOUBT),
            speeds2=np.tile(speed2, (self._switchers, 1)),
            shapes=np.repeat(np.eye(self._axes)[..., None], n, axis=2),
            seen=np.full(n, _DOUBT),
            unit_um2=variances_um2.copy(),
        )

    def adopted(self, beliefs: Beliefs, positions_um: Floats, interval_s: float) -> Beliefs:
        """Believe what a bank of fewer hypotheses did, the last of these; the others begin anew.

        They begin at positions (N, A), not moving as far as they know, so with little weight.
        """
        new = self.begin(positions_um, beliefs.unit_um2, interval_s)
        size, modes, hypotheses = len(beliefs.states), len(beliefs.modes), len(beliefs.weights)
        new.states[:, :, -modes:] = 0.0
        new.states[:size, :size, -modes:] = beliefs.states[:, :size]
        new.states[:size, self._laws.size :, -modes:] = beliefs.states[:, size:]
        new.modes[-modes:] = beliefs.modes
        new.weights *= _ADDED
        new.weights[-hypotheses:] = beliefs.weights * (1 - _ADDED)
        new.misfits[:] = _sum(beliefs.weights * beliefs.misfits)
        new.misfits[-hypotheses:] = beliefs.misfits
        new.speeds2, new.shapes, new.seen = beliefs.speeds2, beliefs.shapes, beliefs.seen
        return new

    def advance(self, beliefs: Beliefs, step_s: float, interval_s: float) -> None:
        """Take objects a step on; modes change, if they do, at its start."""
        if self._switchers:
            self._mix(beliefs, step_s / interval_s)
        self._laws.move(beliefs.states, step_s, interval_s)
        diffusion = self._laws.diffusion(step_s, interval_s)
        beliefs.states[:, : self._laws.size] += diffusion * beliefs.unit_um2

    def _mix(self, beliefs: Beliefs, steps: float) -> None:
        """Let modes of one hypothesis change into each other over some frame intervals.

        A mode that is left is followed by any, itself included, with the same probability. So
        each becomes a mixture of what it was and of a pool of all that its hypothesis left.
        """
        d, rest, kinds = self._laws.size, self._resting, len(self._rates)
        modes = self._switching(beliefs.modes)
        left = modes * np.expm1(steps * self._rates)
        modes += left
        total = _sum(left)
        left /= total
        total /= -kinds
        modes += total
        share = total / modes
        states = self._switching(beliefs.states).copy()
        states[1, 1, :rest] = beliefs.speeds2
        away = _sum(left * states, axis=2)[:, :, None] - states
        ways = away[:, d:]
        spread = _sum(ways[:, None] * ways, axis=2)
        spread /= self._axes * beliefs.scales[self._single :]
        pooled = _sum(left * spread, axis=2)[:, :, None]
        away[:, :d] += pooled + (1 - share) * spread
        away *= share
        away += states
        away[1:, :, :rest] = 0
        away[:, 1:d, :rest] = 0
        self._switching(beliefs.states)[...] = away

    def _switching(self, array: Floats) -> Floats:
        """View of what belongs to hypotheses that switch: (..., M, N) as (..., K, S, N)."""
        *outer, _, n = array.shape
        part = array[..., self._single :, :]
        return part.reshape(*outer, len(self._rates), self._switchers, n)

    def update(
        self,
        beliefs: Beliefs,
        positions_um: Floats,
        variances_um2: Floats,
        seen: Slots | slice = _ALL,
    ) -> None:
        """Take in sightings at positions (N, A); only those ``seen`` teach what is usual."""
        states, places, sightings = beliefs.states, beliefs.places, positions_um.T[:, None]
        expected = states[0, 0] + variances_um2
        places -= sightings
        self._shape(beliefs, variances_um2)
        squares = _sum(places * places)
        squares /= expected
        _narrow(states, expected, variances_um2)
        places += sightings
        told = self._weigh(beliefs, squares, expected)
        self._learn(beliefs.weights[:, seen])
        keep = 1 - 1 / MEMORY
        beliefs.seen = keep * beliefs.seen + self._axes
        beliefs.misfits = keep * beliefs.misfits + self._sums @ told
        if self._switchers:
            speeds = self._switching(states)[1, self._laws.size :]
            speeds2 = _sum(_sum(speeds * speeds) * self._switching(beliefs.modes))
            speeds2 /= self._axes * beliefs.scales[self._single :]
            beliefs.speeds2 += (speeds2 - beliefs.speeds2) / MEMORY

    def _shape(self, beliefs: Beliefs, variances_um2: Floats) -> None:
        """Learn along which direction objects stray, from means counted from the sightings."""
        misses = _sum(self._shares(beliefs) * beliefs.places, axis=1)
        squares = misses[:, None] * misses
        length2 = _sum(misses * misses)
        squares *= (1 - _ROUND) * self._axes
        squares += length2 * (self._round - beliefs.shapes)
        squares /= MEMORY * (length2 + variances_um2)
        beliefs.shapes += squares

    def _weigh(self, beliefs: Beliefs, squares: Floats, expected: Floats) -> Floats:
        """Judge modes and hypotheses by squared misfits (M, N); return what these tell."""
        misfits = beliefs.misfits.take(self._owner, axis=0)
        logs = np.log1p(squares / misfits)
        logs *= -0.5 * (beliefs.seen + self._axes)
        logs -= 0.5 * self._axes * np.log(expected * misfits)
        logs -= np.maximum.reduce(logs)
        np.maximum(logs, _LEAST_LOG, out=logs)
        likely = np.exp(logs, out=logs)
        likely *= beliefs.modes
        evidence = self._sums @ likely
        likely /= evidence.take(self._owner, axis=0)
        beliefs.modes = likely
        evidence *= beliefs.weights**FORGETTING
        evidence *= self._usual ** (1 - FORGETTING)
        evidence /= _sum(evidence)
        beliefs.weights = np.maximum(evidence, _LEAST_WEIGHT, out=evidence)
        misfits *= _OUTLIER / beliefs.seen
        return np.minimum(squares, misfits) * likely

    def _learn(self, weights: Floats) -> None:
        """Take in what is usual among objects, seen once more with weights (H, N)."""
        count = weights.shape[1]
        kept = (1 - 1 / _USUAL_MEMORY) ** count
        mean = _sum(weights, axis=1, keepdims=True) / count
        self._usual = np.maximum(kept * self._usual + (1 - kept) * mean, self._least)

    def _shares(self, beliefs: Beliefs) -> Floats:
        """Probabilities of the modes of all hypotheses, (M, N)."""
        return beliefs.weights.take(self._owner, axis=0) * beliefs.modes

    def positions(self, beliefs: Beliefs) -> tuple[Floats, Floats]:
        """Means (N, A) of the positions, and variances (N,) along an axis."""
        shares, places = self._shares(beliefs), beliefs.places
        apart = places - places[:, :1]
        means = _sum(shares * apart, axis=1)
        apart -= means[:, None]
        apart *= apart
        variances = _sum(apart)
        variances /= self._axes
        variances += beliefs.scales.take(self._owner, axis=0) * beliefs.states[0, 0]
        variances *= shares
        return (means + places[:, 0]).T, _sum(variances)


def _narrow(states: Floats, expected: Floats, variances_um2: Floats) -> None:
    """Take sightings into states whose means are counted from them.

    The share of the position that is left is a product, which keeps digits that a difference
    would lose.
    """
    first, later = states[0], states[1:]
    d = len(states)
    later -= (first[1:d] / expected)[:, None] * first
    first *= variances_um2 / expected
    later[:, 0] = first[1:d]
    for i in range(1, d):
        floor = first[i] * first[i] / first[0]
        np.maximum(states[i, i], floor, out=states[i, i])

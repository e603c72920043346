"""Hindsight: what two predictors foretold, judged when it came; who is right, and how surely."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..arrays import Bools, Floats
from .bank import NS_PER_S, Slots
from .predictor import Forecast

OCTAVES = 6
"""Horizons are told apart by their octave: 1 frame, 2, 4, 8, 16, 32 and more."""

_TAIL = 4.0
"""Degrees of freedom of the law by which forecasts are judged: one sharp turn must not decide."""
_FORGETTING = 0.97
"""Share of the odds that is left after a measurement."""
_MOST, _MOST_COMMON = 8.0, 3.0
"""Greatest logarithms of the odds of an object, and of all, in an octave."""
_NEWNESS = 8.0
"""What is taken from the odds before anything was judged; a quarter of it after one measurement."""
_WITHIN_95, _OUTSIDE = 5.991, 0.05
"""Quantile of chi² with two degrees of freedom, and the share that is to lie beyond it."""
_PATIENCE = 12.0
"""Measurements outside of the ellipse that raise a strain by one."""
_MOST_STRAIN = 3.0
_HEARD, _PER_FRAME, _FARTHEST = 0.3, 1.5, 8.0
"""Weight of each object in the strain of all of them; the most that they weigh together, for each
frame ahead; and frames from which it is no more. Near forecasts are held against measurements whose
own noise is as large, so that they say less."""
_TIMELY = 0.25
"""Share of a frame interval by which a forecast may be off the instant of a measurement."""
_JUDGED = 2 * OCTAVES
_sum = np.add.reduce


@dataclass(frozen=True, slots=True, eq=False)
class _Foretold:
    """What was said of objects, (K,), for an instant.

    Attributes
    ----------
    first_um, second_um, both_um : (K, 3)
        Means by the first predictor, by the second and by both together.
    covs_um2 : (K, 2, 2)
        By both together, not strained.
    """

    at_ns: int
    frames: float
    seats: Slots
    first_um: Floats
    second_um: Floats
    both_um: Floats
    covs_um2: Floats

    def of(self, rows: Bools) -> _Foretold:
        """What was said of some of them."""
        means = self.first_um[rows], self.second_um[rows], self.both_um[rows]
        seats, covs_um2 = self.seats[rows], self.covs_um2[rows]
        return _Foretold(self.at_ns, self.frames, seats, *means, covs_um2)


class Hindsight:
    """Mixes the forecasts of two predictors and learns from what came.

    For each octave of the horizon it keeps, of every object and of all, the odds of the second
    predictor, by the likelihood of what was sighted since; where little was, as at long
    horizons, those at shorter ones decide. And it keeps a strain, the logarithm of a factor
    for the covariance, that rises with each measurement outside of the 95 % ellipse and sinks
    with each inside, so that one in twenty is outside (Gibbs and Candès, Adaptive conformal
    inference under distribution shift, NeurIPS 2021). The ellipse is the one that the strain
    of today would make of what was said then: what was learned meanwhile is not learned twice.
    Objects are known by seats, small numbers.
    """

    def __init__(self) -> None:
        # Of an object: odds and strains by octave, and how often it was judged.
        self._known = np.empty((0, 2 * OCTAVES + 1))
        self._common_odds, self._common_strains = [0.0] * OCTAVES, [0.0] * OCTAVES
        self._foretold: dict[tuple[int, int, bytes], _Foretold] = {}

    def begin(self, seats: Slots) -> None:
        """Know nothing of the objects on some seats, nor what was foretold of others there."""
        others = ((key, one.of(~np.isin(one.seats, seats))) for key, one in self._foretold.items())
        self._foretold = {key: one for key, one in others if len(one.seats)}
        missing = max(int(seats.max()) + 1 - len(self._known), 0)
        self._known = np.pad(self._known, ((0, missing), (0, 0)))
        self._known[seats] = 0.0

    def mix(
        self, seats: Slots, now_ns: int, interval_s: float, first: Forecast, second: Forecast
    ) -> Forecast:
        """Return what both foretell together now; z as the first says."""
        frames = (first.at_ns - now_ns) / (interval_s * NS_PER_S)
        octave, known = _octave(frames), self._known[seats]
        share = self._shares(octave, known)
        means_um, covs_um2 = first.means_um.copy(), first.covs_um2.copy()
        apart = second.means_um[:, :2] - first.means_um[:, :2]
        means_um[:, :2] += share * apart
        own_um2 = covs_um2[:, :2, :2]
        share = share[:, :, None]
        cov = apart[:, :, None] * apart[:, None]
        cov *= 1 - share
        cov += second.covs_um2[:, :2, :2]
        cov -= own_um2
        cov *= share
        cov += own_um2
        np.multiply(cov, self._factors(octave, known), out=own_um2)
        past_ns = now_ns - interval_s * NS_PER_S
        kept = {key: one for key, one in self._foretold.items() if one.at_ns > past_ns}
        if frames < 2**OCTAVES:
            means = first.means_um, second.means_um, means_um
            told = _Foretold(first.at_ns, frames, seats, *means, cov)
            kept[first.at_ns, now_ns, seats.tobytes()] = told
        self._foretold = kept
        return Forecast(first.at_ns, means_um, covs_um2, first.source)

    def judge(
        self,
        now_ns: int,
        interval_s: float,
        seats: Slots,
        positions_um: Floats,
        variances_um2: Floats,
    ) -> None:
        """Learn from positions, (K, 2), sighted now, with the variances (K,) they have."""
        late_ns = _TIMELY * interval_s * NS_PER_S
        told = self._foretold.items()
        due = [(key, one) for key, one in told if abs(one.at_ns - now_ns) <= late_ns]
        self._foretold = {key: one for key, one in told if one.at_ns > now_ns + late_ns}
        self._known[seats, _JUDGED] += 1
        everybody = seats.tobytes()
        for key, one in due:
            if key[-1] == everybody:
                self._learn(one, positions_um, variances_um2)
                continue
            row_of = np.full(len(self._known), -1)
            row_of[seats] = np.arange(len(seats))
            rows = row_of[one.seats]
            seen = rows >= 0
            if seen.any():
                self._learn(one.of(seen), positions_um[rows[seen]], variances_um2[rows[seen]])

    def _shares(self, octave: int, known: Floats) -> Floats:
        """Shares (K, 1) of the second predictor."""
        odds = _sum(known[:, : octave + 1], axis=1, keepdims=True)
        odds += sum(self._common_odds[: octave + 1])
        odds -= _NEWNESS / (1 + known[:, _JUDGED:]) ** 2
        return 1 / (1 + np.exp(-odds))

    def _factors(self, octave: int, known: Floats) -> Floats:
        """What strains make of covariances: factors (K, 1, 1)."""
        strains = known[:, OCTAVES + octave, None, None] + self._common_strains[octave]
        return np.exp(strains, out=strains)

    def _learn(self, told: _Foretold, positions_um: Floats, variances_um2: Floats) -> None:
        """Learn from what was said of objects that are at positions (K, 2)."""
        octave, known = _octave(told.frames), self._known[told.seats]
        spread_um2 = told.covs_um2 * self._factors(octave, known)
        xx, xy, yy = spread_um2[:, 0, 0], spread_um2[:, 0, 1], spread_um2[:, 1, 1]
        traces = xx + yy
        xx += variances_um2
        yy += variances_um2
        misses = np.array([told.first_um, told.second_um, told.both_um])[:, :, :2]
        misses -= positions_um
        right, down = misses[..., 0], misses[..., 1]
        squares = (yy * right - 2 * xy * down) * right + xx * down * down
        squares /= xx * yy - xy * xy
        self._learn_odds(told.frames, known, squares)
        self._learn_strain(told.frames, known, squares[2], traces / (xx + yy))
        self._known[told.seats] = known

    def _learn_odds(self, frames: float, known: Floats, squares: Floats) -> None:
        """Learn from squared misses (2 or more, K) of forecasts so many frames ahead.

        As those overlap, a measurement tells the less of the odds, the longer they are.
        """
        octave, logs = _octave(frames), np.log1p(squares / _TAIL)
        gains = logs[0] - logs[1]
        gains *= (_TAIL + 2) / 2 / max(frames, 1.0)
        known[:, octave] = _within(_FORGETTING * known[:, octave] + gains, _MOST)
        shared = (math.sqrt(len(known)) - 1) * float(_sum(gains)) / len(known)
        common = _FORGETTING * self._common_odds[octave] + shared
        self._common_odds[octave] = min(max(common, -_MOST_COMMON), _MOST_COMMON)

    def _learn_strain(self, frames: float, known: Floats, squares: Floats, own: Floats) -> None:
        """Learn from squared misses (K,) whose spread is, for some share, the forecasts' own."""
        octave, count = _octave(frames), len(known)
        steps = (squares > _WITHIN_95) - _OUTSIDE
        steps *= own / _PATIENCE
        strains = known[:, OCTAVES + octave]
        known[:, OCTAVES + octave] = _within(strains + steps, _MOST_STRAIN)
        most = _PER_FRAME * min(max(frames, 1.0), _FARTHEST)
        weight = min(max(_HEARD * count, 1.0), most) / count
        common = self._common_strains[octave] + weight * float(_sum(steps))
        self._common_strains[octave] = min(max(common, -_MOST_STRAIN), _MOST_STRAIN)


def _within(values: Floats, most: float) -> Floats:
    return np.minimum(np.maximum(values, -most), most)


def _octave(frames: float) -> int:
    return min(max(round(math.log2(max(frames, 1.0))), 0), OCTAVES - 1)

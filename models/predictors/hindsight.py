"""Hindsight: what two predictors foretold, judged when it came; who is right, and how surely."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from . import Forecast
from .filtered import NS_PER_S
from .modes import Bools, Floats, Slots

OCTAVES = 6
"""Horizons are told apart by their octave: 1 frame, 2, 4, 8, 16, 32 and more."""

_TAIL = 4.0
"""Degrees of freedom of the law by which forecasts are judged: one sharp turn must not decide."""
_FORGETTING = 0.97
"""Share of the odds that is left after a sighting."""
_MOST, _MOST_COMMON = 8.0, 3.0
"""Greatest logarithms of the odds of an object, and of all, in an octave."""
_NEWNESS = 8.0
"""What is taken from the odds before anything was judged; a quarter of it after one sighting."""
_WITHIN_95, _OUTSIDE = 5.991, 0.05
"""Quantile of chi² with two degrees of freedom, and the share that is to lie beyond it."""
_PATIENCE = 12.0
"""Sightings outside of the ellipse that raise a strain by one."""
_MOST_STRAIN = 3.0
_TIMELY = 0.25
"""Share of a frame interval by which a forecast may be off the instant of a sighting."""


@dataclass(frozen=True, slots=True, eq=False)
class _Foretold:
    """What was said of objects, (K,), for an instant.

    Attributes
    ----------
    means_um : (3, K, 2)
        By the first predictor, by the second and by both together.
    covs_um2 : (K, 2, 2)
        By both together.
    """

    at_ns: int
    frames: float
    seats: Slots
    means_um: Floats
    covs_um2: Floats

    def of(self, rows: Bools) -> _Foretold:
        """What was said of some of them."""
        means_um, covs_um2 = self.means_um[:, rows], self.covs_um2[rows]
        return replace(self, seats=self.seats[rows], means_um=means_um, covs_um2=covs_um2)


class Hindsight:
    """Mixes the forecasts of two predictors and learns from what came.

    For each octave of the horizon it keeps, of every object and of all, the odds of the second
    predictor, by the likelihood of what was sighted since; where little was, as at long
    horizons, those at shorter ones decide. And it keeps a strain, the logarithm of a factor
    for the covariance, that rises with each sighting outside of the 95 % ellipse and sinks
    with each inside, so that one in twenty is outside (Gibbs and Candès, Adaptive conformal
    inference under distribution shift, NeurIPS 2021). Objects are known by seats, small
    numbers.
    """

    def __init__(self) -> None:
        self._odds, self._strains = np.empty((0, OCTAVES)), np.empty((0, OCTAVES))
        self._judged = np.empty(0)
        self._common_odds, self._common_strains = np.zeros(OCTAVES), np.zeros(OCTAVES)
        self._foretold: list[_Foretold] = []

    def begin(self, seats: Slots) -> None:
        """Know nothing of the objects on some seats, nor what was foretold of others there."""
        others = (one.of(~np.isin(one.seats, seats)) for one in self._foretold)
        self._foretold = [one for one in others if len(one.seats)]
        missing = max(int(seats.max()) + 1 - len(self._odds), 0)
        self._odds = np.pad(self._odds, ((0, missing), (0, 0)))
        self._strains = np.pad(self._strains, ((0, missing), (0, 0)))
        self._judged = np.pad(self._judged, (0, missing))
        self._odds[seats] = self._strains[seats] = 0.0
        self._judged[seats] = 0.0

    def mix(
        self, seats: Slots, now_ns: int, interval_s: float, first: Forecast, second: Forecast
    ) -> Forecast:
        """Return what both foretell together now; z as the first says."""
        frames = (first.at_ns - now_ns) / (interval_s * NS_PER_S)
        octave = _octave(frames)
        odds = (self._odds[seats] + self._common_odds)[:, : octave + 1].sum(axis=1)
        odds -= _NEWNESS / (1 + self._judged[seats]) ** 2
        share = 1 / (1 + np.exp(-odds))
        means = np.stack([first.means_um[:, :2], second.means_um[:, :2]])
        apart = means[1] - means[0]
        mean = means[0] + share[:, None] * apart
        weights = np.stack([1 - share, share])[:, :, None, None]
        covs = np.stack([first.covs_um2[:, :2, :2], second.covs_um2[:, :2, :2]])
        cov = (weights * covs).sum(axis=0)
        cov += weights.prod(axis=0) * apart[:, :, None] * apart[:, None]
        strains = self._strains[seats, octave] + self._common_strains[octave]
        cov *= np.exp(strains)[:, None, None]
        all_means = np.concatenate([means, mean[None]])
        past_ns = now_ns - interval_s * NS_PER_S
        self._foretold = [one for one in self._foretold if one.at_ns > past_ns]
        if frames < 2**OCTAVES:
            self._foretold.append(_Foretold(first.at_ns, frames, seats, all_means, cov))
        means_um, covs_um2 = first.means_um.copy(), first.covs_um2.copy()
        means_um[:, :2], covs_um2[:, :2, :2] = mean, cov
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
        due = [one for one in self._foretold if abs(one.at_ns - now_ns) <= late_ns]
        self._foretold = [one for one in self._foretold if one.at_ns > now_ns + late_ns]
        self._judged[seats] += 1
        row_of = np.full(len(self._odds), -1)
        row_of[seats] = np.arange(len(seats))
        for one in due:
            rows = row_of[one.seats]
            seen = rows >= 0
            if seen.any():
                self._learn(one.of(seen), positions_um[rows[seen]], variances_um2[rows[seen]])

    def _learn(self, told: _Foretold, positions_um: Floats, variances_um2: Floats) -> None:
        """Learn from what was said of objects that are at positions (K, 2)."""
        octave, spread_um2 = _octave(told.frames), told.covs_um2
        doubted_um2 = spread_um2 + variances_um2[:, None, None] * np.eye(2)
        squares = _squares(positions_um - told.means_um, doubted_um2)
        own = spread_um2[:, 0, 0] + spread_um2[:, 1, 1]
        own /= doubted_um2[:, 0, 0] + doubted_um2[:, 1, 1]
        self._learn_odds(octave, told.seats, squares[:2], told.frames)
        self._learn_strain(octave, told.seats, squares[2], own)

    def _learn_odds(self, octave: int, seats: Slots, squares: Floats, frames: float) -> None:
        """Learn from squared misses (2, K) of forecasts so many frames ahead.

        As those overlap, a sighting tells the less of the odds, the longer they are.
        """
        logs = np.log1p(squares / _TAIL)
        gains = (logs[0] - logs[1]) * ((_TAIL + 2) / 2 / max(frames, 1.0))
        odds = _FORGETTING * self._odds[seats, octave] + gains
        self._odds[seats, octave] = _within(odds, _MOST)
        shared = (math.sqrt(len(seats)) - 1) * gains.mean()
        common = _FORGETTING * self._common_odds[octave] + shared
        self._common_odds[octave] = _within(common, _MOST_COMMON)

    def _learn_strain(self, octave: int, seats: Slots, squares: Floats, own: Floats) -> None:
        """Learn from squared misses (K,) whose spread is, for some share, the forecasts' own."""
        steps = own / _PATIENCE * ((squares > _WITHIN_95) - _OUTSIDE)
        self._strains[seats, octave] = _within(self._strains[seats, octave] + steps, _MOST_STRAIN)
        common = self._common_strains[octave] + steps.mean()
        self._common_strains[octave] = _within(common, _MOST_STRAIN)


def _within(values: Any, most: float) -> Any:
    return np.minimum(np.maximum(values, -most), most)


def _octave(frames: float) -> int:
    return min(max(round(math.log2(max(frames, 1.0))), 0), OCTAVES - 1)


def _squares(misses: Floats, covs: Floats) -> Floats:
    """Squared Mahalanobis distances (..., K) of misses (..., K, 2)."""
    xx, xy, yy = covs[:, 0, 0], covs[:, 0, 1], covs[:, 1, 1]
    right, down = misses[..., 0], misses[..., 1]
    return (yy * right**2 - 2 * xy * right * down + xx * down**2) / (xx * yy - xy * xy)

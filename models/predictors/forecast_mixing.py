"""Forecast mixing: two predictors, weighted and calibrated by the measurements that follow."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..arrays import Bools, Floats, Indices
from .bank import NS_PER_S
from .predictor import Forecast

OCTAVES = 6
"""Horizons are told apart by their octave: 1 frame, 2, 4, 8, 16, 32 and more. Chosen: 32 is as
far as the network was trained to look."""
_TAIL = 4.0
"""Degrees of freedom of the Student's t by which forecasts are compared. Chosen: heavy tails, so
that one sharp turn does not decide."""
_FORGETTING = 0.97
"""Share of the log odds that is left after a measurement, as of the weights in the bank."""
_LARGEST, _LARGEST_COMMON = 8.0, 3.0
"""Greatest log odds of one object, and common to all, in an octave. Chosen: 3000 to 1 is as good
as certain, and 20 to 1 can still be overcome by an object of its own."""
_NEWNESS = 8.0
"""Subtracted from the log odds of the second predictor before anything was measured, a quarter
of it after one measurement. Chosen: the first predictor is right from the beginning, a network
that has seen nothing is not."""
_WITHIN_95, _OUTSIDE = 5.991, 0.05
"""Quantile of chi² with two degrees of freedom, and the share that is to lie beyond it."""
_RATE = 12.0
"""Measurements outside of the ellipse that raise the log inflation by one. Chosen: slow enough
that the ellipse does not follow single measurements."""
_LARGEST_INFLATION = 3.0
"""Greatest log inflation, of either sign: a factor of 20 for the covariance. Chosen as a guard."""
_SHARED, _PER_FRAME, _FARTHEST = 0.3, 1.5, 8.0
"""Weight of each object in the inflation common to all; the most that they weigh together, for
each frame ahead; frames from which that grows no more. Chosen: near forecasts are compared with
measurements whose own noise is as large, so that they tell less."""
_TIMELY = 0.25
"""Share of a frame interval within which a measurement belongs to a forecast. Chosen: above the
jitter of cameras, below the half at which two frames would claim it."""
_COUNT = 2 * OCTAVES
"""Column of the number of measurements, after those of log odds and log inflation."""
_sum = np.add.reduce


@dataclass(frozen=True, slots=True, eq=False)
class _Pending:
    """What was forecast of objects, (K,), for an instant.

    Attributes
    ----------
    frames : float
        Horizon.
    first_um, second_um, mixed_um : (K, 3)
        Means by the first predictor, by the second and mixed.
    covs_um2 : (K, 2, 2)
        Mixed, not inflated.
    """

    at_ns: int
    frames: float
    rows: Indices
    first_um: Floats
    second_um: Floats
    mixed_um: Floats
    covs_um2: Floats

    def of(self, which: Bools) -> "_Pending":
        """Those of some of the objects."""
        means = self.first_um[which], self.second_um[which], self.mixed_um[which]
        return _Pending(self.at_ns, self.frames, self.rows[which], *means, self.covs_um2[which])


class Mixed(NamedTuple):
    """A mixed forecast, and what has to be kept to learn from it."""

    forecast: Forecast
    pending: _Pending


class ForecastMixer:
    """Mixes the forecasts of two predictors and learns from the measurements that follow.

    For each octave of the horizon it keeps, of every object and common to all, the log odds of
    the second predictor, by the likelihood of later measurements; where there were few, as at
    long horizons, the odds at shorter ones decide. And it keeps a log inflation, the logarithm
    of a factor for the covariance, that rises with each measurement outside of the 95 % ellipse
    and sinks with each inside, so that one in twenty is outside (Gibbs and Candès, Adaptive
    conformal inference under distribution shift, NeurIPS 2021). The ellipse is the one that the
    inflation of today makes of the covariance of then: nothing is learned twice. Objects are
    known by rows, small numbers.
    """

    def __init__(self) -> None:
        # Of an object: log odds and log inflations by octave, and its number of measurements.
        self._learned = np.empty((0, 2 * OCTAVES + 1))
        self._common_odds, self._common_inflations = [0.0] * OCTAVES, [0.0] * OCTAVES
        self._pending: dict[tuple[int, int, bytes], _Pending] = {}

    def begin(self, rows: Indices) -> None:
        """Know nothing of the objects in some rows; drop forecasts of others there."""
        others = ((key, one.of(~np.isin(one.rows, rows))) for key, one in self._pending.items())
        self._pending = {key: one for key, one in others if len(one.rows)}
        missing = max(int(rows.max()) + 1 - len(self._learned), 0)
        self._learned = np.pad(self._learned, ((0, missing), (0, 0)))
        self._learned[rows] = 0.0

    def mix(
        self, rows: Indices, now_ns: int, interval_s: float, first: Forecast, second: Forecast
    ) -> Mixed:
        """Return the mixture of two forecasts made now; z as the first says. Changes nothing."""
        frames = (first.at_ns - now_ns) / (interval_s * NS_PER_S)
        octave, learned = _octave(frames), self._learned[rows]
        share = self._shares(octave, learned)
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
        np.multiply(cov, self._factors(octave, learned), out=own_um2)
        means = first.means_um, second.means_um, means_um
        pending = _Pending(first.at_ns, frames, rows, *means, cov)
        return Mixed(Forecast(first.at_ns, means_um, covs_um2, first.source), pending)

    def keep(self, mixed: Mixed, now_ns: int, interval_s: float) -> None:
        """Keep a forecast made now, to `learn` from when its instant comes; drop old ones.

        The same one is kept once, however often it is given.
        """
        past_ns = now_ns - interval_s * NS_PER_S
        kept = {key: one for key, one in self._pending.items() if one.at_ns > past_ns}
        pending = mixed.pending
        if pending.frames < 2**OCTAVES:
            kept[pending.at_ns, now_ns, pending.rows.tobytes()] = pending
        self._pending = kept

    def learn(
        self,
        now_ns: int,
        interval_s: float,
        rows: Indices,
        positions_um: Floats,
        variances_um2: Floats,
    ) -> None:
        """Learn from positions, (K, 2), measured now with variances (K,)."""
        late_ns = _TIMELY * interval_s * NS_PER_S
        pending = self._pending.items()
        due = [(key, one) for key, one in pending if abs(one.at_ns - now_ns) <= late_ns]
        self._pending = {key: one for key, one in pending if one.at_ns > now_ns + late_ns}
        self._learned[rows, _COUNT] += 1
        all_rows = rows.tobytes()
        for key, one in due:
            if key[-1] == all_rows:
                self._learn(one, positions_um, variances_um2)
                continue
            place_of = np.full(len(self._learned), -1)
            place_of[rows] = np.arange(len(rows))
            places = place_of[one.rows]
            seen = places >= 0
            if seen.any():
                self._learn(one.of(seen), positions_um[places[seen]], variances_um2[places[seen]])

    def _shares(self, octave: int, learned: Floats) -> Floats:
        """Shares (K, 1) of the second predictor."""
        odds = _sum(learned[:, : octave + 1], axis=1, keepdims=True)
        odds += sum(self._common_odds[: octave + 1])
        odds -= _NEWNESS / (1 + learned[:, _COUNT:]) ** 2
        return 1 / (1 + np.exp(-odds))

    def _factors(self, octave: int, learned: Floats) -> Floats:
        """Factors (K, 1, 1) by which covariances are inflated."""
        logs = learned[:, OCTAVES + octave, None, None] + self._common_inflations[octave]
        return np.exp(logs, out=logs)

    def _learn(self, one: _Pending, positions_um: Floats, variances_um2: Floats) -> None:
        """Learn from a forecast of objects that are at positions (K, 2)."""
        octave, learned = _octave(one.frames), self._learned[one.rows]
        spread_um2 = one.covs_um2 * self._factors(octave, learned)
        xx, xy, yy = spread_um2[:, 0, 0], spread_um2[:, 0, 1], spread_um2[:, 1, 1]
        traces = xx + yy
        xx += variances_um2
        yy += variances_um2
        errors = np.array([one.first_um, one.second_um, one.mixed_um])[:, :, :2]
        errors -= positions_um
        x, y = errors[..., 0], errors[..., 1]
        squares = (yy * x - 2 * xy * y) * x + xx * y * y
        squares /= xx * yy - xy * xy
        self._learn_odds(one.frames, learned, squares)
        self._learn_inflation(one.frames, learned, squares[2], traces / (xx + yy))
        self._learned[one.rows] = learned

    def _learn_odds(self, frames: float, learned: Floats, squares: Floats) -> None:
        """Learn from squared errors (2 or more, K) of forecasts so many frames ahead.

        As those overlap, a measurement tells the less of the odds, the longer they are.
        """
        octave, logs = _octave(frames), np.log1p(squares / _TAIL)
        gains = logs[0] - logs[1]
        gains *= (_TAIL + 2) / 2 / max(frames, 1.0)
        learned[:, octave] = _within(_FORGETTING * learned[:, octave] + gains, _LARGEST)
        shared = (math.sqrt(len(learned)) - 1) * float(_sum(gains)) / len(learned)
        common = _FORGETTING * self._common_odds[octave] + shared
        self._common_odds[octave] = min(max(common, -_LARGEST_COMMON), _LARGEST_COMMON)

    def _learn_inflation(
        self, frames: float, learned: Floats, squares: Floats, own: Floats
    ) -> None:
        """Learn from squared errors (K,) whose variance is, to shares ``own``, the forecasts'."""
        octave, count = _octave(frames), len(learned)
        steps = (squares > _WITHIN_95) - _OUTSIDE
        steps *= own / _RATE
        inflations = learned[:, OCTAVES + octave]
        learned[:, OCTAVES + octave] = _within(inflations + steps, _LARGEST_INFLATION)
        most = _PER_FRAME * min(max(frames, 1.0), _FARTHEST)
        weight = min(max(_SHARED * count, 1.0), most) / count
        common = self._common_inflations[octave] + weight * float(_sum(steps))
        bounded = min(max(common, -_LARGEST_INFLATION), _LARGEST_INFLATION)
        self._common_inflations[octave] = bounded


def _within(values: Floats, most: float) -> Floats:
    return np.minimum(np.maximum(values, -most), most)


def _octave(frames: float) -> int:
    return min(max(round(math.log2(max(frames, 1.0))), 0), OCTAVES - 1)

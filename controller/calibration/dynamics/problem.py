"""The least squares behind the dynamics: what is left of images for a given response."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.sparse import block_diag

from .excitation import Excitation
from .response import Response, mean_travel_um

Floats = NDArray[np.float64]

_FASTEST_UM_S = 1e6
"""Stands for a speed that is never reached."""
_LOG_ACCELERATIONS = math.log(300.0), math.log(3e7)
"""Bounds: chosen, beyond what stages do."""
_LOG_SPEEDS = math.log(10.0), math.log(1e6)
_LOG_RINGS, _LOG_DAMPINGS = (math.log(12.0), math.log(300.0)), (math.log(0.01), math.log(0.95))
"""Bounds of speed, frequency and damping: chosen likewise."""
_FEW, _MANY, _CHANGE = 6, 40, 1e-4
"""Iterations of a solution that is only compared, and of one that counts; and the relative change
at which it ends. Chosen: standard errors are a hundred times larger."""
_OUTLIER = 4.0
"""Standard deviations from which a segment is left out: something happened to it. Chosen."""
_ACCELERATION = math.log(1e5), 1.2
_DAMPING = math.log(0.2), 1.0
"""Mean and standard deviation of the logarithms before anything is seen. Chosen: stages accelerate
by 3e4 to 3e5 µm/s², and what they carry rings for a few periods."""
_JITTER_S, _LEAST_JITTER_S = 1e-3, 2e-5
"""By how much the delay varies from move to move: at first, as serial lines do; and at least."""
_SHORT_S = 1e-4
"""Over which residuals change linearly. Chosen: far shorter than moves and exposures."""


class Problem:
    """Least squares over all excitations at once.

    Parameters are the delay, the logarithm of the acceleration, that of the speed if it is
    fitted, and the logarithms of frequency and damping if ringing is.
    """

    def __init__(self, excitations: Sequence[Excitation], jitter_s: float = _JITTER_S) -> None:
        self._excitations = list(excitations)
        self._begin, self._end = np.concatenate([e.exposures_s for e in excitations]).T
        counts = [len(e.travel_um) for e in excitations]
        self._distance = np.repeat([e.distance_um for e in excitations], counts)
        self._backlash = np.repeat([e.backlash_um for e in excitations], counts)
        self._move = np.repeat([e.move for e in excitations], counts)
        self._travel = np.concatenate([e.travel_um for e in excitations])
        self._whitening = block_diag([e.whitening for e in excitations], format="csr")
        moves, self._index = np.unique(self._move, return_inverse=True)
        self.moves = len(moves)
        self.jitter_s = jitter_s

    def without_outliers(self, parameters: Floats) -> Problem:
        """Leave out moves that fit far worse than most."""
        squares = self.residuals(parameters)[: len(self._move)] ** 2
        each = np.bincount(self._index, squares) / np.bincount(self._index)
        bad = set(np.unique(self._move)[each > _OUTLIER**2 * np.median(each)].tolist())
        kept = [e for e in self._excitations if e.move not in bad]
        enough = len(kept) > len(self._excitations) / 2
        return Problem(kept, self.jitter_s) if enough else self

    def with_jitter(self, parameters: Floats) -> Problem:
        """Estimate anew by how much the delay varies (a step of expectation maximisation)."""
        _, late_s, variance = self.lateness(parameters)
        jitter_s = math.sqrt(float((late_s**2 + variance).mean()))
        return Problem(self._excitations, max(jitter_s, _LEAST_JITTER_S))

    def response(self, parameters: Floats) -> Response:
        """What the parameters mean."""
        delay, acceleration, *rest = parameters.tolist()
        speed = math.exp(rest[0]) if len(rest) % 2 else _FASTEST_UM_S
        ring = [math.exp(each) for each in rest[-2:]] if len(rest) > 1 else [0.0, 0.0]
        return Response(delay, speed, math.exp(acceleration), ring[0], min(ring[1], 0.95))

    def parameters(self, response: Response) -> Floats:
        """Return the parameters that mean a response."""
        found = [response.delay_s, math.log(response.acceleration_um_s2)]
        if response.speed_um_s < _FASTEST_UM_S:
            found.append(math.log(response.speed_um_s))
        if response.ring_hz > 0:
            found += [math.log(response.ring_hz), math.log(response.ring_damping)]
        return np.array(found)

    def residuals(self, parameters: Floats) -> Floats:
        """Of all images, whitened; of how late each move was, over the jitter; and of the prior."""
        left, late_s, _ = self.lateness(parameters)
        prior = [(parameters[1] - _ACCELERATION[0]) / _ACCELERATION[1]]
        if len(parameters) > 3:
            prior.append((parameters[-1] - _DAMPING[0]) / _DAMPING[1])
        return np.concatenate([left, late_s / self.jitter_s, prior])

    def lateness(self, parameters: Floats) -> tuple[Floats, Floats, Floats]:
        """Return residuals for moves as late as they most likely were, these times, and variances.

        Lateness is normally distributed; residuals change linearly with it.
        """
        left = self._whitening @ (self._travel - self._travelled(parameters, 0.0))
        ahead = self._whitening @ (self._travel - self._travelled(parameters, _SHORT_S))
        slope = (ahead - left) / _SHORT_S
        precision = np.bincount(self._index, slope**2) + self.jitter_s**-2
        late_s = -np.bincount(self._index, slope * left) / precision
        return left + slope * late_s[self._index], late_s, 1 / precision

    def _travelled(self, parameters: Floats, late_s: float) -> Floats:
        begin, end = self._begin - late_s, self._end - late_s
        return mean_travel_um(begin, end, self._distance, self._backlash, self.response(parameters))

    def cost(self, parameters: Floats) -> float:
        """Half the sum of squares."""
        return float((self.residuals(parameters) ** 2).sum()) / 2

    def freedom(self, parameters: Floats) -> int:
        """Degrees of freedom; each excitation begins somewhere."""
        return max(len(self._travel) - len(self._excitations) - len(parameters), 1)

    def peak_um_s(self, parameters: Floats) -> float:
        """Greatest speed of any move."""
        response = self.response(parameters)
        most = math.sqrt(response.acceleration_um_s2 * float(self._distance.max()))
        return min(most, response.speed_um_s)

    def _bounds(self, count: int) -> tuple[Floats, Floats]:
        low, high = _LOG_ACCELERATIONS
        bounds = [(-0.05, 0.5), (low, high)]
        if count % 2:
            bounds.append(_LOG_SPEEDS)
        if count > 3:
            bounds += [_LOG_RINGS, _LOG_DAMPINGS]
        lows, highs = np.array(bounds).T
        return lows, highs

    def solve(self, start: Floats, most: int = _MANY) -> Floats:
        """Return the parameters of least squares next to some."""
        low, high = self._bounds(len(start))
        scale = np.array([1e-3, *[0.1] * (len(start) - 1)])
        found = least_squares(
            self.residuals,
            np.clip(start, low, high),
            bounds=(low, high),
            x_scale=scale,
            max_nfev=most,
            ftol=_CHANGE,
            xtol=_CHANGE,
        )
        return found.x

    def moved(self, parameters: Floats, logarithm: float) -> Floats:
        """Return parameters with another acceleration, and a delay such that moves come as late."""
        delay_s, acceleration, *rest = parameters.tolist()
        typical_um = float(np.median(self._distance))
        earlier_s = math.sqrt(typical_um) * (math.exp(-acceleration / 2) - math.exp(-logarithm / 2))
        return np.array([delay_s + earlier_s, logarithm, *rest])

    def with_acceleration(self, parameters: Floats, logarithm: float) -> Floats:
        """Solve with a given acceleration."""
        free = np.arange(len(parameters)) != 1

        def whole(others: Floats) -> Floats:
            return np.insert(others, 1, np.clip(logarithm, *_LOG_ACCELERATIONS))

        start = self.moved(parameters, logarithm)[free]
        low, high = (bound[free] for bound in self._bounds(len(parameters)))
        found = least_squares(
            lambda others: self.residuals(whole(others)),
            np.clip(start, low, high),
            bounds=(low, high),
            x_scale=np.array([1e-3, *[0.1] * (len(start) - 1)]),
            max_nfev=_FEW,
            ftol=_CHANGE,
            xtol=_CHANGE,
        )
        return whole(found.x)

    def jacobian(self, parameters: Floats) -> Floats:
        """Return the derivatives of all residuals by the parameters."""
        columns = []
        for i in range(len(parameters)):
            h = np.zeros(len(parameters))
            h[i] = 1e-5 if i == 0 else 1e-3
            ahead, back = self.residuals(parameters + h), self.residuals(parameters - h)
            columns.append((ahead - back) / (2 * h[i]))
        return np.stack(columns, axis=1)

    @property
    def index(self) -> NDArray[np.intp]:
        """Number of the move that each residual of an image is of."""
        return self._index

"""Delay, speed, acceleration and ringing, from images during small moves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.sparse import block_diag

from .response import Response, mean_travel_um

Floats = NDArray[np.float64]

_FASTEST_UM_S = 1e6
"""Stands for a speed that is never reached."""
_DELAYS_S = np.linspace(0.0, 0.2, 81)
_ACCELERATIONS = np.geomspace(3e3, 3e6, 10)
_ALIKE = np.geomspace(1e4, 1e6, 5)
_RINGS_HZ, _DAMPINGS = np.geomspace(15.0, 260.0, 16), (0.05, 0.15, 0.4)
"""To start from. Chosen: serial stages answer within 0.2 s; steps as wide as the fit converges."""
_LOG_ACCELERATIONS = math.log(300.0), math.log(3e7)
"""Bounds: chosen, beyond what stages do."""
_LOG_SPEEDS = math.log(10.0), math.log(1e6)
_LOG_RINGS, _LOG_DAMPINGS = (math.log(12.0), math.log(300.0)), (math.log(0.01), math.log(0.95))
"""Bounds of speed, frequency and damping: chosen likewise."""
_MOST_TRIED, _LEAST_STEP, _NEGLIGIBLE = 4, 0.05, 6.0
"""Accelerations tried to either side for the standard error of the delay; least step of their
logarithm; and log likelihood lost at which an acceleration counts for nothing."""
_FEW, _MANY, _CHANGE = 6, 40, 1e-4
"""Iterations of a solution that is only compared, and of one that counts; and the relative change
at which it ends. Chosen: standard errors are a hundred times larger."""
_BETTER = 25.0
"""By which more parameters must lower the sum of squares, in variances of the residuals. Chosen:
five standard errors, as other errors of the model must not be taken for ringing."""
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
_ROUNDS = 2
"""In which the jitter is estimated. Chosen: more change nothing."""


class Excitation(NamedTuple):
    """One axis during one small move.

    Attributes
    ----------
    exposures_s : (N, 2)
        Beginning and end of exposures, since the command.
    travel_um : (N,)
        Way of the image along the move, but for a constant.
    whitening : (N, N)
        See `wander.whitening`, in µm.
    distance_um, backlash_um : float
        Of the move, and what of it the load does not follow.
    move : int
        Number of the move: errors of those of both axes are the same.
    """

    exposures_s: Floats
    travel_um: Floats
    whitening: Floats
    distance_um: float
    backlash_um: float
    move: int


class DynamicsFit(NamedTuple):
    """The response that explains the excitations, and the standard errors of its numbers.

    Attributes
    ----------
    response : Response
    sigma : Response
        Infinite where a number cannot be told.
    peak_um_s : float
        Greatest speed that the moves have reached.
    jitter_s : float
        Standard deviation of the delay from move to move.
    inflation : float
        Of residuals over what noise and wander explain, at least 1.
    """

    response: Response
    sigma: Response
    peak_um_s: float
    jitter_s: float
    inflation: float


def rough_response(excitations: Sequence[Excitation]) -> Response:
    """Return a response, to reckon how images are smeared."""
    problem = _Problem(excitations)
    return problem.response(problem.chosen(problem.start()))


def fit_dynamics(excitations: Sequence[Excitation], about: Response) -> DynamicsFit:
    """Fit the response; speed and ringing only where they clearly explain more.

    Parameters
    ----------
    excitations : sequence of Excitation
    about : Response
        Near which the search begins.
    """
    problem = _Problem(excitations)
    start = np.array([about.delay_s, math.log(about.acceleration_um_s2)])
    best = problem.chosen(start)
    problem = problem.without_outliers(best)
    for _ in range(_ROUNDS):
        problem = problem.with_jitter(best)
        best = problem.solve(best)
    return problem.concluded(best)


class _Problem:
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

    def without_outliers(self, parameters: Floats) -> _Problem:
        """Leave out moves that fit far worse than most."""
        squares = self.residuals(parameters)[: len(self._move)] ** 2
        each = np.bincount(self._index, squares) / np.bincount(self._index)
        bad = set(np.unique(self._move)[each > _OUTLIER**2 * np.median(each)].tolist())
        kept = [e for e in self._excitations if e.move not in bad]
        enough = len(kept) > len(self._excitations) / 2
        return _Problem(kept, self.jitter_s) if enough else self

    def chosen(self, parameters: Floats) -> Floats:
        """Solve without and with speed and ringing; of these, what explains most for its length."""
        plain = self._best_of(self._alike(parameters[:2]))
        ringing = self._best_of([self._with_ringing(each) for each in self._alike(plain)])
        tried = [plain, ringing]
        for each in (plain, ringing):
            speed = math.log(0.7 * self.peak_um_s(each))
            tried.append(self.solve(np.insert(each, 2, speed)))
        least = min(tried, key=self.cost)
        unit = max(1.0, 2 * self.cost(least) / self.freedom(least))

        def price(each: Floats) -> float:
            rings, slow = len(each) > 3, len(each) % 2
            return 2 * self.cost(each) + _BETTER * unit * (rings + slow)

        return min(tried, key=price)

    def _alike(self, parameters: Floats) -> list[Floats]:
        """Return parameters with other accelerations, and delays such that moves come as late."""
        return [parameters, *(self._moved(parameters, each) for each in np.log(_ALIKE).tolist())]

    def _moved(self, parameters: Floats, logarithm: float) -> Floats:
        delay_s, acceleration, *rest = parameters.tolist()
        typical_um = float(np.median(self._distance))
        earlier_s = math.sqrt(typical_um) * (math.exp(-acceleration / 2) - math.exp(-logarithm / 2))
        return np.array([delay_s + earlier_s, logarithm, *rest])

    def _with_ringing(self, parameters: Floats) -> Floats:
        """Add the ringing that explains most."""
        starts = [
            np.array([*parameters, math.log(ring), math.log(damping)])
            for ring in _RINGS_HZ
            for damping in _DAMPINGS
        ]
        return min(starts, key=self.cost)

    def _best_of(self, starts: Sequence[Floats]) -> Floats:
        """Begin to solve from all, and go on from the best."""
        begun = [self.solve(start, _FEW) for start in starts]
        return self.solve(min(begun, key=self.cost))

    def with_jitter(self, parameters: Floats) -> _Problem:
        """Estimate anew by how much the delay varies (a step of expectation maximisation)."""
        _, late_s, variance = self._lateness(parameters)
        jitter_s = math.sqrt(float((late_s**2 + variance).mean()))
        return _Problem(self._excitations, max(jitter_s, _LEAST_JITTER_S))

    def start(self) -> Floats:
        """Return the best of a grid."""
        starts = [
            np.array([delay, math.log(acceleration)])
            for delay in _DELAYS_S
            for acceleration in _ACCELERATIONS
        ]
        return min(starts, key=self.cost)

    def response(self, parameters: Floats) -> Response:
        """What the parameters mean."""
        delay, acceleration, *rest = parameters.tolist()
        speed = math.exp(rest[0]) if len(rest) % 2 else _FASTEST_UM_S
        ring = [math.exp(each) for each in rest[-2:]] if len(rest) > 1 else [0.0, 0.0]
        return Response(delay, speed, math.exp(acceleration), ring[0], min(ring[1], 0.95))

    def residuals(self, parameters: Floats) -> Floats:
        """Of all images, whitened; of how late each move was, over the jitter; and of the prior."""
        left, late_s, _ = self._lateness(parameters)
        prior = [(parameters[1] - _ACCELERATION[0]) / _ACCELERATION[1]]
        if len(parameters) > 3:
            prior.append((parameters[-1] - _DAMPING[0]) / _DAMPING[1])
        return np.concatenate([left, late_s / self.jitter_s, prior])

    def _lateness(self, parameters: Floats) -> tuple[Floats, Floats, Floats]:
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

    def concluded(self, parameters: Floats) -> DynamicsFit:
        """Return response and standard errors.

        These are the greater ones of two: from the curvature, with the residuals as they are, and
        from how much the moves disagree (White, Econometrica 48:817, 1980, by moves).
        """
        jacobian = self._jacobian(parameters)
        left = self.residuals(parameters)
        inverse = np.linalg.pinv(jacobian.T @ jacobian)
        inflation = max(1.0, 2 * self.cost(parameters) / self.freedom(parameters))
        prior = np.full(len(left) - len(self._index) - self.moves, -1)
        move = np.concatenate([self._index, np.arange(self.moves), prior])
        scores = np.stack([jacobian[move == m].T @ left[move == m] for m in range(self.moves)])
        factor = self.moves / max(self.moves - len(parameters), 1)
        clustered = inverse @ (scores.T @ scores) @ inverse * factor
        errors = np.sqrt(np.maximum(np.diag(inverse) * inflation, np.diag(clustered)).clip(0))
        parameters, errors = self._marginal(parameters, errors, inflation)
        response = self.response(parameters)
        speed = len(parameters) % 2 == 1
        rings = len(parameters) > 3
        sigma = Response(
            float(errors[0]),
            float(errors[2]) * response.speed_um_s if speed else math.inf,
            float(errors[1]) * response.acceleration_um_s2,
            float(errors[-2]) * response.ring_hz if rings else math.inf,
            float(errors[-1]) * response.ring_damping if rings else math.inf,
        )
        return DynamicsFit(
            response, sigma, self.peak_um_s(parameters), self.jitter_s, math.sqrt(inflation)
        )

    def _marginal(
        self, parameters: Floats, errors: Floats, inflation: float
    ) -> tuple[Floats, Floats]:
        """Return means and standard errors over accelerations that explain the images as well.

        Delay and acceleration make up for each other, and not linearly.
        """
        solutions, costs = [parameters], [self.cost(parameters)]
        for way in (1, -1):
            tried = parameters
            for _ in range(_MOST_TRIED):
                step = way * max(float(errors[1]), _LEAST_STEP)
                tried = self._with_acceleration(tried, float(tried[1]) + step)
                solutions.append(tried)
                costs.append(self.cost(tried))
                if costs[-1] - costs[0] > _NEGLIGIBLE * inflation:
                    break
        weights = np.exp(-(np.array(costs) - min(costs)) / inflation)
        weights /= weights.sum()
        mean = weights @ np.array(solutions)
        spread = weights @ (np.array(solutions) - mean) ** 2
        conditional = errors.copy()
        if spread[1] > 0:
            conditional[0] = min(errors[0], self._delay_error(parameters, inflation))
        errors = np.sqrt(np.maximum(spread + conditional**2, errors**2))
        return mean, errors

    def _with_acceleration(self, parameters: Floats, logarithm: float) -> Floats:
        """Solve with a given acceleration."""
        free = np.arange(len(parameters)) != 1

        def whole(others: Floats) -> Floats:
            return np.insert(others, 1, np.clip(logarithm, *_LOG_ACCELERATIONS))

        start = self._moved(parameters, logarithm)[free]
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

    def _delay_error(self, parameters: Floats, inflation: float) -> float:
        """Standard error of the delay if all else is known."""
        return math.sqrt(
            inflation / max(float((self._jacobian(parameters)[:, 0] ** 2).sum()), 1e-9)
        )

    def _jacobian(self, parameters: Floats) -> Floats:
        columns = []
        for i in range(len(parameters)):
            h = np.zeros(len(parameters))
            h[i] = 1e-5 if i == 0 else 1e-3
            ahead, back = self.residuals(parameters + h), self.residuals(parameters - h)
            columns.append((ahead - back) / (2 * h[i]))
        return np.stack(columns, axis=1)

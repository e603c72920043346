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
_RINGS_HZ, _DAMPINGS = np.geomspace(15.0, 260.0, 16), (0.05, 0.15, 0.4)
"""To start from. Chosen: serial stages answer within 0.2 s; steps as wide as the fit converges."""
_BETTER = 25.0
"""By which more parameters must lower the sum of squares, in variances of the residuals. Chosen:
five standard errors, as other errors of the model must not be taken for ringing."""
_OUTLIER = 4.0
"""Standard deviations from which a segment is left out: something happened to it. Chosen."""


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
    inflation : float
        Of residuals over what noise and wander explain, at least 1.
    """

    response: Response
    sigma: Response
    peak_um_s: float
    inflation: float


def fit_dynamics(excitations: Sequence[Excitation]) -> DynamicsFit:
    """Fit the response; speed and ringing only where they clearly explain more."""
    problem = _Problem(excitations)
    starts = [
        np.array([delay, math.log(acceleration)])
        for delay in _DELAYS_S
        for acceleration in _ACCELERATIONS
    ]
    best = problem.solve(min(starts, key=problem.cost))
    problem = problem.without_outliers(best)
    best = problem.solve(best)
    unit = max(1.0, 2 * problem.cost(best) / problem.freedom(best))
    slow = problem.solve(np.array([*best, math.log(0.7 * problem.peak_um_s(best))]))
    if 2 * (problem.cost(best) - problem.cost(slow)) > _BETTER * unit:
        best = slow
    ringing = problem.solve(problem.with_ringing(best))
    if 2 * (problem.cost(best) - problem.cost(ringing)) > _BETTER * unit:
        best = ringing
    return problem.concluded(best)


class _Problem:
    """Least squares over all excitations at once.

    Parameters are the delay, the logarithm of the acceleration, that of the speed if it is
    fitted, and the logarithms of frequency and damping if ringing is.
    """

    def __init__(self, excitations: Sequence[Excitation]) -> None:
        self._excitations = list(excitations)
        self._begin, self._end = np.concatenate([e.exposures_s for e in excitations]).T
        counts = [len(e.travel_um) for e in excitations]
        self._distance = np.repeat([e.distance_um for e in excitations], counts)
        self._backlash = np.repeat([e.backlash_um for e in excitations], counts)
        self._move = np.repeat([e.move for e in excitations], counts)
        self._travel = np.concatenate([e.travel_um for e in excitations])
        self._whitening = block_diag([e.whitening for e in excitations], format="csr")

    def without_outliers(self, parameters: Floats) -> _Problem:
        """Leave out moves that fit far worse than most."""
        squares = self.residuals(parameters) ** 2
        moves = np.unique(self._move)
        each = np.array([squares[self._move == move].mean() for move in moves])
        bad = set(moves[each > _OUTLIER**2 * np.median(each)].tolist())
        kept = [e for e in self._excitations if e.move not in bad]
        return _Problem(kept) if len(kept) > len(self._excitations) / 2 else self

    def response(self, parameters: Floats) -> Response:
        """What the parameters mean."""
        delay, acceleration, *rest = parameters.tolist()
        speed = math.exp(rest[0]) if len(rest) % 2 else _FASTEST_UM_S
        ring = [math.exp(each) for each in rest[-2:]] if len(rest) > 1 else [0.0, 0.0]
        return Response(delay, speed, math.exp(acceleration), ring[0], min(ring[1], 0.95))

    def residuals(self, parameters: Floats) -> Floats:
        """Of all images, whitened."""
        travel = mean_travel_um(
            self._begin, self._end, self._distance, self._backlash, self.response(parameters)
        )
        return self._whitening @ (self._travel - travel)

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

    def solve(self, start: Floats) -> Floats:
        """Return the parameters of least squares next to some."""
        low = np.array([-0.05, math.log(300.0), *[-3.0] * (len(start) - 2)])
        high = np.array([0.5, math.log(3e7), *[14.0] * (len(start) - 2)])
        scale = np.array([1e-3, *[0.1] * (len(start) - 1)])
        found = least_squares(
            self.residuals, np.clip(start, low, high), bounds=(low, high), x_scale=scale
        )
        return found.x

    def with_ringing(self, parameters: Floats) -> Floats:
        """Add the ringing that explains most."""
        starts = [
            np.array([*parameters, math.log(ring), math.log(damping)])
            for ring in _RINGS_HZ
            for damping in _DAMPINGS
        ]
        return min(starts, key=self.cost)

    def concluded(self, parameters: Floats) -> DynamicsFit:
        """Return response and standard errors.

        These are the greater ones of two: from the curvature, with the residuals as they are, and
        from how much the moves disagree (White, Econometrica 48:817, 1980, by clusters).
        """
        jacobian = self._jacobian(parameters)
        left = self.residuals(parameters)
        inverse = np.linalg.pinv(jacobian.T @ jacobian)
        inflation = max(1.0, 2 * self.cost(parameters) / self.freedom(parameters))
        moves = np.unique(self._move)
        scores = np.stack([jacobian[self._move == m].T @ left[self._move == m] for m in moves])
        factor = len(moves) / max(len(moves) - len(parameters), 1)
        clustered = inverse @ (scores.T @ scores) @ inverse * factor
        errors = np.sqrt(np.maximum(np.diag(inverse) * inflation, np.diag(clustered)))
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
        return DynamicsFit(response, sigma, self.peak_um_s(parameters), math.sqrt(inflation))

    def _jacobian(self, parameters: Floats) -> Floats:
        columns = []
        for i in range(len(parameters)):
            h = np.zeros(len(parameters))
            h[i] = 1e-5 if i == 0 else 1e-3
            ahead, back = self.residuals(parameters + h), self.residuals(parameters - h)
            columns.append((ahead - back) / (2 * h[i]))
        return np.stack(columns, axis=1)

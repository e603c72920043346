"""Delay, speed, acceleration and ringing, from images during moves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .excitation import Excitation
from .problem import Problem
from .response import Response

Floats = NDArray[np.float64]

_DELAYS_S = np.linspace(0.0, 0.2, 81)
_ACCELERATIONS = np.geomspace(3e3, 3e6, 10)
_ALIKE = np.geomspace(1e4, 1e6, 5)
_LATER_S = -4e-3, -2e-3, 0.0, 2e-3
_RINGS_HZ, _DAMPINGS = np.geomspace(15.0, 260.0, 16), (0.05, 0.15, 0.4)
"""To start from. Chosen: serial stages answer within 0.2 s; steps as wide as the fit converges."""
_TRIED, _LEAST_STEP = 5, 0.05
"""Accelerations tried to either side for the standard error of the delay, as one far off may
explain the images as well; and the first step of their logarithm, which is doubled each time."""
_FEW, _MANY, _CHANGE = 6, 40, 1e-4
"""Iterations of a solution that is only compared, and of one that counts; and the relative change
at which it ends. Chosen: standard errors are a hundred times larger."""
_BETTER = 25.0
"""By which more parameters must lower the sum of squares, in variances of the residuals. Chosen:
five standard errors, as other errors of the model must not be taken for ringing."""
_ROUNDS = 2
"""In which the jitter is estimated. Chosen: more change nothing."""


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
    problem = Problem(excitations)
    return problem.response(_chosen(problem, _start(problem)))


def fit_dynamics(excitations: Sequence[Excitation], about: Response) -> DynamicsFit:
    """Fit the response; speed and ringing only where they clearly explain more.

    Parameters
    ----------
    excitations : sequence of Excitation
    about : Response
        Near which the search begins.
    """
    problem = Problem(excitations)
    best = _chosen(problem, problem.parameters(about))
    problem = problem.without_outliers(best)
    for _ in range(_ROUNDS):
        problem = problem.with_jitter(best)
        best = problem.solve(best)
    return _concluded(problem, best)


def _start(problem: Problem) -> Floats:
    """Return the best of a grid."""
    starts = [
        np.array([delay, math.log(acceleration)])
        for delay in _DELAYS_S
        for acceleration in _ACCELERATIONS
    ]
    return min(starts, key=problem.cost)


def _chosen(problem: Problem, parameters: Floats) -> Floats:
    """Solve without and with speed and ringing; of these, what explains most for its length."""
    plain = _best_of(problem, _alike(problem, parameters[:2]))
    starts = product(_alike(problem, plain), _LATER_S)
    ringing = _best_of(problem, [_with_ringing(problem, *each) for each in starts])
    tried = [plain, ringing]
    if len(parameters) > 2:
        tried.append(problem.solve(parameters))
    for each in (plain, ringing):
        speed = math.log(0.7 * problem.peak_um_s(each))
        tried.append(problem.solve(np.insert(each, 2, speed)))
    least = min(tried, key=problem.cost)
    unit = max(1.0, 2 * problem.cost(least) / problem.freedom(least))

    def price(each: Floats) -> float:
        rings, slow = len(each) > 3, len(each) % 2
        return 2 * problem.cost(each) + _BETTER * unit * (rings + slow)

    return min(tried, key=price)


def _alike(problem: Problem, parameters: Floats) -> list[Floats]:
    """Return parameters with other accelerations, and delays such that moves come as late."""
    return [parameters, *(problem.moved(parameters, each) for each in np.log(_ALIKE).tolist())]


def _with_ringing(problem: Problem, parameters: Floats, later_s: float) -> Floats:
    """Add the ringing that explains most, with a delay that differs by some time.

    What rings comes later by ``2 ζ/ω`` in the mean, which was taken for a delay before.
    """
    delay_s, acceleration = parameters[0] + later_s, parameters[1]
    starts = [
        np.array([delay_s - damping / (math.pi * ring), acceleration, *np.log([ring, damping])])
        for ring in _RINGS_HZ
        for damping in _DAMPINGS
    ]
    return min(starts, key=problem.cost)


def _best_of(problem: Problem, starts: Sequence[Floats]) -> Floats:
    """Begin to solve from all, and go on from the best."""
    begun = [problem.solve(start, _FEW) for start in starts]
    return problem.solve(min(begun, key=problem.cost))


def _concluded(problem: Problem, parameters: Floats) -> DynamicsFit:
    """Return response and standard errors.

    These are the greater ones of two: from the curvature, with the residuals as they are, and
    from how much the moves disagree (White, Econometrica 48:817, 1980, by moves).
    """
    jacobian = problem.jacobian(parameters)
    left = problem.residuals(parameters)
    inverse = np.linalg.pinv(jacobian.T @ jacobian)
    inflation = max(1.0, 2 * problem.cost(parameters) / problem.freedom(parameters))
    prior = np.full(len(left) - len(problem.index) - problem.moves, -1)
    move = np.concatenate([problem.index, np.arange(problem.moves), prior])
    scores = np.stack([jacobian[move == m].T @ left[move == m] for m in range(problem.moves)])
    factor = problem.moves / max(problem.moves - len(parameters), 1)
    clustered = inverse @ (scores.T @ scores) @ inverse * factor
    errors = np.sqrt(np.maximum(np.diag(inverse) * inflation, np.diag(clustered)).clip(0))
    parameters, errors = _marginal(problem, parameters, errors, inflation)
    response = problem.response(parameters)
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
        response, sigma, problem.peak_um_s(parameters), problem.jitter_s, math.sqrt(inflation)
    )


def _marginal(
    problem: Problem, parameters: Floats, errors: Floats, inflation: float
) -> tuple[Floats, Floats]:
    """Return means and standard errors over accelerations that explain the images as well.

    Delay and acceleration make up for each other, and not linearly.
    """
    solutions = [parameters]
    for way in (1, -1):
        tried, step = parameters, max(float(errors[1]), _LEAST_STEP)
        for _ in range(_TRIED):
            tried = problem.with_acceleration(tried, float(tried[1]) + way * step)
            solutions.append(tried)
            step *= 2
    solutions.sort(key=lambda each: float(each[1]))
    costs = np.array([problem.cost(each) for each in solutions])
    spacing = np.gradient([float(each[1]) for each in solutions])
    weights = np.maximum(spacing, 1e-9) * np.exp(-(costs - costs.min()) / inflation)
    weights /= weights.sum()
    mean = weights @ np.array(solutions)
    spread = weights @ (np.array(solutions) - mean) ** 2
    conditional = errors.copy()
    if spread[1] > 0:
        conditional[0] = min(errors[0], _delay_error(problem, parameters, inflation))
    errors = np.sqrt(np.maximum(spread + conditional**2, errors**2))
    return mean, errors


def _delay_error(problem: Problem, parameters: Floats, inflation: float) -> float:
    """Standard error of the delay if all else is known."""
    return math.sqrt(inflation / max(float((problem.jacobian(parameters)[:, 0] ** 2).sum()), 1e-9))

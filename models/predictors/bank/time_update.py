"""The time update of a bank of filters, compiled: states are mixed and predicted."""

from typing import NamedTuple

import numpy as np

from ...arrays import Floats, Indices
from ...compiling import compiled
from .matrices import ModeParameters, matrices
from .states import FilterStates


class Layout(NamedTuple):
    """How M modes make hypotheses: those of one mode first, then S hypotheses of K modes each.

    The first modes of the S come first, then their second ones, and so on.

    Attributes
    ----------
    owners : (M,) intp
        Hypothesis of each mode.
    rates : (K, S)
        How often a mode is left, per frame interval.
    single : int
        Number of hypotheses of one mode.
    resting : int
        How many of the K modes, the first ones, have no velocity.
    """

    owners: Indices
    rates: Floats
    single: int
    resting: int


@compiled
def advance(
    layout: Layout,
    modes: ModeParameters,
    states: FilterStates,
    rows: Indices,
    step_s: float,
    interval_s: float,
) -> None:
    """Predict the states of objects in rows (K,) a step ahead; modes may switch at its start.

    Of an interacting multiple model (Blom and Bar-Shalom, IEEE Trans. Automatic Control 33:780,
    1988): interaction, then the Kalman prediction of each mode.
    """
    f, q = matrices(modes, step_s, interval_s)
    leaving = -np.expm1(-step_s / interval_s * layout.rates)
    half, moved = np.empty(f.shape), np.empty(states.means.shape[1:])
    kinds = len(layout.rates)
    offsets, shares = np.empty((*states.means.shape[1:3], kinds)), np.empty((3, kinds))
    for n in rows:
        _switch(layout, leaving, states, n, offsets, shares)
        _move(f, q, states, n, half, moved)


@compiled
def predict(
    layout: Layout,
    modes: ModeParameters,
    states: FilterStates,
    rows: Indices,
    step_s: float,
    interval_s: float,
) -> tuple[Floats, Floats]:
    """Means (K, A) and covariances (K, A, A) of the positions a step ahead; changes no state."""
    axes = states.means.shape[2]
    means, covs = np.empty((len(rows), axes)), np.empty((len(rows), axes, axes))
    if step_s > 0:
        states, rows = _copied(states, rows), np.arange(len(rows))
        advance(layout, modes, states, rows, step_s, interval_s)
    for k, n in enumerate(rows):
        variance = _position(layout, states, n, means[k])
        for a in range(axes):
            for b in range(axes):
                covs[k, a, b] = variance * states.shapes[n, a, b]
    return means, covs


@compiled
def _copied(states: FilterStates, rows: Indices) -> FilterStates:
    return FilterStates(
        states.covs[rows],
        states.means[rows],
        states.mode_probabilities[rows],
        states.weights[rows],
        states.square_sums[rows],
        states.speeds2[rows],
        states.shapes[rows],
        states.counts[rows],
        states.units_um2[rows],
    )


@compiled
def _move(f: Floats, q: Floats, states: FilterStates, n: int, half: Floats, moved: Floats) -> None:
    """Predict every mode: means become F x, covariances F P F' + Q.

    ``half``, (D, D, M), and ``moved``, (D, A, M), are scratch space.
    """
    cov, mean = states.covs[n], states.means[n]
    size, axes, count = mean.shape
    for i in range(size):
        for j in range(size):
            _multiply(half[i, j], f[i, 0], cov[0, j])
            for k in range(1, size):
                _add_product(half[i, j], f[i, k], cov[k, j])
        for a in range(axes):
            _multiply(moved[i, a], f[i, 0], mean[0, a])
            for k in range(1, size):
                _add_product(moved[i, a], f[i, k], mean[k, a])
    for i in range(size):
        for j in range(size):
            for m in range(count):
                cov[i, j, m] = q[i, j, m] * states.units_um2[n]
            for k in range(size):
                _add_product(cov[i, j], half[i, k], f[j, k])
        for a in range(axes):
            for m in range(count):
                mean[i, a, m] = moved[i, a, m]


@compiled
def _multiply(to: Floats, one: Floats, other: Floats) -> None:
    for m in range(len(to)):
        to[m] = one[m] * other[m]


@compiled
def _add_product(to: Floats, one: Floats, other: Floats) -> None:
    for m in range(len(to)):
        to[m] += one[m] * other[m]


@compiled
def _switch(
    layout: Layout, leaving: Floats, states: FilterStates, n: int, offsets: Floats, shares: Floats
) -> None:
    """Let modes of each hypothesis switch with probabilities ``leaving``, (K, S), and mix them.

    A mode that is left is followed by any of the K, itself included, with the same probability.
    So the mixing of the interacting multiple model makes of each a mixture of what it was and of
    one pool of all that was left. ``offsets``, (D, A, K), and ``shares``, (3, K), are scratch
    space.
    """
    kinds, switching = leaving.shape
    left, new, spread = shares[0], shares[1], shares[2]
    for s in range(switching):
        first = layout.single + s
        probabilities = states.mode_probabilities[n, first::switching]
        total = 0.0
        for k in range(kinds):
            left[k] = probabilities[k] * leaving[k, s]
            total += left[k]
        for k in range(kinds):
            probabilities[k] += total / kinds - left[k]
            new[k] = total / kinds / probabilities[k]
            left[k] /= total
        speed2, scale = states.speeds2[n, s], states.square_sums[n, first] / states.counts[n]
        covs = states.covs[n, :, :, first::switching]
        means = states.means[n, :, :, first::switching]
        _mix(covs, means, left, new, layout.resting, speed2, scale, offsets, spread)


@compiled
def _mix(
    covs: Floats,
    means: Floats,
    left: Floats,
    new: Floats,
    resting: int,
    speed2: float,
    scale: float,
    offsets: Floats,
    spread: Floats,
) -> None:
    """Mix covariances (D, D, K) and means (D, A, K) with a pool, by shares ``new``, (K,), of it.

    The pool is the mixture of all modes by shares ``left``, (K,). Resting modes have no velocity
    and take none, but what they pass on has one, of mean square ``speed2``. The spread of the
    means is averaged over the axes, as all have the same covariance. ``offsets``, (D, A, K), and
    ``spread``, (K,), are scratch space.
    """
    size, axes, kinds = means.shape
    for i in range(size):
        for a in range(axes):
            mean = 0.0
            for k in range(kinds):
                mean += left[k] * means[i, a, k]
            for k in range(kinds):
                offsets[i, a, k] = mean - means[i, a, k]
    for i in range(size):
        for j in range(size):
            pooled = 0.0
            for k in range(kinds):
                if i == j == 1 and k < resting:
                    pooled += left[k] * speed2
                spread[k] = 0.0
                for a in range(axes):
                    spread[k] += offsets[i, a, k] * offsets[j, a, k] / (axes * scale)
                pooled += left[k] * (covs[i, j, k] + spread[k])
            for k in range(resting if i > 0 or j > 0 else 0, kinds):
                covs[i, j, k] += new[k] * (pooled - covs[i, j, k] + (1 - new[k]) * spread[k])
    for i in range(size):
        for k in range(resting if i > 0 else 0, kinds):
            for a in range(axes):
                means[i, a, k] += new[k] * offsets[i, a, k]


@compiled
def _position(layout: Layout, states: FilterStates, n: int, mean_um: Floats) -> float:
    """Write the mean position, (A,), of an object; return its variance along an axis."""
    weights, probabilities = states.weights[n], states.mode_probabilities[n]
    places, axes = states.means[n, 0], len(mean_um)
    for a in range(axes):
        mean_um[a] = places[a, 0]
        for m, h in enumerate(layout.owners):
            mean_um[a] += weights[h] * probabilities[m] * (places[a, m] - places[a, 0])
    variance = 0.0
    for m, h in enumerate(layout.owners):
        apart2 = 0.0
        for a in range(axes):
            apart2 += (places[a, m] - mean_um[a]) ** 2
        scale = states.square_sums[n, h] / states.counts[n]
        own = scale * states.covs[n, 0, 0, m]
        variance += weights[h] * probabilities[m] * (own + apart2 / axes)
    return variance

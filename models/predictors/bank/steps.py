"""What a step of time does to what a bank of filters believes, compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...arrays import Floats
from ...compiling import compiled
from .beliefs import Beliefs
from .laws import Laws, over
from .modes import Slots


class Rules(NamedTuple):
    """How modes make hypotheses: those with one mode first, then S that have K modes each.

    The first modes of the S come first, then their second ones, and so on.

    Attributes
    ----------
    owners : (M,) intp
        Hypothesis of each mode.
    rates : (K, S)
        How often a mode is left, per frame interval.
    single : int
        How many hypotheses have one mode.
    resting : int
        How many of the K modes are at rest, the first ones.
    """

    owners: Slots
    rates: Floats
    single: int
    resting: int


@compiled
def advance(
    rules: Rules, laws: Laws, beliefs: Beliefs, seats: Slots, step_s: float, interval_s: float
) -> None:
    """Take objects at seats (K,) a step on; modes change, if they do, at its start."""
    f, q = over(laws, step_s, interval_s)
    leaving = -np.expm1(-step_s / interval_s * rules.rates)
    half, moved = np.empty(f.shape), np.empty(beliefs.means.shape[1:])
    kinds = len(rules.rates)
    away, shares = np.empty((*beliefs.means.shape[1:3], kinds)), np.empty((3, kinds))
    for n in seats:
        _mix(rules, leaving, beliefs, n, away, shares)
        _move(f, q, beliefs, n, half, moved)


@compiled
def expect(
    rules: Rules, laws: Laws, beliefs: Beliefs, seats: Slots, step_s: float, interval_s: float
) -> tuple[Floats, Floats]:
    """Means (K, A) and covariances (K, A, A) of positions a step later."""
    axes = beliefs.means.shape[2]
    means, covs = np.empty((len(seats), axes)), np.empty((len(seats), axes, axes))
    if step_s > 0:
        beliefs, seats = _copied(beliefs, seats), np.arange(len(seats))
        advance(rules, laws, beliefs, seats, step_s, interval_s)
    for k, n in enumerate(seats):
        variance = _position(rules, beliefs, n, means[k])
        for a in range(axes):
            for b in range(axes):
                covs[k, a, b] = variance * beliefs.shapes[n, a, b]
    return means, covs


@compiled
def _copied(beliefs: Beliefs, seats: Slots) -> Beliefs:
    """Copy what is believed of some objects."""
    return Beliefs(
        beliefs.covs[seats],
        beliefs.means[seats],
        beliefs.modes[seats],
        beliefs.weights[seats],
        beliefs.misfits[seats],
        beliefs.speeds2[seats],
        beliefs.shapes[seats],
        beliefs.seen[seats],
        beliefs.units_um2[seats],
    )


@compiled
def _move(f: Floats, q: Floats, beliefs: Beliefs, n: int, half: Floats, moved: Floats) -> None:
    """Multiply means by F, covariances by F from both sides, and add Q.

    ``half``, (D, D, M), and ``moved``, (D, A, M), are to write to.
    """
    cov, mean = beliefs.covs[n], beliefs.means[n]
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
                cov[i, j, m] = q[i, j, m] * beliefs.units_um2[n]
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
def _mix(
    rules: Rules, leaving: Floats, beliefs: Beliefs, n: int, away: Floats, shares: Floats
) -> None:
    """Let modes of one hypothesis change into each other, some share (K, S) of each.

    A mode that is left is followed by any, itself included, with the same probability. So
    each becomes a mixture of what it was and of a pool of all that its hypothesis left.
    ``away``, (D, A, K), and ``shares``, (3, K), are to write to.
    """
    kinds, switchers = leaving.shape
    left, new, spread = shares[0], shares[1], shares[2]
    for s in range(switchers):
        first = rules.single + s
        modes = beliefs.modes[n, first::switchers]
        total = 0.0
        for k in range(kinds):
            left[k] = modes[k] * leaving[k, s]
            total += left[k]
        for k in range(kinds):
            modes[k] += total / kinds - left[k]
            new[k] = total / kinds / modes[k]
            left[k] /= total
        speed2, scale = beliefs.speeds2[n, s], beliefs.misfits[n, first] / beliefs.seen[n]
        covs = beliefs.covs[n, :, :, first::switchers]
        means = beliefs.means[n, :, :, first::switchers]
        _pool(covs, means, left, new, rules.resting, speed2, scale, away, spread)


@compiled
def _pool(
    covs: Floats,
    means: Floats,
    left: Floats,
    new: Floats,
    resting: int,
    speed2: float,
    scale: float,
    away: Floats,
    spread: Floats,
) -> None:
    """Replace shares (K,) of covariances (D, D, K) and means (D, A, K) by a pool of others.

    Those at rest have no velocity, but what they pass on has one. ``away``, (D, A, K), and
    ``spread``, (K,), are to write to.
    """
    size, axes, kinds = means.shape
    for i in range(size):
        for a in range(axes):
            mean = 0.0
            for k in range(kinds):
                mean += left[k] * means[i, a, k]
            for k in range(kinds):
                away[i, a, k] = mean - means[i, a, k]
    for i in range(size):
        for j in range(size):
            pooled = 0.0
            for k in range(kinds):
                if i == j == 1 and k < resting:
                    pooled += left[k] * speed2
                spread[k] = 0.0
                for a in range(axes):
                    spread[k] += away[i, a, k] * away[j, a, k] / (axes * scale)
                pooled += left[k] * (covs[i, j, k] + spread[k])
            for k in range(resting if i > 0 or j > 0 else 0, kinds):
                covs[i, j, k] += new[k] * (pooled - covs[i, j, k] + (1 - new[k]) * spread[k])
    for i in range(size):
        for k in range(resting if i > 0 else 0, kinds):
            for a in range(axes):
                means[i, a, k] += new[k] * away[i, a, k]


@compiled
def _position(rules: Rules, beliefs: Beliefs, n: int, mean_um: Floats) -> float:
    """Write the mean position, (A,), of an object; return its variance along an axis."""
    weights, modes, places = beliefs.weights[n], beliefs.modes[n], beliefs.means[n, 0]
    axes = len(mean_um)
    for a in range(axes):
        mean_um[a] = places[a, 0]
        for m, h in enumerate(rules.owners):
            mean_um[a] += weights[h] * modes[m] * (places[a, m] - places[a, 0])
    variance = 0.0
    for m, h in enumerate(rules.owners):
        apart2 = 0.0
        for a in range(axes):
            apart2 += (places[a, m] - mean_um[a]) ** 2
        scale = beliefs.misfits[n, h] / beliefs.seen[n]
        own = scale * beliefs.covs[n, 0, 0, m]
        variance += weights[h] * modes[m] * (own + apart2 / axes)
    return variance

"""What measurements do to what a bank of filters believes, compiled."""

from __future__ import annotations

import math

import numpy as np

from ...arrays import Floats
from ...compiling import compiled
from .beliefs import Beliefs
from .modes import Slots
from .steps import Rules

MEMORY = 100.0
"""Measurements after which the fit of a hypothesis to its own spread is forgotten."""
FORGETTING = 0.97
"""Power to which the weights of the hypotheses are raised at each measurement."""
_OUTLIER = 30.0
"""Squared misfit beyond which a measurement says no more about the spread."""
_LEAST_LOG = -600.0
_LEAST_WEIGHT = 1e-100
_ROUND = 0.05
"""Share of the spread that has no direction, whatever the misses say."""


@compiled
def update(
    rules: Rules,
    beliefs: Beliefs,
    seats: Slots,
    positions_um: Floats,
    variances_um2: Floats,
    usual: Floats,
) -> Floats:
    """Take in measurements at (K, A) of objects at seats; return their mean weights, (H,)."""
    prior, mean = np.empty(len(usual)), np.zeros(len(usual))
    for h in range(len(usual)):
        prior[h] = usual[h] ** (1 - FORGETTING)
    for k, n in enumerate(seats):
        _update(rules, beliefs, n, positions_um[k], variances_um2[k], prior)
        for h in range(len(usual)):
            mean[h] += beliefs.weights[n, h] / len(seats)
    return mean


@compiled
def _update(
    rules: Rules, beliefs: Beliefs, n: int, position_um: Floats, variance_um2: float, prior: Floats
) -> None:
    """Take in a measurement of one object; ``prior`` is what is usual of the hypotheses."""
    cov, mean = beliefs.covs[n], beliefs.means[n]
    size, axes, count = mean.shape
    _shape(rules, beliefs, n, position_um, variance_um2)
    squares, expected = np.zeros(count), np.empty(count)
    for m in range(count):
        expected[m] = cov[0, 0, m] + variance_um2
    for a in range(axes):
        for m in range(count):
            miss = mean[0, a, m] - position_um[a]
            squares[m] += miss * miss / expected[m]
            for i in range(1, size):
                mean[i, a, m] -= cov[0, i, m] / expected[m] * miss
            mean[0, a, m] = position_um[a] + variance_um2 / expected[m] * miss
    _narrow(cov, expected, variance_um2)
    _weigh(rules, beliefs, n, squares, expected, axes, prior)
    for s in range(rules.rates.shape[1]):
        _note_speed(rules, beliefs, n, s)


@compiled
def _narrow(cov: Floats, expected: Floats, variance_um2: float) -> None:
    """Take a measurement into covariances (D, D, M).

    The share of the position that is left is a product, which keeps digits that a difference
    would lose.
    """
    size, _, count = cov.shape
    for i in range(1, size):
        for j in range(1, size):
            for m in range(count):
                cov[i, j, m] -= cov[0, i, m] / expected[m] * cov[0, j, m]
    for i in range(size):
        for m in range(count):
            cov[0, i, m] *= variance_um2 / expected[m]
            cov[i, 0, m] = cov[0, i, m]
    for i in range(1, size):
        for m in range(count):
            floor = cov[0, i, m] * cov[0, i, m] / cov[0, 0, m]
            cov[i, i, m] = max(cov[i, i, m], floor)


@compiled
def _shape(
    rules: Rules, beliefs: Beliefs, n: int, position_um: Floats, variance_um2: float
) -> None:
    """Learn along which direction an object strays from where it was expected."""
    axes = len(position_um)
    miss, length2 = np.zeros(axes), 0.0
    for m, h in enumerate(rules.owners):
        share = beliefs.weights[n, h] * beliefs.modes[n, m]
        for a in range(axes):
            miss[a] += share * (beliefs.means[n, 0, a, m] - position_um[a])
    for a in range(axes):
        length2 += miss[a] * miss[a]
    shape = beliefs.shapes[n]
    for a in range(axes):
        for b in range(axes):
            usual = (1 - _ROUND) * axes * miss[a] * miss[b] - length2 * shape[a, b]
            if a == b:
                usual += length2 * _ROUND
            shape[a, b] += usual / (MEMORY * (length2 + variance_um2))


@compiled
def _weigh(
    rules: Rules,
    beliefs: Beliefs,
    n: int,
    squares: Floats,
    expected: Floats,
    axes: int,
    prior: Floats,
) -> None:
    """Judge the modes and hypotheses by squared misfits, (M,), and learn the spread of each."""
    weights, modes, misfits = beliefs.weights[n], beliefs.modes[n], beliefs.misfits[n]
    seen, owners = beliefs.seen[n], rules.owners
    logs, least = np.empty(len(squares)), np.inf
    for m, h in enumerate(owners):
        logs[m] = (seen + axes) * math.log(1 + squares[m] / misfits[h])
        logs[m] += axes * math.log(expected[m] * misfits[h])
        least = min(least, logs[m])
    evidence, told = np.zeros(len(weights)), np.zeros(len(weights))
    for m, h in enumerate(owners):
        modes[m] *= math.exp(max(0.5 * (least - logs[m]), _LEAST_LOG))
        evidence[h] += modes[m]
    for m, h in enumerate(owners):
        modes[m] /= evidence[h]
        told[h] += modes[m] * min(squares[m], misfits[h] * _OUTLIER / seen)
    total = 0.0
    for h in range(len(weights)):
        evidence[h] *= weights[h] ** FORGETTING * prior[h]
        total += evidence[h]
    for h in range(len(weights)):
        weights[h] = max(evidence[h] / total, _LEAST_WEIGHT)
        misfits[h] = (1 - 1 / MEMORY) * misfits[h] + told[h]
    beliefs.seen[n] = (1 - 1 / MEMORY) * seen + axes


@compiled
def _note_speed(rules: Rules, beliefs: Beliefs, n: int, s: int) -> None:
    """Learn how fast an object is by a hypothesis that switches."""
    kinds, switchers = rules.rates.shape
    first = rules.single + s
    speed2 = 0.0
    for m in range(first, first + kinds * switchers, switchers):
        for speed in beliefs.means[n, 1, :, m]:
            speed2 += beliefs.modes[n, m] * speed * speed
    scale = beliefs.misfits[n, first] / beliefs.seen[n]
    speed2 /= beliefs.means.shape[2] * scale
    beliefs.speeds2[n, s] += (speed2 - beliefs.speeds2[n, s]) / MEMORY

"""The measurement update of a bank of filters, compiled: states, noise scales, weights."""

import math

import numpy as np

from ...arrays import Floats, Indices
from ...compiling import compiled
from .states import FilterStates
from .time_update import Layout

MEMORY = 100.0
"""Measurements over which noise scales, speeds and shapes are averaged. Chosen: a scale from that
many is known to a tenth, and motion is rarely the same for longer."""
FORGETTING = 0.97
"""Power to which the weights of the hypotheses are raised at each measurement: Raftery's
forgetting factor. Chosen: evidence counts for about 33 measurements."""
_LARGEST_SQUARE = 30.0
"""Normalised innovation squared beyond which a measurement tells no more of the noise scale.
Chosen: far above the 99.9 % quantile of chi² in the plane, 13.8; an outlier counts once."""
_LEAST_LOG = -600.0
"""Least logarithm of a relative likelihood: its exponential, 1e-261, is an ordinary double."""
_LEAST_WEIGHT = 1e-100
"""Least weight of a hypothesis. Chosen: as good as 0, but products of it stay above 0."""
_ROUND = 0.05
"""Share of the covariance without direction. Chosen: an ellipse at most some 6 times as long as
wide, whatever the innovations were."""


@compiled
def update(
    layout: Layout,
    states: FilterStates,
    rows: Indices,
    positions_um: Floats,
    variances_um2: Floats,
    common_weights: Floats,
) -> Floats:
    """Take in measurements at (K, A) of objects in rows; return their mean weights, (H,)."""
    prior, mean = np.empty(len(common_weights)), np.zeros(len(common_weights))
    for h in range(len(common_weights)):
        prior[h] = common_weights[h] ** (1 - FORGETTING)
    for k, n in enumerate(rows):
        _update(layout, states, n, positions_um[k], variances_um2[k], prior)
        for h in range(len(common_weights)):
            mean[h] += states.weights[n, h] / len(rows)
    return mean


@compiled
def _update(
    layout: Layout,
    states: FilterStates,
    n: int,
    position_um: Floats,
    variance_um2: float,
    prior: Floats,
) -> None:
    """Take in a measurement of one object by the Kalman filter of each mode."""
    cov, mean = states.covs[n], states.means[n]
    size, axes, count = mean.shape
    _learn_shape(layout, states, n, position_um, variance_um2)
    squares, innovation_variances = np.zeros(count), np.empty(count)
    for m in range(count):
        if cov[0, 0, m] <= 0:  # rounding, after steps of years
            cov[0, 0, m] = variance_um2
        innovation_variances[m] = cov[0, 0, m] + variance_um2
    for a in range(axes):
        for m in range(count):
            away_um = mean[0, a, m] - position_um[a]
            squares[m] += away_um * away_um / innovation_variances[m]
            for i in range(1, size):
                mean[i, a, m] -= cov[0, i, m] / innovation_variances[m] * away_um
            mean[0, a, m] = position_um[a] + variance_um2 / innovation_variances[m] * away_um
    _reduce(cov, innovation_variances, variance_um2)
    _weigh(layout, states, n, squares, innovation_variances, axes, prior)
    for s in range(layout.rates.shape[1]):
        _learn_speed(layout, states, n, s)


@compiled
def _reduce(cov: Floats, innovation_variances: Floats, variance_um2: float) -> None:
    """Reduce covariances (D, D, M) by a measurement.

    What is left of the position's is a product, which keeps digits that a difference would lose.
    """
    size, _, count = cov.shape
    for i in range(1, size):
        for j in range(1, size):
            for m in range(count):
                cov[i, j, m] -= cov[0, i, m] / innovation_variances[m] * cov[0, j, m]
    for i in range(size):
        for m in range(count):
            cov[0, i, m] *= variance_um2 / innovation_variances[m]
            cov[i, 0, m] = cov[0, i, m]
    for i in range(1, size):
        for m in range(count):
            floor = cov[0, i, m] * cov[0, i, m] / cov[0, 0, m]
            cov[i, i, m] = max(cov[i, i, m], floor)


@compiled
def _learn_shape(
    layout: Layout, states: FilterStates, n: int, position_um: Floats, variance_um2: float
) -> None:
    """Learn along which direction the innovations of an object lie."""
    axes = len(position_um)
    away_um, length2 = np.zeros(axes), 0.0
    for m, h in enumerate(layout.owners):
        share = states.weights[n, h] * states.mode_probabilities[n, m]
        for a in range(axes):
            away_um[a] += share * (states.means[n, 0, a, m] - position_um[a])
    for a in range(axes):
        length2 += away_um[a] * away_um[a]
    shape = states.shapes[n]
    for a in range(axes):
        for b in range(axes):
            change = (1 - _ROUND) * axes * away_um[a] * away_um[b] - length2 * shape[a, b]
            if a == b:
                change += length2 * _ROUND
            shape[a, b] += change / (MEMORY * (length2 + variance_um2))


@compiled
def _weigh(
    layout: Layout,
    states: FilterStates,
    n: int,
    squares: Floats,
    innovation_variances: Floats,
    axes: int,
    prior: Floats,
) -> None:
    """Weigh modes and hypotheses by normalised innovations squared, (M,); learn noise scales.

    With a noise scale of inverse gamma distribution, the likelihood of a measurement is a Student's
    t with ``counts`` degrees of freedom (West and Harrison 1997, section 4.5).
    """
    weights, probabilities = states.weights[n], states.mode_probabilities[n]
    square_sums, counted, owners = states.square_sums[n], states.counts[n], layout.owners
    logs, least = np.empty(len(squares)), np.inf
    for m, h in enumerate(owners):
        logs[m] = (counted + axes) * math.log(1 + squares[m] / square_sums[h])
        logs[m] += axes * math.log(innovation_variances[m] * square_sums[h])
        least = min(least, logs[m])
    evidence, added = np.zeros(len(weights)), np.zeros(len(weights))
    for m, h in enumerate(owners):
        probabilities[m] *= math.exp(max(0.5 * (least - logs[m]), _LEAST_LOG))
        evidence[h] += probabilities[m]
    for m, h in enumerate(owners):
        probabilities[m] /= evidence[h]
        largest = square_sums[h] * _LARGEST_SQUARE / counted
        added[h] += probabilities[m] * min(squares[m], largest)
    total = 0.0
    for h in range(len(weights)):
        evidence[h] *= weights[h] ** FORGETTING * prior[h]
        total += evidence[h]
    for h in range(len(weights)):
        weights[h] = max(evidence[h] / total, _LEAST_WEIGHT)
        square_sums[h] = (1 - 1 / MEMORY) * square_sums[h] + added[h]
    states.counts[n] = (1 - 1 / MEMORY) * counted + axes


@compiled
def _learn_speed(layout: Layout, states: FilterStates, n: int, s: int) -> None:
    """Learn how fast an object is by a hypothesis that switches modes."""
    kinds, switching = layout.rates.shape
    first = layout.single + s
    speed2 = 0.0
    for m in range(first, first + kinds * switching, switching):
        for speed in states.means[n, 1, :, m]:
            speed2 += states.mode_probabilities[n, m] * speed * speed
    scale = states.square_sums[n, first] / states.counts[n]
    speed2 /= states.means.shape[2] * scale
    states.speeds2[n, s] += (speed2 - states.speeds2[n, s]) / MEMORY

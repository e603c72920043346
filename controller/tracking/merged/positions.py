"""What the measurements of objects that overlap still say of the position of each."""

import numpy as np

from ....models.arrays import Bools, Floats, Indices
from ..assignment import cheapest_of_each
from ..field_geometry import Measurements
from .measurements import CENTRE_ERROR, MOST_DISTANCE, Assigned, ClosePairs

_FREE, _TOUCHING = 1.6, 1.2
"""Distances, in sizes, from which two measurements do not disturb each other, and up to which they
do fully. Chosen: two Gaussians whose diameter is the size are just resolved at the latter."""
_LEAST_LIGHT_PRODUCT = 0.1
"""Least product of two shares of light: a fainter object (one in nine) does not widen a box by more
than the box's error, and it says nothing of a distance."""
_COVARIANCE_INFLATION = 6.0
"""Factor on the variance of a position from a merged measurement. Each of two is placed by where
the other is predicted, which rests on earlier merged measurements: their errors add up. Chosen."""


def resolve(
    close: ClosePairs, assigned: Assigned, rows: Indices, measurements: Measurements
) -> tuple[Floats, Floats, Bools]:
    """Say where the measurements put the tracks, rows (K,), that have them.

    Returns positions (K, 2), their variances along one axis (K,), and whether no other object
    disturbs them (K,).

    A merged measurement shows the centre of the light of two objects. It is a measurement of both
    positions, each weighed by its share of the light (Koch and van Keuk, IEEE Trans. Aerospace and
    Electronic Systems 33:883, 1997). Its second moments are those of one object and of the two
    centres together, so that its extent also tells how far these are apart, but for the sign.

    The errors of two measurements side by side are, of the first, c + v e, of the second, c - u e,
    where u and v are their shares of the light: the light that one takes the other lacks. What
    the second misses by tells of e, and so of the error of the first.
    """
    columns = assigned.columns[rows]
    positions_um = measurements.positions_um[columns]
    variances, undisturbed = close.table.noises_um2[rows].copy(), np.ones(len(rows), np.bool_)
    if not len(close):
        return positions_um, variances, undisturbed
    pairs, merged = _disturbed(close, assigned, measurements)
    if not len(pairs):
        return positions_um, variances, undisturbed
    first, second = close.first[pairs], close.second[pairs]
    noises_um2 = close.table.noises_um2[first]
    light, sizes2 = close.light_shares[pairs], close.sizes_um[pairs] ** 2
    own, others = assigned.columns[first], assigned.columns[second]
    gaps_um, errors_um2 = _gaps(close, pairs, measurements, own)
    own_um = measurements.positions_um[own] - (merged * (1 - light))[:, None] * gaps_um
    others_um = measurements.positions_um[others] + (merged * light)[:, None] * gaps_um
    biases = _biases(close, pairs, measurements, own, others)
    between = np.where(merged, errors_um2, biases**2 * sizes2)
    common = np.where(merged, CENTRE_ERROR, biases / 2) ** 2 * sizes2
    both = common + merged * noises_um2 - light * (1 - light) * between
    expected = common + noises_um2 + light**2 * between
    gains = both / (expected + close.table.variances_um2[second])
    left = common + noises_um2 + (1 - light) ** 2 * between - gains * both
    k = np.searchsorted(rows, first)
    positions_um[k] = own_um - gains[:, None] * (others_um - close.table.means_um[second])
    variances[k] = np.where(merged, _COVARIANCE_INFLATION, 1.0) * left
    undisturbed[k] = False
    return positions_um, variances, undisturbed


def _disturbed(
    close: ClosePairs, assigned: Assigned, measurements: Measurements
) -> tuple[Indices, Bools]:
    """Pairs whose first is disturbed most by the second, and whether they are merged."""
    own, others = assigned.columns[close.first], assigned.columns[close.second]
    pairs = np.flatnonzero((own >= 0) & (others >= 0))
    own, others = own[pairs], others[pairs]
    gaps_um = measurements.positions_um[others] - measurements.positions_um[own]
    near = np.hypot(*gaps_um.T) < _FREE * close.sizes_um[pairs]
    merged = (own == others)[near]
    pairs = pairs[near]
    nearest = cheapest_of_each(close.first[pairs], np.where(merged, 0.0, close.distances[pairs]))
    return pairs[nearest], merged[nearest]


def _biases(
    close: ClosePairs, pairs: Indices, measurements: Measurements, own: Indices, others: Indices
) -> Floats:
    """By how much, in sizes, two measurements side by side disturb each other."""
    sizes_um, extents_um = close.sizes_um[pairs], measurements.extents_um
    gaps_um = measurements.positions_um[others] - measurements.positions_um[own]
    distances = np.hypot(*gaps_um.T) / sizes_um
    depths = np.clip((_FREE - distances) / (_FREE - _TOUCHING), 0.0, 1.0)
    widest_um = np.maximum(extents_um[own], extents_um[others]).max(axis=1)
    return depths * (measurements.convention.bias + np.maximum(widest_um / sizes_um - 1, 0.0))


def _gaps(
    close: ClosePairs, pairs: Indices, measurements: Measurements, columns: Indices
) -> tuple[Floats, Floats]:
    """Gaps (K, 2) from the first to the second in merged measurements, their variances on an axis.

    The extents tell their lengths along both axes; the two signs that are possible are weighed
    by the predicted gap.
    """
    convention, extents_um = measurements.convention, measurements.extents_um[columns]
    light, sizes_um = close.light_shares[pairs], close.sizes_um[pairs]
    products = np.maximum(light * (1 - light), _LEAST_LIGHT_PRODUCT)
    longer_um2 = np.maximum(extents_um**2 - sizes_um[:, None] ** 2, 0.0)
    lengths_um = np.sqrt(longer_um2 / (convention.per_variance * products[:, None]))
    lengths_um = np.minimum(lengths_um, MOST_DISTANCE * sizes_um[:, None])
    error_um2, variances = (convention.gap_error * sizes_um) ** 2, close.table.variances_um2
    spreads_um2 = variances[close.first[pairs]] + variances[close.second[pairs]] + error_um2
    signs = np.tanh(close.gaps_um[pairs] * lengths_um / spreads_um2[:, None])
    unsure_um2 = (lengths_um**2 * (1 - signs**2)).mean(axis=1)
    return lengths_um * signs, error_um2 + unsure_um2

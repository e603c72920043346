"""What the measurements of objects that overlap still say of each of them."""

from __future__ import annotations

import numpy as np

from ...models.arrays import Bools, Floats, Indices
from .measurements import Measurements
from .merged import CENTRE, WIDEST, Overlaps, Shares, first_of_each

_APART, _TOUCHING = 1.6, 1.2
"""Distances, in sizes, from which two measurements do not, and up to which they fully, disturb
each other."""
_BIAS = 0.05
"""By how much, in sizes, they then do, as long as they look no larger than usual."""
_LENGTH = 0.3
"""Error of the distance that its extent tells, in sizes."""
_LEAST_SHARES = 0.1
"""Product of the shares of light below which the fainter does not widen a measurement."""
_DOUBT = 6.0
"""Factor on the variance of what is told by measurements of both. Each is told where the other is
believed to be, which rests on what was told before."""


def told(
    overlaps: Overlaps, shares: Shares, rows: Indices, measurements: Measurements
) -> tuple[Floats, Floats, Bools]:
    """Say what measurements tell of the tracks that have them.

    Parameters
    ----------
    overlaps : Overlaps
    shares : Shares
    rows : (K,)
        Who has a measurement.
    measurements : Measurements

    Returns
    -------
    (K, 2), (K,), (K,)
        Positions, their variances along one axis, and whether no other disturbs them.

    Notes
    -----
    A measurement of two shows the centre of their light. It is a measurement of both places, each
    weighed by its share of the light (Koch and van Keuk, IEEE Trans. Aerospace and Electronic
    Systems 33:883, 1997). Its second moments are those of one object and of the two centres
    together, so that its extent also tells how far these are apart, but for the sign.

    The errors of two measurements side by side are, of the first, c + v e, of the second, c - u e,
    where u and v are their shares of the light: the light that one takes the other lacks. What
    the second misses by tells of e, and so of the error of the first.
    """
    columns = shares.columns[rows]
    positions_um = measurements.positions_um[columns]
    variances, alone = np.full(len(rows), overlaps.noise_um2), np.ones(len(rows), np.bool_)
    if not len(overlaps):
        return positions_um, variances, alone
    pairs, merged = _disturbed(overlaps, shares, measurements)
    if not len(pairs):
        return positions_um, variances, alone
    one, other = overlaps.one[pairs], overlaps.other[pairs]
    light, sizes2 = overlaps.lights[pairs], overlaps.sizes_um[pairs] ** 2
    own, others = shares.columns[one], shares.columns[other]
    ways_um, errors_um2 = _ways(overlaps, pairs, measurements.extents_um[own])
    first = measurements.positions_um[own] - (merged * (1 - light))[:, None] * ways_um
    second = measurements.positions_um[others] + (merged * light)[:, None] * ways_um
    biases = _biases(overlaps, pairs, measurements, own, others)
    between = np.where(merged, errors_um2, biases**2 * sizes2)
    common = np.where(merged, CENTRE, biases / 2) ** 2 * sizes2
    both = common + merged * overlaps.noise_um2 - light * (1 - light) * between
    expected = common + overlaps.noise_um2 + light**2 * between
    gains = both / (expected + overlaps.table.variances_um2[other])
    left = common + overlaps.noise_um2 + (1 - light) ** 2 * between - gains * both
    k = np.searchsorted(rows, one)
    positions_um[k] = first - gains[:, None] * (second - overlaps.table.means_um[other])
    variances[k], alone[k] = np.where(merged, _DOUBT, 1.0) * left, False
    return positions_um, variances, alone


def _disturbed(
    overlaps: Overlaps, shares: Shares, measurements: Measurements
) -> tuple[Indices, Bools]:
    """Pairs whose first is disturbed most by the second, and whether they are seen as one."""
    own, others = shares.columns[overlaps.one], shares.columns[overlaps.other]
    pairs = np.flatnonzero((own >= 0) & (others >= 0))
    own, others = own[pairs], others[pairs]
    gaps_um = measurements.positions_um[others] - measurements.positions_um[own]
    near = np.hypot(*gaps_um.T) < _APART * overlaps.sizes_um[pairs]
    pairs, apart = pairs[near], np.where(own == others, 0.0, overlaps.apart[pairs])[near]
    pairs = pairs[first_of_each(overlaps.one[pairs], apart)]
    return pairs, shares.columns[overlaps.one[pairs]] == shares.columns[overlaps.other[pairs]]


def _biases(
    overlaps: Overlaps, pairs: Indices, measurements: Measurements, own: Indices, others: Indices
) -> Floats:
    """By how much, in sizes, two measurements side by side disturb each other."""
    gaps_um = measurements.positions_um[others] - measurements.positions_um[own]
    apart = np.hypot(*gaps_um.T) / overlaps.sizes_um[pairs]
    depths = np.clip((_APART - apart) / (_APART - _TOUCHING), 0.0, 1.0)
    widest_um = np.maximum(measurements.extents_um[own], measurements.extents_um[others]).max(
        axis=1
    )
    return depths * (_BIAS + np.maximum(widest_um / overlaps.sizes_um[pairs] - 1, 0.0))


def _ways(overlaps: Overlaps, pairs: Indices, extents_um: Floats) -> tuple[Floats, Floats]:
    """Ways (K, 2) from the first to the second in measurements of both, variances on an axis.

    The extent of a Gaussian's box is that of a disc of as much variance: the square root of
    eight times this. The two signs that may be are weighed by what is believed of the gap.
    """
    light, sizes_um = overlaps.lights[pairs], overlaps.sizes_um[pairs]
    shares = np.maximum(light * (1 - light), _LEAST_SHARES)
    longer_um2 = np.maximum(extents_um**2 - sizes_um[:, None] ** 2, 0.0)
    lengths_um = np.sqrt(longer_um2 / (8 * shares[:, None]))
    lengths_um = np.minimum(lengths_um, WIDEST * sizes_um[:, None])
    error_um2, variances = (_LENGTH * sizes_um) ** 2, overlaps.table.variances_um2
    believed_um2 = variances[overlaps.one[pairs]] + variances[overlaps.other[pairs]] + error_um2
    signs = np.tanh(overlaps.gaps_um[pairs] * lengths_um / believed_um2[:, None])
    unsure_um2 = (lengths_um**2 * (1 - signs**2)).mean(axis=1)
    return lengths_um * signs, error_um2 + unsure_um2

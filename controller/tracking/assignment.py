"""Which measurement belongs to which track: pairs within reach, and the best matching of them."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from ...models.arrays import Bools, Floats, Indices

GATE = 13.8
"""Squared Mahalanobis distance in the plane that 99.9 % of true matches stay below: the quantile of
the chi² distribution with two degrees of freedom, -2 ln 0.001."""
MOST_SQUARE = 40.0
"""Squared Mahalanobis distance from which a measurement is no worse still: at 20 in negative log
likelihood, position alone has decided. Chosen: well above the gate."""


def nearby(centres_um: Floats, reaches_um: Floats, positions_um: Floats) -> tuple[Indices, Indices]:
    """Pairs of a centre and a position that is within its reach on either axis.

    Positions are sorted along x, so that only a strip of them is looked at for each centre.

    Returns rows (P,) of the centres, (T, 2) with reaches (T,), and of the positions, (S, 2).
    """
    order = np.argsort(positions_um[:, 0], kind="stable")
    along = positions_um[order, 0]
    first = np.searchsorted(along, centres_um[:, 0] - reaches_um, "left")
    last = np.searchsorted(along, centres_um[:, 0] + reaches_um, "right")
    counts = last - first
    centre = np.repeat(np.arange(len(centres_um)), counts)
    begins = np.repeat(first - np.cumsum(counts) + counts, counts)
    position = order[begins + np.arange(len(centre))]
    across = np.abs(positions_um[position, 1] - centres_um[centre, 1])
    near = across <= reaches_um[centre]
    return centre[near], position[near]


def without_rival(rows: Indices, columns: Indices) -> Bools:
    """Which pairs, (P,), share neither member with another."""
    return (np.bincount(rows)[rows] == 1) & (np.bincount(columns)[columns] == 1)


def cheapest_of_each(names: Indices, costs: Floats) -> Indices:
    """Indices of the least cost for each name, in the order of names."""
    order = np.argsort(costs, kind="stable")
    return order[np.unique(names[order], return_index=True)[1]]


def best_pairs(rows: Indices, columns: Indices, costs: Floats, unmatched: Floats) -> Indices:
    """Indices of pairs, each row and column in one at most, at the least sum of costs.

    Pairs without a rival are taken at once; the others make a sparse assignment problem, in
    which every row may also stay without a match, at a cost.

    Parameters
    ----------
    rows, columns : (P,) intp
        Members of the pairs; each pair at most once.
    costs : (P,)
        Any finite numbers.
    unmatched : (P,)
        What it costs to leave the row of each pair without a match; the same for all of a row.
    """
    alone = without_rival(rows, columns)
    rivals = np.flatnonzero(~alone)
    if not len(rivals):
        return np.flatnonzero(alone)
    row_names, r = np.unique(rows[rivals], return_inverse=True)
    column_names, c = np.unique(columns[rivals], return_inverse=True)
    height, width = len(row_names), len(column_names)
    each, alone_costs = np.arange(height), np.empty(height)
    alone_costs[r] = unmatched[rivals]
    places = np.concatenate([r, each]), np.concatenate([c, width + each])
    prices = np.concatenate([costs[rivals], alone_costs])
    prices += 1.0 - prices.min()
    table = coo_array((prices, places), shape=(height, width + height)).tocsr()
    taken = np.empty(height, np.intp)
    row, column = min_weight_full_bipartite_matching(table)
    taken[row] = column
    return np.concatenate([np.flatnonzero(alone), rivals[taken[r] == c]])

"""Which measurement belongs to which track: candidates within reach, the best matching of them."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from ...models.arrays import Bools, Floats, Indices

_NO_MATCH = 1e6


def nearby(centres_um: Floats, reaches_um: Floats, positions_um: Floats) -> tuple[Indices, Indices]:
    """Pairs of a centre and a position that is within its reach on either axis.

    Positions are sorted along x, so that only a strip of them is looked at for each centre.

    Parameters
    ----------
    centres_um : (T, 2)
    reaches_um : (T,)
    positions_um : (S, 2)

    Returns
    -------
    (P,), (P,) intp
        Rows of the centres and of the positions.
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


def unrivalled(rows: Indices, columns: Indices) -> Bools:
    """Which pairs, (P,), share neither member with another."""
    return (np.bincount(rows)[rows] == 1) & (np.bincount(columns)[columns] == 1)


def best_pairs(rows: Indices, columns: Indices, costs: Floats) -> Indices:
    """Choose pairs so that as many as can be are matched, at the least sum of costs.

    Pairs that have no rival are taken at once; the others make a sparse assignment problem, in
    which every row may also take a place of its own that costs more than anything else.

    Parameters
    ----------
    rows, columns : (P,) intp
        Members of the pairs; each pair at most once.
    costs : (P,)
        Any finite numbers much smaller than a million.

    Returns
    -------
    (K,) intp
        Indices of the chosen pairs.
    """
    alone = unrivalled(rows, columns)
    rivals = np.flatnonzero(~alone)
    if not len(rivals):
        return np.flatnonzero(alone)
    row_names, r = np.unique(rows[rivals], return_inverse=True)
    column_names, c = np.unique(columns[rivals], return_inverse=True)
    height, width = len(row_names), len(column_names)
    each, positive = np.arange(height), costs[rivals] - costs[rivals].min() + 1.0
    places = np.concatenate([r, each]), np.concatenate([c, width + each])
    prices = np.concatenate([positive, np.full(height, _NO_MATCH)])
    table = coo_array((prices, places), shape=(height, width + height)).tocsr()
    taken = np.empty(height, np.intp)
    row, column = min_weight_full_bipartite_matching(table)
    taken[row] = column
    return np.concatenate([np.flatnonzero(alone), rivals[taken[r] == c]])

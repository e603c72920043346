"""Which sighting belongs to which track: candidates within reach, the best matching of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Bools = NDArray[np.bool_]

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

    Pairs that have no rival are taken at once; the others make an assignment problem.

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
    shape = len(row_names), len(column_names)
    table, which = np.full(shape, _NO_MATCH), np.full(shape, -1, np.intp)
    table[r, c], which[r, c] = costs[rivals], rivals
    chosen = which[linear_sum_assignment(table)]
    return np.concatenate([np.flatnonzero(alone), chosen[chosen >= 0]])

"""How well tracks agree with true ones: IDF1, HOTA and what they are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from ...models.arrays import Floats, Indices

_ALPHAS = np.arange(0.05, 0.99, 0.05)
_HALF = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Who was where: one row for each object in each frame that it was seen in.

    Attributes
    ----------
    frames : (P,) intp
    ids : (P,) intp
        Any numbers, not negative; an object at most once in a frame.
    positions : (P, 2)
        In any unit.
    """

    frames: Indices
    ids: Indices
    positions: Floats

    def __len__(self) -> int:
        return len(self.ids)

    def at(self, rows: Indices) -> Places:
        """Return some of the rows."""
        return Places(self.frames[rows], self.ids[rows], self.positions[rows])


@dataclass(frozen=True, slots=True)
class Scores:
    """How well tracks agree with the truth, 0 to 1.

    Attributes
    ----------
    idf1 : float
        Share of the positions that have the right identity, if every true object may have but
        one track (Ristani et al., ECCV Workshops 2016).
    hota : float
        Geometric mean of how well objects are detected and associated, averaged over how
        exactly a position must agree (Luiten et al., Int. J. Computer Vision 129:548, 2021).
    assa : float
        Of that, the association alone.
    recall : float
        Share of the true positions that have a position of a track within the tolerance.
    idr : float
        Share of the true positions that have it from the one track of their object.
    """

    idf1: float
    hota: float
    assa: float
    recall: float
    idr: float


def score(truth: Places, found: Places, tolerance: float) -> Scores:
    """Score tracks.

    Two positions are alike by ``1 - distance / (2 * tolerance)``, at least by 0: they agree if
    that is at least a half. HOTA asks for 0.05, 0.1, … 0.95 in turn.

    Parameters
    ----------
    truth, found : Places
    tolerance : float
        Distance within which a position counts as right.
    """
    true, got, likeness = _alike(truth, found, tolerance)
    if not len(true):
        return Scores(0.0, 0.0, 0.0, 0.0, 0.0)
    near = likeness >= _HALF
    right = _rightly_named(truth.ids[true[near]], found.ids[got[near]])
    pairs = _best(true, got, likeness * _alignment(truth, found, true, got, likeness))
    hota, assa, matched = _higher_order(truth, found, true[pairs], got[pairs], likeness[pairs])
    return Scores(
        2 * right / (len(truth) + len(found)),
        hota,
        assa,
        matched / len(truth),
        right / len(truth),
    )


def annotated(truth: Places, found: Places, tolerance: float) -> Places:
    """Return the found positions that are about true ones, each about another.

    For a truth that covers only some of the objects: what was found elsewhere may be right or
    wrong, nobody knows. Scores of the rest say how completely the annotated objects were found
    and how well they were told apart; they say nothing about false alarms. HOTA is then what
    Liu et al. (CVPR 2022, Opening up Open World Tracking) call OWTA, but that a track is not
    blamed either for what it did away from annotated objects.
    """
    true, got, likeness = _alike(truth, found, tolerance)
    near = likeness >= _HALF
    true, got, likeness = true[near], got[near], likeness[near]
    return found.at(np.sort(got[_best(true, got, likeness)]))


def _alike(truth: Places, found: Places, tolerance: float) -> tuple[Indices, Indices, Floats]:
    """Rows of the pairs that are alike at all, and how much."""
    reach = 2 * tolerance
    trees = [
        KDTree(np.column_stack([places.positions, 2 * reach * places.frames]))
        for places in (truth, found)
    ]
    near = trees[0].sparse_distance_matrix(trees[1], reach, output_type="ndarray")
    likeness = 1 - near["v"] / reach
    some = likeness > 0
    return near["i"][some], near["j"][some], likeness[some]


def _rightly_named(true_ids: Indices, found_ids: Indices) -> int:
    """Most positions that can be right if every true object is given one track at most."""
    if not len(true_ids):
        return 0
    _, rows = np.unique(true_ids, return_inverse=True)
    _, columns = np.unique(found_ids, return_inverse=True)
    common = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(common, (rows, columns), 1)
    return int(common[linear_sum_assignment(common, maximize=True)].sum())


def _alignment(
    truth: Places, found: Places, true: Indices, got: Indices, likeness: Floats
) -> Floats:
    """How much each pair's object and track have in common over all frames, (P,)."""
    of_true = np.bincount(true, likeness, len(truth))[true]
    of_found = np.bincount(got, likeness, len(found))[got]
    shares = likeness / (of_true + of_found - likeness)
    pair, kinds = _pair_kinds(truth.ids[true], found.ids[got])
    common = np.bincount(kinds, shares)
    true_length, found_length = _lengths(truth.ids, found.ids, pair)
    return (common / (true_length + found_length - common))[kinds]


def _higher_order(
    truth: Places, found: Places, true: Indices, got: Indices, likeness: Floats
) -> tuple[float, float, int]:
    """HOTA, its association, and how many matched pairs agree by half."""
    hota, assa = np.zeros(len(_ALPHAS)), np.zeros(len(_ALPHAS))
    for a, alpha in enumerate(_ALPHAS):
        enough = likeness >= alpha - np.finfo(float).eps
        matches = int(enough.sum())
        if not matches:
            break
        pair, kinds = _pair_kinds(truth.ids[true[enough]], found.ids[got[enough]])
        counts = np.bincount(kinds)
        true_length, found_length = _lengths(truth.ids, found.ids, pair)
        assa[a] = (counts**2 / (true_length + found_length - counts)).sum() / matches
        detected = matches / (len(truth) + len(found) - matches)
        hota[a] = np.sqrt(detected * assa[a])
    return float(hota.mean()), float(assa.mean()), int((likeness >= _HALF).sum())


def _pair_kinds(true_ids: Indices, found_ids: Indices) -> tuple[Indices, Indices]:
    """Different pairs of an object and a track, (K, 2), and which of them each is, (P,)."""
    both = np.column_stack([true_ids, found_ids])
    pair, kinds = np.unique(both, axis=0, return_inverse=True)
    return pair, kinds.reshape(-1)


def _lengths(true_ids: Indices, found_ids: Indices, pair: Indices) -> tuple[Indices, Indices]:
    """Number of positions of the object and of the track of each pair."""
    return np.bincount(true_ids)[pair[:, 0]], np.bincount(found_ids)[pair[:, 1]]


def _best(true: Indices, got: Indices, weights: Floats) -> Indices:
    """Pairs of greatest total weight, a row at most once: found group by group."""
    if not len(true):
        return np.empty(0, np.intp)
    size = int(true.max()) + 1
    nodes = size + int(got.max()) + 1
    links = coo_array((np.ones(len(true)), (true, size + got)), shape=(nodes, nodes))
    group = connected_components(links, directed=False)[1][true]
    alone = np.bincount(group)[group] == 1
    chosen = [np.flatnonzero(alone)]
    crowded = np.flatnonzero(~alone)
    crowded = crowded[np.argsort(group[crowded], kind="stable")]
    borders = np.flatnonzero(np.diff(group[crowded])) + 1
    for pairs in np.split(crowded, borders):
        _, rows = np.unique(true[pairs], return_inverse=True)
        _, columns = np.unique(got[pairs], return_inverse=True)
        which = np.full((rows.max(initial=-1) + 1, columns.max(initial=-1) + 1), -1)
        table = np.zeros(which.shape)
        which[rows, columns], table[rows, columns] = pairs, weights[pairs]
        best = which[linear_sum_assignment(table, maximize=True)]
        chosen.append(best[best >= 0])
    return np.concatenate(chosen)

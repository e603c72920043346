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
"""Least similarities for which HOTA is averaged (Luiten et al. 2021)."""
_SIMILAR = 0.5
"""Least similarity of positions that agree: those no farther apart than the tolerance."""
LEAST_LENGTH = 5
"""Positions from which it is asked whether a track kept its name. Chosen: as of what is followed
in `pursuit bench movies`."""
_LAST = 3
"""Frames at the end in which it must have had it, most of them. Chosen likewise."""


@dataclass(frozen=True, slots=True, eq=False)
class TrackPoints:
    """Points of tracks: one row for each track in each frame that it has a position in.

    Attributes
    ----------
    frames : (P,) intp
    ids : (P,) intp
        Any numbers, not negative; a track at most once in a frame.
    positions : (P, 2)
        In any unit.
    """

    frames: Indices
    ids: Indices
    positions: Floats

    def __len__(self) -> int:
        return len(self.ids)

    def at(self, rows: Indices) -> TrackPoints:
        """Return some of the rows."""
        return TrackPoints(self.frames[rows], self.ids[rows], self.positions[rows])


@dataclass(frozen=True, slots=True)
class Scores:
    """How well tracks agree with the truth, 0 to 1.

    Attributes
    ----------
    idf1 : float
        Share of the positions that have the right identity, if every true track may have but
        one found track (Ristani et al., ECCV Workshops 2016).
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


def score(truth: TrackPoints, found: TrackPoints, tolerance: float) -> Scores:
    """Score tracks.

    The similarity of two positions is ``1 - distance / (2 * tolerance)``, at least 0: they agree
    if it is at least a half. HOTA asks for 0.05, 0.1, … 0.95 in turn.
    """
    true, got, similarity = _similar(truth, found, tolerance)
    if not len(true):
        return Scores(0.0, 0.0, 0.0, 0.0, 0.0)
    near = similarity >= _SIMILAR
    right = _identity_matches(truth.ids[true[near]], found.ids[got[near]])
    pairs = _assigned(true, got, similarity * _alignment(truth, found, true, got, similarity))
    hota, assa, matched = _hota(truth, found, true[pairs], got[pairs], similarity[pairs])
    idf1 = 2 * right / (len(truth) + len(found))
    return Scores(idf1, hota, assa, matched / len(truth), right / len(truth))


def annotated(truth: TrackPoints, found: TrackPoints, tolerance: float) -> TrackPoints:
    """Return the found positions that agree with true ones, one for each.

    For a truth that covers only some of the objects: whether what was found elsewhere is right
    is not known. Scores of the rest say how completely the annotated objects were found and how
    well they were told apart; they say nothing about false alarms. HOTA is then what Liu et al.
    (CVPR 2022, Opening up Open World Tracking) call OWTA, except that a track is not blamed
    either for positions away from annotated objects.
    """
    true, got, similarity = _similar(truth, found, tolerance)
    near = similarity >= _SIMILAR
    true, got, similarity = true[near], got[near], similarity[near]
    return found.at(np.sort(got[_assigned(true, got, similarity)]))


def identity_switches(truth: TrackPoints, found: TrackPoints, tolerance: float) -> int:
    """How often a true track goes on under another name than when it was last found."""
    names = _names(truth, found, tolerance)
    known = np.flatnonzero(names >= 0)
    order = known[np.lexsort((truth.frames[known], truth.ids[known]))]
    same = np.diff(truth.ids[order]) == 0
    return int((np.diff(names[order])[same] != 0).sum())


def names_kept(truth: TrackPoints, found: TrackPoints, tolerance: float) -> float:
    """Share of the true tracks that end under the name under which they began.

    They were found in their first frame, and under the same name in most of their last three. Of
    those with `LEAST_LENGTH` positions or more; NaN if there are none.
    """
    names = _names(truth, found, tolerance)
    order = np.lexsort((truth.frames, truth.ids))
    begins = np.flatnonzero(np.diff(truth.ids[order])) + 1
    each = [names[rows] for rows in np.split(order, begins) if len(rows) >= LEAST_LENGTH]
    kept = [one[0] >= 0 and np.sum(one[-_LAST:] == one[0]) > _LAST / 2 for one in each]
    return float(np.mean(kept)) if kept else np.nan


def _names(truth: TrackPoints, found: TrackPoints, tolerance: float) -> Indices:
    """Identities under which true positions, (P,), are found; -1 where they are not."""
    true, got, similarity = _similar(truth, found, tolerance)
    near = similarity >= _SIMILAR
    true, got, similarity = true[near], got[near], similarity[near]
    pairs = _assigned(true, got, similarity)
    names = np.full(len(truth), -1, np.intp)
    names[true[pairs]] = found.ids[got[pairs]]
    return names


def _similar(
    truth: TrackPoints, found: TrackPoints, tolerance: float
) -> tuple[Indices, Indices, Floats]:
    """Rows of the pairs of a frame whose similarity is above 0, and that similarity."""
    reach = 2 * tolerance
    trees = [
        KDTree(np.column_stack([points.positions, 2 * reach * points.frames]))
        for points in (truth, found)
    ]
    near = trees[0].sparse_distance_matrix(trees[1], reach, output_type="ndarray")
    similarity = 1 - near["v"] / reach
    some = similarity > 0
    return near["i"][some], near["j"][some], similarity[some]


def _identity_matches(true_ids: Indices, found_ids: Indices) -> int:
    """Most positions that can be right if every true track is given one found track at most."""
    if not len(true_ids):
        return 0
    _, rows = np.unique(true_ids, return_inverse=True)
    _, columns = np.unique(found_ids, return_inverse=True)
    common = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(common, (rows, columns), 1)
    return int(common[linear_sum_assignment(common, maximize=True)].sum())


def _alignment(
    truth: TrackPoints, found: TrackPoints, true: Indices, got: Indices, similarity: Floats
) -> Floats:
    """How much the two tracks of each pair have in common over all frames, (P,)."""
    of_true = np.bincount(true, similarity, len(truth))[true]
    of_found = np.bincount(got, similarity, len(found))[got]
    shares = similarity / (of_true + of_found - similarity)
    tracks, rows = _track_pairs(truth.ids[true], found.ids[got])
    common = np.bincount(rows, shares)
    true_length, found_length = _lengths(truth.ids, found.ids, tracks)
    return (common / (true_length + found_length - common))[rows]


def _hota(
    truth: TrackPoints, found: TrackPoints, true: Indices, got: Indices, similarity: Floats
) -> tuple[float, float, int]:
    """HOTA, its association, and how many matched pairs agree."""
    hota, assa = np.zeros(len(_ALPHAS)), np.zeros(len(_ALPHAS))
    for a, alpha in enumerate(_ALPHAS):
        enough = similarity >= alpha - np.finfo(float).eps
        matches = int(enough.sum())
        if not matches:
            break
        tracks, rows = _track_pairs(truth.ids[true[enough]], found.ids[got[enough]])
        counts = np.bincount(rows)
        true_length, found_length = _lengths(truth.ids, found.ids, tracks)
        assa[a] = (counts**2 / (true_length + found_length - counts)).sum() / matches
        detected = matches / (len(truth) + len(found) - matches)
        hota[a] = np.sqrt(detected * assa[a])
    return float(hota.mean()), float(assa.mean()), int((similarity >= _SIMILAR).sum())


def _track_pairs(true_ids: Indices, found_ids: Indices) -> tuple[Indices, Indices]:
    """Different pairs of a true and a found track, (K, 2), and the row of each position, (P,)."""
    both = np.column_stack([true_ids, found_ids])
    tracks, rows = np.unique(both, axis=0, return_inverse=True)
    return tracks, rows.reshape(-1)


def _lengths(true_ids: Indices, found_ids: Indices, tracks: Indices) -> tuple[Indices, Indices]:
    """Number of positions of the true and of the found track of each pair."""
    return np.bincount(true_ids)[tracks[:, 0]], np.bincount(found_ids)[tracks[:, 1]]


def _assigned(true: Indices, got: Indices, weights: Floats) -> Indices:
    """Pairs of greatest total weight, each row in one at most; solved group by group."""
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

"""Scores of following several objects at once, by the true positions of all of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....drivers.clock import NS_PER_S
from ....models.arrays import Floats
from ...decisions import Decision, Lock
from ...session import entries
from ..report import Row

LAST = 10
"""Frames at the end that tell which object is followed. Chosen: one bad frame does not decide."""


@dataclass(frozen=True, slots=True)
class MultiTargetResult:
    """Scores of several targets in one run.

    Attributes
    ----------
    kept : tuple of bool
        Of each target: whether, in the end, the track with the identity that it was given at
        first is on it.
    pairs, in_field : int
        Targets times frames, and those of them in which the target was in the field.
    lost, switches : int
        Times that the track of a target ended; that it was on another object.
    unseen_s : float
        Longest time that a target was outside the field.
    square_visit_um2, visits : float, int
        Sum of the squared distances, one frame before a target came back into the field,
        between its predicted and its true position; how many. Only of targets whose track was
        on them when they left.
    """

    kept: tuple[bool, ...]
    pairs: int
    in_field: int
    lost: int
    switches: int
    unseen_s: float
    square_visit_um2: float
    visits: int


class MultiTargetScores:
    """Scores a run frame by frame.

    The targets are the objects nearest to the middle of the field when following begins. Each
    is given the identity of the first track that is on it, nearer than ``size_um``. The field has
    width and height along the axes of the stage.
    """

    def __init__(self, count: int, field_um: Floats, size_um: float) -> None:
        self._count, self._half_um, self._size_um = count, field_um / 2, size_um
        self._targets = np.empty(0, np.intp)
        self._ids: list[int] = []
        self._at_ns: list[int] = []
        self._inside: list[NDArray[np.bool_]] = []
        self._away_um: list[Floats] = []

    def add(self, decision: Decision, objects_um: Floats) -> None:
        """Add a decision and the positions of all objects, (N, 3) from the middle of the field."""
        if not self._ids:
            if decision.lock is not Lock.LOCKED:
                return
            away_um = np.hypot(*objects_um[:, :2].T)
            self._targets = np.argsort(away_um, kind="stable")[: self._count]
            self._ids = [0] * len(self._targets)
        places_um = objects_um[self._targets, :2]
        tracks = {
            track.id: np.array((track.x_um, track.y_um)) - decision.pose_um[:2]
            for track in decision.tracks
        }
        self._identify(tracks, places_um)
        self._at_ns.append(decision.exposed_ns)
        self._inside.append(np.logical_and(*(np.abs(places_um) <= self._half_um).T))
        found = [tracks.get(identity, np.full(2, np.inf)) for identity in self._ids]
        self._away_um.append(np.hypot(*(np.array(found) - places_um).T))

    def result(self) -> MultiTargetResult:
        """Sum up. If following never began, all targets are missed."""
        if not self._ids:
            return MultiTargetResult((False,) * self._count, 0, 0, 0, 0, 0.0, 0.0, 0)
        inside, away_um = np.array(self._inside), np.array(self._away_um)
        at_s = np.array(self._at_ns) / NS_PER_S
        known = np.isfinite(away_um)
        wrong = known & (away_um > self._size_um)
        back = inside[1:] & ~inside[:-1] & known[:-1] & _last(inside, ~wrong)[:-1]
        kept = np.median(away_um[-LAST:], axis=0) <= self._size_um
        return MultiTargetResult(
            tuple(kept.tolist()),
            inside.size,
            int(inside.sum()),
            sum(entries(column) for column in (np.cumsum(known, axis=0) > 0).T & ~known.T),
            sum(entries(column) for column in wrong.T),
            max(longest_s(at_s, column) for column in inside.T),
            float((away_um[:-1][back] ** 2).sum()),
            int(back.sum()),
        )

    def _identify(self, tracks: dict[int, Floats], places_um: Floats) -> None:
        """Give targets that have none yet the identity of the track that is on them."""
        for target, identity in enumerate(self._ids):
            free = [id for id in tracks if id not in self._ids]
            if identity or not free:
                continue
            away_um = [float(np.hypot(*(tracks[id] - places_um[target]))) for id in free]
            if min(away_um) <= self._size_um:
                self._ids[target] = free[int(np.argmin(away_um))]


def _last(when: NDArray[np.bool_], what: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """``what`` in the last row so far with ``when``, down the columns (N, T); at first in row 0."""
    rows = np.maximum.accumulate(np.where(when, np.arange(len(when))[:, None], 0), axis=0)
    return np.take_along_axis(what, rows, axis=0)


def longest_s(at_s: Floats, inside: Sequence[bool] | NDArray[np.bool_]) -> float:
    """Longest time between instants, (N,), at which something was inside, counting both ends."""
    seen_s = np.concatenate([at_s[:1], at_s[np.asarray(inside, bool)], at_s[-1:]])
    steps = np.diff(seen_s)
    return float(steps.max(initial=0.0))


def multi_target_row(results: Sequence[MultiTargetResult]) -> Row:
    """Columns about several targets, of all runs: none of them is centred, so there is no error."""
    kept = [each for one in results for each in one.kept]
    visits = sum(one.visits for one in results)
    square_um2 = sum(one.square_visit_um2 for one in results)
    return {
        "rms_um": None,
        "bound_um": None,
        "ratio": None,
        "bound": None,
        "held": None,
        "lost": sum(one.lost for one in results),
        "switches": sum(one.switches for one in results),
        "kept": sum(kept) / len(kept),
        "z_rms_um": None,
        "targets": max(len(one.kept) for one in results),
        "in_field": sum(one.in_field for one in results) / max(sum(o.pairs for o in results), 1),
        "unseen_s": max(one.unseen_s for one in results),
        "visit_um": math.sqrt(square_um2 / visits) if visits else None,
    }

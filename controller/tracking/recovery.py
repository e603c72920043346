"""Finding a lost target again: which new object it must be."""

from __future__ import annotations

import math

import numpy as np

from ...drivers.messages import Frame
from .track import Track

_NEAR = 13.8
"""Squared Mahalanobis distance that 99.9 % of true whereabouts stay below (chi², plane)."""
_ALIKE = 9.2
"""Squared misfit of appearance that 99 % of the same object's stay below (chi², two traits)."""
_LOOKS_SPREAD = 0.25
"""Relative spread of size and brightness between two measurements some time apart."""
_CLEAR = 6.0
"""How much better than the second best a candidate must be: 20 to 1 in likelihood."""
_BODY = 0.5
"""Uncertainty of a place, in sizes of the object, however surely it was predicted."""


def best_candidate(lost: Track, tracks: list[Track], frame: Frame) -> Track | None:
    """Return the one new object that must be the lost one, None if none must or two may.

    An object that was seen beside the target before the loss is not it. Another is, if it is
    where the target's motion may have brought it, looks like it, and no other does as well.

    Parameters
    ----------
    lost : Track
        As it was last believed; it can still predict.
    tracks : list of Track
        Confirmed tracks of the frame.
    frame : Frame
    """
    belief = lost.predict(frame.exposed_ns)
    spread = belief.cov_um2[:2, :2] + np.eye(2) * (_BODY * lost.size_um) ** 2
    costs: list[tuple[float, int, Track]] = []
    for track in tracks:
        if track.seen_um is None or track.born_ns <= lost.seen_ns:
            continue
        away_um = track.prediction.mean_um[:2] - belief.mean_um[:2]
        near = float(away_um @ np.linalg.solve(spread, away_um))
        alike = _misfit(lost, track)
        if near < _NEAR and alike < _ALIKE:
            costs.append((near + alike, track.id, track))
    costs.sort()
    if not costs or (len(costs) > 1 and costs[1][0] - costs[0][0] < _CLEAR):
        return None
    return costs[0][2]


def _misfit(lost: Track, track: Track) -> float:
    """Squared misfit of size and brightness, those that are known."""
    pairs = zip(lost.appearance, track.appearance, strict=True)
    known = [a - b for a, b in pairs if math.isfinite(a - b)]
    return sum(difference**2 for difference in known) / _LOOKS_SPREAD**2

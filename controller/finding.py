"""Finding a lost target again: where to look, and which new object it must be."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..drivers.messages import Description, Frame
from .tracks import Track

_NEAR = 13.8
"""Squared Mahalanobis distance that 99.9 % of true whereabouts stay below (chi², plane)."""
_ALIKE = 9.2
"""Squared misfit of looks that 99 % of the same object's stay below (chi², two traits)."""
_LOOKS_SPREAD = 0.25
"""Relative spread of size and brightness between two sightings some time apart."""
_CLEAR = 6.0
"""How much better than the second best a candidate must be: 20 to 1 in likelihood."""
_BODY = 0.5
"""Uncertainty of a place, in sizes of the object, however surely it was predicted."""
_STEP = 0.75
"""Distance between places to look at, in fields: they overlap."""
_REACHED = 0.1
"""Distance from a place, in fields, from which it has been looked at."""
_FIELDS = 6
_SIGMAS = 3.0
"""Farther from the prediction than this nobody looks."""


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
    pairs = zip(lost.looks, track.looks, strict=True)
    known = [a - b for a, b in pairs if math.isfinite(a - b)]
    return sum(difference**2 for difference in known) / _LOOKS_SPREAD**2


class Search:
    """Visits the places where a lost target may be, the most likely first.

    They lie on a grid of overlapping fields around the prediction, as far as they hold anything
    within three standard deviations of it. When all have been visited it begins again: by then
    more are in reach.

    Parameters
    ----------
    description : Description
        Of the microscope: the size of its field.
    """

    def __init__(self, description: Description) -> None:
        a, b, c, d = description.affine
        sides_px = np.array([description.width_px, description.height_px])
        field_um = np.abs(np.array([[a, b], [c, d]])) @ sides_px
        self._field_um = field_um
        steps = np.arange(-_FIELDS, _FIELDS + 1)
        grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
        self._offsets_um = grid * _STEP * field_um
        self._nearness = 1e-3 * np.hypot(*grid.T)
        self._visited = np.zeros(len(grid), bool)

    def restart(self) -> None:
        """Forget what was visited: another target was lost."""
        self._visited[:] = False

    def where_um(self, lost: Track, frame: Frame, at_ns: int) -> NDArray[np.float64]:
        """Where the field's centre should be at an instant, (2,), after a frame in vain."""
        belief = lost.predict(at_ns)
        places_um = belief.mean_um[:2] + self._offsets_um
        here = np.abs(places_um - (frame.pose.x_um, frame.pose.y_um)) / self._field_um
        self._visited |= here.max(axis=1) < _REACHED
        beyond_um = np.maximum(np.abs(self._offsets_um) - self._field_um / 2, 0.0)
        whitened = np.linalg.solve(np.linalg.cholesky(belief.cov_um2[:2, :2]), beyond_um.T)
        far = np.hypot(*whitened) + self._nearness
        if self._visited[far < _SIGMAS].all():
            self._visited[:] = False
        far[self._visited] = np.inf
        return places_um[int(np.argmin(far))]

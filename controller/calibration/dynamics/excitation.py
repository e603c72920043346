"""What moves tell of the dynamics: ways along an axis over exposures, and how sure they are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..geometry import Geometry
from ..sightings import Seen
from ..wander import Wander, whitening
from .response import Response, mean_travel_um

Floats = NDArray[np.float64]

_SMEARED = 0.05
"""Error of a shift over the smear of its image, if that is as wide as what is registered. Derived:
of two Gaussians in the ratio of 3 to 1, as far apart as their width, the maximum is off their mean
by that; in proportion to the square of the smear if that is less."""
_INSTANT_S = 1e-5
"""Stands for an instant."""
_PARTS = 5
"""Of an exposure, over which the way of the image is reckoned. Chosen: ringing goes to and fro."""


class Excitation(NamedTuple):
    """One axis during one small move.

    Attributes
    ----------
    exposures_s : (N, 2)
        Beginning and end of exposures, since the command.
    travel_um : (N,)
        Way of the image along the move, but for a constant.
    whitening : (N, N)
        See `wander.whitening`, in µm.
    distance_um, backlash_um : float
        Of the move, and what of it the load does not follow.
    move : int
        Number of the move: errors of those of both axes are the same.
    """

    exposures_s: Floats
    travel_um: Floats
    whitening: Floats
    distance_um: float
    backlash_um: float
    move: int


class Excitations:
    """Turns shifts during moves into ways along either axis."""

    def __init__(self, geometry: Geometry, reversals: bool) -> None:
        self._geometry, self._reversals = geometry, reversals
        self._to_um = np.linalg.inv(geometry.gain)
        self._moves = 0

    def of(
        self,
        seen: Sequence[Seen],
        wander: Wander,
        response: Response | None,
        width_px: float,
        most_px: float = math.inf,
    ) -> Iterator[Excitation]:
        """Yield what can be used of some moves.

        Parameters
        ----------
        seen, wander
        response : Response, optional
            By which the smear of each image is reckoned, whose shift is then less certain.
        width_px : float
            Of what is registered.
        most_px : float
            Smear from which an image is left out.
        """
        for each in seen:
            self._moves += 1
            if not each.step.engaged or (each.step.reverses and not self._reversals):
                continue
            moved_um = each.step.segment.to_um - each.step.segment.from_um
            axes = np.flatnonzero(np.abs(moved_um) > 1e-9)
            ways = [self._way(each, axis, moved_um[axis]) for axis in axes.tolist()]
            if any(lost_um > way_um / 2 for way_um, lost_um in ways):
                continue  # the drive goes far, and what rings is smeared far
            smears = [_smear_um(each, *way, response) for way in ways]
            smear_px = np.hypot(*(self._geometry.gain[:, axes] @ np.stack(smears)))
            kept = smear_px <= most_px
            at_s, shift = each.series.at_s[kept], each.series.shift[kept]
            white = whitening(at_s, wander, (_SMEARED * smear_px[kept] ** 2 / width_px) ** 2)
            for axis, way in zip(axes, ways, strict=True):
                along_um = np.sign(moved_um[axis]) * (shift @ self._to_um[axis])
                scale_um = np.hypot(*self._to_um[axis])
                yield Excitation(
                    each.exposures_s[kept], along_um, white / scale_um, *way, self._moves
                )

    def _way(self, each: Seen, axis: int, moved_um: float) -> tuple[float, float]:
        """Length of a move, and what of it the backlash takes up."""
        lost_um = float(self._geometry.backlash_um[axis]) if each.step.reverses else 0.0
        return abs(float(moved_um)), lost_um


def _smear_um(each: Seen, way_um: float, lost_um: float, response: Response | None) -> Floats:
    """How far the load goes during each exposure, (N,)."""
    if response is None:
        return np.zeros(len(each.exposures_s))
    begin, end = each.exposures_s.T
    way, lost = np.full(len(begin), way_um), np.full(len(begin), lost_um)
    instants = [begin + (end - begin) * part / _PARTS for part in range(_PARTS + 1)]
    places = [mean_travel_um(at, at + _INSTANT_S, way, lost, response) for at in instants]
    return np.abs(np.diff(places, axis=0)).sum(axis=0)

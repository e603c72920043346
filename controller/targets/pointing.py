"""The place that was pointed at: which object is meant, and what a person is told of it."""

from collections.abc import Sequence

import numpy as np

from ...models.arrays import Floats
from ...models.pointing import BODY
from ..tracking import Track, by_pointing


def distance_um(track: Track, point_um: Floats) -> float:
    """How far a track is from a place (2,)."""
    return float(np.hypot(*(track.prediction.mean_um[:2] - point_um)))


def in_order(tracks: Sequence[Track], point_um: Floats) -> list[Track]:
    """Tracks by how likely each is the one that is pointed at."""
    places_um = np.array([track.prediction.mean_um[:2] for track in tracks]).reshape(-1, 2)
    sizes_um = np.array([track.size_um for track in tracks])
    scores = [track.score for track in tracks]
    return [tracks[row] for row in by_pointing(point_um, places_um, sizes_um, scores).tolist()]


def told_of_nobody(seen: Sequence[Track], point_um: Floats) -> str:
    """Say what is near a place at which nothing is followed; ``seen`` are tracks in sight.

    Empty if nothing is in sight: then there is nothing to point at.
    """
    if not seen:
        return ""
    nearest = min(seen, key=lambda track: distance_um(track, point_um))
    x, y = nearest.prediction.mean_um[:2]
    return (
        f"Nothing is at {_place(point_um)}: the {_nearest(seen)} is "
        f"{distance_um(nearest, point_um):.3g} µm away; point at it with "
        f"target.point_um = [{x:.1f}, {y:.1f}], or give a larger target.reach_um."
    )


def told_of_choice(seen: Sequence[Track], chosen: Track, point_um: Floats) -> str:
    """Say if nothing, or more than one, is where ``chosen`` is the nearest; empty if it is fine."""
    at = [track for track in seen if distance_um(track, point_um) <= BODY * track.size_um]
    away_um = distance_um(chosen, point_um)
    if len(at) > 1 and chosen in at:
        sizes = " and ".join(f"{track.size_um:.3g}" for track in at)
        return (
            f"{len(at)} objects are at {_place(point_um)}, {sizes} µm large: the one of "
            f"{chosen.size_um:.3g} µm, {away_um:.2g} µm away, is followed; point at another with "
            "target.point_um if that is wrong."
        )
    if at or away_um <= BODY * chosen.size_um:
        return ""
    return (
        f"Nothing is at {_place(point_um)}: the {_nearest(seen)} is followed, {away_um:.3g} µm "
        "away; point at another with target.point_um if that is wrong."
    )


def _nearest(seen: Sequence[Track]) -> str:
    return f"nearest of {len(seen)} objects" if len(seen) > 1 else "only object in sight"


def _place(point_um: Floats) -> str:
    x, y = point_um.tolist()
    return f"({x:.1f}, {y:.1f}) µm"

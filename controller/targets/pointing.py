"""The place that was pointed at: which object is meant, and what a person is told of it."""

from collections.abc import Callable, Sequence

import numpy as np

from ...models.arrays import Floats
from ...models.pointing import BODY
from ..tracking import Track, by_pointing

PxOfUm = Callable[[float, float], tuple[float, float]]
"""From stage coordinates to pixels of a movie."""


class Places:
    """How places are told: in stage coordinates, or in pixels of the movie that is followed in.

    Parameters
    ----------
    px_of_um : callable, optional
        From stage coordinates to pixels of a movie.
    pixel_um : float
        Edge of such a pixel.
    """

    def __init__(self, px_of_um: PxOfUm | None = None, pixel_um: float = 1.0) -> None:
        self._px_of_um, self._pixel_um = px_of_um, pixel_um

    def place(self, at_um: Floats) -> str:
        """Say where something is."""
        x, y = at_um.tolist() if self._px_of_um is None else self._px_of_um(*at_um.tolist())
        return f"({x:.1f}, {y:.1f}) µm" if self._px_of_um is None else f"({x:.0f}, {y:.0f}) px"

    def length(self, um: float, digits: int = 3) -> str:
        """Say how long or far something is."""
        return f"{um:.{digits}g} µm" if self._px_of_um is None else f"{um / self._pixel_um:.3g} px"

    def pointing_at(self, at_um: Floats) -> str:
        """Say what points at a place."""
        if self._px_of_um is None:
            x, y = at_um.tolist()
            return f"target.point_um = [{x:.1f}, {y:.1f}], or give a larger target.reach_um"
        x, y = self._px_of_um(*at_um.tolist())
        return f"--start {x:.0f},{y:.0f}"

    @property
    def pointer(self) -> str:
        """What points."""
        return "target.point_um" if self._px_of_um is None else "--start"


def distance_um(track: Track, point_um: Floats) -> float:
    """How far a track is from a place (2,)."""
    return float(np.hypot(*(track.prediction.mean_um[:2] - point_um)))


def in_order(tracks: Sequence[Track], point_um: Floats) -> list[Track]:
    """Tracks by how likely each is the one that is pointed at."""
    places_um = np.array([track.prediction.mean_um[:2] for track in tracks]).reshape(-1, 2)
    sizes_um = np.array([track.size_um for track in tracks])
    scores = [track.score for track in tracks]
    return [tracks[row] for row in by_pointing(point_um, places_um, sizes_um, scores).tolist()]


def told_of_nobody(seen: Sequence[Track], others_um: Floats, point_um: Floats, at: Places) -> str:
    """Say what is near a place at which nothing is followed.

    Parameters
    ----------
    seen : sequence of Track
        In sight.
    others_um : (N, 2) float64
        Where something else is in sight.
    point_um : (2,) float64
    at : Places

    Returns
    -------
    str
        Empty if nothing is in sight: then there is nothing to point at.
    """
    tracks_um = np.array([track.prediction.mean_um[:2] for track in seen]).reshape(-1, 2)
    places_um = np.concatenate([tracks_um, others_um.reshape(-1, 2)])
    if not len(places_um):
        return ""
    away_um = np.hypot(*(places_um - point_um).T)
    nearest_um = places_um[away_um.argmin()]
    return (
        f"Nothing is at {at.place(point_um)}: the {_nearest(len(places_um))} is "
        f"{at.length(float(away_um.min()))} away; point at it with {at.pointing_at(nearest_um)}."
    )


def told_of_choice(seen: Sequence[Track], chosen: Track, point_um: Floats, places: Places) -> str:
    """Say if nothing, or more than one, is where ``chosen`` is the nearest; empty if it is fine."""
    at = [track for track in seen if distance_um(track, point_um) <= BODY * track.size_um]
    away_um = distance_um(chosen, point_um)
    if len(at) > 1 and chosen in at:
        *others, last = (places.length(track.size_um) for track in at)
        sizes = " and ".join([*(size.partition(" ")[0] for size in others), last])
        return (
            f"{len(at)} objects are at {places.place(point_um)}, {sizes} large: the one of "
            f"{places.length(chosen.size_um)}, {places.length(away_um, 2)} away, is followed; "
            f"point at another with {places.pointer} if that is wrong."
        )
    if at or away_um <= BODY * chosen.size_um:
        return ""
    at_um = np.asarray(chosen.prediction.mean_um[:2], np.float64)
    return (
        f"Nothing is at {places.place(point_um)}: the {_nearest(len(seen))} is followed, "
        f"{places.length(away_um)} away, at {places.place(at_um)}; point at another with "
        f"{places.pointer} if that is wrong."
    )


def _nearest(count: int) -> str:
    return f"nearest of {count} objects" if count > 1 else "only object in sight"

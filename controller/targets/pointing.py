"""The place that was pointed at: which object is meant, and what a person is told of it."""

from collections.abc import Callable, Sequence

import numpy as np

from ...models.arrays import Floats
from ...models.pointing import BODY
from ..tracking import Track, by_pointing

_SURE = 3.0
"""Measurements, times their score, of what a person is sent to. Chosen: what is sure is seen four
times, and noise, with scores below 0.3, hardly ten times at a place."""

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


class Pointing:
    """Which objects are meant by a place, and what a person is told of the choice.

    Parameters
    ----------
    places : Places
        How places are told.

    Attributes
    ----------
    others_um : (N, 2) float64
        Where something is in sight that is not among the tracks.
    took_nearest : bool
        Whether the place was on none of what was chosen last, which was only the nearest to it.
    """

    def __init__(self, places: Places) -> None:
        self._places = places
        self._notes, self._told_nobody, self._told_choice = list[str](), False, False
        self.others_um: Floats = np.empty((0, 2))
        self.took_nearest = False

    def near(self, seen: Sequence[Track], point_um: Floats, reach_um: float | None) -> list[Track]:
        """Return those within reach, or three of their sizes, of a place, the likeliest first."""
        near = [t for t in seen if distance_um(t, point_um) <= (reach_um or 3 * t.size_um)]
        if near:
            near = _in_order(near, point_um)
            self.tell_choice(near, near[0], point_um)
            self.took_nearest = not _is_on(near[0], point_um)
        elif not self._told_nobody:
            sure = [track for track in seen if track.hits * track.score >= _SURE]
            text = _told_of_nobody(sure, self.others_um, point_um, self._places)
            self._notes += [text] * bool(text)
            self._told_nobody = bool(text)
        return near

    def tell_choice(self, seen: Sequence[Track], chosen: Track, point_um: Floats) -> None:
        """Note, of a first choice, if ``chosen`` is not the only one at a place, or not there."""
        if not self._told_choice:
            text = _told_of_choice(seen, chosen, point_um, self._places)
            self._notes += [text] * bool(text)
            self._told_choice = True

    def choose_again(self) -> None:
        """Take note that what was chosen was no object."""
        self._told_choice = False

    def take_notes(self) -> list[str]:
        """Return what there is to say since this was last asked."""
        notes, self._notes = self._notes, []
        return notes


def _is_on(track: Track, point_um: Floats) -> bool:
    return distance_um(track, point_um) <= BODY * track.size_um


def distance_um(track: Track, point_um: Floats) -> float:
    """How far a track is from a place (2,)."""
    return float(np.hypot(*(track.prediction.mean_um[:2] - point_um)))


def _in_order(tracks: Sequence[Track], point_um: Floats) -> list[Track]:
    """Tracks by how likely each is the one that is pointed at."""
    places_um = np.array([track.prediction.mean_um[:2] for track in tracks]).reshape(-1, 2)
    sizes_um = np.array([track.size_um for track in tracks])
    scores = [track.score for track in tracks]
    return [tracks[row] for row in by_pointing(point_um, places_um, sizes_um, scores).tolist()]


def _told_of_nobody(seen: Sequence[Track], others_um: Floats, point_um: Floats, at: Places) -> str:
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
    gaps_um = np.hypot(*(others_um.reshape(-1, 1, 2) - tracks_um).transpose(2, 0, 1))
    untracked = (gaps_um > np.array([track.size_um for track in seen])).all(axis=1)
    places_um = np.concatenate([tracks_um, others_um[untracked]])
    if not len(places_um):
        return ""
    away_um = np.hypot(*(places_um - point_um).T)
    nearest_um = places_um[away_um.argmin()]
    return (
        f"Nothing is at {at.place(point_um)}: the {_nearest(len(places_um))} is "
        f"{at.length(float(away_um.min()))} away; point at it with {at.pointing_at(nearest_um)}."
    )


def _told_of_choice(seen: Sequence[Track], chosen: Track, point_um: Floats, places: Places) -> str:
    """Say if nothing, or more than one, is where ``chosen`` is the nearest; empty if it is fine."""
    at = [track for track in seen if _is_on(track, point_um)]
    away_um = distance_um(chosen, point_um)
    if len(at) > 1 and chosen in at:
        *others, last = (places.length(track.size_um) for track in at)
        sizes = " and ".join([*(size.partition(" ")[0] for size in others), last])
        return (
            f"{len(at)} objects are at {places.place(point_um)}, {sizes} large: the one of "
            f"{places.length(chosen.size_um)}, {places.length(away_um, 2)} away, is followed; "
            f"point at another with {places.pointer} if that is wrong."
        )
    if at or _is_on(chosen, point_um):
        return ""
    at_um = np.asarray(chosen.prediction.mean_um[:2], np.float64)
    return (
        f"Nothing is at {places.place(point_um)}: the {_nearest(len(seen))} is followed, "
        f"{places.length(away_um)} away, at {places.place(at_um)}; point at another with "
        f"{places.pointer} if that is wrong."
    )


def _nearest(count: int) -> str:
    return f"nearest of {count} objects" if count > 1 else "only object in sight"

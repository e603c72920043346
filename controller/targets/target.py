"""Which objects to follow, and whether they are still in hand."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection
from typing import Annotated, Literal

import msgspec
import numpy as np

from ...drivers.clock import NS_PER_S
from ...drivers.messages import Frame
from ..decisions import Lock
from ..tracking import Track, best_candidate
from .group import Followed, Group

_UNDECIDED = 20
"""Measurements of a daughter until the choice between her and her sister is final."""


class TargetSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to follow.

    Attributes
    ----------
    choose : {"centre", "largest", "brightest"}
        Which of the objects in the first frame with any.
    point_um : (x, y), optional
        Choose the object nearest to this place instead, in stage coordinates.
    count : int
        How many objects to follow: in the middle of the field together while it holds them,
        visited in turn when it does not. As long as there are fewer, those that come into
        the field are taken too.
    daughter : {"brightest", "largest", "first", "both"}
        Which daughter to follow after a division; the first is the one nearest to where the
        mother was expected.
    search_s : float
        For how long the stage looks for a lost target. Then it goes back to where it was when
        following began; 0: it rests. Of several, for how long one that is lost is still
        visited where it should be.

    Other Parameters
    ----------------
    reach_um : float, optional
        How far from ``point_um`` to look; three sizes of the object if not given.
    """

    choose: Literal["centre", "largest", "brightest"] = "centre"
    point_um: Annotated[tuple[float, float], msgspec.Meta(examples=[(0.0, 0.0)])] | None = None
    reach_um: Annotated[float, msgspec.Meta(gt=0, le=1e9)] | None = None
    count: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    daughter: Literal["brightest", "largest", "first", "both"] = "brightest"
    search_s: Annotated[float, msgspec.Meta(ge=0, le=1e6)] = 10.0


class Target:
    """What is followed: chosen once, kept by identity, through divisions, found after a loss.

    Attributes
    ----------
    lock : Lock
        How surely it is in hand.
    reason : str
        Why the lock, or who is followed, changed in the last frame; empty if nothing did.
    """

    def __init__(self, settings: TargetSettings) -> None:
        self.settings = settings
        self._members: dict[int, Track] = {}
        self._missing: dict[int, tuple[Track, int]] = {}
        self._open = settings.count
        self.lock = Lock.SEARCHING
        self.reason = ""

    @property
    def kept(self) -> list[Track]:
        """Tracks whose predictions are needed even if they die."""
        return [*self._members.values(), *(track for track, _ in self._missing.values())]

    @property
    def lost(self) -> Track | None:
        """The target as it was last believed, while nothing of it is in hand."""
        return None if self._members else next((t for t, _ in self._missing.values()), None)

    @property
    def lost_ns(self) -> int:
        """Exposure of the frame after which it was given up."""
        return next((since_ns for _, since_ns in self._missing.values()), 0)

    def follow(self, tracks: list[Track], frame: Frame) -> Followed | None:
        """Return what to follow after a frame, None while there is nothing."""
        before, had, missed = self.lock, dict(self._members), dict(self._missing)
        kept = [one for id, last in had.items() for one in self._successors(id, last, tracks)]
        self._members = {member.id: member for member in kept}
        self._part_with(had, tracks, frame)
        for track in self._found(tracks, frame) + self._chosen(tracks, frame):
            self._members[track.id] = track
        members = list(self._members.values())
        if not members:
            self.lock = Lock.LOST if self._missing else Lock.SEARCHING
        else:
            seen = any(member.seen_um is not None for member in members)
            self.lock = Lock.LOCKED if seen else Lock.COASTING
        changed = before is not self.lock or (bool(members) and [*self._members] != [*had])
        self.reason = self._explain(before, had, missed) if changed else ""
        sought = self._sought(frame)
        if len(members) == 1 and not sought:
            return members[0]
        centre_um = frame.pose.x_um, frame.pose.y_um
        return Group(members, sought, centre_um) if members else None

    def pass_over(self) -> None:
        """Note that a frame went by which shows nothing that can be believed."""
        if self.lock is Lock.LOCKED:
            self.lock = Lock.COASTING

    def _part_with(self, had: dict[int, Track], tracks: list[Track], frame: Frame) -> None:
        """Note who is missing now: who has died without dividing."""
        alive = {track.id for track in tracks}
        mothers = {mother for track in tracks for mother in track.parents}
        for id in had.keys() - alive - mothers:
            had[id].seen_um = None
            self._missing[id] = had[id], frame.exposed_ns

    def _sought(self, frame: Frame) -> list[Track]:
        """Those of several that are missing, as long as it is worth a visit to look for them."""
        longest_ns = self.settings.search_s * NS_PER_S
        lost = self._missing.values() if self._members else ()
        sought = [track for track, since in lost if frame.exposed_ns - since <= longest_ns]
        for track in sought:
            track.prediction = track.predict(frame.exposed_ns)
        return sought

    def _successors(self, id: int, last: Track, tracks: list[Track]) -> list[Track]:
        """The track itself, or after a division its daughters that are wanted.

        While daughters part, they are hard to tell apart: the choice may still change.
        """
        itself = [track for track in tracks if track.id == id]
        daughters = [track for track in tracks if id in track.parents]
        if itself and itself[0].parents and len(itself[0].past) < _UNDECIDED:
            daughters = [track for track in tracks if track.parents == itself[0].parents]
        elif itself or not daughters:
            return itself
        match self.settings.daughter:
            case "both":
                return itself or daughters
            case "largest":
                return [max(daughters, key=lambda track: track.appearance[0])]
            case "brightest":
                return [max(daughters, key=_brightness)]
        return itself or [t for t in daughters if t.slot == last.slot] or daughters[:1]

    def _found(self, tracks: list[Track], frame: Frame) -> list[Track]:
        """Those that were missing, of whom one of the new tracks must be each."""
        new = [track for track in tracks if track.id not in self._members]
        candidates = {
            id: best_candidate(lost, new, frame) for id, (lost, _) in self._missing.items()
        }
        claims = Counter(track.id for track in candidates.values() if track is not None)
        found = {id: t for id, t in candidates.items() if t is not None and claims[t.id] == 1}
        for id, track in found.items():
            del self._missing[id]
            track.id, track.parents = id, ()
        return list(found.values())

    def _chosen(self, tracks: list[Track], frame: Frame) -> list[Track]:
        """Pick those that are still to be chosen from the tracks in sight, the best first."""
        if not self._open:
            return []
        seen = [t for t in tracks if t.seen_um is not None and t.id not in self._members]
        wanted = self.settings
        if wanted.point_um is not None:
            point = np.array(wanted.point_um)
            seen = [t for t in seen if _apart_um(t, point) <= (wanted.reach_um or 3 * t.size_um)]
            seen.sort(key=lambda track: _apart_um(track, point))
        elif wanted.choose == "largest":
            seen.sort(key=lambda track: -track.size_um)
        elif wanted.choose == "brightest":
            seen.sort(key=lambda track: -track.brightness)
        else:
            middle = np.array((frame.pose.x_um, frame.pose.y_um))
            seen.sort(key=lambda track: _apart_um(track, middle))
        chosen = seen[: self._open]
        self._open -= len(chosen)
        return chosen

    def _explain(self, before: Lock, had: dict[int, Track], missed: Collection[int]) -> str:
        members, new = self._members, [m for id, m in self._members.items() if id not in had]
        if not members:
            return "not seen for too long"
        again = [track for track in new if track.id in missed]
        if again or before in (Lock.SEARCHING, Lock.LOST):
            x, y = (again or new)[0].prediction.mean_um[:2]
            return f"found{' again' if again else ''} at ({x:.1f}, {y:.1f}) µm"
        if any(set(member.parents) & set(had) for member in new):
            return "divided"
        if self._missing.keys() - missed:
            return f"{len(members)} of {len(had)} left"
        if new:
            daughter = any(member.parents for member in new)
            one = f"the {self.settings.daughter} daughter is the other one"
            return one if daughter else f"{len(members)} of {self.settings.count} chosen"
        return "not seen in this frame" if self.lock is Lock.COASTING else "seen again"


def _brightness(track: Track) -> float:
    """Usual brightness, or size where that is unknown, as a logarithm."""
    size, brightness = track.appearance
    return brightness if math.isfinite(brightness) else size


def _apart_um(track: Track, point_um: np.ndarray) -> float:
    return float(np.hypot(*(track.prediction.mean_um[:2] - point_um)))

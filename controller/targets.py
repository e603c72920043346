"""Which objects to follow, and whether they are still in hand."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import msgspec
import numpy as np

from ..drivers.messages import Frame
from .decision import Lock
from .finding import best_candidate
from .group import Followed, Group
from .tracks import Track

_UNDECIDED = 20
"""Sightings of a daughter until the choice between her and her sister is final."""


class TargetSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to follow.

    Attributes
    ----------
    choose : {"centre", "largest", "brightest"}
        Among the objects that are found first.
    point_um : (x, y), optional
        In stage coordinates: choose the objects nearest to it instead.
    reach_um : float, optional
        How far from the point to look; without it, three sizes of the object.
    count : int
        How many objects to follow: in the middle of the field together while it holds them,
        visited in turn when it does not.
    daughter : {"brightest", "largest", "first", "both"}
        Whom to follow after a division; the first is the one nearest to where the mother was
        expected.
    search_s : float
        For how long the stage looks for a lost target before it goes back to where it was
        when following began; 0: it rests.
    """

    choose: Literal["centre", "largest", "brightest"] = "centre"
    point_um: tuple[float, float] | None = None
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
    lost : Track or None
        The target as it was last believed, while it is lost.
    lost_ns : int
        Exposure of the frame after which it was given up.
    """

    def __init__(self, settings: TargetSettings) -> None:
        self.settings = settings
        self._members: dict[int, Track] = {}
        self.lock = Lock.SEARCHING
        self.reason = ""
        self.lost: Track | None = None
        self.lost_ns = 0

    @property
    def kept(self) -> list[Track]:
        """Tracks whose predictions are needed even if they die."""
        return list(self._members.values())

    def follow(self, tracks: list[Track], frame: Frame) -> Followed | None:
        """Return what to follow after a frame, None while there is nothing."""
        before, had = self.lock, dict(self._members)
        kept = [one for id, last in had.items() for one in self._successors(id, last, tracks)]
        members = list({member.id: member for member in kept}.values())
        if not members:
            members = self._found(tracks, frame) if had else self._chosen(tracks, frame)
        self._remember(members, frame)
        if not members:
            self.lock = Lock.SEARCHING if not had else Lock.LOST
        else:
            seen = any(member.seen_um is not None for member in members)
            self.lock = Lock.LOCKED if seen else Lock.COASTING
        changed = before is not self.lock or [m.id for m in members] not in ([], [*had])
        self.reason = self._explain(before, had, members) if changed else ""
        return members[0] if len(members) == 1 else Group(members) if members else None

    def _remember(self, members: list[Track], frame: Frame) -> None:
        if members:
            self._members, self.lost = {member.id: member for member in members}, None
        elif self._members and self.lost is None:
            id, self.lost = next(iter(self._members.items()))
            self._members, self.lost_ns = {id: self.lost}, frame.exposed_ns

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
                return [max(daughters, key=lambda track: track.looks[0])]
            case "brightest":
                return [max(daughters, key=_brightness)]
        return itself or [t for t in daughters if t.slot == last.slot] or daughters[:1]

    def _found(self, tracks: list[Track], frame: Frame) -> list[Track]:
        """The target again, if one of the new tracks must be it."""
        id, lost = next(iter(self._members.items()))
        found = best_candidate(lost, tracks, frame)
        if found is None:
            return []
        found.id = id
        return [found]

    def _chosen(self, tracks: list[Track], frame: Frame) -> list[Track]:
        """Pick from the tracks that are in sight, the best first."""
        seen = [track for track in tracks if track.seen_um is not None]
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
        return seen[: wanted.count]

    def _explain(self, before: Lock, had: dict[int, Track], members: list[Track]) -> str:
        if not members:
            return "no sighting for too long"
        if before in (Lock.SEARCHING, Lock.LOST):
            x, y = members[0].prediction.mean_um[:2]
            again = " again" if before is Lock.LOST else ""
            return f"found{again} at ({x:.1f}, {y:.1f}) µm"
        if any(set(member.parents) & set(had) for member in members):
            return "divided"
        if len(members) == len(had) and {member.id for member in members} != set(had):
            return f"the {self.settings.daughter} daughter is the other one"
        if len(members) < len(had):
            return f"{len(members)} of {len(had)} left"
        return "not seen in this frame" if self.lock is Lock.COASTING else "seen again"


def _brightness(track: Track) -> float:
    """Usual brightness, or size where that is unknown, as a logarithm."""
    size, brightness = track.looks
    return brightness if math.isfinite(brightness) else size


def _apart_um(track: Track, point_um: np.ndarray) -> float:
    return float(np.hypot(*(track.prediction.mean_um[:2] - point_um)))

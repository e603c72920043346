"""Which objects to follow, and whether they are still in hand."""

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
import numpy as np

from ...drivers.clock import NS_PER_S
from ...drivers.messages import Frame
from ..decisions import Lock
from ..tracking import Track
from .pointing import Places, Pointing, distance_um
from .target_group import TargetGroup

_UNDECIDED = 20
"""Measurements of a daughter until the choice between the two is final. Chosen: by then they have
parted so far that their measurements do not disturb each other."""


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
        mother was predicted.
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

    def __post_init__(self) -> None:
        if self.point_um is not None and not all(map(math.isfinite, self.point_um)):
            raise ValueError("point_um must be two finite numbers")


class TargetSelection:
    """What is followed: chosen once, kept by identity, through divisions and after a loss.

    The tracker owns identities. It needs to know which tracks are `wanted`, and gives a lost one's
    identity to the new track that must be it.

    Parameters
    ----------
    settings : TargetSettings
    places : Places, optional
        How places are told; in stage coordinates if not given.

    Attributes
    ----------
    lock : Lock
        How surely it is in hand.
    reason : str
        Why the lock, or what is followed, changed in the last frame; empty if nothing did.
    """

    def __init__(self, settings: TargetSettings, places: Places | None = None) -> None:
        self.settings, self.places = settings, places or Places()
        self._pointing = Pointing(self.places)
        self._members: dict[int, Track] = {}
        self._lost: dict[int, tuple[Track, int]] = {}
        self._still_to_choose = settings.count
        self._meant_um: np.ndarray | None = None
        self.lock = Lock.SEARCHING
        self.reason = ""

    @property
    def wanted(self) -> list[int]:
        """Identities of the tracks that are followed or were lost."""
        return [*self._members, *self._lost]

    @property
    def pointed_um(self) -> np.ndarray | None:
        """Where an object is pointed at, (2,), that has not been chosen yet."""
        point = self.settings.point_um if self._still_to_choose else None
        return None if point is None else np.array(point)

    @property
    def meant_um(self) -> np.ndarray | None:
        """The same, or the middle of that object, (2,), where it is known which one it is."""
        pointed_um = self.pointed_um
        return pointed_um if pointed_um is None or self._meant_um is None else self._meant_um

    @property
    def took_nearest(self) -> bool:
        """Whether what is followed was not where an object was pointed at, but the nearest."""
        return self._pointing.took_nearest

    @property
    def lost(self) -> Track | None:
        """The target, while nothing of it is in hand; it goes on predicting."""
        return None if self._members else next((t for t, _ in self._lost.values()), None)

    @property
    def lost_ns(self) -> int:
        """Exposure of the frame after which it was given up."""
        return next((since_ns for _, since_ns in self._lost.values()), 0)

    def follow(self, tracks: Sequence[Track], frame: Frame) -> TargetGroup | None:
        """Return what to follow after a frame, None while there is nothing."""
        before, had, lost_before = self.lock, self._members, set(self._lost)
        kept = [one for id in had for one in self._successors(id, tracks)]
        self._members = {member.id: member for member in kept}
        self._note_losses(had, tracks, frame)
        self._members |= self._recovered(tracks)
        self._members |= self._chosen(tracks, frame)
        members = list(self._members.values())
        if not members:
            self.lock = Lock.LOST if self._lost else Lock.SEARCHING
        else:
            seen = any(member.seen_um is not None for member in members)
            self.lock = Lock.LOCKED if seen else Lock.COASTING
        changed = before is not self.lock or (bool(members) and [*self._members] != [*had])
        self.reason = self._explain(before, had, lost_before) if changed else ""
        return TargetGroup(members, self._looked_for(frame)) if members else None

    def mean(self, middle_um: np.ndarray | None) -> None:
        """Take note on which body the place is that is pointed at, by its middle (2,)."""
        self._meant_um = middle_um

    def see_elsewhere(self, places_um: np.ndarray) -> None:
        """Take note where else, (N, 2), something is, that is not among the tracks."""
        self._pointing.others_um = places_um

    def reject(self, id: int) -> None:
        """Follow a track no longer, as it is no specimen; another one is chosen."""
        if self._members.pop(id, None) or self._lost.pop(id, None):
            self._still_to_choose += 1
            self._pointing.choose_again()
        if not self._members:
            self.lock = Lock.LOST if self._lost else Lock.SEARCHING

    def take_notes(self) -> list[str]:
        """Return what there is to say of what was pointed at, since this was last asked."""
        return self._pointing.take_notes()

    def pass_over(self) -> None:
        """Note that a frame went by that could not be used."""
        if self.lock is Lock.LOCKED:
            self.lock = Lock.COASTING

    def _note_losses(self, had: dict[int, Track], tracks: Sequence[Track], frame: Frame) -> None:
        """Note which tracks have died without dividing."""
        alive = {track.id for track in tracks}
        mothers = {mother for track in tracks for mother in track.parents}
        for id in had.keys() - alive - mothers:
            self._lost[id] = had[id], frame.exposed_ns

    def _looked_for(self, frame: Frame) -> list[Track]:
        """Those of several that are lost, as long as it is worth a visit to look for them."""
        longest_ns = self.settings.search_s * NS_PER_S
        return [
            track for track, since in self._lost.values() if frame.exposed_ns - since <= longest_ns
        ]

    def _recovered(self, tracks: Sequence[Track]) -> dict[int, Track]:
        """Those that were lost and have been re-identified."""
        found = {track.id: track for track in tracks if track.id in self._lost}
        for id in found:
            del self._lost[id]
        return found

    def _successors(self, id: int, tracks: Sequence[Track]) -> list[Track]:
        """The track itself, or after a division the daughters that are wanted.

        While daughters part, they are hard to tell apart: the choice may still change.
        """
        itself = [track for track in tracks if track.id == id]
        daughters = [track for track in tracks if id in track.parents]
        if itself and itself[0].parents and itself[0].recent_measurements < _UNDECIDED:
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
        return itself or [min(daughters, key=lambda track: track.born_ns)]

    def _chosen(self, tracks: Sequence[Track], frame: Frame) -> dict[int, Track]:
        """Choose those that are still wanted among the tracks just seen, the best first."""
        if not self._still_to_choose:
            return {}
        seen = [t for t in tracks if t.seen_um is not None and t.id not in self._members]
        wanted = self.settings
        if self.meant_um is not None:
            seen = self._pointing.near(seen, self.meant_um, wanted.reach_um)
        elif wanted.choose == "largest":
            seen.sort(key=lambda track: -track.size_um)
        elif wanted.choose == "brightest":
            seen.sort(key=lambda track: -track.brightness)
        else:
            middle = np.array((frame.pose.x_um, frame.pose.y_um))
            seen.sort(key=lambda track: distance_um(track, middle))
            if seen and not self.wanted:
                self._pointing.tell_choice(seen, seen[0], middle)
        chosen = seen[: self._still_to_choose]
        self._still_to_choose -= len(chosen)
        return {track.id: track for track in chosen}

    def _explain(self, before: Lock, had: dict[int, Track], lost_before: set[int]) -> str:
        members, new = self._members, [m for id, m in self._members.items() if id not in had]
        if not members:
            return "not seen for too long"
        again = [track for track in new if track.id in lost_before]
        if again or before in (Lock.SEARCHING, Lock.LOST):
            x, y = (again or new)[0].prediction.mean_um[:2]
            return f"found{' again' if again else ''} at ({x:.1f}, {y:.1f}) µm"
        if any(set(member.parents) & set(had) for member in new):
            return "divided"
        if self._lost.keys() - lost_before:
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

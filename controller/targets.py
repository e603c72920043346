"""Which object to follow, and whether it is still in hand."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import numpy as np

from ..drivers.messages import Frame
from .decision import Lock
from .tracks import Track


class TargetSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to follow.

    Attributes
    ----------
    choose : {"centre", "largest", "brightest"}
        Among the objects that are found first.
    point_um : (x, y), optional
        In stage coordinates: choose the object nearest to it instead.
    reach_um : float, optional
        How far from the point, or from where a lost target was last believed, to look;
        without it, three sizes of the object.
    """

    choose: Literal["centre", "largest", "brightest"] = "centre"
    point_um: tuple[float, float] | None = None
    reach_um: Annotated[float, msgspec.Meta(gt=0, le=1e9)] | None = None


class Target:
    """The object that is followed: chosen once, kept by identity, found again after a loss.

    Attributes
    ----------
    lock : Lock
        How surely it is in hand.
    reason : str
        Why the lock changed in the last frame; empty if it did not.
    """

    def __init__(self, settings: TargetSettings) -> None:
        self._settings = settings
        self._id = 0
        self._last: Track | None = None
        self.lock = Lock.SEARCHING
        self.reason = ""

    def follow(self, tracks: list[Track], frame: Frame) -> Track | None:
        """Return the target's track after a frame, None while there is none."""
        before = self.lock
        track = self._by_identity(tracks) or self._choose(tracks, frame)
        if track is None:
            self.lock = Lock.SEARCHING if before is Lock.SEARCHING else Lock.LOST
        else:
            self._id = track.id
            self._last = track
            self.lock = Lock.COASTING if track.seen_um is None else Lock.LOCKED
        self.reason = "" if self.lock is before else self._explain(before, track)
        return track

    def _by_identity(self, tracks: list[Track]) -> Track | None:
        return next((track for track in tracks if track.id == self._id), None)

    def _choose(self, tracks: list[Track], frame: Frame) -> Track | None:
        """Pick from the tracks that are in sight."""
        seen = [track for track in tracks if track.seen_um is not None]
        if self._last is not None:
            spread_um = 3 * self._last.sigma_um + self._reach_um(self._last)
            return self._nearest(seen, self._last.prediction.mean_um[:2], spread_um)
        if self._settings.point_um is not None:
            return self._nearest(seen, np.array(self._settings.point_um), None)
        if not seen:
            return None
        match self._settings.choose:
            case "largest":
                return max(seen, key=lambda track: track.size_um)
            case "brightest":
                return max(seen, key=lambda track: track.brightness)
        return self._nearest(seen, np.array((frame.pose.x_um, frame.pose.y_um)), np.inf)

    def _nearest(
        self, tracks: list[Track], point_um: np.ndarray, reach_um: float | None
    ) -> Track | None:
        """Return the track nearest to a point, if it is within reach of it."""
        if not tracks:
            return None
        nearest = min(tracks, key=lambda t: np.hypot(*(t.prediction.mean_um[:2] - point_um)))
        distance_um = np.hypot(*(nearest.prediction.mean_um[:2] - point_um))
        reach_um = self._reach_um(nearest) if reach_um is None else reach_um
        return nearest if distance_um <= reach_um else None

    def _reach_um(self, track: Track) -> float:
        return 3 * track.size_um if self._settings.reach_um is None else self._settings.reach_um

    def _explain(self, before: Lock, track: Track | None) -> str:
        if track is None:
            return "no sighting for too long"
        if self.lock is Lock.COASTING:
            return "not seen in this frame"
        if before in (Lock.SEARCHING, Lock.LOST):
            x, y = track.prediction.mean_um[:2]
            again = " again" if before is Lock.LOST else ""
            return f"found{again} at ({x:.1f}, {y:.1f}) µm"
        return "seen again"

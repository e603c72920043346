"""What the controller saw, estimated and did: one record for each frame that it processed."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from ...drivers.messages import Message


class Lock(StrEnum):
    """How well the target is known."""

    SEARCHING = "searching"
    """No target yet: nothing moves."""
    LOCKED = "locked"
    """Seen in this frame."""
    COASTING = "coasting"
    """Not seen in this frame; its motion is extrapolated."""
    LOST = "lost"
    """The track has ended; the stage searches until an object is re-identified as the target."""


class Event(Message, frozen=True):
    """A division of an object, or a merge of measurements.

    Attributes
    ----------
    kind : {"division", "merge", "parting"}
        One became two; two are seen as one; they are seen apart again.
    before, after : tuple of int
        Identities of the tracks that took part, before and after it.
    """

    kind: Literal["division", "merge", "parting"]
    before: tuple[int, ...]
    after: tuple[int, ...]


class TrackPoint(Message, frozen=True):
    """One confirmed track at the exposure of one frame.

    Attributes
    ----------
    id : int
        Identity, unique within a session.
    x_um, y_um, z_um : float
        Filtered position in stage coordinates.
    seen : bool
        Whether a detection supports it in this frame.
    """

    id: int
    x_um: float
    y_um: float
    z_um: float
    seen: bool


class Decision(Message, frozen=True):
    """One step of the loop.

    Attributes
    ----------
    frame : int
        Index of the frame.
    exposed_ns : int
        Middle of its exposure.
    pose_um : (x, y, z)
        Stage pose then.
    detections : int
        Number of objects found.
    looked_px : tuple of (left, top, right, bottom) or None
        Parts of the frame that the detector was shown, the latter two exclusive; None: all of it.
    lock : Lock
        State of the target after this frame.
    reason : str
        Why ``lock`` changed, or why nothing moved; empty when there is nothing to explain.
    target : int or None
        Identity of the track that is followed, of several the first.
    targets : tuple of int
        Identities of all that are followed; if several are, also of those that are searched for.
    seen_um, seen_score : (x, y) or None, float
        Where the target was detected, in stage coordinates, and how confidently.
    predicted_um, predicted_sigma_um : (x, y) or None, float
        Where it will be, and the standard deviation of that (root of the mean variance of x, y).
    horizon_ms : float
        From the middle of this exposure to the instant of the prediction.
    move_um : (x, y) or None
        Where the stage was sent.
    velocity_um_s : (x, y) or None
        Velocity that the stage was given instead.
    focus_um : float or None
        Where the focal plane was sent.
    focusing_light : float
        Share of all light so far that was spent on focusing.
    answers : bool
        Whether the picture has answered to the stage as the calibration says; until then there
        are only small first moves.
    took_nearest : bool
        Whether what is followed was not where somebody pointed, but the nearest to that place.
    held_by : {"", "limits", "hand"}
        What keeps the stage from the target: it waits at the edge of the limits, beyond which
        the target was when it was in hand last; or a hand moves it.
    tracks : tuple of TrackPoint
        All confirmed tracks.
    events : tuple of Event
        Divisions, merges and partings since the last frame.
    notes : tuple of str
        What a person should know since the last frame: what the detector runs on, and why; how
        focusing was decided; faults of observers and acquisitions.
    timings_us : dict of str to float
        Host time that each stage of the loop took; see `Stopwatch`.
    """

    frame: int
    exposed_ns: int
    pose_um: tuple[float, float, float]
    detections: int
    lock: Lock
    looked_px: tuple[tuple[int, int, int, int], ...] | None = None
    reason: str = ""
    target: int | None = None
    targets: tuple[int, ...] = ()
    seen_um: tuple[float, float] | None = None
    seen_score: float = 0.0
    predicted_um: tuple[float, float] | None = None
    predicted_sigma_um: float = 0.0
    horizon_ms: float = 0.0
    move_um: tuple[float, float] | None = None
    velocity_um_s: tuple[float, float] | None = None
    focus_um: float | None = None
    focusing_light: float = 0.0
    answers: bool = True
    took_nearest: bool = False
    held_by: Literal["", "limits", "hand"] = ""
    tracks: tuple[TrackPoint, ...] = ()
    events: tuple[Event, ...] = ()
    notes: tuple[str, ...] = ()
    timings_us: dict[str, float] = {}  # noqa: RUF012 (msgspec copies an empty default)

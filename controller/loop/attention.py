"""Attention: where a detector looks in a frame, so that the target is never held up."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import msgspec
import numpy as np

from ...drivers.messages import Frame
from ...models.detections import Detections
from ...models.detectors import Detector, SupportsWindow, Window, detect, detect_within
from ..decisions import Lock
from ..targets import TargetGroup, TargetSelection
from ..tracking import Crop, FieldGeometry, Track
from .field_parts import FieldParts
from .pointing import point, tell_target

_SIGMAS = 5.0
"""Standard deviations of the prediction in half a window. Chosen: motion is not Gaussian, and a
target outside of the window costs a frame."""
_SIZES = 1.5
"""Sizes of the target in half a window beside that, so that it is seen whole, with its
surroundings, from which detectors tell the background."""
_LEAST_PX = 32.0
"""Least half of a window. Chosen: a smaller image saves hardly any time."""
_MOST_WINDOWS = 4
"""Windows in a frame of a field that is divided. Chosen: they take as long as a part of it."""


class AttentionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of the field is looked at.

    Other Parameters
    ----------------
    window : {"auto", "always", "never"}
        Whether to look only around the target while it is locked. ``auto``: with detectors
        that are made for it, such as learned ones, for which the whole field is slow. Where a
        look at the whole field takes longer than a frame, the field is looked at in parts all
        the same, but with ``never``.
    whole_every : int
        Frames after which the whole field is looked at all the same; also whenever the target
        was missed.
    """

    window: Literal["auto", "always", "never"] = "auto"
    whole_every: Annotated[int, msgspec.Meta(ge=1)] = 50


class Attention:
    """Looks at frames with a detector, at the part that matters.

    Parameters
    ----------
    settings : AttentionSettings
    geometry : FieldGeometry
        Of the microscope.
    sides_px : tuple of int
        Width and height of the field.
    detector : Detector
    clock : callable
        What looks are timed by, in ns.
    """

    def __init__(
        self,
        settings: AttentionSettings,
        geometry: FieldGeometry,
        sides_px: tuple[int, int],
        detector: Detector,
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._geometry, self._detector, self._clock = geometry, detector, clock
        self._whole_every = settings.whole_every
        self._may_divide = settings.window != "never"
        self._uses_windows = settings.window == "always" or (
            settings.window == "auto" and isinstance(detector, SupportsWindow)
        )
        self._parts = FieldParts(*sides_px, settings.whole_every, geometry.pixel_um)
        self._frames_since_whole = 0
        self._notes, self._told_s = list[str](), 0.0

    def look(
        self,
        frame: Frame,
        target: TargetSelection,
        followed: TargetGroup | None,
        begun: Sequence[Track] = (),
        interval_ns: float = math.inf,
    ) -> tuple[Detections, tuple[Crop, ...] | None]:
        """Detect in a window around the target if that is enough, else in the whole field.

        Where that would take too long, in as many parts of it as there is time for.

        Parameters
        ----------
        frame : Frame
        target : TargetSelection
            Says what is pointed at, and whether it is locked.
        followed : TargetGroup or None
            What was followed in the frame before.
        begun : sequence of Track
            What may become an object that is chosen.
        interval_ns : float
            Between two frames.

        Returns
        -------
        Detections
        tuple of Crop or None
            What was looked at of the image; None for all.
        """
        point(self._detector, target, self._geometry, frame)
        windows = self._windows(frame, target, followed, begun, interval_ns)
        if windows is None:
            found, looked_px = self._timed(frame, None), None
        else:
            found = Detections.joined([self._timed(frame, window) for window in windows])
            looked_px = tuple(window.crop(frame.image.shape) for window in windows)
        tell_target(self._detector, found, target, self._geometry, frame)
        return found, looked_px

    @property
    def all_shown(self) -> bool:
        """Whether a search has shown all of the field where the stage is; True if none goes on."""
        return self._parts.all_shown

    def take_notes(self) -> list[str]:
        """Return what there is to say since this was last asked."""
        notes, self._notes = self._notes, []
        return notes

    def _timed(self, frame: Frame, window: Window | None) -> Detections:
        """Look, and learn how long it took; in virtual time it takes none."""
        began_ns = self._clock()
        if window is None:
            found, looked = detect(self._detector, frame.image), frame.image.size
        else:
            found = detect_within(self._detector, frame.image, window)
            left, top, right, bottom = window.crop(frame.image.shape)
            looked = (right - left) * (bottom - top)
        if frame.arrived_ns:
            self._parts.learn(looked, self._clock() - began_ns)
        return found

    def _windows(
        self,
        frame: Frame,
        target: TargetSelection,
        followed: TargetGroup | None,
        begun: Sequence[Track],
        interval_ns: float,
    ) -> list[Window] | None:
        """Return where to look, None for the whole field.

        The whole field is due after some frames, and on doubt: unless the target was seen in
        the last frame. Several targets may be anywhere in it.
        """
        is_large = self._parts.are_needed(interval_ns, bool(frame.arrived_ns))
        is_divided = self._may_divide and is_large and not _needs_all(target)
        self._parts.search(frame.pose if is_divided and target.lock is Lock.LOST else None)
        if is_divided:
            return self._divided(frame, target, followed, begun, interval_ns)
        self._frames_since_whole += 1
        due = not self._uses_windows or self._frames_since_whole >= self._whole_every
        if due or followed is None or len(followed.all) > 1 or target.lock is not Lock.LOCKED:
            self._frames_since_whole = 0
            return None
        return [self._around(followed, frame)]

    def _divided(
        self,
        frame: Frame,
        target: TargetSelection,
        followed: TargetGroup | None,
        begun: Sequence[Track],
        interval_ns: float,
    ) -> list[Window]:
        """Return where to look in a field that is too large for one look.

        Around what is followed, or around what was found where something is looked for, the
        nearest first; and at some of the rest of the field, on doubt nearest to that.
        """
        near_px = self._looked_for_px(frame, target, followed)
        is_sure = followed is not None and target.lock is Lock.LOCKED
        near_um = self._geometry.position_of(np.array(near_px), frame)
        some = sorted(
            begun if followed is None else followed.members,
            key=lambda one: math.dist(one.prediction.mean_um[:2], near_um),
        )[:_MOST_WINDOWS]
        if followed is not None:
            largest_um = max(member.size_um for member in followed.members)
            self._parts.fit(largest_um / self._geometry.pixel_um)
        windows = [self._around(one, frame, self._parts.edge_px / 2) for one in some]
        begun_um = (one.prediction.mean_um[:2] for one in begun if is_sure)
        self._parts.look_again([self._geometry.pixel_of(place, frame) for place in begun_um])
        parts = self._parts.next(interval_ns, frame.exposed_ns, None if is_sure else near_px)
        looked = [*(window for window in windows if _is_in(window, frame)), *parts]
        self._tell_period()
        return looked

    def _looked_for_px(
        self, frame: Frame, target: TargetSelection, followed: TargetGroup | None
    ) -> tuple[float, float]:
        """Where in the field what is followed should be, or is pointed at; else its middle."""
        if followed is not None:
            place_um = followed.predict(frame.exposed_ns).mean_um[:2]
        elif target.lost is not None:
            place_um = target.lost.predict(frame.exposed_ns).mean_um[:2]
        elif target.pointed_um is not None:
            place_um = target.pointed_um
        else:
            place_um = np.array((frame.pose.x_um, frame.pose.y_um))
        return self._geometry.pixel_of(place_um, frame)

    def _around(self, what: TargetGroup | Track, frame: Frame, most_px: float = math.inf) -> Window:
        """The window in which something is expected; half its edge is no more than ``most_px``."""
        prediction = what.predict(frame.exposed_ns)
        spread_um = _SIGMAS * float(prediction.cov_um2[:2, :2].trace() / 2) ** 0.5
        half_px = (_SIZES * what.size_um + spread_um) / self._geometry.pixel_um
        x, y = self._geometry.pixel_of(prediction.mean_um[:2], frame)
        return Window((x, y), min(max(half_px, _LEAST_PX), most_px))

    def _tell_period(self) -> None:
        """Say once how often the whole field is looked at, and again if that has doubled."""
        whole_s = self._parts.whole_s
        if math.isfinite(whole_s) and whole_s > 2 * self._told_s:
            self._told_s = whole_s
            self._notes.append(
                "a look at the whole field takes longer than a frame: it is looked at in parts "
                f"beside the target, all of it every {whole_s:.2g} s"
            )


def _needs_all(target: TargetSelection) -> bool:
    """Whether a frame has to tell all that is in the field, to choose one of them."""
    is_open = target.lock is Lock.SEARCHING and target.pointed_um is None
    return is_open and target.settings.choose != "centre"


def _is_in(window: Window, frame: Frame) -> bool:
    left, top, right, bottom = window.crop(frame.image.shape)
    return left < right and top < bottom

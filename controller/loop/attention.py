"""Attention: a detector looks at a window around the prediction while the target is seen there."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ...drivers.messages import Frame
from ...models.detections import Detections
from ...models.detectors import Detector, SupportsWindow, Window, detect, detect_within
from ..decisions import Lock
from ..targets import TargetGroup, TargetSelection
from ..tracking import Crop, FieldGeometry
from .pointing import point, tell_target

_SIGMAS = 5.0
"""Standard deviations of the prediction in half a window. Chosen: motion is not Gaussian, and a
target outside of the window costs a frame."""
_SIZES = 1.5
"""Sizes of the target in half a window beside that, so that it is seen whole, with its
surroundings, from which detectors tell the background."""
_LEAST_PX = 32.0
"""Least half of a window. Chosen: a smaller image saves hardly any time."""


class AttentionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of the field is looked at.

    Other Parameters
    ----------------
    window : {"auto", "always", "never"}
        Whether to look only around the target while it is locked. ``auto``: with detectors
        that are made for it, such as learned ones, for which the whole field is slow.
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
    detector : Detector
    """

    def __init__(
        self, settings: AttentionSettings, geometry: FieldGeometry, detector: Detector
    ) -> None:
        self._geometry, self._detector = geometry, detector
        self._whole_every = settings.whole_every
        self._uses_windows = settings.window == "always" or (
            settings.window == "auto" and isinstance(detector, SupportsWindow)
        )
        self._frames_since_whole = 0

    def look(
        self, frame: Frame, target: TargetSelection, followed: TargetGroup | None
    ) -> tuple[Detections, Crop | None]:
        """Detect in a window around the target if that is enough, else in the whole field.

        Parameters
        ----------
        frame : Frame
        target : TargetSelection
            Says what is pointed at, and whether it is locked.
        followed : TargetGroup or None
            What was followed in the frame before.

        Returns
        -------
        Detections
        Crop or None
            What was looked at of the image; None for all.
        """
        point(self._detector, target, self._geometry, frame)
        window = self._window(followed, target.lock, frame)
        if window is None:
            found, looked_px = detect(self._detector, frame.image), None
        else:
            found = detect_within(self._detector, frame.image, window)
            looked_px = window.crop(frame.image.shape)
        tell_target(self._detector, found, target, self._geometry, frame)
        return found, looked_px

    def _window(self, target: TargetGroup | None, lock: Lock, frame: Frame) -> Window | None:
        """Return where to look, None for the whole field.

        The whole field is due after some frames, and on doubt: unless the target was seen in
        the last frame. Several targets may be anywhere in it.
        """
        self._frames_since_whole += 1
        due = not self._uses_windows or self._frames_since_whole >= self._whole_every
        if due or target is None or len(target.all) > 1 or lock is not Lock.LOCKED:
            self._frames_since_whole = 0
            return None
        prediction = target.predict(frame.exposed_ns)
        spread_um = _SIGMAS * float(prediction.cov_um2[:2, :2].trace() / 2) ** 0.5
        half_px = (_SIZES * target.size_um + spread_um) / self._geometry.pixel_um
        x, y = self._geometry.pixel_of(prediction.mean_um[:2], frame)
        return Window((x, y), max(half_px, _LEAST_PX))

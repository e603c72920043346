"""Where to look: around the prediction while the target is in hand, else the whole field."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ...drivers.messages import Frame
from ...models.detectors import Detector, SupportsWindow, Window
from ..decisions import Lock
from ..targets import Followed
from ..tracking import FieldGeometry, Track

_SIGMAS = 5.0
"""Half the window holds so many standard deviations of the prediction."""
_SIZES = 1.5
"""And so many sizes of the target, so that it is seen whole, with its surroundings."""
_LEAST_PX = 32.0


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
    """Chooses the part of a frame that a detector is shown.

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
        self._geometry = geometry
        self._whole_every = settings.whole_every
        self._narrow = settings.window == "always" or (
            settings.window == "auto" and isinstance(detector, SupportsWindow)
        )
        self._since_whole = 0

    def window(self, target: Followed | None, lock: Lock, frame: Frame) -> Window | None:
        """Return where to look, None for the whole field.

        The whole field is due after some frames, and on doubt: unless the target was seen in
        the last frame. Several targets are everywhere in it.
        """
        self._since_whole += 1
        if not self._narrow or not isinstance(target, Track) or lock is not Lock.LOCKED:
            return self._whole()
        if self._since_whole >= self._whole_every:
            return self._whole()
        # As the tracker will: where it is now costs a tenth of a forecast from the last frame.
        target.predictor.advance(frame.exposed_ns)
        prediction = target.predict(frame.exposed_ns)
        spread_um = _SIGMAS * float(prediction.cov_um2[:2, :2].trace() / 2) ** 0.5
        half_px = (_SIZES * target.size_um + spread_um) / self._geometry.pixel_um
        x, y = self._geometry.pixel_of(prediction.mean_um[:2], frame)
        return Window((x, y), max(half_px, _LEAST_PX))

    def _whole(self) -> None:
        self._since_whole = 0

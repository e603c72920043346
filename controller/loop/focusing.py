"""Focusing on the target: what is looked at, and where the focal plane goes."""

from __future__ import annotations

from ...drivers.messages import Frame
from ...models.detectors import Window
from ..focus import Focus
from ..policies import Horizon, Plan
from ..targets import TargetGroup
from ..tracking import FieldGeometry, Tracker

_SIZES = 1.5
"""Sizes of the target in half the window that focusing looks at. Chosen: defocused light is spread
around the target."""


class Focusing:
    """Keeps the first of the objects that are followed in focus.

    Parameters
    ----------
    focus : Focus
    geometry : FieldGeometry
        Of the microscope.
    tracker : Tracker
        Told where the object lies along the optical axis.
    """

    def __init__(self, focus: Focus, geometry: FieldGeometry, tracker: Tracker) -> None:
        self._focus, self._geometry, self._tracker = focus, geometry, tracker

    def measure(self, shown: TargetGroup | None, frame: Frame) -> None:
        """Look at the sharpness of the first object; what it tells of z goes into its track."""
        if shown is None:
            self._focus.see(frame, None, None)
            return
        track, window = shown.members[0], None
        if track.seen_um is not None:
            half_px = _SIZES * track.size_um / self._geometry.pixel_um
            window = Window(self._geometry.pixel_of(track.seen_um, frame), half_px)
        measured = self._focus.see(frame, window, track.prediction)
        if measured is not None:
            self._tracker.focus(track, measured.z_um, measured.sigma_um)

    def plan(
        self, shown: TargetGroup | None, plan: Plan, frame: Frame, horizon: Horizon
    ) -> float | None:
        """Where the focal plane goes in µm: to the first object; None leaves it where it is."""
        if shown is None:
            return self._focus.plan(None, frame)
        at_ns, prediction = horizon.instant_ns(frame), plan.prediction
        if prediction is None or prediction.at_ns != at_ns or len(shown.members) > 1:
            prediction = shown.members[0].predict(at_ns)
        return self._focus.plan(prediction, frame)

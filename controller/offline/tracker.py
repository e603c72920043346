"""Tracking without a stage: images that all show the same field."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...drivers.clock import NS_PER_S
from ...drivers.messages import Description, Dynamics, Frame, Image, StagePose
from ...models.detections import Detections
from ...models.predictors import Predictor
from ..tracking import FieldGeometry, Track, Tracker, TrackingSettings
from .tracklets import Tracklets, backdated

_AXIS_UM = -1e12, 1e12
"""Limits of a stage that does not move: none."""


class OfflineTracker:
    """A `Tracker` of detections in images of one size.

    Its tracks are in µm from the middle of the image, right and down.
    """

    def __init__(
        self,
        settings: TrackingSettings,
        predictor: Predictor,
        width_px: int,
        height_px: int,
        pixel_um: float,
    ) -> None:
        self._geometry = FieldGeometry(_still_microscope(width_px, height_px, pixel_um))
        self._tracker = Tracker(settings, self._geometry, predictor)
        self._count = 0

    def update(self, image: Image, found: Detections, at_ns: int) -> list[Track]:
        """Update with the detections in the next image, at an instant; return confirmed tracks."""
        pose = StagePose(0.0, 0.0, 0.0, at_ns)
        frame = Frame(image, self._count, at_ns, at_ns, 0.0, pose)
        self._count += 1
        self._tracker.advance(at_ns)
        return self._tracker.update(self._geometry.measurements(found, frame), frame)


def tracklets_of(
    found: Sequence[Detections],
    tracker: OfflineTracker,
    sides_px: tuple[int, int],
    interval_s: float,
) -> Tracklets:
    """Track the detections of a movie from its first frame to its last.

    ``sides_px`` are the width and height of the images, which need not be shown: nothing is
    registered where nothing is pointed at.
    """
    blank = np.zeros(sides_px[::-1], np.uint8)
    rows: list[tuple[float, ...]] = []
    mothers: dict[int, int] = {}
    for frame, one in enumerate(found):
        for track in tracker.update(blank, one, round((frame + 0.5) * interval_s * NS_PER_S)):
            if track.seen_um is not None:
                x_um, y_um = track.seen_um.tolist()
                rows.append((track.id, frame, x_um, y_um, track.size_um, track.score))
                if track.parents:
                    mothers[track.id] = track.parents[0]
    table = np.array(rows, np.float64).reshape(-1, 6)
    ids, frames = table[:, 0].astype(np.intp), table[:, 1].astype(np.intp)
    whole = Tracklets(ids, frames, table[:, 2:4], table[:, 4], table[:, 5], ids, mothers)
    return backdated(whole.named(ids))


def _still_microscope(width_px: int, height_px: int, pixel_um: float) -> Description:
    """Describe a microscope whose stage stands still."""
    return Description(
        name="images",
        camera="",
        xy_stage="",
        focus="",
        width_px=width_px,
        height_px=height_px,
        dtype="uint16",
        pixel_um=pixel_um,
        affine=(pixel_um, 0.0, 0.0, pixel_um),
        exposure_ms=0.0,
        interval_ms=0.0,
        dynamics=Dynamics(),
        limits_um=(_AXIS_UM, _AXIS_UM, _AXIS_UM),
    )

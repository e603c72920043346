"""A tracker that is shown objects by their positions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from pursuit.controller.tracking import FieldGeometry, Track, Tracker, TrackingSettings
from pursuit.drivers.messages import Description, Dynamics, Frame, StagePose
from pursuit.models import predictors
from pursuit.models.detections import Detections

INTERVAL_NS = 100_000_000
PIXEL_UM = 0.5
SIZE_PX = 200
FIELD_UM = SIZE_PX * PIXEL_UM
VIEW = FieldGeometry(
    Description(
        name="test",
        camera="Camera",
        xy_stage="XY",
        focus="",
        width_px=SIZE_PX,
        height_px=SIZE_PX,
        dtype="uint8",
        pixel_um=PIXEL_UM,
        affine=(PIXEL_UM, 0, 0, PIXEL_UM),
        exposure_ms=5,
        interval_ms=INTERVAL_NS / 1e6,
        dynamics=Dynamics(),
        limits_um=((-1e4, 1e4), (-1e4, 1e4), (-1e4, 1e4)),
    )
)
IMAGE = np.zeros((SIZE_PX, SIZE_PX), np.uint8)


class Bench:
    """A tracker that is shown objects by their positions in stage µm, frame after frame."""

    def __init__(self, speed_um_s: float = 10.0, **settings: float) -> None:
        options = {"speed_um_s": speed_um_s}
        self.tracker = Tracker(
            TrackingSettings(**settings),  # type: ignore[arg-type]
            VIEW,
            predictors.create("auto", options),
        )
        self.shown = 0

    def show(
        self, positions_um: ArrayLike = (), stage_um: tuple[float, float] = (0, 0)
    ) -> list[Track]:
        centres = np.reshape(positions_um, (-1, 2)) - stage_um
        centres = centres / PIXEL_UM + (SIZE_PX - 1) / 2
        return self.detect(Detections.of(np.hstack([centres - 4, centres + 4])), stage_um)

    def show_often(
        self, times: int, positions_um: ArrayLike = (), stage_um: tuple[float, float] = (0, 0)
    ) -> list[list[Track]]:
        return [self.show(positions_um, stage_um) for _ in range(times)]

    def detect(self, found: Detections, stage_um: tuple[float, float] = (0, 0)) -> list[Track]:
        at_ns = self.shown * INTERVAL_NS
        frame = Frame(IMAGE, self.shown, at_ns, at_ns, 5.0, StagePose(*stage_um, 0.0, at_ns))
        self.shown, self.frame = self.shown + 1, frame
        return update(self.tracker, found, frame)

    def keep(self, *ids: int) -> None:
        self.tracker.keep(ids, self.frame)


def update(tracker: Tracker, found: Detections, frame: Frame) -> list[Track]:
    tracker.advance(frame.exposed_ns)
    return tracker.update(VIEW.measurements(found, frame), frame)


def seen_at(tracks: Sequence[Track]) -> dict[int, tuple[float, float] | None]:
    """Where each track was measured, rounded to 10 nm."""
    return {
        t.id: None if t.seen_um is None else (round(t.seen_um[0], 2), round(t.seen_um[1], 2))
        for t in tracks
    }

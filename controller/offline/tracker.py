"""Tracking without a stage: one picture after the other, seen from the same place."""

from __future__ import annotations

from ...drivers.messages import Description, Dynamics, Frame, Image, StagePose
from ...models.detections import Detections
from ...models.predictors import Predictor
from ..tracking import FieldGeometry, Track, Tracker, TrackingSettings

_AXIS_UM = -1e12, 1e12


class OfflineTracker:
    """A `Tracker` of detections in pictures of one size.

    Its tracks are in µm from the middle of the picture, right and down.

    Parameters
    ----------
    settings : TrackingSettings
    predictor : Predictor
    width_px, height_px : int
        Size of the pictures.
    pixel_um : float
        Edge of a pixel.
    """

    def __init__(
        self,
        settings: TrackingSettings,
        predictor: Predictor,
        width_px: int,
        height_px: int,
        pixel_um: float,
    ) -> None:
        self._geometry = FieldGeometry(_still(width_px, height_px, pixel_um))
        self._tracker = Tracker(settings, self._geometry, predictor)
        self._shown = 0

    def update(self, image: Image, found: Detections, at_ns: int) -> list[Track]:
        """Take in what was detected in the next picture; return the confirmed tracks.

        Parameters
        ----------
        image : (H, W) uint8 or uint16
        found : Detections
        at_ns : int
            Instant of the picture, on any clock.
        """
        pose = StagePose(0.0, 0.0, 0.0, at_ns)
        frame = Frame(image, self._shown, at_ns, at_ns, 0.0, pose)
        self._shown += 1
        self._tracker.advance(at_ns)
        return self._tracker.update(self._geometry.measurements(found, frame), frame)


def _still(width_px: int, height_px: int, pixel_um: float) -> Description:
    """Describe a microscope whose stage stands still."""
    return Description(
        name="pictures",
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

"""What is pointed at, between target and detector: where it is, and what is near instead."""

import numpy as np

from ...drivers.messages import Frame
from ...models.detections import Detections
from ...models.detectors import Detector, SeesElsewhere, SupportsPointing
from ...models.pointing import body_at
from ..targets import TargetSelection
from ..tracking import FieldGeometry


def point(
    detector: Detector, target: TargetSelection, geometry: FieldGeometry, frame: Frame
) -> None:
    """Tell a detector that wants to know where in a frame something is pointed at."""
    if target.pointed_um is not None and isinstance(detector, SupportsPointing):
        detector.point_at(geometry.pixel_of(target.pointed_um, frame))


def tell_target(
    detector: Detector,
    found: Detections,
    target: TargetSelection,
    geometry: FieldGeometry,
    frame: Frame,
) -> None:
    """Tell the target on whose body of those found in a frame the place is that is pointed at.

    And what the detector has seen, but not detected, beside it.
    """
    if target.pointed_um is None:
        return
    row = body_at(frame.image, geometry.pixel_of(target.pointed_um, frame), found)
    target.mean(None if row < 0 else geometry.position_of(found.centres_px[row], frame))
    if isinstance(detector, SeesElsewhere):
        places_um = [geometry.position_of(at, frame) for at in detector.elsewhere_px]
        target.see_elsewhere(np.array(places_um).reshape(-1, 2))

"""What is pointed at, between target and detector: where it is, and what is near instead."""

import numpy as np

from ...drivers.messages import Frame
from ...models.detectors import Detector, SeesElsewhere, SupportsPointing
from ..targets import TargetSelection
from ..tracking import FieldGeometry


def point(
    detector: Detector, target: TargetSelection, geometry: FieldGeometry, frame: Frame
) -> None:
    """Tell a detector that wants to know where in a frame something is pointed at."""
    if target.pointed_um is not None and isinstance(detector, SupportsPointing):
        detector.point_at(geometry.pixel_of(target.pointed_um, frame))


def tell_elsewhere(
    detector: Detector, target: TargetSelection, geometry: FieldGeometry, frame: Frame
) -> None:
    """Tell the target what the detector has seen, but not detected, beside what is pointed at."""
    if target.pointed_um is not None and isinstance(detector, SeesElsewhere):
        places_um = [geometry.position_of(at, frame) for at in detector.elsewhere_px]
        target.see_elsewhere(np.array(places_um).reshape(-1, 2))

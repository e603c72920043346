"""What is pointed at, between target and detector: where it is, and what is near instead."""

import numpy as np

from ...drivers.messages import Frame
from ...models.detections import Detections
from ...models.detectors import Detector, SeesElsewhere, SupportsPointing
from ...models.pointing import BODY, body_at, pointing_costs
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

    If the place is near the middle of any, the likelihood of each decides. Also tell what the
    detector has seen, but not detected, beside it.
    """
    if target.pointed_um is None:
        return
    at_px, sizes_px = geometry.pixel_of(target.pointed_um, frame), np.sqrt(found.sizes_px.prod(1))
    costs = pointing_costs(at_px, found.centres_px, sizes_px, found.scores, BODY)
    row = -1 if np.isfinite(costs).any() else body_at(frame.image, at_px, found)
    target.mean(None if row < 0 else geometry.position_of(found.centres_px[row], frame))
    if isinstance(detector, SeesElsewhere):
        places_um = [geometry.position_of(at, frame) for at in detector.elsewhere_px]
        target.see_elsewhere(np.array(places_um).reshape(-1, 2))

"""What stays at its place in the picture is left out, and what is near it is not."""

import numpy as np
from pursuit.controller.response.specks import Specks
from pursuit.models.detections import Detections


def at(*places: tuple[float, float]) -> Detections:
    centres = np.array(places, np.float32)
    return Detections.of(np.hstack([centres - 4, centres + 4]))


def test_only_what_is_at_the_place_is_left_out() -> None:
    specks = Specks()
    found = at((100, 50), (101, 51), (110, 50))
    assert len(specks.without(found)) == 3
    specks.add(np.array([100.0, 50.0]))
    assert specks.without(found).centres_px.tolist() == [[110, 50]]
    assert len(specks.without(Detections.none())) == 0

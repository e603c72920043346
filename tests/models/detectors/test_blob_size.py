"""The classical detector measures sizes, and says so if another one was told."""

import re

import numpy as np
import pytest
from pursuit.models.detectors import HasNotes, create


@pytest.mark.parametrize(("told", "noted"), [(0.6, True), (1.0, False), (1.3, False), (1.7, True)])
def test_a_diameter_that_is_told_wrongly_is_noted_once(told: float, noted: bool) -> None:
    """Of one spot with a full width at half maximum of 8 px, in frame after frame."""
    detector = create("blobs", {"diameter_px": 1.5 * 8 * told})
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:96, :96]
    for frame in range(40):
        spot = 2.0 ** -(((x - 40 - 0.3 * frame) ** 2 + (y - 50) ** 2) / 4**2)
        assert len(detector.detect(rng.poisson(100 + 1500 * spot).astype(np.uint16)))
    assert isinstance(detector, HasNotes)
    assert len(detector.notes) == noted
    for note in detector.notes:
        factor = re.search(r"set it to ([0-9.]+) times as much", note)
        assert factor and float(factor[1]) == pytest.approx(1 / told, rel=0.05)


@pytest.mark.parametrize("told", [0.6, 1.0, 1.6])
def test_a_spot_is_as_large_whatever_diameter_is_told(told: float) -> None:
    """The tolerance is of use only if the size does not follow the one that is told."""
    y, x = np.mgrid[:96, :96]
    spot = 2.0 ** -(((x - 47.3) ** 2 + (y - 50.2) ** 2) / 4**2)
    image = np.random.default_rng(0).poisson(100 + 1500 * spot).astype(np.uint16)
    (box,) = create("blobs", {"diameter_px": 1.5 * 8 * told}).detect(image).boxes_px
    np.testing.assert_allclose(box[2:] - box[:2], 12**0.5 * 8 / 2.355, rtol=0.04)


@pytest.mark.parametrize("diameter", [4, 6, 8, 12])
def test_a_hot_pixel_is_no_spot(diameter: float) -> None:
    hot = np.random.default_rng(2).poisson(100, (128, 128)).astype(np.uint16)
    hot[40, 50] = 4000
    assert len(create("blobs", {"diameter_px": diameter}).detect(hot)) == 0

"""Between pixels and stage coordinates, for any mounting of the camera."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pursuit.controller.tracking import FieldGeometry
from pursuit.drivers.messages import Description, Dynamics, Frame, StagePose
from pursuit.models.detections import BoxConvention, Detections

IMAGE = np.zeros((80, 120), np.uint8)
MIDDLE_PX = (59.5, 39.5)


def geometry(affine: tuple[float, float, float, float]) -> FieldGeometry:
    limits_um = (-1e4, 1e4)
    return FieldGeometry(
        Description(
            name="test",
            camera="Camera",
            xy_stage="XY",
            focus="",
            width_px=120,
            height_px=80,
            dtype="uint8",
            pixel_um=0.5,
            affine=affine,
            exposure_ms=5,
            interval_ms=100,
            dynamics=Dynamics(),
            limits_um=(limits_um, limits_um, limits_um),
        )
    )


def frame(x_um: float = 0.0, y_um: float = 0.0) -> Frame:
    return Frame(IMAGE, 0, 0, 0, 5.0, StagePose(x_um, y_um, 0.0, 0))


@given(
    st.floats(0, 6.28),
    st.sampled_from([-0.5, 0.5]),
    st.tuples(*[st.floats(0, 119)] * 2),
    st.tuples(*[st.floats(-500, 500)] * 2),
)
def test_a_measurement_is_seen_where_it_was_detected(
    angle: float, mirror: float, pixel: tuple[float, float], stage_um: tuple[float, float]
) -> None:
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    field = geometry((0.5 * cos, mirror * sin, -0.5 * sin, mirror * cos))
    centre = np.array(pixel)
    box = np.concatenate([centre - 3, centre + 3])
    measured = field.measurements(Detections.of([box]), frame(*stage_um))
    assert field.pixel_of(measured.positions_um[0], frame(*stage_um)) == pytest.approx(
        pixel, abs=1e-3
    )
    assert measured.sizes_um == pytest.approx(3.0, rel=1e-4)


def test_an_object_in_the_middle_is_where_the_stage_is() -> None:
    box = (*np.subtract(MIDDLE_PX, (4, 2)), *np.add(MIDDLE_PX, (4, 2)))
    convention = BoxConvention(per_variance=12.0)
    found = replace(Detections.of([box], brightness=[0.0]), convention=convention)
    measured = geometry((0, 0.5, 0.5, 0)).measurements(found, frame(7, -8))
    assert measured.positions_um == pytest.approx(np.array([(7, -8)]))
    assert measured.extents_um == pytest.approx(np.array([(2, 4)]))
    assert np.isnan(measured.appearance[0, 1])
    assert measured.convention is convention


def test_objects_in_the_field_or_wholly_in_the_part_that_was_looked_at_are_shown() -> None:
    field = geometry((0.5, 0, 0, 0.5))
    places_um, sizes_um = np.array([(29.9, 0), (30.1, 0), (0, 19.9), (0, -20.1)]), np.full(4, 4.0)
    assert field.shows(places_um, sizes_um, frame()).tolist() == [True, False, True, False]
    assert field.shows(places_um + 100, sizes_um, frame(100, 100)).tolist()[0]
    crop, other = (40, 20, 80, 60), (80, 20, 120, 60)
    inside_um = np.array([(0, 0), (6.9, 0), (7.1, 0)])
    assert field.shows(inside_um, sizes_um[:3], frame(), (crop,)).tolist() == [True, True, False]
    beside_um = np.array([(0, 0), (10.1, 0), (15, 0), (15, 9)])
    shown = field.shows(beside_um, sizes_um, frame(), (crop, other))
    assert shown.tolist() == [True, False, True, False]
    assert not field.shows(inside_um, sizes_um[:3], frame(), ()).any()
    assert field.area_um2() == pytest.approx(60 * 40)
    assert field.area_um2((crop,)) == pytest.approx(20 * 20)
    assert field.area_um2((crop, other)) == pytest.approx(2 * 20 * 20)
    assert field.area_um2((crop,) * 40) == pytest.approx(60 * 40), "not more than there is"

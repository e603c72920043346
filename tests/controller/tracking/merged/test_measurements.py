"""Which track is occluded by which, and what merged measurements say of positions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pursuit.controller.tracking.merged import Assigned, ClosePairs, resolve
from pursuit.models.detections import BoxConvention

NOISE_UM2 = 0.01
SIZE_UM = 6.0
NOTHING = np.empty(0, np.intp)


def assign(table: Any, measurements: Any, *matched: tuple[int, int]) -> Assigned:
    rows, columns = np.array(matched, np.intp).reshape(-1, 2).T
    return ClosePairs(table).assign(rows, columns, measurements)


def test_a_measurement_of_both_is_shared_and_the_unmatched_one_is_occluded(
    make_track: Any, make_table: Any, make_measurements: Any
) -> None:
    table = make_table([make_track(1, -2), make_track(2, 2), make_track(3, 60)])
    both = make_measurements([(0, 0)], size_um=7.5, brightness=2000)
    assigned = assign(table, both, (0, 0))
    assert assigned.columns.tolist() == [0, 0, -1]
    assert assigned.occluders.tolist() == [-1, 0, -1]
    assert (assigned.occluded.tolist(), assigned.seen.tolist()) == ([1], [0])


def test_a_measurement_of_one_occludes_nothing(
    make_track: Any, make_table: Any, make_measurements: Any
) -> None:
    table = make_table([make_track(1, -4), make_track(2, 4)])
    assigned = assign(table, make_measurements([(-4, 0)]), (0, 0))
    assert assigned.occluders.tolist() == [-1, -1]
    assert assigned.columns.tolist() == [0, -1]


def test_tracks_that_are_far_apart_or_not_confirmed_share_nothing(
    make_track: Any, make_table: Any, make_measurements: Any
) -> None:
    both = make_measurements([(0, 0)], size_um=7.5, brightness=2000)
    for tracks in ([make_track(1, -7), make_track(2, 7)], [make_track(1, -2), make_track(0, 2)]):
        assert assign(make_table(tracks), both).free.tolist() == [True]
        assert not len(ClosePairs(make_table(tracks)))


def test_a_measurement_of_both_that_was_given_to_neither_begins_no_track(
    make_track: Any, make_table: Any, make_measurements: Any
) -> None:
    table = make_table([make_track(1, -3), make_track(2, 3)])
    places = [(0, 0), (-3, 0), (3, 0), (30, 0)]
    measurements = make_measurements(places, brightness=[2000, 1000, 1000, 1000], size_um=7.5)
    both = make_measurements([(0, 0), (30, 0)], brightness=[2000, 1000], size_um=7.5)
    assigned = assign(table, both)
    assert assigned.free.tolist() == [False, True]
    assert set(assigned.columns.tolist()) == {0}
    assigned = assign(table, measurements, (0, 1), (1, 2))
    assert assigned.free.tolist() == [False, False, False, True]
    assert assigned.columns.tolist() == [1, 2]


@given(
    st.floats(0.2, 1.2),
    st.floats(0, 6.28),
    st.floats(0.25, 0.75),
    st.sampled_from([8.0, 4.0, 16.0]),
)
def test_the_extents_of_a_merged_measurement_tell_where_both_are(
    make_track: Any,
    make_table: Any,
    make_measurements: Any,
    distance: float,
    angle: float,
    share: float,
    per_variance: float,
) -> None:
    """Whatever the convention by which boxes are drawn, if it is told."""
    gap_um = distance * SIZE_UM * np.array([np.cos(angle), np.sin(angle)])
    lights = 2000 * share, 2000 * (1 - share)
    places_um = np.array([-(1 - share) * gap_um, share * gap_um])
    tracks = [
        make_track(i + 1, *place, sigma_um=0.05, brightness=light)
        for i, (place, light) in enumerate(zip(places_um, lights, strict=True))
    ]
    extents_um = np.sqrt(SIZE_UM**2 + per_variance * share * (1 - share) * gap_um**2)
    convention = BoxConvention(per_variance=per_variance)
    measured = make_measurements([(0, 0)], 7.5, 2000, extents_um, convention)
    close = ClosePairs(make_table(tracks))
    assigned = Assigned(np.array([0, 0]), np.array([-1, 0]), np.array([False]))
    found_um, variances, undisturbed = resolve(close, assigned, np.array([0, 1]), measured)
    signs_known = np.abs(gap_um) > 0.5 * SIZE_UM
    assert np.abs(found_um - places_um)[:, signs_known].max(initial=0) < 0.15 * SIZE_UM
    assert (variances > NOISE_UM2).all() and not undisturbed.any()


def test_measurements_far_apart_are_taken_as_they_are(
    make_track: Any, make_table: Any, make_measurements: Any
) -> None:
    table = make_table([make_track(1, -6), make_track(2, 6)])
    measured = make_measurements([(-6.2, 0.1), (6, 0)])
    close = ClosePairs(table)
    assigned = close.assign(np.array([0, 1]), np.array([0, 1]), measured)
    found_um, variances, undisturbed = resolve(close, assigned, np.array([0, 1]), measured)
    assert found_um == pytest.approx(measured.positions_um)
    assert variances == pytest.approx(NOISE_UM2) and undisturbed.all()


def test_measurements_side_by_side_are_less_certain(
    make_track: Any, make_table: Any, make_measurements: Any
) -> None:
    table = make_table([make_track(1, -3.6), make_track(2, 3.6)])
    measured = make_measurements([(-3.6, 0), (3.6, 0)], extents_um=[(7, 6), (7, 6)])
    close = ClosePairs(table)
    assigned = close.assign(np.array([0, 1]), np.array([0, 1]), measured)
    found_um, variances, undisturbed = resolve(close, assigned, np.array([0, 1]), measured)
    assert found_um == pytest.approx(measured.positions_um, abs=0.1)
    assert (variances > 2 * NOISE_UM2).all() and not undisturbed.any()

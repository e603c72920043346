"""Backlash: the load follows the drive only when the play is used up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pursuit.drivers.clock import NS_PER_MS
from pursuit.drivers.messages import Dynamics
from pursuit.drivers.stage import PoseModel
from pursuit.drivers.stage.backlash import Backlash

MS = NS_PER_MS


def test_the_load_rests_while_the_play_is_taken_up() -> None:
    backlash, places = Backlash(0.4, 0.0), [0.0, 1.0, 0.9, 0.7, 0.3, 1.0]
    loads = [backlash.load_um(lambda _, p=place: p, (i + 1) * MS) for i, place in enumerate(places)]
    assert loads == pytest.approx([0.0, 0.8, 0.8, 0.8, 0.5, 0.8])


def test_no_play_is_a_rigid_axis() -> None:
    backlash = Backlash(0.0, 5.0)
    assert backlash.load_um(lambda _: 7.0, MS) == 7.0
    assert backlash.drive_target_um(lambda _: 7.0, MS, 3.0) == 3.0


@given(
    st.floats(0.01, 2.0), st.lists(st.floats(-50, 50), min_size=1, max_size=8), st.floats(-60, 60)
)
def test_the_drive_is_sent_where_it_brings_the_load_home(
    width_um: float, places: list[float], home_um: float
) -> None:
    backlash = Backlash(width_um, 0.0)
    for i, place in enumerate(places):
        load = backlash.load_um(lambda _, p=place: p, (i + 1) * MS)
        assert abs(load - place) <= width_um / 2 + 1e-12
    to_um = backlash.drive_target_um(lambda _: places[-1], (len(places) + 1) * MS, home_um)
    assert backlash.load_um(lambda _: to_um, (len(places) + 2) * MS) == pytest.approx(home_um)


def test_a_pose_model_that_knows_of_backlash_brings_the_load_to_both_sides_alike() -> None:
    dynamics = Dynamics(delay_ms=5, backlash_um=0.4)
    pose = PoseModel((0.0, 0.0, 0.0), dynamics, Dynamics())
    for i, place in enumerate((10.0, 4.0, 6.0)):
        at_ns = (1 + i) * 100 * MS
        aimed = pose.drive_targets_um(at_ns, place, None, None)
        pose.commanded(at_ns, *aimed)
        assert aimed[1:] == [None, None] and aimed[0] is not None
        assert abs(aimed[0] - place) == pytest.approx(0.2)
        assert pose.pose(at_ns + 90 * MS).x_um == pytest.approx(place)

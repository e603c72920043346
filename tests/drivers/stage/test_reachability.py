"""An axis that is sent further passes through its place when it should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pursuit.drivers.messages import Dynamics
from pursuit.drivers.stage import Trapezoid
from pursuit.drivers.stage.reachability import reach_um, target_through

dynamics = st.builds(
    Dynamics,
    delay_ms=st.just(0.0),
    speed_um_s=st.floats(1, 1e5),
    acceleration_um_s2=st.floats(10, 1e7),
    settle_ms=st.just(0.0),
)
shares = st.floats(0, 1)


def at(state: tuple[float, float], end_um: float, after_s: float, limits: Dynamics) -> float:
    return Trapezoid.plan(0, *state, end_um, limits).state(round(after_s * 1e9))[0]


@given(st.floats(-1e4, 1e4), st.floats(-1, 1), st.floats(1e-4, 2), shares, dynamics)
def test_it_is_at_the_place_at_the_instant(
    x: float, share: float, after_s: float, where: float, limits: Dynamics
) -> None:
    state = x, share * limits.speed_um_s
    low, high = reach_um(state, after_s, limits)
    place = low + where * (high - low)
    passed = at(state, target_through(state, place, after_s, limits), after_s, limits)
    assert passed == pytest.approx(place, abs=1e-3 + 1e-4 * (high - low))


@given(st.floats(-1e4, 1e4), st.floats(-1, 1), st.floats(1e-4, 2), st.floats(-1e5, 1e5), dynamics)
def test_no_target_leads_out_of_reach(
    x: float, share: float, after_s: float, target: float, limits: Dynamics
) -> None:
    state = x, share * limits.speed_um_s
    low, high = reach_um(state, after_s, limits)
    slack = 1e-3 + 1e-6 * (abs(low) + abs(high))
    assert low - slack <= at(state, target, after_s, limits) <= high + slack
    for beyond, border in ((low - 10.0, low), (high + 10.0, high)):
        nearest = at(state, target_through(state, beyond, after_s, limits), after_s, limits)
        assert nearest == pytest.approx(border, abs=slack + 1e-4 * (high - low))


def test_a_place_that_can_be_rested_at_in_time_is_the_target_itself() -> None:
    limits = Dynamics(speed_um_s=1e4, acceleration_um_s2=3e5)
    assert target_through((0.0, 0.0), 4.0, 0.008, limits) == 4.0
    further = target_through((0.0, 0.0), 8.0, 0.008, limits)
    assert 8.0 < further < 20.0

"""An axis obeys its limits, and ends where it was sent, from any state."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pursuit.drivers.messages import Dynamics
from pursuit.drivers.stage import Axis, Trapezoid, travel_ms
from pursuit.drivers.stage.profiles import REST_UM

places_um = st.floats(-1e5, 1e5)
dynamics = st.builds(
    Dynamics,
    delay_ms=st.floats(0, 50),
    speed_um_s=st.floats(1, 1e5),
    acceleration_um_s2=st.floats(10, 1e7),
    settle_ms=st.floats(0, 50),
)
commands = st.lists(st.tuples(st.integers(0, 2 * 10**9), places_um), min_size=1, max_size=8)


def sampled(axis: Axis | Trapezoid, start_ns: int, end_ns: int) -> tuple[np.ndarray, ...]:
    """Times in s, positions and velocities at instants that include both ends."""
    at_ns = np.unique(np.linspace(start_ns, end_ns, 400).astype(int))
    states = np.array([axis.state(int(t)) for t in at_ns])
    return at_ns / 1e9, states[:, 0], states[:, 1]


def check_motion(axis: Axis | Trapezoid, start_ns: int, end_ns: int, limits: Dynamics) -> None:
    """Speed and acceleration stay within limits, and neither place nor speed ever jumps."""
    t, x, v = sampled(axis, start_ns, end_ns)
    dt = np.diff(t) + 2e-9  # instants are whole nanoseconds
    scale = 1e-6 + 1e-9 * np.abs(x).max()
    assert np.abs(v).max() <= limits.speed_um_s * (1 + 1e-6) + 1e-6
    dv_allowed = limits.acceleration_um_s2 * dt * (1 + 1e-6) + 1e-6 + 1e-9 * limits.speed_um_s
    assert (np.abs(np.diff(v)) <= dv_allowed).all()
    assert (np.abs(np.diff(x)) <= limits.speed_um_s * dt * (1 + 1e-6) + scale).all()


@given(places_um, places_um, st.floats(-1, 1), dynamics)
def test_a_profile_ends_at_rest_at_its_target(
    start: float, target: float, share: float, limits: Dynamics
) -> None:
    speed = share * limits.speed_um_s
    profile = Trapezoid.plan(0, start, speed, target, limits)
    assert all(duration >= -1e-9 for duration, _ in profile.phases)
    assert profile.state(0) == (start, speed)
    assert profile.state(profile.end_ns + 1) == (target, 0.0)
    check_motion(profile, 0, profile.end_ns + 10**6, limits)


@given(places_um, places_um, dynamics)
def test_a_profile_from_rest_is_symmetric_and_as_quick_as_can_be(
    start: float, target: float, limits: Dynamics
) -> None:
    profile = Trapezoid.plan(0, start, 0.0, target, limits)
    distance, a = abs(target - start), limits.acceleration_um_s2
    if distance > limits.speed_um_s**2 / a:
        quickest_s = distance / limits.speed_um_s + limits.speed_um_s / a
    else:
        quickest_s = 2 * math.sqrt(distance / a)
    assert profile.duration_s == pytest.approx(quickest_s, rel=1e-6, abs=1e-9)
    halfway, _ = profile.state(round(profile.duration_s / 2 * 1e9))
    middle = (start + target) / 2
    assert halfway == pytest.approx(middle, abs=1e-6 + 1e-8 * limits.speed_um_s + 1e-6 * distance)
    all_but_made_ms = travel_ms(target - start, limits) - limits.delay_ms
    assert 0 <= all_but_made_ms <= quickest_s * 1e3 + 1e-9
    reached, _ = profile.state(round(all_but_made_ms * 1e6))
    left = min(distance / 10, REST_UM)
    assert abs(target - reached) <= left * 1.001 + 1e-8 * limits.speed_um_s + 1e-6


@given(places_um, commands, dynamics)
def test_an_axis_may_be_sent_elsewhere_at_any_moment(
    start: float, sent: list[tuple[int, float]], limits: Dynamics
) -> None:
    axis = Axis(start, limits)
    for at_ns, target in sorted(sent):
        axis.command(at_ns, target)
    assert axis.target_um == sorted(sent)[-1][1]
    assert axis.state(axis.rest_ns + 1) == (axis.target_um, 0.0)
    check_motion(axis, 0, axis.rest_ns + 10**6, limits)


@given(places_um, commands, dynamics)
def test_nothing_happens_before_the_delay_is_over(
    start: float, sent: list[tuple[int, float]], limits: Dynamics
) -> None:
    axis = Axis(start, limits)
    for at_ns, target in sorted(sent):
        effect_ns = at_ns + round(limits.delay_ms * 1e6)
        before = [axis.state(t) for t in (0, at_ns, effect_ns)]
        axis.command(at_ns, target)
        assert [axis.state(t) for t in (0, at_ns, effect_ns)] == before


@given(places_um, places_um, st.floats(0, 1.2), dynamics)
def test_halt_brakes_as_hard_as_it_can(
    start: float, target: float, share: float, limits: Dynamics
) -> None:
    axis = Axis(start, limits)
    axis.command(0, target)
    halt_ns = round(share * axis.rest_ns)
    brakes_ns = halt_ns + round(limits.delay_ms * 1e6)
    x, v = axis.state(brakes_ns)
    axis.halt(halt_ns)
    braking_s = abs(v) / limits.acceleration_um_s2
    braking_um = v * abs(v) / (2 * limits.acceleration_um_s2)
    assert axis.target_um == pytest.approx(x + braking_um)
    assert (axis.rest_ns - brakes_ns) / 1e9 == pytest.approx(braking_s, abs=1e-3)
    check_motion(axis, 0, axis.rest_ns + 10**6, limits)


def test_a_halt_also_forgets_a_command_whose_delay_is_not_over() -> None:
    axis = Axis(5.0, Dynamics(delay_ms=10.0))
    axis.command(0, 100.0)
    axis.halt(1)
    assert axis.state(10**12) == (pytest.approx(5.0, abs=1e-3), 0.0)


def test_of_many_commands_the_recent_past_is_remembered() -> None:
    limits = Dynamics()
    axis = Axis(0.0, limits)
    for i in range(500):
        axis.command(i * 10**7, float(i % 7))
    path = [axis.state(t)[0] for t in range(495 * 10**7, 500 * 10**7, 10**6)]
    assert len(set(path)) > 10
    assert all(abs(b - a) <= limits.speed_um_s * 1e-3 for a, b in pairwise(path))
    axis.reset(0, 3.0)
    assert axis.state(10**9) == (3.0, 0.0)


@given(places_um, commands, st.floats(-2, 2), dynamics)
def test_a_velocity_is_taken_up_and_kept_until_the_next_command(
    start: float, sent: list[tuple[int, float]], share: float, limits: Dynamics
) -> None:
    axis = Axis(start, limits)
    for at_ns, target in sorted(sent):
        axis.command(at_ns, target)
    driven_ns = sorted(sent)[-1][0] + 10**7
    axis.set_velocity(driven_ns, share * limits.speed_um_s)
    wanted = min(max(share, -1.0), 1.0) * limits.speed_um_s
    ramp_ns = round(2 * limits.speed_um_s / limits.acceleration_um_s2 * 1e9)
    taken_ns = driven_ns + round(limits.delay_ms * 1e6) + ramp_ns
    assert axis.state(taken_ns + 10**9)[1] == pytest.approx(wanted, abs=1e-6)
    assert axis.keeps_velocity(taken_ns) == (wanted != 0)
    check_motion(axis, 0, taken_ns, limits)
    axis.halt(taken_ns)
    assert not axis.keeps_velocity(axis.rest_ns)
    assert axis.state(axis.rest_ns + 1) == (axis.target_um, 0.0)
    check_motion(axis, driven_ns, axis.rest_ns + 10**6, limits)


def test_an_axis_with_a_velocity_never_rests() -> None:
    axis = Axis(0.0, Dynamics())
    axis.set_velocity(0, 10.0)
    assert axis.rest_ns > 10**18
    assert axis.rests_until_ns(10**9) == 10**9
    axis.command(10**9, 3.0)
    assert axis.state(axis.rest_ns + 1) == (3.0, 0.0)

"""An axis that rings is sent where its load is at the target, and not shaken ever more."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pursuit.drivers.clock import NS_PER_MS, NS_PER_S
from pursuit.drivers.messages import Dynamics
from pursuit.drivers.stage import Axis, Ringing
from pursuit.drivers.stage.compensation import Timing, shaped_target, stable_gain
from pursuit.drivers.stage.lookahead import lookahead_target

STAGE = Dynamics(delay_ms=0, acceleration_um_s2=50_000, ring_hz=60.0, ring_damping=0.1)
TIMING = Timing(after_s=0.012, interval_s=0.033, exposure_s=0.008)


def followed(told: Dynamics, timing: Timing, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Follow a random walk for some frames; return where it was and how far off the load was."""
    ringing, true = Ringing(told), Ringing(STAGE, frequency_sigma=0.0)
    axis, places = Axis(0.0, told), np.random.default_rng(0).normal(0, 0.3, steps).cumsum()
    missed = []
    for i, place_um in enumerate(places.tolist()):
        start_ns = round((i + 1) * timing.interval_s * NS_PER_S)
        felt = list(axis.acceleration_steps(start_ns, ringing.memory_s))
        end_um = shaped_target(axis.state(start_ns), felt, place_um, 0.0, timing, ringing)
        axis.command(start_ns, end_um)
        middle_ns = start_ns + round(timing.after_s * NS_PER_S)
        half_ns = round(timing.exposure_s / 2 * NS_PER_S)
        acceleration_steps = axis.acceleration_steps(
            middle_ns + half_ns, true.memory_s + timing.exposure_s
        )
        ahead_um = true.ahead_um(acceleration_steps, timing.exposure_s)
        missed.append(axis.state(middle_ns)[0] + ahead_um - place_um)
    return places, np.array(missed)


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def told(share: float) -> Dynamics:
    return msgspec.structs.replace(STAGE, ring_hz=STAGE.ring_hz * share)


def test_the_load_is_at_the_target_and_a_wrong_frequency_does_no_harm() -> None:
    silent = msgspec.structs.replace(STAGE, ring_hz=0.0)
    ignored_um = rms(followed(silent, TIMING, 200)[1])
    assert ignored_um > 0.05
    assert rms(followed(STAGE, TIMING, 200)[1]) < 0.3 * ignored_um
    for wrong in (0.85, 0.9, 1.1, 1.15):
        assert rms(followed(told(wrong), TIMING, 200)[1]) < 0.9 * ignored_um


def test_a_stage_that_does_not_ring_gets_the_lookahead_target() -> None:
    silent = Dynamics()
    for state in ((0.0, 0.0), (0.0, 800.0)):
        wanted = lookahead_target(state, 3.0, 1.0, TIMING.after_s, TIMING.interval_s, silent)
        assert shaped_target(state, [], 3.0, 1.0, TIMING, Ringing(silent)) == wanted


@settings(max_examples=60, deadline=None)
@given(
    ring_hz=st.floats(5, 500),
    ring_damping=st.floats(0.005, 0.9),
    after_ms=st.floats(0.5, 40),
    interval_ms=st.floats(2, 60),
    exposure_ms=st.floats(0.1, 30),
)
def test_corrections_never_grow_from_frame_to_frame(
    ring_hz: float, ring_damping: float, after_ms: float, interval_ms: float, exposure_ms: float
) -> None:
    stage = Dynamics(
        delay_ms=0,
        speed_um_s=1e7,
        acceleration_um_s2=1e10,
        ring_hz=ring_hz,
        ring_damping=ring_damping,
    )
    ringing, axis, ends = Ringing(stage), Axis(0.0, stage), []
    timing = Timing(*(each / 1e3 for each in (after_ms, interval_ms, exposure_ms)))
    assert 0 < stable_gain(stage, *timing) <= 1
    places = np.random.default_rng(0).choice((-1.0, 1.0), 60)
    for i, place_um in enumerate(places.tolist()):
        start_ns = round((i + 1) * interval_ms * NS_PER_MS)
        felt = list(axis.acceleration_steps(start_ns, ringing.memory_s))
        ends.append(shaped_target(axis.state(start_ns), felt, place_um, 0.0, timing, ringing))
        axis.command(start_ns, ends[-1])
    assert np.abs(ends).max() < 12


@pytest.mark.parametrize("damping", [0.3, 0.1])
def test_ringing_that_dies_out_between_frames_is_compensated_in_full(damping: float) -> None:
    assert stable_gain(msgspec.structs.replace(STAGE, ring_damping=damping), *TIMING) == 1.0

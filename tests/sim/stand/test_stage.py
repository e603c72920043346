"""The simulated stage has the faults of real ones, each where a real one would show it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from pursuit.drivers.clock import NS_PER_MS, NS_PER_S
from pursuit.sim.stand.stage import SimStage, StageModel

PLAIN: dict[str, Any] = {"delay_ms": 10.0, "speed_um_s": 1_000.0, "acceleration_um_s2": 50_000.0}
TARGET_UM = 100.0
ARRIVAL_MS = 10 + 100 + 20
"""Delay, the way at full speed, and the time that both ramps cost."""


def stage(position_um: tuple[float, ...] = (0.0,), seed: int = 0, **model: Any) -> SimStage:
    return SimStage(StageModel(**{**PLAIN, **model}), position_um, np.random.default_rng(seed))


def ms(at_ms: float) -> int:
    return round(at_ms * NS_PER_MS)


def path_um(
    stage: SimStage, end_ms: float, step_ms: float = 1.0, start_ms: float = 0
) -> np.ndarray:
    """Where the load of the first axis is at regular instants."""
    at_ms = np.arange(start_ms, end_ms + step_ms / 2, step_ms)
    return np.array([stage.position_um(ms(t))[0] for t in at_ms])


def test_it_begins_after_the_delay_and_arrives_when_physics_says() -> None:
    moving = stage()
    moving.command(ms(5), TARGET_UM)
    path = path_um(moving, 200)
    begin_ms, end_ms = 5 + 10, 5 + ARRIVAL_MS
    assert np.abs(path[: begin_ms + 1]).max() == 0
    assert path[begin_ms + 1] == pytest.approx(50_000 * 1e-3**2 / 2)
    assert path[end_ms - 1] < TARGET_UM
    assert path[end_ms:] == pytest.approx(TARGET_UM)
    assert [moving.busy(ms(t)) for t in (6, end_ms - 1, end_ms)] == [True, True, False]


def test_no_axis_outruns_its_speed_or_acceleration() -> None:
    moving = stage()
    for at_ms, target_um in ((0, 80), (60, -40), (90, 120), (95, 0)):
        moving.command(ms(at_ms), target_um)
    path = path_um(moving, 400, step_ms=0.5)
    speed = np.diff(path) / 0.5e-3
    assert 990 < np.abs(speed).max() <= 1_000 * 1.001
    assert np.abs(np.diff(speed)).max() <= 50_000 * 0.5e-3 * 1.01
    assert path[-1] == pytest.approx(0)


def test_a_newer_command_takes_over_on_the_way() -> None:
    moving = stage()
    moving.command(0, TARGET_UM)
    moving.command(ms(50), 20.0)
    path = path_um(moving, 300)
    assert 45 < path.max() < 70
    assert path[-1] == pytest.approx(20)


def test_a_move_before_the_first_look_has_happened() -> None:
    moving = stage()
    moving.command(0, TARGET_UM)
    assert moving.position_um(ms(500)) == pytest.approx((TARGET_UM,))


def test_axes_are_independent() -> None:
    moving = stage((5.0, -5.0))
    moving.position_um(0)
    moving.command(0, 5.0, 10.0)
    assert moving.position_um(ms(500)) == pytest.approx((5, 10))


def test_jitter_spreads_the_delay_and_never_makes_it_negative() -> None:
    starts_ms = []
    for seed in range(60):
        moving = stage(seed=seed, delay_ms=4.0, delay_jitter_ms=2.0)
        moving.command(ms(100), TARGET_UM)
        starts_ms.append(100 + np.flatnonzero(path_um(moving, 120, 0.1, 100) > 0)[0] * 0.1)
    assert min(starts_ms) >= 100
    assert np.mean(starts_ms) == pytest.approx(104, abs=1)
    assert np.std(starts_ms) == pytest.approx(2, abs=0.7)


def test_backlash_shows_at_reversals_and_not_in_the_encoder() -> None:
    loose = stage(backlash_um=4.0)
    loose.position_um(0)
    rests = []
    for i, target_um in enumerate((50.0, 60.0, 20.0, 10.0, 50.0)):
        loose.command(ms(500 * i), target_um)
        at_ns = ms(500 * (i + 1))
        rests.append((loose.encoder_um(at_ns)[0], loose.position_um(at_ns)[0]))
    assert [encoder for encoder, _ in rests] == pytest.approx([50, 60, 20, 10, 50])
    assert [load for _, load in rests] == pytest.approx([48, 58, 22, 12, 48])


def test_a_move_within_the_backlash_moves_nothing() -> None:
    loose = stage(backlash_um=4.0)
    loose.position_um(0)
    loose.command(0, 1.9)
    assert path_um(loose, 500) == pytest.approx(0)


def test_the_load_rings_and_comes_to_rest_at_the_target() -> None:
    ringing = stage(ring_hz=100.0, ring_damping=0.1)
    ringing.position_um(0)
    ringing.command(0, TARGET_UM)
    late = path_um(ringing, 600, step_ms=0.5)[round(ARRIVAL_MS / 0.5) :] - TARGET_UM
    peaks = [np.abs(late[i : i + 20]).max() for i in range(0, 200, 20)]
    assert peaks[0] > 0.05
    assert all(after < before for before, after in pairwise(peaks[:4]))
    crossings = np.count_nonzero(np.diff(np.sign(late[:60])))
    assert crossings == pytest.approx(2 * 100 * 60 * 0.5e-3, abs=2)
    assert np.abs(late[-10:]).max() < 1e-3
    assert ringing.encoder_um(ms(ARRIVAL_MS))[0] == pytest.approx(TARGET_UM)


@pytest.mark.parametrize("step_ms", [0.3, 7.0, 250.0])
def test_it_is_where_it_is_however_often_one_looks(step_ms: float) -> None:
    faults: dict[str, Any] = {"ring_hz": 80.0, "backlash_um": 1.0, "drift_um_s": (0.5, 0.0)}
    often, seldom = stage(**faults), stage(**faults)
    ends = []
    for looked, every_ms in ((often, step_ms), (seldom, 500.0)):
        looked.position_um(0)
        looked.command(ms(20), TARGET_UM)
        path_um(looked, 2_000, every_ms)
        ends.append(looked.position_um(ms(2_100))[0])
    assert ends[0] == pytest.approx(ends[1], abs=1e-3)


def test_drift_grows_with_time_and_the_encoder_does_not_see_it() -> None:
    drifting = stage((1.0, 2.0), drift_um_s=(0.5, -0.25))
    drifting.position_um(3 * NS_PER_S)
    assert drifting.position_um(13 * NS_PER_S) == pytest.approx((6, -0.5))
    assert drifting.encoder_um(13 * NS_PER_S) == (1, 2)


def test_a_focus_drive_drifts_by_the_first_number() -> None:
    drifting = stage((0.0,), drift_um_s=(0.5, -0.25))
    drifting.position_um(0)
    assert drifting.position_um(2 * NS_PER_S) == pytest.approx((1,))


def test_the_encoder_reads_in_steps() -> None:
    coarse = stage(encoder_um=0.4)
    coarse.position_um(0)
    coarse.command(0, TARGET_UM + 0.1)
    read = np.array([coarse.encoder_um(ms(t))[0] for t in range(200)])
    assert read / 0.4 == pytest.approx(np.round(read / 0.4))
    assert read[-1] == pytest.approx(100.0)
    assert coarse.position_um(ms(200)) == pytest.approx((100.1,))


def test_halt_brakes_to_rest_at_once() -> None:
    moving = stage()
    moving.command(0, TARGET_UM)
    at_ns = ms(60)
    moving.halt(at_ns)
    path = path_um(moving, 300)
    braking_um = 1_000**2 / (2 * 50_000)
    assert path[-1] == pytest.approx(path[70] + braking_um)
    assert path[-1] < TARGET_UM - 20
    assert np.ptp(path[91:]) == pytest.approx(0, abs=1e-9)


def test_halt_at_rest_does_nothing() -> None:
    still = stage((7.0,))
    still.halt(ms(5))
    assert path_um(still, 100) == pytest.approx(7)

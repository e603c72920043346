"""The modelled pose is where the stage is, and says how sure it can be."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest
from pursuit.drivers.actuation.polling import informative_interval_ns
from pursuit.drivers.messages import Dynamics
from pursuit.drivers.stage import Axis, PoseModel
from pursuit.sim.stand.stage import SimStage, StageModel

MS = 1_000_000
FOCUS = Dynamics(speed_um_s=1_000.0)
STAGE = StageModel(delay_ms=4.0, speed_um_s=5_000.0, acceleration_um_s2=1e5, encoder_um=0.05)


def pair(model: StageModel = STAGE) -> tuple[SimStage, PoseModel]:
    stage = SimStage(model, (0.0, 0.0), np.random.default_rng(1))
    return stage, PoseModel((0.0, 0.0, 0.0), model.dynamics, FOCUS)


def follow(stage: SimStage, model: PoseModel, *, late_ms: float = 0.0, steps: int = 400) -> float:
    """Send both about for a while, reading the stage now and then; return the RMS error in µm."""
    rng = np.random.default_rng(2)
    errors_um2 = []
    for at_ns in range(0, steps * 5 * MS, 5 * MS):
        if at_ns % (20 * MS) == 0:
            x, y = rng.uniform(-50, 50, 2)
            stage.command(at_ns + round(late_ms * MS), x, y)
            model.commanded(at_ns, x, y)
        if at_ns % (35 * MS) == 0:
            model.read(at_ns, *stage.encoder_um(at_ns), 0.0)
        pose, (x, y) = model.pose(at_ns), stage.encoder_um(at_ns)
        errors_um2.append((pose.x_um - x) ** 2 + (pose.y_um - y) ** 2)
    return math.sqrt(np.mean(errors_um2))


def test_a_calibrated_stage_is_known_without_asking() -> None:
    stage, model = pair()
    assert follow(stage, model) < STAGE.encoder_um
    assert model.pose(10**10).sigma_um < 0.1


def test_none_leaves_an_axis_to_its_own_move() -> None:
    _, model = pair()
    model.commanded(0, 300.0, None, 5.0)
    model.commanded(10 * MS, None, 7.0)
    assert model.target_um == (300.0, 7.0, 5.0)
    rest = model.pose(10**10)
    assert (rest.x_um, rest.y_um, rest.z_um) == (300.0, 7.0, 5.0)


def test_sigma_grows_in_motion() -> None:
    _, model = pair()
    model.commanded(0, 1_000.0, 0.0)
    still, fast, again = (model.pose(t).sigma_um for t in (0, 100 * MS, 10**10))
    assert fast > 2 * still
    assert again == still


def test_sigma_learns_what_the_stage_does_otherwise_than_modelled() -> None:
    stage, model = pair()
    follow(stage, model, late_ms=2.0)
    stage, sure = pair()
    follow(stage, sure)
    for each in (model, sure):
        each.commanded(2_000 * MS, 0.0, 0.0)
        each.commanded(2_001 * MS, 500.0, 500.0)
    moving_ns = 2_050 * MS
    speed_um_s = (sure.pose(moving_ns + MS).x_um - sure.pose(moving_ns).x_um) / 1e-3
    assert model.pose(moving_ns).sigma_um > 3 * sure.pose(moving_ns).sigma_um
    assert model.pose(moving_ns).sigma_um == pytest.approx(2e-3 * speed_um_s, rel=0.5)


def test_a_hand_on_the_joystick_is_noticed_and_the_stage_still_obeys() -> None:
    _, model = pair()
    model.commanded(0, 10.0, 10.0)
    before = model.pose(10**9).sigma_um
    model.read(10**9, 35.0, 10.0, 0.0)
    pose = model.pose(10**9)
    assert (pose.x_um, pose.y_um) == (35.0, 10.0)
    assert pose.sigma_um > before
    assert model.target_um == (35.0, 10.0, 0.0)
    model.commanded(2 * 10**9, 50.0, None)
    rest = model.pose(10**10)
    assert (rest.x_um, rest.y_um) == (50.0, 10.0)


def test_a_reading_in_motion_does_not_become_an_offset() -> None:
    _, model = pair()
    model.commanded(0, 1_000.0, 0.0)
    at_ns = 100 * MS
    model.read(at_ns, model.pose(at_ns).x_um + 5.0, 0.0, 0.0)
    assert model.pose(10**10).x_um == 1_000.0


def test_it_is_moving_until_it_has_settled() -> None:
    _, model = pair()
    model.commanded(0, 0.0, 0.0, 1.0)
    assert model.moving(1 * MS)
    assert not model.moving(10**9)
    model.halted(2 * 10**9)
    model.reset(3 * 10**9, (1.0, 2.0, 3.0))
    assert not model.moving(4 * 10**9)
    pose = model.pose(4 * 10**9)
    assert (pose.x_um, pose.y_um, pose.z_um) == (1.0, 2.0, 3.0)


def test_several_threads_may_use_it() -> None:
    _, model = pair()
    torn: list[object] = []

    def command() -> None:
        for i in range(2_000):
            model.commanded(i * MS, float(i % 10), float(i % 10))
            model.read(i * MS, *(model.pose(i * MS).x_um,) * 2, 0.0)

    def look() -> None:
        for i in range(2_000):
            pose = model.pose(i * MS)
            if not (math.isfinite(pose.sigma_um) and abs(pose.x_um - pose.y_um) < 1e-6):
                torn.append(pose)

    threads = [threading.Thread(target=work) for work in (command, look, look)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert torn == []


WRONG = {
    "three times as fast": StageModel(4.0, 15_000.0, 3e5, encoder_um=0.05),
    "three times as slow": StageModel(4.0, 5_000.0 / 3, 1e5 / 3, encoder_um=0.05),
    "there at once": StageModel(0.0, 1e6, 1e9, encoder_um=0.05),
    "twice as late": StageModel(8.0, 5_000.0, 1e5, encoder_um=0.05),
}


@pytest.mark.parametrize("how", WRONG)
def test_a_stage_that_is_not_as_told_is_found_out_and_doubted_until_then(how: str) -> None:
    stage, model = SimStage(WRONG[how], (0.0, 0.0), np.random.default_rng(1)), pair()[1]
    rng, read_ns, reads = np.random.default_rng(3), 0, 0
    errors_um, sigmas_um = [], []
    for at_ns in range(MS, 4_000 * MS, MS):
        if at_ns % (137 * MS) == MS:
            x, y = rng.uniform(-80, 80, 2)
            stage.command(at_ns, x, y)
            model.commanded(at_ns, x, y)
        pose, place = model.pose(at_ns), stage.encoder_um(at_ns)
        errors_um.append((pose.x_um - place[0], pose.y_um - place[1]))
        sigmas_um.append(pose.sigma_um)
        if at_ns - read_ns >= (
            informative_interval_ns(reads) if model.wants_reading(at_ns) else 200 * MS
        ):
            model.read(at_ns, *place, 0.0)
            read_ns, reads = at_ns, reads + 1
    errors, sigmas = np.abs(errors_um), np.array(sigmas_um)[:, None]
    assert (errors[300:] < 3 * sigmas[300:]).mean() > 0.95
    assert (errors[2_000:] < 2.0).mean() > 0.9
    assert model.identified is not None


def test_a_stage_that_is_as_told_is_not_calibrated_anew() -> None:
    stage, model = pair()
    follow(stage, model)
    assert model.identified is None
    assert not model.wants_reading(10**10)


def roam(stage: SimStage, model: PoseModel, what: str, told: bool, seed: int, um: float) -> None:
    """Move both about for two seconds on a host that stalls in every tenth call of a kind."""
    rng = np.random.default_rng(seed)
    for at_ns in range(0, 2_000 * MS, 5 * MS):
        stalls_ns = round(rng.uniform(5, 15) * MS) if rng.random() < 0.1 else 0
        late_ns = stalls_ns if told else 0
        if at_ns % (30 * MS) == 0:
            x, y = rng.uniform(-um, um, 2)
            stage.command(at_ns, x, y)
            model.commanded(at_ns + (stalls_ns if what == "commands" else 0), x, y)
            model.command_late(at_ns + stalls_ns, late_ns if what == "commands" else 0)
        elif what == "readings":
            place = stage.encoder_um(at_ns)
            model.read(at_ns + stalls_ns // 2, *place, 0.0, late_ns=late_ns)
        elif at_ns % (15 * MS) == 0:
            model.read(at_ns, *stage.encoder_um(at_ns), 0.0)


@pytest.mark.parametrize(
    ("what", "told"), [("commands", True), ("readings", True), ("commands", False)]
)
def test_calls_on_a_host_that_stalls_do_not_make_it_another_stage(what: str, told: bool) -> None:
    found = []
    for seed in range(8):
        stage, model = pair()
        roam(stage, model, what, told, seed, 5.0)
        found.append(model.identified is not None)
    assert sum(found) == 0 if told else sum(found) > 2


@pytest.mark.parametrize("how", WRONG)
@pytest.mark.parametrize("what", ["commands", "readings"])
def test_a_host_that_stalls_keeps_nobody_from_finding_another_stage_out(
    what: str, how: str
) -> None:
    stage, model = SimStage(WRONG[how], (0.0, 0.0), np.random.default_rng(1)), pair()[1]
    roam(stage, model, what, True, 1, 50.0)
    assert model.identified is not None


def test_a_reading_after_a_command_of_unknown_time_still_corrects_the_place() -> None:
    _, model = pair()
    model.commanded(0, 5.0, 0.0)
    model.command_late(0, 100 * MS)
    for at_ms in range(60, 100, 10):
        model.read(at_ms * MS, 7.0, 0.0, 3.0, late_ns=50 * MS)
    pose = model.pose(100 * MS)
    assert (pose.x_um, pose.z_um) == (pytest.approx(7.0, abs=0.3), pytest.approx(3.0, abs=1.5))


def test_a_velocity_is_no_doubt_without_end() -> None:
    _, model = pair()
    model.velocity_set(0, 100.0, 0.0)
    model.command_late(0, 50 * MS)
    model.commanded(10 * MS, None, None, 2.0)
    for at_ms in range(300, 1_000, 50):
        model.read(at_ms * MS, 0.09 * at_ms, 0.0, 2.0)
    assert model.pose(1_000 * MS).x_um == pytest.approx(90.0, abs=2.0)


def test_doubt_lasts_until_readings_agree() -> None:
    _, model = pair()
    model.commanded(0, 1_000.0, 0.0)
    sure = model.pose(60 * MS).sigma_um
    model.read(60 * MS, -50.0, 40.0, 0.0)
    assert model.pose(60 * MS).sigma_um > 40.0 > sure
    assert model.wants_reading(60 * MS)
    for at_ms in range(400, 1_000, 100):
        model.read(at_ms * MS, 1_000.0, 0.0, 0.0)
    assert model.pose(1_000 * MS).sigma_um < 1.0
    assert not model.wants_reading(1_000 * MS)


def test_velocities_that_add_up_to_an_error_do_not_make_it_another_stage() -> None:
    told = Dynamics(delay_ms=6.0, speed_um_s=10_000, acceleration_um_s2=300_000)
    rng = np.random.default_rng(0)
    for _ in range(5):
        model, stage = PoseModel((0.0, 0.0, 0.0), told, told), (Axis(0.0, told), Axis(0.0, told))
        for t in range(100):
            velocity = rng.normal(0, 2_500, 2)
            model.velocity_set(t * 10 * MS, *velocity)
            for axis, along in zip(stage, velocity, strict=True):
                axis.set_velocity(t * 10 * MS + max(round(rng.normal(0, 0.5) * MS), -5 * MS), along)
            if t % 5 == 4:
                at_ns = (t * 10 + 9) * MS
                model.read(at_ns, *(axis.state(at_ns)[0] for axis in stage), 0.0)
        assert model.identified is None

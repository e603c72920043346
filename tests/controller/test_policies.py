"""Where the stage is sent, given the target."""

from __future__ import annotations

import numpy as np
import pytest
from pursuit.controller.horizon import Horizon
from pursuit.controller.policies import Policy, Predictive, Reactive
from pursuit.controller.tracking import Track
from pursuit.drivers.clock import NS_PER_MS
from pursuit.drivers.messages import Description, Dynamics, Frame, StagePose
from pursuit.models import predictors

INTERVAL_NS = 10 * NS_PER_MS
VELOCITY_UM_S = np.array([200.0, -100.0])
HORIZON = Horizon(
    Description(
        name="test",
        camera="Camera",
        xy_stage="XY",
        focus="",
        width_px=8,
        height_px=8,
        dtype="uint8",
        pixel_um=0.5,
        affine=(0.5, 0, 0, 0.5),
        exposure_ms=4,
        interval_ms=INTERVAL_NS / NS_PER_MS,
        dynamics=Dynamics(delay_ms=6, speed_um_s=1_000, acceleration_um_s2=100_000),
        limits_um=((-1e4, 1e4), (-1e4, 1e4), (-1e4, 1e4)),
    )
)
LAST = 20


def frame(x_um: float = 0.0, y_um: float = 0.0) -> Frame:
    at_ns = LAST * INTERVAL_NS
    pose = StagePose(x_um, y_um, 0.0, at_ns)
    return Frame(np.zeros((8, 8), np.uint8), LAST, at_ns, at_ns + 4 * NS_PER_MS, 4.0, pose)


def path_um(at_ns: int) -> np.ndarray:
    return VELOCITY_UM_S * at_ns / 1e9


def mover(seen: bool = True) -> Track:
    """An object on a straight line, watched up to the last frame."""
    options = {"speed_um_s": 300, "speed_change_um_s": 1}
    predictor = predictors.create("kalman", options)
    for i in range(LAST + 1):
        predictor.update(i * INTERVAL_NS, (*path_um(i * INTERVAL_NS), 0), np.eye(3) * 1e-6)
    track = Track(predictor, predictor.predict(LAST * INTERVAL_NS), id=1)
    track.seen_um = np.add(path_um(LAST * INTERVAL_NS), (0.3, 0.1)) if seen else None
    return track


def test_reactive_adds_the_offset_to_the_pose_of_the_exposure() -> None:
    target = mover()
    assert target.seen_um is not None
    for pose_um in ((0, 0), (35, -25)):
        plan = Reactive().plan(target, frame(*pose_um), HORIZON)
        assert plan.move_um == pytest.approx(target.seen_um)
        assert (plan.prediction, plan.reason) == (None, "")


def test_reactive_stays_when_nothing_was_seen() -> None:
    plan = Reactive().plan(mover(seen=False), frame(), HORIZON)
    assert plan.move_um is None
    assert plan.reason == "not seen in this frame"


@pytest.mark.parametrize("kind", [Reactive, Predictive])
def test_offsets_within_the_deadband_do_not_move_the_stage(
    kind: type[Reactive] | type[Predictive],
) -> None:
    target = mover()
    goal = kind().plan(target, frame(40, -20), HORIZON).move_um
    assert goal is not None
    near = kind(deadband_um=5).plan(target, frame(*np.add(goal, (3.9, 3))), HORIZON)
    assert near.move_um is None
    assert near.reason == "within the deadband"
    far = kind(deadband_um=5).plan(target, frame(*np.add(goal, (4.1, 3))), HORIZON)
    assert far.move_um == pytest.approx(goal)


@pytest.mark.parametrize("seen", [True, False])
def test_predictive_goes_where_the_target_will_be(seen: bool) -> None:
    here = frame(*path_um(LAST * INTERVAL_NS))
    plan = Predictive().plan(mover(seen), here, HORIZON)
    assert plan.prediction is not None and plan.move_um is not None
    assert plan.prediction.at_ns > here.readable_ns
    assert (plan.prediction.at_ns - here.exposed_ns) % INTERVAL_NS == 0
    assert plan.move_um == pytest.approx(path_um(plan.prediction.at_ns), abs=0.02)
    assert plan.move_um == pytest.approx(plan.prediction.mean_um[:2])


def test_predictive_allows_for_the_length_of_its_own_move() -> None:
    near, far = frame(*path_um(LAST * INTERVAL_NS)), frame(500, 500)
    soon, late = (Predictive().plan(mover(), f, HORIZON).prediction for f in (near, far))
    assert soon is not None and late is not None
    assert late.at_ns - soon.at_ns >= 40 * INTERVAL_NS


@pytest.mark.parametrize("policy", [Reactive(), Predictive()])
def test_a_plan_changes_nothing(policy: Policy) -> None:
    target, here = mover(), frame()
    plans = [policy.plan(target, here, HORIZON).move_um for _ in range(2)]
    np.testing.assert_array_equal(plans[0], plans[1])

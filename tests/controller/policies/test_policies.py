"""Where the stage is sent, given the target."""

from __future__ import annotations

import math
import sys
from importlib.metadata import EntryPoint, EntryPoints
from types import ModuleType
from typing import Annotated, Any

import msgspec
import numpy as np
import pytest
from pursuit.controller.assembly import make_policy
from pursuit.controller.configuration import ConfigError, make_config
from pursuit.controller.policies import POLICIES, Followable, Horizon, Plan, Policy, create
from pursuit.drivers.clock import NS_PER_MS, NS_PER_S
from pursuit.drivers.messages import Description, Dynamics, Frame, Move, StagePose
from pursuit.models import registry
from pursuit.models.predictors import Prediction

INTERVAL_NS = 10 * NS_PER_MS
VELOCITY_UM_S = np.array([100.0, -50.0])
DYNAMICS = Dynamics(delay_ms=6, speed_um_s=1_000, acceleration_um_s2=100_000, settle_ms=5)
LAST = 20
AT_NS = LAST * INTERVAL_NS
ALL = [*map(create, POLICIES.builtin), create("predictive", {"still": True})]


def horizon(takes_velocity: bool = False, seen: Frame | None = None) -> Horizon:
    """What is known after a frame was seen."""
    learning = Horizon(
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
            dynamics=DYNAMICS,
            limits_um=((-1e4, 1e4), (-1e4, 1e4), (-1e4, 1e4)),
            takes_velocity=takes_velocity,
        )
    )
    if seen is not None:
        learning.see(seen)
    return learning


def frame(x_um: float = 0.0, y_um: float = 0.0, index: int = LAST) -> Frame:
    at_ns = index * INTERVAL_NS
    pose = StagePose(x_um, y_um, 0.0, at_ns)
    return Frame(np.zeros((8, 8), np.uint8), index, at_ns, at_ns + 4 * NS_PER_MS, 4.0, pose)


class Mover:
    """A track on a straight line that is known exactly."""

    def __init__(self, seen: bool = True, velocity_um_s: np.ndarray = VELOCITY_UM_S) -> None:
        self._velocity_um_s = velocity_um_s
        self.prediction = self.predict(AT_NS)
        self.seen_um = np.add(self.path_um(AT_NS), (0.3, 0.1)) if seen else None

    def path_um(self, at_ns: int) -> np.ndarray:
        return self._velocity_um_s * at_ns / NS_PER_S

    def predict(self, at_ns: int) -> Prediction:
        return Prediction(at_ns, np.append(self.path_um(at_ns), 0.0), np.eye(3), "line")


def mover(seen: bool = True, **options: Any) -> Any:
    return Mover(seen, **options)


def test_reactive_adds_the_offset_to_the_pose_of_the_exposure() -> None:
    target = mover()
    for pose_um in ((0, 0), (35, -25)):
        plan = create("reactive").plan(target, frame(*pose_um), horizon())
        assert plan.move_um == pytest.approx(target.seen_um)
        assert (plan.prediction, plan.reason) == (None, "")


def test_damped_moves_a_part_and_no_axis_too_far() -> None:
    target, here = mover(), frame(0, -120)
    plan = create("damped", {"damping": 0.5, "step_um": 30}).plan(target, here, horizon())
    assert plan.move_um == pytest.approx((0.5 * target.seen_um[0], -90))


def test_quadratic_grows_with_the_square_up_to_the_speed_of_the_stage() -> None:
    target = mover()
    for away, expected in ((-3.0, 2 * 9.0), (20.0, -800.0), (-500.0, 1_000.0)):
        here = frame(*np.add(target.seen_um, (away, 0.0)))
        driven = create("quadratic", {"gain": 2}).plan(target, here, horizon(True, here))
        assert driven.move_um is None
        assert driven.velocity_um_s == pytest.approx((expected, 0))
        stepped = create("quadratic", {"gain": 2}).plan(target, here, horizon(seen=here))
        assert stepped.velocity_um_s is None
        assert stepped.move_um is not None
        assert stepped.move_um[0] == pytest.approx(here.pose.x_um + expected * 0.01)


@pytest.mark.parametrize("policy", [create("reactive"), create("quadratic"), create("damped")])
def test_peers_stay_when_nothing_was_seen(policy: Policy) -> None:
    plan = policy.plan(mover(seen=False), frame(), horizon())
    assert plan.move_um is None
    assert plan.reason == "not seen in this frame"
    plan = policy.plan(mover(seen=False), frame(), horizon(takes_velocity=True))
    assert plan.velocity_um_s is None or not plan.velocity_um_s.any()


@pytest.mark.parametrize("kind", ["reactive", "damped", "predictive", "velocity"])
def test_offsets_within_the_deadband_do_not_move_the_stage(kind: str) -> None:
    target: Any = mover(velocity_um_s=np.zeros(2))
    goal = target.seen_um if kind in ("reactive", "damped") else np.zeros(2)
    here = frame(*np.add(goal, (3.9, 3)))
    near = create(kind, {"deadband_um": 5}).plan(target, here, horizon(True, here))
    assert near.move_um is None
    assert near.velocity_um_s is None or not near.velocity_um_s.any()
    assert near.reason == "within the deadband"
    here = frame(*np.add(goal, (4.1, 3)))
    far = create(kind, {"deadband_um": 5}).plan(target, here, horizon(True, here))
    assert far.move_um is not None or far.velocity_um_s is not None
    assert far.reason == ""


@pytest.mark.parametrize("kind", ["predictive", "velocity"])
def test_once_it_moves_it_goes_on_until_the_target_is_near(
    kind: str,
) -> None:
    policy, target = (
        create(kind, {"deadband_um": 5, "release_um": 1}),
        mover(velocity_um_s=np.zeros(2)),
    )
    following = horizon(True)
    following.see(frame(3, 0, LAST - 1))
    assert policy.plan(target, frame(3, 0), following).reason
    following.sent(Move(3.0, 0.0, None, 2**62, LAST - 1))
    assert not policy.plan(target, frame(3, 0), following).reason
    following.sent(Move(0.5, 0.0, None, 2**62, LAST - 1))
    assert policy.plan(target, frame(3, 0), following).reason
    with pytest.raises(ValueError, match="release_um"):
        create(kind, {"deadband_um": 1, "release_um": 2})


@pytest.mark.parametrize("seen", [True, False])
def test_predictive_goes_where_the_target_will_be(seen: bool) -> None:
    target = mover(seen)
    here = frame(*target.path_um(AT_NS))
    plan = create("predictive").plan(target, here, horizon(seen=here))
    assert plan.prediction is not None and plan.move_um is not None
    assert plan.prediction.at_ns == AT_NS + 2 * INTERVAL_NS
    assert plan.move_um == pytest.approx(target.path_um(plan.prediction.at_ns), abs=0.02)


def test_the_exposure_aimed_at_does_not_depend_on_the_distance() -> None:
    near, far = (
        create("predictive").plan(mover(), frame(x), horizon(seen=frame(x))).prediction
        for x in (4, 400)
    )
    assert near is not None and far is not None
    assert near.at_ns == far.at_ns


def test_still_waits_until_the_stage_can_rest_there() -> None:
    near, far = (
        create("predictive", {"still": True}).plan(mover(), here, horizon(seen=here))
        for here in (frame(*mover().path_um(AT_NS)), frame(500, 500))
    )
    assert near.prediction is not None and far.prediction is not None
    assert far.prediction.at_ns - near.prediction.at_ns >= 40 * INTERVAL_NS
    assert far.move_um == pytest.approx(far.prediction.mean_um[:2])


def test_velocity_moves_along_and_makes_up_for_the_offset() -> None:
    target = mover()
    there_um = target.path_um(AT_NS + 11 * NS_PER_MS)
    here = frame(*there_um)
    level = create("velocity", {"gain": 0.5}).plan(target, here, horizon(True, here))
    assert level.move_um is None and level.velocity_um_s is not None
    assert level.velocity_um_s == pytest.approx(VELOCITY_UM_S)
    here = frame(*(there_um - (2, 0)))
    behind = create("velocity", {"gain": 0.5}).plan(target, here, horizon(True, here))
    assert behind.velocity_um_s == pytest.approx(np.add(VELOCITY_UM_S, (0.5 * 2 / 0.01, 0)))


def test_velocity_asks_for_no_more_than_the_stage_can_do() -> None:
    here = frame(-900, 0)
    wanted = create("velocity").plan(mover(), here, horizon(True, here)).velocity_um_s
    assert wanted is not None
    assert np.abs(wanted).max() <= DYNAMICS.speed_um_s


@pytest.mark.parametrize("policy", ALL)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_moves_nothing(policy: Policy, bad: float) -> None:
    target: Any = mover(velocity_um_s=np.array([bad, 0.0]))
    for takes_velocity in (False, True):
        plan = policy.plan(target, frame(), horizon(takes_velocity))
        assert plan.move_um is None and plan.velocity_um_s is None
        assert "finite" in plan.reason


@pytest.mark.parametrize("policy", ALL)
def test_a_plan_changes_nothing(policy: Policy) -> None:
    target, here, ahead = mover(), frame(), horizon(True)
    plans = [policy.plan(target, here, ahead) for _ in range(2)]
    for name in ("move_um", "velocity_um_s"):
        np.testing.assert_array_equal(*(getattr(plan, name) for plan in plans))


class SlowOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `Slow` can be told."""

    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.1


class Slow:
    """A policy of a user's own."""

    Options = SlowOptions
    name = "slow"

    def __init__(self, options: SlowOptions) -> None:
        self.options = options

    def plan(self, target: Followable, frame: Frame, horizon: Horizon) -> Plan:
        here_um = np.array((frame.pose.x_um, frame.pose.y_um))
        return Plan(here_um + self.options.share * (target.prediction.mean_um[:2] - here_um))


@pytest.fixture(params=["import path", "entry point"])
def own_policy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of `Slow`, which lies in a module or belongs to an installed package."""
    module = ModuleType("slow_policies")
    module.Slow = Slow  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "slow_policies", module)
    if request.param == "import path":
        return "slow_policies:Slow"
    entry = EntryPoint("slow", "slow_policies:Slow", "pursuit.policies")
    monkeypatch.setattr(
        registry, "entry_points", lambda **wanted: EntryPoints([entry]).select(**wanted)
    )
    return "slow"


def test_a_policy_of_ones_own_is_as_good_as_a_built_in_one(own_policy: str) -> None:
    config = make_config({"policy": {"name": own_policy, "share": 0.5}})
    assert config.policy == {"name": own_policy, "share": 0.5}
    assert make_config({"policy": {"name": own_policy}}).policy["share"] == 0.1
    plan = make_policy(config).plan(mover(), frame(), horizon())
    assert plan.move_um == pytest.approx(mover().prediction.mean_um[:2] / 2)
    with pytest.raises(ConfigError, match=r"'shar' .*; did you mean 'share'\?"):
        make_config({"policy": {"name": own_policy, "shar": 0.5}})
    with pytest.raises(ConfigError, match=r"option share: expected `float` <= 1"):
        make_config({"policy": {"name": own_policy, "share": 5}})

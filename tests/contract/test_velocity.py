"""What every microscope does with a velocity, or says if it takes none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import msgspec
import pytest
import useq
from pursuit.drivers.clock import NS_PER_MS, VirtualClock
from pursuit.drivers.messages import Fault, Frame, Issued, Move
from pursuit.drivers.micromanager import MMCoreMicroscope
from pursuit.drivers.microscope import Frames, Microscope, MicroscopeError
from pursuit.drivers.settings import StandSettings
from pursuit.sim.stand import VELOCITIES, LockstepMicroscope, World, load_scenario, load_simulator

SCENARIO = str(Path(__file__).with_name("stand.toml"))
PATIENCE = 1_000
SPEED_UM_S = 100.0
NEVER = 2**62


def stand(**velocity: str) -> StandSettings:
    settings = load_scenario(SCENARIO).stand("contract")
    stage = msgspec.structs.replace(settings.stage, **velocity)
    limits = msgspec.structs.replace(settings.limits, x_um=(-300.0, 300.0))
    return msgspec.structs.replace(settings, stage=stage, limits=limits)


def world() -> World:
    return World(load_scenario(SCENARIO), seed=1)


WITH = stand(velocity_x=f"XY,{VELOCITIES[0]}", velocity_y=f"XY,{VELOCITIES[1]}")


@pytest.fixture(params=["simulator", "lockstep"])
def driven(request: pytest.FixtureRequest) -> Iterator[Microscope]:
    if request.param == "simulator":
        opened: Microscope = MMCoreMicroscope(load_simulator(world()), WITH)
    else:
        opened = LockstepMicroscope(world(), WITH, VirtualClock())
    with opened as microscope:
        yield microscope


@pytest.fixture
def frames(driven: Microscope) -> Iterator[Frames]:
    with closing(driven.frames()) as frames:
        yield frames


def drive(frame: Frame, x: float, y: float = 0.0, life_ms: float = 100.0) -> Move:
    expires_ns = frame.readable_ns + round(life_ms * NS_PER_MS)
    return Move(None, None, None, expires_ns, frame.index, (x, y))


def rest(frames: Frames) -> Frame:
    """Wait until the stage is at rest; return the frame that shows it."""
    before, since = next(frames), 0
    for frame in islice(frames, PATIENCE):
        moved = abs(frame.pose.x_um - before.pose.x_um) + abs(frame.pose.y_um - before.pose.y_um)
        since = since + 1 if moved < 1e-3 else 0
        before = frame
        if since >= 5:
            return frame
    raise AssertionError("it does not come to rest")


def test_the_stage_keeps_a_velocity_that_is_renewed(driven: Microscope, frames: Frames) -> None:
    assert driven.describe().takes_velocity
    start = frame = next(frames)
    for frame in islice(frames, PATIENCE):
        driven.move(drive(frame, SPEED_UM_S, -SPEED_UM_S / 2))
        if frame.pose.x_um - start.pose.x_um > 30.0:
            break
    dx, dy = frame.pose.x_um - start.pose.x_um, frame.pose.y_um - start.pose.y_um
    assert dx > 30.0
    assert dy == pytest.approx(-dx / 2, abs=3.0)
    issued = [report for report in driven.reports() if isinstance(report, Issued)]
    assert issued[-1].velocity_um_s == (SPEED_UM_S, -SPEED_UM_S / 2)
    assert (issued[-1].x_um, issued[-1].y_um) == (None, None)


def test_it_ends_when_nobody_renews_it(driven: Microscope, frames: Frames) -> None:
    start = next(frames)
    driven.move(drive(start, SPEED_UM_S, life_ms=120.0))
    next(frame for frame in islice(frames, PATIENCE) if frame.pose.x_um > start.pose.x_um + 1.0)
    ended = rest(frames)
    assert 5.0 < ended.pose.x_um - start.pose.x_um < 60.0


@pytest.mark.parametrize("how", ["stop", "zero", "acquire", "position"])
def test_it_ends_when_something_else_is_wanted(
    driven: Microscope, frames: Frames, how: str
) -> None:
    start = next(frames)
    driven.move(drive(start, SPEED_UM_S, life_ms=900.0))
    moving = next(f for f in islice(frames, PATIENCE) if f.pose.x_um > start.pose.x_um + 1.0)
    match how:
        case "stop":
            driven.stop()
        case "zero":
            driven.move(drive(moving, 0.0))
        case "position":
            driven.move(Move(moving.pose.x_um, moving.pose.y_um, None, NEVER, moving.index))
        case "acquire":
            frames.close()
            plan = useq.MDASequence.model_validate({"z_plan": {"range": 1, "step": 1}})
            list(driven.acquire(plan))
            frames = driven.frames()
    with closing(frames):
        ended = rest(frames)
    assert ended.pose.x_um - moving.pose.x_um < 40.0


def test_it_ends_before_a_limit(driven: Microscope, frames: Frames) -> None:
    (_, high), _, _ = driven.describe().limits_um
    start = next(frames)
    driven.move(Move(high - 15.0, None, None, NEVER, start.index))
    near = rest(frames)
    assert near.pose.x_um == pytest.approx(high - 15.0, abs=1.0)
    for frame in islice(frames, 60):
        driven.move(drive(frame, 150.0, life_ms=900.0))
        assert frame.pose.x_um <= high
    assert rest(frames).pose.x_um <= high
    assert not [report for report in driven.reports() if isinstance(report, Fault)]


def test_a_stage_that_takes_none_refuses_it(kind, scope: Microscope) -> None:
    assert not scope.describe().takes_velocity
    with closing(scope.frames()) as frames:
        start = next(frames)
        try:
            scope.move(drive(start, SPEED_UM_S))
        except MicroscopeError as error:
            refusals = [str(error)]
        else:
            refusals = []
            for _ in islice(frames, PATIENCE):
                refusals = [r.text for r in scope.reports() if isinstance(r, Fault)]
                if refusals:
                    break
        assert any("velocity_x" in refusal for refusal in refusals)


def test_properties_that_do_not_exist_are_refused() -> None:
    wrong = stand(velocity_x="XY,Velocity", velocity_y="XY,Speed")
    with pytest.raises(MicroscopeError, match="correct velocity_x"):
        MMCoreMicroscope(load_simulator(world()), wrong)
    wrong = stand(velocity_x="Stage,Velocity", velocity_y="Stage,Speed")
    with pytest.raises(MicroscopeError, match="'Stage'"):
        MMCoreMicroscope(load_simulator(world()), wrong)

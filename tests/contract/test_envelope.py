"""What every microscope does with limits that are no box."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from contextlib import closing

import msgspec
import pytest
import useq
from pursuit.drivers.clock import VirtualClock
from pursuit.drivers.envelope import LimitSettings
from pursuit.drivers.messages import Circle, Move, Polygon
from pursuit.drivers.micromanager import MMCoreMicroscope
from pursuit.drivers.microscope import Microscope, MicroscopeError
from pursuit.drivers.settings import StandSettings
from pursuit.drivers.wire import MicroscopeServer, RemoteMicroscope
from pursuit.sim.stand import LockstepMicroscope, World, load_scenario, load_simulator

from .conftest import SCENARIO
from .test_moves import refused
from .watch import NEAR_UM, NEVER, Watch, at

LIMITS = {
    "circle": {"x_um": 10, "y_um": 0, "radius_um": 300},
    "keep_out": [{"x_um": (60, 70), "y_um": (-100, 100)}],
    "z_relative_um": (-5, 5),
    "step_um": 250,
}


def stand(**limits: object) -> StandSettings:
    settings = load_scenario(SCENARIO).stand("contract")
    return msgspec.structs.replace(settings, limits=msgspec.convert(limits, LimitSettings))


def opened(
    name: str, settings: StandSettings, start_um: tuple[float, float]
) -> Generator[Microscope, None, None]:
    world = World(load_scenario(SCENARIO), seed=1, start_um=start_um)
    if name == "lockstep":
        with LockstepMicroscope(world, settings, VirtualClock()) as microscope:
            yield microscope
        return
    own = MMCoreMicroscope(load_simulator(world), settings)
    if name == "simulator":
        with own:
            yield own
        return
    with MicroscopeServer(own) as server, RemoteMicroscope("127.0.0.1", server.port) as remote:
        yield remote


@pytest.fixture(params=["simulator", "remote", "lockstep"])
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def limited(name: str) -> Iterator[Microscope]:
    yield from opened(name, stand(**LIMITS), (0.0, 0.0))


def test_the_description_carries_them(limited: Microscope) -> None:
    about = limited.describe()
    assert about.limits_um == ((-290.0, 310.0), (-300.0, 300.0), (-5.0, 5.0))
    assert about.restrictions.inside == (Circle(10.0, 0.0, 300.0, "circle under [limits]"),)
    corners = ((60.0, -100.0), (70.0, -100.0), (70.0, 100.0), (60.0, 100.0))
    assert about.restrictions.keep_out == (Polygon(corners, "keep_out[0] under [limits]"),)
    assert about.restrictions.step_um == 250


def test_what_leaves_them_is_refused_and_the_stage_stays(limited: Microscope) -> None:
    with closing(limited.frames()) as frames:
        watch = Watch(limited, frames)
        start = watch.until(lambda frame: True)
        for x, y, z, words in (
            (220.0, 220.0, None, "304.138 µm from the middle of a circle of 300 µm (circle"),
            (65.0, 0.0, None, "(keep_out[0] under [limits])"),
            (120.0, 20.0, None, "the way from (0, 0) to (120, 20) µm may pass outside"),
            (None, 260.0, None, "260 µm is longer than 250 µm (step_um under [limits])"),
            (None, None, 6.0, "z = 6 µm is outside the limits [-5, 5] (z_relative_um under"),
        ):
            assert words in refused(limited, watch, Move(x, y, z, NEVER, start.index))
        assert math.dist(at(watch.until_read(start)), at(start)) < NEAR_UM
        assert not watch.issued()
        move = Move(50.0, 120.0, 2.0, NEVER, start.index)
        limited.move(move)
        watch.until_there(move, start)


def test_an_acquisition_is_refused_before_anything_moves(limited: Microscope) -> None:
    def plan(*places: tuple[float, float, float]) -> useq.MDASequence:
        return useq.MDASequence.model_validate({"stage_positions": places})

    for places, words in (
        (((0, 0, 0), (120, 0, 0)), "the way from"),
        (((0, 0, 0), (65, 0, 0)), r"keep_out\[0\]"),
        (((0, 200, 0), (0, -100, 0)), "step"),
        (((0, 0, 0), (0, 0, 6)), "z = 6"),
    ):
        with pytest.raises(MicroscopeError, match=f"acquisition was refused: .*{words}"):
            list(limited.acquire(plan(*places)))
    with closing(limited.frames()) as frames:
        assert math.dist(at(next(frames)), (0.0, 0.0, 0.0)) < NEAR_UM
    with closing(limited.acquire(plan((0, 0, 0), (50, 110, 0), (120, 110, 0)))) as frames:
        assert len(list(frames)) == 3


@pytest.mark.parametrize("may_return", [False, True])
def test_a_stage_that_stands_outside_stays_or_moves_inward(name: str, may_return: bool) -> None:
    settings = stand(x_um=(-50, 50), y_um=(-50, 50), z_um=(-5, 5), return_inside=may_return)
    microscopes = opened(name, settings, (80.0, 0.0))
    microscope = next(microscopes)
    with closing(microscopes), closing(microscope.frames()) as frames:
        watch = Watch(microscope, frames)
        start = watch.until(lambda frame: True)
        outward = refused(microscope, watch, Move(90.0, None, None, NEVER, start.index))
        assert "the stage stands outside, x = 80 µm is outside the limits [-50, 50]" in outward
        move = Move(40.0, None, None, NEVER, start.index)
        if not may_return:
            assert "return_inside = true" in refused(microscope, watch, move)
            assert math.dist(at(watch.until_read(start)), at(start)) < NEAR_UM
            return
        microscope.move(move)
        watch.until_there(move, start)

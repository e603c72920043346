"""Every microscope that the contract is for, opened anew for each test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from pursuit.controller.session.processes import Child
from pursuit.drivers.clock import VirtualClock
from pursuit.drivers.messages import Dynamics
from pursuit.drivers.micromanager import MMCoreMicroscope, load_core
from pursuit.drivers.microscope import Microscope
from pursuit.drivers.settings import CameraSettings, StageSettings, StandSettings
from pursuit.drivers.wire import RemoteMicroscope
from pursuit.sim.stand import LockstepMicroscope, World, load_scenario, load_simulator

SCENARIO = str(Path(__file__).with_name("stand.toml"))


@dataclass(frozen=True)
class Kind:
    """One kind of microscope.

    Attributes
    ----------
    open : callable
    open_slow : callable
        Like ``open``, for a caller that takes several intervals for each frame.
    dawdle : callable
        What such a caller does.
    threads : bool
        Whether other threads may use it.
    """

    open: Callable[[], Microscope]
    open_slow: Callable[[], Microscope]
    dawdle: Callable[[], None]
    threads: bool = True


def demo() -> MMCoreMicroscope:
    adapters = pytest.importorskip("mm_test_adapters", reason="mm-test-adapters is not installed")
    core = load_core(Path(adapters.device_adapter_path()) / "MMConfig_demo.cfg")
    for device, name, value in (
        ("XY", "Velocity", 2.0),
        ("Camera", "OnCameraCCDXSize", 96),
        ("Camera", "OnCameraCCDYSize", 64),
    ):
        core.setProperty(device, name, value)
    dynamics = Dynamics(delay_ms=0.0, speed_um_s=2_000.0, acceleration_um_s2=1e7, settle_ms=1.0)
    stage = StageSettings(**msgspec.structs.asdict(dynamics))
    return MMCoreMicroscope(core, StandSettings(camera=CameraSettings(exposure_ms=3), stage=stage))


def simulator() -> MMCoreMicroscope:
    scenario = load_scenario(SCENARIO)
    return MMCoreMicroscope(load_simulator(World(scenario, seed=1)), scenario.stand("contract"))


def lockstep(processing_ms: float = 1.0) -> LockstepMicroscope:
    scenario = msgspec.structs.replace(load_scenario(SCENARIO), processing_ms=processing_ms)
    return LockstepMicroscope(World(scenario, seed=1), scenario.stand("contract"), VirtualClock())


@pytest.fixture(scope="session")
def serve() -> Callable[[], Child]:
    """Start a microscope in a process of its own, as `pursuit follow` does it."""
    return lambda: Child("microscope", ["microscope", "--scenario", SCENARIO])


@pytest.fixture(scope="session")
def port(serve: Callable[[], Child]) -> Iterator[int]:
    server = serve()
    yield server.ready["port"]
    server.end()


@pytest.fixture(params=["demo", "simulator", "shared-memory", "inline", "lockstep"])
def kind(request: pytest.FixtureRequest) -> Kind:
    def pause() -> None:
        time.sleep(0.06)

    def remote(pixels: bool) -> Callable[[], Microscope]:
        port = request.getfixturevalue("port")
        return lambda: RemoteMicroscope("127.0.0.1", port, pixels=pixels)

    match request.param:
        case "demo":
            return Kind(demo, demo, pause)
        case "simulator":
            return Kind(simulator, simulator, pause)
        case "lockstep":
            return Kind(lockstep, lambda: lockstep(35.0), lambda: None, threads=False)
        case name:
            opened = remote(pixels=name == "inline")
            return Kind(opened, opened, pause)


@pytest.fixture
def scope(kind: Kind) -> Iterator[Microscope]:
    with kind.open() as microscope:
        yield microscope

"""The simulator as devices of Micro-Manager."""

from __future__ import annotations

import time

import pytest
from pursuit.drivers.clock import NS_PER_MS, VirtualClock
from pursuit.sim.stand import World, load_scenario, load_simulator


def test_the_camera_s_clock_is_not_that_of_the_host_that_draws_its_pictures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scenario, clock = load_scenario("swimmer"), VirtualClock()
    world = World(scenario, seed=1)
    draw, slow_ms = world.expose, iter([0.0, 3.0, 0.5, 45.0, 0.0, 4.0])

    def draw_slowly(start_ns: int, exposure_ms: float) -> object:
        clock.sleep_until_ns(clock.now_ns() + round(next(slow_ms) * NS_PER_MS))
        return draw(start_ns, exposure_ms)

    monkeypatch.setattr(world, "expose", draw_slowly)
    core = load_simulator(world, clock)
    core.startSequenceAcquisition(6, 0, True)
    while core.isSequenceRunning():
        time.sleep(0.01)
    tags = [core.popNextImageAndMD()[1] for _ in range(6)]
    core.unloadAllDevices()
    at_ms = [float(tag["Camera-ElapsedTime-ms"]) for tag in tags]
    camera = scenario.camera
    first_ms = camera.exposure_ms + camera.readout_ms
    after = [round((at - first_ms) / camera.interval_ms, 6) for at in at_ms]
    assert after == [0, 1, 2, 3, 6, 7]

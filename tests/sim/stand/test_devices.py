"""The simulator as devices of Micro-Manager."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
import useq
from pursuit.drivers.clock import NS_PER_MS, VirtualClock
from pursuit.models.images import Choice, open_recording
from pursuit.sim.stand import World, load_scenario, load_simulator
from pymmcore_plus import CMMCorePlus

OFFSET = load_scenario("nucleus").sensor.offset
"""Grey value without light."""


@pytest.fixture
def core() -> Iterator[CMMCorePlus]:
    core = load_simulator(World(load_scenario("nucleus"), seed=1))
    yield core
    core.unloadAllDevices()


def test_the_camera_s_clock_is_not_that_of_the_host_that_draws_its_pictures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scenario, clock = load_scenario("swimmer"), VirtualClock()
    world = World(scenario, seed=1)
    draw, slow_ms = world.expose, iter([0.0, 3.0, 0.5, 45.0, 0.0, 4.0])

    def draw_slowly(start_ns: int, exposure_ms: float, light: float) -> object:
        clock.sleep_until_ns(clock.now_ns() + round(next(slow_ms) * NS_PER_MS))
        return draw(start_ns, exposure_ms, light)

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


def test_the_runner_of_pymmcore_plus_works_as_it_comes(core: CMMCorePlus) -> None:
    sequence = useq.MDASequence.model_validate(
        {
            "time_plan": {"interval": 0.02, "loops": 2},
            "channels": ["Full light", "Low light"],
            "z_plan": {"range": 2, "step": 1},
            "stage_positions": [(0, 0), (5, 3)],
        }
    )
    light: dict[str, list[float]] = {"Full light": [], "Low light": []}

    @core.mda.events.frameReady.connect
    def _take(image: np.ndarray, event: useq.MDAEvent) -> None:
        assert event.channel is not None
        light[event.channel.config].append(float(image.mean()) - OFFSET)

    core.mda.run(sequence)
    assert [len(each) for each in light.values()] == [12, 12]
    ratios = np.divide(light["Low light"], light["Full light"])
    assert ratios == pytest.approx(0.2, rel=0.1)


def test_the_example_in_the_documentation_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text("utf-8")
    monkeypatch.chdir(tmp_path)
    exec(text.partition("```python\n")[2].partition("```")[0], {})
    acquired = open_recording(tmp_path / "nucleus.ome.zarr", choice=Choice(plane=1))
    assert (len(acquired), acquired.pixel_um) == (3, pytest.approx(0.325))


@pytest.mark.parametrize("ending", ["ome.tiff", "ome.zarr"])
def test_what_it_writes_is_valid_and_to_scale(
    core: CMMCorePlus, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"acquired.{ending}"
    plan = {"time_plan": {"interval": 0.02, "loops": 3}}
    core.mda.run(useq.MDASequence.model_validate(plan), output=str(path))
    if ending == "ome.tiff":
        ome_types = pytest.importorskip("ome_types")
        with tifffile.TiffFile(path) as tiff:
            ome_types.from_xml(tiff.ome_metadata)
    movie = open_recording(path)
    assert len(movie) == 3
    assert movie[0].shape == (256, 256)
    assert movie.pixel_um == pytest.approx(0.325)


def test_binning_and_a_region_are_told_and_seen(core: CMMCorePlus) -> None:
    whole = core.snap().astype(float) - OFFSET
    core.setProperty("Camera", "Binning", "2")
    assert core.getPixelSizeUm() == pytest.approx(0.65)
    binned = core.snap().astype(float) - 4 * OFFSET
    assert binned.shape == (128, 128)
    assert binned.mean() == pytest.approx(4 * whole.mean(), rel=0.05)
    core.setProperty("Camera", "Binning", 1)
    core.setROI(100, 90, 60, 40)
    assert core.getROI() == [100, 90, 60, 40]
    part = core.snap().astype(float) - OFFSET
    assert part.mean() == pytest.approx(whole[90:130, 100:160].mean(), rel=0.05)
    with pytest.raises(ValueError, match="not within the 256 x 256"):
        core.setROI(200, 0, 100, 40)
    core.clearROI()
    assert core.snap().shape == (256, 256)


def test_there_is_light_while_a_shutter_is_open(core: CMMCorePlus) -> None:
    lit = core.snap().mean()
    core.setAutoShutter(False)
    assert core.snap().mean() == pytest.approx(OFFSET, abs=1)
    core.setShutterOpen(True)
    assert core.snap().mean() == pytest.approx(lit, rel=0.02)


def test_a_single_picture_does_a_stream_no_harm(core: CMMCorePlus) -> None:
    core.startContinuousSequenceAcquisition(0)
    for act in (core.snap, core.clearROI, lambda: core.setProperty("Camera", "Binning", 2)):
        with pytest.raises(RuntimeError, match="end its sequence"):
            act()
    core.clearCircularBuffer()
    while core.getRemainingImageCount() < 5:
        time.sleep(0.01)
    core.stopSequenceAcquisition()
    assert core.snap().shape == (256, 256)

"""Every scenario that comes along can be loaded, seen and followed, and does what it says."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from pursuit.drivers.clock import NS_PER_MS
from pursuit.drivers.messages import Image
from pursuit.sim.scenarios import scenario_names
from pursuit.sim.specimen import Specimen, SpecimenSettings
from pursuit.sim.stand import Scenario, World, load_scenario

NAMES = scenario_names()
FRAMES = 40


def specimen_of(scenario: Scenario) -> SpecimenSettings:
    assert scenario.specimen is not None
    return scenario.specimen


def followed(scenario: Scenario, frames: int, seed: int = 1) -> Iterator[tuple[Image, np.ndarray]]:
    """Frames spread over the scenario under a stage that is always told the truth."""
    world = World(scenario, seed)
    camera = scenario.camera
    every_ms = max(camera.interval_ms, scenario.seconds * 1000 / frames)
    for i in range(frames):
        start_ns = round(i * every_ms * NS_PER_MS)
        world.expose(start_ns, camera.exposure_ms)
        end_ns = start_ns + round(camera.exposure_ms * NS_PER_MS)
        image, truth_um = world.expose(end_ns, camera.exposure_ms)
        assert truth_um is not None
        yield image, np.array(truth_um)
        end_ns += round(camera.exposure_ms * NS_PER_MS)
        (x, y), (z,) = world.xy.encoder_um(end_ns), world.focus.encoder_um(end_ns)
        world.xy.command(end_ns, x + truth_um[0], y + truth_um[1])
        world.focus.command(end_ns, z + truth_um[2])


def way_um(scenario: Scenario, seed: int, step_ms: float) -> np.ndarray:
    """Positions (T, 3) of the target over the whole scenario, at regular times."""
    specimen = Specimen(specimen_of(scenario), np.random.default_rng(seed))
    way = []
    for i in range(int(scenario.seconds * 1000 / step_ms)):
        way.append(specimen.advance(round(i * step_ms * NS_PER_MS))[0].copy())
        specimen.expose(scenario.camera.exposure_ms)
    return np.array(way)


def signal_to_noise(image: Image, at_px: np.ndarray, radius_px: float) -> float:
    """Of the light within a circle, over the noise of as many pixels of background."""
    down, right = np.indices(image.shape)
    inside = np.hypot(right - at_px[0], down - at_px[1]) <= radius_px
    level = np.median(image)
    noise = 1.4826 * np.median(np.abs(image - level))
    light = (image[inside] - level).sum()
    return float(light / (noise * np.sqrt(inside.sum())))


@pytest.mark.parametrize("name", NAMES)
def test_the_target_is_seen_unless_it_hides(name: str) -> None:
    scenario = load_scenario(name)
    settings = specimen_of(scenario)
    hides_s = sum(until - since for since, until in settings.hidden_s)
    middle_px = (np.array([scenario.sensor.width_px, scenario.sensor.height_px]) - 1) / 2
    radius_px = max(settings.radius_um / scenario.optics.pixel_um, 2.0)
    seen = []
    for image, truth_um in followed(scenario, FRAMES):
        at_px = middle_px + truth_um[:2] / scenario.optics.pixel_um
        if (np.abs(at_px - middle_px) < 0.9 * middle_px).all():
            seen.append(signal_to_noise(image, at_px, radius_px))
    assert len(seen) > FRAMES / 2
    assert np.mean(np.array(seen) > 10) >= 1 - hides_s / scenario.seconds - 0.1


@pytest.mark.parametrize("name", NAMES)
def test_the_target_stays_in_the_field_until_a_move_arrives(name: str) -> None:
    scenario = load_scenario(name)
    camera = scenario.camera
    late_ms = camera.exposure_ms + camera.readout_ms + scenario.processing_ms
    late_ms += scenario.stage.delay_ms + camera.interval_ms
    way = way_um(scenario, 1, late_ms)
    moved_um = np.hypot(*np.diff(way[:, :2], axis=0).T)
    smaller_px = min(scenario.sensor.width_px, scenario.sensor.height_px)
    assert np.quantile(moved_um, 0.99) < smaller_px * scenario.optics.pixel_um / 8
    limits = scenario.stand(name).limits.z_um
    assert limits is not None
    low, high = limits
    assert low < way[:, 2].min() <= way[:, 2].max() < high


def test_the_diver_crosses_most_of_its_depth_of_field_in_a_sweep() -> None:
    diver = load_scenario("diver")
    ways = [way_um(diver, seed, 7 * diver.camera.interval_ms)[:, 2] for seed in range(10)]
    climbed_um = np.concatenate([np.diff(way) for way in ways])
    rms_um = float(np.sqrt((climbed_um**2).mean()))
    assert 0.6 * diver.depth_of_field_um < rms_um < 1.2 * diver.depth_of_field_um


def test_the_focus_of_the_spindle_drifts_out_of_its_depth() -> None:
    spindle = load_scenario("spindle")
    world = World(spindle, seed=1)
    for at_s in range(int(spindle.seconds)):
        world.expose(at_s * 1000 * NS_PER_MS, spindle.camera.exposure_ms)
    assert abs(world.objects_um[0, 2]) > 2 * spindle.depth_of_field_um


def test_the_larger_daughter_is_told_from_its_sister() -> None:
    settings = specimen_of(load_scenario("dividing"))
    specimen = Specimen(settings, np.random.default_rng(1))
    for at_s in range(200):
        specimen.advance(at_s * 1000 * NS_PER_MS)
        specimen.expose(1.0)
    target, sister = specimen.brightness
    assert target > 1.4 * sister


def test_two_look_alikes_meet() -> None:
    crossing = load_scenario("crossing")
    settings = specimen_of(crossing)
    world = World(crossing, seed=3)
    gaps_um = []
    for i in range(int(crossing.seconds * 30)):
        world.expose(round(i * 1e9 / 30), crossing.camera.exposure_ms)
        gaps_um.append(np.hypot(*(world.objects_um[1] - world.objects_um[0])[:2]))
    assert abs(np.argmin(gaps_um) / 30 - settings.meets_s[0]) < 0.5
    assert min(gaps_um) < settings.radius_um
    assert max(gaps_um) > 10 * settings.radius_um


def test_the_colony_outgrows_the_field() -> None:
    colony = load_scenario("colony")
    specimen = Specimen(specimen_of(colony), np.random.default_rng(1))
    field_um = colony.sensor.width_px * colony.optics.pixel_um
    first = np.ptp(specimen.positions_um[:, :2], axis=0)
    last = np.ptp(specimen.advance(round(colony.seconds * 1e9))[:, :2], axis=0)
    assert len(specimen.positions_um) > 3
    assert first.max() < 0.8 * field_um
    assert last.max() > field_um

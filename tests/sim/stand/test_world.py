"""A world shows its objects where they are and knows where that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from pursuit.drivers.clock import NS_PER_MS
from pursuit.drivers.messages import Image
from pursuit.sim.imaging import OpticsSettings, SensorSettings
from pursuit.sim.motion import Brownian, Motion, Persistent, Worm
from pursuit.sim.specimen import SpecimenSettings
from pursuit.sim.stand import Scenario, SimCameraSettings, World
from pursuit.sim.stand.stage import StageModel

PIXEL_UM = 0.5
WIDTH_PX, HEIGHT_PX = 96, 64
STILL = Brownian(diffusion_um2_s=0.0)
SHAKY = StageModel(delay_jitter_ms=2.0)
EXPOSURE_MS = 4.0
STRAIGHT = (PIXEL_UM, 0.0, 0.0, PIXEL_UM)


def scenario(
    motion: Motion = STILL, affine: Sequence[float] | None = None, stage: StageModel | None = None
) -> Scenario:
    """One bright spot in the dark."""
    return msgspec.convert(
        {
            "title": "test",
            "specimen": SpecimenSettings(
                motion=motion, shape="spot", radius_um=2.0, brightness=50_000.0, background=0.1
            ),
            "optics": OpticsSettings(pixel_um=PIXEL_UM),
            "sensor": SensorSettings(width_px=WIDTH_PX, height_px=HEIGHT_PX, gain=1.0),
            "camera": SimCameraSettings(
                exposure_ms=EXPOSURE_MS,
                interval_ms=10.0,
                affine=None if affine is None else tuple(affine),  # type: ignore[arg-type]
            ),
            "stage": stage or StageModel(),
        },
        Scenario,
        from_attributes=True,
    )


def centroid_px(image: Image) -> np.ndarray:
    """Centre of the light from the middle of the field, (right, down)."""
    light = np.clip(image.astype(float) - 115, 0, None)
    down, right = np.indices(image.shape)
    centre = np.array([(light * right).sum(), (light * down).sum()]) / light.sum()
    return centre - (np.array(image.shape[::-1]) - 1) / 2


def expose(world: World, at_ms: float) -> tuple[Image, np.ndarray]:
    image, truth_um = world.expose(round(at_ms * NS_PER_MS), EXPOSURE_MS)
    assert truth_um is not None
    return image, np.array(truth_um)


@pytest.mark.parametrize(
    "affine",
    [
        pytest.param(None, id="straight"),
        pytest.param((-0.5, 0.0, 0.0, 0.5), id="mirrored"),
        pytest.param((0.0, 0.5, -0.5, 0.0), id="rotated a quarter"),
        pytest.param((0.3, -0.4, 0.4, 0.3), id="rotated"),
    ],
)
@pytest.mark.parametrize("stage_um", [(0.0, 0.0), (6.0, 0.0), (-3.0, 5.0)])
def test_truth_is_where_the_object_is_in_the_image(
    affine: tuple[float, ...] | None, stage_um: tuple[float, float]
) -> None:
    world = World(scenario(affine=affine), seed=0, start_um=stage_um)
    image, truth_um = expose(world, 0)
    assert truth_um == pytest.approx((-stage_um[0], -stage_um[1], 0))
    seen_um = np.reshape(affine or STRAIGHT, (2, 2)) @ centroid_px(image)
    assert seen_um == pytest.approx(truth_um[:2], abs=0.02)


def test_truth_is_that_of_mid_exposure_while_the_stage_moves() -> None:
    dynamics: dict[str, Any] = {"delay_ms": 0, "speed_um_s": 1_000, "acceleration_um_s2": 1e7}
    world = World(scenario(stage=StageModel(**dynamics)), seed=0)
    expose(world, 0)
    world.xy.command(10 * NS_PER_MS, 12.0, 0.0)
    image, truth_um = expose(world, 14)
    assert truth_um[0] == pytest.approx(-6, abs=0.1)
    assert centroid_px(image)[0] * PIXEL_UM == pytest.approx(truth_um[0], abs=0.05)
    still, _ = expose(world, 100)
    assert np.ptp(np.flatnonzero((image > 150).any(0))) > np.ptp(
        np.flatnonzero((still > 150).any(0))
    )


def test_a_centred_target_moves_by_the_truth() -> None:
    """Moving the stage by the truth centres the target, whatever the mounting."""
    world = World(scenario(affine=(0.0, 0.5, 0.5, 0.0)), seed=0, start_um=(5.0, -3.0))
    _, truth_um = expose(world, 0)
    x, y = np.add((5.0, -3.0), truth_um[:2])
    world.xy.command(4 * NS_PER_MS, x, y)
    image, truth_um = expose(world, 500)
    assert truth_um == pytest.approx(0, abs=1e-6)
    assert centroid_px(image) == pytest.approx(0, abs=0.05)


def test_the_focus_drive_shows_in_truth_and_image() -> None:
    world = World(scenario(), seed=0)
    sharp, _ = expose(world, 0)
    world.focus.command(5 * NS_PER_MS, 8.0)
    blurred, truth_um = expose(world, 500)
    assert truth_um == pytest.approx((0, 0, -8))
    assert blurred.max() < sharp.max() / 2


def test_life_begins_at_the_first_exposure() -> None:
    runner = Persistent(speed_um_s=200.0, persistence_s=10.0)
    early, late = World(scenario(runner), 1), World(scenario(runner), 1)
    for i in range(5):
        image, truth_um = expose(early, 10 * i)
        other, late_um = expose(late, 60_000 + 10 * i)
        np.testing.assert_array_equal(image, other)
        assert truth_um == pytest.approx(late_um)
    assert np.hypot(*expose(early, 50)[1][:2]) > 1


def test_the_object_starts_under_the_middle_of_the_first_field() -> None:
    runner = Persistent(speed_um_s=200.0, persistence_s=10.0)
    _, truth_um = expose(World(scenario(runner), 1), 30_000)
    assert np.hypot(*truth_um[:2]) < 2


def test_a_seed_repeats_the_world_and_another_does_not() -> None:
    def film(seed: int) -> tuple[np.ndarray, np.ndarray]:
        world = World(scenario(Brownian(diffusion_um2_s=50.0), stage=SHAKY), seed)
        world.xy.command(0, 3.0, 2.0)
        shots = [expose(world, 10 * i) for i in range(6)]
        return np.array([image for image, _ in shots]), np.array([truth for _, truth in shots])

    images, truths = film(3)
    again, truths_again = film(3)
    other, truths_other = film(4)
    np.testing.assert_array_equal(images, again)
    np.testing.assert_array_equal(truths, truths_again)
    assert (images != other).any()
    assert np.abs(truths - truths_other).max() > 0.1


def test_the_specimen_does_not_change_the_jitter_of_the_stage() -> None:
    ways = []
    for motion in (STILL, Brownian(diffusion_um2_s=50.0)):
        world = World(scenario(motion, stage=SHAKY), seed=7)
        expose(world, 0)
        world.xy.command(10 * NS_PER_MS, 40.0, 0.0)
        ways.append([world.xy.encoder_um(ms * NS_PER_MS)[0] for ms in range(10, 60)])
    assert ways[0] == ways[1]


def test_without_specimen_or_movie_it_says_so() -> None:
    with pytest.raises(ValueError, match="give a movie"):
        World(Scenario("nothing"), seed=0)


def test_the_type_of_images_follows_the_bits() -> None:
    eight = msgspec.structs.replace(
        scenario(), sensor=SensorSettings(width_px=WIDTH_PX, height_px=HEIGHT_PX, bits=8)
    )
    for made, dtype in ((scenario(), "uint16"), (eight, "uint8")):
        world = World(made, seed=0)
        image, _ = world.expose(0, EXPOSURE_MS)
        assert (world.dtype, image.dtype, image.shape) == (dtype, dtype, (HEIGHT_PX, WIDTH_PX))


def test_it_tells_where_all_objects_are_and_the_target_is_the_first() -> None:
    crowd = scenario(Persistent(speed_um_s=200.0, persistence_s=10.0))
    assert crowd.specimen is not None
    several = msgspec.structs.replace(crowd.specimen, count=4, area_um=40.0, divides_s=(0.02,))
    world = World(msgspec.structs.replace(crowd, specimen=several), seed=5, start_um=(2.0, 1.0))
    assert world.objects_um.shape == (0, 3)
    counts = []
    for i in range(5):
        _, truth_um = expose(world, 10 * i)
        assert world.objects_um[0] == pytest.approx(truth_um)
        counts.append(len(world.objects_um))
    assert counts == [4, 4, 4, 5, 5]


def test_the_truth_of_a_worm_is_the_middle_of_its_light() -> None:
    crawler = Worm(speed_um_s=200.0, sway_um=60.0, period_s=2.0)
    flat = scenario(crawler)
    large = msgspec.structs.replace(
        flat,
        specimen=SpecimenSettings(
            motion=crawler, shape="worm", radius_um=35.0, brightness=5e5, background=0.0
        ),
        optics=OpticsSettings(pixel_um=20.0, na=0.1),
    )
    world = World(large, seed=2)
    for at_ms in (0, 300, 900):
        image, truth_um = expose(world, at_ms)
        assert centroid_px(image) * 20.0 == pytest.approx(truth_um[:2], abs=1.5)


def test_depth_of_field_grows_with_the_pixel_and_shrinks_with_the_aperture() -> None:
    fine = Scenario("test", optics=OpticsSettings(pixel_um=0.1, na=1.2, index=1.33))
    assert fine.depth_of_field_um == pytest.approx(1.33 * 0.52 / 1.44 + 1.33 * 0.1 / 1.2)

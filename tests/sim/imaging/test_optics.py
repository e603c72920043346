import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pursuit.sim.imaging import Optics, OpticsSettings, SensorSettings, spread_variance_um2
from pursuit.sim.motion import Brownian, Worm
from pursuit.sim.specimen import Specimen, SpecimenSettings
from pursuit.sim.stand import Scenario, SimCameraSettings, World

STILL = Brownian(diffusion_um2_s=0.0)
SIZE = 257


def specimen(shape: Any = "cell", **more: Any) -> Specimen:
    if shape == "worm":
        more = {"motion": Worm(speed_um_s=200.0, sway_um=4.0), "radius_um": 1.5} | more
    fields = {"motion": STILL, "background": 0.0, "brightness": 1000.0} | more
    return Specimen(SpecimenSettings(shape=shape, **fields), np.random.default_rng(1))


def drawn(what, relative_um, exposure_ms=10.0, optics=None, shape=(SIZE, SIZE)):
    out = np.full(shape, np.nan, np.float32)
    relative_um = np.asarray(relative_um, float).reshape(-1, len(what.state), 3)
    (optics or Optics(OpticsSettings(pixel_um=0.5))).render(relative_um, what, exposure_ms, out)
    return out.astype(float)


def moments(image):
    """Sum, centre (x, y) and variance (x, y) of an image, in pixels from its centre."""
    y, x = np.indices(image.shape) - (np.array(image.shape) - 1).reshape(2, 1, 1) / 2
    total = image.sum()
    centre = np.array([(image * x).sum(), (image * y).sum()]) / total
    square = np.array([(image * x**2).sum(), (image * y**2).sum()]) / total
    return total, centre, square - centre**2


@pytest.mark.parametrize("shape", ["spot", "cell", "worm"])
@pytest.mark.parametrize("z_um", [0.0, 10.0])
def test_light_and_place_are_kept(shape, z_um):
    total, centre, _ = moments(drawn(specimen(shape), (10.3, -7.4, z_um)))
    assert total == pytest.approx(1000 * 10, rel=0.01)
    if shape != "worm":
        np.testing.assert_allclose(centre * 0.5, (10.3, -7.4), atol=0.02)


def test_x_points_right_and_y_down():
    image = drawn(specimen("spot"), (30.0, 10.0, 0.0))
    row, column = np.unravel_index(image.argmax(), image.shape)
    assert (column, row) == (128 + 60, 128 + 20)


@pytest.mark.parametrize(
    ("affine", "turn"),
    [
        pytest.param((-0.5, 0.0, 0.0, 0.5), np.fliplr, id="mirrored"),
        pytest.param((0.0, 0.5, -0.5, 0.0), lambda image: np.rot90(image, -1), id="rotated"),
    ],
)
def test_a_worm_turns_with_the_camera(affine, turn):
    def seen(affine):
        scenario = Scenario(
            title="worm",
            specimen=specimen("worm", brightness=1e6).settings,
            optics=OpticsSettings(pixel_um=0.5),
            sensor=SensorSettings(width_px=128, height_px=128),
            camera=SimCameraSettings(affine=affine),
        )
        world = World(scenario, seed=3, start_um=(3.0, 8.0))
        return world.expose(0, 5.0)[0].astype(float)

    straight, turned = seen(None), seen(affine)
    assert np.corrcoef(turn(straight).ravel(), turned.ravel())[0, 1] > 0.999
    assert np.corrcoef(straight.ravel(), turned.ravel())[0, 1] < 0.7


def test_point_spread_widens_and_dims_with_defocus():
    spot = specimen("spot", radius_um=0.1)
    optics = OpticsSettings(pixel_um=0.5, na=0.5, wavelength_um=0.52)
    images = [drawn(spot, (0, 0, z)) for z in (0.0, 2.0, 5.0, 10.0, -10.0)]
    for image, z_um in zip(images, (0.0, 2.0, 5.0, 10.0, -10.0), strict=True):
        variance_px2 = (0.1**2 / 5 + spread_variance_um2(optics, z_um)) / 0.5**2 + 1 / 12
        np.testing.assert_allclose(moments(image)[2], variance_px2, rtol=0.06)
    peaks = [image.max() for image in images[:4]]
    assert peaks == sorted(peaks, reverse=True)
    np.testing.assert_array_equal(images[3], images[4])
    assert float(spread_variance_um2(optics, 0.0)) == pytest.approx((0.225 * 0.52 / 0.5) ** 2)
    cone = 10 * math.tan(math.asin(0.5))
    assert float(spread_variance_um2(optics, 10.0)) == pytest.approx(0.234**2 + cone**2 / 4)


@pytest.mark.parametrize("shape", ["spot", "cell"])
def test_a_moving_object_leaves_an_even_smear(shape):
    what, optics = specimen(shape, radius_um=2.0), Optics(OpticsSettings(pixel_um=0.5))
    travel_um = 40.0
    count = optics.subsamples(what, travel_um)
    assert count > 8
    along = ((np.arange(count) + 0.5) / count - 0.5) * travel_um
    image = drawn(what, np.column_stack([along, 0 * along, 0 * along]), optics=optics)
    profile = image.sum(axis=0)
    plateau = profile[128 - 24 : 128 + 25]
    assert np.ptp(plateau) < 0.01 * plateau.mean()
    still = moments(drawn(what, (0, 0, 0)))[2]
    blurred = moments(image)[2]
    assert blurred[0] - still[0] == pytest.approx((travel_um / 0.5) ** 2 / 12, rel=0.03)
    assert blurred[1] == pytest.approx(still[1], rel=0.02)


def test_objects_of_many_sizes_add_up():
    what = specimen("cell", count=12, radius_um=3.0, radius_spread=1.0, brightness_spread=0.5)
    relative_um = np.random.default_rng(2).uniform(-30.0, 30.0, (3, 12, 3))
    image, alone = drawn(what, relative_um), 0.0
    brightness = what.brightness
    for i in range(12):
        what.brightness = np.where(np.arange(12) == i, brightness, 0.0)
        alone = alone + drawn(what, relative_um)
    np.testing.assert_allclose(image, alone, rtol=1e-4, atol=1e-4)
    assert image.sum() == pytest.approx(brightness.sum() * 10, rel=0.01)


def test_a_still_object_needs_one_instant_and_a_wild_one_not_too_many():
    what, optics = specimen("spot"), Optics(OpticsSettings())
    assert optics.subsamples(what, 0.0) == 1
    assert optics.subsamples(what, 1e9) == 64


def test_background_and_exposure_scale():
    what = specimen("cell", background=3.0)
    np.testing.assert_allclose(drawn(what, (9999, 0, 0), 2.0), 6.0)
    short, long = drawn(what, (0, 0, 0), 1.0), drawn(what, (0, 0, 0), 4.0)
    np.testing.assert_allclose(long, 4 * short, rtol=1e-4)


def test_objects_are_cut_at_the_edge_as_if_the_frame_went_on():
    what = specimen("cell", radius_um=6.0)
    whole = drawn(what, (0, 0, 0), shape=(101, 101))
    part = drawn(what, (-25.0, -25.0, 0), shape=(101, 101))
    np.testing.assert_allclose(part[:40, :40], whole[50:90, 50:90], atol=0.01 * whole.max())


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(*[st.floats(-1e6, 1e6)] * 3),
    st.sampled_from(["spot", "cell", "worm"]),
    st.sampled_from([(16, 300), (300, 16), (64, 64)]),
)
def test_any_position_renders_finite_and_not_negative(relative_um, shape, size):
    image = drawn(specimen(shape, background=1.0), relative_um, shape=size)
    assert np.isfinite(image).all()
    assert image.min() >= 10.0


def test_a_cell_is_flat_topped_and_as_wide_as_its_radius():
    image = drawn(specimen("cell", radius_um=8.0), (0, 0, 0))
    y, x = np.indices(image.shape) - 128
    radius_um = np.hypot(x, y) * 0.5
    inside, rim = image[radius_um < 4].mean(), image[np.abs(radius_um - 8) < 0.3].mean()
    assert image[radius_um < 4].std() < 0.25 * inside
    assert 0.15 * inside < rim < 0.6 * inside


def test_na_beyond_the_immersion_is_refused():
    with pytest.raises(ValueError, match="index"):
        OpticsSettings(na=1.2, index=1.0)


def test_astigmatism_tells_above_from_below_and_keeps_the_light():
    spot = specimen("spot", radius_um=0.1)
    optics = Optics(OpticsSettings(pixel_um=0.5, astigmatism_um=6.0))
    for z_um in (-3.0, 0.0, 3.0):
        total, _, variance_px2 = moments(drawn(spot, (0, 0, z_um), optics=optics))
        foci_um = np.array([z_um - 3.0, z_um + 3.0])
        blur_um2 = 0.1**2 / 5 + spread_variance_um2(optics.settings, foci_um)
        np.testing.assert_allclose(variance_px2, blur_um2 / 0.5**2 + 1 / 12, rtol=0.06)
        assert total == pytest.approx(1000 * 10, rel=0.01)
    above, below = (drawn(spot, (0, 0, z_um), optics=optics) for z_um in (2.0, -2.0))
    np.testing.assert_allclose(above, below.T, atol=1e-3 * above.max())


def test_without_astigmatism_images_are_the_same_to_the_byte():
    what = specimen("cell", count=5, depth_um=4.0)
    at = np.random.default_rng(5).uniform(-20.0, 20.0, (2, 5, 3))
    plain, none = (
        drawn(what, at, optics=Optics(OpticsSettings(pixel_um=0.5, **more)))
        for more in ({}, {"astigmatism_um": 0.0})
    )
    assert plain.tobytes() == none.tobytes()

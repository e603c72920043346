import msgspec
import numpy as np
import pytest
from pursuit.sim.imaging import Sensor, SensorSettings


def sensor(seed=1, **settings):
    return Sensor(SensorSettings(**settings), np.random.default_rng(seed))


def flat(electrons, shape=(512, 512)):
    return np.full(shape, electrons, np.float32)


@pytest.mark.parametrize("electrons", [0.0, 0.3, 2.0, 10.0, 300.0, 12_000.0])
def test_photon_transfer_curve(electrons):
    camera = sensor(gain=2.0, offset=100.0, read_noise_e=1.6)
    light = flat(electrons)
    frames = np.stack([camera.read(light) for _ in range(8)]).astype(float)
    variance = 2.0**2 * (electrons + 1.6**2) + 1 / 12
    assert frames.mean() == pytest.approx(
        100 + 2 * electrons, abs=6 * np.sqrt(variance / frames.size)
    )
    assert frames.var() == pytest.approx(variance, rel=0.01)


def test_noise_differs_between_frames_pixels_and_neighbours():
    camera = sensor()
    light = flat(100.0)
    first, second, third = (camera.read(light).astype(float) for _ in range(3))
    limit = 5 / np.sqrt(first.size)
    pairs = [(first, second), (first, third), (second, third)]
    pairs += [(first[:, 1:], first[:, :-1]), (first[1:], first[:-1])]
    for a, b in pairs:
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < limit


def test_the_mean_of_many_frames_is_flat():
    camera = sensor(width_px=64, height_px=64)
    light = flat(50.0, (64, 64))
    count = 400
    frames = np.stack([camera.read(light) for _ in range(count)]).astype(float)
    spread = frames.mean(axis=0).std()
    assert spread == pytest.approx(frames.std() / np.sqrt(count), rel=0.15)


def test_the_same_seed_makes_the_same_frames():
    light = np.random.default_rng(0).uniform(0, 500, (300, 217)).astype(np.float32)
    before = light.copy()
    cameras = [sensor(seed, width_px=217, height_px=300) for seed in (5, 5, 6)]
    one, same, other = ([camera.read(light) for _ in range(3)] for camera in cameras)
    np.testing.assert_array_equal(one, same)
    assert (np.stack(one) != np.stack(other)).mean() > 0.9
    np.testing.assert_array_equal(light, before)


def test_a_given_frame_is_filled():
    settings = SensorSettings(width_px=33, height_px=20, bits=12)
    out = settings.empty_frame()
    assert out.shape == (20, 33)
    camera = Sensor(settings, np.random.default_rng(1))
    assert camera.read(flat(10.0, (20, 33)), out) is out
    assert out.mean() == pytest.approx(120.0, abs=3.0)


@pytest.mark.parametrize(
    ("settings", "dtype", "top"),
    [
        ({"bits": 8, "gain": 0.1, "offset": 5.0}, np.uint8, 255),
        ({"bits": 12}, np.uint16, 4095),
        ({"bits": 16, "gain": 100.0}, np.uint16, 65_535),
        ({"bits": 16, "full_well_e": 1000.0}, np.uint16, 2100),
    ],
)
def test_light_saturates(settings, dtype, top):
    frame = sensor(**settings).read(flat(1e5))
    assert frame.dtype == dtype
    assert (frame == top).all()


def test_settings_refuse_what_cannot_be():
    for text in ("bits = 20", "gain = 0", "width_px = 0", "read_noise_e = -1", "gian = 2"):
        with pytest.raises(msgspec.ValidationError):
            msgspec.toml.decode(text, type=SensorSettings)


def test_light_of_another_size_is_refused():
    with pytest.raises(ValueError, match="pixels"):
        sensor().read(flat(1.0, (64, 64)))


@pytest.mark.parametrize("bits", [8, 16])
def test_even_background_of_a_large_frame_has_the_noise_of_any_other(bits):
    """Rows without objects are drawn from what was read once; those with them are as ever."""
    camera = sensor(width_px=1200, height_px=1000, bits=bits, gain=2.0, offset=50.0)
    light = flat(20.0, (1000, 1200))
    light[400:440] += 60.0
    lit = np.zeros(1000, bool)
    lit[400:440] = True
    frames = np.stack([camera.read(light, lit=lit) for _ in range(4)]).astype(float)
    variance = 2.0**2 * (20.0 + 1.6**2) + 1 / 12
    for background in (frames[:, :360], frames[:, 480:]):
        assert background.mean() == pytest.approx(90.0, abs=0.05)
        assert background.var() == pytest.approx(variance, rel=0.01)
    assert frames[:, 400:440].mean() == pytest.approx(210.0, abs=0.3)
    limit = 6 / np.sqrt(frames[0, :360].size)
    pairs = [(frames[0, :360], frames[1, :360]), (frames[0, :180], frames[0, 180:360])]
    for a, b in pairs:
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < limit
    brighter = camera.read(2 * light, lit=lit).astype(float)
    assert brighter[:360].mean() == pytest.approx(130.0, abs=0.1)

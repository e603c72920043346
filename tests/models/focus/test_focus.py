import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pursuit.models.errors import ModelError
from pursuit.models.focus import (
    LearnedDefocus,
    Lens,
    NoPeak,
    Peak,
    Sharpness,
    fit_peak,
    lock_in,
    normalised,
    sharpness,
)

LENS = Lens(0.75, 0.52, 1.0, 0.325, astigmatism_um=1.8)


def image(defocus_um=0.0, lens=LENS, light=15_000.0, edge_px=24, seed=None, dtype=np.uint16):
    """A ball 2 µm wide, through the lens."""
    y, x = np.mgrid[:edge_px, :edge_px] - (edge_px - 1) / 2
    foci_um = np.array([defocus_um - lens.astigmatism_um / 2, defocus_um + lens.astigmatism_um / 2])
    focused_um = 0.225 * lens.wavelength_um / lens.na
    variances = (1 / 5 + focused_um**2 + (lens.blur * foci_um) ** 2) / lens.pixel_um**2 + 1 / 12
    bell = np.exp(-(x**2 / variances[0] + y**2 / variances[1]) / 2)
    electrons = light * bell / (2 * math.pi * math.sqrt(variances.prod())) + 10
    if seed is not None:
        rng = np.random.default_rng(seed)
        electrons = rng.poisson(electrons) + rng.normal(0, 1.6, electrons.shape)
    gain = 0.1 if dtype is np.uint8 else 2.0
    return np.clip(np.rint(5 + gain * electrons), 0, np.iinfo(dtype).max).astype(dtype)


SYMMETRIC = Lens(0.75, 0.52, 1.0, 0.325)


def curve(z_um, seed, light=15_000.0, at_um=0.3):
    return [
        sharpness(image(at_um - z, SYMMETRIC, light, seed=100 * seed + i))
        for i, z in enumerate(z_um)
    ]


def test_depth_of_field_and_blur():
    assert pytest.approx(0.924, abs=1e-3) == LENS.depth_of_field_um
    assert pytest.approx(math.tan(math.asin(0.75)) / 2) == LENS.blur
    with pytest.raises(ValueError, match="index"):
        Lens(1.2, 0.5, 1.0, 0.1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_sharpness_falls_with_defocus(dtype):
    values = [sharpness(image(z, SYMMETRIC, dtype=dtype)).value for z in (0, 0.5, 1, 2, 4)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 5 * values[3]


def test_sharpness_states_its_noise_and_none_where_there_is_nothing():
    for light in (15_000.0, 1_500.0):
        seen = np.array([sharpness(image(0.2, SYMMETRIC, light, seed=s)) for s in range(60)])
        assert np.median(seen[:, 1]) == pytest.approx(seen[:, 0].std(), rel=0.4)
    dark = np.array([sharpness(image(0, SYMMETRIC, 0.0, 60, seed=s)) for s in range(60)])
    assert abs(dark[:, 0].mean()) < dark[:, 0].std()
    assert np.median(dark[:, 1]) == pytest.approx(dark[:, 0].std(), rel=0.6)


@pytest.mark.parametrize("light", [15_000.0, 3_000.0])
def test_a_peak_lies_within_its_error_bar(light):
    z_um = np.linspace(-1.8, 1.8, 9)
    peaks = [fit_peak(z_um, *np.array(curve(z_um, s, light)).T) for s in range(20)]
    found = [peak for peak in peaks if isinstance(peak, Peak)]
    errors = np.array([(peak.z_um - 0.3) / peak.sigma_um for peak in found])
    assert len(found) == 20
    assert max(peak.sigma_um for peak in found) < LENS.depth_of_field_um / 4
    assert 0.4 < np.sqrt(np.mean(errors**2)) < 1.6


def test_no_peak_is_told_clearly():
    z_um = np.linspace(-1.8, 1.8, 9)
    below = fit_peak(z_um, *np.array(curve(z_um, 1, at_um=-3.0)).T)
    above = fit_peak(z_um, *np.array(curve(z_um, 1, at_um=3.0)).T)
    assert isinstance(below, NoPeak) and below.side == -1 and "rises" in below.reason
    assert isinstance(above, NoPeak) and above.side == 1
    flat = fit_peak(z_um, *np.array(curve(z_um, 1, light=0.0)).T)
    assert isinstance(flat, NoPeak) and "flat" in flat.reason
    few = fit_peak([0.0, 1.0], [1.0, 2.0], [0.1, 0.1])
    assert isinstance(few, NoPeak) and "few" in few.reason


wild = st.floats(allow_nan=True, allow_infinity=True, width=32)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(wild, wild, wild), max_size=12))
def test_any_curve_gives_a_peak_or_a_reason(points):
    columns = np.array(points, float).reshape(-1, 3).T
    with np.errstate(all="ignore"):
        peak = fit_peak(*columns)
    assert isinstance(peak, NoPeak) or (math.isfinite(peak.z_um) and peak.sigma_um > 0)


@pytest.mark.parametrize("speed_um_s", [0.0, 4.0, -4.0])
@pytest.mark.parametrize("at_um", [-0.5, 0.0, 0.4])
def test_lock_in_tells_sign_and_size_also_of_what_moves(at_um, speed_um_s):
    times_s = np.arange(4) * 0.03
    errors = []
    for seed in range(12):
        planes_um = np.array([0.13, -0.13, -0.13, 0.13])
        places_um = at_um + speed_um_s * (times_s - times_s[-1])
        seen = [
            sharpness(image(place - plane, SYMMETRIC, seed=50 * seed + i))
            for i, (place, plane) in enumerate(zip(places_um, planes_um, strict=True))
        ]
        height = math.log(sharpness(image(0.0, SYMMETRIC)).value)
        told = lock_in(times_s, planes_um, seen, 0.65, 0.0, height)
        assert told is not None
        errors.append((told.z_um - at_um) / told.sigma_um)
        assert abs(told.z_um - at_um) < max(0.4, 3 * told.sigma_um)
    assert np.sqrt(np.mean(np.square(errors))) < 2.0


def test_lock_in_does_not_guess_where_nothing_is_seen():
    nothing = [Sharpness(-1.0, 5.0), Sharpness(2.0, 5.0), Sharpness(0.0, 5.0)]
    assert lock_in([0, 1, 2], [0.1, -0.1, 0.1], nothing, 0.6, 0.0, math.log(1000.0)) is None


def test_the_network_tells_the_sign_and_states_its_error():
    network = LearnedDefocus(LENS)
    relative = []
    for defocus_um in (-0.9, -0.4, 0.0, 0.4, 0.9):
        for seed in range(10):
            told = network.estimate(image(defocus_um, seed=seed))
            assert told is not None
            relative.append((told.um - defocus_um) / told.sigma_um)
            assert abs(told.um - defocus_um) < LENS.depth_of_field_um / 2
    assert np.mean(np.abs(relative) < 1.96) > 0.85
    mirrored = Lens(0.75, 0.52, 1.0, 0.325, astigmatism_um=-1.8)
    other = LearnedDefocus(mirrored).estimate(image(0.5, mirrored))
    assert other is not None and other.um == pytest.approx(0.5, abs=0.2)
    network.close()


def test_the_network_refuses_a_lens_that_hides_the_sign():
    with pytest.raises(ModelError, match="sign"):
        LearnedDefocus(SYMMETRIC)
    weak = Lens(0.75, 0.52, 1.0, 0.325, astigmatism_um=0.01)
    assert LearnedDefocus(weak).estimate(image(0.5, weak)) is None


def test_a_window_is_normalised():
    dim, bright = image(0.4, light=5_000.0), image(0.4, light=20_000.0)
    (a, scale), (b, _) = normalised(dim, LENS), normalised(bright, LENS)
    np.testing.assert_allclose(a[0], b[0], atol=0.05 * a[0].max())
    assert scale == pytest.approx(0.325 * 24 / 48 / LENS.blur)
    assert a[1, 3, 3] == pytest.approx(0.9 / scale)
    with pytest.raises(ValueError, match="8 pixels"):
        normalised(dim[:5, :5], LENS)


def test_training_and_export_agree(tmp_path):
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from pursuit.models.datasets import FocusSeries, measure_defocus, stack_windows
    from pursuit.models.focus import DefocusCard
    from pursuit.models.training import defocus

    torch.set_num_threads(1)
    torch.manual_seed(0)
    z_um = np.linspace(-1.5, 1.5, 31)
    round_lens = Lens(0.75, 0.52, 1.0, 0.325, astigmatism_um=0.9)
    stack = [image(0.2 - z, round_lens, seed=i) for i, z in enumerate(z_um)]
    seen = measure_defocus(stack, z_um.tolist())
    assert isinstance(seen, FocusSeries) and seen.defocus_um[0] == pytest.approx(1.7, abs=0.1)
    batches = stack_windows([seen], round_lens, 16, np.random.default_rng(0))
    card = DefocusCard(
        name="mine", trained_on="a stack", most_defocus=3.0, rms_px=1.0, within_95=0.5
    )
    losses = []
    path = tmp_path / "mine.onnx"
    held_back = next(batches)
    defocus.make(batches, held_back, 40, card, path, lambda step, steps, loss: losses.append(loss))
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    network = LearnedDefocus(round_lens, str(path))
    assert network.card.rms_px != 1.0
    below, above = (network.estimate(image(z, round_lens)) for z in (-1.0, 1.0))
    assert below is not None and above is not None and below.um < 0 < above.um

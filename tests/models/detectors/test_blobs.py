"""The classical detector: precision against theory, robustness, and real movies."""

import csv
import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pursuit.models.detectors import create
from scipy.ndimage import center_of_mass
from scipy.spatial import KDTree
from scipy.special import erf

DATA = Path(os.environ.get("PURSUIT_DATA", Path(__file__).parents[4] / "shared" / "data"))
PER_SIGMA = 2 * 2**0.5


def spots(shape, centres, sigma, photons, background):
    """Mean image of Gaussian spots, integrated over every pixel."""
    image = np.full(shape, float(background))
    height, width = shape
    for x, y in centres:
        along_x = np.diff(erf((np.arange(width + 1) - 0.5 - x) / (sigma * 2**0.5))) / 2
        along_y = np.diff(erf((np.arange(height + 1) - 0.5 - y) / (sigma * 2**0.5))) / 2
        image += photons * along_y[:, None] * along_x
    return image


def scattered(rng, pitch, count):
    """Centres on a loose grid, at every phase of a pixel."""
    grid = np.stack(np.meshgrid(np.arange(count), np.arange(count)), -1).reshape(-1, 2)
    return grid * pitch + pitch / 2 + rng.uniform(-1, 1, (count * count, 2))


def offsets(truth, centres):
    """Way (dx, dy) from each true centre to the nearest of others, and which that is."""
    which = np.asarray(KDTree(centres).query(truth)[1])
    return centres[which] - truth, which


def hits_of(truth, found, within):
    """How many true centres have a detection near, no detection used twice."""
    step, which = offsets(truth, found.centres_px)
    return len(np.unique(which[np.hypot(*step.T) < within]))


@pytest.mark.parametrize("diameter", [4, 8, 15])
@pytest.mark.parametrize("peak", [30, 100, 1000])
def test_centres_are_as_precise_as_photons_allow(diameter, peak):
    rng, background, sigma = np.random.default_rng(1), 50.0, diameter / PER_SIGMA
    photons = peak * 2 * np.pi * sigma**2
    detector = create("blobs", {"diameter_px": diameter, "threshold_sigmas": 4})
    errors, phases, expected = [], [], 0
    for _ in range(4):
        truth = scattered(rng, 5 * diameter, 8)
        mean = spots((40 * diameter, 40 * diameter), truth, sigma, photons, background)
        found = detector.detect(rng.poisson(mean).astype(np.uint16))
        step, _ = offsets(truth, found.centres_px)
        near = np.hypot(*step.T) < diameter / 2
        errors.append(step[near])
        phases.append(truth[near] % 1)
        expected += len(truth)
    error, phase = np.concatenate(errors), np.concatenate(phases)
    assert len(error) > 0.95 * expected

    wide = sigma**2 + 1 / 12
    limit = np.sqrt(wide / photons * (16 / 9 + 8 * np.pi * wide * background / photons))
    standard_error = limit / np.sqrt(error.size)
    assert np.sqrt(np.mean(error**2)) < 1.15 * limit
    assert np.abs(error.mean(axis=0)).max() < 4 * 2**0.5 * standard_error
    locking = 2 * np.abs(np.mean(error * np.exp(2j * np.pi * phase)))
    assert locking < 5 * standard_error


@pytest.mark.parametrize("method", ["log", "threshold"])
@pytest.mark.parametrize("polarity", ["bright", "dark"])
def test_one_body_gives_one_detection_with_box_and_brightness(method, polarity):
    y, x = np.mgrid[:200, :240]
    disc = np.clip(15.5 - np.hypot(x - 100.3, y - 80.7), 0, 1)
    sign = 1 if polarity == "bright" else -1
    image = np.random.default_rng(0).normal(2000 + x + sign * 600 * disc, 20).astype(np.uint16)
    found = create("blobs", {"method": method, "polarity": polarity, "diameter_px": 30}).detect(
        image
    )
    assert len(found) == 1
    np.testing.assert_allclose(found.centres_px, [[100.3, 80.7]], atol=0.15)
    np.testing.assert_allclose(found.boxes_px, [[85.3, 65.7, 115.3, 95.7]], atol=3.5)
    np.testing.assert_allclose(found.brightness, 600 * disc.sum(), rtol=0.3)


@pytest.mark.parametrize("method", ["log", "threshold"])
def test_both_sees_a_cell_of_bright_and_dark_parts(method):
    y, x = np.mgrid[:200, :200]
    ring = np.hypot(x - 90, y - 110)
    cell = 300 * (ring < 5) - 300 * ((ring >= 5) & (ring < 10))
    image = np.random.default_rng(0).normal(1000 + cell, 15).astype(np.uint16)
    options = {"method": method, "polarity": "both", "diameter_px": 20}
    found = create("blobs", options).detect(image)
    assert len(found) == 1
    np.testing.assert_allclose(found.centres_px, [[90, 110]], atol=0.5)


@pytest.mark.parametrize("told", [0.75, 1.0, 1.5])
@pytest.mark.parametrize("grey", [60.0, 140.0])
def test_both_sees_a_plain_disc_as_large_as_it_is(told, grey):
    """Whatever it is darker or brighter than its surroundings has no ring around it."""
    y, x = np.mgrid[:200, :200]
    disc = np.clip(10.5 - np.hypot(x - 90, y - 110), 0, 1)
    image = np.random.default_rng(0).normal(100 + (grey - 100) * disc, 3).astype(np.uint16)
    options = {"method": "threshold", "polarity": "both", "diameter_px": 20 * told}
    found = create("blobs", options).detect(image)
    np.testing.assert_allclose(found.centres_px, [[90, 110]], atol=0.5)
    np.testing.assert_allclose(found.sizes_px, [[25, 25]], atol=5)


def test_neighbours_are_told_apart_and_touching_bodies_cut():
    image = spots((64, 64), [(24, 30), (36, 30)], 8 / PER_SIGMA, 3000, 20).astype(np.uint16)
    assert len(create("blobs", {"diameter_px": 8}).detect(image)) == 2
    y, x = np.mgrid[:128, :128]
    pair = (np.hypot(x - 45, y - 60) < 15) | (np.hypot(x - 72, y - 60) < 15)
    body = create("blobs", {"diameter_px": 30, "method": "threshold"})
    found = body.detect((100 + 500 * pair).astype(np.uint16))
    np.testing.assert_allclose(sorted(found.centres_px[:, 0]), [44.8, 72.2], atol=1)


def test_score_grows_with_the_signal():
    rng, detector = np.random.default_rng(0), create("blobs", {"diameter_px": 8})
    scores = []
    for photons in (1000, 3000, 10_000, 60_000):
        mean = spots((96, 96), [(40, 50)], 8 / PER_SIGMA, photons, 50)
        scores.append(float(detector.detect(rng.poisson(mean).astype(np.uint16)).scores.max()))
    assert scores == sorted(scores) and scores[0] > 0 and scores[-1] < 1


@pytest.mark.parametrize("method", ["log", "threshold"])
@pytest.mark.parametrize("polarity", ["bright", "dark", "both"])
def test_nothing_is_found_where_nothing_is(method, polarity):
    detector = create("blobs", {"method": method, "polarity": polarity, "diameter_px": 8})
    for level in (0, 7, 255):
        assert len(detector.detect(np.full((60, 70), level, np.uint8))) == 0
    assert len(detector.detect(np.full((60, 70), 65535, np.uint16))) == 0
    rng = np.random.default_rng(2)
    hot = rng.poisson(100, (128, 128)).astype(np.uint16)
    hot[40, 50] = 4000
    y, x = np.mgrid[:128, :128]
    shaded = rng.poisson(200 + 100 * np.exp(-np.hypot(x - 64, y - 64) / 60)).astype(np.uint16)
    if polarity != "both":
        assert len(detector.detect(hot)) == 0
        assert len(detector.detect(shaded)) <= 1


def test_a_spot_cut_by_the_border_is_found_inside_the_frame():
    image = spots((64, 64), [(0.5, 30)], 8 / PER_SIGMA, 5000, 50).astype(np.uint16)
    found = create("blobs", {"diameter_px": 8}).detect(image)
    np.testing.assert_allclose(found.centres_px, [[0.5, 30]], atol=0.1)
    assert found.boxes_px.min() >= -0.5


def test_result_depends_on_the_image_only():
    rng, detector = np.random.default_rng(0), create("blobs", {"diameter_px": 6})
    mean = spots((80, 100), [(20, 30), (70.5, 50.2)], 6 / PER_SIGMA, 4000, 50)
    image = rng.poisson(mean).astype(np.uint16)
    first = detector.detect(image)
    detector.detect(rng.integers(0, 60_000, (80, 100)).astype(np.uint16))
    detector.detect(np.zeros((3, 500), np.uint8))
    second = detector.detect(image)
    np.testing.assert_array_equal(first.centres_px, second.centres_px)
    np.testing.assert_array_equal(first.brightness, second.brightness)


@settings(max_examples=120, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.uint16]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=40),
    ),
    st.sampled_from(["log", "threshold"]),
    st.sampled_from(["bright", "dark", "both"]),
    st.floats(2, 60),
)
def test_any_image_gives_sound_detections(image, method, polarity, diameter):
    options = {"method": method, "polarity": polarity, "diameter_px": diameter}
    found = create("blobs", options | {"threshold_sigmas": 1.0}).detect(image)
    edge = np.array([image.shape[1], image.shape[0]]) - 0.5
    for points in (found.centres_px, found.boxes_px[:, :2], found.boxes_px[:, 2:]):
        assert np.isfinite(points).all() and (points >= -0.5).all() and (points <= edge).all()
    assert (found.sizes_px >= 0).all()
    assert np.isfinite(found.brightness).all()
    assert ((found.scores >= 0) & (found.scores <= 1)).all()


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4)),
        np.zeros((4, 4, 3), np.uint8),
        np.zeros((0, 4), np.uint8),
        np.zeros(4, "u2"),
    ],
)
def test_what_is_no_camera_image_is_refused(image):
    with pytest.raises(ValueError, match=r"needs an image \(H, W\) of uint8 or uint16"):
        create("blobs").detect(image)


def movie(name):
    path = DATA / "movies" / name / "movie.tif"
    if not path.exists():
        pytest.skip(f"no real data at {path}")
    return tifffile.imread(path)


def tracked(name, seconds_per_frame):
    """Positions (N, 2) of a movie's tracks in every frame."""
    frames = defaultdict(list)
    with (DATA / "movies" / name / "tracks.csv").open() as table:
        for row in csv.DictReader(table):
            frames[round(float(row["time"]) / seconds_per_frame)].append((row["X"], row["Y"]))
    return {frame: np.array(at, float) for frame, at in frames.items()}


def test_cells_in_brightfield():
    images, truth = movie("tcells_brightfield"), tracked("tcells_brightfield", 1)
    options = {"polarity": "both", "method": "threshold", "diameter_px": 16}
    detector = create("blobs", options)
    hits = shown = 0
    for frame in (2, 7, 12):
        found = detector.detect(images[frame])
        hits += hits_of(truth[frame], found, 10)
        shown += len(found)
    assert hits > 0.65 * sum(len(truth[frame]) for frame in (2, 7, 12))
    assert hits > 0.22 * shown


def test_loci_in_nuclei():
    images, truth = movie("loci_fluorescence"), tracked("loci_fluorescence", 120)
    detector = create("blobs", {"diameter_px": 4, "threshold_sigmas": 15})
    hits = shown = 0
    for frame in (0, 5, 10):
        found = detector.detect(images[frame])
        hits += hits_of(truth[frame] - 1, found, 2)
        shown += len(found)
    assert hits > 0.55 * sum(len(truth[frame]) for frame in (0, 5, 10))
    assert hits > 0.6 * shown


def test_beads_diffuse_as_stokes_and_einstein_say():
    images = movie("beads_brightfield")
    detector = create("blobs", {"polarity": "dark", "diameter_px": 6, "threshold_sigmas": 10})
    paths = detector.detect(images[0]).centres_px[None]
    for image in images[1:40]:
        centres = detector.detect(image).centres_px
        step, which = offsets(paths[-1], centres)
        kept = np.hypot(*step.T) < 3
        paths = np.concatenate([paths[:, kept], centres[which[kept]][None]])
    assert paths.shape[1] > 60

    # Compression copies parts of one frame into the next, which hides steps over a frame or
    # two; the slope of the squared displacement at longer lags is free of it.
    lags = np.array([4, 12])
    square_um2 = [np.var(paths[lag:] - paths[:-lag], axis=(0, 1)).mean() / 2.85**2 for lag in lags]
    diffusion_um2_s = np.diff(square_um2)[0] / (2 * np.diff(lags)[0] / 24)
    viscosity_pa_s, radius_m = 1.0e-3, 0.5e-6
    expected = 1e12 * 1.38e-23 * 293 / (6 * np.pi * viscosity_pa_s * radius_m)
    assert diffusion_um2_s == pytest.approx(expected, rel=0.25)


def test_nuclei():
    folder = DATA / "stills" / "bbbc039_nuclei"
    if not folder.exists():
        pytest.skip(f"no real data at {folder}")
    cv2 = pytest.importorskip("cv2")
    detector = create("blobs", {"method": "threshold", "diameter_px": 25})
    hits = present = shown = 0
    for path in sorted((folder / "images").glob("*.png"))[::12]:
        labels = cv2.imread(str(folder / "labels" / path.name), cv2.IMREAD_UNCHANGED)
        sizes = np.bincount(labels.ravel())
        large = [k for k in range(1, len(sizes)) if sizes[k] > 150]
        centres = np.array(center_of_mass(labels > 0, labels, large))[:, ::-1]
        found = detector.detect(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
        hits += hits_of(centres, found, 8)
        present, shown = present + len(large), shown + len(found)
    assert hits > 0.85 * present
    assert hits > 0.9 * shown

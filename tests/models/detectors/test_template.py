"""Following by a template: precision, confidence that knows when it is lost, real movies."""

import csv
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pursuit.models.detectors import Window
from pursuit.models.detectors.template.options import TemplateOptions
from pursuit.models.detectors.template.template import Template

DATA = Path(os.environ.get("PURSUIT_DATA", Path(__file__).parents[4] / "shared" / "data"))
SIZE = 160


def template(**options):
    return Template(TemplateOptions(**options))


def scene(objects, diameter, kind="spot", background=50, size=SIZE):
    """Mean image of objects (x, y, peak): Gaussian spots, rings, or cells with texture."""
    y, x = np.mgrid[:size, :size]
    image = np.full((size, size), float(background))
    for at_x, at_y, peak in objects:
        r = np.hypot(x - at_x, y - at_y)
        if kind == "spot":
            image += peak * np.exp(-((r / diameter) ** 2) * 4)
        elif kind == "ring":
            ring, core = (np.exp(-(((r / diameter - at) * 8) ** 2)) for at in (0.4, 0.15))
            image += peak * (ring - 0.4 * core)
        else:
            grain = 0.7 + 0.6 * np.sin((x - at_x) / diameter * 5 + 1) * np.cos(
                (y - at_y) / diameter * 4
            )
            image += peak * grain / (1 + np.exp(r - diameter / 2))
    return np.maximum(image, 0)


def shot(rng, *args, **kwargs):
    return rng.poisson(scene(*args, **kwargs)).astype(np.uint16)


def score(found):
    return float(found.scores[0]) if len(found) else 0.0


@pytest.mark.parametrize("kind", ["spot", "ring", "cell"])
def test_it_knows_when_it_is_lost(kind):
    rng = np.random.default_rng(7)
    kept, lost, total = 0, 0, 0
    for diameter in (5, 9, 24) * 10:
        at = SIZE / 2 + rng.uniform(-4, 4, 2)
        follow = template(diameter_px=diameter, point_px=tuple(at))
        follow.detect(shot(rng, [(*at, 60)], diameter, kind))
        for _ in range(4):
            at = at + rng.uniform(-4, 4, 2)
            image = shot(rng, [(*at, 60)], diameter, kind)
            window = Window(tuple(at + rng.uniform(-3, 3, 2)), max(12.0, diameter))
            for found in (follow.detect(image), follow.detect_within(image, window)):
                kept += len(found) and np.hypot(*(found.centres_px[0] - at)) < diameter / 2
            empty = shot(rng, [], diameter)
            lost += 2 - len(follow.detect(empty)) - len(follow.detect_within(empty, window))
            total += 2
    assert kept >= 0.99 * total
    assert lost >= 0.99 * total


@pytest.mark.parametrize(("diameter", "peak"), [(5, 100), (8, 100), (8, 1000), (16, 100)])
def test_steps_are_nearly_as_precise_as_photons_allow(diameter, peak):
    rng, background, errors, phases = np.random.default_rng(3), 50.0, [], []
    for _ in range(8):
        start = 40 + rng.uniform(-0.5, 0.5, 2)
        follow = template(diameter_px=diameter, point_px=tuple(start))
        follow.detect(shot(rng, [(*start, peak)], diameter, size=80))
        steps = []
        for _ in range(30):
            at = start + rng.uniform(-4, 4, 2)
            found = follow.detect_within(
                shot(rng, [(*at, peak)], diameter, size=80), Window(tuple(start), 10)
            )
            steps.append(found.centres_px[0] - at)
            phases.append(at % 1)
        errors.append(np.array(steps) - np.mean(steps, axis=0))
    error, sigma = np.concatenate(errors), diameter / 8**0.5
    photons, wide = 2 * np.pi * sigma**2 * peak, sigma**2 + 1 / 12
    limit = np.sqrt(wide / photons * (16 / 9 + 8 * np.pi * wide * background / photons))
    assert np.sqrt(np.mean(error**2)) < 1.6 * limit
    locking = 2 * np.abs(np.mean(error * np.exp(2j * np.pi * np.array(phases))))
    assert locking < 0.02


@pytest.mark.parametrize("learn", [0.0, 0.2])
def test_it_neither_drifts_off_nor_minds_bleaching(learn):
    rng, diameter, at = np.random.default_rng(0), 10, np.array([80.3, 79.6])
    follow = template(diameter_px=diameter, point_px=tuple(at), learn=learn)
    offsets = []
    for k in range(150):
        image = shot(rng, [(*at, 300 * 0.99**k)], diameter, "ring", background=100)
        found = follow.detect_within(image, Window(tuple(at), 15))
        offsets.append(found.centres_px[0] - at)
        at = at + rng.uniform(-1, 1, 2)
    assert np.abs(np.mean(offsets[-20:], axis=0)).max() < 0.3


def test_a_look_that_changes_is_learned():
    rng, scores = np.random.default_rng(1), {}
    for learn in (0.0, 0.3):
        follow = template(diameter_px=20, learn=learn, least_score=0.0)
        for k in range(30):
            turn = np.deg2rad(4 * k)
            two = [(79.5 + s * 5 * np.cos(turn), 79.5 + s * 5 * np.sin(turn), 150) for s in (1, -1)]
            scores[learn] = score(follow.detect_within(shot(rng, two, 7), Window((79.5, 79.5), 20)))
    assert scores[0.3] > scores[0.0] + 0.05


def test_of_two_alike_the_one_nearer_to_the_middle_of_the_window_is_taken():
    rng = np.random.default_rng(0)
    follow = template(diameter_px=8, point_px=(60, 80))
    follow.detect(shot(rng, [(60, 80, 300), (78, 80, 300)], 8))
    moved = shot(rng, [(63, 80, 300), (81, 80, 300)], 8)
    for middle, expected in (((62, 80), 63), ((80, 80), 81)):
        found = follow.detect_within(moved, Window(middle, 25))
        np.testing.assert_allclose(found.centres_px, [[expected, 80]], atol=0.3)
    assert len(follow.detect_within(moved, Window((20, 20), 15))) == 0
    assert len(follow.detect_within(moved, Window((-300, 20), 15))) == 0


@pytest.mark.parametrize("diameter", [10, 25])
def test_it_may_leave_by_half(diameter):
    rng = np.random.default_rng(2)
    follow = template(diameter_px=diameter)
    follow.detect(shot(rng, [(79.5, 79.5, 400)], diameter, "ring"))
    for at in ((0.0, 70.2), (60.4, SIZE - 1.2)):
        found = follow.detect(shot(rng, [(*at, 400)], diameter, "ring"))
        np.testing.assert_allclose(found.centres_px, [at], atol=diameter / 12)
        assert found.boxes_px.min() >= -0.5 and found.boxes_px.max() <= SIZE - 0.5


def test_the_first_image_shows_what_to_follow_and_its_box():
    rng = np.random.default_rng(0)
    follow = template(diameter_px=11, point_px=(50.3, 100.8))
    hidden = np.full((SIZE, SIZE), 7, np.uint16)
    hidden[:40] = 1000
    assert len(follow.detect(hidden)) == 0
    found = follow.detect_within(shot(rng, [(50.3, 100.8, 400)], 11), Window((50, 100), 20))
    np.testing.assert_allclose(found.centres_px, [[50.3, 100.8]], atol=0.05)
    np.testing.assert_allclose(found.boxes_px, [[44.8, 95.3, 55.8, 106.3]], atol=0.05)
    assert len(follow.detect(np.zeros((SIZE, SIZE), np.uint16))) == 0
    assert len(follow.detect(np.full((SIZE, SIZE), 65535, np.uint16))) == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"point_px": (SIZE, 3)}, r"point_px \(160, 3\) is outside the image of 160 × 160 pixels"),
        ({"diameter_px": 200}, "diameter_px 200 is larger than the image of 160 × 160 pixels"),
    ],
)
def test_what_cannot_be_followed_is_said(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        template(**options).detect(np.zeros((SIZE, SIZE), np.uint8))


def test_an_image_of_another_size_is_refused():
    follow = template(diameter_px=10)
    image = shot(np.random.default_rng(0), [(79.5, 79.5, 400)], 10)
    follow.detect(image)
    with pytest.raises(ValueError, match="the image has 100 × 160 pixels but the template"):
        follow.detect(image[:, :100])
    assert len(follow.detect(image)) == 1


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.uint16]),
        hnp.array_shapes(min_dims=2, max_dims=2, min_side=8, max_side=50),
    ),
    st.integers(0, 2**32 - 1),
    st.floats(3, 8),
    st.tuples(st.floats(-60, 60), st.floats(-60, 60), st.floats(0.1, 90)),
)
def test_any_images_give_sound_detections(image, seed, diameter, window):
    follow = template(diameter_px=diameter, least_score=0.0)
    follow.detect(image)
    other: Any = np.random.default_rng(seed).permutation(image.ravel()).reshape(image.shape)
    for found in (follow.detect(other), follow.detect_within(image, Window(window[:2], window[2]))):
        assert len(found) <= 1
        assert ((found.scores >= 0) & (found.scores <= 1)).all()
        edge = np.array([image.shape[1], image.shape[0]])
        assert ((found.centres_px >= -2) & (found.centres_px <= edge + 1)).all()


def test_cells_in_brightfield_are_followed_better_while_learning():
    path = DATA / "movies" / "tcells_brightfield"
    if not path.exists():
        pytest.skip(f"no real data at {path}")
    movie, tracks = tifffile.imread(path / "movie.tif"), defaultdict(dict)
    with (path / "tracks.csv").open() as table:
        for row in csv.DictReader(table):
            tracks[row["track"]][round(float(row["time"]))] = (float(row["X"]), float(row["Y"]))
    long = [track for track in tracks.values() if len(track) >= 12][::3]
    shares = [np.mean([stays(movie, track, learn) for track in long]) for learn in (0.0, 0.2)]
    assert shares[1] > 0.55 and shares[1] >= shares[0]


def stays(movie, track, learn):
    """Whether a cell is still under the template in the last frame of its track."""
    first, last = min(track), max(track)
    at = track[first]
    follow = template(diameter_px=16, point_px=at, learn=learn, least_score=0.0)
    follow.detect(movie[first])
    for frame in range(first + 1, last + 1):
        found = follow.detect_within(movie[frame], Window(at, 30))
        if len(found):
            x, y = found.centres_px[0].tolist()
            at = (x, y)
    return np.hypot(*np.subtract(at, track[last])) < 10

"""The size of objects that nobody tells is found out, and looked for again."""

import os
from pathlib import Path

import numpy as np
import pytest
from pursuit.models.datasets import read_dataset
from pursuit.models.detectors import create
from pursuit.models.detectors.learned import LearnedDetector, ScoredBoxes
from pursuit.models.detectors.learned.size import FACTORS, SHOWN_LARGER, find_size
from scipy.ndimage import gaussian_filter

from .test_learned import CARD, Discs, discs, learned

DATA = Path(os.environ.get("PURSUIT_DATA", Path(__file__).parents[4] / "shared" / "data"))


class Parts(Discs):
    """Takes what is shown too large for nine objects, as sure of them as of whole ones."""

    def run(self, pixels):
        rows = []
        for x0, y0, x1, y1, score, _ in super().run(pixels)[0][0].tolist():
            side = (x1 - x0) / 3
            if side < 15:
                rows.append([x0, y0, x1, y1, score, 0])
                continue
            sure = np.exp(-(np.log2(side / 20) ** 2))
            for number in range(9):
                x, y = x0 + side * (number % 3), y0 + side * (number // 3)
                rows.append([x, y, x + side, y + side, sure, 0])
        return [np.array(rows, np.float32).reshape(1, -1, 6)]


@pytest.mark.parametrize("diameter", [10, 20, 40, 80])
def test_the_scale_is_found_and_places_stay_true(diameter):
    image, centres = discs(diameter, (400, 900), 5)
    detector = learned(factor=None)
    found = detector.detect(image)
    shown = min(SHOWN_LARGER * CARD.object_px[1], 1.5 * diameter)
    assert detector.factor * diameter == pytest.approx(shown, rel=0.12)
    assert len(detector.notes) == 1 and "px large" in detector.notes[0]
    order = np.argsort(found.centres_px[:, 0])
    np.testing.assert_allclose(
        found.centres_px[order], centres, atol=max(0.6, 0.6 / detector.factor)
    )
    np.testing.assert_allclose(found.sizes_px, diameter, atol=2 / min(detector.factor, 1))
    assert (found.scores > 0.6).all()


def test_objects_that_fall_into_parts_at_a_large_scale_are_found_whole():
    detector = learned(factor=None, runtime=Parts())
    found = detector.detect(discs(80, (400, 900), 5)[0])
    assert len(found) == 5
    np.testing.assert_allclose(found.sizes_px, 80, atol=4)


def test_without_a_card_the_scale_is_that_at_which_objects_are_seen_best():
    detector = learned(factor=None, has_card=False)
    detector.detect(discs(56, (400, 900), 5)[0])
    assert detector.factor == pytest.approx(20 / 56, rel=0.1)


def test_the_size_is_looked_for_again_when_long_nothing_was_found():
    detector = learned(factor=None)
    detector.detect(discs(80, (400, 900), 5)[0])
    small = discs(12)[0]
    assert len(detector.detect(small)) == 0
    assert any(len(detector.detect(small)) for _ in range(60))
    assert detector.factor == pytest.approx(1.5, rel=0.1)


def test_the_size_is_looked_for_again_when_objects_are_of_another():
    detector = learned(factor=None, score=0.01)
    large, small = (discs(diameter, (400, 900), 5)[0] for diameter in (60, 30))
    detector.detect(large)
    first = detector.factor
    for image in 40 * [small] + [large] + 40 * [small]:
        assert len(detector.detect(image)) and detector.factor == first
    for _ in range(20):
        detector.detect(small)
    assert detector.factor == pytest.approx(2 * first, rel=0.1)


def boxes_of(*objects):
    """Boxes of (x, y, size, score), of one class, in the order of scores."""
    rows = np.array(sorted(objects, key=lambda one: -one[3]), np.float32).reshape(-1, 4)
    corners = np.hstack([rows[:, :2] - rows[:, 2:3] / 2, rows[:, :2] + rows[:, 2:3] / 2])
    return ScoredBoxes(corners.astype(np.float32), rows[:, 3], np.zeros(len(rows), np.int32))


@pytest.mark.parametrize(
    ("point", "sure", "expected"),
    [
        pytest.param((205, 190), 0.5, 20, id="on what lies in a larger one"),
        pytest.param((180, 215), 0.5, 100, id="beside it, on the larger one"),
        pytest.param((205, 190), 0.02, 100, id="on a part that is hardly seen"),
    ],
)
def test_what_is_pointed_at_may_lie_in_a_larger_object(point, sure, expected):
    large, small = (200, 200, 100, 0.9), (205, 190, 20, sure)
    found = [boxes_of(large, small) for _ in FACTORS]
    size = find_size(found, (400, 400), (400, 400), point)
    assert size is not None and size.is_of_one
    assert size.px == pytest.approx(expected)


def test_blood_cells_are_found_whole():
    folder = DATA / "stills" / "bccd_blood"
    if not folder.is_dir():
        pytest.skip(f"there is no {folder}: set PURSUIT_DATA to the folder of real data")
    _, held_back = read_dataset(folder).split(0.2)
    ratios = []
    for sample in held_back.samples[::10]:
        found = create("yolo", {}).detect(sample.load())
        ratios.append(np.median(found.sizes_px) / np.median(sample.sizes_px))
    assert np.median(np.abs(np.log2(ratios))) < 0.2
    assert np.max(np.abs(np.log2(ratios))) < 0.7


def of_two_sizes():
    """Small discs, and a large one among them, which is the exception."""
    image, _ = discs(16, (400, 900), 9)
    large, centres = discs(64, (400, 900), 1)
    return np.maximum(image, large), centres[0]


def test_what_is_pointed_at_gives_the_size():
    image, centre = of_two_sizes()
    detector = learned(factor=None)
    detector.point_at(tuple(centre.tolist()))
    found = detector.detect(image)
    assert detector.factor * 64 == pytest.approx(CARD.object_px[1], rel=0.15)
    pointed = np.hypot(*(found.centres_px - centre).T).argmin()
    assert found.scores[pointed] > 0.8
    np.testing.assert_allclose(found.sizes_px[pointed], 64, atol=2 / detector.factor)
    for _ in range(110):
        detector.detect(image)
    assert detector.factor * 64 == pytest.approx(CARD.object_px[1], rel=0.15)


def test_a_point_on_nothing_leaves_the_size_to_all_objects():
    image, _ = discs(40, (400, 900), 5)
    everywhere, pointed = learned(factor=None), learned(factor=None)
    pointed.point_at((3.0, 3.0))
    everywhere.detect(image)
    pointed.detect(image)
    assert pointed.factor == everywhere.factor


def smooth_noise(rng, shape):
    return gaussian_filter(rng.normal(200, 70, shape), 1)


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, shape: rng.normal(100, 5, shape),
        lambda rng, shape: rng.poisson(30, shape),
        lambda rng, shape: rng.poisson(300, shape),
        smooth_noise,
    ],
)
def test_noise_has_no_size(draw):
    """Else it is enlarged until some of it looks like objects."""
    for seed in range(4):
        image = draw(np.random.default_rng(seed), (300, 400)).clip(0).astype(np.uint16)
        detector = create("yolo", {})
        assert isinstance(detector, LearnedDetector)
        detector.detect(image)
        assert detector.factor == 1.0
        assert not any("seem to be" in note for note in detector.notes)

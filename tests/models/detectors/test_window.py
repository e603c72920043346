"""The attention window: what is found inside is what is found there in the whole image."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pursuit.models.card import ModelCard
from pursuit.models.detectors import Window, create, detect_within
from pursuit.models.detectors.learned.learned import LearnedDetector
from pursuit.models.detectors.learned.metadata import ModelInfo
from pursuit.models.detectors.learned.network import Network
from pursuit.models.detectors.learned.options import LearnedOptions
from pursuit.models.runtimes.runtime import Tensor

STRIDE, REACH = 32, 11
CARD = ModelCard(name="fake", architecture="fake", head="yolo", classes=("a", "b"), channels=3)


class Convolution:
    """Stands for a fully convolutional network: a box for each cell, from what lies around it."""

    name, device = "fake", "fake"
    inputs = (Tensor("input", (1, 3, -1, -1)),)
    outputs = (Tensor("output", (1, 6, -1)),)

    def __init__(self):
        self.shapes = []

    def run(self, pixels):
        self.shapes.append(pixels.shape[2:])
        assert np.array_equal(pixels[0, 0], pixels[0, 2])
        fine = cv2.blur(pixels[0, 0], (2 * REACH + 1, 2 * REACH + 1))
        coarse = cv2.blur(pixels[0, 0], (5, 5))
        fine, coarse = (m[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE] for m in (fine, coarse))
        y, x = np.mgrid[: fine.shape[0], : fine.shape[1]] * STRIDE + STRIDE / 2
        rows = [x + 9 * (fine - 0.5), y + 9 * (coarse - 0.5), 8 + 9 * coarse, 8 + 9 * fine]
        rows += [fine, coarse]
        return [np.stack(rows).reshape(1, 6, -1).astype(np.float32)]

    def warm_up(self, height, width): ...

    def close(self): ...


def learned(runtime, factor):
    network = Network(ModelInfo(CARD, True, ""), runtime, Convolution)
    return LearnedDetector(
        LearnedOptions(score=0.3, max_objects=10_000, tile_px=2048), network, factor
    )


def inside(found, crop, margin):
    """Boxes and scores of what lies in a crop, by position."""
    left, top, right, bottom = crop
    boxes = found.boxes_px
    within = (boxes > [left + margin, top + margin, -np.inf, -np.inf]).all(1)
    within &= (boxes < [np.inf, np.inf, right - margin, bottom - margin]).all(1)
    rows = np.column_stack([boxes, found.scores, found.classes, found.brightness])[within]
    return rows[np.lexsort(rows.T)]


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(40, 700), st.integers(40, 700)),
    st.tuples(st.floats(-0.1, 1.1), st.floats(-0.1, 1.1)),
    st.floats(5, 200),
    st.sampled_from([0.4, 0.5, 1.0, 1.9]),
)
def test_a_window_finds_what_the_whole_image_shows_there(seed, shape, centre, half, factor):
    rng = np.random.default_rng(seed)
    image = cv2.blur(rng.integers(0, 60_000, shape, np.uint16), (9, 9))
    detector = learned(Convolution(), factor)
    full = detector.detect(image)
    window = Window((centre[0] * shape[1], centre[1] * shape[0]), half)
    part = detect_within(detector, image, window)
    crop, margin = window.crop(shape), (REACH + 1) / factor
    np.testing.assert_allclose(
        inside(part, crop, margin), inside(full, crop, margin), rtol=1e-4, atol=1e-3
    )


def test_at_one_scale_a_window_is_exact_to_the_rounding_of_coordinates():
    noise = np.random.default_rng(0).integers(0, 255, (500, 640), np.uint8)
    image = np.asarray(cv2.blur(noise, (9, 9)), np.uint8)
    detector = learned(Convolution(), 1.0)
    full = detector.detect(image)
    compared = 0
    for x in range(0, 640, 37):
        window = Window((x, 200.5), 70)
        crop = window.crop(image.shape)
        wanted = inside(full, crop, REACH)
        found = inside(detector.detect_within(image, window), crop, REACH)
        np.testing.assert_array_equal(found[:, 4:6], wanted[:, 4:6])
        np.testing.assert_allclose(found[:, :4], wanted[:, :4], rtol=0, atol=1e-4)
        compared += len(wanted)
    assert compared > 100


def test_contrast_in_a_window_is_that_of_the_last_whole_image():
    image = np.full((512, 512), 100, np.uint16)
    image[:, 256:] = 1000
    detector = learned(Convolution(), 1.0)
    detector.detect(image)
    assert len(detector.detect_within(image, Window((100, 256), 50))) == 0
    assert len(detector.detect_within(image, Window((400, 256), 50))) > 0


def test_runtimes_see_few_sizes():
    runtime = Convolution()
    detector = learned(runtime, 1.0)
    image = np.random.default_rng(0).integers(0, 255, (600, 640), np.uint8)
    detector.detect(image)
    rng = np.random.default_rng(1)
    for _ in range(100):
        detector.detect_within(image, Window(tuple(rng.uniform(0, 600, 2)), rng.uniform(10, 200)))
    assert len(set(runtime.shapes)) <= 7


def test_cut_objects_are_left_out_and_whole_ones_shifted():
    image = np.random.default_rng(0).poisson(100, (200, 300)).astype(np.uint16)
    for x, y in ((150, 100), (190, 100), (60, 20)):
        cv2.circle(image, (x, y), 7, 900, -1)
    detector = create("blobs", {"diameter_px": 15, "method": "threshold"})
    found = detect_within(detector, image, Window((150, 100), 40))
    np.testing.assert_allclose(found.centres_px, [[150, 100]], atol=0.1)
    assert len(detect_within(detector, image, Window((-200, 100), 40))) == 0
    at_border = detect_within(detector, image, Window((60, 0), 28.5))
    np.testing.assert_allclose(at_border.centres_px, [[60, 20]], atol=0.3)


def test_the_crop_holds_the_pixels_the_window_touches():
    assert Window((10, 20), 2).crop((100, 100)) == (8, 18, 13, 23)
    assert Window((10.4, 20), 2.2).crop((100, 100)) == (8, 18, 14, 23)
    assert Window((0, 99), 5).crop((100, 100)) == (0, 94, 6, 100)
    left, _, right, _ = Window((500, 50), 5).crop((100, 100))
    assert left == right


@pytest.mark.parametrize("centre, half", [((np.nan, 0), 3), ((0, np.inf), 3), ((0, 0), 0)])
def test_a_window_of_nowhere_is_refused(centre, half):
    with pytest.raises(ValueError, match="finite centre and a positive size"):
        Window(centre, half)

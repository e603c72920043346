"""Tiles: what is planted comes out once, whatever the sizes and places."""

from itertools import pairwise
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pursuit.models.card import ModelCard
from pursuit.models.detectors.learned import ScoredBoxes
from pursuit.models.detectors.learned.learned import LearnedDetector
from pursuit.models.detectors.learned.metadata import ModelInfo
from pursuit.models.detectors.learned.network import Network
from pursuit.models.detectors.learned.options import LearnedOptions
from pursuit.models.detectors.learned.scale import Grid
from pursuit.models.detectors.learned.tiles import merged, tiles_of
from pursuit.models.runtimes.runtime import Tensor
from scipy.ndimage import find_objects, label

STRIDE = 8
CARD = ModelCard(name="fake", architecture="fake", head="yolo-nms-free", classes=("a",), stride=8)


class Rectangles:
    """Stands for a network that sees every bright rectangle just as far as its input shows it."""

    name, device = "fake", "fake"
    outputs = (Tensor("output", (1, -1, 6)),)

    def __init__(self, size=-1):
        self.inputs = (Tensor("input", (1, 1, size, size)),)

    def run(self, pixels):
        _, _, *sizes = self.inputs[0].shape
        assert tuple(sizes) in (pixels.shape[2:], (-1, -1))
        assert not pixels.shape[2] % STRIDE and not pixels.shape[3] % STRIDE
        found = find_objects(cast(tuple, label(pixels[0, 0] > 0.9))[0])
        rows = [[x.start, y.start, x.stop, y.stop, 0.9, 0] for y, x in found]
        return [np.array(rows, np.float32).reshape(1, -1, 6)]

    def warm_up(self, height, width): ...

    def close(self): ...


def detector(tile_px, runtime, diameter_px=20.0):
    options = LearnedOptions(tile_px=tile_px, diameter_px=diameter_px, max_objects=10_000)
    network = Network(ModelInfo(CARD, True, ""), runtime, Rectangles)
    return LearnedDetector(options, network, 1.0)


@st.composite
def scenes(draw):
    """Image with rectangles that do not touch, and their boxes."""
    height, width = draw(st.integers(20, 400)), draw(st.integers(20, 400))
    image = np.full((height, width), 100, np.uint16)
    boxes = []
    for _ in range(draw(st.integers(1, 12))):
        left, top = draw(st.integers(0, width - 4)), draw(st.integers(0, height - 4))
        right = min(width, left + draw(st.integers(3, 40) | st.integers(3, 300)))
        bottom = min(height, top + draw(st.integers(3, 40) | st.integers(3, 300)))
        around = image[max(top - 1, 0) : bottom + 1, max(left - 1, 0) : right + 1]
        covered = (right - left) * (bottom - top) + (image > 100).sum()
        if (around == 100).all() and covered < 0.45 * image.size:
            image[top:bottom, left:right] = 1000
            boxes.append([left, top, right, bottom])
    return image, np.array(boxes, float).reshape(-1, 4)


def assert_same_boxes(found, wanted):
    np.testing.assert_array_equal(
        sorted(map(tuple, found.tolist())), sorted(map(tuple, wanted.tolist()))
    )


@settings(max_examples=150, deadline=None)
@given(scenes(), st.sampled_from([128, 136, 200, 320]), st.booleans())
def test_rectangles_come_out_once_and_whole(scene, tile_px, fixed):
    image, boxes = scene
    found = detector(tile_px, Rectangles(tile_px if fixed else -1)).detect(image)
    assert_same_boxes(found.boxes_px, boxes - 0.5)


def test_a_rectangle_wherever_it_lies_about_a_crossing_of_seams():
    eyes = detector(128, Rectangles())
    for width, height in ((6, 6), (30, 9), (130, 60)):
        for left in range(60, 140, 9):
            for top in range(70, 130, 11):
                image = np.full((260, 280), 100, np.uint16)
                image[top : top + height, left : left + width] = 1000
                found = eyes.detect(image).boxes_px
                wanted = np.array([[left, top, left + width, top + height]]) - 0.5
                np.testing.assert_array_equal(found, wanted)


def test_tiles_are_equal_cover_the_field_and_overlap():
    for rows in range(1, 90):
        grid = Grid(rows * 8, 40, 8, 8)
        tiles = tiles_of(grid, (16, 16), 5, fixed=False)
        assert len({(tile.rows, tile.cols) for tile in tiles}) == 1
        assert tiles[0].rows <= 16
        assert tiles[0].top == 0 and tiles[-1].top + tiles[-1].rows == rows
        for upper, lower in pairwise(tiles):
            assert upper.top + upper.rows - lower.top >= 5


def test_boxes_a_network_is_unsure_of_are_still_one_object():
    grid = Grid(128, 400, 8, 8)
    tiles = tiles_of(grid, (32, 32), 8, fixed=False)
    (_, left, _, cols), (_, start, _, _) = tiles
    edge, begin = (left + cols) * 8, start * 8

    def seen(*rows):
        boxes = np.array([row[:4] for row in rows], np.float32)
        classes = np.array([row[4] for row in rows], np.int32)
        return ScoredBoxes(boxes, np.full(len(rows), 0.8, np.float32), classes)

    part_taken_for_something_else = seen((edge - 20, 30, edge - 0.5, 52, 1))
    whole = seen((edge - 21, 29, edge + 10, 53, 0))
    both = merged([*zip(tiles, (part_taken_for_something_else, whole), strict=True)], grid, 0.5)
    np.testing.assert_array_equal(both.boxes, whole.boxes)

    end_not_seen = seen((edge - 24, 30, edge - 4, 52, 0)), seen((edge - 25, 30, edge + 30, 53, 0))
    one = merged([*zip(tiles, end_not_seen, strict=True)], grid, 0.5)
    np.testing.assert_array_equal(one.boxes, end_not_seen[1].boxes)

    long = seen((20, 30, edge - 1, 60, 0)), seen((begin + 1, 31, 380, 61, 0))
    one = merged([*zip(tiles, long, strict=True)], grid, 0.5)
    np.testing.assert_array_equal(one.boxes, [[20, 30, 380, 61]])


@pytest.mark.parametrize("size", [(50, 1000), (1000, 50)])
def test_objects_at_the_border_of_the_image_stay(size):
    image = np.full(size, 100, np.uint8)
    image[-9:, -7:] = 200
    found = detector(128, Rectangles()).detect(image)
    height, width = size
    np.testing.assert_array_equal(found.boxes_px + 0.5, [[width - 7, height - 9, width, height]])

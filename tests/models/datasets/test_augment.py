"""Whatever augmentation does to an image, the boxes stay on the objects."""

from __future__ import annotations

from itertools import islice

import numpy as np
from pursuit.models.datasets import AugmentationSettings, Augmented, Dataset, Sample


def sample(seed: int, size: int = 200) -> Sample:
    """A dark image with bright rectangles."""
    rng = np.random.default_rng(seed)
    image = np.full((size, size + 60), 20, np.uint8)
    corners = rng.integers(0, size - 40, (4, 2))
    boxes = np.concatenate([corners, corners + rng.integers(15, 40, (4, 2))], axis=1)
    for left, top, right, bottom in boxes:
        image[top:bottom, left:right] = 200
    image[:4, -4:] = 255
    return Sample(
        str(seed), lambda: image, boxes.astype(np.float32) - 0.5, np.zeros(4, np.int64), str(seed)
    )


def tiles(strength: AugmentationSettings, count: int, seed: int = 0) -> list:
    dataset = Dataset("squares", ("square",), tuple(sample(s) for s in range(12)))
    made = Augmented([(dataset, 1.0)], ("other", "square"), 24.0, 96, strength, seed)
    return list(islice(made, count))


def test_boxes_stay_on_their_objects() -> None:
    inside, outside = [], []
    for grey, boxes, _ in tiles(AugmentationSettings(scale=1.5, mosaic=0.5), 200):
        assert grey.shape == (96, 96) and grey.dtype == np.float32
        assert grey.min() >= 0 and grey.max() <= 1
        covered = np.zeros(grey.shape, bool)
        for left, top, right, bottom in boxes:
            assert 0 <= left < right <= 96 and 0 <= top < bottom <= 96
            rows = slice(round(float(top)), round(float(bottom)))
            columns = slice(round(float(left)), round(float(right)))
            covered[rows, columns] = True
        if covered.any() and not covered.all():
            inside.append(grey[covered].mean())
            outside.append(grey[~covered].mean())
    assert len(inside) > 150
    assert np.mean(np.array(inside) > np.array(outside) + 0.1) > 0.95


def test_classes_are_those_of_the_network() -> None:
    assert {int(c) for _, _, classes in tiles(AugmentationSettings(), 20) for c in classes} == {1}


def test_the_same_seed_gives_the_same_tiles() -> None:
    for one, two in zip(
        tiles(AugmentationSettings(), 5, 3), tiles(AugmentationSettings(), 5, 3), strict=True
    ):
        for a, b in zip(one, two, strict=True):
            np.testing.assert_array_equal(a, b)

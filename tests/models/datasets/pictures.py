"""Pictures and boxes that the tests of several formats write."""

from pathlib import Path

import cv2
import numpy as np
from pursuit.models.datasets import Dataset, read_dataset

HEIGHT, WIDTH = 100, 80
BOX = (10, 20, 30, 60)
"""Left, top, right, bottom in pixel edges."""
SHARES = "0.25 0.4 0.25 0.4"
"""The same as centre and size in shares of the image."""


def picture(path: Path, shape: tuple[int, ...] = (HEIGHT, WIDTH)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros(shape, np.uint8))
    return path


def written(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def assert_one_box(folder: Path, classes: tuple[str, ...] = ("cell",)) -> Dataset:
    """Check that every image of a data set has `BOX`, and only that."""
    dataset = read_dataset(folder, "cell")
    assert dataset.classes == classes
    assert len(dataset)
    for sample in dataset.samples:
        np.testing.assert_allclose(sample.boxes_px, [np.array(BOX) - 0.5], atol=1e-3)
    return dataset

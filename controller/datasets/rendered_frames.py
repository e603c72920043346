"""Frames of the simulator as a data set to train on, with exact truth."""

from functools import lru_cache, partial

import numpy as np

from ...models.arrays import Image
from ...models.datasets import Dataset, Sample
from ...sim.rendering import KINDS, Rendered, render


def rendered_dataset(kind: str, count: int, size_px: int, class_name: str = "") -> Dataset:
    """Render frames of one of `pursuit.sim.rendering.KINDS`, whose class is named by it or here."""
    samples = tuple(_sample(kind, seed, size_px) for seed in range(count))
    names = (class_name or _frame(kind, 0, size_px).kind,)
    return Dataset(f"rendered {kind}", names, samples, "BSD-3-Clause")


def _sample(kind: str, seed: int, size_px: int) -> Sample:
    boxes = _frame(kind, seed, size_px).boxes_px
    classes = np.zeros(len(boxes), np.int64)
    return Sample(str(seed), partial(_image, kind, seed, size_px), boxes, classes, str(seed))


def _image(kind: str, seed: int, size_px: int) -> Image:
    return _frame(kind, seed, size_px).image


@lru_cache(maxsize=4)
def _frame(kind: str, seed: int, size_px: int) -> Rendered:
    stream = [KINDS.index(kind), seed]
    return render(kind, np.random.default_rng(stream), size_px)

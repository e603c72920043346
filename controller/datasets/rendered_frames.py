"""Frames of the simulator as a data set to train on, with exact truth."""

from functools import lru_cache, partial

import numpy as np

from ...models.arrays import Image
from ...models.datasets import Dataset, Sample
from ...models.errors import ModelError
from ...sim.rendering import KINDS, Rendered, render


def rendered_dataset(kind: str, count: int, size_px: int, class_name: str = "") -> Dataset:
    """Render frames of one of `pursuit.sim.rendering.KINDS`, whose class is named by it or here.

    ModelError if frames of a kind with several classes, or none, are to have a name.
    """
    samples = tuple(_sample(kind, seed, size_px) for seed in range(count))
    names = _frame(kind, 0, size_px).names
    if class_name and len(names) != 1:
        said = " and ".join(names) or "nothing"
        raise ModelError(f"frames of {kind!r} show {said}: they cannot be named {class_name!r}")
    names = (class_name,) if class_name else names
    return Dataset(f"rendered {kind}", names, samples, "BSD-3-Clause")


def _sample(kind: str, seed: int, size_px: int) -> Sample:
    drawn = _frame(kind, seed, size_px)
    load = partial(_image, kind, seed, size_px)
    return Sample(str(seed), load, drawn.boxes_px, drawn.classes, str(seed))


def _image(kind: str, seed: int, size_px: int) -> Image:
    return _frame(kind, seed, size_px).image


@lru_cache(maxsize=4)
def _frame(kind: str, seed: int, size_px: int) -> Rendered:
    stream = [KINDS.index(kind), seed]
    return render(kind, np.random.default_rng(stream), size_px)

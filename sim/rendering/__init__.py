"""Rendered frames to train a detector on, of several kinds of objects, with exact truth.

In: a kind of object and a seed. Out: rendered frames, the boxes in them and their classes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ...drivers.messages import Image
from .brightfield import brightfield_cells
from .canvas import log_uniform
from .empty import empty_field
from .fluorescence import APPEARANCES, fluorescent_objects
from .long_bodies import long_bodies
from .nested import nuclei_with_spots
from .phase_contrast import phase_contrast_cells

__all__ = ["KINDS", "Rendered", "log_uniform", "render"]

EMPTY = "empty field"
"""The kind with nothing to detect in it, to learn from what is none."""
NESTED = "spots in nuclei"
"""The kind of two classes."""
CLASSES: dict[str, tuple[str, ...]] = {
    **{shape: (shape,) for shape in APPEARANCES},
    "brightfield cell": ("cell",),
    "phase contrast cell": ("cell",),
    "long body": ("worm",),
    NESTED: ("nucleus", "spot"),
    EMPTY: (),
}
"""Names of the classes in frames of each kind."""
_OF_ONE_CLASS: dict[str, Callable[[np.random.Generator, int], tuple[Image, NDArray]]] = {
    **{
        shape: partial(fluorescent_objects, appearance) for shape, appearance in APPEARANCES.items()
    },
    "brightfield cell": brightfield_cells,
    "phase contrast cell": phase_contrast_cells,
    "long body": long_bodies,
}


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """One rendered frame.

    Attributes
    ----------
    image : (H, W) uint8 or uint16
    boxes_px : (N, 4) float32
        Left, top, right, bottom of what can be seen of every object, clipped to the field; the
        centre of the top left pixel is (0, 0).
    classes : (N,) int64
        Index into ``names`` of the class of every object.
    names : tuple of str
        Names of the classes: ``spot``, ``cell``, ``worm``, ``nucleus``.
    """

    image: Image
    boxes_px: NDArray[np.float32]
    classes: NDArray[np.int64]
    names: tuple[str, ...]


KINDS: tuple[str, ...] = tuple(CLASSES)
"""Kinds that `render` can draw."""


def render(kind: str, rng: np.random.Generator, size_px: int = 320) -> Rendered:
    """Draw a square frame of one of the `KINDS` with random appearance, stand and camera.

    Objects too faint for a matched filter are not drawn; of those that reach out of the field,
    the truth has those with a third or more of their box inside. ValueError if it is another kind.
    """
    if kind not in CLASSES:
        raise ValueError(f"there is no kind {kind!r} to render: choose from {', '.join(KINDS)}")
    if kind == NESTED:
        return Rendered(*nuclei_with_spots(rng, size_px), CLASSES[kind])
    if kind == EMPTY:
        image, boxes_px = empty_field(rng, size_px), np.zeros((0, 4), np.float32)
    else:
        image, boxes_px = _OF_ONE_CLASS[kind](rng, size_px)
    return Rendered(image, boxes_px, np.zeros(len(boxes_px), np.int64), CLASSES[kind])

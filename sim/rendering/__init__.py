"""Rendered frames to train a detector on, of several kinds of objects, with exact truth.

In: a kind of object and a seed. Out: rendered frames and the boxes in them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...drivers.messages import Image
from .brightfield import brightfield_cells
from .canvas import log_uniform
from .fluorescence import APPEARANCES, fluorescent_objects

__all__ = ["KINDS", "Rendered", "log_uniform", "render"]

BRIGHTFIELD_CELL = "brightfield cell"
"""The kind that is not fluorescent."""


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """One rendered frame.

    Attributes
    ----------
    image : (H, W) uint8 or uint16
    boxes_px : (N, 4) float32
        Left, top, right, bottom of what can be seen of every object, clipped to the field; the
        centre of the top left pixel is (0, 0).
    kind : str
        Name of the class of all of them: ``spot``, ``cell`` or ``worm``.
    """

    image: Image
    boxes_px: NDArray[np.float32]
    kind: str


KINDS: tuple[str, ...] = (*APPEARANCES, BRIGHTFIELD_CELL)
"""Kinds that `render` can draw."""


def render(kind: str, rng: np.random.Generator, size_px: int = 320) -> Rendered:
    """Draw a square frame of one of the `KINDS` with random appearance, stand and camera.

    Objects too faint for a matched filter are not drawn; of those that reach out of the field,
    the truth has those with a third or more of their box inside. ValueError if it is another kind.
    """
    if kind == BRIGHTFIELD_CELL:
        return Rendered(*brightfield_cells(rng, size_px), "cell")
    if kind not in APPEARANCES:
        raise ValueError(f"there is no kind {kind!r} to render: choose from {', '.join(KINDS)}")
    return Rendered(*fluorescent_objects(APPEARANCES[kind], rng, size_px), kind)

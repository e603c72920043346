"""The attention window: look only where the target is expected."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..arrays import Image
from ..detections import Detections
from ..images import checked
from .detector import Detector

EDGE_PX = 1.0
"""A box that ends within a pixel of an inner edge of a crop may be cut."""


@dataclass(frozen=True, slots=True)
class Window:
    """A square of an image, in its pixels.

    Attributes
    ----------
    centre_px : tuple of float
        As (x, y); the centre of the top left pixel is (0, 0).
    half_px : float
        Half its edge.

    Raises
    ------
    ValueError
        If a number is not finite, or the size not positive.
    """

    centre_px: tuple[float, float]
    half_px: float

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (*self.centre_px, self.half_px))) or self.half_px <= 0:
            raise ValueError(
                f"a window needs a finite centre and a positive size, not {self.centre_px} "
                f"and {self.half_px}"
            )

    def crop(self, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """Pixels of an image of that shape (H, W) that the window touches.

        A detector looks at these at least. Left, top, right, bottom, the latter two exclusive;
        empty, right equal to left or bottom to top, where the window is beside the image.
        """
        x, y = self.centre_px
        (left, right), (top, bottom) = (
            (_bounded(math.floor(at - self.half_px + 0.5), size),
             _bounded(math.ceil(at + self.half_px + 0.5), size))
            for at, size in ((x, shape[1]), (y, shape[0]))
        )  # fmt: skip
        return left, top, right, bottom


def detect_within(detector: Detector, image: Image, window: Window) -> Detections:
    """Find the objects in a window of an image.

    Objects cut by the window are left out, unless the detector looks at more and sees them
    whole. A track whose expected box is not well inside :meth:`Window.crop` is not missed if
    nothing is found.

    Parameters
    ----------
    detector : Detector
        Its own ``detect_within(image, window)`` is used if it has one; otherwise it is shown
        the crop.
    image : (H, W) uint8 or uint16
        All of it.
    window : Window

    Returns
    -------
    Detections
        In coordinates of the whole image.

    Raises
    ------
    ValueError
        If the image has another shape or type.
    """
    own = getattr(detector, "detect_within", None)
    if own is not None:
        return own(image, window)
    image = checked(image)
    left, top, right, bottom = window.crop(image.shape)
    if left == right or top == bottom:
        return Detections.none()
    found = detector.detect(image[top:bottom, left:right])
    boxes, (height, width) = found.boxes_px, image.shape
    whole = (
        ((boxes[:, 0] > EDGE_PX - 0.5) | (left == 0))
        & ((boxes[:, 1] > EDGE_PX - 0.5) | (top == 0))
        & ((boxes[:, 2] < right - left - 0.5 - EDGE_PX) | (right == width))
        & ((boxes[:, 3] < bottom - top - 0.5 - EDGE_PX) | (bottom == height))
    )
    return found.pick(whole).shifted(left, top)


def _bounded(at: int, size: int) -> int:
    return min(max(at, 0), size)

"""The attention window: the part of an image in which the target is expected."""

import math
from dataclasses import dataclass


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


def _bounded(at: int, size: int) -> int:
    return min(max(at, 0), size)

"""Part of an image, averaged in blocks, and the way between its places and the image's."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import NDArray

from ...arrays import FloatImage
from ...images import Scratch, as_float, binned, median_of


@dataclass(frozen=True, slots=True)
class BinnedCrop:
    """A part of an image.

    Attributes
    ----------
    work : (H, W) float32
        Means of blocks, less their median.
    left, top : int
        First pixel of the image in it.
    factor : int
        Edge of a block in pixels.
    """

    work: FloatImage
    left: int
    top: int
    factor: int

    @classmethod
    def of(
        cls, image: NDArray, crop: tuple[int, int, int, int], factor: int, scratch: Scratch
    ) -> BinnedCrop:
        """Take what lies in ``crop``, (left, top, right, bottom), and the blocks it cuts.

        Blocks are those of the whole image, whatever the crop. An incomplete last one at the
        right or bottom border of the image is left out.
        """
        height, width = (size // factor * factor for size in image.shape)
        left, top = (max(0, low) // factor * factor for low in crop[:2])
        right, bottom = (-(-high // factor) * factor for high in crop[2:])
        part = image[top : min(bottom, height), left : min(right, width)]
        work = binned(as_float(part, scratch), factor, "area", scratch)
        work -= median_of(work)
        return cls(work, left, top, factor)

    def inside(self, at: tuple[float, float]) -> tuple[float, float]:
        """From (x, y) in the image to blocks."""
        x, y = at[0] - self.left, at[1] - self.top
        return (x + 0.5) / self.factor - 0.5, (y + 0.5) / self.factor - 0.5

    def outside(self, at: tuple[float, float]) -> tuple[float, float]:
        """From blocks to (x, y) in the image."""
        x, y = ((value + 0.5) * self.factor - 0.5 for value in at)
        return x + self.left, y + self.top

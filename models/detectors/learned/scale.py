"""From camera image to network input: contrast, size and padding, on one grid of cells."""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from ...arrays import FloatImage, Image
from ...images import Levels, Scratch, stretched

ALIKE = (0.8, 1.25)
"""Within these factors objects are as good as of the trained size: nothing is resized. Chosen: well
within the factor of 1.6 by which augmentation varies sizes in training."""

LEAST_FACTOR, MOST_FACTOR = 1 / 8, 4.0
"""Limits of the factor of scale. Chosen: objects of eight times the trained size down to a quarter,
beyond which there is nothing that a network could tell."""

MOST_ENLARGED = 1.5
"""Towards the trained size small objects are enlarged by no more: it shows nothing new and costs
time with its square (chosen)."""


class Region(NamedTuple):
    """A rectangle of cells: what a network looks at in one run."""

    top: int
    left: int
    rows: int
    cols: int


@dataclass(frozen=True, slots=True)
class Grid:
    """An image cut into square cells, each of which becomes ``stride`` pixels of the network.

    A cell is a whole number of image pixels. So any region of cells is sampled at the very
    places where the whole field is, and the factor of scale is ``stride / cell_px``.

    Attributes
    ----------
    height, width : int
        Of the image, in pixels.
    stride : int
        Edge of a cell in network pixels.
    cell_px : int
        Edge of a cell in image pixels.
    """

    height: int
    width: int
    stride: int
    cell_px: int

    @property
    def rows(self) -> int:
        """Cells from top to bottom; the last one may reach beyond the image."""
        return -(-self.height // self.cell_px)

    @property
    def cols(self) -> int:
        """Cells from left to right; the last one may reach beyond the image."""
        return -(-self.width // self.cell_px)

    def crop(self, region: Region) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of a region in the image, as far as it is inside."""
        cell = self.cell_px
        top, left = region.top * cell, region.left * cell
        bottom, right = top + region.rows * cell, left + region.cols * cell
        return left, top, min(right, self.width), min(bottom, self.height)

    def part(self, image: Image, region: Region) -> Image:
        """Cut a region out of an image, as far as it is inside."""
        left, top, right, bottom = self.crop(region)
        return image[top:bottom, left:right]

    def in_image(self, boxes: FloatImage) -> FloatImage:
        """Turn boxes (N, 4) in network pixels of the field into image pixels, cut to the image.

        Network coordinates are 0 at the left edge of the first pixel, image coordinates at
        its centre.
        """
        edge = np.array([self.width, self.height, self.width, self.height], np.float32) - 0.5
        at = boxes * np.float32(self.cell_px / self.stride) - np.float32(0.5)
        return np.minimum(np.maximum(at, np.float32(-0.5)), edge)


def factor_for(diameter_px: float, usual_px: float, smallest_px: float = 0.0) -> float:
    """Factor of scale at which a network is shown objects of a size.

    Large objects are shrunk to the usual size of training. Small ones are enlarged towards it
    by a half at most, as more shows nothing new and costs time; but at least to the smallest
    size.
    """
    return max(min(usual_px / diameter_px, MOST_ENLARGED), smallest_px / diameter_px)


def cell_px_for(factor: float, stride: int) -> int:
    """Edge of a cell in image pixels, for objects to be shown ``factor`` times their size."""
    if ALIKE[0] <= factor <= ALIKE[1]:
        return stride
    return max(1, round(stride / min(max(factor, LEAST_FACTOR), MOST_FACTOR)))


def render(
    image: Image,
    grid: Grid,
    region: Region,
    levels: Levels,
    pixels: FloatImage,
    scratch: Scratch,
) -> None:
    """Write a region of an image as a network wants it.

    Shrunk by averaging over areas, enlarged by interpolation. Beyond the image it is of the
    median grey, as in training, so that its border does not look like an object.

    Parameters
    ----------
    region : Region
        May reach beyond the image.
    pixels : (1, channels, rows * stride, cols * stride) float32
        To write to, 0 to 1.
    """
    cell, plane = grid.cell_px, pixels[0, 0]
    size = (region.rows * cell, region.cols * cell)
    source = grid.part(image, region)
    same = cell == grid.stride
    canvas = plane if same else scratch.take(f"canvas {size}", size)
    height, width = source.shape
    stretched(source, levels, out=canvas[:height, :width])
    canvas[height:] = levels.middle
    canvas[:height, width:] = levels.middle
    if not same:
        how = cv2.INTER_AREA if cell > grid.stride else cv2.INTER_LINEAR
        cv2.resize(canvas, (plane.shape[1], plane.shape[0]), dst=plane, interpolation=how)
    pixels[0, 1:] = plane

"""Place of a template in an image: normalised correlation, and its peak."""

from functools import lru_cache

import cv2
import numpy as np

from ...arrays import FloatImage
from ...images import QUANTISATION

LEAST_VISIBLE = 0.25
"""Share of the template's variance inside the image below which a place is left out. Chosen: less
than of half an object, which is the most that may be outside; of 0.1 a few pixels of noise often
correlate."""

_SMALLEST = 1e-3
"""Keeps roots, logarithms and Fisher's z finite (chosen: below any significant correlation)."""


def correlate(image: FloatImage, template: FloatImage) -> tuple[FloatImage, FloatImage]:
    """Correlate a template with every place of an image, also where it sticks out of it.

    What lies outside the image is unknown: sums go over the pixels that are there (Padfield
    2012, IEEE Trans Image Process 21:2706; for a mask that is a rectangle all but three of the
    sums are small matrix products).

    Parameters
    ----------
    image : (H, W) float32
        Its level should be near zero, for the sake of rounding.
    template : (2 K + 1, 2 K + 1) float32

    Returns
    -------
    correlation : (H, W) float32
        Pearson's, -1 to 1, of the template centred on each pixel; 0 where the image is flat.
    visible : (H, W) float32
        Share of the template's variance that lies inside the image, 0 to 1.
    """
    template = template - template.mean()
    size, reach = (len(template), len(template)), len(template) // 2
    border = cv2.BORDER_CONSTANT
    padded = cv2.copyMakeBorder(image, reach, reach, reach, reach, border, value=0.0)
    product = cv2.matchTemplate(padded, template, cv2.TM_CCORR)
    total = cv2.boxFilter(image, cv2.CV_32F, size, normalize=False, borderType=border)
    squares = cv2.sqrBoxFilter(image, cv2.CV_32F, size, normalize=False, borderType=border)
    down, across = (_overlap(length, len(template)) for length in image.shape)
    count = np.outer(down.sum(axis=1), across.sum(axis=1))
    part = down @ template @ across.T
    spread = down @ (template * template) @ across.T
    spread -= part * part / count
    squares -= total * total / count
    product -= total * part / count
    visible = np.divide(spread, np.vdot(template, template) or 1, dtype=np.float32)
    squares *= spread
    known = (squares > QUANTISATION**2 * count * spread) & (visible > LEAST_VISIBLE)
    product /= np.sqrt(np.maximum(squares, _SMALLEST, out=squares), out=squares)
    product *= known
    return np.minimum(np.maximum(product, -1, out=product), 1, out=product), visible


@lru_cache(maxsize=16)
def _overlap(length: int, width: int) -> FloatImage:
    """For a template centred on each of ``length`` pixels, which of its pixels are inside."""
    at = np.arange(length)[:, None] + np.arange(width) - width // 2
    return ((at >= 0) & (at < length)).astype(np.float32)


def fisher_z(correlation: float) -> float:
    """Fisher's z of a correlation, finite."""
    return float(np.arctanh(min(max(correlation, _SMALLEST - 1), 1 - _SMALLEST)))


def significance(correlation: FloatImage, visible: FloatImage) -> FloatImage:
    """Fisher's z of a correlation, as though of the whole template: as likely by chance.

    Its standard error goes with the root of the number of pixels, so where only a share is
    visible it is taken times the root of that share.
    """
    z = np.arctanh(np.minimum(np.maximum(correlation, _SMALLEST - 1), 1 - _SMALLEST))
    return z * np.sqrt(np.maximum(visible, 0))


def peak_shift(correlation: FloatImage, at: tuple[int, int]) -> tuple[float, float]:
    """Way (x, y) from a pixel to the maximum of a paraboloid through its surroundings.

    Fitted by least squares to the logarithm of 3 × 3 pixels (the facet model of Haralick and
    Watson 1981, Comput Graph Image Process 15:113); peaks are nearer to Gaussians than to
    paraboloids, so the logarithm keeps centres from leaning to those of the pixels. At most one
    pixel; none if there is no maximum.
    """
    row, column = at
    around = np.pad(correlation, 1, mode="edge")[row : row + 3, column : column + 3]
    a = np.log(np.maximum(around.astype(np.float64), _SMALLEST))
    slope = np.array([a[:, 2].sum() - a[:, 0].sum(), a[2].sum() - a[0].sum()]) / 6
    bend_x = (a[:, 0].sum() - 2 * a[:, 1].sum() + a[:, 2].sum()) / 3
    bend_y = (a[0].sum() - 2 * a[1].sum() + a[2].sum()) / 3
    twist = (a[0, 0] + a[2, 2] - a[0, 2] - a[2, 0]) / 4
    if bend_x >= 0 or bend_x * bend_y <= twist * twist:
        return 0.0, 0.0
    bend = np.array([[bend_x, twist], [twist, bend_y]])
    shift = np.clip(-np.linalg.solve(bend, slope), -1, 1)
    return float(shift[0]), float(shift[1])

"""Sharpness of an object: the energy of the gradient in a window around it."""

import math
from typing import NamedTuple

import cv2
import numpy as np

from ..arrays import FloatImage, Image
from ..images import checked

_SMOOTHING = 1 / 24
"""Standard deviation of the smoothing, in edges of the window: for a window of three sizes of
an object, an eighth of its size. Chosen: its edges stay, pixel noise does not."""
_LEAST_SMOOTHING_PX = 0.7
"""Least smoothing. Chosen: a narrower Gaussian is not sampled by pixels."""
_LARGEST_EDGE_PX = 96
"""Larger windows are binned to between half of this and this. Chosen: the smoothing is then 2 to 4
pixels, and more pixels would only cost time."""
LEAST_EDGE_PX = 8
"""Smallest window. Chosen: with fewer pixels there is no background around the object."""
_NOISE_MASK = np.outer([1, -2, 1], [1, -2, 1]).astype(np.float32) / 6
"""Removes gradients and bends along an axis, and leaves the variance of white noise unchanged
(Immerkær, Comput. Vis. Image Underst. 64:300, 1996)."""


class Sharpness(NamedTuple):
    """Sharpness of one image and its standard deviation, in squared grey values.

    Only sharpnesses of windows of the same size can be compared.
    """

    value: float
    sigma: float


def sharpness(image: Image) -> Sharpness:
    """Sum the squared gradient of a smoothed image.

    The smoothing grows with the window, so that noise is averaged over as many pixels as the
    object allows. What noise adds on average is taken off; its standard deviation is
    propagated from the noise of each pixel, as the residual of a smooth surface shows it. In
    sweeps over simulated spots and nuclei and real nuclei of many signal-to-noise ratios, the
    peak of this measure lay closest to the focus, or close to the closest, and it never had
    none: normalised variance, Vollath's correlations, second moments, and gradients that were
    smoothed less or normalised by the light all failed on some. It goes with the square of
    the light.

    Parameters
    ----------
    image : (H, W) uint8 or uint16
        The object with as much again around it on each side.

    Raises
    ------
    ValueError
        If the image has another type, or is smaller than 8 pixels.
    """
    pixels = _binned(checked(image))
    edge_px = min(pixels.shape)
    gaussian, slope = _kernels(max(_SMOOTHING * edge_px, _LEAST_SMOOTHING_PX))
    across, down = _filtered(pixels, slope, gaussian), _filtered(pixels, gaussian, slope)
    noise = cv2.filter2D(pixels, cv2.CV_32F, _NOISE_MASK, borderType=cv2.BORDER_REFLECT_101)
    noise = np.square(np.asarray(noise, np.float32))
    gain = float((slope @ slope) * (gaussian @ gaussian))
    value = cv2.norm(across, cv2.NORM_L2SQR) + cv2.norm(down, cv2.NORM_L2SQR)
    bias = 2 * gain * float(noise.sum(dtype=np.float64))
    influence = _filtered(across, slope, gaussian) + _filtered(down, gaussian, slope)
    variance = 4 * float((np.square(influence) * noise).sum(dtype=np.float64))
    alone = 2 * float(noise.mean()) ** 2 * noise.size * _overlap(gaussian, slope)
    return Sharpness(value - bias, math.sqrt(max(variance - alone, alone)))


def _overlap(gaussian: FloatImage, slope: FloatImage) -> float:
    """Sum of the squared correlations that the filters make between pixels.

    With noise of variance v alone, the sharpness of n pixels has a variance of 2 v² n times it,
    and its noise propagated by pixel, which is noisy itself, twice that.
    """
    gaussians, slopes = (np.correlate(kernel, kernel, "full") for kernel in (gaussian, slope))
    return float(2 * (gaussians @ gaussians) * (slopes @ slopes) + 2 * (gaussians @ slopes) ** 2)


def _binned(image: Image) -> FloatImage:
    height, width = image.shape
    if min(height, width) < LEAST_EDGE_PX:
        raise ValueError(f"a window must be at least {LEAST_EDGE_PX} pixels wide and high")
    bins = min(height, width) // (_LARGEST_EDGE_PX // 2)
    pixels = image.astype(np.float32)
    if bins < 2:
        return pixels
    pixels = pixels[: height - height % bins, : width - width % bins]
    size = pixels.shape[1] // bins, pixels.shape[0] // bins
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.float32)


def _kernels(sigma_px: float) -> tuple[FloatImage, FloatImage]:
    """Return a Gaussian of sum 1 and its derivative, of the same length."""
    x = np.arange(-math.ceil(3 * sigma_px) - 1, math.ceil(3 * sigma_px) + 2)
    gaussian = np.exp(-0.5 * (x / sigma_px) ** 2)
    gaussian /= gaussian.sum()
    return gaussian.astype(np.float32), np.gradient(gaussian).astype(np.float32)


def _filtered(pixels: FloatImage, along_x: FloatImage, along_y: FloatImage) -> FloatImage:
    mirrored = cv2.BORDER_REFLECT_101
    filtered = cv2.sepFilter2D(pixels, cv2.CV_32F, along_x, along_y, borderType=mirrored)
    return np.asarray(filtered, np.float32)

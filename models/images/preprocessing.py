"""Images prepared for detection: binned, blurred, of one polarity; and their noise."""

import math
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ..arrays import FloatImage

Polarity = Literal["bright", "dark", "both"]

SIGMAS_PER_QUARTILE = 3.1383
"""A normal distribution's sigma over the lower quartile of its absolute values."""

QUANTISATION = 12**-0.5
"""Standard deviation of rounding to whole grey values: no camera image has less noise."""

LEAST_CAMERA_NOISE = 1.0
"""In grey values. Chosen: compressed or denoised images show hardly more than rounding."""

_SECOND_DIFFERENCE, _DIFFERENCE_GAIN = (1, -2, 1), 6
"""Filter along each axis, and the root of the sum of squares of the product of both."""

_STRUCTURE = 5.0
"""Noise of a filtered image over the camera's share in it, at most. Chosen: what has more is full
of objects."""


class Scratch:
    """Arrays that are kept between images, so that no image pays for their allocation."""

    def __init__(self) -> None:
        self._arrays: dict[str, FloatImage] = {}

    def take(self, name: str, shape: tuple[int, ...]) -> FloatImage:
        """Return the array of that name, contents arbitrary, remade if its shape changed."""
        array = self._arrays.get(name)
        if array is None or array.shape != shape:
            array = self._arrays[name] = np.empty(shape, np.float32)
        return array


def checked(image: NDArray) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Refuse, with a ValueError, what is not (H, W) uint8 or uint16, or has no pixels."""
    image = np.asarray(image)
    if image.ndim != 2 or image.dtype not in (np.uint8, np.uint16) or not image.size:
        raise ValueError(
            f"a detector needs an image (H, W) of uint8 or uint16, not {image.shape} {image.dtype}"
        )
    return image


def as_float(image: NDArray, scratch: Scratch) -> FloatImage:
    """Convert to float32."""
    out = scratch.take("float", image.shape)
    np.copyto(out, image)
    return out


def binned(image: FloatImage, factor: int, name: str, scratch: Scratch) -> FloatImage:
    """Mean of blocks of ``factor`` by ``factor`` pixels; an incomplete last block is left out.

    Pixel ``i`` of the result is centred on ``factor * (i + 0.5) - 0.5``.
    """
    factor = min(factor, *image.shape)
    if factor == 1:
        return image
    height, width = (size // factor for size in image.shape)
    whole = image[: height * factor, : width * factor]
    out = scratch.take(name, (height, width))
    cv2.resize(whole, (width, height), dst=out, interpolation=cv2.INTER_AREA)
    return out


def blurred(image: FloatImage, sigma: float, name: str, scratch: Scratch) -> FloatImage:
    """Gaussian blur, cut at three sigmas, the image mirrored at its border."""
    size = 2 * int(np.ceil(3 * sigma)) + 1
    out = scratch.take(name, image.shape)
    cv2.GaussianBlur(image, (size, size), sigma, dst=out, borderType=cv2.BORDER_REFLECT)
    return out


def resized_like(image: FloatImage, like: FloatImage, name: str, scratch: Scratch) -> FloatImage:
    """Interpolate a smooth image up to the size of another."""
    out = scratch.take(name, like.shape)
    cv2.resize(image, (like.shape[1], like.shape[0]), dst=out)
    return out


def as_bright(
    image: FloatImage, polarity: Polarity, diameter: float, scratch: Scratch
) -> FloatImage:
    """Turn objects of the wanted polarity into bright ones.

    ``both`` is the local contrast: the blurred magnitude of the difference from what the image
    is without objects, so that an object's bright and dark parts count alike.
    """
    if polarity == "bright":
        return image
    if polarity == "dark":
        return np.negative(image, out=scratch.take("upright", image.shape))
    grain = max(1, int(diameter / 4))
    coarse = binned(image, grain, "around", scratch)
    without = _without_objects(coarse, 2 * math.ceil(diameter / grain) + 1)
    contrast = resized_like(without, image, "contrast", scratch)
    np.abs(np.subtract(image, contrast, out=contrast), out=contrast)
    return blurred(contrast, diameter / 6, "upright", scratch)


def _without_objects(image: FloatImage, width: int) -> FloatImage:
    """Cut off what is narrower than ``width``, bright and dark, and smooth what is left.

    The mean of an opening followed by a closing, and the other way round (alternating filters,
    Serra 1988, Image Analysis and Mathematical Morphology, vol. 2), which errs to neither side. A
    blurred image would hold some of the object, which then had a ring around it.
    """
    square, border = np.ones((width, width), np.uint8), cv2.BORDER_REFLECT
    orders = (cv2.MORPH_OPEN, cv2.MORPH_CLOSE), (cv2.MORPH_CLOSE, cv2.MORPH_OPEN)
    ways = []
    for first, second in orders:
        cut = cv2.morphologyEx(image, first, square, borderType=border)
        ways.append(cv2.morphologyEx(cut, second, square, borderType=border))
    mean = np.asarray((ways[0] + ways[1]) / 2, np.float32)
    return np.asarray(cv2.GaussianBlur(mean, (0, 0), width / 4), np.float32)


def median_of(image: FloatImage) -> float:
    """Median of an image."""
    return _quantile(_sample(image), 0.5)


def noise_of(image: FloatImage) -> float:
    """Noise of an image whose level is zero, from the lower quartile of its absolute values.

    The quartile is misled less than the median by objects that fill much of the image.
    """
    return SIGMAS_PER_QUARTILE * _quantile(np.abs(_sample(image)), 0.25)


def robust_noise(response: FloatImage, camera_noise: float, gain: float) -> float:
    """Noise of a filter's response, whose level is zero.

    What the response itself shows, camera and specimen together, unless objects so fill the
    image that they would count as noise: never more than five times the camera's share, never
    less than the rounding of grey values.

    Parameters
    ----------
    response : (H, W) float32
        The filtered image.
    camera_noise : float
        Noise of a pixel before the filter, infinite if unknown.
    gain : float
        Root of the sum of squares of the filter.
    """
    most = _STRUCTURE * camera_noise * gain
    return max(min(noise_of(response), most), QUANTISATION * gain)


def camera_noise(image: FloatImage) -> float:
    """Noise of a single pixel, from mixed second differences; at least one grey value.

    Differences blind to planes (Immerkaer 1996, Comput Vis Image Underst 64:300) see the
    camera's noise and little of the specimen. Of a compressed or denoised image they see
    hardly more than rounding, hence the least value.
    """
    step = max(1, int((image.size / 2000) ** 0.5))
    height, width = image.shape[0] - 2, image.shape[1] - 2
    if height < 1 or width < 1:
        return LEAST_CAMERA_NOISE
    difference = np.zeros((-(-height // step), -(-width // step)), np.float32)
    for row, down in enumerate(_SECOND_DIFFERENCE):
        for column, right in enumerate(_SECOND_DIFFERENCE):
            part = image[row : row + height : step, column : column + width : step]
            difference += down * right * part
    return max(noise_of(difference) / _DIFFERENCE_GAIN, LEAST_CAMERA_NOISE)


def _sample(image: FloatImage) -> FloatImage:
    """About 4000 pixels on a grid, from which a noise is known to some 3 %."""
    stride = max(1, int((image.size / 4000) ** 0.5))
    return image[::stride, ::stride].ravel()


def _quantile(values: FloatImage, share: float) -> float:
    at = int(share * values.size)
    return float(np.partition(values, at)[at])

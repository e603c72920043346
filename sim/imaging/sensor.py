"""A scientific camera: shot noise, read noise, offset, gain and saturation."""

import math
from typing import Annotated

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from ...drivers.messages import Image
from ..motion import NotNegative, Positive

BANK = 1 << 21
"""Normal numbers that frames share: 8 MiB, many times a frame's strip, see `Sensor`."""
STRIP = 1 << 15
"""Pixels that are read together: small enough to stay in the cache of a core."""


class SensorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A camera.

    Attributes
    ----------
    width_px, height_px : int
        Size of a frame.
    offset : float
        Grey value without light.
    gain : float
        Grey values per photoelectron.
    read_noise_e : float
        Standard deviation of read noise in photoelectrons; below 0.354 it counts as that.
    full_well_e : float
        Photoelectrons at which a pixel saturates.
    bits : int
        Bits of a grey value: frames are uint8 up to 8 bits, otherwise uint16.
    """

    width_px: Annotated[int, msgspec.Meta(ge=16, le=8192)] = 512
    height_px: Annotated[int, msgspec.Meta(ge=16, le=8192)] = 512
    offset: NotNegative = 100.0
    gain: Positive = 2.0
    read_noise_e: NotNegative = 1.6
    full_well_e: Positive = 15_000.0
    bits: Annotated[int, msgspec.Meta(ge=8, le=16)] = 16

    def empty_frame(self) -> Image:
        """Return a frame (H, W) of the camera's type, its pixels undefined."""
        shape = (self.height_px, self.width_px)
        return np.empty(shape, np.uint8) if self.bits <= 8 else np.empty(shape, np.uint16)

    @property
    def saturation(self) -> int:
        """Grey value that no pixel exceeds."""
        return min(2**self.bits - 1, round(self.offset + self.gain * self.full_well_e))


class Sensor:
    """Turns expected photoelectrons into frames, at about a nanosecond a pixel.

    Shot noise is ``(√μ + z/2)² - 1/4`` with a standard normal z, the inverse of the
    variance-stabilising square root (Anscombe, Biometrika 35:246, 1948). Its mean is μ and
    its variance μ + 1/8, exactly and at any μ; the 1/8 is taken out of the variance of the
    read noise. Its skewness is 1.5 times that of a Poisson distribution where μ is large.

    Normal numbers come from a bank of two million that is drawn once. Each strip of a frame
    takes them from two random places in it, one of them with a random sign. Pixels of a frame
    and the same pixels of another are thus uncorrelated on average; about one strip in thirty
    repeats a stretch of noise of the same strip in a given other frame, shifted by a random
    number of pixels. The same generator yields the same frames.
    """

    def __init__(self, settings: SensorSettings, rng: np.random.Generator) -> None:
        self.settings = settings
        self._rng = rng
        self._bank = rng.standard_normal(BANK, dtype=np.float32)
        self._bank *= 0.5
        self._scratch = np.empty(STRIP, np.float32)
        read_noise_e = math.sqrt(max(settings.read_noise_e**2 - 1 / 8, 0.0))
        self._read_noise = 2 * settings.gain * read_noise_e
        self._floor = settings.offset - settings.gain / 4
        self._depth = cv2.CV_8U if settings.bits <= 8 else cv2.CV_16U

    def read(self, electrons: NDArray[np.float32], out: Image | None = None) -> Image:
        """Expose and read out one frame of grey values; ValueError if it is of another size.

        Parameters
        ----------
        electrons : (height_px, width_px) float32
            Expected photoelectrons, not negative; left as they are.
        out : (H, W) uint8 or uint16, optional
            Contiguous frame of the camera's type to fill, which saves making a new one.
        """
        frame = self.settings.empty_frame() if out is None else out
        if electrons.shape != frame.shape:
            raise ValueError(f"this camera is {frame.shape} pixels, not {electrons.shape}")
        light, grey = np.ascontiguousarray(electrons).reshape(-1), frame.reshape(-1)
        gain, saturation = self.settings.gain, self.settings.saturation
        starts = range(0, len(light), STRIP)
        places = self._rng.integers(0, BANK - STRIP, (len(starts), 2)).tolist()
        signs = self._rng.integers(0, 2, len(starts)).tolist()
        for start, (shot, read), sign in zip(starts, places, signs, strict=True):
            part, strip = light[start : start + STRIP], grey[start : start + STRIP]
            root, add = self._scratch[: len(part)], np.add if sign else np.subtract
            np.sqrt(part, out=root)
            add(root, self._bank[shot : shot + len(part)], out=root)
            np.square(root, out=root)
            noise = self._bank[read : read + len(part)], self._read_noise
            cv2.addWeighted(root, gain, *noise, self._floor, strip, self._depth)
        if saturation < np.iinfo(grey.dtype).max:
            cv2.threshold(frame, saturation, saturation, cv2.THRESH_TRUNC, frame)
        return frame

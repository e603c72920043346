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
LARGE = 1 << 20
"""Pixels of a frame from which on even background is not computed anew. Chosen: it costs more
there than everything else that a simulated frame is made of."""


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

    Of a large frame, strips without anything but background are taken, each from a random place,
    from two million such pixels that were read once: 2048 × 2048 pixels with one object in 1.6
    instead of 7 ms.
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
        self._background = np.empty(0, settings.empty_frame().dtype)
        self._background_e = np.float32(np.nan)

    def read(
        self,
        electrons: NDArray[np.float32],
        out: Image | None = None,
        lit: NDArray[np.bool_] | None = None,
    ) -> Image:
        """Expose and read out one frame of grey values; ValueError if it is of another size.

        Parameters
        ----------
        electrons : (height_px, width_px) float32
            Expected photoelectrons, not negative; left as they are.
        out : (H, W) uint8 or uint16, optional
            Contiguous frame of the camera's type to fill, which saves making a new one.
        lit : (height_px,) bool, optional
            Rows outside of which all pixels have the same light.
        """
        frame = self.settings.empty_frame() if out is None else out
        if electrons.shape != frame.shape:
            raise ValueError(f"this camera is {frame.shape} pixels, not {electrons.shape}")
        light, grey = np.ascontiguousarray(electrons).reshape(-1), frame.reshape(-1)
        starts = range(0, len(light), STRIP)
        places = self._rng.integers(0, BANK - STRIP, (len(starts), 2)).tolist()
        signs = self._rng.integers(0, 2, len(starts)).tolist()
        even = self._even_strips(electrons, lit, len(starts))
        for start, (shot, read), sign, is_even in zip(starts, places, signs, even, strict=True):
            part, strip = light[start : start + STRIP], grey[start : start + STRIP]
            if is_even:
                strip[:] = self._background[shot : shot + len(strip)]
            else:
                self._read_strip(part, strip, shot, read, sign)
        if self.settings.saturation < np.iinfo(grey.dtype).max:
            limit = self.settings.saturation
            cv2.threshold(frame, limit, limit, cv2.THRESH_TRUNC, frame)
        return frame

    def _read_strip(
        self, light: NDArray[np.float32], grey: NDArray, shot: int, read: int, sign: int
    ) -> None:
        root, add = self._scratch[: len(light)], np.add if sign else np.subtract
        np.sqrt(light, out=root)
        add(root, self._bank[shot : shot + len(light)], out=root)
        np.square(root, out=root)
        noise = self._bank[read : read + len(light)], self._read_noise
        cv2.addWeighted(root, self.settings.gain, *noise, self._floor, grey, self._depth)

    def _even_strips(
        self, electrons: NDArray[np.float32], lit: NDArray[np.bool_] | None, strips: int
    ) -> list[bool]:
        """Which strips are background alone; if any is, make that ready."""
        if lit is None or electrons.size < LARGE or lit.all():
            return [False] * strips
        rows = np.flatnonzero(lit) * electrons.shape[1]
        first = np.concatenate([rows, rows + electrons.shape[1] - 1]) // STRIP
        even = ~np.isin(np.arange(strips), first)
        level_e = electrons[int(np.argmin(lit)), 0]
        if even.any() and level_e != self._background_e:
            self._background_e = level_e
            self._background = self._read_background(level_e)
        return even.tolist()

    def _read_background(self, level_e: np.float32) -> NDArray:
        """As many pixels of even light as there are normal numbers."""
        light = np.full(STRIP, level_e, np.float32)
        grey = np.empty(BANK, self._background.dtype)
        half = BANK // 2
        for start in range(0, BANK, STRIP):
            read = (start + half) % BANK
            self._read_strip(light, grey[start : start + STRIP], start, read, 1)
        return grey

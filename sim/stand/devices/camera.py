"""A camera that looks at a world."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import DTypeLike, NDArray
from pymmcore_plus.experimental.unicore import CameraDevice

from ....drivers.clock import NS_PER_MS
from ....drivers.messages import Image
from ..world import World
from .world_time import CAMERA, WorldTime

TRUTH_TAG = "Truth_um"
"""Image tag and property of the camera: offset of the target from the middle of the sensor and
from the focal plane in the last exposure, ``x y z``; empty if that is not known."""
_ARRIVAL_TAG = f"{CAMERA}-ElapsedTime-ms"
"""Image tag of the camera: when an exposure was read out, from the beginning of the sequence, by
the camera's own clock, which a busy host does not delay; named as Andor's adapter names it."""

Roi = tuple[int, int, int, int]
"""Left, top, width, height in binned pixels."""


class _Choices(tuple[str, ...]):
    """Values of a property, which Micro-Manager takes as numbers or as text."""

    def __contains__(self, value: object) -> bool:
        return super().__contains__(str(value))


class SimCamera(CameraDevice):
    """A camera that looks at a world; exposes on a fixed schedule while streaming.

    Parameters
    ----------
    world : World
    time : WorldTime
    light : callable
        Share of the full light that there is now.
    """

    def __init__(self, world: World, time: WorldTime, light: Callable[[], float]) -> None:
        super().__init__()
        self._world, self._time, self._light = world, time, light
        self._settings = world.scenario.camera
        self._exposure_ms = self._settings.exposure_ms
        self._truth = ""
        self._binning = 1
        self._roi: Roi | None = None
        self._streams = False
        self.set_property_allowed_values("Binning", _Choices(("1", "2", "4")))
        self.register_property(
            TRUTH_TAG,
            property_type=str,
            is_read_only=True,
            getter=SimCamera._get_truth,
        )

    def description(self) -> str:
        """One line."""
        return "A camera that looks at a simulated world"

    def _get_truth(self) -> str:
        return self._truth

    def get_exposure(self) -> float:
        """Exposure in ms."""
        return self._exposure_ms

    def set_exposure(self, exposure: float) -> None:
        """Set the exposure in ms, from the next one on."""
        self._exposure_ms = exposure

    def get_binning(self) -> int:
        """Edge of the square of the sensor's pixels that are one of the image."""
        return self._binning

    def set_binning(self, value: int) -> None:
        """Set the binning; the region of interest is the whole sensor again."""
        self._refuse_while_streaming("change the binning")
        self._binning, self._roi = int(value), None

    def get_roi(self) -> Roi:
        """Region of interest."""
        return self._roi or self._whole

    def set_roi(self, x: int, y: int, width: int, height: int) -> None:
        """Set the region of interest."""
        self._refuse_while_streaming("change the region of interest")
        _, _, most_x, most_y = self._whole
        if min(x, y) < 0 or min(width, height) < 1 or x + width > most_x or y + height > most_y:
            raise ValueError(
                f"The region {width} x {height} at ({x}, {y}) is not within the {most_x} x {most_y}"
                " pixels of the camera."
            )
        self._roi = (x, y, width, height)

    def clear_roi(self) -> None:
        """Take the whole sensor."""
        self._refuse_while_streaming("change the region of interest")
        self._roi = None

    def _refuse_while_streaming(self, what: str) -> None:
        if self._streams:
            raise RuntimeError(f"The camera streams: end its sequence to {what}.")

    @property
    def _whole(self) -> Roi:
        sensor = self._world.scenario.sensor
        return 0, 0, sensor.width_px // self._binning, sensor.height_px // self._binning

    def shape(self) -> tuple[int, int]:
        """Height and width."""
        _, _, width, height = self.get_roi()
        return height, width

    def dtype(self) -> DTypeLike:
        """Type of the pixels."""
        return np.dtype(self._world.dtype)

    def start_sequence(
        self, n: int | None, get_buffer: Callable[[Sequence[int], DTypeLike], NDArray]
    ) -> Iterator[Mapping[str, str]]:
        """Expose one image after the other, each readable when a real one would be."""
        self._refuse_while_streaming("take another picture")
        self._streams = True
        try:
            yield from self._expose(n, get_buffer)
        finally:
            self._streams = False

    def _expose(
        self, n: int | None, get_buffer: Callable[[Sequence[int], DTypeLike], NDArray]
    ) -> Iterator[Mapping[str, str]]:
        began_ns = start_ns = self._time.now_ns()
        taken = 0
        while n is None or taken < n:
            exposure_ms = self._exposure_ms
            exposed_ns = start_ns + round(exposure_ms * NS_PER_MS)
            self._time.sleep_until_ns(exposed_ns)
            image, truth_um = self._world.expose(start_ns, exposure_ms, self._light())
            get_buffer(self.shape(), self.dtype())[:] = self._read_out(image)
            readable_ns = exposed_ns + round(self._settings.readout_ms * NS_PER_MS)
            self._time.sleep_until_ns(readable_ns)
            self._truth = "" if truth_um is None else "{:.6f} {:.6f} {:.6f}".format(*truth_um)
            arrival = f"{(readable_ns - began_ns) / NS_PER_MS:.3f}"
            taken += 1
            self._streams = taken != n  # the core asks no more after the last one
            yield {TRUTH_TAG: self._truth, _ARRIVAL_TAG: arrival}
            start_ns = self._next_start_ns(start_ns, exposure_ms)

    def _read_out(self, image: Image) -> Image:
        """The region of interest, its pixels summed in squares."""
        x, y, width, height = self.get_roi()
        b = self._binning
        part = image[y * b : (y + height) * b, x * b : (x + width) * b]
        if b == 1:
            return part
        sums = part.reshape(height, b, width, b).sum(axis=(1, 3), dtype=np.uint32)
        return np.minimum(sums, np.iinfo(image.dtype).max).astype(image.dtype)

    def _next_start_ns(self, start_ns: int, exposure_ms: float) -> int:
        """Keep to the schedule; skip exposures that the computer was too slow for."""
        interval_ns = round(max(self._settings.interval_ms, exposure_ms) * NS_PER_MS)
        if self._settings.timelapse:
            interval_ns = round(exposure_ms * NS_PER_MS)
        due_ns = start_ns + interval_ns
        behind = max(self._time.now_ns() - due_ns - interval_ns, 0) // interval_ns
        return due_ns + behind * interval_ns

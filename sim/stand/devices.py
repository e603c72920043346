"""The simulator as Micro-Manager devices, for any program that uses pymmcore-plus."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import DTypeLike, NDArray
from pymmcore_plus import CMMCorePlus
from pymmcore_plus.experimental.unicore import (
    CameraDevice,
    StageDevice,
    UniMMCore,
    XYStageDevice,
)

from ...drivers.clock import NS_PER_MS, Clock, SystemClock
from .stage import SimStage
from .world import World

CAMERA, XY_STAGE, FOCUS = "Camera", "XY", "Z"
"""Labels that `load_simulator` gives."""
TRUTH_TAG = "Truth_um"
"""Image tag and property of the camera: offset of the target from the middle of the field and
from the focal plane in the last exposure, ``x y z``; empty if that is not known."""
_ARRIVAL_TAG = f"{CAMERA}-ElapsedTime-ms"
"""Image tag of the camera: when an exposure was read out, from the beginning of the sequence, by
the camera's own clock, which a busy host does not delay; named as Andor's adapter names it."""
VELOCITIES = "Velocity-X(um/s)", "Velocity-Y(um/s)"
"""Properties of the XY stage: setting one starts to move, until a position or stop is sent."""


def load_simulator(world: World, clock: Clock | None = None) -> CMMCorePlus:
    """Return a core whose camera, XY stage and focus drive are those of a world.

    Parameters
    ----------
    world : World
        Its time begins now.
    clock : Clock, optional
        The host's clock by default.
    """
    time = _WorldTime(clock or SystemClock())
    core = UniMMCore()
    core.loadPyDevice(CAMERA, SimCamera(world, time))
    core.loadPyDevice(XY_STAGE, SimXYStage(world.xy, time))
    core.loadPyDevice(FOCUS, SimFocus(world.focus, time))
    core.initializeAllDevices()
    core.setCameraDevice(CAMERA)
    core.setXYStageDevice(XY_STAGE)
    core.setFocusDevice(FOCUS)
    return core


class _WorldTime:
    """The world's time on the host's clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._origin_ns = clock.now_ns()

    def now_ns(self) -> int:
        return self._clock.now_ns() - self._origin_ns

    def sleep_until_ns(self, at_ns: int) -> None:
        self._clock.sleep_until_ns(at_ns + self._origin_ns)

    def block_ms(self, duration_ms: float) -> None:
        self.sleep_until_ns(self.now_ns() + round(duration_ms * NS_PER_MS))


class SimCamera(CameraDevice):
    """A camera that looks at a world; exposes on a fixed schedule while streaming."""

    def __init__(self, world: World, time: _WorldTime) -> None:
        super().__init__()
        self._world, self._time = world, time
        self._settings = world.scenario.camera
        self._exposure_ms = self._settings.exposure_ms
        self._truth = ""
        self.register_property(
            TRUTH_TAG,
            property_type=str,
            is_read_only=True,
            getter=SimCamera._get_truth,
        )

    def _get_truth(self) -> str:
        return self._truth

    def get_exposure(self) -> float:
        """Exposure in ms."""
        return self._exposure_ms

    def set_exposure(self, exposure: float) -> None:
        """Set the exposure in ms, from the next one on."""
        self._exposure_ms = exposure

    def shape(self) -> tuple[int, int]:
        """Height and width."""
        sensor = self._world.scenario.sensor
        return sensor.height_px, sensor.width_px

    def dtype(self) -> DTypeLike:
        """Type of the pixels."""
        return np.dtype(self._world.dtype)

    def start_sequence(
        self, n: int | None, get_buffer: Callable[[Sequence[int], DTypeLike], NDArray]
    ) -> Iterator[Mapping[str, str]]:
        """Expose one image after the other, each readable when a real one would be."""
        began_ns = start_ns = self._time.now_ns()
        taken = 0
        while n is None or taken < n:
            exposure_ms = self._exposure_ms
            exposed_ns = start_ns + round(exposure_ms * NS_PER_MS)
            self._time.sleep_until_ns(exposed_ns)
            image, truth_um = self._world.expose(start_ns, exposure_ms)
            get_buffer(self.shape(), self.dtype())[:] = image
            readable_ns = exposed_ns + round(self._settings.readout_ms * NS_PER_MS)
            self._time.sleep_until_ns(readable_ns)
            self._truth = "" if truth_um is None else "{:.6f} {:.6f} {:.6f}".format(*truth_um)
            arrival = f"{(readable_ns - began_ns) / NS_PER_MS:.3f}"
            yield {TRUTH_TAG: self._truth, _ARRIVAL_TAG: arrival}
            taken += 1
            start_ns = self._next_start_ns(start_ns, exposure_ms)

    def _next_start_ns(self, start_ns: int, exposure_ms: float) -> int:
        """Keep to the schedule; skip exposures that the computer was too slow for."""
        interval_ns = round(max(self._settings.interval_ms, exposure_ms) * NS_PER_MS)
        if self._settings.timelapse:
            interval_ns = round(exposure_ms * NS_PER_MS)
        due_ns = start_ns + interval_ns
        behind = max(self._time.now_ns() - due_ns - interval_ns, 0) // interval_ns
        return due_ns + behind * interval_ns


class SimXYStage(XYStageDevice):
    """An XY stage with a serial line, a delay and a mass."""

    def __init__(self, stage: SimStage, time: _WorldTime) -> None:
        super().__init__()
        self._stage, self._time = stage, time
        self._velocity_um_s = [0.0, 0.0]
        for i, name in enumerate(VELOCITIES):
            self.register_property(
                name,
                default_value=0.0,
                getter=lambda _, i=i: self._velocity_um_s[i],
                setter=lambda _, value, i=i: self._set_velocity(i, value),
            )

    def _set_velocity(self, i: int, velocity_um_s: float) -> None:
        """Keep a velocity along one axis."""
        self._time.block_ms(self._stage.model.serial_ms)
        self._velocity_um_s[i] = velocity_um_s
        both = [velocity_um_s if k == i else None for k in range(2)]
        self._stage.set_velocity(self._time.now_ns(), *both)

    def set_position_um(self, x: float, y: float) -> None:
        """Start to move."""
        self._time.block_ms(self._stage.model.serial_ms)
        if hangs := self._stage.faults.at(self._time.now_ns(), "hangs"):
            self._time.sleep_until_ns(self._stage.faults.ends_ns(hangs))
        self._velocity_um_s = [0.0, 0.0]
        self._stage.command(self._time.now_ns(), x, y)

    def get_position_um(self) -> tuple[float, float]:
        """Ask the encoders."""
        self._time.block_ms(self._stage.model.serial_ms)
        x, y = self._stage.encoder_um(self._time.now_ns())
        return x, y

    def busy(self) -> bool:
        """Whether the stage is on its way."""
        return self._stage.busy(self._time.now_ns())

    def stop(self) -> None:
        """Brake."""
        self._velocity_um_s = [0.0, 0.0]
        self._stage.halt(self._time.now_ns())

    def home(self) -> None:
        """Go to the origin."""
        self.set_position_um(0.0, 0.0)

    def set_origin_x(self) -> None:
        """Refuse: the world's coordinates are fixed."""
        raise NotImplementedError("the simulated stage keeps its origin")

    def set_origin_y(self) -> None:
        """Refuse: the world's coordinates are fixed."""
        raise NotImplementedError("the simulated stage keeps its origin")


class SimFocus(StageDevice):
    """A focus drive; z = 0 is where the target starts."""

    def __init__(self, stage: SimStage, time: _WorldTime) -> None:
        super().__init__()
        self._stage, self._time = stage, time

    def set_position_um(self, val: float) -> None:
        """Start to move."""
        self._time.block_ms(self._stage.model.serial_ms)
        self._stage.command(self._time.now_ns(), val)

    def get_position_um(self) -> float:
        """Ask the encoder."""
        self._time.block_ms(self._stage.model.serial_ms)
        return self._stage.encoder_um(self._time.now_ns())[0]

    def busy(self) -> bool:
        """Whether the drive is on its way."""
        return self._stage.busy(self._time.now_ns())

    def stop(self) -> None:
        """Brake."""
        self._stage.halt(self._time.now_ns())

    def home(self) -> None:
        """Go to the origin."""
        self.set_position_um(0.0)

    def set_origin(self) -> None:
        """Refuse: the world's coordinates are fixed."""
        raise NotImplementedError("the simulated stage keeps its origin")

"""A microscope run by Micro-Manager: any configuration that pymmcore-plus can load."""

from __future__ import annotations

import queue
import threading
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import useq
from pymmcore_plus import CMMCorePlus, DeviceType
from pymmcore_plus.experimental.unicore import UniMMCore

from . import guard
from .clock import Clock, SystemClock
from .exposures import Exposure, sequence, snaps
from .messages import Description, Frame, Move, Report
from .microscope import Frames, MicroscopeError
from .pose import PoseModel
from .settings import StandSettings
from .stage import StageWorker

_EXPOSURES_REMEMBERED = 1024
_END_OF_STREAM_S = 5.0


def load_core(config: Path) -> CMMCorePlus:
    """Load a Micro-Manager configuration file into a core of its own.

    Raises
    ------
    MicroscopeError
        If the file is missing or a device in it cannot be loaded.
    """
    if not config.is_file():
        raise MicroscopeError(f"There is no Micro-Manager configuration at {config}.")
    core = UniMMCore()
    try:
        core.loadSystemConfiguration(str(config))
    except Exception as error:
        core.unloadAllDevices()
        reason = " ".join(str(error).split())
        raise MicroscopeError(
            f"Micro-Manager cannot load {config}: {reason} Check that the file opens in "
            "Micro-Manager and that its device adapters are installed."
        ) from error
    return core


class MMCoreMicroscope:
    """The `Microscope` over a loaded core.

    Frames are taken in the thread that iterates `frames`; the stage has a thread of its own.

    Parameters
    ----------
    core : CMMCorePlus
        With all devices initialised. Unloaded by `close`.
    settings : StandSettings
        What Micro-Manager's configuration does not say.
    clock : Clock
        Stamps frames and moves.

    Raises
    ------
    MicroscopeError
        If there is no camera or no XY stage, or the camera is not monochrome.
    """

    def __init__(
        self, core: CMMCorePlus, settings: StandSettings, clock: Clock | None = None
    ) -> None:
        self._core, self._settings = core, settings
        self._clock = clock or SystemClock()
        self._camera = _role(core, settings.camera.label, DeviceType.Camera, "camera")
        self._xy = _role(core, settings.stage.label, DeviceType.XYStage, "XY stage")
        self._focus = settings.focus.label or core.getFocusDevice()
        core.setCameraDevice(self._camera)
        if settings.camera.exposure_ms is not None:
            core.setExposure(self._camera, settings.camera.exposure_ms)
        self._description = self._describe()
        self._pose = PoseModel(
            self._read_position(), settings.stage.dynamics, settings.focus.dynamics
        )
        self._stage = StageWorker(
            core,
            self._xy,
            self._focus,
            self._pose,
            self._description.limits_um,
            self._clock,
        )
        self._exposed_ns: dict[int, int] = {}
        self._dropped = 0
        self._idle = threading.Event()
        self._idle.set()
        self._run: Frames | None = None
        self._closed = False

    @property
    def dropped(self) -> int:
        """Exposures that `frames` passed over for a newer one."""
        return self._dropped

    def describe(self) -> Description:
        """What this microscope is."""
        return self._description

    def frames(self, *, every: bool = False) -> Frames:
        """Stream from the camera; see `Microscope.frames`."""
        if not self._idle.is_set():
            raise MicroscopeError("The camera is busy: end the stream or acquisition first.")
        self._run = self._stream(every)
        return self._run

    def _stream(self, every: bool) -> Frames:
        self._idle.clear()
        self._dropped, self._exposed_ns = 0, {}
        camera = self._settings.camera
        common = (self._core, camera.readout_ms, self._clock, every, lambda: not self._closed)
        if camera.interval_ms is None:
            exposures = sequence(*common)
        else:
            exposures = snaps(*common, camera.interval_ms)
        following = 0
        try:
            with closing(exposures):
                for exposure in exposures:
                    self._dropped += exposure.index - following
                    following = exposure.index + 1
                    yield self._frame(exposure)
        finally:
            self._idle.set()

    def move(self, move: Move) -> None:
        """Send the stage somewhere and return at once."""
        self._stage.move(move, self._exposed_ns.get(move.frame, 0))

    def stop(self) -> None:
        """Halt every axis."""
        self._stage.stop()

    def reports(self) -> list[Report]:
        """All that happened since the last call."""
        return self._stage.reports()

    def acquire(self, sequence: useq.MDASequence) -> Frames:
        """Run an acquisition through pymmcore-plus' own runner."""
        if not self._idle.is_set():
            raise MicroscopeError("The camera is busy: end the stream or acquisition first.")
        for event in sequence:
            guard.check_inside(event.x_pos, event.y_pos, event.z_pos, self._description.limits_um)
        self._run = self._acquire(sequence)
        return self._run

    def _acquire(self, sequence: useq.MDASequence) -> Frames:
        self._idle.clear()
        arrived: queue.SimpleQueue[tuple[np.ndarray, useq.MDAEvent] | None] = queue.SimpleQueue()
        events = self._core.mda.events
        on_frame = events.frameReady.connect(lambda image, event: arrived.put((image, event)))
        on_end = events.sequenceFinished.connect(lambda: arrived.put(None))
        thread = self._core.run_mda(sequence)
        try:
            index = 0
            while (item := self._next_acquired(arrived)) is not None:
                yield self._acquired(index, *item)
                index += 1
        finally:
            self._core.mda.cancel()
            thread.join()
            events.frameReady.disconnect(on_frame)
            events.sequenceFinished.disconnect(on_end)
            self._pose.reset(self._clock.now_ns(), self._read_position())
            self._idle.set()

    def close(self) -> None:
        """Stop the stage, end streaming and unload the devices."""
        if self._closed:
            return
        self._closed = True
        self._stage.close()
        if self._run is not None:
            with suppress(ValueError):
                self._run.close()
        self._idle.wait(timeout=_END_OF_STREAM_S)
        self._core.unloadAllDevices()

    def __enter__(self) -> MMCoreMicroscope:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _frame(self, exposure: Exposure) -> Frame:
        self._exposed_ns[exposure.index] = exposure.exposed_ns
        self._exposed_ns.pop(exposure.index - _EXPOSURES_REMEMBERED, None)
        return Frame(
            image=exposure.image,
            index=exposure.index,
            exposed_ns=exposure.exposed_ns,
            readable_ns=exposure.readable_ns,
            exposure_ms=exposure.exposure_ms,
            pose=self._pose.pose(exposure.exposed_ns),
            truth_um=exposure.truth_um,
        )

    def _next_acquired(
        self, arrived: queue.SimpleQueue[tuple[np.ndarray, useq.MDAEvent] | None]
    ) -> tuple[np.ndarray, useq.MDAEvent] | None:
        """Wait for the next image of an acquisition; None at its end or when closing."""
        while not self._closed:
            with suppress(queue.Empty):
                return arrived.get(timeout=0.05)
        return None

    def _acquired(self, index: int, image: np.ndarray, event: useq.MDAEvent) -> Frame:
        now_ns = self._clock.now_ns()
        self._pose.reset(now_ns, self._read_position())
        return Frame(
            image=image,
            index=index,
            exposed_ns=now_ns,
            readable_ns=now_ns,
            exposure_ms=event.exposure or self._description.exposure_ms,
            pose=self._pose.pose(now_ns),
            channel=event.channel.config if event.channel else "",
        )

    def _read_position(self) -> tuple[float, float, float]:
        x, y = self._core.getXYPosition(self._xy)
        return x, y, self._core.getPosition(self._focus) if self._focus else 0.0

    def _describe(self) -> Description:
        core, settings = self._core, self._settings
        camera = settings.camera
        if core.getNumberOfComponents() != 1 or core.getBytesPerPixel() > 2:
            raise MicroscopeError(
                f"Camera {self._camera} does not give monochrome images of 8 or 16 bit: "
                "change its pixel type in the Micro-Manager configuration."
            )
        exposure_ms = core.getExposure(self._camera)
        pixel_um, affine = _geometry(core, settings)
        group = core.getChannelGroup()
        return Description(
            name=settings.name,
            camera=self._camera,
            xy_stage=self._xy,
            focus=self._focus,
            width_px=core.getImageWidth(),
            height_px=core.getImageHeight(),
            dtype="uint8" if core.getBytesPerPixel() == 1 else "uint16",
            pixel_um=pixel_um,
            affine=affine,
            exposure_ms=exposure_ms,
            interval_ms=camera.interval_ms or exposure_ms + camera.readout_ms,
            dynamics=settings.stage.dynamics,
            limits_um=settings.limits.around(self._read_position()),
            channels=tuple(core.getAvailableConfigs(group)) if group else (),
        )


def _role(core: CMMCorePlus, wanted: str, kind: DeviceType, what: str) -> str:
    """Return the label of the device with a role, or say why there is none."""
    loaded = core.getLoadedDevicesOfType(kind)
    in_role = core.getCameraDevice() if kind == DeviceType.Camera else core.getXYStageDevice()
    label = wanted or in_role
    if label in loaded:
        return label
    if wanted:
        known = ", ".join(loaded) or "none"
        raise MicroscopeError(
            f"There is no {what} called {wanted}; the configuration has: {known}."
        )
    hint = f"name one of: {', '.join(loaded)}" if loaded else "add one"
    raise MicroscopeError(
        f"The Micro-Manager configuration gives no device the role of {what}: {hint}."
    )


def _geometry(
    core: CMMCorePlus, settings: StandSettings
) -> tuple[float, tuple[float, float, float, float]]:
    """Pixel size and affine, from the settings or else from Micro-Manager's pixel size preset."""
    camera = settings.camera
    pixel_um = camera.pixel_um or core.getPixelSizeUm()
    if camera.affine is not None:
        a, b, c, d = camera.affine
        return pixel_um or float(np.sqrt(abs(a * d - b * c))), camera.affine
    if not pixel_um:
        raise MicroscopeError(
            "The size of a pixel is not known: set pixel_um under [camera], or calibrate the "
            "pixel size in Micro-Manager."
        )
    if camera.pixel_um is None:
        a, b, _, c, d, _ = core.getPixelSizeAffine()
        if abs(a * d - b * c) > 0:
            return pixel_um, (a, b, c, d)
    return pixel_um, (pixel_um, 0.0, 0.0, pixel_um)

"""A microscope run by Micro-Manager: any configuration that pymmcore-plus can load."""

from __future__ import annotations

import queue
import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import useq
from pymmcore_plus import CMMCorePlus, DeviceType
from pymmcore_plus.experimental.unicore import UniMMCore

from . import guard
from .clock import NS_PER_MS, Clock, SystemClock
from .exposures import Exposure, sequence, snaps
from .messages import Description, Frame, Move, Report, StagePose
from .microscope import Frames, MicroscopeError, one_line
from .pose import PoseModel
from .runs import SingleRun
from .settings import StandSettings
from .stage import StageWorker

_EXPOSURES_REMEMBERED = 1024
_END_OF_STREAM_S = 5.0
_CANCEL_AGAIN_S = 0.05


@dataclass(frozen=True, slots=True)
class _Acquired:
    """An image of an acquisition, and where the stage stood."""

    image: np.ndarray
    event: useq.MDAEvent
    readable_ns: int
    position_um: tuple[float, float, float]


_Arrivals = queue.SimpleQueue[_Acquired | Exception | None]


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
        _release(core)
        raise MicroscopeError(
            f"Micro-Manager cannot load {config}: {one_line(error)} Check that the file opens in "
            "Micro-Manager and that its device adapters are installed."
        ) from error
    return core


class MMCoreMicroscope:
    """The `Microscope` over a loaded core.

    Frames are taken in the thread that iterates `frames`; the stage has a thread of its own.

    Parameters
    ----------
    core : CMMCorePlus
        With all devices initialised. Unloaded by `close`, or at once if it cannot be used.
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
        try:
            self._claim_devices()
        except BaseException:
            _release(core)
            raise
        self._exposed_ns: dict[int, int] = {}
        self._dropped = 0
        self._runs = SingleRun()

    def _claim_devices(self) -> None:
        core, settings = self._core, self._settings
        self._camera = _role(core, settings.camera.label, DeviceType.Camera, "camera")
        self._xy = _role(core, settings.stage.label, DeviceType.XYStage, "XY stage")
        self._focus = settings.focus.label or core.getFocusDevice()
        core.setCameraDevice(self._camera)
        core.setXYStageDevice(self._xy)
        core.setFocusDevice(self._focus)
        if not core.getShutterDevice():
            core.setAutoShutter(False)  # else acquisitions want to close it after each picture
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

    @property
    def dropped(self) -> int:
        """Exposures that `frames` passed over for a newer one."""
        return self._dropped

    def describe(self) -> Description:
        """What this microscope is."""
        return self._description

    def frames(self, *, every: bool = False) -> Frames:
        """Stream from the camera; see `Microscope.frames`."""
        return self._runs.begin(self._stream(every))

    def _stream(self, every: bool) -> Frames:
        self._dropped, self._exposed_ns = 0, {}
        camera = self._settings.camera
        common = (self._core, camera.readout_ms, self._clock, every, self._runs.alive)
        if camera.interval_ms is None:
            exposures = sequence(*common)
        else:
            exposures = snaps(*common, camera.interval_ms)
        following = 0
        with closing(exposures):
            for exposure in exposures:
                self._dropped += exposure.index - following
                following = exposure.index + 1
                yield self._frame(exposure)

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
        return self._runs.begin(self._acquire(guard.planned(sequence, self._description)))

    def _acquire(self, events: list[useq.MDAEvent]) -> Frames:
        self._dropped, self._exposed_ns = 0, {}
        arrived: _Arrivals = queue.SimpleQueue()
        self._stage.read_when_idle(False)
        connection = self._core.mda.events.frameReady.connect(
            lambda image, event: arrived.put(self._acquired(image, event))
        )
        thread = threading.Thread(target=self._run_events, args=(events, arrived), name="mda")
        thread.start()
        wanted = sum(isinstance(event.action, useq.AcquireImage) for event in events)
        index = 0
        try:
            while (acquired := self._next_acquired(arrived)) is not None:
                yield self._acquired_frame(index, acquired)
                index += 1
            if index < wanted and self._runs.alive():
                raise MicroscopeError(
                    f"The acquisition brought only {index} of {wanted} frames: check the camera."
                )
        finally:
            while thread.is_alive():
                self._core.mda.cancel()
                thread.join(timeout=_CANCEL_AGAIN_S)
            self._core.mda.events.frameReady.disconnect(connection)
            self._core.setExposure(self._camera, self._description.exposure_ms)
            self._pose.reset(self._clock.now_ns(), self._read_position())
            self._stage.read_when_idle(True)

    def _run_events(self, events: list[useq.MDAEvent], arrived: _Arrivals) -> None:
        try:
            self._core.mda.run(events)
        except Exception as error:
            arrived.put(error)
        else:
            arrived.put(None)

    def close(self) -> None:
        """Stop the stage, end streaming and unload the devices."""
        if not self._runs.alive():
            return
        self._stage.close()
        self._runs.close(_END_OF_STREAM_S + 2 * self._description.exposure_ms / 1e3)
        _release(self._core)

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

    def _next_acquired(self, arrived: _Arrivals) -> _Acquired | None:
        """Wait for the next image of an acquisition; None at its end or when closing."""
        while self._runs.alive():
            try:
                item = arrived.get(timeout=_CANCEL_AGAIN_S)
            except queue.Empty:
                continue
            if isinstance(item, Exception):
                raise MicroscopeError(f"The acquisition failed: {one_line(item)}") from item
            return item
        return None

    def _acquired(self, image: np.ndarray, event: useq.MDAEvent) -> _Acquired:
        """Note where the stage is, in the runner's thread: soon it will be elsewhere."""
        readable_ns = self._clock.now_ns()
        return _Acquired(image, event, readable_ns, self._read_position())

    def _acquired_frame(self, index: int, acquired: _Acquired) -> Frame:
        event = acquired.event
        exposure_ms = event.exposure or self._description.exposure_ms
        late_ms = self._settings.camera.readout_ms + exposure_ms / 2
        exposed_ns = acquired.readable_ns - round(late_ms * NS_PER_MS)
        self._exposed_ns[index] = exposed_ns
        return Frame(
            image=acquired.image,
            index=index,
            exposed_ns=exposed_ns,
            readable_ns=acquired.readable_ns,
            exposure_ms=exposure_ms,
            pose=StagePose(*acquired.position_um, exposed_ns),
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


def _release(core: CMMCorePlus) -> None:
    """Unload all devices, and let no thread of the core call Python while that shuts down."""
    core.unloadAllDevices()
    super(CMMCorePlus, core).registerCallback(None)


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

"""From a Micro-Manager configuration to a described stand, or one sentence on what is missing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from pymmcore_plus import CMMCorePlus, DeviceType
from pymmcore_plus.experimental.unicore import UniMMCore

from ..envelope import resolved
from ..messages import Description
from ..microscope import MicroscopeError, one_line
from ..settings import CameraSettings, StageSettings, StandSettings
from .pixel_geometry import pixel_geometry

_SAME_EXPOSURE = 0.1
"""Relative difference up to which an exposure is as it was wanted. Chosen: cameras take whole
lines or clock ticks."""


def load_core(config: Path) -> CMMCorePlus:
    """Load a Micro-Manager configuration file into a core of its own.

    Raises
    ------
    MicroscopeError
        If the file is missing or no configuration, or a device in it cannot be loaded.
    """
    if not config.is_file():
        raise MicroscopeError(f"There is no Micro-Manager configuration at {config}.")
    core = UniMMCore()
    with _in_utf8(config) as readable:
        try:
            core.loadSystemConfiguration(str(readable))
        except Exception as error:
            release(core)
            reason = one_line(error).replace(str(readable), str(config))
            raise MicroscopeError(
                f"Micro-Manager cannot load {config}: {reason} Check that the file opens in "
                "Micro-Manager and that its device adapters are installed."
            ) from error
    return core


@contextmanager
def _in_utf8(config: Path) -> Iterator[Path]:
    """A file with what is in a configuration, in UTF-8: one that was written by Windows is not."""
    content = config.read_bytes()
    if b"\0" in content:
        raise MicroscopeError(
            f"{config} is no Micro-Manager configuration, as it is no text: give a file .cfg."
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    if text.encode() == content:
        yield config
        return
    with TemporaryDirectory() as folder:
        readable = Path(folder, config.name)
        readable.write_bytes(text.encode())
        yield readable


def release(core: CMMCorePlus) -> None:
    """Unload all devices, and let no thread of the core call Python while that shuts down."""
    core.unloadAllDevices()
    super(CMMCorePlus, core).registerCallback(None)


def claim_devices(core: CMMCorePlus, settings: StandSettings) -> Description:
    """Put camera, stage and focus drive into their roles and describe the stand.

    Raises
    ------
    MicroscopeError
        If there is no camera or no XY stage, the camera is not monochrome or does not take its
        exposure, or the size of its pixels is not known.
    """
    camera = _role(core, settings.camera.label, DeviceType.Camera, "camera")
    xy_stage = _role(core, settings.stage.label, DeviceType.XYStage, "XY stage")
    focus = settings.focus.label or core.getFocusDevice()
    core.setCameraDevice(camera)
    core.setXYStageDevice(xy_stage)
    core.setFocusDevice(focus)
    if not core.getShutterDevice():
        core.setAutoShutter(False)  # else acquisitions want to close it after each picture
    camera_channel(core, settings.camera)
    _set_exposure(core, camera, settings.camera.exposure_ms)
    return _describe(core, settings, camera, xy_stage, focus)


def camera_channel(core: CMMCorePlus, camera: CameraSettings) -> int:
    """Which of several cameras behind the one in the role is followed with: the first by default.

    Raises
    ------
    MicroscopeError
        If there is none of that name.
    """
    if not camera.channel:
        return 0
    names = camera_names(core)
    if camera.channel in names:
        return names.index(camera.channel)
    raise MicroscopeError(
        f"There is no camera {camera.channel} behind {core.getCameraDevice()}, which has: "
        f"{', '.join(names) or 'none'}. Correct channel under [camera]."
    )


def camera_names(core: CMMCorePlus) -> list[str]:
    """Names of the cameras behind the one in the role; none if it is one camera itself."""
    count = core.getNumberOfCameraChannels()
    return [core.getCameraChannelName(n) for n in range(count)] if count > 1 else []


def _set_exposure(core: CMMCorePlus, camera: str, exposure_ms: float | None) -> None:
    """Set the exposure, and refuse one that the camera does not take, or has not."""
    if exposure_ms is not None:
        core.setExposure(camera, exposure_ms)
    taken_ms = core.getExposure(camera)
    if not taken_ms > 0:
        raise MicroscopeError(
            f"The exposure of camera {camera} is {taken_ms:g} ms: set exposure_ms under [camera]."
        )
    if exposure_ms is not None and abs(taken_ms - exposure_ms) > _SAME_EXPOSURE * exposure_ms:
        raise MicroscopeError(
            f"Camera {camera} takes an exposure of {taken_ms:.6g} ms, not of {exposure_ms:.6g} ms: "
            "set exposure_ms under [camera] to one that it takes."
        )


def read_position_um(core: CMMCorePlus, xy_stage: str, focus: str) -> tuple[float, float, float]:
    """Ask XY stage and focus drive where they are; z is 0 without a focus drive.

    Raises
    ------
    MicroscopeError
        If one of them does not know it.
    """
    x, y = core.getXYPosition(xy_stage)
    z = core.getPosition(focus) if focus else 0.0
    if not all(map(math.isfinite, (x, y, z))):
        raise MicroscopeError(
            f"The stage says that it is at ({x:g}, {y:g}, {z:g}) µm: switch it on and home it."
        )
    return x, y, z


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


def _describe(
    core: CMMCorePlus, settings: StandSettings, camera: str, xy_stage: str, focus: str
) -> Description:
    if core.getNumberOfComponents() != 1 or core.getBytesPerPixel() > 2:
        raise MicroscopeError(
            f"Camera {camera} does not give monochrome images of 8 or 16 bit: "
            "change its pixel type in the Micro-Manager configuration."
        )
    exposure_ms = core.getExposure(camera)
    geometry = pixel_geometry(core, settings.camera)
    group = core.getChannelGroup()
    limits = resolved(settings.limits, read_position_um(core, xy_stage, focus))
    return Description(
        name=settings.name,
        camera=camera,
        xy_stage=xy_stage,
        focus=focus,
        width_px=core.getImageWidth(),
        height_px=core.getImageHeight(),
        dtype="uint8" if core.getBytesPerPixel() == 1 else "uint16",
        pixel_um=geometry.pixel_um,
        affine=geometry.affine,
        exposure_ms=exposure_ms,
        interval_ms=settings.camera.interval_ms or exposure_ms + settings.camera.readout_ms,
        dynamics=settings.stage.dynamics,
        limits_um=limits.limits_um,
        channels=tuple(core.getAvailableConfigs(group)) if group else (),
        takes_velocity=_takes_velocity(core, settings.stage),
        restrictions=limits.restrictions,
        uncalibrated=geometry.uncalibrated,
    )


def _takes_velocity(core: CMMCorePlus, stage: StageSettings) -> bool:
    """Whether the settings name properties that set a velocity; refuse if these do not exist."""
    for device, name in stage.velocity_properties or ():
        if device not in core.getLoadedDevices() or not core.hasProperty(device, name):
            raise MicroscopeError(
                f"There is no property {name!r} of a device {device!r} to set a velocity with: "
                "correct velocity_x and velocity_y under [stage]."
            )
        if core.isPropertyReadOnly(device, name):
            raise MicroscopeError(f"The property {name!r} of {device!r} can only be read.")
    return stage.velocity_properties is not None

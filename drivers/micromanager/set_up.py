"""What is set on a loaded configuration before it is used: presets, properties, the camera."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from pymmcore_plus import CMMCorePlus, DeviceType

from ..microscope import MicroscopeError, one_line
from ..pixel_scale import agree
from ..settings import CameraSettings
from .loading import load_core, release

PropertyValue = str | int | float
"""What a property can be set to."""
Properties = Mapping[str, Mapping[str, PropertyValue]]
"""Values by the label of a device and the name of one of its properties."""
_BINNING = "Binning"
"""Property of every camera that bins, by Micro-Manager's convention (MM::g_Keyword_Binning)."""
_DRIVES = (DeviceType.Stage, DeviceType.XYStage)
_MOVING = re.compile("position|goto|move|home|origin", re.IGNORECASE)
"""In the name of a property of a drive: to set it would move it, outside of limits and watch."""


def open_core(
    config: Path, camera: CameraSettings, presets: Mapping[str, str], properties: Properties
) -> CMMCorePlus:
    """Load a Micro-Manager configuration file and set what is wanted on it.

    First presets, by their group, then properties, then binning and region of the camera. Nothing
    that moves a stage or a focus drive is set.

    Raises
    ------
    MicroscopeError
        If it cannot be loaded, something is not there or is not taken, or the size of a pixel
        that is told is that without these presets, properties and binning.
    """
    core = load_core(config)
    try:
        before_um = core.getPixelSizeUm()
        for group, preset in presets.items():
            _set_preset(core, group, preset)
        for device, values in properties.items():
            for name, value in values.items():
                _set_property(core, device, name, value)
        _set_camera(core, camera)
        _check_pixel(camera.pixel_um, before_um, core.getPixelSizeUm())
    except BaseException:
        release(core)
        raise
    return core


def _check_pixel(told_um: float | None, before_um: float, now_um: float) -> None:
    """Refuse a size that was right before another objective or binning was set."""
    if not (told_um and before_um and now_um):
        return
    if agree(told_um, before_um) and not agree(told_um, now_um):
        raise MicroscopeError(
            f"With these presets, properties and binning a pixel is {now_um:.4g} µm, says "
            f"Micro-Manager, not {told_um:.4g} µm as before: correct pixel_um and affine under "
            "[camera], with `pursuit calibrate`."
        )


def _set_preset(core: CMMCorePlus, group: str, preset: str) -> None:
    where = "correct presets under [microscope]"
    groups = core.getAvailableConfigGroups()
    if group not in groups:
        raise MicroscopeError(
            f"There is no configuration group {group}; there is: {_all(groups)}: {where}."
        )
    known = core.getAvailableConfigs(group)
    if preset not in known:
        raise MicroscopeError(
            f"The configuration group {group} has no preset {preset}, but: {_all(known)}: {where}."
        )
    for device, name, _ in core.getConfigData(group, preset):
        _refuse_move(core, device, name, f"leave preset {preset} of {group} out")
    try:
        core.setConfig(group, preset)
        core.waitForConfig(group, preset)
    except Exception as error:
        raise MicroscopeError(
            f"Preset {preset} of {group} is not taken: {one_line(error)}"
        ) from error


def _set_property(core: CMMCorePlus, device: str, name: str, value: PropertyValue) -> None:
    where = "correct properties under [microscope]"
    devices = core.getLoadedDevices()
    if device not in devices:
        raise MicroscopeError(f"There is no device {device}; there is: {_all(devices)}: {where}.")
    if not core.hasProperty(device, name):
        known = core.getDevicePropertyNames(device)
        raise MicroscopeError(f"{device} has no property {name}, but: {_all(known)}: {where}.")
    _refuse_move(core, device, name, "leave it out")
    if core.isPropertyReadOnly(device, name):
        raise MicroscopeError(f"The property {name} of {device} can only be read: {where}.")
    try:
        core.setProperty(device, name, value)
        core.waitForDevice(device)
        taken = core.getProperty(device, name)
    except Exception as error:
        raise MicroscopeError(
            f"The property {name} of {device} does not take {value}: {one_line(error)}"
        ) from error
    if not _same(taken, value):
        raise MicroscopeError(f"The property {name} of {device} is {taken}, not {value}: {where}.")


def _refuse_move(core: CMMCorePlus, device: str, name: str, instead: str) -> None:
    is_drive = device in core.getLoadedDevices() and core.getDeviceType(device) in _DRIVES
    if is_drive and _MOVING.search(name):
        raise MicroscopeError(
            f"To set {name} of {device} would move a drive before its limits hold: {instead}."
        )


def _set_camera(core: CMMCorePlus, settings: CameraSettings) -> None:
    """Set binning and region, the latter in binned pixels, of the camera in its role."""
    if settings.binning is None and settings.roi_px is None:
        return
    camera = settings.label or core.getCameraDevice()
    if camera not in core.getLoadedDevices():
        return
    core.setCameraDevice(camera)
    if settings.binning is not None:
        _set_property(core, camera, _BINNING, _binning(core, camera, settings.binning))
    if settings.roi_px is not None:
        _set_region(core, camera, settings.roi_px)


def _binning(core: CMMCorePlus, camera: str, wanted: int) -> str:
    """How a camera calls a binning: 2, or 2x2."""
    if not core.hasProperty(camera, _BINNING):
        raise MicroscopeError(f"Camera {camera} does not bin: leave binning under [camera] out.")
    allowed = core.getAllowedPropertyValues(camera, _BINNING)
    named = [each for each in allowed if re.fullmatch(rf"{wanted}(x{wanted})?", each)]
    if allowed and not named:
        raise MicroscopeError(
            f"Camera {camera} has no binning of {wanted}, but: {_all(allowed)}: "
            "correct binning under [camera]."
        )
    return named[0] if named else str(wanted)


def _set_region(core: CMMCorePlus, camera: str, region: tuple[int, int, int, int]) -> None:
    try:
        core.clearROI()
        most = core.getImageWidth(), core.getImageHeight()
        inside = all(
            at + length <= size
            for at, length, size in zip(region[:2], region[2:], most, strict=True)
        )
        if not inside:
            raise MicroscopeError(
                f"The region {list(region)} does not lie in the image of camera {camera}, "
                f"{most[0]} x {most[1]} pixels: correct roi_px under [camera]."
            )
        core.setROI(*region)
        taken = tuple(core.getROI())
    except RuntimeError as error:
        raise MicroscopeError(
            f"Camera {camera} does not take the region {list(region)}: {one_line(error)}"
        ) from error
    if taken != region:
        raise MicroscopeError(
            f"Camera {camera} takes the region {list(taken)}, not {list(region)}: set roi_px under "
            "[camera] to one that it takes."
        )


def _same(taken: str, value: PropertyValue) -> bool:
    """Whether a property has a value: numbers are written in many ways."""
    try:
        return float(taken) == float(value)
    except ValueError:
        return taken == str(value)


def _all(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"

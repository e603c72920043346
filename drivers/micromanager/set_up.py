"""What is set on a loaded configuration before it is used: presets, properties, the camera."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
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
_DRIVES = (DeviceType.Stage, DeviceType.XYStage, DeviceType.AutoFocus, DeviceType.SignalIO)
_MOVING = re.compile("position|goto|move|home|origin|volt|state|offset|lock", re.IGNORECASE)
"""In the name of a property of a drive, or of what may move one (autofocus, voltage): to set it
would move it, outside of limits and watch."""
_STILL_UM = 0.5
"""How far an axis may be from where it stood. Chosen: readings of one at rest differ by less."""
_RELATIVE = 1e-3
"""Relative difference up to which a number is as it was wanted. Chosen: Micro-Manager keeps four
decimals, and devices round."""


def open_core(
    config: Path, camera: CameraSettings, presets: Mapping[str, str], properties: Properties
) -> CMMCorePlus:
    """Load a Micro-Manager configuration file and set what is wanted on it.

    First presets, by their group, then properties, then binning and region of the camera. What
    names the place of a drive is not set, and if one has moved all the same, that is an error.

    Raises
    ------
    MicroscopeError
        If it cannot be loaded, something is not there or is not taken, a drive has moved, or the
        size of a pixel that is told is that without these presets, properties and binning.
    """
    core, sets = load_core(config), bool(presets or properties)
    try:
        before_um, stood_um = core.getPixelSizeUm(), _positions_um(core) if sets else {}
        for group, preset in presets.items():
            _set_preset(core, group, preset)
        for device, values in properties.items():
            for name, value in values.items():
                _set_property(core, device, name, value)
        _check_still(stood_um, _positions_um(core) if sets else {})
        _set_camera(core, camera)
        _check_pixel(camera.pixel_um, before_um, core.getPixelSizeUm())
    except BaseException:
        release(core)
        raise
    return core


def _check_pixel(told_um: float | None, before_um: float, now_um: float) -> None:
    """Refuse a size that was right before another objective or binning was set."""
    if not (told_um and before_um) or now_um == before_um:
        return
    if agree(told_um, before_um) and not (now_um and agree(told_um, now_um)):
        now = f"{now_um:.4g} µm" if now_um else "of unknown size"
        raise MicroscopeError(
            f"With these presets, properties and binning a pixel is {now}, says Micro-Manager, not "
            f"{told_um:.4g} µm as before: remove pixel_um and affine under [camera], then run "
            "`pursuit calibrate`."
        )


def _positions_um(core: CMMCorePlus) -> dict[str, tuple[float, ...]]:
    """Where every stage and focus drive that knows it says that it is, by its label."""
    places: dict[str, tuple[float, ...]] = {}
    for label in core.getLoadedDevicesOfType(DeviceType.XYStage):
        with suppress(RuntimeError):
            places[label] = tuple(core.getXYPosition(label))
    for label in core.getLoadedDevicesOfType(DeviceType.Stage):
        with suppress(RuntimeError):
            places[label] = (core.getPosition(label),)
    return places


def _check_still(
    stood: Mapping[str, tuple[float, ...]], now: Mapping[str, tuple[float, ...]]
) -> None:
    """Tell of a drive that was moved by what was set."""
    for label in stood.keys() & now.keys():
        if math.dist(stood[label], now[label]) > _STILL_UM:
            raise MicroscopeError(
                f"Presets or properties under [microscope] have moved {label}: look where it is, "
                "and leave out what moves it."
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
            f"Preset {preset} of {group} is not taken ({one_line(error)}): {where}."
        ) from error


def _set_property(core: CMMCorePlus, device: str, name: str, value: PropertyValue) -> None:
    where = "correct properties under [microscope]"
    devices = [label for label in core.getLoadedDevices() if label != "Core"]
    if device not in devices:
        raise MicroscopeError(f"There is no device {device}; there is: {_all(devices)}: {where}.")
    if not core.hasProperty(device, name):
        known = core.getDevicePropertyNames(device)
        raise MicroscopeError(f"{device} has no property {name}, but: {_all(known)}: {where}.")
    _refuse_move(core, device, name, "leave it out")
    if core.isPropertyReadOnly(device, name) or core.isPropertyPreInit(device, name):
        raise MicroscopeError(f"The property {name} of {device} can only be read: {where}.")
    try:
        core.setProperty(device, name, value)
        core.waitForDevice(device)
        taken = core.getProperty(device, name)
    except Exception as error:
        raise MicroscopeError(
            f"The property {name} of {device} does not take {value}{_range(core, device, name)} "
            f"({one_line(error)}): {where}."
        ) from error
    if not _same(taken, value):
        raise MicroscopeError(
            f"The property {name} of {device} is {taken}, not {value}{_range(core, device, name)}: "
            f"{where}."
        )


def _range(core: CMMCorePlus, device: str, name: str) -> str:
    """What a property takes, after what it does not take; empty if it does not tell."""
    if core.hasPropertyLimits(device, name):
        low, high = (
            core.getPropertyLowerLimit(device, name),
            core.getPropertyUpperLimit(device, name),
        )
        return f", but {low:g} to {high:g}"
    allowed = core.getAllowedPropertyValues(device, name)
    return f", but: {_all(allowed)}" if allowed else ""


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
    if camera not in core.getLoadedDevicesOfType(DeviceType.Camera):
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
    core.clearROI()
    most = core.getImageWidth(), core.getImageHeight()
    ends = region[0] + region[2], region[1] + region[3]
    if ends[0] > most[0] or ends[1] > most[1]:
        raise MicroscopeError(
            f"The region {list(region)} does not lie in the image of camera {camera}, "
            f"{most[0]} x {most[1]} pixels: correct roi_px under [camera]."
        )
    try:
        core.setROI(*region)
        taken = tuple(core.getROI())
    except RuntimeError as error:
        raise MicroscopeError(
            f"Camera {camera} does not take the region {list(region)} ({one_line(error)}): correct "
            "roi_px under [camera]."
        ) from error
    if taken != region:
        raise MicroscopeError(
            f"Camera {camera} takes the region {list(taken)}, not {list(region)}: set roi_px under "
            "[camera] to one that it takes."
        )


def _same(taken: str, value: PropertyValue) -> bool:
    """Whether a property has a value: numbers are written in many ways."""
    try:
        return math.isclose(float(taken), float(value), rel_tol=_RELATIVE, abs_tol=1e-4)
    except ValueError:
        return taken == str(value)


def _all(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"

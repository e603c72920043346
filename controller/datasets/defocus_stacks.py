"""Calibration stacks: objects at many focal positions, as the defocus network learns from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile
from numpy.typing import NDArray

from ...drivers.messages import Image
from ...models.datasets import Seen, check_sign, reach_um, seen_at, split
from ...models.detections import Detections
from ...models.detectors import create
from ...models.errors import ModelError
from ...models.focus import LEAST_EDGE_PX, SIZES, Lens, NoPeak
from ...sim.movie import UM, read_recording
from .rendered_defocus import MOST_DEFOCUS

DIAMETER_PX = 10.0
"""Typical diameter of calibration objects."""
_TIFF = (".tif", ".tiff")
_MOST_OBJECTS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Images of the same field, from one focal position to the next.

    Attributes
    ----------
    images : (P, H, W) uint8 or uint16
    pixel_um, step_um : float or None
        Edge of a pixel, and distance between images, where the file tells them.
    """

    images: NDArray
    pixel_um: float | None
    step_um: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSettings:
    """How a calibration stack was taken.

    Attributes
    ----------
    na, wavelength_um, index, astigmatism_um : float
        As in `FocusingSettings`.
    pixel_um, step_um : float, optional
        Edge of a pixel, and by how much the focal plane rose from image to image; without
        them, what the file tells.
    focus_um : float, optional
        Where its objects are in focus, from the first image; without it, where each is sharpest.
    diameter_px : float
        Typical diameter of them in focus.
    """

    na: float
    astigmatism_um: float
    wavelength_um: float = 0.52
    index: float = 1.0
    pixel_um: float | None = None
    step_um: float | None = None
    focus_um: float | None = None
    diameter_px: float = DIAMETER_PX


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """The objects of a stack, out of focus by known amounts.

    Attributes
    ----------
    lens : Lens
        Through which they were taken.
    learned, judged : list of Seen
    most_defocus : float
        Greatest defocus of which both sides were seen, in depths of field.
    about : str
        For people.
    """

    lens: Lens
    learned: list[Seen]
    judged: list[Seen]
    most_defocus: float
    about: str


def calibrate(path: Path, settings: StackSettings) -> Calibration:
    """Read a stack, find its objects and tell how far each is out of focus in every image.

    Raises
    ------
    ModelError, MovieError
        If the file cannot be read, a scale is missing or wrong, no object stands apart, none
        has a focus, or both sides of it look the same.
    """
    stack = read_stack(path)
    pixel_um = _scale("pixel-um", settings.pixel_um, stack.pixel_um)
    step_um = _scale("step-um", settings.step_um, stack.step_um)
    lens = _lens(settings, pixel_um)
    z_um = (step_um * np.arange(len(stack.images))).tolist()
    told = [
        seen_at(images, z_um, settings.focus_um)
        for images in stack_objects(stack.images, settings.diameter_px)
    ]
    seen = [one for one in told if isinstance(one, Seen)]
    if not seen:
        reasons = (one.reason for one in told if isinstance(one, NoPeak))
        raise ModelError(f"{path.name} cannot be used: {next(reasons)}; give --focus-um")
    learned, judged = split(seen, MOST_DEFOCUS * lens.depth_of_field_um)
    check_sign(learned, lens)
    depths = reach_um(learned) / lens.depth_of_field_um
    about = f"{len(seen)} objects of {path.name} at {len(z_um)} focal positions"
    return Calibration(lens, learned, judged, depths, about)


def _scale(name: str, given: float | None, told: float | None) -> float:
    value = told if given is None else given
    if value is None:
        raise ModelError(f"the stack does not tell its scale: give --{name}")
    if not math.isfinite(value) or not value:
        raise ModelError(f"--{name} must be a number other than 0, not {value:g}")
    return value


def _lens(settings: StackSettings, pixel_um: float) -> Lens:
    try:
        return Lens(
            settings.na, settings.wavelength_um, settings.index, pixel_um, settings.astigmatism_um
        )
    except ValueError as error:
        raise ModelError(str(error)) from error


def read_stack(path: Path) -> Stack:
    """Read a TIFF file, or an OME-Zarr folder in which z passes with time.

    Raises
    ------
    MovieError
        If it is missing, damaged, or not one channel of one stack.
    """
    stack = _with_z(path) if path.suffix.lower() in _TIFF and path.is_file() else None
    if stack is None:
        frames, pixel_um, _ = read_recording(path)
        stack = Stack(_native(frames), pixel_um, None)
    return stack


def stack_objects(images: NDArray, diameter_px: float) -> list[list[Image]]:
    """Cut the objects of a stack out that stand apart: for each its window in every image.

    They are looked for in the image in which most can be seen.

    Parameters
    ----------
    images : (P, H, W) uint8 or uint16
    diameter_px : float
        Their typical diameter in focus.

    Raises
    ------
    ModelError
        If there is none.
    """
    detector = create("blobs", {"diameter_px": diameter_px, "max_objects": _MOST_OBJECTS})
    found = max((detector.detect(image) for image in images), key=lambda one: one.scores.sum())
    windows = [
        (slice(y - half, y + half), slice(x - half, x + half))
        for x, y, half in _apart(found, images.shape[1:])
    ]
    if not windows:
        raise ModelError(
            f"no object of about {diameter_px:g} px stands apart in the stack: give their size "
            "with --diameter-px, and leave three sizes around each"
        )
    return [[image[window] for image in images] for window in windows]


def _apart(found: Detections, shape: Sequence[int]) -> list[tuple[int, int, int]]:
    """Centre in x and y and half the edge of windows that lie in the image and hold one object."""
    centres, kept = np.asarray(found.centres_px), []
    for number, (centre, size) in enumerate(zip(centres, found.sizes_px, strict=True)):
        half = max(round(SIZES / 2 * float(size.mean())), LEAST_EDGE_PX // 2 + 1)
        x, y = (round(float(at)) for at in centre)
        away = np.abs(np.delete(centres, number, axis=0) - centre).max(axis=1, initial=0)
        inside = min(x, y) >= half and x + half <= shape[1] and y + half <= shape[0]
        if inside and not (away < half + size.mean() / 2).any():
            kept.append((x, y, half))
    return kept


def _with_z(path: Path) -> Stack | None:
    """Read a TIFF file whose only axis beside the image's is z; None where it is another."""
    try:
        with tifffile.TiffFile(path) as tif:
            series = tif.series[0]
            long = [n for n, axis in zip(series.shape, series.axes, strict=True) if n > 1]
            axes = "".join(a for n, a in zip(series.shape, series.axes, strict=True) if n > 1)
            if axes != "ZYX" or series.dtype not in (np.uint8, np.uint16):
                return None
            return Stack(_native(series.asarray().reshape(long)), *_scales(tif))
    except (OSError, ValueError, tifffile.TiffFileError):
        return None


def _scales(tif: tifffile.TiffFile) -> tuple[float | None, float | None]:
    """Pixel size and step in µm, from OME metadata."""
    if not tif.ome_metadata:
        return None, None
    root = ElementTree.fromstring(tif.ome_metadata)
    pixels = next(element for element in root.iter() if element.tag.endswith("}Pixels")).attrib
    return _um(pixels, "X"), _um(pixels, "Z")


def _um(pixels: Mapping[str, str], axis: str) -> float | None:
    value, unit = pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit", "µm")
    return float(value) * UM[unit] if value is not None and unit in UM else None


def _native(frames: Any) -> NDArray:
    """As an array in memory, in the byte order of the machine."""
    images = np.stack([np.asarray(frames[i]) for i in range(int(frames.shape[0]))])
    return images.astype(images.dtype.newbyteorder("="), copy=False)

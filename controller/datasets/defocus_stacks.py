"""Calibration stacks: objects at many focal positions, to train the defocus network on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...drivers.messages import Image
from ...models.datasets import (
    FocusSeries,
    check_sign,
    greatest_defocus_um,
    measure_defocus,
    split_series,
)
from ...models.detections import Detections
from ...models.detectors import create
from ...models.errors import ModelError
from ...models.focus import LEAST_EDGE_PX, SIZES, Lens, NoPeak
from ...models.images import open_recording
from .rendered_defocus import MOST_DEFOCUS

DIAMETER_PX = 10.0
"""Typical diameter of calibration objects, where none is given: of beads of 1 µm at 60x."""
_MOST_OBJECTS = 200
"""Objects of a stack that are used. Chosen: with some 20 images of each, enough to train on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSettings:
    """How a calibration stack was taken.

    Attributes
    ----------
    na, wavelength_um, index, astigmatism_um : float
        As in `FocusingSettings`.
    pixel_um, step_um : float, optional
        Edge of a pixel, and rise of the focal plane from image to image; without them, those
        that the file tells.
    focus_um : float, optional
        Where objects are in focus, from the first image; without it, where each is sharpest.
    diameter_px : float
        Typical diameter of objects in focus.
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

    The greatest defocus of which both sides were seen is in depths of field.
    """

    lens: Lens
    learned: list[FocusSeries]
    judged: list[FocusSeries]
    most_defocus: float
    about: str


def calibrate(path: Path, settings: StackSettings) -> Calibration:
    """Read a stack, find its objects and work out their defocus in every image.

    Raises
    ------
    ModelError
        If the file cannot be read, a scale is missing or wrong, no object stands apart, none
        has a focus, or both sides of it look the same.
    """
    stack = open_recording(path, along="Z")
    told_um = None if "pixel_um" in stack.assumed else stack.pixel_um
    pixel_um = _scale("pixel-um", settings.pixel_um, told_um)
    step_um = _scale("step-um", settings.step_um, stack.step_um)
    lens = _lens(settings, pixel_um)
    z_um = (step_um * np.arange(len(stack))).tolist()
    images = np.stack([stack[index] for index in range(len(stack))])
    placed = [
        measure_defocus(windows, z_um, settings.focus_um)
        for windows in stack_objects(images, settings.diameter_px)
    ]
    seen = [one for one in placed if isinstance(one, FocusSeries)]
    if not seen:
        reasons = (one.reason for one in placed if isinstance(one, NoPeak))
        raise ModelError(f"the file {path.name} cannot be used: {next(reasons)}; give --focus-um")
    learned, judged = split_series(seen, MOST_DEFOCUS * lens.depth_of_field_um)
    check_sign(learned, lens)
    depths = greatest_defocus_um(learned) / lens.depth_of_field_um
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


def stack_objects(images: NDArray, diameter_px: float) -> list[list[Image]]:
    """Cut out the isolated objects of a stack: of each, its window in every image.

    They are detected in the image, of (P, H, W), with the greatest sum of scores, by their typical
    diameter in focus. Raises a `ModelError` if there is none.
    """
    detector = create("blobs", {"diameter_px": diameter_px, "max_objects": _MOST_OBJECTS})
    found = max((detector.detect(image) for image in images), key=lambda one: one.scores.sum())
    windows = [
        (slice(y - half, y + half), slice(x - half, x + half))
        for x, y, half in _isolated(found, images.shape[1:])
    ]
    if not windows:
        raise ModelError(
            f"no object of about {diameter_px:g} px stands apart in the stack: give their size "
            "with --diameter-px, and leave three sizes around each"
        )
    return [[image[window] for image in images] for window in windows]


def _isolated(found: Detections, shape: Sequence[int]) -> list[tuple[int, int, int]]:
    """Centre and half edge of the windows in the image that hold a single object."""
    centres, kept = np.asarray(found.centres_px), []
    for number, (centre, size) in enumerate(zip(centres, found.sizes_px, strict=True)):
        half = max(round(SIZES / 2 * float(size.mean())), LEAST_EDGE_PX // 2 + 1)
        x, y = (round(float(at)) for at in centre)
        away = np.abs(np.delete(centres, number, axis=0) - centre).max(axis=1, initial=0)
        inside = min(x, y) >= half and x + half <= shape[1] and y + half <= shape[0]
        if inside and not (away < half + size.mean() / 2).any():
            kept.append((x, y, half))
    return kept

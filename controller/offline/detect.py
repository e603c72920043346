"""Detection in an image or movie: a table of the objects, and a figure."""

import csv
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from ...drivers.clock import NS_PER_MS
from ...models.detections import Detections
from ...models.detectors import Detector, HasCard, HasLimit, HasNotes, detect
from ...models.errors import ModelError
from ...models.images import Choice, Recording, open_recording
from ..assembly import check_diameter, detector_table, make_detector
from ..configuration import (
    ConfigError,
    assignment,
    check_new_folder,
    make_config,
    merge,
    written_whole,
)
from .overlay import Panel, draw_overlay

COLUMNS = (
    *("frame", "x_px", "y_px", "left_px", "top_px", "right_px", "bottom_px"),
    *("score", "class", "brightness"),
)
"""Columns of the table that is written."""
_DRAWN = 6
"""Most frames of a movie that are drawn. Chosen: two rows of three are still legible."""


@dataclass(frozen=True, slots=True)
class DetectionSummary:
    """How much was found, also of every class, the median time, and where it was written to."""

    objects: int
    frames: int
    classes: dict[str, int]
    ms_per_frame: float
    table: Path
    overlay: Path
    notes: list[str]


def open_images(path: Path, pixel_um: float | None, choice: Choice) -> Recording:
    """Open a picture or a movie; raises a `ModelError` if that cannot be done."""
    if not path.exists():
        raise ModelError(f"there is no picture or movie {path}: check the path")
    return open_recording(path, pixel_um, choice=choice)


def open_detector(
    images: Recording, name: str | None, model: str | None, sets: Sequence[str]
) -> Detector:
    """Make a detector for images from what a command line says.

    Without a name it is a learned one of the family of the model. Each of ``sets`` is an option,
    ``detector.key=value``; one in µm needs the pixel size of the images.

    Raises
    ------
    ConfigError, ModelError
        If the detector or an option is not known, or the model cannot be used.
    """
    table = detector_table(name, model)
    given = [assignment(text) for text in sets]
    for text, tables in zip(sets, given, strict=True):
        if "detector" not in tables:
            raise ConfigError(f"--set {text} is not about the detector: use detector.key=value.")
    config = make_config(merge({"detector": table}, *given))
    in_um = [key for key in config.detector if key.endswith("_um")]
    if in_um and "pixel_um" in images.assumed:
        in_px = in_um[0].removesuffix("_um") + "_px"
        raise ConfigError(f"The file does not tell the size of a pixel: give detector.{in_px}.")
    check_diameter(config, images.pixel_um, images.width_px, images.height_px, "the image")
    return make_detector(config, images.pixel_um)


def detect_all(
    images: Recording,
    detector: Detector,
    folder: Path,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> DetectionSummary:
    """Detect in every frame; write ``detections.csv`` and ``overlay.png`` into a new folder.

    Both or, if it fails or is interrupted, none.

    The first frame is detected in twice, so that what detectors prepare then is not timed.

    Raises
    ------
    FileExistsError
        If the folder holds anything, or is a file.
    ModelError
        If a frame cannot be read, or the detector fails.
    """
    check_new_folder(folder)
    detect(detector, images[0])
    name = class_namer(detector)
    drawn = np.linspace(0, len(images) - 1, min(_DRAWN, len(images))).round()
    counts: Counter[str] = Counter()
    panels, times_ms, most = [], [], 0
    table, overlay = folder / "detections.csv", folder / "overlay.png"
    with written_whole(table, overlay) as (rows, picture):
        with rows.open("w", encoding="utf-8", newline="") as file:
            write = _writer(file, name)
            for index in range(len(images)):
                image = images[index]
                start_ns = time.perf_counter_ns()
                found = detect(detector, image)
                times_ms.append((time.perf_counter_ns() - start_ns) / NS_PER_MS)
                write(index, found)
                most = max(most, len(found))
                counts.update(map(name, found.classes.tolist()))
                if index in drawn:
                    panels.append(Panel(index, image, found))
                on_progress(index + 1, len(images))
        objects, ms_per_frame = counts.total(), float(np.median(times_ms))
        title = f"{images.path.name}   ·   {how_many(objects, len(images))}   ·   {detector.name}"
        draw_overlay(picture, panels, name, title)
    classes, notes = dict(counts.most_common()), notes_of(detector, most)
    return DetectionSummary(objects, len(images), classes, ms_per_frame, table, overlay, notes)


def notes_of(detector: Detector, most: int) -> list[str]:
    """Return what a detector noted; and its limit, if ``most`` objects of a frame met that."""
    notes = [*detector.notes] if isinstance(detector, HasNotes) else []
    if isinstance(detector, HasLimit) and most == detector.max_objects:
        notes.append(f"no more than {most} objects of a frame are kept: raise detector.max_objects")
    return notes


def class_namer(detector: Detector) -> Callable[[int], str]:
    """Return the function that names a class, from a model's card if there is one."""
    if isinstance(detector, HasCard):
        return detector.card.classes.__getitem__
    return lambda kind: f"class {kind}" if kind else "object"


def how_many(objects: int, frames: int) -> str:
    """Say how many objects there are in how many frames."""
    return (
        f"{objects:,} object{'' if objects == 1 else 's'} in "
        f"{frames:,} frame{'' if frames == 1 else 's'}"
    )


def _writer(file: IO[str], name: Callable[[int], str]) -> Callable[[int, Detections], None]:
    """Return the function that writes the objects of a frame as rows."""
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(COLUMNS)

    def write(index: int, found: Detections) -> None:
        geometry = np.concatenate((found.centres_px, found.boxes_px), axis=1).tolist()
        columns = (found.scores.tolist(), found.classes.tolist(), found.brightness.tolist())
        for place, score, kind, brightness in zip(geometry, *columns, strict=True):
            px = (f"{value:.3f}" for value in place)
            rows.writerow((index, *px, f"{score:.4f}", name(kind), f"{brightness:.6g}"))

    return write

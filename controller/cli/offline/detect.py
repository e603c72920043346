"""``pursuit detect``: find the objects in a picture or movie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from ..options import (
    AsJson,
    Channel,
    DetectorName,
    ModelFile,
    PixelUm,
    Plane,
    Position,
    Sets,
)
from ..progress import progress

if TYPE_CHECKING:
    from ....models.detectors import Detector
    from ...offline import DetectionSummary


def detect(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="IMAGE|MOVIE", help="TIFF, PNG, JPEG, BMP, a video, or an OME-Zarr folder."
        ),
    ],
    detector: DetectorName = None,
    model: ModelFile = None,
    pixel_um: PixelUm = None,
    position: Position = None,
    channel: Channel = None,
    plane: Plane = None,
    sets: Sets = None,
    out: Annotated[Path | None, typer.Option(help="Folder to make.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find the objects in a picture or movie: a table and a picture with boxes.

    Example: `pursuit detect cells.tif --model nuclei.onnx --set detector.score=0.4`
    """
    from ....models.images import Choice
    from ...configuration import named_after
    from ...offline import detect_all, open_detector, open_images

    images = open_images(path, pixel_um, Choice(position, channel, plane))
    opened = open_detector(images, detector, model, sets or ())
    folder = out or Path(f"{named_after(path)}_detections")
    with progress("detecting", len(images), disable=len(images) == 1) as on_progress:
        result = detect_all(images, opened, folder, on_progress)
    if as_json:
        notes = {"notes": [*images.notes, *result.notes]}
        made = msgspec.to_builtins(result, enc_hook=str)
        print(json.dumps({"detector": opened.name, **made, **notes}))
    else:
        for note in images.notes:
            print(note)
        _print_result(result, opened)


def _print_result(result: DetectionSummary, detector: Detector) -> None:
    from ....models.detectors import HasCard
    from ...offline import how_many

    for note in result.notes:
        print(f"{detector.name}: {note}")
    kinds = ", ".join(f"{count:,} {name}" for name, count in result.classes.items())
    named = f" ({kinds})" if [*result.classes] not in ([], ["object"]) else ""
    print(
        f"{how_many(result.objects, result.frames)}{named}, "
        f"{result.ms_per_frame:.1f} ms a frame: {result.table}, {result.overlay}"
    )
    if not result.objects:
        options = "score, diameter_px" if isinstance(detector, HasCard) else "diameter_px, polarity"
        print(f"Nothing was found: try other values of {options} with --set detector.KEY=VALUE.")

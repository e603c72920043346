"""``pursuit detect`` and ``pursuit models``: try a detector, and see which there are."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

if TYPE_CHECKING:
    from rich.console import Console

    from ..models.detectors import Detector
    from .detecting import Result


def register(app: typer.Typer) -> None:
    """Add the commands of this module to an app."""
    app.command()(detect)
    app.command()(models)


def detect(
    path: Annotated[
        Path,
        typer.Argument(metavar="IMAGE|MOVIE", help="PNG, JPEG, BMP, TIFF, or an OME-Zarr folder."),
    ],
    detector: Annotated[
        str | None, typer.Option(help="yolo, ssd, blobs or one of your own; default: yolo.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="FILE.onnx", help="Model of a learned detector; or a shipped one."),
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="detector.KEY=VALUE", help="Change one option; repeatable."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to make.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Find the objects in a picture or movie: a table and a picture with boxes.

    Example: `pursuit detect cells.tif --model nuclei.onnx --set detector.score=0.4`
    """
    from rich.console import Console
    from rich.progress import Progress

    from .detecting import detect_all, open_detector, open_pictures

    pictures = open_pictures(path)
    opened = open_detector(detector, model, sets or (), pictures.pixel_um)
    folder = out or Path(f"{path.resolve().name.partition('.')[0] or 'objects'}_detections")
    console, is_one = Console(stderr=True), pictures.count == 1
    with Progress(console=console, transient=True, disable=is_one) as progress:
        task = progress.add_task("detecting", total=pictures.count)
        result = detect_all(
            pictures, opened, folder, lambda done, total: progress.update(task, completed=done)
        )
    if as_json:
        print(json.dumps({"detector": opened.name, **msgspec.to_builtins(result, enc_hook=str)}))
    else:
        _print_result(result, opened)


def models(
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the models that come with Pursuit, and what can compute them here.

    Example: `pursuit models`
    """
    from rich.console import Console

    shelf, runtimes = shipped_models(), usable_runtimes()
    if as_json:
        print(json.dumps({"models": shelf, "runtimes": runtimes}))
        return
    console = Console()
    _print_models(console, shelf)
    _print_precision(console, shelf)
    _print_runtimes(console, runtimes)


def shipped_models() -> list[dict[str, Any]]:
    """Return what the cards of the shipped models say, with file and size.

    Raises
    ------
    ModelError
        If a card is missing or damaged.
    """
    from ..models import weights
    from ..models.card import ModelCard

    return [
        {
            **msgspec.to_builtins(ModelCard.read(path.with_suffix(".json"))),
            "name": name,
            "file": str(path),
            "megabytes": path.stat().st_size / 1e6,
        }
        for name, path in weights.shipped().items()
    ]


def usable_runtimes() -> list[dict[str, str | bool]]:
    """Return for every runtime, best first, whether it works here and why not."""
    from ..models import runtimes

    rows: list[dict[str, str | bool]] = []
    for name in runtimes.RUNTIMES:
        reason: str = import_module(f"{runtimes.__name__}.{name}").unavailable()
        rows.append({"name": name, "works": not reason, "reason": reason})
    return rows


def _print_result(result: Result, detector: Detector) -> None:
    from .detecting import how_many

    for note in result.notes:
        print(f"{detector.name}: {note}")
    kinds = ", ".join(f"{count:,} {name}" for name, count in result.classes.items())
    named = f" ({kinds})" if [*result.classes] not in ([], ["object"]) else ""
    print(
        f"{how_many(result.objects, result.frames)}{named}, "
        f"{result.ms_per_frame:.1f} ms a frame: {result.table}, {result.overlay}"
    )
    if not result.objects:
        options = "score, diameter_px" if hasattr(detector, "card") else "diameter_px, polarity"
        print(f"Nothing was found: try other values of {options} with --set detector.KEY=VALUE.")


def _print_models(console: Console, shelf: list[dict[str, Any]]) -> None:
    if not shelf:
        console.print("No models come with this installation: train one with pursuit train.\n")
        return
    table = _table("model", "architecture", "MB", "objects (px)", "classes", "licence", "made")
    for model in shelf:
        low, high = model["object_px"]
        table.add_row(
            model["name"],
            model["architecture"],
            f"{model['megabytes']:.1f}",
            f"{low:g} to {high:g}",
            ", ".join(model["classes"]),
            model["licence"],
            model["date"],
        )
    console.print(table)
    console.print()


def _print_precision(console: Console, shelf: list[dict[str, Any]]) -> None:
    table = _table("model", "data", "trained on", "judged on", "mAP50", "mAP50-95", "licence")
    for model in shelf:
        for data in model["data"]:
            scores = (data["map50"], data["map50_95"])
            table.add_row(
                model["name"],
                data["name"],
                str(data["images"]),
                str(data["held_back"]),
                *("-" if score is None else f"{score:.3f}" for score in scores),
                data["licence"],
            )
    if table.row_count:
        console.print(table)
        console.print()


def _print_runtimes(console: Console, runtimes: list[dict[str, str | bool]]) -> None:
    table = _table("runtime", "works here")
    for row in runtimes:
        table.add_row(str(row["name"]), "yes" if row["works"] else f"no: {row['reason']}")
    console.print(table)


def _table(*columns: str) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column)
    return table

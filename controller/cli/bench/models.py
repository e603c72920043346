"""``pursuit bench``: association, detection and prediction, each alone."""

from pathlib import Path
from typing import Annotated

import typer

from ..options import NO_FILES, Columns, JsonFile, read_all_tracks
from ..progress import print_note, progress


def associate(
    objects: Annotated[
        list[int] | None, typer.Option(min=1, max=5000, help="Repeatable; default: 10 to 1000.")
    ] = None,
    frames: Annotated[int, typer.Option(min=30, help="Frames of each, 20 to warm up.")] = 100,
    json_file: JsonFile = None,
) -> None:
    """Speed and faithfulness of the tracker on crowds, beside other trackers.

    Example: `pursuit bench associate --objects 100 --json associate.json`
    """
    from ...bench import associate as bench
    from ...bench import report

    with progress("tracking") as on_progress:
        sizes = objects or bench.OBJECTS
        rows = bench.run(sizes, frames, on_note=print_note, on_progress=on_progress)
    report(rows, json_file)


def detect(
    model: Annotated[
        str, typer.Option(metavar="FILE.onnx", help="ONNX file, or a shipped model.")
    ] = "yolo",
    size: Annotated[int, typer.Option(min=128, help="Edge of a frame, in px.")] = 512,
    frames: Annotated[int, typer.Option(min=1, help="Timed frames of each.")] = 200,
    json_file: JsonFile = None,
) -> None:
    """Speed of the learned detector and the locked loop, beside ultralytics.

    Example: `pursuit bench detect --json detect.json`
    """
    from ...bench import detect as bench
    from ...bench import report

    with progress("detecting") as on_progress:
        rows = bench.run(model, size, frames, print_note, on_progress)
    report(rows, json_file)


def predict(
    tracks: Annotated[
        list[Path],
        typer.Argument(metavar="[TRACKS.csv...]", help="Tracks to judge on too."),
    ] = NO_FILES,
    predictor: Annotated[
        list[str] | None,
        typer.Option(help="Name, or ONNX file of a trained one; repeatable; default: all."),
    ] = None,
    columns: Columns = "",
    unit_um: Annotated[
        float, typer.Option(min=1e-9, help="Unit of the positions in the files, in µm.")
    ] = 1.0,
    json_file: JsonFile = None,
) -> None:
    """Error of predictors against the horizon, on unseen motions and on real tracks.

    vs_cv is the error over that of constant velocity with identified noise; best_vs_cv what it is
    for a predictor that knows the law of the simulated motion and all its numbers.

    Example: `pursuit bench predict tracks.csv --unit-um 0.65 --json predict.json`
    """
    from ...bench import predict as bench
    from ...bench import report

    files = read_all_tracks(tracks, columns)
    with progress("predicting") as on_progress:
        rows = bench.run(files, predictor or (), unit_um, on_progress)
    report(rows, json_file)

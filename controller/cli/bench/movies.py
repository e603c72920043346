"""``pursuit bench movies``: following on recorded movies and movies made of stills."""

from pathlib import Path
from typing import Annotated

import typer

from ..options import JsonFile
from ..progress import print_note, progress


def movies(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER...",
            help="Each with a movie beside tracks.csv or a TrackMate file, with sequences of the "
            "Cell Tracking Challenge, or with annotated stills, of which movies are made.",
        ),
    ],
    detector: Annotated[
        list[str] | None, typer.Option(help="Repeatable; default: auto, blobs.")
    ] = None,
    policy: Annotated[
        list[str] | None, typer.Option(help="Repeatable; default: reactive, predictive.")
    ] = None,
    size: Annotated[
        str,
        typer.Option(
            metavar="found|told|both",
            help="Whether the detector is told the size of what is followed, where it is known.",
        ),
    ] = "found",
    field: Annotated[
        float, typer.Option(min=0.01, max=1, help="Side of the field over that of the movie.")
    ] = 0.25,
    targets: Annotated[
        int | None, typer.Option(min=1, help="Of each movie, at most; default: all.")
    ] = None,
    point: Annotated[
        str,
        typer.Option(
            metavar="middle|anywhere",
            help="Where on its body each object is pointed at; anywhere: only of annotated stills.",
        ),
    ] = "middle",
    pictures: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="To make, for a picture of each failure.")
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """How many objects of recorded movies are still followed at the end, and why not.

    Each annotated object is pointed at once, in its first frame; its movie lies under the
    simulated camera.

    Example: `pursuit bench movies my_movie --detector blobs --pictures failures`
    """
    from ...bench import movies as bench
    from ...bench import report
    from ...configuration import check_models, check_new_folder

    if size not in (*bench.SIZES, "both"):
        raise typer.BadParameter(f"--size is one of {', '.join(bench.SIZES)}, both")
    if point not in bench.POINTS:
        raise typer.BadParameter(f"--point is one of {', '.join(bench.POINTS)}")
    if pictures is not None:
        check_new_folder(pictures, "--pictures")
    for table, names in (("detector", detector), ("policy", policy)):
        for name in names or ():
            check_models({table: name})
    sizes = bench.SIZES if size == "both" else (size,)
    models = detector or bench.DETECTORS, policy or bench.POLICIES, sizes
    with progress("following") as on_progress:
        more = field, targets, pictures, point, on_progress, print_note
        rows = bench.run(folders, *models, *more)
    report(rows, json_file)

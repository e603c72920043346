"""``pursuit bench track``: linking in recorded movies and movies made of stills."""

from pathlib import Path
from typing import Annotated

import typer

from ..offline import given_tables, linker_of
from ..options import DetectorName, JsonFile, ModelFile, Sets
from ..progress import print_note, progress


def track(
    movies: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER...",
            help="As of `pursuit bench movies`; or a movie, to count impossible steps only.",
        ),
    ],
    detector: DetectorName = None,
    model: ModelFile = None,
    diameter_px: Annotated[
        float | None, typer.Option(min=1, max=4096, help="Size of the objects.")
    ] = None,
    sets: Sets = None,
    trackastra: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Model of trackastra, to compare that too."),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """How well `pursuit track` links, beside trackpy and laptrack on the same detections.

    Peers have the setting that was best on other movies; "best" are they with the best of many
    settings for each movie, as only the truth can tell it.

    Example: `pursuit bench track my_movie my_stills --json track.json`
    """
    from ...assembly import detector_table
    from ...bench import report
    from ...bench import track as bench

    tables = given_tables(detector_table(detector, model), diameter_px, None, sets or [])
    others = {} if trackastra is None else {"trackastra": linker_of("trackastra", trackastra)}
    with progress("linking") as on_progress:
        rows = bench.run(movies, tables, on_progress, print_note, others)
    report(rows, json_file)

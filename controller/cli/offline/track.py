"""``pursuit track``: detector and tracker over a movie, without a stage."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

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
    read_all_tracks,
)
from ..progress import progress
from .linkers import OWN_LINKER, LinkerModel, LinkerName, linker_of

_TABLES = {"detector", "tracking", "predictor"}
"""Tables of a configuration that matter without a microscope."""
_FEWEST_FRAMES = 2
"""Of a movie: what is in one frame only is no track."""
_PICTURE = ".png"
"""Suffix of the picture beside the table."""


def track(
    path: Annotated[
        Path, typer.Argument(metavar="MOVIE", help="TIFF file, video, or OME-Zarr folder.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Table to write; a picture goes beside it.")
    ] = None,
    detector: DetectorName = None,
    model: ModelFile = None,
    diameter_px: Annotated[
        float | None, typer.Option(min=1, max=4096, help="Size of the objects.")
    ] = None,
    predictor: Annotated[str | None, typer.Option(help="Name of the predictor.")] = None,
    linker: LinkerName = OWN_LINKER,
    linker_model: LinkerModel = None,
    pixel_um: PixelUm = None,
    interval_s: Annotated[
        float | None, typer.Option(min=1e-9, help="Time between frames; default: likewise.")
    ] = None,
    position: Position = None,
    channel: Channel = None,
    plane: Plane = None,
    sets: Sets = None,
    truth: Annotated[
        Path | None,
        typer.Option(metavar="TRACKS.csv", help="True tracks of some or all objects, in px."),
    ] = None,
    columns: Annotated[
        str,
        typer.Option(
            metavar="KEY=NAME,...", help="What track, t, x and y are called in that file."
        ),
    ] = "",
    tolerance_px: Annotated[
        float | None,
        typer.Option(min=1e-3, help="Greatest error of a right position; default: half a size."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find the tracks of all objects in a movie: a table and a picture of their paths.

    Example: `pursuit track cells.tif --detector blobs --diameter-px 12 --out tracks.csv`
    """
    from ....models.datasets import check_tracks
    from ....models.errors import ModelError
    from ....models.images import Choice, open_recording
    from ...assembly import detector_table
    from ...configuration import named_after, written_whole
    from ...offline import draw_tracks, open_models, score_movie, track_movie, write_tracks

    table = out or Path(f"{named_after(path)}_tracks.csv")
    picture = table.with_suffix(_PICTURE)
    _check_output(table, path, truth)
    known = read_all_tracks([truth], columns)[0] if truth else None
    tables = given_tables(detector_table(detector, model), diameter_px, predictor, sets or [])
    make_linker = linker_of(linker, linker_model)
    movie = open_recording(path, pixel_um, interval_s, choice=Choice(position, channel, plane))
    if len(movie) < _FEWEST_FRAMES:
        why = "".join(f" ({note})" for note in movie.notes)
        raise ModelError(
            f"there is only one frame in {path}, and no motion to track{why}: give a movie, or "
            "find the objects in a picture with pursuit detect"
        )
    if known is not None:
        check_tracks(known, movie)
    used, links = open_models(movie, tables, make_linker)
    _check_hits(tables, len(movie))
    with progress("tracking", len(movie)) as on_progress:
        tracked = track_movie(movie, used, links, on_progress)
    points = tracked.points_px(movie.pixel_um)
    count = len(set(points.ids.tolist()))
    title = f"{path.name}   ·   {count:,} tracks in {len(movie):,} frames   ·   {used.name}"
    with written_whole(table, picture) as (rows, drawn):
        write_tracks(rows, tracked, movie.interval_s)
        draw_tracks(drawn, tracked.image, points, title)
    result: dict[str, Any] = {
        "detector": used.name,
        "linker": linker,
        "tracks": count,
        "positions": len(points),
        "frames": len(movie),
        "detector_ms": tracked.detector_ms,
        "tracker_ms": tracked.tracker_ms,
        "pixel_um": movie.pixel_um,
        "interval_s": movie.interval_s,
        "assumed": [*movie.assumed],
        "notes": [*movie.notes, *tracked.notes],
        "table": str(table),
        "picture": str(picture),
    }
    if known is not None:
        scores, within_px = score_movie(tracked, known, movie.pixel_um, tolerance_px)
        result["scores"] = asdict(scores) | {"tolerance_px": within_px}
    if as_json:
        print(json.dumps(result))
    else:
        _print(result, [*movie.notes, *(f"{used.name}: {note}" for note in tracked.notes)])


def given_tables(
    detector: dict[str, Any], diameter_px: float | None, predictor: str | None, sets: list[str]
) -> dict[str, Any]:
    """Return the tables of a configuration that the command line asks for."""
    from ...configuration import ConfigError, assignment, merge

    given = [assignment(text) for text in sets]
    for text, tables in zip(sets, given, strict=True):
        if not set(tables) <= _TABLES:
            raise ConfigError(f"--set {text} is not about detector, tracking or predictor.")
    size = {} if diameter_px is None else {"diameter_px": diameter_px}
    named = {} if predictor is None else {"name": predictor}
    line = {"detector": detector | size, "predictor": named}
    return merge(line, *given)


def _check_hits(tables: dict[str, Any], frames: int) -> None:
    """Refuse to ask for more measurements of a track than there are frames."""
    from ...configuration import ConfigError

    least = tables.get("tracking", {}).get("confirm_hits", 0)
    if least > frames:
        raise ConfigError(
            f"No track can have tracking.confirm_hits = {least} measurements in {frames} frames: "
            "ask for fewer."
        )


def _check_output(table: Path, *inputs: Path | None) -> None:
    """Refuse to write over anything, or a picture over the table."""
    from ...configuration import check_new_file

    if table.suffix.lower() == _PICTURE:
        raise FileExistsError(f"{table} is for the picture: name the table, such as tracks.csv.")
    for path in filter(None, inputs):
        if table.exists() and path.exists() and table.samefile(path):
            raise FileExistsError(f"{table} is an input: choose another file with --out.")
    for output in (table, table.with_suffix(_PICTURE)):
        check_new_file(output)


def _print(result: dict[str, Any], notes: list[str]) -> None:
    print(*notes, sep="\n", end="\n" * bool(notes))
    print(
        f"{result['tracks']:,} tracks of {result['positions']:,} positions in "
        f"{result['frames']:,} frames, {result['detector_ms']:.1f} ms a frame to detect and "
        f"{result['tracker_ms']:.1f} ms to track: {result['table']}, {result['picture']}"
    )
    length = "px" if "pixel_um" in result["assumed"] else "µm"
    instant = "frames" if "interval_s" in result["assumed"] else "s"
    print(f"x, y and size are in {length}, t is in {instant}.")
    if scores := result.get("scores"):
        print(
            f"Of the annotated positions {scores['recall']:.1%} were found within "
            f"{scores['tolerance_px']:.3g} px, {scores['idr']:.1%} under one name for each object. "
            f"IDF1 {scores['idf1']:.3f}, HOTA {scores['hota']:.3f}, its association "
            f"{scores['assa']:.3f}; what is not annotated does not count."
        )
    if not result["tracks"]:
        print("No tracks were found: try another --diameter-px, or detector.score with --set.")

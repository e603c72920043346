"""``pursuit train predictor`` and ``pursuit bench predict``: foresight learned and judged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..models.predictors.tracks import Tracks

_Columns = Annotated[
    str,
    typer.Option(
        metavar="KEY=NAME,...",
        help="What the columns track, t, x, y and z are called in the files.",
    ),
]
_NO_FILES: list[Path] = []


def register(train: typer.Typer, bench: typer.Typer) -> None:
    """Add the commands of this module to those that train and those that measure."""
    train.command()(predictor)
    bench.command()(predict)


def predictor(
    tracks: Annotated[
        list[Path],
        typer.Argument(metavar="[TRACKS.csv...]", help="Tracks to learn from too."),
    ] = _NO_FILES,
    out: Annotated[Path, typer.Option(help="ONNX file to write; its card goes beside it.")] = Path(
        "predictor.onnx"
    ),
    arch: Annotated[str, typer.Option(help="lstm, gru or tcn.")] = "lstm",
    columns: _Columns = "",
    simulated: Annotated[int, typer.Option(min=0, help="Simulated tracks to draw.")] = 48_000,
    hidden: Annotated[int, typer.Option(min=4, max=512, help="Size of the memory.")] = 64,
    steps: Annotated[int, typer.Option(min=1, help="Steps of training.")] = 10_000,
    batch: Annotated[int, typer.Option(min=2, help="Tracks in a step.")] = 128,
    held_back: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of the tracks to judge on.")
    ] = 0.1,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
) -> None:
    """Train a predictor of motion on simulated tracks and tracks of your own.

    Example: `pursuit train predictor tracks.csv --columns track=TRACK_ID,t=FRAME --out mine.onnx`
    """
    from rich.console import Console

    from .training_cli import needing_training, training_progress

    with needing_training():
        from ..models.training.motions import given_motions
        from ..models.training.predictor import PredictorRecipe, train_predictor
    from .simulated_tracks import FRAMES, NOT_TRAINED_ON, simulated_motions

    console = Console(stderr=True)
    sources = [given_motions(one) for one in read_all(tracks, columns)]
    if simulated:
        with console.status("drawing motions"):
            sources.append(simulated_motions(simulated, FRAMES, seed))
    if not sources:
        text = "give files of tracks, or --simulated"
        raise typer.BadParameter(text, param_hint="TRACKS.csv")
    for source in sources:
        console.print(f"{source.name}: {len(source)} tracks")
    recipe = PredictorRecipe(arch, hidden, steps, batch, held_back=held_back, seed=seed)
    with training_progress(console) as on_step:
        card = train_predictor(sources, recipe, out, on_step, NOT_TRAINED_ON)
    for note in card.data:
        if note.error is not None and note.coverage95 is not None:
            print(
                f"{note.name}: error {note.error:.3f} of that of staying, coverage of the 95 % "
                f"ellipse {note.coverage95:.3f} on {note.held_back} tracks held back"
            )
    print(f"{out} written, with its card. Judge it: pursuit bench predict --predictor {out}")


def predict(
    tracks: Annotated[
        list[Path],
        typer.Argument(metavar="[TRACKS.csv...]", help="Tracks to judge on too."),
    ] = _NO_FILES,
    predictor: Annotated[
        list[str] | None,
        typer.Option(help="Name, or ONNX file of a trained one; repeatable; default: all."),
    ] = None,
    columns: _Columns = "",
    unit_um: Annotated[
        float, typer.Option(min=1e-9, help="Unit of the positions in the files, in µm.")
    ] = 1.0,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the rows to this file too.")
    ] = None,
) -> None:
    """Error of predictors against the horizon, on unseen motions and on real tracks.

    vs_cv is the error over that of constant velocity with identified noise; best_vs_cv what it is
    for a predictor that knows the law of the simulated motion and all its numbers.

    Example: `pursuit bench predict tracks.csv --unit-um 0.65 --json predict.json`
    """
    from rich.console import Console
    from rich.progress import Progress

    from .bench import predict as bench
    from .bench.report import report

    files = read_all(tracks, columns)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("predicting", total=None)
        rows = bench.run(
            files,
            predictor or (),
            unit_um,
            lambda done, total: progress.update(task, completed=done, total=total),
        )
    report(rows, json_file)


def read_all(paths: list[Path], columns: str) -> list[Tracks]:
    """Read files of tracks; ``columns`` is ``KEY=NAME``, separated by commas.

    Raises
    ------
    ModelError
        If a file or ``columns`` cannot be used.
    """
    from ..models.errors import ModelError
    from ..models.predictors.tracks import read_tracks

    names: dict[str, str] = {}
    for pair in filter(None, columns.split(",")):
        key, equals, name = pair.partition("=")
        if not equals or not name:
            raise ModelError(f"--columns takes KEY=NAME, separated by commas, not {pair!r}")
        names[key.strip()] = name.strip()
    return [read_tracks(path, names) for path in paths]

"""``pursuit train predictor``: a predictor of motion from tracks."""

from pathlib import Path
from typing import Annotated

import typer

from ..options import NO_FILES, Columns, ModelOut, read_all_tracks
from ..progress import needing_training, plain_console, training_progress


def predictor(
    tracks: Annotated[
        list[Path],
        typer.Argument(metavar="[TRACKS.csv...]", help="Tracks to learn from too."),
    ] = NO_FILES,
    out: ModelOut = Path("predictor.onnx"),
    arch: Annotated[str, typer.Option(help="lstm, gru or tcn.")] = "lstm",
    columns: Columns = "",
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
    from ....models.datasets import to_training_tracks
    from ...datasets import FRAMES, NOT_TRAINED_ON, simulate_tracks

    sources = [to_training_tracks(one) for one in read_all_tracks(tracks, columns)]
    with needing_training():
        from ....models.training.predictor import PredictorRecipe, train_predictor

    console = plain_console(stderr=True)
    if simulated:
        with console.status("drawing motions"):
            sources.append(simulate_tracks(simulated, FRAMES, seed))
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

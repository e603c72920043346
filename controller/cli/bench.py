"""``pursuit bench``: each yardstick is one command."""

from pathlib import Path
from typing import Annotated

import typer

from .bench_movies import movies
from .bench_track import track
from .options import NO_FILES, Columns, JsonFile, read_all_tracks
from .progress import print_note, progress

app = typer.Typer(
    no_args_is_help=True,
    help="Measure following, calibration, detection, tracking, prediction, latency, transport.",
)

app.command()(movies)
app.command()(track)


@app.command()
def follow(
    scenario: Annotated[list[str] | None, typer.Option(help="Repeatable; default: all.")] = None,
    policy: Annotated[list[str] | None, typer.Option(help="Repeatable; default: all.")] = None,
    detector: Annotated[str, typer.Option(help="Name of the detector.")] = "blobs",
    predictor: Annotated[str, typer.Option(help="Name of the predictor.")] = "auto",
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Runs of each; default: 30, or 4 in a sweep.")
    ] = None,
    stand: Annotated[
        str,
        typer.Option(
            help="What the controller knows of the stage: what it is told, which is true; what "
            "`pursuit calibrate` has found of it; or the default.",
            metavar="told|found|default",
        ),
    ] = "told",
    sweep_speed: Annotated[
        bool, typer.Option("--sweep-speed", help="Find the fastest target that is held instead.")
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Centring error over the best possible, for every scenario and policy.

    Example: `pursuit bench follow --scenario swimmer --seeds 10 --stand found`
    """
    from ..bench import follow as bench
    from ..bench import report

    if stand not in bench.STANDS:
        raise typer.BadParameter(f"--stand is one of {', '.join(bench.STANDS)}")
    if sweep_speed and stand != "told":
        raise typer.BadParameter("--sweep-speed knows the stand: leave --stand out")
    with progress("following") as on_progress:
        if sweep_speed:
            every = bench.OURS + bench.PEERS
            rows = bench.sweep_speed(policy or every, seeds=seeds or 4, on_progress=on_progress)
        else:
            models = policy or bench.POLICIES, detector, predictor
            rows = bench.run(scenario or (), *models, seeds or 30, stand, on_progress, print_note)
    report(rows, json_file)


@app.command()
def calibrate(
    stands: Annotated[int, typer.Option(min=1, help="Random simulated stands.")] = 40,
    seed: Annotated[int, typer.Option(min=0, help="Of the first; others follow.")] = 1000,
    json_file: JsonFile = None,
) -> None:
    """Errors, refusals and wrong answers of calibrations, beside camera-stage-mapping.

    Errors are over what is tolerable: 0.5 % of the affine, 2 ms, 10 % or 0.1 µm of backlash, a
    quarter of the astigmatism, a fifth of the depth of field.

    Example: `pursuit bench calibrate --stands 10`
    """
    from ..bench import calibrate as bench
    from ..bench import report
    from .progress import progress

    with progress("calibrating") as on_progress:
        results, drives = bench.run(stands, seed, on_progress)
    report([bench.stand_row(each) for each in results], None)
    report([bench.focus_row(each) for each in drives], None)
    report(bench.summarise(results, drives), json_file)


@app.command()
def empty(
    field: Annotated[
        list[str] | None,
        typer.Option(
            help="empty, noise, waves, dust, hot pixels, weak 2, weak 3, weak 5, dusty; "
            "repeatable; default: all."
        ),
    ] = None,
    detector: Annotated[
        list[str] | None, typer.Option(help="Repeatable; default: yolo, ssd, blobs.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each.")] = 20,
    json_file: JsonFile = None,
) -> None:
    """What is followed where nothing is there, and how soon weak targets are found.

    Example: `pursuit bench empty --field dust --detector blobs --seeds 5`
    """
    from ..bench import empty as bench
    from ..bench import report

    unknown = set(field or ()) - set(bench.KINDS)
    if unknown:
        raise typer.BadParameter(f"fields are {', '.join(bench.KINDS)}")
    with progress("looking") as on_progress:
        rows = bench.run(field or (), detector or (), seeds, on_progress)
    report(rows, json_file)


@app.command()
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
    from ..bench import associate as bench
    from ..bench import report

    with progress("tracking") as on_progress:
        sizes = objects or bench.OBJECTS
        rows = bench.run(sizes, frames, on_note=print_note, on_progress=on_progress)
    report(rows, json_file)


@app.command()
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
    from ..bench import detect as bench
    from ..bench import report

    with progress("detecting") as on_progress:
        rows = bench.run(model, size, frames, print_note, on_progress)
    report(rows, json_file)


@app.command()
def loop(
    seconds: Annotated[float, typer.Option(help="How long to measure.")] = 10.0,
    json_file: JsonFile = None,
) -> None:
    """Time from a readable frame to its move, in real processes, without the detector.

    Example: `pursuit bench loop --json loop.json`
    """
    from ..bench import report, system

    report(system.time_loop(seconds), json_file)


@app.command()
def sim(json_file: JsonFile = None) -> None:
    """Time to render a frame of a hundred objects, beside pymmcore-plus' own simulator.

    Example: `pursuit bench sim`
    """
    from ..bench import report, system

    report(system.time_simulator(), json_file)


@app.command()
def transport(json_file: JsonFile = None) -> None:
    """Speed of frames through shared memory, the wire and onto the disk.

    Example: `pursuit bench transport`
    """
    from ..bench import report, system

    report(system.time_transport(), json_file)


@app.command()
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
    from ..bench import predict as bench
    from ..bench import report

    files = read_all_tracks(tracks, columns)
    with progress("predicting") as on_progress:
        rows = bench.run(files, predictor or (), unit_um, on_progress)
    report(rows, json_file)

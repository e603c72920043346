"""``pursuit bench``: each yardstick is one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True, help="Measure following, detectors, latency, simulator, transport."
)

JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the rows to this file too.")]


@app.command()
def follow(
    scenario: Annotated[list[str] | None, typer.Option(help="Repeatable; default: all.")] = None,
    policy: Annotated[list[str] | None, typer.Option(help="Repeatable; default: all.")] = None,
    detector: Annotated[str, typer.Option(help="Name of the detector.")] = "blobs",
    predictor: Annotated[str, typer.Option(help="Name of the predictor.")] = "auto",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each.")] = 30,
    json_file: JsonFile = None,
) -> None:
    """Centring error over the best possible, for every scenario and policy.

    Example: `pursuit bench follow --scenario swimmer --seeds 10`
    """
    from rich.console import Console
    from rich.progress import Progress

    from . import follow as bench
    from .report import report

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("following", total=None)
        rows = bench.run(
            scenario or (),
            policy or bench.POLICIES,
            detector,
            predictor,
            seeds,
            lambda done, total: progress.update(task, completed=done, total=total),
        )
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
    from rich.console import Console
    from rich.progress import Progress

    from . import detect as bench
    from .report import report

    console = Console(stderr=True)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("detecting", total=None)
        rows = bench.run(
            model,
            size,
            frames,
            lambda note: console.print(note, markup=False, soft_wrap=True),
            lambda done, total: progress.update(task, completed=done, total=total),
        )
    report(rows, json_file)


@app.command()
def loop(
    seconds: Annotated[float, typer.Option(help="How long to measure.")] = 10.0,
    json_file: JsonFile = None,
) -> None:
    """Time from a readable frame to its move, in real processes, without the detector.

    Example: `pursuit bench loop --json loop.json`
    """
    from . import loop as bench
    from .report import report

    report(bench.run(seconds), json_file)


@app.command()
def sim(json_file: JsonFile = None) -> None:
    """Time to render a frame of a hundred objects, beside pymmcore-plus' own simulator.

    Example: `pursuit bench sim`
    """
    from . import sim as bench
    from .report import report

    report(bench.run(), json_file)


@app.command()
def transport(json_file: JsonFile = None) -> None:
    """Speed of frames through shared memory, the wire and onto the disk.

    Example: `pursuit bench transport`
    """
    from . import transport as bench
    from .report import report

    report(bench.run(), json_file)

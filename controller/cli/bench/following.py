"""``pursuit bench``: following, calibration and empty fields, simulated."""

from typing import Annotated

import typer

from ..options import JsonFile
from ..progress import print_note, progress


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
    realtime: Annotated[
        bool,
        typer.Option("--realtime", help="Real processes instead, with cameras of other sizes."),
    ] = False,
    size: Annotated[
        list[int] | None,
        typer.Option(
            min=64, max=8192, help="Edge of the field in pixels, in real time; repeatable."
        ),
    ] = None,
    bits: Annotated[
        int | None, typer.Option(min=8, max=16, help="Of a grey value, in real time.")
    ] = None,
    frame_rate: Annotated[
        float | None, typer.Option(min=0.1, max=2000, help="Frames per second, in real time.")
    ] = None,
    keep: Annotated[
        str, typer.Option(metavar="all|target", help="What is recorded, in real time.")
    ] = "all",
    seconds: Annotated[float, typer.Option(min=3, help="How long to follow, in real time.")] = 20.0,
    json_file: JsonFile = None,
) -> None:
    """Centring error over the best possible, for every scenario and policy.

    Example: `pursuit bench follow --scenario swimmer --seeds 10 --stand found`;
    `pursuit bench follow --realtime --size 2048 --frame-rate 50 --keep target --detector yolo`
    """
    from ...assembly import DEFAULT_SCENARIO
    from ...bench import follow as bench
    from ...bench import report

    if stand not in bench.STANDS:
        raise typer.BadParameter(f"--stand is one of {', '.join(bench.STANDS)}")
    if sweep_speed and stand != "told":
        raise typer.BadParameter("--sweep-speed knows the stand: leave --stand out")
    if keep not in ("all", "target"):
        raise typer.BadParameter("--keep is all or target")
    with progress("following") as on_progress:
        if realtime:
            setups = [
                bench.Setup(name, size_px, bits, frame_rate, detector, keep)
                for name in scenario or [DEFAULT_SCENARIO]
                for size_px in size or bench.SIZES
            ]
            rows = bench.run_realtime(setups, seconds, on_progress=on_progress)
        elif sweep_speed:
            every = bench.OURS + bench.PEERS
            rows = bench.sweep_speed(policy or every, seeds=seeds or 4, on_progress=on_progress)
        else:
            models = policy or bench.POLICIES, detector, predictor
            rows = bench.run(scenario or (), *models, seeds or 30, stand, on_progress, print_note)
    report(rows, json_file)


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
    from ...bench import calibrate as bench
    from ...bench import report
    from ..progress import progress

    with progress("calibrating") as on_progress:
        results, drives = bench.run(stands, seed, on_progress)
    report([bench.stand_row(each) for each in results], None)
    report([bench.focus_row(each) for each in drives], None)
    report(bench.summarise(results, drives), json_file)


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
    from ...bench import empty as bench
    from ...bench import report

    unknown = set(field or ()) - set(bench.KINDS)
    if unknown:
        raise typer.BadParameter(f"fields are {', '.join(bench.KINDS)}")
    with progress("looking") as on_progress:
        rows = bench.run(field or (), detector or (), seeds, on_progress)
    report(rows, json_file)

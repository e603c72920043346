"""``pursuit follow``: follow a target and keep the session in a folder."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .configure import configure
from .options import (
    AsJson,
    DetectorName,
    MMConfig,
    ModelFile,
    ScenarioName,
    ScopeFile,
    Seed,
    Sets,
    Specimen,
    Start,
    address,
    fail,
    new_folder,
)
from .progress import plain_console

if TYPE_CHECKING:
    from ..assembly import Simulation
    from ..configuration import Config


def follow(
    scope: ScopeFile = None,
    scenario: ScenarioName = None,
    specimen: Specimen = None,
    mm_config: MMConfig = None,
    start: Start = None,
    seconds: Annotated[float | None, typer.Option(help="How long to follow.")] = None,
    seed: Seed = None,
    sets: Sets = None,
    detector: DetectorName = None,
    model: ModelFile = None,
    microscope: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="A microscope that runs already."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Session folder to make.")] = None,
    as_json: AsJson = False,
    realtime: Annotated[
        bool,
        typer.Option("--realtime/--lockstep", help="Real time, or virtual time (simulation only)."),
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Do everything but move: nothing is sent.")
    ] = False,
) -> None:
    """Follow a target and keep the session in a folder.

    With nothing else, a simulated cell. Every setting of a scope file, which --set can change
    too, is described in docs/configuration.md.

    Example: `pursuit follow scope.toml --seconds 60 --set detector.diameter_um=8`
    """
    from ...drivers.pixel_scale import USERS, check_scale
    from ..configuration import MODELS, check_models
    from ..session import (
        Interrupted,
        Progress,
        SessionError,
        how_it_ended,
        in_hand,
        print_summary,
        run_live,
        run_lockstep,
    )

    sets = [*(sets or ()), *(["session.dry_run=true"] if dry_run else ())]
    running = address(microscope) if microscope else None
    if running and not realtime:
        fail("A microscope that runs already is followed in real time: leave --lockstep out.")
    config, simulated = configure(
        *(scope, scenario, specimen, mm_config, start, seconds, seed, sets, detector, model),
        running=running,
        follows=True,
    )
    if simulated and not config.session.dry_run:
        _check_length(simulated)
    check_models({table: getattr(config, table)["name"] for table in MODELS})
    if simulated and not realtime and config.camera.affine and config.camera.pixel_um:
        check_scale(config.camera.affine, config.camera.pixel_um, USERS)
    folder = (out or new_folder(simulated.name if simulated else "microscope")).resolve()
    console = plain_console(stderr=as_json)
    what = simulated.scenario.title if simulated else _opened_with(config)
    if microscope:
        what = f"The microscope at {microscope}, opened with {what}"
    if config.session.dry_run:
        console.print("dry run: nothing moves", style="yellow")
    console.print(
        f"{what}\nfollowed in {'real' if realtime else 'virtual'} time: detector "
        f"{config.detector['name']}, predictor {config.predictor['name']}, policy "
        f"{config.policy['name']}"
    )
    if simulated and simulated.note:
        console.print(simulated.note, style="yellow")
    wanted = config.session.seconds
    limit = simulated.lasts_s(wanted) if simulated else wanted
    say = partial(console.print, style="dim", highlight=False, markup=False)
    problem: Interrupted | SessionError | None = None
    try:
        with Progress(console, limit) as progress:
            if realtime:
                summary = run_live(config, simulated, folder, [progress], running, tell=say)
            else:
                summary = run_lockstep(config, simulated, folder, [progress], tell=say)
    except (Interrupted, SessionError) as ended:
        summary, problem = ended.summary, ended
    if not summary:
        fail(str(problem))
    summary["session"] = str(folder)
    if as_json:
        print(json.dumps(summary))
    else:
        print_summary(console, summary)
    told = how_it_ended(summary)
    if config.session.dry_run:
        told += " It was a dry run: nothing moved."
    if isinstance(problem, Interrupted):
        told = f"{problem} {told}"
    if isinstance(problem, SessionError):
        fail(str(problem))
    if not in_hand(summary) or (problem and limit):
        fail(told)
    console.print(told, soft_wrap=True)


def _opened_with(config: Config) -> str:
    """What a microscope was opened with that is not simulated by this process."""
    from ..assembly import DEFAULT_SCENARIO

    source = config.microscope
    scenario = f"the scenario {source.scenario or DEFAULT_SCENARIO}"
    return source.mm_config or source.specimen or scenario


def _check_length(simulated: Simulation) -> None:
    """Refuse a movie that ends before anything can be followed in it."""
    from ..response import FEWEST_FRAMES

    movie = simulated.movie
    if movie is not None and movie.count < FEWEST_FRAMES:
        frames = "1 frame" if movie.count == 1 else f"{movie.count} frames"
        fail(
            f"{simulated.scenario.title} has {frames}, too few to follow anything: give one of at "
            f"least {FEWEST_FRAMES}, as the first of them show whether the picture answers to the "
            "stage."
        )

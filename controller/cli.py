"""The ``pursuit`` command."""

from __future__ import annotations

import json
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from . import defocus_cli, follow_cli, model_cli, predictor_cli, track_cli, training_cli
from .bench.cli import app as bench_app
from .options import (
    MMConfig,
    ScenarioName,
    ScopeFile,
    Seed,
    Sets,
    Specimen,
    Start,
    Supervised,
    address,
    configure,
    fail,
)


class _Commands(TyperGroup):
    """Commands whose errors are one sentence if a user can cause them, instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            from ..drivers.microscope import MicroscopeError
            from ..models.errors import ModelError
            from ..sim.movie import MovieError
            from .config import ConfigError, as_sentence
            from .processes import ProcessError

            try:
                return super().invoke(ctx)
            except ModelError as error:
                fail(as_sentence(error))
            except (
                ConfigError,
                MicroscopeError,
                MovieError,
                ProcessError,
                FileExistsError,
            ) as error:
                fail(str(error))
            except PermissionError as error:
                fail(f"{error.filename} may not be written: choose another folder with --out.")
        except KeyboardInterrupt:
            fail("Stopped by the user.")


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Makes a microscope follow living things.",
)

app.add_typer(bench_app, name="bench")
training_cli.register(app)
model_cli.register(app)
track_cli.register(app)
follow_cli.register(app)
defocus_cli.register(training_cli.train_app)
predictor_cli.register(training_cli.train_app, bench_app)


@app.command()
def microscope(
    scope: ScopeFile = None,
    scenario: ScenarioName = None,
    specimen: Specimen = None,
    mm_config: MMConfig = None,
    start: Start = None,
    seed: Seed = None,
    sets: Sets = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port for commands; the next two are used too. 0: any.")
    ] = 5710,
    supervised: Supervised = False,
) -> None:
    """Own a microscope and serve it to other processes until Ctrl-C.

    Example: `pursuit microscope --mm-config MMConfig_demo.cfg`
    """
    from ..drivers.server import MicroscopeServer
    from .processes import say, share_quickly, when_parent_ends
    from .stand import open_microscope

    share_quickly()

    config, simulated = configure(scope, scenario, specimen, mm_config, start, None, seed, sets)
    ended = threading.Event()
    if supervised:
        when_parent_ends(ended.set)
    opened = open_microscope(config, simulated)
    try:
        server = MicroscopeServer(opened, host, 0 if supervised else port)
    except BaseException:
        opened.close()
        raise
    with server:
        if supervised:
            say({"port": server.port})
        else:
            print(f"{opened.describe().name} listens at {host}:{server.port}; Ctrl-C ends it.")
        _wait(ended)


@app.command()
def record(
    microscope: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where frames come from.")],
    decisions: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where decisions come from.")],
    out: Annotated[Path, typer.Option(help="Session folder to make.")],
    config: Annotated[Path | None, typer.Option(help="Configuration to keep with it.")] = None,
    supervised: Supervised = False,
) -> None:
    """Record what a microscope and a controller say, in a session folder.

    `pursuit follow` starts one by itself.
    Example: `pursuit record --microscope 127.0.0.1:5710 --decisions 127.0.0.1:5720 --out night1`
    """
    from .processes import say, when_parent_ends
    from .record import RecorderProcess

    text = config.read_text(encoding="utf-8") if config else ""
    recorder = RecorderProcess(address(microscope), address(decisions), out, text)
    if supervised:
        when_parent_ends(recorder.end)
        say({"ready": True})
    try:
        summary = recorder.run(lambda fault: say({"fault": fault}) if supervised else _warn(fault))
    except KeyboardInterrupt:
        recorder.end()
        raise
    if supervised:
        say({"summary": summary, "fault": recorder.fault})
    else:
        print(json.dumps(summary, indent=2))


@app.command()
def init(
    mm_config: Annotated[Path, typer.Argument(metavar="FILE.cfg", help="Micro-Manager's file.")],
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("scope.toml"),
) -> None:
    """Write a configuration file for the stand that a Micro-Manager file describes.

    Example: `pursuit init MMConfig_demo.cfg --out scope.toml`
    """
    from .init import write_scope

    about = write_scope(mm_config, out)
    focus = f", focus {about.focus}" if about.focus else ", no focus drive"
    print(
        f"{out}: camera {about.camera} ({about.width_px} × {about.height_px}, "
        f"{about.pixel_um:g} µm/px), stage {about.xy_stage}{focus}.\n"
        f"Check the limits in it, then: pursuit follow {out}"
    )


def _wait(ended: threading.Event) -> None:
    """Wait in slices, so that Ctrl-C, which ends it too, is heard on every system."""
    with suppress(KeyboardInterrupt):
        while not ended.wait(0.2):
            pass


def _warn(text: str) -> None:
    print(f"Warning: {text}", file=sys.stderr)


def _end_like_ctrl_c(signum: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command."""
    signal.signal(signal.SIGTERM, _end_like_ctrl_c)
    app()


if __name__ == "__main__":
    main()

"""``pursuit microscope``: the process that owns the hardware."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from .configure import configure
from .options import (
    DEFAULT_PORT,
    MOST_PORT,
    MMConfig,
    ScenarioName,
    ScopeFile,
    Seed,
    Sets,
    Specimen,
    Start,
    Supervised,
)

if TYPE_CHECKING:
    from ...drivers.microscope import Microscope
    from ...drivers.wire import MicroscopeServer

_WATCH_S = 0.05
"""How often it is looked whether all is well; chosen: a stage of 5 mm/s goes 0.25 mm."""
_LAST_STOP_S = 2.0
"""How long the stop of a failing process is awaited; chosen: longer than stages brake."""


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
        int,
        typer.Option(
            min=0, max=MOST_PORT, help="Port for commands; the next three are used too. 0: any."
        ),
    ] = DEFAULT_PORT,
    supervised: Supervised = False,
) -> None:
    """Own a microscope and serve it to other processes until Ctrl-C.

    Example: `pursuit microscope --mm-config MMConfig_demo.cfg`
    """
    from ...drivers.stop_button import LOOPBACK, Running, noted
    from ...drivers.wire import MicroscopeServer
    from ..assembly import open_microscope
    from ..session import reserve_stdout, switch_threads_often, tell_parent, when_parent_ends

    if supervised:
        reserve_stdout()
    switch_threads_often()

    config, simulated = configure(scope, scenario, specimen, mm_config, start, None, seed, sets)
    ended = threading.Event()
    if supervised:
        when_parent_ends(ended.set)
    opened = open_microscope(config, simulated)
    try:
        server = MicroscopeServer(opened, host, 0 if supervised else port, settings=config.toml())
    except BaseException:
        opened.close()
        raise
    name = opened.describe().name
    local = LOOPBACK if host == "0.0.0.0" else host
    with server, noted(Running(name, local, server.port)):
        if supervised:
            tell_parent({"port": server.port})
        else:
            print(
                f"{name} listens at {host}:{server.port}; Ctrl-C ends it, `pursuit stop` stops "
                "its stage.",
                flush=True,
            )
        _watch(server, opened, ended)


def _watch(server: MicroscopeServer, opened: Microscope, ended: threading.Event) -> None:
    """Wait until Ctrl-C or the parent ends it; stop and end at once if a thread fails.

    In slices, so that Ctrl-C is heard on every system.
    """
    with suppress(KeyboardInterrupt):
        while not ended.wait(_WATCH_S):
            if problem := server.problem:
                _give_up(opened, problem)


def _give_up(opened: Microscope, problem: str) -> NoReturn:
    """Halt what can be halted, say why, and end, though threads or adapters hang."""
    stopping = threading.Thread(target=opened.stop, args=(problem,), daemon=True)
    stopping.start()
    stopping.join(timeout=_LAST_STOP_S)
    print(f"Error: {problem} The stage was told to stop: look at it.", file=sys.stderr, flush=True)
    os._exit(1)

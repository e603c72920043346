"""``pursuit microscope``: the process that owns the hardware."""

import threading
from contextlib import suppress
from typing import Annotated

import typer

from .options import (
    MMConfig,
    ScenarioName,
    ScopeFile,
    Seed,
    Sets,
    Specimen,
    Start,
    Supervised,
    configure,
)


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
    from ...drivers.wire import MicroscopeServer
    from ..assembly import open_microscope
    from ..session import switch_threads_often, tell_parent, when_parent_ends

    switch_threads_often()

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
            tell_parent({"port": server.port})
        else:
            print(f"{opened.describe().name} listens at {host}:{server.port}; Ctrl-C ends it.")
        _wait(ended)


def _wait(ended: threading.Event) -> None:
    """Wait in slices, so that Ctrl-C, which ends it too, is heard on every system."""
    with suppress(KeyboardInterrupt):
        while not ended.wait(0.2):
            pass

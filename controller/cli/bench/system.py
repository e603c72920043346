"""``pursuit bench``: the loop, the simulator and the transport, and what they take."""

from typing import Annotated

import typer

from ..options import JsonFile


def loop(
    seconds: Annotated[float, typer.Option(help="How long to measure.")] = 10.0,
    json_file: JsonFile = None,
) -> None:
    """Time from a readable frame to its move, in real processes, without the detector.

    Example: `pursuit bench loop --json loop.json`
    """
    from ...bench import report, system

    report(system.time_loop(seconds), json_file)


def sim(json_file: JsonFile = None) -> None:
    """Time to render a frame of a hundred objects, beside pymmcore-plus' own simulator.

    Example: `pursuit bench sim`
    """
    from ...bench import report, system

    report(system.time_simulator(), json_file)


def transport(json_file: JsonFile = None) -> None:
    """Speed of frames through shared memory, the wire and onto the disk.

    Example: `pursuit bench transport`
    """
    from ...bench import report, system

    report(system.time_transport(), json_file)

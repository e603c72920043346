"""From the command line and a scope file to a configuration."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..assembly import Simulation
    from ..configuration import Config


def configure(
    scope: Path | None,
    scenario: str | None,
    specimen: Path | None,
    mm_config: Path | None,
    start: str | None,
    seconds: float | None,
    seed: int | None,
    sets: list[str] | None,
    detector: str | None = None,
    model: str | None = None,
    running: tuple[str, int] | None = None,
    follows: bool = False,
) -> tuple[Config, Simulation | None]:
    """Lay the command line over the file, and the file over what the scenario suggests.

    If a microscope is ``running`` already at some host and port, its own configuration takes the
    place of the scenario, and the simulation, if it is one, is out of reach. Code of the user's
    own is run only by who ``follows``.
    """
    from ...drivers.wire import settings_of
    from ...models import plugins
    from ..assembly import complete, complete_for_remote, detector_table
    from ..configuration import ConfigError, assignment, merge, read_tables

    source = {
        "scenario": scenario,
        "specimen": str(specimen) if specimen else None,
        "mm_config": str(mm_config) if mm_config else None,
    }
    chosen: dict[str, Any] = {key: value for key, value in source.items() if value is not None}
    tables = read_tables(scope) if scope else {}
    if chosen:
        others = {*source, "start_px", "position", "channel", "plane"}
        kept = {k: v for k, v in tables.get("microscope", {}).items() if k not in others}
        tables = {**tables, "microscope": kept}
    if start is not None:
        try:
            x, y = (float(v) for v in start.split(","))
        except ValueError:
            raise ConfigError(f"--start {start} is not of the form X,Y.") from None
        if not (isfinite(x) and isfinite(y)):
            raise ConfigError(f"--start {start} is no place: give two numbers, X,Y.")
        chosen["start_px"] = (x, y)
    given = {"seconds": seconds, "seed": seed}
    session = {key: value for key, value in given.items() if value is not None}
    line = {
        "microscope": chosen,
        "session": session,
        "detector": detector_table(detector, model),
    }
    if scope is not None:
        plugins.look_in(scope.resolve().parent)
    tables = merge(tables, line, *(assignment(text) for text in sets or ()))
    if follows:
        _announce(tables)
    else:
        tables = _without_plugins(tables)
    if running is not None:
        host, port = running
        settings = settings_of(host, port)
        return complete_for_remote(tables, settings, f"{host}:{port}"), None
    made = complete(tables)
    _check_start(*made)
    return made


def _announce(tables: Mapping[str, Any]) -> None:
    """Say which code is about to be run that is somebody's own, and in which file it is."""
    from ...models import plugins
    from ..configuration import MODELS

    for table, key in (*((table, "name") for table in MODELS), ("detector", "function")):
        name = tables.get(table, {}).get(key)
        if plugins.is_plugin(name):
            where = plugins.file_of(name) or "which is not found"
            print(f"This runs code of yours: {name} ({where})", file=sys.stderr)


def _without_plugins(tables: dict[str, Any]) -> dict[str, Any]:
    """Leave out models that are somebody's code, for a process that does not follow."""
    from ...models import plugins
    from ..configuration import MODELS

    return {
        table: content
        for table, content in tables.items()
        if table not in MODELS or not plugins.is_plugin(content.get("name"))
    }


def _check_start(config: Config, simulated: Simulation | None) -> None:
    """Refuse a start beside the movie, or without one."""
    from ..configuration import ConfigError

    start_px, movie = config.microscope.start_px, simulated.movie if simulated else None
    if start_px is None:
        return
    if movie is None:
        raise ConfigError(
            "--start is a pixel of a movie, and none is given: name one with --specimen, or say "
            "where the target is with target.point_um."
        )
    x, y = start_px
    if not (-0.5 <= x <= movie.width_px - 0.5 and -0.5 <= y <= movie.height_px - 0.5):
        raise ConfigError(
            f"The start ({x:g}, {y:g}) px is outside the movie of {movie.width_px} × "
            f"{movie.height_px} px: point at an object in its first frame."
        )

"""``pursuit calibrate``: find out how a stand moves, and write it into its configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .configure import configure
from .options import (
    AsJson,
    MMConfig,
    ScenarioName,
    ScopeFile,
    Seed,
    Sets,
    Specimen,
    Start,
    fail,
    new_folder,
)
from .progress import plain_console, stages

if TYPE_CHECKING:
    from ..assembly import Simulation
    from ..calibration import Calibration
    from ..configuration import Config


def calibrate(
    scope: ScopeFile = None,
    scenario: ScenarioName = None,
    specimen: Specimen = None,
    mm_config: MMConfig = None,
    start: Start = None,
    seed: Seed = None,
    sets: Sets = None,
    focus: Annotated[
        bool, typer.Option("--focus/--no-focus", help="Whether the focus drive is moved, too.")
    ] = True,
    out: Annotated[Path | None, typer.Option(help="Folder to make for the picture.")] = None,
    as_json: AsJson = False,
    realtime: Annotated[
        bool,
        typer.Option("--realtime/--lockstep", help="Real time, or virtual time (simulation only)."),
    ] = True,
) -> None:
    """Find out how stage and focus drive move what the camera sees; write it into SCOPE.toml.

    Put something with texture under the microscope that lies still, and focus on it. The stage goes
    about a fifth of the field, the focus drive a few depths of field, within the limits, and both
    end where they began. What is not good enough is not written, and the reason told;
    docs/calibration.md says more.

    Example: `pursuit calibrate scope.toml`
    """
    from ..calibration import backup, draw, write
    from ..configuration import check_new_folder, written_whole

    config, simulated = configure(scope, scenario, specimen, mm_config, start, None, seed, sets)
    name = simulated.name if simulated else "microscope"
    folder = (out or new_folder(f"{name}_calibration")).resolve()
    check_new_folder(folder)
    console = plain_console(stderr=as_json)
    found, trouble = _measure(config, simulated, realtime, focus, console)
    written: list[str] = []
    with written_whole(folder / "calibration.png", folder / "calibration.json") as (picture, table):
        draw(picture, found, name)
        if scope is not None and any(each.written for each in found.findings.values()):
            kept = backup(scope)
            written = write(scope, found)
            told = f"{scope} was brought up to date; the old one is {kept.name}."
            console.print(told)
        content = _content(found, folder, written)
        table.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    if as_json:
        print(json.dumps(content))
    else:
        _show(console, found, folder)
    affine = found.findings["camera.affine"]
    if trouble or not affine.found:
        fail(trouble or affine.refusal)


def _measure(
    config: Config, simulated: Simulation | None, realtime: bool, focus: bool, console: Any
) -> tuple[Calibration, str]:
    """Open the stand and calibrate it, telling how far that is.

    What was found of the stage is kept if the focus drive fails; why is returned, too.
    """
    from ...drivers.interrupts import STOPPED, is_interrupt
    from ...drivers.microscope import MicroscopeError
    from ...drivers.wire import stoppable
    from ..calibration import NotCalibratedError, calibrate, calibrate_focus, open_stand

    microscope, clock, known_um = open_stand(config, simulated, lockstep=not realtime)
    with microscope, stoppable(microscope), stages(console, "looking") as tell:
        try:
            readout_ms = config.camera.readout_ms
            found = calibrate(microscope, clock, known_um, tell, readout_ms=readout_ms)
        except NotCalibratedError as error:
            fail(str(error))
        if not focus:
            return found, ""
        readout = found.findings["camera.readout_ms"]
        late_ms = readout.values[0] - config.camera.readout_ms if readout.found else 0.0
        try:
            focused = calibrate_focus(microscope, clock, config.focusing, tell, late_ms)
        except MicroscopeError as error:
            why = str(error)
        except (KeyboardInterrupt, SystemError) as error:
            if not is_interrupt(error):
                raise
            why = STOPPED
        else:
            return found.joined(focused), ""
        return found, f"The focus drive was not calibrated: {why}"


def _content(found: Calibration, folder: Path, written: list[str]) -> dict[str, Any]:
    return {
        "calibration": str(folder),
        "seconds": found.seconds,
        "furthest_um": found.furthest_um,
        "furthest_focus_um": found.furthest_focus_um,
        "found": {
            name: {"value": list(each.rounded()), "sigma": list(each.sigmas)}
            for name, each in found.findings.items()
            if each.found
        },
        "refused": {name: each.refusal for name, each in found.findings.items() if not each.found},
        "notes": found.notes,
        "written": written,
    }


def _show(console: Any, found: Calibration, folder: Path) -> None:
    """Print what was found, and why the rest was not."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    refused: dict[str, list[str]] = {}
    for name, finding in found.findings.items():
        values = ", ".join(f"{value:g}" for value in finding.rounded())
        errors = ", ".join(f"{sigma:.2g}" for sigma in finding.sigmas)
        if finding.found:
            table.add_row(name, values, f"± {errors}")
        else:
            refused.setdefault(finding.refusal, []).append(name)
    for refusal, names in refused.items():
        table.add_row("\n".join(names), "-", Text(refusal))
    console.print(table)
    for note in found.notes:
        console.print(note)
    console.print(f"{folder / 'calibration.png'}")

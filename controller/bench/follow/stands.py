"""What the controller believes of a simulated stand: the truth, what calibration finds, nothing."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import cv2
import msgspec
import tomli_w
from msgspec.structs import replace

from ....drivers.microscope import MicroscopeError
from ....drivers.settings import CameraSettings, FocusSettings, StageSettings
from ....sim.motion import Brownian
from ....sim.specimen import SpecimenSettings
from ....sim.stand import Scenario, load_scenario
from ...assembly import Simulation, complete
from ...calibration import NotCalibratedError, calibrate, open_stand, write
from ...configuration import read_tables, without_none
from ..report import in_parallel

STANDS = ("told", "found", "default")
"""The controller has the true numbers of the stand; those that calibration finds; the defaults."""
_BEADS, _DEPTH_UM = 100, 5.0
"""Beads in the field under calibration, and the standard deviation of their depth. Chosen: some
stay in focus while the drive drifts."""
_RADIUS_PX, _ELECTRONS = 3.0, 12_000.0
"""Radius of a bead, and its light in an exposure. Chosen: as well seen as specimens are."""


class Belief(NamedTuple):
    """What the controller is told of a stand.

    Attributes
    ----------
    tables : dict
        Of a configuration file; none if the scenario tells its own stand.
    note : str
        What calibration has found, for people; empty if there was none.
    """

    tables: dict[str, Any]
    note: str = ""


def beliefs(stand: str, scenarios: Sequence[str]) -> Iterator[tuple[str, Belief]]:
    """Yield what is believed of the stand of each scenario; calibrate on all cores."""
    if stand == "found":
        yield from in_parallel(found, scenarios)
    else:
        for name in scenarios:
            yield name, Belief(default(load_scenario(name)) if stand == "default" else {})


def default(scenario: Scenario) -> dict[str, Any]:
    """Return the tables of a user who knows exposure and interval, and nothing of the stage.

    Micro-Manager knows the size of a pixel, and its axes as they usually are.
    """
    camera, pixel_um = scenario.camera, scenario.optics.pixel_um
    about = CameraSettings(
        exposure_ms=camera.exposure_ms,
        interval_ms=camera.interval_ms if camera.timelapse else None,
        pixel_um=pixel_um,
        affine=(pixel_um, 0.0, 0.0, pixel_um),
    )
    tables = {"camera": about, "stage": StageSettings(), "focus": FocusSettings()}
    return msgspec.to_builtins(tables)


def found(name: str) -> Belief:
    """Have the file of that user brought up to date by a calibration of the stand of a scenario.

    It is the command's own, in virtual time, with `with_beads` under the microscope.
    """
    cv2.setNumThreads(1)
    told = default(load_scenario(name))
    config, simulated = complete({"microscope": {"scenario": name}, **told})
    assert simulated is not None
    beads = Simulation(name, with_beads(simulated.scenario))
    microscope, clock, known_um = open_stand(config, beads, lockstep=True)
    with TemporaryDirectory() as folder, microscope:
        file = Path(folder) / "scope.toml"
        file.write_text(tomli_w.dumps(without_none(told)), "utf-8")
        try:
            written = write(file, calibrate(microscope, clock, known_um))
        except (NotCalibratedError, MicroscopeError) as error:
            return Belief(told, f"{name}: {error}")
        return Belief(read_tables(file), f"{name}: found {', '.join(written) or 'nothing'}.")


def with_beads(scenario: Scenario) -> Scenario:
    """Return the scenario with beads in a gel in place of its specimen: they lie still."""
    pixel_um, sensor = scenario.optics.pixel_um, scenario.sensor
    beads = SpecimenSettings(
        shape="spot",
        count=_BEADS,
        radius_um=_RADIUS_PX * pixel_um,
        brightness=_ELECTRONS / scenario.camera.exposure_ms,
        area_um=pixel_um * max(sensor.width_px, sensor.height_px),
        depth_um=_DEPTH_UM,
        motion=Brownian(diffusion_um2_s=0.0),
    )
    return replace(scenario, specimen=beads)

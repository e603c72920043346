"""Random simulated stands, with specimens of the scenarios that come with the package."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from ....drivers.settings import CameraSettings, StandSettings
from ....sim.imaging import OpticsSettings
from ....sim.scenarios import scenario_names
from ....sim.specimen import SpecimenSettings
from ....sim.stand import Scenario, load_scenario

FIRST_SEED = 1000
"""Of the stands that are reported. The calibration was developed on seeds below 100."""
_EDGE_PX = 384
"""Longest edge of a sensor: chosen, to keep the bench short."""
_STILL, _SLOW = 0.6, 0.2
"""Shares of specimens that lie still, and that move at a twentieth of the scenario's speed; the
others move as in the scenario."""
_STANDSTILL = 1e-4
"""Factor on the speed of what lies still."""
_KNOWN, _WRONG = 0.6, 0.1
"""Shares of stands whose pixel size is known, and of those about which a wrong one is told."""
_LENGTHS = ("radius_um", "area_um", "depth_um", "min_separation_um")
_SPEEDS = ("speed_um_s", "z_um_sqrt_s", "z_speed_um_s")
_TIMES = ("period_s", "move_s", "pause_s", "run_s", "tumble_s")


@dataclass(frozen=True, slots=True)
class RandomStand:
    """A stand, and what its user says of it.

    Attributes
    ----------
    scenario : Scenario
        The truth.
    specimen, motion : str
        Name of the scenario that the specimen is from, and whether it is still, slow or moves.
    told : StandSettings
        Exposure alone; nothing of the stage.
    known_pixel_um : float, optional
    seed : int
    """

    scenario: Scenario
    specimen: str
    motion: str
    told: StandSettings
    known_pixel_um: float | None
    seed: int

    @property
    def told_wrong(self) -> bool:
        """Whether the user is wrong about the pixel size."""
        known, true = self.known_pixel_um, self.scenario.optics.pixel_um
        return known is not None and not math.isclose(known, true)


def random_stand(seed: int) -> RandomStand:
    """Return a stand with any rotation and mirror, 0.05 to 2 µm a pixel, and a stage of any kind.

    Delays are 2 to 80 ms, backlash is up to 3 µm, ringing 20 to 200 Hz or none.
    """
    rng = np.random.default_rng([seed, 11])
    name = str(rng.choice(scenario_names()))
    base = load_scenario(name)
    pixel_um = _log_uniform(rng, 0.05, 2.0)
    kind = str(rng.choice(["still", "slow", "moving"], p=[_STILL, _SLOW, 1 - _STILL - _SLOW]))
    exposure_ms = _log_uniform(rng, 2.0, 30.0)
    readout_ms = rng.uniform(1.0, 10.0)
    shorter = base.camera.exposure_ms / exposure_ms
    specimen = _specimen(base, pixel_um / base.optics.pixel_um * _log_uniform(rng, 0.8, 1.25), kind)
    specimen = msgspec.structs.replace(
        specimen,
        brightness=base.specimen.brightness * shorter if base.specimen else 0.0,
        background=base.specimen.background * shorter if base.specimen else 0.0,
    )
    scenario = msgspec.structs.replace(
        base,
        specimen=specimen,
        optics=_optics(base.optics, pixel_um),
        sensor=msgspec.structs.replace(
            base.sensor,
            width_px=min(base.sensor.width_px, _EDGE_PX),
            height_px=min(base.sensor.height_px, _EDGE_PX),
        ),
        camera=msgspec.structs.replace(
            base.camera,
            exposure_ms=exposure_ms,
            readout_ms=readout_ms,
            interval_ms=max(exposure_ms, readout_ms) * rng.uniform(1.05, 2.0),
            timelapse=False,
            affine=_affine(rng, pixel_um),
        ),
        stage=_stage(base, rng),
    )
    told = StandSettings(camera=CameraSettings(exposure_ms=exposure_ms, pixel_um=1.0))
    luck = rng.random()
    wrong = pixel_um * float(rng.choice([0.5, 0.65, 1.5, 2.0]))
    known = pixel_um if luck < _KNOWN else wrong if luck < _KNOWN + _WRONG else None
    return RandomStand(scenario, name, kind, told, known, seed)


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(math.exp(rng.uniform(math.log(low), math.log(high))))


def _affine(rng: np.random.Generator, pixel_um: float) -> tuple[float, float, float, float]:
    """Any rotation, mirrored or not, with a shear of up to a degree."""
    angle, shear = rng.uniform(0, 2 * math.pi), math.radians(rng.uniform(-1, 1))
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    mirror = np.diag([rng.choice([-1.0, 1.0]), 1.0])
    a, b, c, d = (pixel_um * turn @ mirror @ [[1.0, math.tan(shear)], [0.0, 1.0]]).ravel().tolist()
    return a, b, c, d


def _optics(base: OpticsSettings, pixel_um: float) -> OpticsSettings:
    """Sharp as in the scenario, in pixels, as far as an aperture allows."""
    aperture = min(base.na * base.pixel_um / pixel_um, 0.92 * base.index)
    astigmatism_um = base.astigmatism_um * (pixel_um / base.pixel_um) ** 2
    return msgspec.structs.replace(
        base, pixel_um=pixel_um, na=aperture, astigmatism_um=astigmatism_um
    )


def _stage(base: Scenario, rng: np.random.Generator) -> Any:
    rings = rng.random() < 0.7
    return msgspec.structs.replace(
        base.stage,
        delay_ms=rng.uniform(2.0, 80.0),
        delay_jitter_ms=rng.uniform(0.0, 0.5),
        speed_um_s=_log_uniform(rng, 1e3, 2e4),
        acceleration_um_s2=_log_uniform(rng, 1e4, 3e5),
        backlash_um=rng.uniform(0.0, 3.0),
        ring_hz=_log_uniform(rng, 20.0, 200.0) if rings else 0.0,
        ring_damping=rng.uniform(0.05, 0.4) if rings else 0.3,
        drift_um_s=tuple(rng.uniform(-0.05, 0.05, 2).tolist()),
        encoder_um=0.05,
    )


def _specimen(base: Scenario, factor: float, kind: str) -> SpecimenSettings:
    """Scale a specimen, and slow its motion down."""
    assert base.specimen is not None
    speed = {"still": _STANDSTILL, "slow": 0.05, "moving": 1.0}[kind]
    tables = msgspec.to_builtins(base.specimen)
    for key in _LENGTHS:
        tables[key] *= factor
    motion = tables["motion"]
    for key, value in motion.items():
        if key in _SPEEDS:
            motion[key] = value * factor * speed
        elif key in _TIMES:
            motion[key] = value / speed
        elif key.endswith("_um2_s"):
            motion[key] = value * (factor * speed) ** 2
        elif key.endswith("_um"):
            motion[key] = value * factor
        elif key.endswith("rad_sqrt_s"):
            motion[key] = value * math.sqrt(speed)
    return msgspec.convert(tables, SpecimenSettings)

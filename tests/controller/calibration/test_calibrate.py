"""Calibrations in virtual time: right or refused, and the stage ends where it began."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from pursuit.controller.calibration import Calibration, NotCalibratedError, calibrate, draw
from pursuit.controller.calibration.findings import geometry_findings
from pursuit.controller.cli.app import app
from pursuit.drivers.clock import VirtualClock
from pursuit.drivers.envelope import LimitSettings
from pursuit.drivers.settings import CameraSettings, StandSettings
from pursuit.sim.motion import Brownian, Persistent
from pursuit.sim.scenarios import scenario_text
from pursuit.sim.stand import LockstepMicroscope, Scenario, World, load_scenario
from typer.testing import CliRunner

PIXEL_UM, ANGLE = 0.65, 2.1
AFFINE = (
    -PIXEL_UM * math.cos(ANGLE),
    -PIXEL_UM * math.sin(ANGLE),
    -PIXEL_UM * math.sin(ANGLE),
    PIXEL_UM * math.cos(ANGLE),
)


def stand(**stage: Any) -> Scenario:
    """Twenty spots that lie still under a small, mirrored and rotated camera."""
    base = load_scenario("crowd")
    assert base.specimen is not None
    return replace(
        base,
        specimen=replace(
            base.specimen, count=20, area_um=110.0, motion=Brownian(diffusion_um2_s=0.0)
        ),
        sensor=replace(base.sensor, width_px=128, height_px=128),
        camera=replace(
            base.camera, exposure_ms=8.0, interval_ms=12.0, readout_ms=3.0, affine=AFFINE
        ),
        stage=replace(
            base.stage, **{"delay_ms": 31.0, "backlash_um": 1.3, "ring_hz": 40.0, **stage}
        ),
    )


def calibrated(
    scenario: Scenario,
    known_um: float | None = None,
    limits: LimitSettings | None = None,
    on_progress: Callable[[str, float], None] = lambda what, seconds: None,
) -> tuple[Calibration | str, World]:
    told = StandSettings(
        camera=CameraSettings(exposure_ms=8.0, pixel_um=1.0), limits=limits or LimitSettings()
    )
    world, clock = World(scenario, 3), VirtualClock()
    with LockstepMicroscope(world, told, clock) as microscope:
        try:
            found: Calibration | str = calibrate(microscope, clock, known_um, on_progress)
        except NotCalibratedError as error:
            found = str(error)
        at_um = world.xy.encoder_um(clock.now_ns())
    assert at_um == pytest.approx((0, 0), abs=0.1)
    return found, world


@pytest.fixture(scope="module")
def found() -> Calibration:
    calibration, _ = calibrated(stand())
    assert isinstance(calibration, Calibration)
    return calibration


def test_the_affine_is_found_whatever_the_mounting(found: Calibration) -> None:
    affine = np.reshape(found.findings["camera.affine"].values, (2, 2))
    assert found.findings["camera.affine"].found
    error = affine @ np.linalg.inv(np.reshape(AFFINE, (2, 2))) - np.eye(2)
    assert np.linalg.norm(error, 2) < 0.005


@pytest.mark.parametrize(
    ("name", "true", "within"),
    [
        ("camera.pixel_um", PIXEL_UM, 0.004),
        ("stage.backlash_um", 1.3, 0.1),
        ("stage.delay_ms", 31.0, 2.0),
        ("camera.readout_ms", 3.0, 2.0),
        ("stage.ring_hz", 40.0, 4.0),
    ],
)
def test_what_is_claimed_is_right(
    found: Calibration, name: str, true: float, within: float
) -> None:
    finding = found.findings[name]
    assert finding.found
    assert finding.values[0] == pytest.approx(true, abs=within)
    assert 0 < finding.sigmas[0] < within


def test_it_takes_less_than_two_minutes_and_a_quarter_of_the_field(found: Calibration) -> None:
    assert found.seconds < 120
    assert found.furthest_um < 0.25 * 128 * PIXEL_UM


def test_a_pixel_size_that_disagrees_refuses_the_affine_alone(found: Calibration) -> None:
    geometry = found.evidence["geometry"]
    findings = geometry_findings(geometry, known_pixel_um=1.5 * PIXEL_UM)
    assert "correct pixel_um" in findings["camera.affine"].refusal
    assert findings["stage.backlash_um"].found
    assert geometry_findings(geometry, known_pixel_um=1.2 * PIXEL_UM)["camera.affine"].found


def test_the_picture_can_be_drawn(found: Calibration, tmp_path: Path) -> None:
    draw(tmp_path / "calibration.png", found, "stand")
    assert (tmp_path / "calibration.png").stat().st_size > 10_000


def test_the_command_leaves_a_file_alone_if_nothing_was_found(tmp_path: Path) -> None:
    scenario, scope = tmp_path / "dark.toml", tmp_path / "scope.toml"
    dark = scenario_text("swimmer").replace("brightness = 3000.0", "brightness = 0.0")
    scenario.write_text(dark, "utf-8")
    scope.write_text(f'[microscope]\nscenario = "{scenario.as_posix()}"\n', "utf-8")
    line = ["calibrate", str(scope), "--lockstep", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, line)
    assert result.exit_code == 1
    assert "No texture" in result.stderr
    assert sorted(each.name for each in tmp_path.iterdir()) == ["dark.toml", "scope.toml"]


def test_no_texture_is_refused() -> None:
    dark = stand()
    assert dark.specimen is not None
    refusal, _ = calibrated(replace(dark, specimen=replace(dark.specimen, brightness=0.0)))
    assert isinstance(refusal, str) and refusal.startswith("No texture")


def test_a_stage_that_does_not_move_is_refused() -> None:
    refusal, _ = calibrated(stand(backlash_um=1e4))
    assert isinstance(refusal, str) and refusal.startswith("The stage did not move")


def test_limits_that_are_too_near_are_respected_and_named() -> None:
    limits = LimitSettings(x_um=(-2.0, 2.0), y_um=(-2.0, 2.0))
    refusal, _ = calibrated(stand(), limits=limits)
    assert isinstance(refusal, str) and refusal.startswith("The limits are too near")


def test_a_specimen_that_runs_away_is_refused() -> None:
    fast = stand()
    assert fast.specimen is not None
    motion = Persistent(speed_um_s=60.0, persistence_s=5.0)
    refusal, _ = calibrated(
        replace(fast, specimen=replace(fast.specimen, motion=motion, count=1, endless=False))
    )
    assert isinstance(refusal, str) and refusal.startswith("The specimen moved")


def test_ctrl_c_brings_the_stage_back() -> None:
    def interrupt(what: str, seconds: float) -> None:
        if seconds > 9:
            raise KeyboardInterrupt

    told = StandSettings(camera=CameraSettings(exposure_ms=8.0, pixel_um=1.0))
    world, clock = World(stand(), 3), VirtualClock()
    with LockstepMicroscope(world, told, clock) as microscope:
        with pytest.raises(KeyboardInterrupt):
            calibrate(microscope, clock, None, interrupt)
        assert world.xy.encoder_um(clock.now_ns()) == pytest.approx((0, 0), abs=0.1)

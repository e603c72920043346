"""Focus drives in virtual time: right or refused, near the start, and back at it in the end."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace
from pursuit.controller.calibration import Calibration, backup, calibrate_focus, write
from pursuit.controller.cli.app import app
from pursuit.controller.focus import FocusingSettings
from pursuit.drivers.clock import VirtualClock
from pursuit.drivers.envelope import LimitSettings
from pursuit.drivers.messages import Description, Move
from pursuit.drivers.microscope import MicroscopeError
from pursuit.drivers.settings import CameraSettings, StandSettings
from pursuit.sim.motion import Brownian, Persistent
from pursuit.sim.stand import LockstepMicroscope, Scenario, World, load_scenario
from typer.testing import CliRunner

NA, DEPTH_UM, BACKLASH_UM, DELAY_MS = 0.8, 0.52 / 0.8**2, 1.7, 35.0
BOUND_UM = 5 * DEPTH_UM + 5.0
FOCUSING = FocusingSettings(na=NA)


def stand(astigmatism_um: float = 0.0, **focus: Any) -> Scenario:
    """Twenty small spots that lie still, and a drive with backlash and delay."""
    base = load_scenario("crowd")
    assert base.specimen is not None
    specimen = replace(
        base.specimen,
        count=20,
        area_um=25.0,
        radius_um=0.3,
        min_separation_um=1.0,
        brightness=3_000.0,
        motion=Brownian(diffusion_um2_s=0.0),
    )
    return replace(
        base,
        specimen=specimen,
        sensor=replace(base.sensor, width_px=96, height_px=96),
        optics=replace(base.optics, na=NA, pixel_um=0.3, astigmatism_um=astigmatism_um),
        camera=replace(base.camera, exposure_ms=8.0, interval_ms=12.0, readout_ms=3.0),
        focus=replace(base.focus, **{"delay_ms": DELAY_MS, "backlash_um": BACKLASH_UM, **focus}),
    )


class Watched(LockstepMicroscope):
    """Notes every position to which the focus drive is sent."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.sent_um: list[float] = [0.0]
        self.label = "Z"

    def move(self, move: Move) -> None:
        assert move.x_um is None and move.y_um is None and move.z_um is not None
        self.sent_um.append(move.z_um)
        super().move(move)

    def describe(self) -> Description:
        return replace(super().describe(), focus=self.label)


def opened(scenario: Scenario, limits: LimitSettings | None = None) -> tuple[Watched, VirtualClock]:
    told = StandSettings(
        camera=CameraSettings(exposure_ms=8.0, pixel_um=0.3, readout_ms=3.0),
        limits=limits or LimitSettings(),
    )
    clock = VirtualClock()
    return Watched(World(scenario, 3), told, clock), clock


def calibrated(
    scenario: Scenario,
    limits: LimitSettings | None = None,
    focusing: FocusingSettings = FOCUSING,
) -> tuple[Calibration, np.ndarray]:
    """Return what was found, and where the drive was sent; it ends where it began."""
    microscope, clock = opened(scenario, limits)
    with microscope:
        found = calibrate_focus(microscope, clock, focusing)
    assert microscope.sent_um[-1] == 0.0
    return found, np.array(microscope.sent_um)


def refusal(found: Calibration) -> str:
    (reason,) = {finding.refusal for finding in found.findings.values()}
    return reason


@pytest.fixture(scope="module")
def plain() -> tuple[Calibration, np.ndarray]:
    return calibrated(stand())


def test_backlash_and_delay_are_found(plain: tuple[Calibration, np.ndarray]) -> None:
    findings = plain[0].findings
    for name, true, within in (("backlash_um", BACKLASH_UM, 0.05), ("delay_ms", DELAY_MS, 2.0)):
        finding = findings[f"focus.{name}"]
        assert finding.found
        assert finding.values[0] == pytest.approx(true, abs=within)
        assert 0 < finding.sigmas[0] < within


def test_moves_are_short_at_first_never_long_and_stay_near(
    plain: tuple[Calibration, np.ndarray],
) -> None:
    found, sent_um = plain
    steps_um = np.abs(np.diff(sent_um))
    assert steps_um[:5].max() <= DEPTH_UM / 16 * 1.001
    assert steps_um.max() <= DEPTH_UM / 2 * 1.001
    assert np.abs(sent_um).max() == found.furthest_focus_um < BOUND_UM / 2


def test_without_astigmatism_no_image_tells_which_way_is_up(
    plain: tuple[Calibration, np.ndarray],
) -> None:
    finding = plain[0].findings["focusing.astigmatism_um"]
    assert not finding.found and "which way is up" in finding.refusal


@pytest.mark.parametrize("astigmatism_um", [1.2, -1.2])
def test_astigmatism_tells_the_sign(astigmatism_um: float) -> None:
    finding = calibrated(stand(astigmatism_um))[0].findings["focusing.astigmatism_um"]
    assert finding.found
    assert finding.values[0] == pytest.approx(astigmatism_um, rel=0.1)


def test_only_settings_are_written(plain: tuple[Calibration, np.ndarray], tmp_path: Path) -> None:
    path = tmp_path / "scope.toml"
    path.write_text("[focus]\ndelay_ms = 1.0  # a guess\n", "utf-8")
    assert backup(path).read_text("utf-8") == path.read_text("utf-8")
    assert write(path, plain[0]) == ["focus.backlash_um", "focus.delay_ms"]


@pytest.mark.parametrize("focus_step_um", [0.1, 0.3])
def test_the_longest_step_of_the_limits_is_obeyed(focus_step_um: float) -> None:
    limits = LimitSettings(focus_step_um=focus_step_um)
    found, sent_um = calibrated(stand(backlash_um=0.3), limits)
    assert found.findings["focus.backlash_um"].found
    assert np.abs(np.diff(sent_um)).max() <= focus_step_um


@pytest.mark.parametrize("limits", [{"z_um": (-0.3, 0.4)}, {"z_relative_um": (-0.3, 0.4)}])
def test_limits_are_kept_and_named(limits: dict[str, Any]) -> None:
    found, sent_um = calibrated(stand(), LimitSettings(**limits))
    assert "[limits]" in refusal(found)
    assert sent_um.min() >= -0.3 and sent_um.max() <= 0.4


def test_a_drive_that_stands_outside_is_not_moved() -> None:
    microscope, clock = opened(stand(), LimitSettings(z_um=(3.0, 9.0)))
    with microscope:
        assert "stands outside" in refusal(calibrate_focus(microscope, clock, FOCUSING))
    assert microscope.sent_um == [0.0]


def test_a_drive_that_does_not_move_goes_no_further_than_the_bound() -> None:
    found, sent_um = calibrated(stand(backlash_um=1e4))
    assert "has not become unsharp" in refusal(found)
    assert np.abs(sent_um).max() <= BOUND_UM
    assert np.abs(np.diff(sent_um[:-1]))[:50].max() <= DEPTH_UM / 16 * 1.001


@pytest.mark.parametrize(("label", "method"), [("", "sweep"), ("Z", "hardware")])
def test_no_drive_and_one_that_is_taken_are_left_alone(label: str, method: Any) -> None:
    microscope, clock = opened(stand())
    microscope.label, began_ns = label, clock.now_ns()
    with microscope:
        found = calibrate_focus(microscope, clock, replace(FOCUSING, method=method))
        assert clock.now_ns() == began_ns
    assert refusal(found) and microscope.sent_um == [0.0]


def test_no_contrast_is_refused_before_anything_moves() -> None:
    dark = stand()
    assert dark.specimen is not None
    found, sent_um = calibrated(replace(dark, specimen=replace(dark.specimen, brightness=0.0)))
    assert refusal(found).startswith("No contrast")
    assert len(sent_um) == 1


def test_a_specimen_that_moves_is_refused_or_right() -> None:
    fast = stand()
    assert fast.specimen is not None
    motion = Persistent(speed_um_s=5.0, persistence_s=1.0)
    found, _ = calibrated(replace(fast, specimen=replace(fast.specimen, motion=motion)))
    finding = found.findings["focus.backlash_um"]
    assert not finding.found or finding.values[0] == pytest.approx(BACKLASH_UM, rel=0.1)


@pytest.mark.parametrize("after", [3, 60])
@pytest.mark.parametrize("taken", [True, False])
def test_ctrl_c_brings_the_drive_back_in_short_steps(
    after: int, taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether or not the move during which it comes was taken, and though no more frames come."""
    microscope, clock = opened(stand(), LimitSettings(focus_step_um=0.3))

    def interrupted(move: Move) -> None:
        if len(microscope.sent_um) == after and interrupt:
            interrupt.clear()
            if taken:
                send(move)
            raise KeyboardInterrupt
        send(move)

    interrupt, send = [True], microscope.move
    monkeypatch.setattr(microscope, "move", interrupted)
    with microscope, pytest.raises(KeyboardInterrupt):
        calibrate_focus(microscope, clock, FOCUSING)
    assert not interrupt and microscope.sent_um[-1] == 0.0
    assert np.abs(np.diff(microscope.sent_um)).max() <= 0.3


def test_a_stop_ends_it() -> None:
    microscope, clock = opened(stand())

    def stop(what: str, seconds: float) -> None:
        if seconds > 3 and not microscope.stopped:
            microscope.stop("asked to")

    with microscope, pytest.raises(MicroscopeError, match="stopped"):
        calibrate_focus(microscope, clock, FOCUSING, stop)
    assert abs(microscope.sent_um[-1]) < BOUND_UM


def given(table: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is None, which TOML does not have."""
    tables = {key: given(each) if isinstance(each, dict) else each for key, each in table.items()}
    return {key: each for key, each in tables.items() if each is not None}


def command_line(tmp_path: Path) -> list[str]:
    """`pursuit calibrate scope.toml` on more spots."""
    scenario, scope = tmp_path / "spots.toml", tmp_path / "scope.toml"
    spots = stand()
    assert spots.specimen is not None
    spots = replace(spots, specimen=replace(spots.specimen, count=100, area_um=60.0))
    scenario.write_bytes(msgspec.toml.encode(given(msgspec.to_builtins(spots))))
    scope.write_text(
        f'[microscope]\nscenario = "{scenario.as_posix()}"\n[focusing]\nna = {NA}\n', "utf-8"
    )
    return ["calibrate", str(scope), "--lockstep", "--out", str(tmp_path / "out")]


def test_the_command_shows_and_writes_it(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, command_line(tmp_path))
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "out" / "calibration.json").read_text("utf-8"))
    assert content["found"]["focus.backlash_um"]["value"] == [pytest.approx(BACKLASH_UM, abs=0.05)]
    assert "which way is up" in content["refused"]["focusing.astigmatism_um"]
    written = tomllib.loads((tmp_path / "scope.toml").read_text("utf-8"))
    assert set(written["focus"]) == {"backlash_um", "delay_ms"}
    assert written["focusing"] == {"na": NA}
    assert (tmp_path / "out" / "calibration.png").stat().st_size > 10_000


@pytest.mark.parametrize("error", [MicroscopeError("The drive is gone."), KeyboardInterrupt()])
def test_what_was_found_of_the_stage_is_kept_if_the_drive_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fails(*args: Any, **options: Any) -> None:
        raise error

    monkeypatch.setattr("pursuit.controller.calibration.calibrate_focus", fails)
    result = CliRunner().invoke(app, command_line(tmp_path))
    assert result.exit_code == 1
    assert "The focus drive was not calibrated: " in result.output
    assert (str(error) or "Stopped by the user.") in result.output
    written = tomllib.loads((tmp_path / "scope.toml").read_text("utf-8"))
    assert "affine" in written["camera"]
    assert "focus" not in written

"""What the controller believes of a stand, while the world stays as it is."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from pursuit.controller.assembly import complete, open_lockstep
from pursuit.controller.bench.follow import Run, follow_once, stands
from pursuit.controller.cli.app import app
from pursuit.drivers.settings import CameraSettings, FocusSettings, StageSettings
from pursuit.sim.scenarios import scenario_names, scenario_text
from pursuit.sim.stand import load_scenario
from typer.testing import CliRunner

DEFAULT = StageSettings()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The swimmer's stand, with a small camera and a stage that is far from the default."""
    text = scenario_text("swimmer").replace("= 256", "= 128")
    text = text.replace("readout_ms = 2.0", "readout_ms = 5.0")
    text = text.replace("backlash_um = 0.1", "backlash_um = 0.8")
    file = tmp_path_factory.mktemp("stand") / "small.toml"
    file.write_text(text, "utf-8")
    return str(file)


@pytest.fixture(scope="module")
def found(small: str) -> stands.Belief:
    return stands.found(small)


def square_um2(scenario: str, belief: dict[str, Any]) -> float:
    """Mean square error while following; infinite if following never began."""
    result = follow_once(Run(scenario, "predictive", "blobs", "kalman", 3, 120, belief))
    return result.square_um2 / result.frames if result.frames else math.inf


def test_the_scenario_tells_its_own_stand(small: str) -> None:
    ((name, belief),) = stands.beliefs("told", [small])
    assert (name, belief) == (small, stands.Belief({}))


@pytest.mark.parametrize("name", scenario_names())
def test_by_default_nothing_of_the_stage_is_known_and_the_world_is_true(name: str) -> None:
    ((_, belief),) = stands.beliefs("default", [name])
    config, simulated = complete({"microscope": {"scenario": name}, **belief.tables})
    scenario = load_scenario(name)
    assert (config.stage, config.focus) == (DEFAULT, FocusSettings())
    assert config.camera.readout_ms == CameraSettings().readout_ms
    assert simulated is not None and simulated.scenario == scenario
    with open_lockstep(config, simulated) as microscope:
        assert microscope.describe().dynamics == DEFAULT.dynamics
        frame = next(microscope.frames())
    assert frame.exposed_ns == frame.readable_ns - scenario.camera.exposure_ms * 1e6 / 2


def test_calibration_finds_what_is_true_and_leaves_the_rest_at_its_default(
    found: stands.Belief, small: str
) -> None:
    scenario = load_scenario(small)
    camera, stage = found.tables["camera"], found.tables["stage"]
    assert camera["affine"] == pytest.approx(scenario.affine, abs=0.005)
    assert camera["readout_ms"] == pytest.approx(scenario.camera.readout_ms, abs=1.0)
    assert stage["delay_ms"] == pytest.approx(scenario.stage.delay_ms, abs=1.0)
    assert stage["backlash_um"] == pytest.approx(scenario.stage.backlash_um, abs=0.1)
    assert stage["speed_um_s"] == DEFAULT.speed_um_s
    assert found.tables["focus"] == stands.default(scenario)["focus"]
    assert "camera.affine" in found.note and "stage.speed_um_s" not in found.note


def test_what_was_found_is_as_good_as_the_truth_and_nothing_is_not(
    found: stands.Belief, small: str
) -> None:
    told = square_um2(small, {})
    assert square_um2(small, found.tables) < 1.1 * told
    assert square_um2(small, stands.default(load_scenario(small))) > 1.2 * told


def test_what_cannot_be_calibrated_stays_at_its_default(tmp_path: Path) -> None:
    stuck = tmp_path / "stuck.toml"
    stuck.write_text(scenario_text("swimmer").replace("speed_um_s = 10_000.0", "speed_um_s = 0.01"))
    belief = stands.found(str(stuck))
    assert belief.tables == stands.default(load_scenario(str(stuck)))
    assert "is it blocked, or switched off" in belief.note


def test_beads_lie_still_on_the_same_stand() -> None:
    scenario = load_scenario("worm")
    beads = stands.with_beads(scenario)
    assert replace(beads, specimen=scenario.specimen) == scenario
    assert beads.specimen is not None
    there = beads.specimen.motion.start(np.zeros((3, 3)), np.random.default_rng(0))
    after = beads.specimen.motion.step(there, 10.0, np.random.default_rng(0))
    assert np.array_equal(there, after)


@pytest.mark.parametrize("more", [["--stand", "true"], ["--stand", "found", "--sweep-speed"]])
def test_a_stand_that_is_not_meant_is_refused(more: list[str]) -> None:
    result = CliRunner().invoke(app, ["bench", "follow", *more])
    assert result.exit_code == 2
    assert "stand" in result.stderr

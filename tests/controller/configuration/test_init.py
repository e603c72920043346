"""``pursuit init``: what it draws from Micro-Manager, and what it says is not known."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pursuit.controller.cli.app import app
from pursuit.controller.configuration import make_config, read_tables, write_scope
from pursuit.controller.configuration.reference import settings_of, tables
from typer.testing import CliRunner

adapters = pytest.importorskip("mm_test_adapters", reason="mm-test-adapters is not installed")

STAND = """\
Property,Core,Initialize,0
Device,DHub,DemoCamera,DHub
Device,Camera,DemoCamera,DCam
Device,XY,DemoCamera,DXYStage
{more}Property,Core,Initialize,1
Property,Core,Camera,Camera
Property,Core,XYStage,XY
"""


def test_the_template_holds_every_setting_of_a_person(tmp_path: Path) -> None:
    scope = tmp_path / "scope.toml"
    about, *_ = write_scope(Path(adapters.device_adapter_path()) / "MMConfig_demo.cfg", scope)
    config = make_config(read_tables(scope))
    assert (config.camera.label, config.stage.label) == (about.camera, about.xy_stage)
    assert config.limits.x_um == about.limits_um[0]
    scope.write_text(re.sub(r"^# (?=\w+ = )", "", scope.read_text("utf-8"), flags=re.M), "utf-8")
    everything = read_tables(scope)
    make_config(everything)
    sources = {"scenario", "specimen", "start_px"}
    for table, kind in tables().items():
        for setting in settings_of(kind):
            if not setting.is_expert and setting.key not in sources:
                assert setting.key in everything[table]


def test_a_pixel_that_nobody_has_measured_is_not_taken_for_one_micrometre(tmp_path: Path) -> None:
    stand, scope = tmp_path / "stand.cfg", tmp_path / "scope.toml"
    stand.write_text(STAND.format(more=""))
    result = CliRunner().invoke(app, ["init", str(stand), "--out", str(scope)])
    assert result.exit_code == 0
    assert "pixel size not known" in result.stdout and "pursuit calibrate" in result.stdout
    written = make_config(read_tables(scope)).camera
    assert (written.pixel_um, written.affine) == (None, None)
    assert "NOT KNOWN to Micro-Manager: pursuit calibrate measures it" in scope.read_text("utf-8")


def test_of_several_stages_the_one_that_is_used_is_told(tmp_path: Path) -> None:
    stand, scope = tmp_path / "stand.cfg", tmp_path / "scope.toml"
    stand.write_text(STAND.format(more="Device,Other,DemoCamera,DXYStage\n"))
    result = CliRunner().invoke(app, ["init", str(stand), "--out", str(scope)])
    assert "stage XY (not Other: change label under [stage])" in result.stdout


def test_a_camera_without_an_exposure_gets_one_that_is_marked_as_a_guess(tmp_path: Path) -> None:
    stand, scope = tmp_path / "stand.cfg", tmp_path / "scope.toml"
    stand.write_text(STAND.format(more="") + "Property,Camera,Exposure,0\n")
    result = CliRunner().invoke(app, ["init", str(stand), "--out", str(scope)])
    assert result.exit_code == 0
    assert "set exposure_ms under [camera] to yours" in result.stdout
    assert make_config(read_tables(scope)).camera.exposure_ms == 10
    assert "# A GUESS, to be set, as the camera has none in Micro-Manager" in scope.read_text()

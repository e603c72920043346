"""Presets, properties, binning and region are set as they are wanted, or refused in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from pursuit.drivers.micromanager import MMCoreMicroscope, open_core
from pursuit.drivers.microscope import MicroscopeError
from pursuit.drivers.settings import CameraSettings, StandSettings

adapters = pytest.importorskip("mm_test_adapters")
DEMO = Path(adapters.device_adapter_path()) / "MMConfig_demo.cfg"


@contextmanager
def opened(
    camera: CameraSettings | None = None,
    presets: dict[str, str] | None = None,
    properties: dict[str, dict[str, Any]] | None = None,
) -> Iterator[MMCoreMicroscope]:
    camera = camera or CameraSettings()
    core = open_core(DEMO, camera, presets or {}, properties or {})
    with MMCoreMicroscope(core, StandSettings(camera=camera)) as scope:
        yield scope


def test_images_are_binned_and_of_the_region_and_pixels_as_large() -> None:
    with opened() as scope:
        plain = scope.describe()
    with opened(CameraSettings(binning=2, roi_px=(10, 20, 64, 48))) as scope:
        about = scope.describe()
        with closing(scope.frames()) as frames:
            assert next(frames).image.shape == (48, 64) == (about.height_px, about.width_px)
    assert about.pixel_um == pytest.approx(2 * plain.pixel_um)
    assert plain.width_px == 512


def test_presets_come_before_properties_and_both_before_the_size_of_a_pixel() -> None:
    with opened(presets={"Objective": "20X"}) as scope:
        assert scope.describe().pixel_um == pytest.approx(0.5)
    properties = {"Objective": {"Label": "Nikon 40X Plan Fluor ELWD"}, "Camera": {"Gain": 3}}
    with opened(presets={"Objective": "20X"}, properties=properties) as scope:
        assert scope.describe().pixel_um == pytest.approx(0.25)


def test_a_number_is_taken_though_it_is_rounded() -> None:
    with opened(properties={"Camera": {"ReadoutTime": 1.23456}}) as scope:
        assert scope.describe().camera == "Camera"


def test_a_label_of_another_kind_is_told_as_such() -> None:
    with (
        pytest.raises(MicroscopeError, match="no camera called Z"),
        opened(CameraSettings(label="Z", binning=2)),
    ):
        pass


def test_a_preset_that_moves_a_drive_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "stand.cfg"
    line = "ConfigGroup,Focus,Up,Z,Position,5000\n"
    config.write_text(DEMO.read_text("utf-8") + line, "utf-8")
    with pytest.raises(MicroscopeError, match="leave preset Up of Focus out"):
        open_core(config, CameraSettings(), {"Focus": "Up"}, {})


def test_a_voltage_that_moves_a_drive_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "stand.cfg"
    ready = "Property,Core,Initialize,1"
    devices = "Device,DA,DemoCamera,D-DA\nDevice,PZ,Utilities,DA Z Stage\n"
    config.write_text(DEMO.read_text("utf-8").replace(ready, devices + ready, 1), "utf-8")
    properties = {"PZ": {"DA Device": "DA"}, "DA": {"Voltage": 5}}
    with pytest.raises(MicroscopeError, match="To set Voltage of DA would move a drive"):
        open_core(config, CameraSettings(), {}, properties)


def test_a_drive_that_has_moved_all_the_same_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pursuit.drivers.micromanager.set_up._MOVING", re.compile("(?!)"))
    with pytest.raises(MicroscopeError, match="have moved Z: look where it is"):
        open_core(DEMO, CameraSettings(), {}, {"Z": {"Position": 5}})


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"presets": {"Chanel": "DAPI"}}, "no configuration group Chanel; there is: .*Channel"),
        ({"presets": {"Channel": "DAPPI"}}, "Channel has no preset DAPPI, but: .*DAPI"),
        ({"properties": {"Cam": {"Gain": 1}}}, "no device Cam; there is: .*Camera"),
        ({"properties": {"Camera": {"Gian": 1}}}, "Camera has no property Gian, but: .*Gain"),
        (
            {"properties": {"Camera": {"Gain": 1e6}}},
            "Gain of Camera does not take 1000000.0, but -5 to 8 \\(",
        ),
        (
            {"properties": {"Camera": {"PixelType": "9bit"}}},
            "PixelType of Camera does not take 9bit, but: .*16bit",
        ),
        ({"properties": {"Camera": {"CameraID": "x"}}}, "can only be read"),
        ({"properties": {"Z": {"Position": 5000}}}, "^To set Position of Z would move"),
        ({"properties": {"Core": {"Initialize": 0}}}, "no device Core"),
        (
            {"camera": CameraSettings(pixel_um=1.0, binning=2)},
            "a pixel is 2 µm, says Micro-Manager, not 1 µm as before",
        ),
        (
            {"camera": CameraSettings(pixel_um=1.0), "presets": {"Objective": "20X"}},
            "a pixel is 0.5 µm",
        ),
        ({"camera": CameraSettings(binning=3)}, "no binning of 3, but: 1, 2"),
        (
            {"camera": CameraSettings(roi_px=(500, 0, 64, 64))},
            "^The region .* does not lie in the image",
        ),
    ],
)
def test_what_is_not_there_or_not_taken_is_refused(wanted: dict[str, Any], sentence: str) -> None:
    with pytest.raises(MicroscopeError, match=sentence) as error, opened(**wanted):
        pass
    assert "\n" not in str(error.value)

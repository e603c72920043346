"""On Micro-Manager's demo adapters, in real time: what is not a specimen is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from pursuit.controller.assembly import complete
from pursuit.controller.calibration import (
    NotCalibratedError,
    calibrate,
    calibrate_focus,
    open_stand,
)
from pursuit.controller.focus import FocusingSettings
from pursuit.drivers.clock import Clock
from pursuit.drivers.microscope import Microscope

adapters = pytest.importorskip("mm_test_adapters", reason="no demo adapters")


def opened(mode: str, tmp_path: Path) -> tuple[Microscope, Clock]:
    demo = (Path(adapters.device_adapter_path()) / "MMConfig_demo.cfg").read_text("utf-8")
    file = tmp_path / "demo.cfg"
    file.write_text(f"{demo}\nProperty,Camera,Mode,{mode}\n", "utf-8")
    tables = {"microscope": {"mm_config": str(file)}, "camera": {"exposure_ms": 20.0}}
    microscope, clock, known_um = open_stand(*complete(tables), lockstep=False)
    assert known_um == 1.0
    return microscope, clock


@pytest.mark.parametrize("mode", ["Artificial Waves", "Noise"])
def test_what_does_not_follow_the_stage_is_refused(mode: str, tmp_path: Path) -> None:
    microscope, clock = opened(mode, tmp_path)
    with microscope, pytest.raises(NotCalibratedError, match=r"^(No texture|The )"):
        calibrate(microscope, clock, 1.0)


@pytest.mark.parametrize("mode", ["Artificial Waves", "Noise"])
def test_images_that_do_not_answer_to_the_focus_drive_are_refused(
    mode: str, tmp_path: Path
) -> None:
    microscope, clock = opened(mode, tmp_path)
    focusing = FocusingSettings(na=0.1)  # few steps to the limits
    with microscope:
        found = calibrate_focus(microscope, clock, focusing)
        (refusal,) = {finding.refusal for finding in found.findings.values()}
        assert refusal.startswith(("No contrast", "The image has not become unsharp"))
        assert next(microscope.frames()).pose.z_um == pytest.approx(0.0, abs=0.1)

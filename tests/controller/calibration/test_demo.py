"""On Micro-Manager's demo adapters, in real time: what is not a specimen is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from pursuit.controller.assembly import complete
from pursuit.controller.calibration import NotCalibratedError, calibrate, open_stand

adapters = pytest.importorskip("mm_test_adapters", reason="no demo adapters")


@pytest.mark.parametrize("mode", ["Artificial Waves", "Noise"])
def test_what_does_not_follow_the_stage_is_refused(mode: str, tmp_path: Path) -> None:
    demo = (Path(adapters.device_adapter_path()) / "MMConfig_demo.cfg").read_text("utf-8")
    file = tmp_path / "demo.cfg"
    file.write_text(f"{demo}\nProperty,Camera,Mode,{mode}\n", "utf-8")
    tables = {"microscope": {"mm_config": str(file)}, "camera": {"exposure_ms": 20.0}}
    microscope, clock, known_um = open_stand(*complete(tables), lockstep=False)
    assert known_um == 1.0
    with microscope, pytest.raises(NotCalibratedError, match=r"^(No texture|The )"):
        calibrate(microscope, clock, known_um)

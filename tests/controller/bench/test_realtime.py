"""Real time beside virtual time: real processes, and numbers that mean what they say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from pursuit.controller.assembly import complete
from pursuit.controller.bench.follow import Setup, run_realtime
from pursuit.controller.bench.sensors import with_camera


def test_a_row_compares_real_time_with_virtual_time(tmp_path: Path) -> None:
    done = []
    setup = Setup("swimmer", 128, 8, 50.0, "blobs", "target")
    (row,) = run_realtime([setup], 6.0, tmp_path, lambda *counts: done.append(counts))
    assert done == [(1, 1)]
    assert (row["size_px"], row["bits"], row["frames_per_s"]) == (128, 8, 50)
    assert row["bound_um"] > 0 and row["virtual_um"] < row["rms_um"]
    assert row["ratio"] == row["rms_um"] / row["virtual_um"]
    assert row["late_um"] > row["virtual_um"]
    assert 0 < row["latency_ms"] <= row["p99_ms"]
    assert row["lock_s"] > 0 and row["held"] > 0.5
    assert 0 <= row["passed_over"] < 1 and 0.5 < row["recorded"] <= 1
    assert list(tmp_path.iterdir()) == []


def test_a_scenario_gets_another_camera_and_nothing_else(tmp_path: Path) -> None:
    path = with_camera("swimmer", tmp_path, 300, 8, 250.0, processing_ms=7.0)
    _, changed = complete({"microscope": {"scenario": str(path)}})
    _, plain = complete({"microscope": {"scenario": "swimmer"}})
    assert changed is not None and plain is not None
    scenario, before = changed.scenario, plain.scenario
    sensor = scenario.sensor
    assert (sensor.width_px, sensor.height_px, sensor.bits) == (300, 300, 8)
    assert (scenario.camera.interval_ms, scenario.camera.exposure_ms) == (4.0, 4.0)
    assert scenario.processing_ms == 7.0
    assert (scenario.specimen, scenario.stage) == (before.specimen, before.stage)


def test_what_cannot_be_measured_is_refused() -> None:
    command = [sys.executable, "-m", "pursuit.controller.cli", "bench", "follow", "--realtime"]
    for wrong in (["--keep", "box"], ["--size", "3"], ["--bits", "40"], ["--seconds", "0"]):
        ran = subprocess.run([*command, *wrong], capture_output=True, text=True, timeout=60)
        assert ran.returncode == 2 and wrong[0] in ran.stderr
        assert "Traceback" not in ran.stderr


def test_the_command_writes_a_row(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pursuit.controller.cli", "bench", "follow", "--realtime"]
    arguments = ["--size", "128", "--seconds", "4", "--json", "rows.json"]
    subprocess.run([*command, *arguments], cwd=tmp_path, check=True, timeout=120)
    (row,) = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert (row["scenario"], row["detector"], row["keep"]) == ("swimmer", "blobs", "all")

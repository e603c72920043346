"""Every yardstick runs, and its rows say what others read from them."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
from pursuit.controller.assembly import complete, open_lockstep
from pursuit.controller.bench import report
from pursuit.controller.bench.system import loop, sim, transport
from pursuit.controller.bench.system.floor import FloorLoop
from pursuit.controller.bench.truth import truth_about


def test_loop_rows_add_up_to_a_total() -> None:
    rows = {row["stage"]: row for row in loop.run(seconds=8.0)}
    assert {"wire", "receive", "track", "plan", "move", "total"} <= set(rows)
    for row in rows.values():
        assert 0 < row["p50_ms"] <= row["p99_ms"]
    parts = ("receive", "track", "plan", "move")
    assert max(rows[name]["p50_ms"] for name in parts) < rows["total"]["p50_ms"]
    assert rows["total"]["p50_ms"] < rows["camera to move"]["p50_ms"]
    for way, floor in (("total", "floor"), ("camera to move", "floor: camera to move")):
        assert rows[floor]["p50_ms"] < rows[way]["p50_ms"]
        for percentile in ("p50", "p99"):
            ratio = rows[way][f"{percentile}_ms"] / rows[floor][f"{percentile}_ms"]
            assert rows[way][f"{percentile}_ratio"] == pytest.approx(ratio)


def test_the_least_controller_follows_too() -> None:
    """It is a floor only if it does its work: a swimmer in the dark stays in the field."""
    config, simulated = complete(
        {"microscope": {"scenario": "swimmer"}, "session": {"seconds": 2.0}}
    )
    with open_lockstep(config, simulated) as microscope:
        half_um = 0.25 * microscope.describe().width_px * microscope.describe().pixel_um
        steps = list(islice(FloorLoop(microscope).steps(), 150))
        truths = [truth_about(step.frame, step.reports) for step in steps[20:]]
    assert all(max(abs(truth.x_um), abs(truth.y_um)) < half_um for truth in truths)


def test_sim_rows_compare_both_simulators() -> None:
    pytest.importorskip("mm_test_adapters")
    rows = {row["who"]: row["ms_per_frame"] for row in sim.run(frames=20)}
    assert {"pursuit", "pymmcore-plus simulate"} <= set(rows)
    assert all(math.isfinite(ms) and ms > 0 for ms in rows.values())


def test_transport_rows_are_shares(tmp_path: Path) -> None:
    rows = transport.run(tmp_path, repeats=1)
    speeds = {row["path"]: row["bytes_per_s"] for row in rows}
    for row in rows:
        assert row["share"] == pytest.approx(row["bytes_per_s"] / speeds[row["of"]])
    assert {"memcpy", "raw write", "recorder"} <= set(speeds)
    assert list(tmp_path.iterdir()) == []


def test_a_report_is_a_table_and_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"who": "a", "ms_per_frame": 1.25}, {"who": "b", "ms_per_frame": None}]
    report(rows, tmp_path / "rows.json")
    assert "ms_per_frame" in capsys.readouterr().out
    written = json.loads((tmp_path / "rows.json").read_text())
    assert written["rows"] == rows
    assert written["machine"]["cores"] > 0


def test_the_command_writes_rows(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pursuit.controller.cli", "bench", "follow"]
    arguments = ["--scenario", "tumbler", "--seeds", "1", "--json", "rows.json"]
    subprocess.run([*command, *arguments], cwd=tmp_path, check=True, timeout=120)
    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert [row["policy"] for row in rows] == ["reactive", "predictive"]
    assert {
        *("scenario", "policy", "detector", "predictor", "seeds", "rms_um", "bound_um"),
        *("ratio", "held", "lost", "switches"),
    } <= set(rows[0])

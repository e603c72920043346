"""The yardstick of detectors: its rows compare like with like."""

from __future__ import annotations

from typing import Any

import pytest
from pursuit.models import weights

pytestmark = pytest.mark.skipif("yolo" not in weights.shipped(), reason="no weights are shipped")


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    from pursuit.controller.bench.detect import detect

    return detect.run(size_px=256, frames=10, on_note=lambda text: None)


def test_every_mode_is_timed(rows: list[dict[str, Any]]) -> None:
    ours = {(row["runtime"], row["mode"]) for row in rows if row["who"] == "pursuit"}
    assert {("openvino", mode) for mode in ("full", "window", "locked")} <= ours
    for row in rows:
        assert row["size"] == 256
        assert 0 < row["p50_ms"] <= row["p99_ms"]


def test_ultralytics_finds_the_same_with_the_same_weights(rows: list[dict[str, Any]]) -> None:
    theirs = [row for row in rows if row["who"] == "ultralytics" and row["mode"] == "predict"]
    if not theirs:
        pytest.skip("ultralytics is not installed, or something that it needs")
    ours = [row["objects"] for row in rows if row["mode"] == "full"]
    assert min(ours) > 0
    for row in theirs:
        assert abs(row["objects"] - ours[0]) <= 1
        assert row["over_default"] is None or row["over_default"] > 0

"""The yardstick tells a good policy from a poor one."""

from __future__ import annotations

import math

import pytest
from pursuit.controller.bench import follow
from pursuit.controller.bench.report import Row

SEEDS = 2


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    progress: list[tuple[int, int]] = []
    found = follow.run(
        scenarios=["swimmer"],
        policies=["reactive", "predictive"],
        seeds=SEEDS,
        on_progress=lambda done, total: progress.append((done, total)),
    )
    assert progress == [(i, 2 * SEEDS) for i in range(1, 2 * SEEDS + 1)]
    assert [row["policy"] for row in found] == ["reactive", "predictive"]
    return {row["policy"]: row for row in found}


def test_predictive_comes_near_the_bound(rows: dict[str, Row]) -> None:
    assert rows["predictive"]["ratio"] <= 1.3


def test_reactive_does_not(rows: dict[str, Row]) -> None:
    assert rows["reactive"]["ratio"] >= 2 * rows["predictive"]["ratio"]


@pytest.mark.parametrize("policy", ["reactive", "predictive"])
def test_a_row_says_all_that_is_reported(rows: dict[str, Row], policy: str) -> None:
    row = rows[policy]
    assert set(row) >= {
        *("scenario", "policy", "detector", "predictor", "seeds", "rms_um", "bound_um", "ratio"),
        *("held", "lost", "switches", "bound", "delay_frames", "noise_um"),
    }
    assert (row["scenario"], row["seeds"], row["bound"]) == ("swimmer", SEEDS, "riccati")
    assert row["ratio"] == pytest.approx(row["rms_um"] / row["bound_um"])
    assert (row["held"], row["lost"], row["switches"]) == (1, 0, 0)
    assert all(math.isfinite(v) for v in row.values() if isinstance(v, float))

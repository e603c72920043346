"""The yardstick tells a good policy from a poor one."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from pursuit.controller.bench.follow import follow
from pursuit.controller.bench.follow.multi_target import MultiTargetScores, multi_target_row
from pursuit.controller.bench.report import Row
from pursuit.controller.decisions import Decision, Lock, TrackPoint
from pursuit.sim.scenarios import scenario_text

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
    assert row["stand"] == "told"
    assert set(row) >= {
        *("scenario", "policy", "detector", "predictor", "seeds", "began", "rms_um", "bound_um"),
        *("ratio", "held", "lost", "switches", "bound", "delay_frames", "noise_um"),
        *("kept", "targets", "in_field", "unseen_s", "visit_um"),
    }
    assert (row["targets"], row["in_field"], row["visit_um"]) == (1, None, None)
    assert (row["scenario"], row["seeds"], row["bound"]) == ("swimmer", SEEDS, "riccati")
    assert row["ratio"] == pytest.approx(row["rms_um"] / row["bound_um"])
    assert (row["held"], row["lost"], row["switches"]) == (1, 0, 0)
    assert all(math.isfinite(v) for v in row.values() if isinstance(v, float))


def test_runs_in_which_following_never_began_are_in_no_error(tmp_path: Path) -> None:
    dark = tmp_path / "dark.toml"
    text = re.sub("brightness = .*", "brightness = 0.001", scenario_text("swimmer"))
    dark.write_text(text, "utf-8")
    (row,) = follow.run([str(dark)], ["predictive"], seeds=1)
    assert (row["began"], row["kept"], row["rms_um"], row["ratio"]) == (0, 0, None, None)


def decision(frame: int, **tracks_um: float) -> Decision:
    """A frame a second, the stage at 100 µm, and tracks ``t1``, ``t2``... along x."""
    points = tuple(TrackPoint(int(n[1:]), x, 0.0, 0.0, True) for n, x in tracks_um.items())
    lock = Lock.LOCKED if points else Lock.SEARCHING
    return Decision(frame, frame * 10**9, (100.0, 0.0, 0.0), len(points), lock, tracks=points)


def test_several_targets_are_judged_by_where_all_of_them_were() -> None:
    """Of three, one stays, one leaves for three seconds, one is lost in the end."""
    scores = MultiTargetScores(3, np.array([60.0, 60.0]), size_um=4.0)
    far_um = [10, 20, 40, 50, 34, 20] + [20] * 10
    scores.add(decision(0), np.array([[0.0, 0, 0]]))
    for second, x in enumerate(far_um, start=1):
        where_um = np.array([[80.0, 0, 0], [-10, 0, 0], [0, 0, 0], [x, 0, 0]])
        tracks = {"t1": 100.0, "t5": 91.0, "t7": 100.0 + x - (x == 34)}
        if second > 6:
            tracks.pop("t5")
        scores.add(decision(second, **tracks), where_um)
    row = multi_target_row([scores.result()])
    assert row["targets"] == 3 and row["kept"] == pytest.approx(2 / 3)
    assert (row["lost"], row["switches"]) == (1, 0)
    assert row["in_field"] == pytest.approx(1 - 3 / (3 * 16))
    assert row["unseen_s"] == pytest.approx(4.0)
    assert row["visit_um"] == pytest.approx(1.0)
    assert row["rms_um"] is None and row["ratio"] is None


def test_a_track_that_changes_its_object_is_not_kept() -> None:
    scores = MultiTargetScores(2, np.array([60.0, 60.0]), size_um=4.0)
    for second in range(20):
        x = 100.0 + (second > 5) * 20
        where_um = np.array([[0.0, 0, 0], [20, 0, 0]])
        scores.add(decision(second, t1=x, t2=220.0 - x), where_um)
    row = multi_target_row([scores.result()])
    assert (row["kept"], row["switches"], row["lost"]) == (0, 2, 0)

"""The sweep finds the speed at which a target gets away."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pursuit.controller.bench.follow import speed
from pursuit.controller.bench.follow.speed import FromRest, Run, Sweep
from pursuit.sim.motion import Persistent


@pytest.mark.parametrize(
    "motion",
    [Run(speed_um_s=300.0), Persistent(speed_um_s=300.0, persistence_s=1.0)],
)
def test_a_target_starts_at_rest_and_comes_to_its_speed(motion: Run | Persistent) -> None:
    rng = np.random.default_rng(0)
    moving, dt_s = FromRest(motion=motion), 0.01
    state = moving.start(np.zeros((400, 3)), rng)
    speeds = []
    for _ in range(150):
        after = moving.step(state, dt_s, rng)
        speeds.append(np.sqrt((((after - state)[:, :2] / dt_s) ** 2).sum(1).mean()))
        state = after
    assert speeds[0] < 5.0
    assert speeds[49] == pytest.approx(150.0, rel=0.15)
    assert speeds[-1] == pytest.approx(300.0, rel=0.15)


def test_the_limit_is_found_by_bisection(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def holds(sweep: Sweep, speed_um_s: float) -> bool:
        asked.append(speed_um_s)
        return speed_um_s <= 1_234.0

    monkeypatch.setattr(speed, "holds", holds)
    found = speed.fastest_um_s(Sweep("run", "velocity", 1))
    assert 1_234.0 / speed.PRECISION <= found <= 1_234.0
    assert len(asked) <= 9
    monkeypatch.setattr(speed, "holds", lambda *_: False)
    assert speed.fastest_um_s(Sweep("run", "velocity", 1)) == 0.0


def test_a_row_compares_the_best_of_ours_with_a_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    speeds = {"predictive": 900.0, "velocity": 1_000.0, "reactive": 250.0, "quadratic": 0.0}

    def in_parallel(work: object, sweeps: list[Sweep]) -> Any:
        return [(sweep, speeds[sweep.policy]) for sweep in sweeps]

    monkeypatch.setattr(speed, "in_parallel", in_parallel)
    told: list[tuple[int, int]] = []
    rows = speed.run(tuple(speeds), ("run",), 1, lambda done, total: told.append((done, total)))
    assert [(row["policy"], row["max_speed_um_s"]) for row in rows] == list(speeds.items())
    assert [row["ratio"] for row in rows] == [None, None, 4.0, None]
    assert told[-1] == (4, 4)


@pytest.mark.parametrize(
    ("policy", "held"), [("predictive", True), ("velocity", True), ("reactive", False)]
)
def test_ours_hold_what_gets_away_from_peers(
    policy: str, held: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speed, "COUNTED_S", 0.5)
    assert speed.holds(Sweep("run", policy, 1), 3_000.0) == held

"""At the edge of the limits the stage waits, and the session says so."""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest
import useq
from pursuit.controller.assembly import complete, make_loop, open_lockstep
from pursuit.controller.decisions import Decision
from pursuit.controller.session import Acquisitions, SessionError, run_lockstep
from pursuit.drivers.envelope import Envelope
from pursuit.drivers.messages import Fault, Issued, Report
from pursuit.drivers.microscope import MicroscopeError

FRAMES = 300
VELOCITY = {"velocity_x": "XY,VelocityX", "velocity_y": "XY,VelocityY"}
BEYOND = "The target is beyond the limits: the stage waits at their edge."
INSIDE = "The target is inside the limits again."


def follow(
    limits: dict[str, Any], frames: int = FRAMES, scenario: str = "swimmer", **tables: Any
) -> tuple[list[Decision], list[Report], Envelope]:
    config, simulated = complete(
        {
            "microscope": {"scenario": scenario},
            "detector": {"name": "blobs"},
            "limits": limits,
            **tables,
        }
    )
    with open_lockstep(config, simulated) as microscope:
        envelope = Envelope.of(microscope.describe())
        reports: list[Report] = []
        decisions = []
        with closing(make_loop(config, microscope).steps()) as steps:
            for step in islice(steps, frames):
                decisions.append(step.decision)
                reports += step.reports
    return decisions, reports, envelope


def notes(decisions: list[Decision]) -> list[str]:
    return [note for decision in decisions for note in decision.notes if "limits" in note]


SHAPES = [
    {"x_um": (-8, 8), "y_um": (-8, 8)},
    {"circle": {"x_um": 1, "y_um": 0, "radius_um": 9}},
    {"radius_um": 10},
    {"polygon": [(-9, -9), (9, -9), (9, 9), (0, 2), (-9, 9)]},
    {"keep_out": [{"x_um": (5, 50), "y_um": (-90, 90)}, {"x_um": (-50, -5), "y_um": (-90, 90)}]},
]


@pytest.mark.parametrize("policy", ["predictive", "velocity", "reactive"])
@pytest.mark.parametrize("limits", SHAPES)
def test_the_stage_waits_at_the_edge_and_the_session_says_so(
    limits: dict[str, Any], policy: str
) -> None:
    decisions, reports, envelope = follow(
        {"x_um": (-100, 100), "y_um": (-100, 100), **limits},
        policy={"name": policy},
        stage=VELOCITY,
    )
    refusals = [report.text for report in reports if isinstance(report, Fault)]
    assert len(refusals) <= 2, refusals  # of a stage in fast motion, which is known later here
    assert all("the way from" in refusal for refusal in refusals)
    said = notes(decisions)
    assert said[0] == BEYOND
    assert set(said[::2]) == {BEYOND} and set(said[1::2]) <= {INSIDE}
    waiting = [d for d in decisions if d.reason.startswith("the target is beyond the limits")]
    assert waiting
    for decision in decisions:
        x, y, _ = decision.pose_um
        assert not envelope.place_problem((x, y, None), 0.5), decision.frame
        if decision.move_um is not None:
            assert not envelope.place_problem((*decision.move_um, None))


def test_no_move_is_longer_than_the_longest_step_and_the_target_is_held() -> None:
    decisions, reports, _ = follow({"step_um": 12.0})
    assert not [report for report in reports if isinstance(report, Fault)]
    poses = {decision.frame: decision.pose_um for decision in decisions}
    steps = [
        np.hypot(r.x_um - poses[r.frame][0], r.y_um - poses[r.frame][1])
        for r in reports
        if isinstance(r, Issued) and r.x_um is not None and r.y_um is not None
    ]
    assert max(steps) < 15.0  # of the stage in motion, from where it was in the picture
    assert decisions[-1].lock == "locked"
    free, _, _ = follow({})
    assert abs(decisions[-1].pose_um[0] - free[-1].pose_um[0]) < 5.0


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"x_um": (5, 50)}, r"x = 0 µm is outside the limits \[5, 50\] \(x_um under"),
        ({"z_um": (3, 9)}, r"z = 0 µm is outside the limits \[3, 9\] \(z_um under"),
        ({"keep_out": [{"x_um": (-5, 5), "y_um": (-5, 5)}]}, r"keep_out\[0\] under"),
    ],
)
def test_a_stage_that_stands_outside_is_not_moved(limits: dict[str, Any], words: str) -> None:
    with pytest.raises(MicroscopeError, match=f"nothing was moved: .*{words}.*return_inside"):
        follow(limits)


def test_a_session_that_would_start_outside_ends_at_once(tmp_path: Path) -> None:
    config, simulated = complete(
        {"detector": {"name": "blobs"}, "limits": {"x_um": (5, 50)}, "session": {"seconds": 1}}
    )
    with pytest.raises(SessionError, match="stands outside the limits"):
        run_lockstep(config, simulated, tmp_path / "session")
    assert not (tmp_path / "session" / "stage.csv").read_text().count("move")


def test_on_request_it_is_moved_inward() -> None:
    decisions, _, _ = follow({"x_um": (5, 50), "return_inside": True})
    assert any("it is moved inward only" in note for note in notes(decisions))
    xs = [decision.pose_um[0] for decision in decisions]
    inside = next(i for i, x in enumerate(xs) if x >= 5.0)
    assert min(xs) > -0.5
    assert min(xs[inside:]) > 4.0


def test_a_stage_that_may_be_too_fast_is_not_sent_to_positions() -> None:
    with pytest.raises(MicroscopeError, match=r"10000 µm/s .* limit is 200 µm/s \(speed_um_s"):
        follow({"speed_um_s": 200})
    decisions, reports, _ = follow(
        {"speed_um_s": 50}, policy={"name": "velocity"}, stage=VELOCITY, frames=100
    )
    given = [r.velocity_um_s for r in reports if isinstance(r, Issued) and r.velocity_um_s]
    assert given and np.abs(given).max() <= 50.0
    poses = np.array([decision.pose_um[:2] for decision in decisions])
    assert np.abs(np.diff(poses, axis=0)).max() <= 50.0 * 0.011


def test_a_dry_run_decides_and_moves_nothing() -> None:
    decisions, reports, _ = follow({}, session={"dry_run": True}, frames=60)
    assert any(decision.move_um is not None for decision in decisions)
    assert not [report for report in reports if isinstance(report, Issued | Fault)]
    assert max(abs(value) for decision in decisions for value in decision.pose_um) < 0.01


def test_a_dry_run_refuses_acquisitions(tmp_path: Path) -> None:
    config, simulated = complete(
        {"detector": {"name": "blobs"}, "session": {"seconds": 0.3, "dry_run": True}}
    )
    asked: Acquisitions = SimpleQueue()
    asked.put(useq.MDASequence.model_validate({"stage_positions": [(0, 0, 0)]}))
    summary = run_lockstep(config, simulated, tmp_path / "session", (), asked)
    assert summary["faults"] == [
        "An acquisition was refused: this is a dry run, and nothing moves."
    ]
    assert not (tmp_path / "session" / "acquisition_001").exists()


def test_the_focus_waits_at_its_limits_too() -> None:
    limits = {"x_um": (-1e4, 1e4), "y_um": (-1e4, 1e4), "z_um": (-0.5, 0.5)}
    decisions, reports, _ = follow(limits, 400, "diver")
    assert not [report for report in reports if isinstance(report, Fault)]
    sent = [decision.focus_um for decision in decisions if decision.focus_um is not None]
    assert sent and max(np.abs(sent)) <= 0.5
    assert any(note.startswith("The focus is beyond the limits") for note in notes(decisions))
    stepped, reports, _ = follow({"focus_step_um": 0.2}, 200, "diver")
    assert not [report for report in reports if isinstance(report, Fault)]
    assert any(decision.focus_um is not None for decision in stepped)


def test_the_search_looks_only_where_the_stage_may_go() -> None:
    limits = {"x_um": (-60, 200), "keep_out": [{"x_um": (90, 120), "y_um": (-500, 500)}]}
    decisions, reports, envelope = follow(limits, 1_200)
    searched = [d.move_um for d in decisions if d.reason.startswith("searching")]
    for move_um in filter(None, searched):
        assert not envelope.place_problem((*move_um, None))
    assert not [report for report in reports if isinstance(report, Fault)]


def test_a_facility_in_force_is_said_at_the_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "facility.toml"
    path.write_text("[limits]\nx_um = [-8, 8]\n", "utf-8")
    monkeypatch.setenv("PURSUIT_FACILITY", str(path))
    decisions, _, envelope = follow({"x_um": (-1e4, 1e4)}, 100)
    assert decisions[0].notes[-1] == f"The facility's limits are in force: {path.resolve()}."
    assert envelope.limits_um[0] == (-8.0, 8.0)
    assert max(abs(decision.pose_um[0]) for decision in decisions) < 8.5

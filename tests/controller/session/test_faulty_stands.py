"""What goes wrong with a stand is told in the last line, each thing by its name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pursuit.controller.assembly import complete
from pursuit.controller.session import SessionError, how_it_ended, in_hand, run_lockstep
from pursuit.sim.stand.faults import FaultSettings, Kind

ENDS_S = 6.0


def follow(
    folder: Path, *faults: FaultSettings, **tables: dict[str, Any]
) -> tuple[str, bool, dict[str, Any]]:
    """Follow on a stand with faults; return the last line, if the target was in hand, and more."""
    config, simulated = complete(
        {
            "microscope": {"scenario": "vesicle"},
            "detector": {"name": "blobs"},
            "session": {"seed": 1, "seconds": ENDS_S},
            **tables,
        }
    )
    assert simulated is not None
    scenario = msgspec.structs.replace(simulated.scenario, faults=faults)
    try:
        summary = run_lockstep(config, replace(simulated, scenario=scenario), folder / "session")
    except SessionError as error:
        return str(error), False, error.summary
    return how_it_ended(summary), in_hand(summary), summary


@pytest.mark.parametrize(
    ("kind", "seed", "says", "within_s"),
    [
        ("jams", 4, "sent along y again and again, and stays at", 3.0),
        ("jams", 7, "sent along x again and again, and stays at", 3.0),
        ("jams", 11, "sent along y again and again, and stays at", 3.0),
        ("refuses", 1, "any move for a second: Error in device XY: unrecognized answer", 1.2),
        ("repeats", 1, "No frame could be used since 2.0 s: the camera repeats its picture", 1.2),
    ],
)
def test_a_fault_ends_the_session_with_its_name(
    tmp_path: Path, kind: Kind, seed: int, says: str, within_s: float
) -> None:
    session = {"seed": seed, "seconds": ENDS_S}
    ended, hand, summary = follow(tmp_path, FaultSettings(kind, from_s=2.0), session=session)
    assert says in ended
    assert not hand
    assert 2.0 < summary["seconds"] < 2.0 + within_s


def test_a_jam_is_taken_for_a_slip_if_the_calibration_is_in_doubt_first(tmp_path: Path) -> None:
    """Small moves and waiting are all that a doubt leaves: too little to tell them apart."""
    session = {"seed": 1, "seconds": 12.0}
    ended, hand, summary = follow(tmp_path, FaultSettings("jams", from_s=2.0), session=session)
    assert "or the stage slips" in ended
    assert not hand
    assert 2.0 < summary["seconds"] < 7.0


def test_a_stage_that_slips_is_told_from_a_target_that_runs(tmp_path: Path) -> None:
    swimmer = {"scenario": "swimmer"}
    slips = FaultSettings("slips", from_s=2.0)
    session = {"seed": 5, "seconds": ENDS_S}
    ended, hand, summary = follow(tmp_path, slips, microscope=swimmer, session=session)
    assert "or the stage slips" in ended
    assert not hand
    assert 2.0 < summary["seconds"] < 4.0


def test_it_is_yielded_to_a_hand_and_followed_again_when_that_lets_go(tmp_path: Path) -> None:
    hand = FaultSettings("hand", 2.0, 2.6, velocity_um_s=(0.0, 15.0))
    ended, in_hand, summary = follow(tmp_path, hand)
    assert ended.startswith("The target was followed to the end")
    assert in_hand
    assert [fault.split(" at ")[0] for fault in summary["faults"]] == [
        "Yielded to a hand on the stage",
        "The stage is taken back from the hand",
    ]
    decisions = (tmp_path / "session" / "decisions.jsonl").read_text("utf-8")
    assert "Yielded to a hand on the stage at 2." in decisions
    assert "The hand let go of the stage at 3." in decisions


def test_where_a_hand_leaves_the_stage_without_the_target_another_is_looked_for(
    tmp_path: Path,
) -> None:
    hand = FaultSettings("hand", 2.0, 3.0, velocity_um_s=(40.0, 0.0))
    ended, in_hand, summary = follow(tmp_path, hand)
    assert "No target was found where a hand had left the stage" in ended
    assert not in_hand
    assert summary["held_by"] == ""


@pytest.mark.parametrize("after", ["resume", "wait"])
def test_a_session_that_ends_yielded_says_so(tmp_path: Path, after: str) -> None:
    to_s = 2.6 if after == "wait" else 1e3
    hand = FaultSettings("hand", 2.0, to_s, velocity_um_s=(0.0, 15.0))
    ended, in_hand, summary = follow(tmp_path, hand, stage={"after_hand": after})
    assert "yielded to a hand since 2." in ended
    assert not in_hand
    assert summary["held_by"] == "hand"


def test_a_session_that_ends_at_the_limit_says_so(tmp_path: Path) -> None:
    ended, in_hand, summary = follow(tmp_path, limits={"radius_um": 1.5})
    assert "at the limit, and the target beyond it, since" in ended
    assert not in_hand
    assert summary["held_by"] == "limits"

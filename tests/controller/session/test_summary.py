"""The numbers of a session mean what they say, and the picture can always be drawn."""

from __future__ import annotations

import json
from io import StringIO
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from pursuit.controller.decisions import Decision, Event, Lock
from pursuit.controller.session import Rows, how_it_ended, in_hand, is_held, print_summary
from pursuit.controller.session.report.summary import summarise
from pursuit.drivers.messages import (
    Description,
    Dynamics,
    Fault,
    Frame,
    Issued,
    PoseRead,
    StagePose,
    Truth,
)
from rich.console import Console

MS = 1_000_000
PIXEL = np.zeros((1, 1), np.uint8)


def description(affine: tuple[float, float, float, float] = (0.5, 0, 0, 0.5)) -> Description:
    """A field of 200 x 100 µm: the central half reaches 50 µm in x and 25 µm in y."""
    return Description(
        name="test",
        camera="Camera",
        xy_stage="XY",
        focus="",
        width_px=400,
        height_px=200,
        dtype="uint8",
        pixel_um=0.5,
        affine=affine,
        exposure_ms=5,
        interval_ms=10,
        dynamics=Dynamics(),
        limits_um=((-1e4, 1e4), (-1e4, 1e4), (-1e4, 1e4)),
    )


def note(rows: Rows, index: int, truth: tuple[float, float] | None = None) -> None:
    """Take note of a frame, and of the truth about it if there is one."""
    pose = StagePose(1000.0, -500.0, 0, 0)
    rows.frame(Frame(PIXEL, index, 7 + index * 10 * MS, 0, 5, pose))
    if truth is not None:
        rows.report(Truth(index, *truth, 0.0))


def decision(
    index: int, lock: Lock, seen: tuple[float, float] | None = None, us: float = 1.0
) -> Decision:
    seen_um = None if seen is None else (1000.0 + seen[0], -500.0 + seen[1])
    pose_um, at_ns = (1000.0, -500.0, 0.0), 7 + index * 10 * MS
    return Decision(index, at_ns, pose_um, 1, lock, seen_um=seen_um, timings_us={"detect": us})


def test_truth_scores_every_exposure_even_those_passed_over() -> None:
    rows = Rows()
    truths = [(400, 0), (3, 4), (60, 0), (0, 24), (0, 26)]  # frames 2 and 4 are not held
    for i, truth in enumerate(truths):
        note(rows, i, truth)
    rows.decision(decision(0, Lock.SEARCHING))
    rows.decision(decision(1, Lock.LOCKED, seen=(0, 0), us=2.0))
    rows.decision(decision(4, Lock.COASTING, us=3.0))
    summary = summarise(rows, description(), recorded=5, recording_lost=0)
    assert (summary["frames"], summary["dropped"]) == (3, 2)
    assert summary["first_lock"] == 1
    assert summary["held"] == 2 / 4
    assert summary["rms_error_um"] == pytest.approx(((25 + 3600 + 576 + 676) / 4) ** 0.5)
    assert summary["error_from"] == "truth"
    assert summary["seconds"] == 0.04
    assert summary["frame_rate"] == pytest.approx(2 / 0.04)
    assert summary["timings_us"] == {"detect": {"p50": 2.0, "p99": 2.98}}


def test_without_truth_the_detection_scores_and_what_is_not_seen_is_not_held() -> None:
    rows = Rows()
    locks = [Lock.LOCKED, Lock.COASTING, Lock.LOST, Lock.LOST, Lock.LOCKED, Lock.LOST]
    for i, lock in enumerate(locks):
        note(rows, i)
        rows.decision(decision(i, lock, seen=(6, 8) if lock is Lock.LOCKED else None))
    note(rows, 6)  # neither truth nor decision: nothing is known about it
    summary = summarise(rows, description(), 7, 0)
    assert (summary["error_from"], summary["rms_error_um"]) == ("detection", 10)
    assert (summary["held"], summary["lost"], summary["frames"]) == (2 / 6, 2, 6)


def test_the_central_half_turns_with_the_camera() -> None:
    rows = Rows()
    note(rows, 0, (40, 0))
    note(rows, 1, (0, 40))
    series = rows.series()
    assert is_held(series, description()).tolist() == [True, False]
    assert is_held(series, description(affine=(0, -0.5, 0.5, 0))).tolist() == [False, True]


def test_latency_runs_from_the_exposure_to_the_stage() -> None:
    rows = Rows()
    for late_ms in (10, 20, 30):
        rows.report(Issued(0, 5 * MS, 6 * MS, (5 + late_ms) * MS, 1.0, 2.0, None))
    rows.report(Fault(0, "The lamp is off."))
    rows.report(Fault(9, "The lamp is off."))
    summary = summarise(rows, description(), 0, 0)
    assert summary["latency_ms"] == {"p50": 20.0, "p99": 29.8}
    assert summary["faults"] == ["The lamp is off."]


def test_a_stage_that_was_found_otherwise_is_told() -> None:
    rows, pose = Rows(), StagePose(0.0, 0.0, 0.0, 0)
    rows.answers = True
    rows.report(PoseRead(pose))
    assert summarise(rows, description(), 0, 0)["stage_found"] is None
    rows.report(PoseRead(pose, Dynamics(delay_ms=12.34, speed_um_s=10_000, settle_ms=3.0)))
    rows.report(PoseRead(pose))
    summary = summarise(rows, description(), 0, 0)
    found = {"delay_ms": 12.34, "speed_um_s": 10_000.0, "acceleration_um_s2": 100_000.0}
    assert summary["stage_found"] == found
    said = StringIO()
    print_summary(Console(file=said, width=200), {**summary, "session": "here"})
    assert "than [stage] says; write there: delay_ms = 12.3, speed_um_s = 10000," in said.getvalue()


@pytest.mark.parametrize(("answers", "fault"), [(False, ""), (True, "Yielded to a hand.")])
def test_what_a_jam_or_a_hand_taught_of_a_stage_is_not_told(answers: bool, fault: str) -> None:
    rows = Rows()
    rows.answers = answers
    rows.report(PoseRead(StagePose(0.0, 0.0, 0.0, 0), Dynamics(delay_ms=56.7, settle_ms=3.0)))
    if fault:
        rows.report(Fault(9, fault))
    assert summarise(rows, description(), 0, 0)["stage_found"] is None


def test_nothing_at_all_is_null_not_nan() -> None:
    summary = summarise(Rows(), description(), 0, 0)
    unknown = {key for key, value in summary.items() if value is None}
    assert unknown == {
        *("frame_rate", "first_lock", "answered_from", "rms_error_um", "error_from", "latency_ms"),
        *("stage_found", "last_seen_s", "lock_at_end", "held_since_s", "hand_s"),
    }


@pytest.mark.parametrize(("every", "told"), [(1, False), (3, True)])
def test_frames_that_were_passed_over_are_explained(every: int, told: bool) -> None:
    rows = Rows()
    for i in range(0, 30, every):
        note(rows, i)
        rows.decision(replace(decision(i, Lock.LOCKED), timings_us={"detect": 2e4, "track": 4e3}))
    said, summary = StringIO(), summarise(rows, description(), 3, 0)
    print_summary(Console(file=said, width=300), {**summary, "session": "here"})
    why = "frames come every 9.64 ms and take 24 ms here: a faster detector (blobs)"
    assert (why in said.getvalue()) == told


def test_a_detector_that_is_far_too_slow_is_named() -> None:
    rows = Rows()
    for i in (0, 150, 300):
        note(rows, i)
        rows.decision(replace(decision(i, Lock.SEARCHING), timings_us={"detect": 2.1e6}))
    assert "takes 2.1 s to look at one" in how_it_ended(summarise(rows, description(), 3, 0))


def test_small_first_moves_to_the_end_are_no_following() -> None:
    rows = Rows()
    for i in range(3):
        note(rows, i)
        rows.decision(replace(decision(i, Lock.LOCKED, seen=(6, 8)), answers=False))
    summary = summarise(rows, description(), 3, 0)
    assert not in_hand(summary)
    assert "ended before the picture had answered" in how_it_ended(summary)
    assert "3 frames are too few, and at least 4 are needed" in how_it_ended(summary)


@pytest.mark.parametrize(
    ("held_by", "says"),
    [
        ("limits", "at the limit, and the target beyond it, since 0.2 s of 0.4 s"),
        ("hand", "yielded to a hand since 0.2 s of 0.4 s: the target was last seen at 0.1 s"),
    ],
)
def test_what_kept_the_stage_from_the_target_is_told_and_no_following(
    held_by: Literal["limits", "hand"], says: str
) -> None:
    rows = Rows()
    for i in range(41):
        note(rows, i)
        lock, seen = (Lock.LOCKED, (6.0, 8.0)) if i < 10 else (Lock.LOST, None)
        kept: Literal["", "limits", "hand"] = held_by if i == 5 or i >= 20 else ""
        rows.decision(replace(decision(i, lock, seen), held_by=kept))
    summary = summarise(rows, description(), 41, 0)
    assert not in_hand(summary)
    assert says in how_it_ended(summary)


@pytest.mark.parametrize(
    ("locks", "hand", "says"),
    [
        ([Lock.SEARCHING] * 3, False, "Nothing to follow was found in 3 frames"),
        ([Lock.SEARCHING, Lock.LOCKED, Lock.LOCKED], True, "was followed to the end."),
        (
            [Lock.LOCKED] * 2 + [Lock.COASTING] * 10,
            True,
            "followed to the end, not seen in 10 of 12 frames, unseen for the last 0.1 s.",
        ),
        ([Lock.LOCKED] * 6 + [Lock.COASTING] * 55, False, "it may have left the field."),
        ([Lock.LOCKED] * 6 + [Lock.LOST] * 55, False, "lost: last seen at 0.1 s of 0.6 s"),
        (
            [Lock.LOCKED, Lock.LOST, Lock.LOCKED],
            True,
            "The target was followed to the end, not seen in 1 of 3 frames.",
        ),
        (
            [Lock.SEARCHING] * 5 + ([Lock.LOCKED] * 4 + [Lock.COASTING]) * 9 + [Lock.LOCKED],
            True,
            "The target was followed to the end, not seen in 9 of 46 frames.",
        ),
    ],
)
def test_the_end_of_a_session_tells_the_truth(locks: list[Lock], hand: bool, says: str) -> None:
    rows = Rows()
    for i, lock in enumerate(locks):
        note(rows, i)
        rows.decision(decision(i, lock, seen=(6, 8) if lock is Lock.LOCKED else None))
    summary = summarise(rows, description(), len(locks), 0)
    assert in_hand(summary) is hand
    assert says in how_it_ended(summary)


@pytest.mark.parametrize(
    ("targets", "says"),
    [
        ([3] * 6, "The target was followed to the end."),
        ([3] * 3 + [7] * 3, "A daughter of the target was followed to the end, from 0.3 s of 0.5"),
        ([3] * 3 + [8] * 3, "A daughter of the target was followed to the end, from 0.3 s of 0.5"),
        (
            [3] * 3 + [5] * 3,
            "Another object than at first was followed to the end, from 0.3 s of 0.5 s on.",
        ),
        (
            [3, 5, 5, 3, 3, 3],
            "The target was followed to the end, another object in its place in 2 of 6 frames.",
        ),
    ],
)
def test_what_was_followed_in_place_of_the_target_is_told(targets: list[int], says: str) -> None:
    rows = Rows()
    for i, target in enumerate(targets):
        note(rows, 10 * i)
        one = replace(decision(10 * i, Lock.LOCKED, (0.0, 0.0)), target=target, targets=(target,))
        divided = (Event("division", (3,), (7, 8)),) if i == 2 else ()
        rows.decision(replace(one, events=divided))
    summary = summarise(rows, description(), 6, 0)
    assert in_hand(summary)
    assert how_it_ended(summary).startswith(says)


def test_the_nearest_to_a_point_is_not_called_what_was_pointed_at() -> None:
    rows = Rows()
    for i in range(4):
        note(rows, i)
        one = replace(decision(i, Lock.LOCKED, (0.0, 0.0)), target=3, targets=(3,))
        rows.decision(replace(one, took_nearest=True))
    ended = how_it_ended(summarise(rows, description(), 4, 0))
    assert ended == "Not what was pointed at, but the nearest to it, was followed to the end."


def test_what_was_let_go_before_the_picture_answered_was_no_target() -> None:
    rows = Rows()
    for i, target in enumerate([3, 3, 5, 5, 5]):
        note(rows, i)
        one = decision(i, Lock.LOCKED, (0.0, 0.0))
        rows.decision(replace(one, target=target, targets=(target,), answers=i > 3))
    ended = how_it_ended(summarise(rows, description(), 5, 0))
    assert ended == "The target was followed to the end."


_number = st.one_of(st.just(float("nan")), st.floats(-1e6, 1e6))
_pair = st.none() | st.tuples(_number, _number)


@settings(max_examples=100, deadline=None)
@given(
    frames=st.lists(st.tuples(st.integers(0, 30), _pair)),
    decisions=st.lists(st.tuples(st.integers(0, 30), st.sampled_from(Lock), _pair)),
)
def test_any_session_gives_sensible_json(frames: list, decisions: list) -> None:
    rows = Rows()
    for index, truth in frames:
        note(rows, index, truth)
    for index, lock, seen in decisions:
        rows.decision(decision(index, lock, seen, us=float("nan")))
    summary = summarise(rows, description(), 0, 0)
    json.dumps(summary, allow_nan=False)
    assert summary["held"] is None or 0 <= summary["held"] <= 1
    assert summary["dropped"] >= 0
    assert summary["lost"] <= summary["frames"] == len({index for index, *_ in decisions})


def test_nor_when_it_is_lost() -> None:
    rows = Rows()
    for i in range(8):
        note(rows, i)
        lock = Lock.LOCKED if i < 4 else Lock.LOST
        one = replace(decision(i, lock, (0.0, 0.0) if i < 4 else None), took_nearest=True)
        followed = {"target": 3, "targets": (3,)} if i < 4 else {}
        rows.decision(replace(one, **followed))
    ended = how_it_ended(summarise(rows, description(), 4, 0))
    assert ended.startswith("Not what was pointed at, but the nearest to it, was lost: last seen")

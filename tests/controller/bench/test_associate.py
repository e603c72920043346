"""Scores of tracks are what they are called, and the bench compares like with like."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike
from pursuit.controller.bench.associate import associate
from pursuit.controller.bench.associate.crowd import DIAMETER_PX, make_crowd
from pursuit.controller.offline import TrackPoints, score
from pursuit.controller.offline.scores import annotated


def places(rows: list[tuple[int, int, float]]) -> TrackPoints:
    """Make places from rows of frame, identity and x."""
    frames, ids, x = np.array(rows, float).reshape(-1, 3).T
    return TrackPoints(frames.astype(int), ids.astype(int), np.column_stack([x, np.zeros(len(x))]))


def walk(name: int, x: float, frames: ArrayLike) -> list[tuple[int, int, float]]:
    return [(int(frame), name, x) for frame in np.asarray(frames)]


TRUTH = places([*walk(0, 0.0, range(4)), *walk(1, 50.0, range(4))])


def test_what_is_right_scores_one() -> None:
    renamed = TrackPoints(TRUTH.frames, 7 - TRUTH.ids, TRUTH.positions)
    scores = score(TRUTH, renamed, 5.0)
    assert (scores.idf1, scores.hota, scores.assa, scores.recall, scores.idr) == pytest.approx(
        (1, 1, 1, 1, 1)
    )


def test_a_change_of_identity_costs_half_of_one_object() -> None:
    found = places([*walk(0, 0.0, [0, 1]), *walk(5, 0.0, [2, 3]), *walk(1, 50.0, range(4))])
    scores = score(TRUTH, found, 5.0)
    assert scores.idf1 == scores.idr == pytest.approx(6 / 8)
    assert scores.assa == pytest.approx((4 * 2 / 4 + 4) / 8)
    assert scores.hota == pytest.approx(math.sqrt(scores.assa))
    assert scores.recall == 1


def test_an_object_not_found_and_one_invented() -> None:
    found = places([*walk(0, 0.0, range(4)), *walk(1, 80.0, range(2))])
    scores = score(TRUTH, found, 5.0)
    assert scores.idf1 == pytest.approx(2 * 4 / (8 + 6))
    assert scores.hota == pytest.approx(math.sqrt(4 / (8 + 6 - 4)))
    assert (scores.recall, scores.idr, scores.assa) == pytest.approx((0.5, 0.5, 1.0))
    known = score(TRUTH, annotated(TRUTH, found, 5.0), 5.0)
    assert known.idf1 == pytest.approx(2 * 4 / (8 + 4))
    assert known.hota == pytest.approx(math.sqrt(0.5))


def test_nothing_found_scores_nothing() -> None:
    assert score(TRUTH, places([]), 5.0).idf1 == score(places([]), TRUTH, 5.0).hota == 0


def test_scores_are_those_of_trackeval() -> None:
    metrics: Any = pytest.importorskip("trackeval").metrics
    crowd = make_crowd(30, 25, 3)
    rng = np.random.default_rng(0)
    kept = np.flatnonzero(rng.random(len(crowd.truth)) < 0.8)
    part = crowd.truth.at(kept)
    changed = part.ids + 30 * (part.frames > rng.integers(0, 40, 30)[part.ids])
    shaken = part.positions + rng.normal(0, 2, part.positions.shape)
    found = TrackPoints(part.frames, changed, shaken)
    data = as_trackeval(crowd.truth, found, 6.0)
    hota = metrics.HOTA().eval_sequence(data)
    identity = metrics.Identity({"PRINT_CONFIG": False}).eval_sequence(data)
    scores = score(crowd.truth, found, 6.0)
    assert 0.3 < scores.hota < 0.9
    assert scores.idf1 == pytest.approx(identity["IDF1"], abs=1e-12)
    assert scores.idr == pytest.approx(identity["IDR"], abs=1e-12)
    assert scores.hota == pytest.approx(hota["HOTA"].mean(), abs=1e-12)
    assert scores.assa == pytest.approx(hota["AssA"].mean(), abs=1e-12)
    assert scores.recall == pytest.approx(hota["DetRe"][9], abs=1e-12)


def as_trackeval(truth: TrackPoints, found: TrackPoints, tolerance: float) -> dict[str, Any]:
    """Lay places out frame by frame, with their similarities."""
    sides = [truth, found]
    names = [np.unique(side.ids, return_inverse=True) for side in sides]
    data: dict[str, Any] = {"gt_ids": [], "tracker_ids": [], "similarity_scores": []}
    for frame in range(int(truth.frames.max()) + 1):
        rows = [np.flatnonzero(side.frames == frame) for side in sides]
        for key, (_, index), row in zip(("gt_ids", "tracker_ids"), names, rows, strict=True):
            data[key].append(index[row])
        first, second = (side.positions[row] for side, row in zip(sides, rows, strict=True))
        apart = np.linalg.norm(first[:, None] - second, axis=2)
        data["similarity_scores"].append(np.maximum(1 - apart / (2 * tolerance), 0))
    for side, key, (known, _) in zip(sides, ("gt", "tracker"), names, strict=True):
        data |= {f"num_{key}_dets": len(side), f"num_{key}_ids": len(known)}
    return data


def test_the_crowd_is_as_dense_and_as_hard_as_it_says() -> None:
    crowd = make_crowd(300, 40, 0)
    truth = crowd.truth.positions.reshape(40, 300, 2)
    assert truth.min() >= 0 and truth.max() <= crowd.size_px - 1
    assert crowd.size_px**2 / 300 == pytest.approx(36**2, rel=0.02)
    ids = np.zeros(len(crowd.truth), int)
    seen = TrackPoints(
        np.repeat(np.arange(40), [len(found) for found in crowd.seen]),
        np.concatenate([np.arange(len(found)) for found in crowd.seen]),
        np.concatenate([found.centres_px for found in crowd.seen]).astype(np.float64),
    )
    recall = score(TrackPoints(crowd.truth.frames, ids, crowd.truth.positions), seen, 3.0).recall
    assert 0.85 < recall < 0.95
    assert np.median([np.sqrt(one.sizes_px.prod(axis=1)).mean() for one in crowd.seen]) == (
        pytest.approx(DIAMETER_PX, rel=0.1)
    )


def test_rows_compare_everyone_who_is_here() -> None:
    notes: list[str] = []
    rows = associate.run([12, 24], frames=24, predictor="kalman", on_note=notes.append)
    who = {row["who"] for row in rows}
    assert "pursuit" in who
    assert len(who) + len(notes) == 4 and len(rows) == 2 * len(who)
    for row in rows:
        assert row["objects"] in (12, 24) and row["ms_per_frame"] > 0
        assert 0.5 < row["idf1"] <= 1 and 0.5 < row["hota"] <= 1

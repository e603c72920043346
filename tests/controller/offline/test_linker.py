"""Linking a whole movie: what is cut, joined, left out, and what the user has the last word on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pursuit.controller.offline import (
    Linker,
    TrackPoints,
    identity_switches,
    names_kept,
    points_of,
    rows_of,
)
from pursuit.models.detections import Detections
from pursuit.models.images import Recording

SIDE_PX, FRAMES = 200, 24
BLOBS = {"detector": {"name": "blobs"}}
Spot = tuple[float, float, float, float]
"""x, y, size and score."""


def recording(frames: int = FRAMES) -> Recording:
    pixels = np.zeros((frames, SIDE_PX, SIDE_PX), np.uint8)
    return Recording(Path("spots.tif"), pixels, 1.0, 1.0, None, ())


def detected(spots: list[Spot]) -> Detections:
    table = np.array(spots, np.float64).reshape(-1, 4)
    half = table[:, 2:3] / 2
    boxes = np.hstack([table[:, :2] - half, table[:, :2] + half])
    return Detections.of(boxes, table[:, 3], brightness=100 * table[:, 2] ** 2)


def linked(frames: list[list[Spot]], **tables: Any) -> list[Any]:
    movie = recording(len(frames))
    found = [detected(spots) for spots in frames]
    return rows_of(Linker(movie, BLOBS | tables).link(found), movie)


def paths(rows: list[Any]) -> dict[int, list[tuple[int, float, float, bool]]]:
    found: dict[int, list[tuple[int, float, float, bool]]] = {}
    for track, frame, x, y, seen, *_ in rows:
        found.setdefault(track, []).append((frame, x, y, seen))
    return found


def still(x: float, y: float, size: float = 10.0, score: float = 0.8) -> list[list[Spot]]:
    """A spot that shakes by a little."""
    shakes = np.random.default_rng(round(x + 7 * y)).normal(0, 0.3, (FRAMES, 2))
    return [[(x + dx, y + dy, size, score)] for dx, dy in shakes]


def together(*movies: list[list[Spot]]) -> list[list[Spot]]:
    return [[spot for movie in movies for spot in movie[frame]] for frame in range(FRAMES)]


def test_no_track_goes_where_no_object_can_go() -> None:
    here, there = still(40, 40), still(75, 40)
    half = FRAMES // 2
    handed_over = [here[k] if k < half else there[k] for k in range(FRAMES)]
    tracks = paths(linked(together(handed_over, still(150, 60), still(60, 150))))
    assert sorted(len(path) for path in tracks.values()) == [half, half, FRAMES, FRAMES]


def test_a_gap_is_closed_by_the_line_between_its_ends() -> None:
    seen = [[(30 + 2.0 * k, 50.0, 10.0, 0.8)] for k in range(FRAMES)]
    for frame in (9, 10, 11):
        seen[frame] = []
    (path,) = paths(linked(seen)).values()
    assert [frame for frame, *_, is_seen in path if not is_seen] == [9, 10, 11]
    np.testing.assert_allclose([x for _, x, *_ in path], 30 + 2.0 * np.arange(FRAMES), atol=0.01)


def test_no_gap_is_longer_than_the_user_allows() -> None:
    seen = [[(30 + 2.0 * k, 50.0, 10.0, 0.8)] for k in range(FRAMES)]
    for frame in (9, 10, 11):
        seen[frame] = []
    assert len(paths(linked(seen))) == 1
    assert len(paths(linked(seen, tracking={"max_misses": 2}))) == 2


def test_what_is_never_seen_surely_is_left_out_unless_the_user_says_how_sure_is_enough() -> None:
    sure = [still(x, 40) for x in (30, 60, 90, 120, 150)]
    seen = together(*sure, still(60, 150, score=0.36))
    assert len(paths(linked(seen))) == 5
    assert len(paths(linked(seen, tracking={"high_score": 0.1}))) == 6


def test_an_object_that_is_weak_at_times_is_kept_at_those_times() -> None:
    weak = [
        [(x, y, size, 0.2 if frame % 3 else 0.8)]
        for frame, ((x, y, size, _),) in enumerate(still(60, 150))
    ]
    tracks = paths(linked(together(still(60, 40), still(120, 40), weak)))
    assert [len(path) for path in tracks.values()] == [FRAMES] * 3


def test_two_boxes_of_one_object_are_one_track() -> None:
    outer, inner = still(60, 60, size=24), still(61, 60, size=12, score=0.5)
    tracks = paths(linked(together(outer, inner, still(150, 60, size=24))))
    assert len(tracks) == 2


def test_a_short_track_needs_the_measurements_that_the_user_asks_for() -> None:
    brief = [spots if 5 <= frame < 8 else [] for frame, spots in enumerate(still(60, 150))]
    seen = together(still(60, 40), still(120, 40), brief)
    assert len(paths(linked(seen))) == 3
    assert len(paths(linked(seen, tracking={"confirm_hits": 5}))) == 2


def dividing() -> list[list[Spot]]:
    """One that becomes two of half the area, beside one that does not."""
    frames: list[list[Spot]] = []
    for k in range(FRAMES):
        apart = 6 + 1.2 * (k - FRAMES // 2)
        halves = [(60 - apart, 60.0, 14.0, 0.8), (60 + apart, 60.0, 14.0, 0.8)]
        frames.append([(60.0, 60.0, 20.0, 0.8)] if k < FRAMES // 2 else halves)
    return together(frames, still(150, 150, size=20))


def test_daughters_name_their_mother_from_the_frame_of_the_division_on() -> None:
    rows = linked(dividing())
    mothers = {row[0]: row[7] for row in rows}
    daughters = [track for track, mother in mothers.items() if mother]
    assert len(mothers) == 4 and len(daughters) == 2
    tracks = paths(rows)
    assert [tracks[one][0][0] for one in daughters] == [FRAMES // 2] * 2
    (mother,) = {mothers[one] for one in daughters}
    assert len(tracks[mother]) == FRAMES // 2


def test_nothing_divides_where_the_user_says_so() -> None:
    rows = linked(dividing(), tracking={"divisions": False})
    assert {row[7] for row in rows} == {0}


def test_objects_that_cross_keep_their_names() -> None:
    seen: list[list[Spot]] = [
        [(20 + 6.0 * k, 60 + 2.0 * k, 10.0, 0.8), (20 + 6.0 * k, 106 - 2.0 * k, 14.0, 0.8)]
        for k in range(FRAMES)
    ]
    truth = TrackPoints(
        np.repeat(np.arange(FRAMES), 2),
        np.tile([0, 1], FRAMES),
        np.array([spot[:2] for spots in seen for spot in spots]),
    )
    found = points_of(linked(seen), 1.0)
    assert identity_switches(truth, found, 3.0) == 0


def test_a_switch_is_counted_for_each_object_that_goes_on_under_another_name() -> None:
    frames, ids = np.repeat(np.arange(6), 2), np.tile([0, 1], 6)
    places = np.stack([frames, 50.0 * ids], axis=1).astype(float)
    swapped = np.where(frames >= 3, 1 - ids, ids)
    truth = TrackPoints(frames, ids, places)
    assert identity_switches(truth, truth, 1.0) == 0
    assert identity_switches(truth, TrackPoints(frames, swapped, places), 1.0) == 2


def test_names_that_are_kept_from_the_first_frame_to_the_last_are_counted() -> None:
    frames, ids = np.repeat(np.arange(6), 2), np.tile([0, 1], 6)
    places = np.stack([frames, 50.0 * ids], axis=1).astype(float)
    truth = TrackPoints(frames, ids, places)

    def kept(names: np.ndarray, shown: np.ndarray | slice = slice(None)) -> float:
        found = TrackPoints(frames[shown], names[shown], places[shown])
        return names_kept(truth, found, 1.0)

    assert kept(ids + 7) == 1.0
    assert kept(np.where(frames >= 3, 1 - ids, ids)) == 0.0
    assert kept(np.where(frames == 3, 1 - ids, ids)) == 1.0
    assert kept(np.where((ids == 1) & (frames >= 4), 9, ids)) == 0.5
    assert kept(ids, (frames > 0) | (ids == 0)) == 0.5
    assert np.isnan(names_kept(truth.at(np.flatnonzero(frames < 4)), truth, 1.0))


@pytest.mark.parametrize("frames", [[[]] * 3, [[(50.0, 50.0, 10.0, 0.8)], [], []]])
def test_what_is_no_track_is_none(frames: list[list[Spot]]) -> None:
    assert linked(frames) == []

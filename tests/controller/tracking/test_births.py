"""What begins tracks: one for each object, what is pointed at, and what is fast at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pursuit.controller.tracking import by_pointing
from pursuit.controller.tracking.births import births

from .tracker_bench import Bench, seen_at

ALL = np.ones(3, np.bool_)


def measured(make_measurements: Any, sizes_um: list[float], scores: list[float]) -> Any:
    """Three of some sizes, the first two at the same place, the third elsewhere."""
    found = make_measurements([(0, 0), (0.5, 0), (40, 0)], size_um=sizes_um)
    return replace(found, scores=np.array(scores, np.float32))


@pytest.mark.parametrize(
    ("sizes_um", "scores", "begin"),
    [
        ([6, 8, 6], [0.9, 0.5, 0.5], [0, 2]),
        ([6, 8, 6], [0.5, 0.9, 0.5], [1, 2]),
        ([6, 6, 6], [0.9, 0.5, 0.5], [0, 1, 2]),
        ([6, 30, 6], [0.9, 0.5, 0.5], [0, 1, 2]),
    ],
)
def test_of_nested_boxes_of_one_frame_the_one_with_the_highest_score_begins_a_track(
    make_measurements: Any, sizes_um: list[float], scores: list[float], begin: list[int]
) -> None:
    found = measured(make_measurements, sizes_um, scores)
    assert births(found, [], ALL, ALL).tolist() == begin


def test_a_box_in_one_that_begins_no_track_itself_may_begin_one(make_measurements: Any) -> None:
    found = make_measurements([(0, 0), (1.5, 0), (3.5, 0)], size_um=[6, 8, 10])
    found = replace(found, scores=np.array([0.9, 0.8, 0.7], np.float32))
    assert births(found, [], ALL, ALL).tolist() == [0, 2]


@pytest.mark.parametrize(
    ("size_um", "away_um", "score", "begin"),
    [
        (8.0, 3.5, 0.3, [0, 2]),
        (8.0, 3.5, 0.6, [0, 1, 2]),
        (8.0, 6.0, 0.3, [0, 1, 2]),
        (18.0, 3.5, 0.3, [0, 1, 2]),
    ],
)
def test_a_weak_box_on_a_much_surer_one_of_about_its_size_begins_no_track(
    make_measurements: Any, size_um: float, away_um: float, score: float, begin: list[int]
) -> None:
    """Objects that overlap are seen together once more, with little score."""
    found = make_measurements([(0, 0), (away_um, 0), (40, 0)], size_um=[6, size_um, 6])
    found = replace(found, scores=np.array([0.9, score, 0.5], np.float32))
    assert births(found, [], ALL, ALL).tolist() == begin


def test_only_what_no_track_took_begins_one(make_measurements: Any) -> None:
    found = measured(make_measurements, [6, 30, 6], [0.9, 0.5, 0.5])
    assert births(found, [], ~ALL, ALL).tolist() == []
    assert births(found, [], np.array([False, True, True]), ALL).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("point_um", "begin"), [((0.0, 0.0), [0]), ((41.0, 1.0), [2]), ((24.0, 0.0), [])]
)
def test_what_is_pointed_at_begins_a_track_whatever_its_score(
    make_measurements: Any, point_um: tuple[float, float], begin: list[int]
) -> None:
    found = measured(make_measurements, [6, 30, 6], [0.1, 0.05, 0.1])
    assert births(found, [], ALL, ~ALL, np.array(point_um)).tolist() == begin


def test_what_is_pointed_at_begins_a_track_in_place_of_a_better_box_around_it(
    make_measurements: Any,
) -> None:
    found = make_measurements([(0, 0), (2, 0), (40, 0)], size_um=[6, 10, 6])
    found = replace(found, scores=np.array([0.19, 0.21, 0.8], np.float32))
    high = found.scores > 0.2
    assert births(found, [], ALL, high, np.zeros(2)).tolist() == [0, 2]
    assert births(found, [], ALL, high).tolist() == [1, 2]


def test_of_two_around_a_point_the_surer_one_is_meant_unless_the_other_is_much_nearer() -> None:
    places_um, sizes_um = np.array([(0.0, 0.0), (8.0, 0.0)]), np.array([20.0, 20.0])

    def first(point_um: tuple[float, float], scores: tuple[float, float]) -> int:
        return int(by_pointing(point_um, places_um, sizes_um, scores)[0])

    assert first((0, 0), (0.9, 0.9)) == 0
    assert first((4, 0), (0.2, 0.9)) == 1
    assert first((-2, 0), (0.2, 0.9)) == 0


def test_off_all_objects_the_nearest_is_meant_however_unsure() -> None:
    places_um = np.array([(0.0, 0.0), (30.0, 0.0), (50.0, 0.0)])
    order = by_pointing((20.0, 0.0), places_um, np.array([6.0, 6.0, 6.0]), (0.9, 0.1, 0.9))
    assert order.tolist() == [1, 0, 2]


FAST_UM = np.array([12.0, 5.0])
"""Three of its sizes a frame, of which nothing was said: the gate is 4 µm."""


def test_an_object_faster_than_anybody_expects_is_known_from_three_measurements() -> None:
    bench = Bench()
    assert bench.show([FAST_UM * 0]) == bench.show([FAST_UM]) == []
    (track,) = bench.show([FAST_UM * 2])
    for n in (3, 4, 5):
        assert seen_at(bench.show([FAST_UM * n])) == {track.id: tuple(FAST_UM * n)}


@pytest.mark.parametrize("places_um", [[(0, 0), (12, 0)], [(0, 0), (12, 0), (-9, 12)]])
def test_two_measurements_are_no_evidence_of_something_fast(places_um: list[Any]) -> None:
    bench = Bench()
    assert all(bench.show([place]) == [] for place in places_um)


def test_what_rests_where_a_false_alarm_seems_to_have_gone_is_known_as_soon_as_ever() -> None:
    bench = Bench()
    bench.show([(-12, 0)])
    bench.show([(0, 0)])
    assert len(bench.show([(0, 0)])) == 1


def test_nothing_fast_is_believed_where_another_could_have_got_there() -> None:
    """A second object is as near to the new place: who went where cannot be said."""
    bench = Bench()
    bench.show([(0, 0), (20, 0)])
    bench.show([(10, 8)])
    assert bench.show([(20, 16)]) == []


def test_false_alarms_are_rarely_taken_for_something_fast() -> None:
    rng, bench = np.random.default_rng(0), Bench()
    shown = (bench.show(rng.uniform(-45, 45, (rng.poisson(2), 2))) for _ in range(600))
    assert len({track.id for tracks in shown for track in tracks}) < 12

"""What begins tracks: one for each object, and what is pointed at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pursuit.controller.tracking import by_pointing
from pursuit.controller.tracking.births import births

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

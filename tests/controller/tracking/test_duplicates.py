"""Nested boxes of one object begin no track, and what lies on what is followed ends."""

from __future__ import annotations

from typing import Any

import pytest
from pursuit.controller.tracking.duplicates import Duplicates, doubled


@pytest.mark.parametrize(
    ("away_um", "size_um", "is_doubled"),
    [
        (0.0, 4.0, True),
        (2.0, 4.0, True),
        (2.2, 4.0, False),
        (0.0, 8.0, True),
        (0.0, 6.5, False),
        (0.0, 2.0, False),
        (0.0, 16.0, False),
        (0.0, 0.0, False),
    ],
)
def test_a_nested_box_of_another_size_at_the_same_place_is_of_the_same_object(
    make_track: Any, make_measurements: Any, away_um: float, size_um: float, is_doubled: bool
) -> None:
    measurements = make_measurements([(away_um, 0)], size_um=size_um or 1e-300)
    assert doubled(measurements, [make_track(1, 0)]).tolist() == [is_doubled]


def test_nothing_is_doubled_beside_what_is_not_confirmed_or_was_not_seen(
    make_track: Any, make_measurements: Any
) -> None:
    measurements = make_measurements([(0, 0)], size_um=4)
    tracks = [make_track(0, 0), make_track(2, 0, seen=False)]
    assert doubled(measurements, tracks).tolist() == [False]
    assert doubled(measurements, []).tolist() == [False]
    assert doubled(make_measurements([]), [make_track(1, 0)]).tolist() == []


def test_after_three_frames_in_a_row_the_other_track_ends(make_track: Any) -> None:
    followed, other, far = make_track(1, 0), make_track(2, 1, size_um=8), make_track(3, 30)
    duplicates = Duplicates()
    together, apart = [followed, other, far], [followed, far]
    shown = [together, together, apart, together, [], together, together, together]
    ended = [duplicates.ended(seen, wanted=[1]) for seen in shown]
    assert ended == [[]] * 7 + [[other]]


@pytest.mark.parametrize("wanted", [[], [3], [1, 2]])
def test_none_ends_that_is_wanted_or_not_where_something_wanted_is(
    make_track: Any, wanted: list[int]
) -> None:
    tracks = [make_track(1, 0), make_track(2, 1, size_um=8), make_track(3, 30)]
    duplicates = Duplicates()
    assert not any(duplicates.ended(tracks, wanted) for _ in range(6))

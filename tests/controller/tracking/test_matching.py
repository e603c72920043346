"""Gates and the order in which measurements are given to tracks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pursuit.controller.tracking.matching import Matcher

NOISE_UM2, AREA_UM2 = 0.01, 1e4
POINTS = st.lists(st.tuples(*[st.floats(-40, 40)] * 2), min_size=1, max_size=10)


def match(
    table: Any, measurements: Any, high: Sequence[bool] | None = None, area_um2: float = AREA_UM2
) -> dict[int, int]:
    """Row of each matched track to that of its measurement."""
    are_high = np.ones(len(measurements), np.bool_) if high is None else np.array(high)
    found = Matcher(1.0).match(table, measurements, are_high, area_um2)
    rows, columns = (each.tolist() for each in found)
    assert len(set(rows)) == len(set(columns)) == len(rows)
    return dict(zip(rows, columns, strict=True))


def test_a_measurement_is_matched_up_to_the_gate(
    make_track: Any, make_table: Any, make_measurements: Any
) -> None:
    unseen = make_table([make_track(1, 0, sigma_um=3, size_um=1, seen=False)])
    reach_um = (13.8 * (9 + NOISE_UM2)) ** 0.5
    assert match(unseen, make_measurements([(0.99 * reach_um, 0)], size_um=1)) == {0: 0}
    assert match(unseen, make_measurements([(1.01 * reach_um, 0)], size_um=1)) == {}


def test_within_its_body_an_object_is_itself_however_sure_the_prediction_was(
    make_track: Any, make_table: Any, make_measurements: Any
) -> None:
    table = make_table([make_track(1, 0, sigma_um=0.01, seen=False)])
    assert match(table, make_measurements([(0.69 * 6, 0)])) == {0: 0}
    assert match(table, make_measurements([(0.71 * 6, 0)])) == {}


def test_beyond_the_gate_only_what_looks_alike_and_has_no_rival_is_matched(
    make_track: Any, make_table: Any, make_measurements: Any
) -> None:
    def matched(*places: tuple[float, float], seen: bool = True, **appearance: float) -> bool:
        table = make_table([make_track(1, 0, sigma_um=2, seen=seen)])
        return bool(match(table, make_measurements(places, **appearance)))

    assert matched((15, 0))
    assert not matched((15, 0), seen=False)
    assert not matched((15, 0), size_um=18, brightness=9000)
    assert not matched((15, 0), (-15, 0))
    assert not matched((25, 0))


def test_no_track_reaches_farther_than_measurements_are_apart(
    make_track: Any, make_table: Any, make_measurements: Any
) -> None:
    table = make_table([make_track(1, 0, sigma_um=5)])
    assert match(table, make_measurements([(12, 0)])) == {0: 0}
    assert match(table, make_measurements([(12, 0)]), area_um2=100) == {}


def test_high_scores_come_first_then_the_others_for_tracks_that_are_left(
    make_track: Any, make_table: Any, make_measurements: Any
) -> None:
    table = make_table([make_track(1, 0), make_track(2, 30)])
    measurements = make_measurements([(0.1, 0), (1, 0), (30, 0)])
    assert match(table, measurements) == {0: 0, 1: 2}
    assert match(table, measurements, high=[False, True, False]) == {0: 1, 1: 2}


def test_appearance_decides_between_two_at_the_same_distance(
    make_track: Any, make_table: Any, make_measurements: Any
) -> None:
    tracks = [make_track(1, 0, brightness=500), make_track(2, 2, brightness=2000)]
    alike = make_measurements([(1, 1), (1, -1)], brightness=[2000, 500])
    assert match(make_table(tracks), alike) == {0: 1, 1: 0}


def test_a_new_track_takes_no_measurement_from_an_old_one(
    make_track: Any, make_table: Any, make_measurements: Any
) -> None:
    for new in (make_track(2, 0.5, hits=1), make_track(0, 0.5, hits=1)):
        table = make_table([make_track(1, 0), new])
        assert match(table, make_measurements([(0.5, 0)])) == {0: 0}


@given(POINTS, POINTS)
def test_matches_are_one_to_one_and_within_reach(
    make_track: Any, make_table: Any, make_measurements: Any, places: Any, seen: Any
) -> None:
    tracks = [make_track(i + 1, *place, sigma_um=2) for i, place in enumerate(places)]
    spacing_um = (AREA_UM2 / len(seen)) ** 0.5
    for row, column in match(make_table(tracks), make_measurements(seen)).items():
        away = np.abs(np.subtract(places[row], seen[column]))
        assert away.max() <= max(spacing_um, 0.7 * 6)
        assert np.hypot(*away) <= max((100 * (4 + NOISE_UM2)) ** 0.5, 0.7 * 6)


def test_without_tracks_or_measurements_nothing_is_matched(
    make_track: Any, make_table: Any, make_measurements: Any
) -> None:
    assert match(make_table([]), make_measurements([(0, 0)])) == {}
    assert match(make_table([make_track(1, 0)]), make_measurements([])) == {}


def test_who_was_not_seen_takes_nothing_from_what_is_followed(
    make_track: Any, make_table: Any, make_measurements: Any
) -> None:
    followed, other = make_track(1, 0), make_track(2, 2, seen=False)
    sighting = make_measurements([(1.9, 0)])
    assert match(make_table([followed, other]), sighting) == {1: 0}
    assert match(make_table([followed, other], wanted=[1]), sighting) == {0: 0}
    other.unseen, other.occluder = 3, 1
    assert match(make_table([followed, other], wanted=[1]), sighting) == {1: 0}
    other.unseen = 50
    assert match(make_table([followed, other], wanted=[1]), sighting) == {0: 0}


def test_what_is_followed_takes_no_worse_measurement_so_that_a_rival_has_one(
    make_track: Any, make_table: Any, make_measurements: Any
) -> None:
    tracks = [make_track(1, 0), make_track(2, -2.5)]
    own_and_far = make_measurements([(0, 0), (2.5, 0)])
    assert match(make_table(tracks), own_and_far) == {0: 1, 1: 0}
    assert match(make_table(tracks, wanted=[1]), own_and_far)[0] == 0
    assert match(make_table(tracks, wanted=[1]), make_measurements([(0, 0), (-2.5, 0)])) == {
        0: 0,
        1: 1,
    }


def test_of_two_that_are_as_near_what_is_followed_takes_the_one_that_looks_like_its_own_image(
    make_track: Any, make_table: Any, make_measurements: Any
) -> None:
    table, found = make_table([make_track(1, 0)]), make_measurements([(1, 0), (-1, 0)])
    high = np.ones(2, np.bool_)
    for misfits, taken in (([4.0, 0.0], 1), ([0.0, 4.0], 0)):
        _, columns = Matcher(1.0).match(table, found, high, AREA_UM2, {0: np.array(misfits)})
        assert columns.tolist() == [taken]

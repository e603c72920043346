"""Divisions that are found and those that are not; merges and partings."""

from __future__ import annotations

from typing import Any

import pytest
from pursuit.controller.decisions import Event
from pursuit.controller.tracking.lineage import Lineage


def is_division(
    make_track: Any,
    make_table: Any,
    left: float,
    daughter: float,
    x_um: float = 4.0,
    light: bool = True,
    **mother: Any,
) -> bool:
    """Whether an object beside one of 1000 that has so much light, or area, left is a daughter."""
    lineage, old = Lineage(), make_track(1, 0, **{"size_um": 8, **mother})
    child = make_track(2, x_um, born_ns=1)
    lineage.note_births([child], make_table([old]))
    for track, share in ((old, left), (child, daughter)):
        track.size_um = 8 * share**0.5
        track.brightness = 1000 * share if light else 0.0
    return lineage.mother_of(child) is old


@pytest.mark.parametrize("light", [True, False])
@pytest.mark.parametrize(
    ("left", "daughter", "expected"),
    [
        pytest.param(0.5, 0.5, True, id="halves"),
        pytest.param(0.7, 0.3, True, id="unequal"),
        pytest.param(0.4, 0.3, True, id="a third is lost"),
        pytest.param(1.0, 0.3, False, id="one that has lost nothing"),
        pytest.param(0.3, 0.3, False, id="too little together"),
        pytest.param(0.85, 0.85, False, id="too much together"),
    ],
)
def test_a_division_shares_what_the_mother_had(
    make_track: Any, make_table: Any, left: float, daughter: float, expected: bool, light: bool
) -> None:
    assert is_division(make_track, make_table, left, daughter, light=light) is expected


def test_a_daughter_appears_beside_a_mother_that_is_seen(make_track: Any, make_table: Any) -> None:
    halves = make_track, make_table, 0.5, 0.5
    assert is_division(*halves, x_um=11.9)
    assert not is_division(*halves, x_um=12.1)
    assert not is_division(*halves, seen=False)


@pytest.mark.parametrize(
    ("spread", "measurements", "expected"),
    [
        pytest.param(0.0, 5, True, id="one that never varied"),
        pytest.param(0.1, 20, True, id="one that hardly varied"),
        pytest.param(0.4, 20, False, id="one that is often as small"),
        pytest.param(0.0, 4, False, id="one that is hardly known"),
    ],
)
def test_a_mother_has_lost_more_than_she_has_varied(
    make_track: Any, make_table: Any, spread: float, measurements: int, expected: bool
) -> None:
    lineage, old, child = Lineage(), make_track(1, 0, size_um=8), make_track(2, 4, born_ns=1)
    size, light = old.last_appearance
    old.past.clear()
    for k in range(measurements):
        change = spread * (k % 3 - 1)
        old.past.append((size + change / 2, light + change))
    lineage.note_births([child], make_table([old]))
    for track in (old, child):
        track.size_um, track.brightness = 8 * 0.5**0.5, 500
    assert (lineage.mother_of(child) is old) is expected


def test_what_occludes_another_is_not_its_mother(make_track: Any, make_table: Any) -> None:
    """What comes out from behind it was there before."""
    lineage, old, child = Lineage(), make_track(1, 0), make_track(3, 4, born_ns=1)
    occluded = make_track(2, 1, seen=False)
    occluded.occluder = 1
    lineage.note_births([child], make_table([old, occluded]))
    assert lineage.mother_of(child) is None


def test_a_birth_is_asked_about_once_and_forgotten_with_the_track(
    make_track: Any, make_table: Any
) -> None:
    lineage, old = Lineage(), make_track(1, 0)
    first, second = make_track(2, 3, born_ns=1), make_track(3, -3, born_ns=1)
    lineage.note_births([first, second], make_table([old]))
    for track in (old, first, second):
        track.brightness = 500
    lineage.forget([second])
    assert lineage.mother_of(second) is None
    assert lineage.mother_of(first) is old
    assert lineage.mother_of(first) is None


def test_merges_and_partings_are_events(make_track: Any) -> None:
    lineage, pair = Lineage(), frozenset({1, 2})
    tracks = [make_track(2, 0), make_track(1, 5)]
    lineage.note_merged({pair}, tracks)
    lineage.note_merged({pair}, tracks)
    tracks[1].seen_um = None
    lineage.note_merged(set(), tracks)
    assert lineage.events == [Event("merge", (1, 2), (1, 2))]
    tracks[1].seen_um = tracks[0].seen_um
    lineage.note_merged(set(), tracks)
    lineage.note_merged(set(), tracks)
    assert lineage.events[1:] == [Event("parting", (1, 2), (1, 2))]


def test_one_that_ended_while_merged_does_not_part(make_track: Any) -> None:
    lineage, (one, other) = Lineage(), (make_track(1, 0), make_track(2, 5))
    lineage.note_merged({frozenset({1, 2})}, [one, other])
    lineage.note_merged(set(), [one])
    lineage.note_merged(set(), [one, other])
    assert [event.kind for event in lineage.events] == ["merge"]

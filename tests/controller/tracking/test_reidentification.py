"""Which new track must be a lost one, and which two were taken for each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pursuit.controller.tracking.appearance import AppearanceModel
from pursuit.controller.tracking.reidentification import SwapCheck, recovered

OFFSETS = st.lists(st.tuples(*[st.floats(-30, 30)] * 2), max_size=6)


@pytest.fixture
def lost(make_track: Any) -> Any:
    return make_track(1, 0, seen=False, size_um=4, sigma_um=0.1)


@pytest.fixture
def new(make_track: Any) -> Any:
    def make(id: int, x_um: float, **traits: Any) -> Any:
        return make_track(id, x_um, **{"size_um": 4, "born_ns": id, **traits})

    return make


def pairs(lost: list[Any], new: list[Any]) -> list[tuple[int, int]]:
    return [(one.id, found.id) for one, found in recovered(lost, new)]


def test_an_object_near_by_is_the_lost_one(lost: Any, new: Any) -> None:
    assert pairs([lost], [new(2, 100), new(3, 5)]) == [(1, 3)]
    assert pairs([lost], [new(2, 100)]) == pairs([lost], []) == pairs([], [new(2, 0)]) == []


def test_the_less_sure_its_prediction_the_farther_away_it_may_be(
    lost: Any, new: Any, make_track: Any
) -> None:
    vague = make_track(1, 0, seen=False, size_um=4, sigma_um=10)
    assert pairs([lost], [new(2, 30)]) == []
    assert pairs([vague], [new(2, 30)]) == [(1, 2)]


@pytest.mark.parametrize(
    "traits",
    [
        pytest.param({"born_ns": 0}, id="seen beside the lost one before"),
        pytest.param({"size_um": 9}, id="another size"),
        pytest.param({"brightness": 3000}, id="another brightness"),
        pytest.param({"seen": False}, id="not seen"),
    ],
)
def test_what_cannot_be_the_lost_one_is_not_taken_for_it(
    lost: Any, new: Any, traits: dict[str, Any]
) -> None:
    wrong = new(2, 1, **traits)
    assert pairs([lost], [wrong]) == []
    assert pairs([lost], [wrong, new(3, 2)]) == [(1, 3)]


def test_of_two_that_may_be_the_lost_one_neither_is_taken(lost: Any, new: Any) -> None:
    assert pairs([lost], [new(2, 1), new(3, -1)]) == []
    assert pairs([lost], [new(2, 0.5), new(3, -6)]) == [(1, 2)]


def test_what_two_lost_ones_might_be_is_taken_for_neither(
    lost: Any, new: Any, make_track: Any
) -> None:
    other = make_track(2, 3, seen=False, size_um=4)
    assert pairs([lost, other], [new(7, 1.5)]) == []
    assert pairs([lost, other], [new(7, -6)]) == [(1, 7)]


@given(OFFSETS, OFFSETS)
def test_no_track_is_recovered_twice(make_track: Any, gone: Any, come: Any) -> None:
    lost = [make_track(i + 1, *at, seen=False) for i, at in enumerate(gone)]
    new = [make_track(i + 50, *at, born_ns=1) for i, at in enumerate(come)]
    found = pairs(lost, new)
    assert len({one for one, _ in found}) == len({two for _, two in found}) == len(found)


def test_a_track_that_was_recovered_is_no_daughter(lost: Any, new: Any) -> None:
    """Two that part after a while may look like a division."""
    track = new(7, 0)
    track.parents = (4,)
    track.become(lost)
    assert (track.id, track.parents) == (1, ())


def part(bright_um: float, faint_um: float, make_track: Any, frames: int = 3) -> list[set[int]]:
    """A bright (1) and a faint (2) object, seen as one and then at places; what was swapped."""
    check, model = SwapCheck(), AppearanceModel()
    tracks = [make_track(1, 0, brightness=2000), make_track(2, 5, brightness=500)]
    looks = {track.id: track.appearance for track in tracks}
    assert check.swapped({frozenset({1, 2})}, tracks, [], model) == []
    story = []
    for _ in range(frames):
        for track in tracks:
            is_bright = track.prediction.mean_um[0] == bright_um
            track.past.append(looks[1 if is_bright else 2])
        swapped = check.swapped(set(), tracks, tracks, model)
        story.append({track.id for pair in swapped for track in pair})
    return story


def test_two_that_look_like_each_other_after_a_parting_were_swapped(make_track: Any) -> None:
    assert part(5, 0, make_track, frames=5) == [set(), set(), {1, 2}, set(), set()]
    assert part(0, 5, make_track, frames=5) == [set()] * 5


def test_what_looks_alike_is_never_swapped(make_track: Any) -> None:
    check, tracks = SwapCheck(), [make_track(1, 0), make_track(2, 5, brightness=1100)]
    check.swapped({frozenset({1, 2})}, tracks, [], AppearanceModel())
    for track, other in (tracks, tracks[::-1]):
        track.past.append(other.appearance)
    for _ in range(5):
        assert check.swapped(set(), tracks, tracks, AppearanceModel()) == []


def test_a_pair_of_which_one_ended_is_forgotten(make_track: Any) -> None:
    check, (one, other) = SwapCheck(), (make_track(1, 0), make_track(2, 5, brightness=99))
    check.swapped({frozenset({1, 2})}, [one, other], [], AppearanceModel())
    assert check.swapped(set(), [one], [one], AppearanceModel()) == []
    one.past.append(other.appearance)
    other.past.append(one.appearance)
    for _ in range(5):
        assert check.swapped(set(), [one, other], [one, other], AppearanceModel()) == []


def test_identities_are_exchanged_but_not_places(make_track: Any) -> None:
    one, other = make_track(1, 0, brightness=2000), make_track(2, 5)
    bright = one.appearance
    one.exchange_identity(other)
    assert (one.id, other.id) == (2, 1)
    assert other.appearance == other.past[-1] == bright
    assert np.allclose([one.seen_um, other.seen_um], [(0, 0), (5, 0)])

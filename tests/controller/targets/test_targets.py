"""Which objects are followed, when they are lost and found, in what order they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray
from pursuit.controller.decisions import Lock
from pursuit.controller.loop.search import Search
from pursuit.controller.targets import TargetGroup, TargetSelection, TargetSettings, VisitSchedule
from pursuit.controller.tracking import Track
from pursuit.drivers.messages import Description, Dynamics, Frame, StagePose
from pursuit.models.predictors import Prediction

STAGE_UM = (100.0, 50.0)
IMAGE = np.zeros((8, 8), np.uint8)


def frame(x_um: float, y_um: float = 0.0, second: float = 0.0) -> Frame:
    """A frame with the middle of the field at a place."""
    ns = round(second * 1e9)
    return Frame(IMAGE, 0, ns, ns, 5.0, StagePose(x_um, y_um, 0.0, ns))


FRAME = frame(*STAGE_UM)


@dataclass(frozen=True, eq=False)
class Resting:
    """A track of an object that rests, as a tracker shows it."""

    id: int
    prediction: Prediction
    seen_um: NDArray[np.float64] | None
    size_um: float
    brightness: float
    sigma_um: float
    born_ns: int
    parents: tuple[int, ...]
    score: float = 1.0
    recent_measurements: int = 1
    hits: int = 4
    misses: int = 0
    occluder: int = 0

    @property
    def appearance(self) -> tuple[float, float]:
        return float(np.log(self.size_um)), float(np.log(self.brightness))

    def watch(self, at_ns: int) -> None:
        pass

    def predict(self, at_ns: int) -> Prediction:
        return self.prediction


def track(
    id: int,
    x_um: float,
    y_um: float = 0.0,
    *,
    seen: bool = True,
    size_um: float = 4.0,
    brightness: float = 1.0,
    sigma_um: float = 0.1,
    parents: tuple[int, ...] = (),
    born_ns: int = 0,
) -> Track:
    mean = np.array([x_um, y_um, 0.0])
    prediction = Prediction(0, mean, np.eye(3) * sigma_um**2, "test")
    seen_um = mean[:2] if seen else None
    rests = Resting(id, prediction, seen_um, size_um, brightness, sigma_um, born_ns, parents)
    return cast(Track, rests)


def only(followed: TargetGroup | None) -> Track:
    """The one object that is followed."""
    assert followed is not None
    (member,) = followed.all
    return member


def ids(tracks: Sequence[Track]) -> list[int]:
    return [track.id for track in tracks]


def locked(**settings: object) -> TargetSelection:
    target = TargetSelection(TargetSettings(**settings))  # type: ignore[arg-type]
    target.follow([track(1, 0)], FRAME)
    assert target.lock is Lock.LOCKED
    return target


CHOICE = [
    track(1, 90, 40, size_um=3, brightness=5),
    track(2, 98, 47, size_um=2, brightness=4),
    track(3, 120, 60, size_um=9, brightness=3),
    track(4, 0, 0, size_um=1, brightness=9),
    track(5, 100, 50, size_um=20, brightness=20, seen=False),
]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (TargetSettings(), 2),
        (TargetSettings(choose="largest"), 3),
        (TargetSettings(choose="brightest"), 4),
        (TargetSettings(point_um=(92, 42)), 1),
        (TargetSettings(choose="brightest", point_um=(118, 60)), 3),
    ],
)
def test_ways_of_choosing_among_what_is_in_sight(settings: TargetSettings, expected: int) -> None:
    target = TargetSelection(settings)
    chosen = only(target.follow(CHOICE, FRAME))
    assert chosen.id == expected
    x, y = chosen.prediction.mean_um[:2]
    assert target.reason == f"found at ({x:.1f}, {y:.1f}) µm"


def test_a_point_with_nothing_near_it_is_waited_at() -> None:
    target = TargetSelection(TargetSettings(point_um=(50, 20)))
    assert target.follow(CHOICE, FRAME) is None
    assert (target.lock, target.reason) == (Lock.SEARCHING, "")
    assert only(target.follow([*CHOICE, track(6, 45, 20)], FRAME)).id == 6


def test_a_point_with_nothing_near_it_is_told_once_with_what_is_nearest() -> None:
    target = TargetSelection(TargetSettings(point_um=(50, 20)))
    for _ in range(3):
        assert target.follow(CHOICE, FRAME) is None
    (note,) = target.take_notes()
    assert note.startswith(
        "Nothing is at (50.0, 20.0) µm: the nearest of 4 objects is 44.7 µm away"
    )
    assert "target.point_um = [90.0, 40.0]" in note
    assert target.take_notes() == []


@pytest.mark.parametrize(("hits", "score"), [(1, 1.0), (9, 0.29)])
def test_nobody_is_sent_to_what_may_be_noise(hits: int, score: float) -> None:
    target = TargetSelection(TargetSettings(point_um=(50, 20)))
    flickers = replace(cast(Resting, track(7, 80, 20)), hits=hits, score=score)
    assert target.follow([cast(Track, flickers)], FRAME) is None
    assert target.take_notes() == []
    assert target.follow([*CHOICE, cast(Track, flickers)], FRAME) is None
    assert "nearest of 4 objects" in target.take_notes()[0]


def test_what_comes_near_the_point_later_is_told_to_be_the_nearest_only() -> None:
    target = TargetSelection(TargetSettings(point_um=(50, 20)))
    target.follow(CHOICE, FRAME)
    target.take_notes()
    assert only(target.follow([*CHOICE, track(6, 42, 20, size_um=8)], FRAME)).id == 6
    (note,) = target.take_notes()
    assert note.startswith("Nothing is at (50.0, 20.0) µm: the only object in sight is followed, 8")
    assert target.took_nearest


def test_what_comes_to_the_point_later_is_what_was_meant() -> None:
    target = TargetSelection(TargetSettings(point_um=(50, 20)))
    target.follow(CHOICE, FRAME)
    target.take_notes()
    assert only(target.follow([*CHOICE, track(6, 49, 20, size_um=8)], FRAME)).id == 6
    assert (target.take_notes(), target.took_nearest) == ([], False)


def test_what_two_have_seen_is_one_object() -> None:
    target = TargetSelection(TargetSettings(point_um=(50, 20)))
    target.see_elsewhere(np.array([(90.5, 40.0), (60.0, 90.0)]))
    target.follow(CHOICE, FRAME)
    assert "the nearest of 5 objects is" in target.take_notes()[0]


def test_two_at_a_point_are_told_with_their_sizes_and_the_nearer_is_followed() -> None:
    target = TargetSelection(TargetSettings(point_um=(10, 0)))
    both = [track(1, 8, size_um=6), track(2, 11, size_um=4)]
    assert only(target.follow(both, FRAME)).id == 2
    (note,) = target.take_notes()
    assert note.startswith("2 objects are at (10.0, 0.0) µm, 4 and 6 µm large: the one of 4 µm")


def test_one_far_from_the_middle_is_followed_and_told_and_one_there_is_not() -> None:
    far, there = TargetSelection(TargetSettings()), TargetSelection(TargetSettings())
    assert only(far.follow([track(1, 130, 50)], FRAME)).id == 1
    assert only(there.follow([track(1, 101, 50)], FRAME)).id == 1
    assert there.take_notes() == []
    (note,) = far.take_notes()
    assert note.startswith(
        "Nothing is at (100.0, 50.0) µm: the only object in sight is followed, 30"
    )


def test_reach_replaces_three_sizes() -> None:
    assert (
        TargetSelection(TargetSettings(point_um=(91, 40), reach_um=0.5)).follow(CHOICE, FRAME)
        is None
    )
    wide = TargetSelection(TargetSettings(point_um=(50, 20), reach_um=99))
    assert only(wide.follow(CHOICE, FRAME)) is CHOICE[0]


def test_chosen_once_it_stays_whatever_comes() -> None:
    target = TargetSelection(TargetSettings(choose="brightest"))
    first = track(1, 0, brightness=2)
    assert only(target.follow([first], FRAME)) is first
    assert only(target.follow([track(2, 100, 50, brightness=99), first], FRAME)) is first
    assert target.reason == ""


def test_from_searching_to_found_again() -> None:
    target = TargetSelection(TargetSettings())
    story = []
    for tracks in (
        [],
        [track(1, 0, seen=False)],
        [track(1, 0)],
        [track(1, 1)],
        [track(1, 2, seen=False)],
        [track(1, 3, seen=False)],
        [track(1, 4)],
        [track(1, 5, seen=False)],
        [],
        [track(2, 7)],
        [track(2, 7), track(1, 6)],
    ):
        target.follow(tracks, FRAME)
        story.append((target.lock, target.reason))
    assert story == [
        (Lock.SEARCHING, ""),
        (Lock.SEARCHING, ""),
        (Lock.LOCKED, "found at (0.0, 0.0) µm"),
        (Lock.LOCKED, ""),
        (Lock.COASTING, "not seen in this frame"),
        (Lock.COASTING, ""),
        (Lock.LOCKED, "seen again"),
        (Lock.COASTING, "not seen in this frame"),
        (Lock.LOST, "not seen for too long"),
        (Lock.LOST, ""),
        (Lock.LOCKED, "found again at (6.0, 0.0) µm"),
    ]


def test_a_lost_target_is_wanted_and_found_by_its_identity_alone() -> None:
    target = locked()
    assert target.follow([], FRAME) is None
    assert target.wanted == [1]
    assert target.follow([track(2, 0)], FRAME) is None
    assert target.lock is Lock.LOST and target.lost is not None
    again = track(1, 5)
    assert only(target.follow([track(2, 0), again], FRAME)) is again
    assert (target.lock, target.lost) == (Lock.LOCKED, None)


def test_the_point_does_not_bring_a_lost_target_back() -> None:
    target = TargetSelection(TargetSettings(point_um=(0, 0), reach_um=5))
    target.follow([track(1, 0)], FRAME)
    target.follow([track(1, 60)], FRAME)
    target.follow([], FRAME)
    assert target.follow([track(2, 0)], FRAME) is None
    assert only(target.follow([track(2, 0), track(1, 62)], FRAME)).id == 1


def daughters() -> list[Track]:
    """The large one took the mother's place, the small one was new."""
    small = track(2, -4, size_um=3, brightness=7, parents=(1,), born_ns=9)
    large = track(3, 4, size_um=6, brightness=5, parents=(1,))
    return [small, large]


@pytest.mark.parametrize(
    ("wanted", "expected"), [("brightest", [2]), ("largest", [3]), ("first", [3]), ("both", [2, 3])]
)
def test_after_a_division_the_wanted_daughter_is_followed(wanted: str, expected: list[int]) -> None:
    target = locked(daughter=wanted)  # type: ignore[arg-type]
    followed = target.follow(daughters(), FRAME)
    assert followed is not None and target.reason == "divided"
    assert target.wanted == expected
    middle_um = np.mean([track.prediction.mean_um[0] for track in followed.members])
    assert followed.predict(0).mean_um[0] == pytest.approx(middle_um)


def test_several_are_followed_by_their_middle_until_one_is_left() -> None:
    target = TargetSelection(TargetSettings(count=3, search_s=10))
    three = [track(i, x, 50) for i, x in ((1, 90), (2, 100), (3, 120))]
    followed = target.follow([*three, track(4, 300)], FRAME)
    assert followed is not None and followed.seen_um == pytest.approx((105, 50))
    assert (ids(followed.all), followed.size_um) == ([2, 1, 3], 34)
    followed = target.follow(three[1:], FRAME)
    assert target.reason == "2 of 3 left"
    assert followed is not None and followed.seen_um == pytest.approx((110, 50))
    assert ids(followed.lost) == [1]
    target.follow(three[2:], FRAME)
    assert only(target.follow(three[2:], frame(0, second=11))) is three[2]


def test_one_of_several_that_was_lost_is_found_again() -> None:
    target = TargetSelection(TargetSettings(count=2))
    first, second = track(1, 0), track(2, 90, brightness=3)
    target.follow([first, second], FRAME)
    target.follow([first], FRAME)
    assert target.wanted == [1, 2]
    followed = target.follow([first, track(2, 88, brightness=3)], FRAME)
    assert target.reason == "found again at (88.0, 0.0) µm"
    assert followed is not None and ids(followed.members) == [1, 2]
    assert not followed.lost


def test_one_that_was_found_again_is_not_chosen_instead_of_another() -> None:
    target = TargetSelection(TargetSettings(count=3))
    first, second = track(1, 0), track(2, 90)
    target.follow([first, second], FRAME)
    target.follow([first], FRAME)
    followed = target.follow([first, track(2, 88), track(3, 50)], FRAME)
    assert followed is not None and ids(followed.members) == [1, 2, 3]


def test_those_that_come_late_are_taken_until_there_are_enough() -> None:
    target = TargetSelection(TargetSettings(count=2))
    first, second = track(1, 98, 50), track(2, 90, 40)
    assert only(target.follow([first], FRAME)) is first
    followed = target.follow([first, second], FRAME)
    assert target.reason == "2 of 2 chosen"
    assert followed is not None and ids(followed.members) == [1, 2]
    followed = target.follow([first, second, track(3, 100, 50)], FRAME)
    assert followed is not None and len(followed.members) == 2 and target.reason == ""


def test_several_that_are_partly_seen_are_not_where_the_seen_ones_are() -> None:
    followed = TargetGroup([track(1, 0), track(2, 40, seen=False), track(3, 100, seen=False)])
    assert followed.seen_um == pytest.approx((50, 0))
    assert TargetGroup([track(1, 0, seen=False)]).seen_um is None


def visits(schedule: VisitSchedule, tracks: list[Track], frames: int) -> list[list[int]]:
    """What a schedule shows in each frame, on a stage that is always there in time."""
    story, centre_um = [], (0.0, 0.0)
    for _ in range(frames):
        shown = schedule.next(TargetGroup(tracks), frame(*centre_um))
        story.append(sorted(ids(shown.members)))
        x, y, _ = shown.predict(0).mean_um
        centre_um = float(x), float(y)
    return story


def test_a_field_too_small_for_all_shows_each_in_turn_the_most_uncertain_first() -> None:
    tracks = [track(i, x, sigma_um=sigma) for i, x, sigma in ((1, 0, 1), (2, 90, 3), (3, 200, 2))]
    assert visits(VisitSchedule(50), tracks, 6) == [[2], [3], [2], [3], [1], [2]]
    assert visits(VisitSchedule(500), tracks, 1) == [[1, 2, 3]]


def test_neighbours_are_visited_together() -> None:
    tracks = [track(1, 0), track(2, 20), track(3, 200, sigma_um=2), track(4, 30)]
    assert visits(VisitSchedule(50), tracks, 3) == [[3], [1, 2, 4], [3]]


def test_one_that_is_not_found_does_not_make_the_others_wait() -> None:
    tracks = [track(1, 0), track(2, 90, seen=False, sigma_um=99), track(3, 200)]
    assert visits(VisitSchedule(50), tracks, 5) == [[2], [3], [2], [1], [3]]


def test_one_that_cannot_be_reached_does_not_make_the_others_wait() -> None:
    tracks = [track(1, 0), track(2, 90, sigma_um=9), track(3, -90)]
    schedule = VisitSchedule(50)
    shown = [schedule.next(TargetGroup(tracks), frame(0)).id for _ in range(30)]
    assert shown[0] == 2 and 3 in shown and shown.count(2) > 5


def test_a_search_visits_the_likely_places_first_and_all_of_them() -> None:
    description = Description(
        name="test",
        camera="Camera",
        xy_stage="XY",
        focus="",
        width_px=100,
        height_px=100,
        dtype="uint8",
        pixel_um=0.5,
        affine=(0.5, 0, 0, 0.5),
        exposure_ms=5,
        interval_ms=100,
        dynamics=Dynamics(),
        limits_um=((-1e4, 1e4), (-1e4, 1e4), (-1e4, 1e4)),
    )
    search, lost = Search(description), track(1, 20, 30, sigma_um=25)
    places = [np.array(STAGE_UM)]
    for _ in range(25):
        x, y = places[-1].tolist()
        pose = StagePose(x, y, 0.0, 0)
        places.append(search.where_um(lost, Frame(IMAGE, 0, 0, 0, 5.0, pose), 0))
    away = np.hypot(*(np.array(places[1:]) - (20, 30)).T)
    assert away[0] == 0 and (np.diff(away[:9]) >= 0).all()
    assert len(np.unique(np.round(places[1:], 6), axis=0)) >= 20
    assert places[1] == pytest.approx((20, 30))
    search.restart()
    assert search.where_um(track(1, 20, 30, sigma_um=0.5), FRAME, 0) == pytest.approx((20, 30))

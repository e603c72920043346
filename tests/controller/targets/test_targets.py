"""Which object is followed, and when it counts as lost and found."""

from __future__ import annotations

import numpy as np
import pytest
from pursuit.controller.decisions import Lock
from pursuit.controller.loop.search import Search
from pursuit.controller.targets import Group, Target, TargetSettings, Tour
from pursuit.controller.tracking import Track
from pursuit.drivers.messages import Description, Dynamics, Frame, StagePose
from pursuit.models.predictors import Prediction
from pursuit.models.predictors import predictor as predictors

STAGE_UM = (100.0, 50.0)
IMAGE = np.zeros((8, 8), np.uint8)
FRAME = Frame(IMAGE, 0, 0, 0, 5.0, StagePose(*STAGE_UM, 0.0, 0))


def track(
    id: int,
    x_um: float,
    y_um: float = 0.0,
    *,
    seen: bool = True,
    size_um: float = 4.0,
    brightness: float = 1.0,
    sigma_um: float = 0.1,
) -> Track:
    mean = np.array([x_um, y_um, 0.0])
    belief = Prediction(0, mean, np.eye(3) * sigma_um**2, "test")
    predictor = predictors.create("brownian")
    predictor.advance(0)
    (slot,) = predictor.begin(mean[None], np.array([sigma_um**2])).tolist()
    appearance = float(np.log(size_um)), float(np.log(brightness))
    made = Track(
        predictor,
        slot,
        belief,
        id,
        size_um=size_um,
        brightness=brightness,
        appearance=appearance,
        born_ns=id,
    )
    made.seen_um = mean[:2] if seen else None
    return made


def locked(x_um: float = 0.0, sigma_um: float = 0.1, **settings: float) -> Target:
    target = Target(TargetSettings(**settings))  # type: ignore[arg-type]
    target.follow([track(1, x_um, sigma_um=sigma_um)], FRAME)
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
    target = Target(settings)
    chosen = target.follow(CHOICE, FRAME)
    assert chosen is not None and chosen.id == expected
    x, y = chosen.prediction.mean_um[:2]
    assert target.reason == f"found at ({x:.1f}, {y:.1f}) µm"


def test_a_point_with_nothing_near_it_is_waited_at() -> None:
    target = Target(TargetSettings(point_um=(50, 20)))
    assert target.follow(CHOICE, FRAME) is None
    assert (target.lock, target.reason) == (Lock.SEARCHING, "")
    chosen = target.follow([*CHOICE, track(6, 45, 20)], FRAME)
    assert chosen is not None and chosen.id == 6


def test_reach_replaces_three_sizes() -> None:
    assert Target(TargetSettings(point_um=(91, 40), reach_um=0.5)).follow(CHOICE, FRAME) is None
    assert Target(TargetSettings(point_um=(50, 20), reach_um=99)).follow(CHOICE, FRAME) is CHOICE[0]


def test_chosen_once_it_stays_whatever_comes() -> None:
    target = Target(TargetSettings(choose="brightest"))
    first = track(1, 0, brightness=2)
    assert target.follow([first], FRAME) is first
    assert target.follow([track(2, 100, 50, brightness=99), first], FRAME) is first
    assert target.reason == ""


def test_from_searching_to_found_again() -> None:
    target = Target(TargetSettings())
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
        [],
        [track(2, 6)],
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


def test_after_a_loss_only_an_object_near_by_is_taken() -> None:
    target = locked()
    assert target.follow([], FRAME) is None
    assert target.follow([track(2, 100, 50, size_um=99)], FRAME) is None
    assert target.lock is Lock.LOST
    near = track(3, 5)
    assert target.follow([track(2, 100, 50), near], FRAME) is near
    assert (near.id, target.lock) == (1, Lock.LOCKED)
    assert target.follow([track(2, 100, 50), near], FRAME) is near


def test_the_less_sure_it_was_the_wider_it_looks() -> None:
    stray = track(2, 30)
    assert locked(sigma_um=0.1).follow([stray], FRAME) is None
    assert locked(sigma_um=10).follow([stray], FRAME) is stray


def test_the_point_does_not_bring_a_lost_target_back() -> None:
    target = Target(TargetSettings(point_um=(0, 0), reach_um=5))
    walker = track(1, 0)
    target.follow([walker], FRAME)
    target.follow([track(1, 60)], FRAME)
    target.follow([], FRAME)
    assert target.follow([track(2, 0)], FRAME) is None
    found = target.follow([track(3, 62)], FRAME)
    assert found is not None and found.id == 1


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(track(0, 1), id="seen beside the target before"),
        pytest.param(track(2, 1, size_um=9), id="another size"),
        pytest.param(track(2, 1, brightness=3), id="another brightness"),
        pytest.param(track(2, 1, seen=False), id="not in sight"),
    ],
)
def test_what_cannot_be_the_lost_target_is_not_taken_for_it(wrong: Track) -> None:
    target = locked()
    target.follow([], FRAME)
    assert target.follow([wrong], FRAME) is None
    assert target.follow([wrong, track(3, 2)], FRAME) is not None


def test_of_two_that_may_be_the_lost_target_neither_is_taken() -> None:
    target = locked()
    target.follow([], FRAME)
    assert target.follow([track(2, 1), track(3, -1)], FRAME) is None
    found = target.follow([track(2, 0.5), track(3, -9)], FRAME)
    assert found is not None and found.prediction.mean_um[0] == 0.5


def daughters() -> list[Track]:
    small, large = track(2, -4, size_um=3, brightness=7), track(3, 4, size_um=6, brightness=5)
    for daughter in (small, large):
        daughter.parents = (1,)
    (small.slot,) = small.predictor.begin(small.prediction.mean_um[None], np.ones(1)).tolist()
    return [small, large]


@pytest.mark.parametrize(
    ("wanted", "expected"), [("brightest", [2]), ("largest", [3]), ("first", [3]), ("both", [2, 3])]
)
def test_after_a_division_the_wanted_daughter_is_followed(wanted: str, expected: list[int]) -> None:
    target = locked(daughter=wanted)  # type: ignore[arg-type]
    followed = target.follow(daughters(), FRAME)
    assert followed is not None and target.reason == "divided"
    assert [track.id for track in target.kept] == expected
    middle_um = np.mean([track.prediction.mean_um[0] for track in target.kept])
    assert followed.predict(0).mean_um[0] == pytest.approx(middle_um)


def at(x_um: float, y_um: float = 0.0, second: float = 0.0) -> Frame:
    """A frame that the field's middle was at a place in."""
    ns = round(second * 1e9)
    return Frame(IMAGE, 0, ns, ns, 5.0, StagePose(x_um, y_um, 0.0, ns))


def test_several_are_followed_by_their_middle_until_one_is_left() -> None:
    target = Target(TargetSettings(count=3, search_s=10))
    three = [track(i, x, 50) for i, x in ((1, 90), (2, 100), (3, 120))]
    group = target.follow([*three, track(4, 300)], FRAME)
    assert isinstance(group, Group) and group.seen_um == pytest.approx((105, 50))
    assert group.size_um == 34
    group = target.follow(three[1:], FRAME)
    assert target.reason == "2 of 3 left"
    assert isinstance(group, Group) and group.seen_um == pytest.approx((110, 50))
    assert [member.id for member in group.sought] == [1]
    target.follow(three[2:], FRAME)
    assert target.follow(three[2:], at(0, second=11)) is three[2]


def test_one_of_several_that_was_lost_is_found_again() -> None:
    target = Target(TargetSettings(count=2))
    first, second = track(1, 0), track(2, 90, brightness=3)
    target.follow([first, second], FRAME)
    target.follow([first], FRAME)
    assert [member.id for member in target.kept] == [1, 2]
    group = target.follow([first, track(7, 88, brightness=3)], FRAME)
    assert target.reason == "found again at (88.0, 0.0) µm"
    assert isinstance(group, Group) and [member.id for member in group.members] == [1, 2]
    assert not group.sought


def test_who_was_found_again_is_nobodys_daughter() -> None:
    """Two that part after a while may look like a division."""
    target = Target(TargetSettings(count=2))
    first, second = track(1, 0), track(2, 90, brightness=3)
    target.follow([first, second], FRAME)
    target.follow([first], FRAME)
    again, sister = track(7, 90, brightness=3), track(8, 0, brightness=9)
    again.parents = sister.parents = (1,)
    target.follow([again, sister], FRAME)
    target.follow([again, sister], FRAME)
    assert [member.id for member in target.kept] == [8, 2]


def test_what_two_lost_ones_might_be_is_taken_for_neither() -> None:
    target = Target(TargetSettings(count=3))
    tracks = [track(1, 0), track(2, 3), track(3, 90)]
    target.follow(tracks, FRAME)
    target.follow(tracks[2:], FRAME)
    group = target.follow([tracks[2], track(7, 1.5)], FRAME)
    assert isinstance(group, Group) and [member.id for member in group.members] == [3]


def test_those_that_come_late_are_taken_until_there_are_enough() -> None:
    target = Target(TargetSettings(count=2))
    first, second = track(1, 98, 50), track(2, 90, 40)
    assert target.follow([first], FRAME) is first
    group = target.follow([first, second], FRAME)
    assert target.reason == "2 of 2 chosen"
    assert isinstance(group, Group) and [member.id for member in group.members] == [1, 2]
    group = target.follow([first, second, track(3, 100, 50)], FRAME)
    assert isinstance(group, Group) and len(group.members) == 2 and target.reason == ""


def test_a_group_that_is_partly_in_sight_is_not_where_the_seen_ones_are() -> None:
    group = Group([track(1, 0), track(2, 40, seen=False), track(3, 100, seen=False)])
    assert group.seen_um == pytest.approx((50, 0))
    assert Group([track(1, 0, seen=False)]).seen_um is None


def visits(tour: Tour, tracks: list[Track], frames: int) -> list[list[int]]:
    """Whom a tour shows in each frame, on a stage that is always there in time."""
    story, centre_um = [], (0.0, 0.0)
    for _ in range(frames):
        stop = tour.stop(Group(tracks, centre_um=centre_um))
        story.append(sorted(member.id for member in stop.members))
        x, y, _ = stop.predict(0).mean_um
        centre_um = float(x), float(y)
    return story


def test_a_field_too_small_for_all_visits_each_in_turn_the_most_uncertain_first() -> None:
    tracks = [track(i, x, sigma_um=sigma) for i, x, sigma in ((1, 0, 1), (2, 90, 3), (3, 200, 2))]
    assert visits(Tour(50), tracks, 6) == [[2], [3], [2], [3], [1], [2]]
    assert visits(Tour(500), tracks, 1) == [[1, 2, 3]]


def test_neighbours_are_visited_together() -> None:
    tracks = [track(1, 0), track(2, 20), track(3, 200, sigma_um=2), track(4, 30)]
    assert visits(Tour(50), tracks, 3) == [[3], [1, 2, 4], [3]]


def test_who_is_not_to_be_found_does_not_make_the_others_wait() -> None:
    tracks = [track(1, 0), track(2, 90, seen=False, sigma_um=99), track(3, 200)]
    assert visits(Tour(50), tracks, 5) == [[2], [3], [2], [1], [3]]


def test_who_is_not_to_be_reached_does_not_make_the_others_wait() -> None:
    tour, tracks = Tour(50), [track(1, 0), track(2, 90, sigma_um=9), track(3, -90)]
    stops = [tour.stop(Group(tracks)).id for _ in range(30)]
    assert stops[0] == 2 and 3 in stops and stops.count(2) > 5


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

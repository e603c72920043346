"""Identity: who is who from frame to frame, in stage coordinates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pursuit.controller.tracking import Track
from pursuit.drivers.messages import Frame, StagePose
from pursuit.models.detections import Detections

from .tracker_bench import FIELD_UM, IMAGE, INTERVAL_NS, PIXEL_UM, SIZE_PX, Bench, seen_at, update


def test_assignment_is_the_best_in_sum_not_the_nearest_first() -> None:
    bench = Bench(speed_um_s=30, confirm_hits=1)
    left, right = (t.id for t in bench.show([(0, 0), (3, 0)]))
    tracks = bench.show([(5, 0), (2, 0)])
    assert seen_at(tracks) == {left: (2, 0), right: (5, 0)}


def test_a_measurement_beyond_the_gate_is_another_object() -> None:
    bench = Bench(confirm_hits=1)
    (track,) = bench.show([(0, 0)])
    tracks = bench.show([(30, 0)])
    assert seen_at(tracks) == {track.id: None, track.id + 1: (30, 0)}
    assert track.misses == 1


def test_an_uncertain_pose_widens_the_gate_and_the_track() -> None:
    sure, unsure = Bench(confirm_hits=1), Bench(confirm_hits=1)
    measurement = Detections.of([[100, 100, 108, 108]])
    widths = []
    for bench, sigma_um in ((sure, 0.0), (unsure, 2.0)):
        frame = Frame(IMAGE, 0, 0, 0, 5.0, StagePose(0, 0, 0, 0, sigma_um))
        (track,) = update(bench.tracker, measurement, frame)
        widths.append(track.sigma_um)
    assert widths == pytest.approx([0.15 * PIXEL_UM, np.hypot(0.15 * PIXEL_UM, 2.0)])


def _swerving(bench: Bench) -> tuple[Track, np.ndarray, tuple[float, float]]:
    """An object that swerved for a while; where it is expected next, and a stage near that."""
    rng, place, speed, stage = np.random.default_rng(0), np.zeros(2), np.ones(2), (0.0, 0.0)
    tracks = []
    for _ in range(60):
        speed = speed + rng.normal(0, 0.5, 2)
        place = place + speed
        stage = float(place[0]), float(place[1])
        tracks = bench.show([place], stage)
    return tracks[0], place + speed, stage


def test_a_candidate_beside_an_object_does_not_take_its_only_measurement() -> None:
    bench = Bench()
    track, place, stage = _swerving(bench)
    bench.show(np.add(place, [(0, 0), (0, 3)]), stage)
    sharp = 2 * place - stage + (0, 4)
    assert list(seen_at(bench.show([sharp], stage))) == [track.id]
    assert track.seen_um == pytest.approx(sharp)


def test_halves_of_a_streak_are_no_rivals() -> None:
    bench = Bench()
    track, place, stage = _swerving(bench)
    bench.show(np.add(place, [(4, 1), (4, -1)]), stage)
    assert track.seen_um is not None


def test_births_need_measurements_in_a_row() -> None:
    bench = Bench(confirm_hits=3)
    assert bench.show_often(2, [(0, 0)]) == [[], []]
    assert bench.show() == []
    assert bench.show_often(2, [(0, 0)]) == [[], []]
    (track,) = bench.show([(0, 0)])
    assert (track.id, track.recent_measurements) == (1, 3)


def test_a_candidate_that_leaves_the_field_is_forgotten() -> None:
    bench = Bench(confirm_hits=2)
    bench.show([(49, 0)])
    assert bench.show([], stage_um=(-80, 0)) == []
    assert bench.show([(49, 0)]) == []


def test_deaths_come_after_so_many_misses() -> None:
    bench = Bench(confirm_hits=1, max_misses=2)
    (track,) = bench.show([(0, 0)])
    assert bench.show_often(3) == [[track], [track], []]
    (other,) = bench.show([(0, 0)])
    assert other.id != track.id


def test_a_measurement_ends_the_count_of_misses() -> None:
    bench = Bench(confirm_hits=1, max_misses=2)
    for _ in range(4):
        bench.show([(0, 0)])
        (track,) = bench.show_often(2)[-1]
        assert (track.id, track.misses) == (1, 2)


def test_an_object_outside_the_field_is_not_missed() -> None:
    bench = Bench(confirm_hits=1, max_misses=2)
    (track,) = bench.show([(0, 0)])
    assert bench.show_often(20, stage_um=(2 * FIELD_UM, 0)) == [[track]] * 20
    assert bench.show([(0, 0)]) == [track]


def test_an_object_long_outside_the_field_is_forgotten() -> None:
    bench = Bench(confirm_hits=1, max_misses=2)
    bench.show([(0, 0)])
    assert bench.show_often(300, stage_um=(5 * FIELD_UM, 0))[-1] == []


def test_a_moving_stage_does_not_look_like_a_moving_object() -> None:
    bench = Bench()
    stages_um = [(20 * np.sin(i), 15 * np.cos(2.3 * i)) for i in range(12)]
    (track,) = [bench.show([(7, -3)], stage_um) for stage_um in stages_um][-1]
    assert track.prediction.mean_um[:2] == pytest.approx((7, -3), abs=0.01)
    ahead = track.predict(12 * INTERVAL_NS).mean_um[:2]
    assert ahead == pytest.approx((7, -3), abs=0.01)


def test_objects_alike_that_cross_keep_their_identity() -> None:
    bench = Bench(speed_um_s=40)
    sides = []
    for t in np.linspace(-1, 1, 21):
        tracks = bench.show([(30 * t, 20 * t + 0.5), (-30 * t, 20 * t - 0.5)])
        sides.append({t.id: np.sign(t.seen_um[0]) for t in tracks if t.seen_um is not None})
    assert sorted(sides[1].values()) == [-1, 1]
    assert sides[-1] == {id: -side for id, side in sides[1].items()}


def test_three_hundred_objects_stay_under_control() -> None:
    rng = np.random.default_rng(1)
    grid = np.stack(np.meshgrid(np.arange(20), np.arange(15)), -1).reshape(-1, 2) * 4.5 - 42
    velocity = rng.normal(0, 2, grid.shape)
    bench = Bench(speed_um_s=3)
    owners = []
    for i in range(8):
        places = grid + velocity * i * 0.1 + rng.normal(0, 0.05, grid.shape)
        tracks = bench.show(rng.permutation(places))
        seen = np.array([t.seen_um for t in tracks]).reshape(-1, 2)
        nearest = np.argmin(np.linalg.norm(seen[:, None] - places, axis=2), axis=1)
        owners.append({t.id: int(n) for t, n in zip(tracks, nearest, strict=True)})
    assert len(set(owners[1].values())) == 300
    assert all(owner == owners[1] for owner in owners[1:])


def boxes(*objects: tuple[float, float, float, float]) -> Detections:
    """Objects given by x, y and size in µm, and brightness."""
    rows = np.array(objects)
    centres, half = rows[:, :2] / PIXEL_UM + (SIZE_PX - 1) / 2, rows[:, 2:3] / PIXEL_UM / 2
    return Detections.of(np.hstack([centres - half, centres + half]), brightness=rows[:, 3])


def events(bench: Bench) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    return [(event.kind, event.before, event.after) for event in bench.tracker.events()]


def test_a_division_gives_two_daughters_with_a_parent() -> None:
    bench = Bench(confirm_hits=2)
    (mother,) = [bench.detect(boxes((0, 0, 8, 1000))) for _ in range(10)][-1]
    assert mother.id == 1
    tracks = [
        bench.detect(boxes((-apart / 2, 0, 6, 550), (apart / 2, 0, 6, 450)))
        for apart in (5, 5.5, 6)
    ][-1]
    assert {track.parents for track in tracks} == {(1,)}
    assert {track.id for track in tracks} == {2, 3}
    assert events(bench) == [("division", (1,), (3, 2))]


def test_an_object_that_comes_near_another_is_not_its_daughter() -> None:
    bench = Bench(confirm_hits=2)
    bench.detect(boxes((0, 0, 8, 1000)))
    tracks = [bench.detect(boxes((0, 0, 8, 1000), (x, 0, 8, 900))) for x in (9, 8, 7, 6)][-1]
    assert [track.parents for track in tracks] == [(), ()]
    assert events(bench) == []


def test_a_target_that_splits_in_three_breaks_nothing() -> None:
    bench = Bench(confirm_hits=1)
    for _ in range(5):
        bench.detect(boxes((0, 0, 8, 900)))
    three = boxes((-5, 0, 5, 300), (5, 0, 5, 300), (0, 5, 5, 300))
    tracks = [bench.detect(three) for _ in range(3)][-1]
    assert len({track.id for track in tracks}) == 3


def test_two_seen_as_one_keep_their_identities_and_part_again() -> None:
    bench = Bench(confirm_hits=1)
    sides = []
    for x in np.linspace(-20, 20, 21).tolist():
        apart = boxes((x, 1, 6, 1000), (-x, -1, 6, 1000))
        tracks = bench.detect(apart if abs(x) > 4 else boxes((0, 0, 8, 2000)))
        sides.append({track.id: np.sign(track.prediction.mean_um[0]) for track in tracks})
    assert {id: -side for id, side in sides[-1].items()} == sides[0]
    assert [kind for kind, *_ in events(bench)] == ["merge", "parting"]


def test_two_seen_as_one_do_not_change_what_each_usually_looks_like() -> None:
    bench = Bench(confirm_hits=1)
    bench.detect(boxes((-3, 0, 6, 1000), (3, 0, 6, 1500)))
    before = [track.appearance for track in bench.detect(boxes((-2, 0, 6, 1000), (2, 0, 6, 1500)))]
    for _ in range(3):
        one, other = bench.detect(boxes((0, 0, 8, 2500)))
        assert [one.appearance, other.appearance] == before
        assert sorted([one.occluder, other.occluder]) in ([0, one.id], [0, other.id])
        assert (one.misses, other.misses) == (0, 0)


def test_weak_measurements_continue_a_track_but_begin_none() -> None:
    bench = Bench(confirm_hits=1, high_score=0.5)
    weak = Detections.of([[100, 100, 108, 108]], scores=[0.2])
    assert bench.detect(weak) == []
    (track,) = bench.detect(Detections.of([[100, 100, 108, 108]], scores=[0.9]))
    assert bench.detect(weak) == [track] and track.misses == 0


ODD = st.sampled_from([0.0, -0.5, SIZE_PX - 0.5, SIZE_PX, -1e30, 1e30, np.nan, np.inf])
COORDINATE = st.one_of(st.floats(-10, SIZE_PX + 10, width=32), ODD)
BOXES = st.lists(st.tuples(*[COORDINATE] * 4), max_size=12)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@given(st.lists(BOXES, max_size=6))
def test_wild_detections_never_break_it(series: list[list[tuple[float, ...]]]) -> None:
    bench = Bench(confirm_hits=1, max_misses=1)
    alive: set[int] = set()
    dead: set[int] = set()
    for boxes in series:
        tracks = bench.detect(Detections.of(np.reshape(np.array(boxes, np.float32), (-1, 4))))
        ids = {t.id for t in tracks}
        assert len(ids) == len(tracks)
        assert not ids & dead
        dead |= alive - ids
        alive = ids
        assert all(np.isfinite(t.prediction.mean_um).all() for t in tracks)


@pytest.mark.parametrize("spread_px", [0.0, SIZE_PX / 2])
def test_thousands_at_one_place_or_all_over_it(spread_px: float) -> None:
    bench = Bench()
    corners = np.random.default_rng(0).uniform(0, 1, (1500, 2)) * spread_px + SIZE_PX / 4
    found = Detections.of(np.hstack([corners, corners + 5]))
    assert bench.detect(found) == []
    tracks = bench.detect(found)
    assert len({t.id for t in tracks}) == len(tracks) == 1500
    assert bench.show_often(11)[-1] == []


def lose(bench: Bench, wanted: list[int]) -> None:
    """Show an object until it is known, and then nothing until its track has ended."""
    bench.show_often(5, [(0, 0)])
    bench.keep(*wanted)
    assert bench.show_often(12)[-1] == []


def test_a_lost_track_that_is_wanted_gets_its_identity_back() -> None:
    bench = Bench()
    lose(bench, wanted=[1])
    tracks = bench.show_often(2, [(1, 1)])[-1]
    assert seen_at(tracks) == {1: (1, 1)}
    assert seen_at(bench.show([(1, 1), (30, 30)])) == {1: (1, 1)}
    assert set(seen_at(bench.show([(1, 1), (30, 30)]))) == {1, 2 + 1}


def test_a_lost_track_that_nobody_wants_is_forgotten() -> None:
    bench = Bench()
    lose(bench, wanted=[])
    assert set(seen_at(bench.show_often(2, [(1, 1)])[-1])) == {2}
    bench = Bench()
    lose(bench, wanted=[1])
    bench.keep()
    assert set(seen_at(bench.show_often(2, [(1, 1)])[-1])) == {2}


def test_while_two_may_be_the_lost_one_neither_is_and_then_the_one_that_stays() -> None:
    bench = Bench(max_misses=2)
    bench.show_often(5, [(0, 0)])
    bench.keep(1)
    bench.show_often(4)
    assert set(seen_at(bench.show_often(3, [(5, 0), (-5, 0)])[-1])) == {2, 3}
    assert list(seen_at(bench.show_often(12, [(5, 0)])[-1]).values()) == [(5, 0)]
    assert set(seen_at(bench.show([(5, 0)]))) == {1}


def test_what_was_seen_beside_a_track_is_not_taken_for_it_later() -> None:
    bench = Bench()
    bench.show_often(5, [(0, 0), (9, 0)])
    bench.keep(1)
    assert set(seen_at(bench.show_often(14, [(9, 0)])[-1])) == {2}

"""Objects that overlap: where each is believed to be while two are seen as one, and who is who."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pursuit.controller.offline import OfflineTracker
from pursuit.controller.tracking import Track, TrackingSettings
from pursuit.models import predictors
from pursuit.models.detections import Detections

SIZE = 6.0
RESOLVED = 1.4
IMAGE = np.zeros((200, 200), np.uint8)
INTERVAL_NS = 100_000_000

Box = tuple[float, float, float, float, float]
Places = dict[int, NDArray[np.float64]]


class Bench:
    """A tracker that is shown x, y, width, height and brightness, in pixels from the middle."""

    def __init__(self) -> None:
        options = {"speed_um_s": 10.0}
        predictor = predictors.create("auto", options)
        self.tracker = OfflineTracker(TrackingSettings(), predictor, 200, 200, 1.0)
        self.shown = 0

    def show(self, *boxes: Box) -> list[Track]:
        rows = np.reshape(boxes, (-1, 5))
        centres, half = rows[:, :2] + 99.5, rows[:, 2:4] / 2
        found = Detections.of(np.hstack([centres - half, centres + half]), brightness=rows[:, 4])
        self.shown += 1
        return self.tracker.update(IMAGE, found, self.shown * INTERVAL_NS)

    def meet(self, paths: NDArray[np.float64], lights: tuple[float, float]) -> list[Places]:
        """Show two on paths (T, 2, 2), as one box of their light while it cannot be resolved.

        Returns where each track is believed to be in each frame.
        """
        return [believed(self.show(*seen(places, lights))) for places in paths]


def believed(tracks: list[Track]) -> Places:
    return {track.id: track.prediction.mean_um[:2] for track in tracks}


def seen(places: NDArray[np.float64], lights: tuple[float, float]) -> list[Box]:
    gap, share = places[1] - places[0], lights[0] / sum(lights)
    if np.hypot(*gap) > RESOLVED * SIZE:
        return [(*place, SIZE, SIZE, light) for place, light in zip(places, lights, strict=True)]
    width, height = np.sqrt(SIZE**2 + 8 * share * (1 - share) * gap**2)
    return [(*(places[0] + (1 - share) * gap), width, height, sum(lights))]


def paths(distances: NDArray[np.float64], aside: float) -> NDArray[np.float64]:
    """Of two that drift along y, ``aside`` of each other, at distances along x."""
    y = 0.6 * np.arange(len(distances))
    half = np.column_stack([distances, np.full(len(distances), aside)]) / 2
    drift = np.column_stack([np.zeros(len(y)), y])
    return np.stack([drift - half, drift + half], axis=1)


def misses(tracks: list[Places], ways: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far tracks are believed to be, from their second frame on, from where they began."""
    owners = {id: int(place[0] > 0) for id, place in tracks[1].items()}
    return np.array(
        [
            [np.hypot(*(there[id] - ways[frame, owner])) for id, owner in owners.items()]
            for frame, there in enumerate(tracks)
            if frame > 0
        ]
    )


def test_two_that_pass_each_other_stay_where_they_are_while_seen_as_one() -> None:
    for lights in ((1000.0, 1000.0), (1500.0, 700.0)):
        ways = paths(np.linspace(20, -20, 41), aside=2.0)
        tracks = Bench().meet(ways, lights)
        assert {len(there) for there in tracks[1:]} == {2}
        assert misses(tracks, ways).max() < 0.3 * SIZE


def test_two_that_meet_and_turn_back_are_told_from_two_that_pass() -> None:
    distances = 5 + 15 * np.linspace(-1, 1, 61) ** 2
    ways = paths(distances, aside=1.0)
    away = misses(Bench().meet(ways, (1000.0, 1000.0)), ways)
    assert away.max() < 0.5 * SIZE
    assert away[-1].max() < 0.1 * SIZE


def test_a_measurement_of_two_that_is_far_from_either_is_not_a_third() -> None:
    bench = Bench()
    for _ in range(10):
        bench.show((-5, 0, SIZE, SIZE, 1000), (5, 0, SIZE, SIZE, 1000))
    tracks = [bench.show((0, 0, 15, SIZE, 2000)) for _ in range(3)][-1]
    assert sorted(track.id for track in tracks) == [1, 2]
    assert sum(track.seen_um is not None for track in tracks) == 1
    assert sorted(round(track.prediction.mean_um[0]) for track in tracks) == [-5, 5]


def test_a_measurement_of_two_that_are_also_seen_is_not_a_third() -> None:
    bench = Bench()
    one, other = (-4, 0, SIZE, SIZE, 1000), (4, 0, SIZE, SIZE, 1000)
    for _ in range(10):
        bench.show(one, other)
    for _ in range(5):
        assert len(bench.show(one, other, (0, 0, 13, SIZE, 2000))) == 2


def test_who_waited_long_inside_another_is_known_by_its_looks() -> None:
    bench = Bench()
    bright, faint = 2000.0, 800.0
    distances = np.concatenate([np.full(15, 30.0), np.linspace(30, 3, 40), np.full(30, 3.0)])
    before = bench.meet(paths(distances, aside=0.0), (bright, faint))[1]
    name = {place[0] > 0: id for id, place in before.items()}
    back = paths(np.linspace(-3, -30, 40), aside=0.0)
    after = []
    for places in back + np.array([0, 0.6 * len(distances)]):
        after = bench.show(*seen(places, (bright, faint)))
    there = {track.id: track.prediction.mean_um[0] > 0 for track in after}
    assert there == {name[False]: True, name[True]: False}
    usual = {track.id: round(np.exp(track.appearance[1])) for track in after}
    assert usual == {name[False]: bright, name[True]: faint}


def test_who_is_not_in_the_measurement_of_another_any_more_is_missed() -> None:
    bench = Bench()
    bench.meet(paths(np.linspace(20, 3, 35), aside=0.0), (1000.0, 1000.0))
    y = 0.6 * 34
    waiting = [track.occluder for track in bench.show((0, y, SIZE, SIZE, 1000))]
    assert waiting == [0, 0]
    assert [len(bench.show((0, y, SIZE, SIZE, 1000))) for _ in range(20)][-1] == 1

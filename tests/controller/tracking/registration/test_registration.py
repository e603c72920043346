"""What is followed is kept by its own image where the detector fails, and no longer than that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pytest
from pursuit.controller.tracking import FieldGeometry, Track, Tracker, TrackingSettings
from pursuit.controller.tracking.registration import Registration
from pursuit.drivers.messages import Description, Dynamics, Frame, StagePose
from pursuit.models import predictors
from pursuit.models.detections import Detections

SIDE_PX, SIZE_PX, INTERVAL_NS = 160, 20, 100_000_000
Place = tuple[float, float]


class Field:
    """Objects of different texture, or all alike, that are drawn and detected, or not."""

    def __init__(self, alike: bool = False) -> None:
        description = Description(
            name="test",
            camera="Camera",
            xy_stage="XY",
            focus="",
            width_px=SIDE_PX,
            height_px=SIDE_PX,
            dtype="uint16",
            pixel_um=1.0,
            affine=(1.0, 0, 0, 1.0),
            exposure_ms=5,
            interval_ms=INTERVAL_NS / 1e6,
            dynamics=Dynamics(),
            limits_um=((-1e4, 1e4), (-1e4, 1e4), (-1e4, 1e4)),
        )
        self.geometry = FieldGeometry(description)
        predictor = predictors.create("auto")
        self.tracker = Tracker(TrackingSettings(), self.geometry, predictor)
        seeds = (0, 0, 0) if alike else (0, 1, 2)
        self.looks = [self._look(np.random.default_rng(seed)) for seed in seeds]
        self.noise = np.random.default_rng(9)
        self.shown, self.wanted = 0, 0

    @staticmethod
    def _look(rng: np.random.Generator) -> np.ndarray:
        grain = cv2.GaussianBlur(rng.normal(0, 1, (SIZE_PX, SIZE_PX)), (0, 0), 2)
        inside = np.zeros((SIZE_PX, SIZE_PX), np.uint8)
        cv2.circle(inside, (SIZE_PX // 2, SIZE_PX // 2), SIZE_PX // 2 - 1, 1, -1)
        return inside * (600 + 250 * grain / grain.std())

    def show(
        self, places: Sequence[Place | None], boxes: Sequence[tuple[float, float, float]]
    ) -> list[Track]:
        """Draw objects, the later ones over the others, and detect boxes (x, y, edge)."""
        image = self.noise.normal(500, 15, (SIDE_PX, SIDE_PX))
        for look, place in zip(self.looks, places, strict=False):
            if place is not None:
                left, top = (round(value) - SIZE_PX // 2 for value in place)
                part = image[top : top + SIZE_PX, left : left + SIZE_PX]
                part[look > 0] = look[look > 0] + 500
        at_ns = self.shown * INTERVAL_NS
        pose = StagePose(0.0, 0.0, 0.0, at_ns)
        frame = Frame(
            np.clip(image, 0, 65535).astype(np.uint16), self.shown, at_ns, at_ns, 5.0, pose
        )
        corners = [(x - e / 2, y - e / 2, x + e / 2, y + e / 2) for x, y, e in boxes]
        found = Detections.of(np.reshape(np.array(corners, np.float32), (-1, 4)))
        self.tracker.advance(at_ns)
        tracks = self.tracker.update(self.geometry.measurements(found, frame), frame)
        if self.wanted == 0 and tracks:
            self.wanted = min(tracks, key=lambda track: track.prediction.mean_um[0]).id
        self.tracker.keep([self.wanted], frame)
        self.shown += 1
        return tracks

    def missed_px(self, tracks: list[Track], place: Place) -> float:
        """How far what is wanted is believed to be from a place; infinite if it was not seen.

        In the first frame there is nothing yet.
        """
        if self.shown == 1:
            return 0.0
        track = next((track for track in tracks if track.id == self.wanted), None)
        if track is None or track.seen_um is None:
            return np.inf
        middle = (SIDE_PX - 1) / 2
        return float(np.hypot(*(track.seen_um + middle - place)))


def box(place: Place, edge: float = SIZE_PX) -> tuple[float, float, float]:
    return (*place, edge)


def walk(steps: int, start: Place = (60, 80), step: Place = (2, 0)) -> list[Place]:
    return [(start[0] + step[0] * k, start[1] + step[1] * k) for k in range(steps)]


def test_it_is_followed_where_it_is_not_detected() -> None:
    field = Field()
    for frame, at in enumerate(walk(25)):
        tracks = field.show([at], [box(at)] if frame < 8 else [])
        assert field.missed_px(tracks, at) < 1.5


def test_what_has_gone_is_not_found() -> None:
    field = Field()
    still, *_ = walk(1)
    for _ in range(8):
        field.show([still], [box(still)])
    tracks = [field.show([None], []) for _ in range(15)]
    assert all(field.missed_px(each, still) == np.inf for each in tracks)
    assert tracks[-1] == []


def test_a_box_of_a_part_does_not_shift_it() -> None:
    field = Field()
    for frame, at in enumerate(walk(20)):
        part = (at[0] + 5, at[1] + 5, SIZE_PX / 2)
        tracks = field.show([at], [part if frame >= 8 else box(at)])
        assert field.missed_px(tracks, at) < 2.5


def test_a_detection_that_nobody_else_explains_has_the_last_word() -> None:
    """The background keeps the look of the object, and the object walks off."""
    field = Field()
    for frame, at in enumerate(walk(30, step=(1.5, 0))):
        left_behind = (60, 80)
        tracks = field.show([left_behind, at] if frame > 8 else [at], [box(at)])
        assert field.missed_px(tracks, at) < 3


def crossing(field: Field) -> tuple[float, float]:
    """Two meet, are one box while they overlap, and turn back; both misses at the end."""
    missed = np.inf, np.inf
    for frame in range(40):
        gap = abs(20 - frame) * 2.0
        one, other = (80 - gap - 3, 80.0), (80 + gap + 3, 80.0)
        together = other[0] - one[0] < SIZE_PX
        boxes = [box((80, 80), SIZE_PX + gap)] if together else [box(one), box(other)]
        tracks = field.show([one, other], boxes)
        missed = field.missed_px(tracks, one), field.missed_px(tracks, other)
    return missed


def test_of_two_that_meet_and_turn_back_each_is_known_by_its_own_image() -> None:
    missed, _ = crossing(Field())
    assert missed < 2


def test_two_that_look_alike_are_no_less_followed_for_that() -> None:
    assert min(crossing(Field(alike=True))) < 2


def test_what_has_gone_is_not_taken_for_what_is_detected_elsewhere() -> None:
    """It moved in jumps, so that it may be far; the field is full of boxes of nothing."""
    field, rng = Field(), np.random.default_rng(0)
    at = np.array([80.0, 80.0])
    for _ in range(15):
        at = np.clip(at + rng.normal(0, 6, 2).round(), 50, 110)
        field.show([tuple(at)], [box(tuple(at))])
    for _ in range(8):
        places = rng.uniform(15, SIDE_PX - 15, (40, 2))
        elsewhere = places[np.hypot(*(places - at).T) > 1.5 * SIZE_PX]
        tracks = field.show([None], [box(tuple(place)) for place in elsewhere])
        assert field.missed_px(tracks, tuple(at)) == np.inf


@pytest.mark.parametrize("alike", [False, True])
def test_beside_one_that_looks_alike_it_is_left_to_the_detector(alike: bool) -> None:
    field = Field(alike)
    for frame in range(16):
        one, other = (60.0, 80.0), (90.0, 80.0)
        tracks = field.show([one, other], [box(other), *([box(one)] if frame < 10 else [])])
        assert np.isfinite(field.missed_px(tracks, one)) == (frame < 10 or not alike)


def test_one_that_looks_alike_and_passes_over_it_is_not_taken_for_it() -> None:
    field, misses = Field(alike=True), []
    still = (60.0, 80.0)
    for frame in range(60):
        passing = (130.0 - 2 * frame, 80.0)
        apart = abs(passing[0] - still[0]) >= SIZE_PX
        tracks = field.show([still, passing], [box(passing), *([box(still)] if apart else [])])
        misses.append(field.missed_px(tracks, still))
    assert max(miss for miss in misses if np.isfinite(miss)) < 6
    assert misses[-1] < 2


def test_who_was_not_seen_for_long_takes_nothing_from_who_is_followed() -> None:
    """A false alarm beside it comes back as often as it likes."""
    field = Field()
    for frame, at in enumerate(walk(40, step=(1, 0))):
        beside = [box((at[0] + 9, at[1] + 4))] if frame in {3, 4, 12, 20, 21} else []
        tracks = field.show([at], [box(at), *beside])
        assert field.missed_px(tracks, at) < 3


def test_one_object_with_several_boxes_is_one_track() -> None:
    field, tracks = Field(), []
    for frame, at in enumerate(walk(15)):
        twins = [box((at[0] + 1, at[1]), 16), box((at[0], at[1] - 2), 13)] if frame > 1 else []
        tracks = field.show([at], [box(at), *twins])
    assert [track.id for track in tracks] == [field.wanted]


def test_two_tracks_that_are_always_at_one_place_become_one() -> None:
    """A second box begins elsewhere, comes nearer and stays; its track is not what is wanted."""
    field, tracks = Field(), []
    for frame, at in enumerate(walk(25)):
        away = max(18.0 - 3 * frame, 1.0)
        tracks = field.show([at], [box(at), box((at[0] + away, at[1]), 15)])
        assert field.missed_px(tracks, at) < 3
    assert [track.id for track in tracks] == [field.wanted]


def test_measurements_are_compared_with_the_own_image_before_one_is_taken(
    make_track: Any,
) -> None:
    """Its own place fits, that of a dark one does not, and what is far away is not looked at."""
    field = Field()
    image = np.full((SIDE_PX, SIDE_PX), 1500.0)
    for sign, left in ((1, 30), (-1, 70), (-1, 130)):
        image[70 : 70 + SIZE_PX, left : left + SIZE_PX] += sign * field.looks[0]
    frame = Frame(image.astype(np.uint16), 0, 0, 0, 5.0, StagePose(0.0, 0.0, 0.0, 0))
    places_um = [(left + SIZE_PX / 2 - 80, 0.0) for left in (30, 70, 130)]
    track = make_track(1, *places_um[0], sigma_um=1, size_um=SIZE_PX)
    registration = Registration(field.geometry)
    registration.learn([1], [track], frame)
    means_um = np.array([places_um[0]])
    misfits = registration.misfits([track], means_um, np.array(places_um), frame)
    itself, other, far = misfits[0]
    assert itself == far == 0
    assert other > 1

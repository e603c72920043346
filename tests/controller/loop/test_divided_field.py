"""A field that takes longer to look at than a frame lasts is looked at in parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pursuit.controller.decisions import Lock
from pursuit.controller.loop.attention import Attention, AttentionSettings
from pursuit.controller.loop.field_parts import FieldParts
from pursuit.controller.targets import TargetSelection, TargetSettings
from pursuit.controller.tracking import Crop, FieldGeometry, Track, Tracker, TrackingSettings
from pursuit.drivers.clock import NS_PER_MS
from pursuit.drivers.messages import Description, Dynamics, Frame, Image, StagePose
from pursuit.models.detections import Detections
from pursuit.models.detectors import Window
from pursuit.models.predictors import create

SIDE_PX, PIXEL_UM, INTERVAL_MS = 1200, 0.5, 20
INTERVAL_NS = INTERVAL_MS * NS_PER_MS
LIMIT_UM = (-1e4, 1e4)
MIDDLE_PX = (SIDE_PX - 1) / 2
DESCRIPTION = Description(
    name="test",
    camera="Camera",
    xy_stage="XY",
    focus="",
    width_px=SIDE_PX,
    height_px=SIDE_PX,
    dtype="uint8",
    pixel_um=PIXEL_UM,
    affine=(PIXEL_UM, 0.0, 0.0, PIXEL_UM),
    exposure_ms=5,
    interval_ms=INTERVAL_MS,
    dynamics=Dynamics(),
    limits_um=(LIMIT_UM, LIMIT_UM, LIMIT_UM),
)


class Slow:
    """Finds objects where they are, and takes a time for each pixel on a clock of its own."""

    name = "slow"

    def __init__(self, ns_per_px: float) -> None:
        self.now_ns, self.ns_per_px = 0.0, ns_per_px
        self.places_px = np.empty((0, 2))
        self.max_objects = 100

    def clock(self) -> int:
        return round(self.now_ns)

    def detect(self, image: Image) -> Detections:
        return self.detect_within(image, Window((MIDDLE_PX, MIDDLE_PX), SIDE_PX))

    def detect_within(self, image: Image, window: Window) -> Detections:
        left, top, right, bottom = window.crop(image.shape)
        self.now_ns += self.ns_per_px * (right - left) * (bottom - top)
        boxes_px = np.concatenate([self.places_px - 6, self.places_px + 6], axis=1)
        whole = (boxes_px >= (left, top) * 2).all(axis=1) & (boxes_px < (right, bottom) * 2).all(1)
        return Detections.of(boxes_px[whole], [0.9] * int(whole.sum()))


class Session:
    """Frames of a stage at rest, looked at, tracked and chosen from as in the loop."""

    def __init__(
        self, detector: Slow, window: str = "auto", is_timed: bool = True, choose: str = "centre"
    ) -> None:
        self.detector, self.is_timed, self.index = detector, is_timed, 0
        self.geometry = FieldGeometry(DESCRIPTION)
        attention = AttentionSettings(window)  # pyright: ignore[reportArgumentType]
        sides_px = SIDE_PX, SIDE_PX
        self.attention = Attention(attention, self.geometry, sides_px, detector, detector.clock)
        self.tracker = Tracker(TrackingSettings(), self.geometry, create("auto", {}))
        wanted = TargetSettings(choose)  # pyright: ignore[reportArgumentType]
        self.target = TargetSelection(wanted)
        self.followed, self.tracks = None, list[Track]()
        self.took_ns = list[float]()
        self.stage_um = 0.0

    def step(self, places_px: list[tuple[float, float]]) -> tuple[Crop, ...] | None:
        """Take a frame with objects at places; return what was looked at."""
        self.detector.places_px = np.array(places_px, np.float64).reshape(-1, 2)
        at_ns = (self.index + 1) * INTERVAL_NS
        pose = StagePose(self.stage_um, 0.0, 0.0, at_ns)
        image = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
        frame = Frame(image, self.index, at_ns, at_ns, 5.0, pose, arrived_ns=self.is_timed * at_ns)
        self.index += 1
        self.tracker.advance(at_ns)
        before_ns = self.detector.now_ns
        begun = self.tracker.begun
        found, looked_px = self.attention.look(
            frame, self.target, self.followed, begun, INTERVAL_NS
        )
        self.took_ns.append(self.detector.now_ns - before_ns)
        measurements = self.geometry.measurements(found, frame, looked_px)
        self.tracks = self.tracker.update(measurements, frame)
        self.followed = self.target.follow(self.tracks, frame)
        self.tracker.keep(self.target.wanted, frame)
        return looked_px


def covers(looked_px: list[Crop]) -> bool:
    seen = np.zeros((SIDE_PX, SIDE_PX), np.bool_)
    for left, top, right, bottom in looked_px:
        seen[top:bottom, left:right] = True
    return bool(seen.all())


def test_a_target_in_a_large_field_is_locked_soon_and_seen_in_every_frame() -> None:
    """A whole look would take nine frames; a part does not take the half of one."""
    session = Session(Slow(ns_per_px=130.0))
    places = [(700.0 + 3 * k, 500.0 - 2 * k) for k in range(100)]
    looks, locks = [], []
    for place in places:
        looks.append(session.step([place]))
        locks.append(session.target.lock)
    assert all(look is not None for look in looks)
    assert locks.index(Lock.LOCKED) < 8
    assert set(locks[8:]) == {Lock.LOCKED}
    (target,) = session.tracks
    assert target.misses == 0 and target.hits > 92
    assert max(session.took_ns[1:]) < 0.8 * INTERVAL_NS


def test_the_rest_of_the_field_is_looked_at_beside_the_target_and_how_often_is_told() -> None:
    session = Session(Slow(ns_per_px=130.0))
    looks = [session.step([(600.0, 600.0)]) or () for _ in range(150)]
    rest = [crop for look in looks[20:] for crop in look]
    assert covers(rest)
    notes = session.attention.take_notes()
    assert len(notes) == 1
    told_s = float(notes[0].rsplit("every ", 1)[1].split()[0])
    assert 0.3 < told_s < 130 * INTERVAL_MS / 1e3
    others = [(600.0, 600.0), (90.0, 1100.0)]
    for _ in range(2 * round(told_s / (INTERVAL_MS / 1e3)) + 10):
        session.step(others)
    assert len(session.tracks) == 2, "what is new elsewhere is found"


def lost_session() -> Session:
    session = Session(Slow(ns_per_px=130.0))
    for _ in range(12):
        session.step([(600.0, 600.0)])
    while session.followed is not None:
        assert session.step([]) is not None
    assert session.target.lock is Lock.LOST
    return session


def test_a_lost_target_is_looked_for_in_all_of_the_field_but_in_no_frame_for_long() -> None:
    """First where it should be; `all_shown` keeps the search from going on before that."""
    session = lost_session()
    session.took_ns.clear()
    looks, looked = list[Crop](), False
    for _ in range(200):
        looks += session.step([]) or ()
        looked = session.attention.all_shown
        assert looked == covers(looks)
        if looked:
            break
    assert looked
    left, top, right, bottom = looks[0]
    assert left < 600 < right and top < 600 < bottom
    assert max(session.took_ns) < INTERVAL_NS
    session.step([(600.0, 600.0)])


def test_a_lost_target_is_found_again_beside_where_it_was() -> None:
    session = lost_session()
    locks = []
    for _ in range(60):
        session.step([(620.0, 585.0)])
        locks.append(session.target.lock)
    assert Lock.LOCKED in locks
    assert session.attention.all_shown, "nothing is lost any more"
    assert locks[-1] is Lock.LOCKED


def test_where_the_stage_has_gone_all_of_the_field_is_looked_at_anew() -> None:
    session = lost_session()
    for _ in range(200):
        session.step([])
        if session.attention.all_shown:
            break
    session.stage_um = 100.0
    session.step([])
    assert not session.attention.all_shown


@pytest.mark.parametrize(
    ("ns_per_px", "window", "is_timed"),
    [(5.0, "auto", True), (130.0, "never", True), (130.0, "auto", False)],
)
def test_a_field_is_looked_at_whole_if_that_is_quick_or_wanted_or_time_is_virtual(
    ns_per_px: float, window: str, is_timed: bool
) -> None:
    session = Session(Slow(ns_per_px), window, is_timed)
    looks = [session.step([(600.0, 600.0)]) for _ in range(120)]
    whole = [k for k, look in enumerate(looks) if look is None]
    assert len(whole) >= (118 if window == "never" else 2)
    assert not session.attention.take_notes()


def test_where_a_part_takes_longer_than_a_frame_most_frames_are_for_the_target() -> None:
    session = Session(Slow(ns_per_px=1500.0))
    looks = [session.step([(600.0, 600.0)]) or () for _ in range(200)]
    beside = [len(look) for look in looks[20:]]
    assert set(beside) == {1, 2}
    assert sum(count == 2 for count in beside) < len(beside) / 5


def test_to_choose_the_largest_all_are_looked_at_first() -> None:
    session = Session(Slow(ns_per_px=130.0), choose="largest")
    looks = [session.step([(600.0, 600.0), (90.0, 1100.0)]) for _ in range(20)]
    assert looks[0] is None and looks[-1] is not None
    assert session.target.lock is Lock.LOCKED


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(40, 3000),
    height=st.integers(40, 3000),
    object_px=st.floats(1, 400),
    ns_per_px=st.floats(0.1, 3000),
)
def test_the_parts_of_any_field_cover_it(
    width: int, height: int, object_px: float, ns_per_px: float
) -> None:
    parts = FieldParts(width, height, whole_every=50)
    for _ in range(3):
        parts.learn(256 * 256, round(256 * 256 * ns_per_px))
    parts.fit(object_px)
    seen = np.zeros((height, width), np.bool_)
    for frame in range(20_000):
        for window in parts.next(INTERVAL_NS, (frame + 1) * INTERVAL_NS, None):
            left, top, right, bottom = window.crop(seen.shape)
            seen[top:bottom, left:right] = True
        if seen.all():
            break
    assert seen.all()

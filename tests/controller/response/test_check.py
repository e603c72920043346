"""The response check alone, with a stage whose poses are known less well than where it rests."""

from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from pursuit.controller.policies import Plan
from pursuit.controller.response import ResponseCheck
from pursuit.drivers.clock import NS_PER_MS
from pursuit.drivers.messages import Description, Dynamics, Frame, StagePose
from pursuit.models.detections import Detections

BEAD_UM = np.array([90.0, 60.0])
RIGHT = np.array([1.0, 0.0])
TIME_LAPSE_MS = 1000


def description(affine: np.ndarray) -> Description:
    return Description(
        name="test",
        camera="Camera",
        xy_stage="XY",
        focus="",
        width_px=512,
        height_px=512,
        dtype="uint8",
        pixel_um=1.0,
        affine=tuple(affine.ravel().tolist()),
        exposure_ms=10,
        interval_ms=10,
        dynamics=Dynamics(delay_ms=1, speed_um_s=1e6, acceleration_um_s2=1e9, settle_ms=1),
        limits_um=((-1e4, 1e4), (-1e4, 1e4), (-1e4, 1e4)),
        takes_velocity=False,
    )


class Bead:
    """A resting bead under a stage that jumps in the middle of an exposure.

    The picture is taken when the exposure begins; the pose is the mean over it, as modelled.
    In a time lapse the stage rests again before the next exposure.
    """

    def __init__(
        self, affine: np.ndarray, jump_at: float = 0.0, interval_ms: int = 10, drift_um: float = 0.0
    ) -> None:
        self.affine, self.jump_at, self.interval_ms = affine, jump_at, interval_ms
        self.place_um, self.drift_um = BEAD_UM.copy(), drift_um
        self.check = ResponseCheck(description(affine))
        self.stage_um, self.wanted_um = np.zeros(2), np.zeros(2)
        self.index = 0
        self.frame: Any = None
        self.target: Any = None

    def see(self, hidden: bool = False) -> str:
        """Take a picture; return what is said of the calibration."""
        if self.interval_ms >= TIME_LAPSE_MS:
            self.stage_um = self.wanted_um
        pose_um = self.stage_um + self.jump_at * (self.wanted_um - self.stage_um)
        at_ns = self.index * self.interval_ms * NS_PER_MS
        pose = StagePose(float(pose_um[0]), float(pose_um[1]), 0.0, at_ns)
        image = self.picture()
        self.frame = Frame(image, self.index, at_ns, at_ns, 10.0, pose)
        self.place_um += (self.drift_um, 0.0)
        from_middle_px = self.place_um - self.stage_um
        place_px = (from_middle_px + 255.5).astype(np.float32)[None][hidden:]
        found = Detections(
            boxes_px=np.hstack([place_px - 4, place_px + 4]),
            scores=np.ones(len(place_px), np.float32),
            classes=np.zeros(len(place_px), np.int32),
            centres_px=place_px,
            brightness=np.ones(len(place_px), np.float32),
        )
        self.target = SimpleNamespace(
            shares=False, id=1, size_um=self.size_um, seen_um=pose_um + self.affine @ from_middle_px
        )
        self.target.members = [self.target]
        if hidden:
            self.target = None
        self.stage_um = self.wanted_um
        self.index += 1
        return self.check.see(self.frame, found, self.target)

    size_um = 8.0

    def picture(self) -> np.ndarray:
        """What the camera sees, (H, W)."""
        return np.zeros((512, 512), np.uint8)

    def go(self, to_um: np.ndarray) -> np.ndarray:
        """Plan to go somewhere; return where the stage is sent."""
        plan = self.check.limited(Plan(move_um=to_um, reason="to it"), self.target, self.frame)
        if plan.move_um is not None:
            self.wanted_um = np.asarray(plan.move_um)
        return self.wanted_um


class Restless(Bead):
    """A large object in a time lapse that goes by a sixth of its size by itself, over a texture."""

    size_um = 150.0

    def __init__(self, affine: np.ndarray, seed: int, textured: bool = True) -> None:
        super().__init__(affine, interval_ms=TIME_LAPSE_MS)
        self.rng, self.textured = np.random.default_rng(seed), textured
        grain = self.rng.normal(size=(1024, 1024)).astype(np.float32)
        self.texture = 128 + 400 * cv2.GaussianBlur(grain, (0, 0), 4)

    def picture(self) -> np.ndarray:
        self.place_um += self.rng.normal(0, 25, 2)
        if not self.textured:
            return super().picture()
        x, y = np.round(256 + self.stage_um).astype(int).tolist()
        return self.texture[y : y + 512, x : x + 512].astype(np.uint8)


class Crests(Bead):
    """What comes and goes anywhere in the picture."""

    def __init__(self, seed: int) -> None:
        super().__init__(np.eye(2))
        self.rng = np.random.default_rng(seed)

    def picture(self) -> np.ndarray:
        self.place_um = self.stage_um + self.rng.uniform(-120, 120, 2)
        return super().picture()


def look(bead: Bead, frames: int = 400) -> tuple[str, bool]:
    """What is said of it until the calibration is proven or refuted."""
    error = ""
    for _ in range(frames):
        error = bead.see()
        if error or bead.check.proven:
            break
        bead.go(bead.place_um)
    return error, bead.check.proven


@pytest.mark.parametrize("jump_at", [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0])
def test_frames_in_the_middle_of_a_move_tell_nothing(jump_at: float) -> None:
    assert look(Bead(np.eye(2), jump_at)) == ("", True)


def test_what_is_never_found_again_answers_to_nothing() -> None:
    assert {look(Crests(seed), 300) for seed in range(60)} == {("", False)}


some_wrong = pytest.mark.parametrize(
    ("affine", "name"),
    [
        (np.diag([2.0, 2.0]), "too large by a factor of 2"),
        (np.diag([0.5, 0.5]), "too small by a factor of 2"),
        (np.diag([-1.0, 1.0]), "mirrored from left to right"),
        (np.array([[0.0, 1.0], [-1.0, 0.0]]), "turned by"),
    ],
)


@pytest.mark.parametrize("jump_at", [0.0, 0.25, 0.5, 0.75, 1.0])
@some_wrong
def test_a_wrong_one_is_named_all_the_same(affine: np.ndarray, name: str, jump_at: float) -> None:
    error, proven = look(Bead(affine, jump_at))
    assert name in error
    assert not proven


@pytest.mark.parametrize("drift_um", [0.0, 5.0])
def test_in_a_time_lapse_following_begins_after_a_few_frames(drift_um: float) -> None:
    bead = Bead(np.eye(2), interval_ms=TIME_LAPSE_MS, drift_um=drift_um)
    assert look(bead) == ("", True)
    assert bead.index <= 5


@some_wrong
def test_in_a_time_lapse_no_frame_is_lost_for_rest(affine: np.ndarray, name: str) -> None:
    bead = Bead(affine, interval_ms=TIME_LAPSE_MS)
    error, proven = look(bead)
    assert name in error
    assert not proven
    assert bead.index <= 10
    assert np.linalg.norm(bead.stage_um) < 256


@pytest.mark.parametrize("seed", range(8))
def test_what_goes_its_own_way_is_answered_for_by_the_rest_of_the_picture(seed: int) -> None:
    restless = Restless(np.eye(2), seed)
    assert look(restless, 12) == ("", True)
    assert np.linalg.norm(restless.stage_um) < 256


@pytest.mark.parametrize("seed", range(3))
@some_wrong
def test_and_never_for_a_wrong_affine(affine: np.ndarray, name: str, seed: int) -> None:
    restless = Restless(affine, seed)
    error, proven = look(restless, 25)
    assert not proven
    assert "does not move as the stage does" in error
    assert np.linalg.norm(restless.stage_um) < 256


def test_a_small_move_that_makes_the_target_disappear_is_taken_back() -> None:
    bead = Bead(np.eye(2), interval_ms=TIME_LAPSE_MS)
    while not np.any(bead.wanted_um):
        bead.see()
        bead.go(BEAD_UM)
    bead.see(hidden=True)
    assert bead.go(BEAD_UM) == pytest.approx(np.zeros(2))
    bead.see(hidden=True)
    assert bead.go(BEAD_UM) == pytest.approx(np.zeros(2))


def test_a_way_may_be_much_shorter_than_the_last_one_but_not_much_longer() -> None:
    """Where the picture has just answered wrongly: the bead seems to run away."""
    bead = Bead(np.eye(2))
    while bead.see() == "" and not bead.check.proven:
        bead.go(BEAD_UM)
    for _ in range(3):
        there_um = bead.stage_um + 100 * RIGHT
        sent_um = bead.go(there_um)
        bead.stage_um = bead.stage_um - (sent_um - bead.stage_um)
        bead.see()
    longer_um = bead.go(bead.stage_um + 250 * RIGHT) - bead.stage_um
    assert 100.0 < longer_um[0] < 150.0
    near_um = bead.stage_um + RIGHT
    assert bead.go(near_um) == pytest.approx(near_um)

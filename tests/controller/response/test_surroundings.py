"""What lies around the target tells how the picture moves, whatever is detected of it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pursuit.controller.response.hypotheses import RIGHT, WRONG, Hypothesis
from pursuit.controller.response.others import Seen
from pursuit.controller.response.pose_history import PoseHistory
from pursuit.controller.response.sums import ALL, STAYS
from pursuit.controller.response.surroundings import Surroundings
from pursuit.drivers.clock import NS_PER_S
from pursuit.drivers.messages import Frame, StagePose

SIDE_PX = 256
MOVE_UM = np.array([24.0, -12.0])
"""Of the stage, one pixel a micrometre: the picture is expected to shift the other way."""
TARGET_PX = np.array([128.0, 128.0])
NO_OBJECTS = np.empty((0, 2))


def texture(seed: int, blur_px: float = 3.0) -> NDArray[np.float32]:
    """Grey values of a specimen that is larger than the field."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(2 * SIDE_PX, 2 * SIDE_PX)).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), blur_px)
    return (100 + 30 * blurred / blurred.std()).astype(np.float32)


def field(specimen: NDArray[np.float32], shift_px: NDArray[np.float64]) -> NDArray[np.uint8]:
    """What the camera sees when the picture of a specimen has shifted, with noise."""
    start = SIDE_PX // 2
    right, down = (start - np.round(shift_px).astype(int)).tolist()
    seen = specimen[down : down + SIDE_PX, right : right + SIDE_PX]
    noisy = seen + np.random.default_rng(7).normal(0, 3, seen.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def told(
    images: list[NDArray[np.uint8]],
    target_px: NDArray[np.float64] | None = TARGET_PX,
    move_um: NDArray[np.float64] = MOVE_UM,
    size_px: float = 20.0,
    moves_um: list[NDArray[np.float64]] | None = None,
) -> tuple[list[NDArray[np.float64]], Surroundings]:
    """What two pictures tell between which the stage has moved."""
    poses = PoseHistory(np.eye(2), ALL)
    surroundings = Surroundings(np.full(2, SIDE_PX / 2 - 0.5))
    sums = []
    for number, image in enumerate(images):
        at_ns = number * NS_PER_S
        x_um, y_um = (number * move_um if moves_um is None else moves_um[number]).tolist()
        pose = StagePose(x_um, y_um, 0.0, at_ns)
        poses.add(Frame(image, number, at_ns, at_ns, 10.0, pose))
        seen = Seen(at_ns, NO_OBJECTS, target_px, size_px)
        sums = surroundings.compare(seen, image, poses, 1.0)
    return sums, surroundings


def pair(shows: NDArray[np.float64]) -> list[NDArray[np.uint8]]:
    """Pictures before and after the move, where a hypothesis is true."""
    specimen = texture(3)
    return [field(specimen, np.zeros(2)), field(specimen, shows @ -MOVE_UM)]


@pytest.mark.parametrize("true", [RIGHT[0], *(each for each in WRONG if not each.stays)])
def test_a_texture_names_what_is_true_though_nothing_is_detected(true: Hypothesis) -> None:
    (sums,), surroundings = told(pair(true.shows))
    is_true = np.array([np.array_equal(each.shows, true.shows) for each in ALL])
    assert sums[is_true].max() - sums[~is_true & ~STAYS].max() > 1
    assert surroundings.moved
    assert surroundings.answered == (true in RIGHT)


def test_it_says_nothing_of_whether_the_target_stays_on_the_camera() -> None:
    (sums,), _ = told(pair(np.eye(2)))
    assert sums[STAYS].max() == sums.max()


def test_one_picture_tells_three_nats_at_most() -> None:
    (sums,), _ = told(pair(-np.eye(2)))
    assert np.ptp(sums) == pytest.approx(3)


def test_what_stays_on_the_camera_tells_nothing() -> None:
    uneven = np.clip(field(texture(3, blur_px=4), np.zeros(2)), 0, 255).astype(np.uint8)
    sums, surroundings = told([uneven, uneven])
    assert sums == []
    assert not surroundings.moved


def test_noise_and_an_even_picture_tell_nothing() -> None:
    rng = np.random.default_rng(5)
    noise = [rng.poisson(50, (SIDE_PX, SIDE_PX)).astype(np.uint8) for _ in range(2)]
    assert told(noise)[0] == []
    assert told([np.full((SIDE_PX, SIDE_PX), 9, np.uint8)] * 2)[0] == []


def test_a_target_alone_is_no_witness_of_its_own() -> None:
    """A single object that goes its own way, in a dark field."""
    images = []
    for moved_px in ((0.0, 0.0), (9.0, 14.0)):
        image = np.zeros((SIDE_PX, SIDE_PX), np.float32)
        cv2.circle(image, np.round(TARGET_PX + moved_px).astype(int).tolist(), 9, 200.0, -1)
        noise = np.random.default_rng(len(images)).poisson(20, image.shape)
        images.append(np.clip(image + noise, 0, 255).astype(np.uint8))
    assert told(images, size_px=40.0)[0] == []


def test_without_a_target_to_leave_out_and_after_short_moves_nothing_is_told() -> None:
    assert told(pair(np.eye(2)), target_px=None)[0] == []
    short_um = MOVE_UM / 8
    specimen = texture(3)
    images = [field(specimen, np.zeros(2)), field(specimen, -short_um)]
    assert told(images, move_um=short_um)[0] == []


def test_a_picture_that_moved_by_itself_while_the_stage_was_at_rest_tells_less() -> None:
    """Neighbours go by themselves as far as the target does, and registration follows them."""
    specimen, shows = texture(3), WRONG[0].shows
    for own_px, tells in ((0.0, True), (8.0, True), (18.0, False)):
        own = np.array([own_px, 0.0])
        images = [field(specimen, each) for each in (np.zeros(2), own, own - shows @ MOVE_UM)]
        sums, _ = told(images, moves_um=[np.zeros(2), np.zeros(2), MOVE_UM])
        assert bool(sums) == tells


def test_what_was_forgotten_is_compared_with_nothing() -> None:
    first, second = pair(np.eye(2))
    poses = PoseHistory(np.eye(2), ALL)
    surroundings = Surroundings(np.full(2, SIDE_PX / 2 - 0.5))
    for number, image in enumerate((first, second)):
        pose = StagePose(0.0, 0.0, 0.0, number)
        poses.add(Frame(image, number, number, number, 10.0, pose))
        surroundings.forget()
        seen = Seen(number, NO_OBJECTS, TARGET_PX, 20.0)
        assert surroundings.compare(seen, image, poses, 1.0) == []

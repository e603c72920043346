"""A picture is called repeated only where a live camera could not have delivered it."""

from __future__ import annotations

import numpy as np
import pytest
from pursuit.controller.loop.frame_checks import REPEATED, FrameChecks
from pursuit.drivers.clock import NS_PER_MS
from pursuit.drivers.messages import Frame, Image, StagePose

PIXEL_UM = 0.5


class Camera:
    """Pictures of a place with something in it, and what is thought of them."""

    def __init__(self, noise: float, side_px: int = 64) -> None:
        self.rng, self.noise = np.random.default_rng(0), noise
        self.checks, self.index = FrameChecks(PIXEL_UM), 0
        self.side_px = side_px
        self.said = ""

    def expose(self, x_um: float = 0.0, background: float = 100.0) -> Image:
        """Return a new picture by a stage at x."""
        side = self.side_px
        picture = np.full((side, side), background)
        at = int(side // 2 - x_um / PIXEL_UM)
        picture[side // 2 - 3 : side // 2 + 3, max(at - 3, 0) : max(at + 3, 0)] += 80
        return np.clip(picture + self.rng.normal(0, self.noise, picture.shape), 0, 255).astype("u1")

    def take(
        self, image: Image, x_um: float = 0.0, seen: bool = True, sigma_um: float = 0.0
    ) -> str:
        """Return what is wrong with a picture that the camera delivers 100 ms after the last."""
        at_ns = self.index * 100 * NS_PER_MS
        pose = StagePose(x_um, 0.0, 0.0, at_ns, sigma_um)
        frame = Frame(image, self.index, at_ns, at_ns, 5.0, pose)
        self.index += 1
        fault = self.checks.fault(frame, seen)
        self.said = self.checks.lasting(frame, fault) if fault else ""
        return fault

    def rest(self, frames: int = 5) -> Image:
        """Take live pictures by a stage that rests; return the last one."""
        image = self.expose()
        for _ in range(frames):
            image = self.expose()
            assert not self.take(image)
        return image


def test_a_picture_is_not_used_twice_and_following_ends_after_a_second() -> None:
    camera = Camera(noise=3.0)
    last = camera.rest()
    for _ in range(10):
        assert camera.take(last.copy()) == REPEATED
        assert not camera.said
    camera.take(last.copy())
    assert camera.said == (
        "No frame could be used since 0.5 s: the camera repeats its picture, pixel by pixel."
    )


def test_a_camera_that_goes_on_is_used_again() -> None:
    camera = Camera(noise=3.0)
    for _ in range(4):
        last = camera.rest()
        for _ in range(8):
            assert camera.take(last.copy()) == REPEATED
            assert not camera.said


@pytest.mark.parametrize("side_px", [64, 16])
def test_without_noise_the_same_picture_is_no_wonder_while_nothing_moves(side_px: int) -> None:
    camera = Camera(noise=0.0, side_px=side_px)
    last = camera.rest(20)
    assert not camera.take(last.copy(), x_um=0.9)
    assert not camera.take(last.copy(), x_um=5.0, sigma_um=3.0)
    assert not camera.take(last.copy(), x_um=5.0, seen=False)
    assert camera.take(last.copy(), x_um=5.0) == REPEATED
    assert not camera.take(camera.expose(5.0), x_um=5.0)


def test_what_moves_in_a_picture_without_noise_is_no_noise() -> None:
    camera = Camera(noise=0.0)
    for x_um in np.arange(-8.0, 8.0, 0.5):
        assert not camera.take(camera.expose(float(x_um)))
    last = camera.expose(8.0)
    for _ in range(20):
        assert not camera.take(last.copy())


def test_a_picture_without_noise_that_comes_late_is_no_noise() -> None:
    """As of a simulated camera, whose picture follows a move of the stage a frame later."""
    camera = Camera(noise=0.0)
    textured = camera.rng.integers(0, 255, (64, 64), dtype="u1")
    for step in range(20):
        for _ in range(2):
            assert not camera.take(np.roll(textured, step, axis=1))


def test_a_picture_whose_pose_was_taken_in_mid_move_is_new_where_the_stage_comes_to_rest() -> None:
    camera = Camera(noise=0.0)
    camera.rest(20)
    at_rest = camera.expose(9.0)
    assert not camera.take(at_rest, x_um=4.1, sigma_um=1.0)
    for x_um in (8.5, *[9.0] * 10):
        assert not camera.take(at_rest.copy(), x_um=x_um)
    assert camera.take(at_rest.copy(), x_um=12.0) == REPEATED


@pytest.mark.parametrize("light", [-1e3, 1e3])
def test_darkness_and_saturation_are_no_repeated_picture(light: float) -> None:
    camera = Camera(noise=3.0)
    camera.rest()
    hot = camera.expose(background=light)
    hot[7, 9] = 99
    for x_um in range(20):
        assert not camera.take(hot.copy(), x_um=float(x_um))


def test_a_camera_that_delivers_all_pictures_in_the_same_memory_is_not_judged() -> None:
    camera = Camera(noise=3.0)
    memory = camera.rest()
    for _ in range(20):
        memory[:] = camera.expose()
        assert not camera.take(memory)


def test_a_picture_too_small_for_noise_to_show_is_not_judged() -> None:
    camera = Camera(noise=3.0, side_px=8)
    last = camera.rest()
    for _ in range(20):
        assert not camera.take(last.copy())

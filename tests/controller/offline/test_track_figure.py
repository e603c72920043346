"""The picture of tracks can be read, also where there are many."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pursuit.controller.offline import draw_tracks
from pursuit.controller.offline.scores import TrackPoints

GREY = np.full((200, 300), 100, np.uint8)
HEAD_PX = 30


def colour_of(path: Path) -> NDArray[np.int64]:
    """How colourful each pixel below the title is."""
    drawn = cv2.imread(str(path))
    assert drawn is not None
    return np.ptp(drawn[HEAD_PX:].astype(np.int64), axis=2)


def walkers(count: int, frames: int, seed: int = 0) -> TrackPoints:
    """Random walks that cover the field, one px a frame."""
    rng = np.random.default_rng(seed)
    begins = rng.uniform((0, 0), (300, 200), (count, 2))
    walks = begins[:, None] + np.cumsum(rng.normal(0, 1, (count, frames, 2)), axis=1)
    at, ids = np.meshgrid(np.arange(frames), np.arange(count))
    return TrackPoints(at.ravel(), ids.ravel(), walks.reshape(-1, 2))


def test_of_many_objects_the_last_frames_are_shown(tmp_path: Path) -> None:
    """With all paths, two of three pixels would be colourful."""
    tracks = walkers(300, 300)
    draw_tracks(tmp_path / "t.png", GREY, tracks, "many")
    colour = colour_of(tmp_path / "t.png")
    assert colour.shape[1] > 1_000
    assert 0.005 < (colour > 40).mean() < 0.1


def test_of_few_objects_all_is_shown(tmp_path: Path) -> None:
    straight = np.stack([np.arange(20, 280.0), np.full(260, 100.0)], 1)
    tracks = TrackPoints(np.arange(260), np.full(260, 4), straight)
    draw_tracks(tmp_path / "t.png", GREY, tracks, "one")
    _, columns = np.nonzero(colour_of(tmp_path / "t.png") > 40)
    zoom = 800 / 300
    assert columns.min() == pytest.approx(20 * zoom, abs=4)
    assert columns.max() == pytest.approx(280 * zoom, abs=6)


def test_a_track_that_ended_is_paler_than_one_that_is_there(tmp_path: Path) -> None:
    line = np.stack([np.arange(50.0, 70), np.full(20, 50.0)], 1)
    frames = np.concatenate((np.arange(20), np.arange(20) + 20))
    tracks = TrackPoints(frames, np.repeat((0, 20), 20), np.vstack((line, np.add(line, [0, 100]))))
    draw_tracks(tmp_path / "t.png", GREY, tracks, "two of one colour")
    colour = colour_of(tmp_path / "t.png")
    middle = len(colour) // 2
    ended, there = colour[:middle].max(), colour[middle:].max()
    assert 20 < ended < 0.6 * there


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_show(tmp_path: Path, count: int) -> None:
    draw_tracks(tmp_path / "t.png", GREY, walkers(count, 1), "nothing")
    assert colour_of(tmp_path / "t.png").shape == (round(200 * 800 / 300), 800)

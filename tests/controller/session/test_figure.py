"""The picture of a session can always be drawn, and its film strip spans the session."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pursuit.controller.decisions import Decision, Lock
from pursuit.controller.session import Rows
from pursuit.controller.session.report.figure import draw
from pursuit.controller.session.report.film import STILLS, FilmStrip
from pursuit.controller.session.report.summary import summarise
from pursuit.drivers.messages import Description, Dynamics, Frame, Issued, StagePose

MS = 1_000_000
ABOUT = Description(
    name="test",
    camera="Camera",
    xy_stage="XY",
    focus="",
    width_px=400,
    height_px=200,
    dtype="uint16",
    pixel_um=0.5,
    affine=(0.5, 0, 0, 0.5),
    exposure_ms=5,
    interval_ms=10,
    dynamics=Dynamics(),
    limits_um=((-1e4, 1e4), (-1e4, 1e4), (-1e4, 1e4)),
)


def frame(index: int, image: np.ndarray | None = None) -> Frame:
    """An exposure with the stage at (1000, -500) µm."""
    image = np.zeros((2, 4), np.uint16) if image is None else image
    return Frame(image, index, 7 + index * 10 * MS, 0, 5, StagePose(1000.0, -500.0, 0, 0))


def picture(path: Path, rows: Rows, film: FilmStrip) -> np.ndarray:
    """The picture that was drawn, (H, W, 3) uint8."""
    draw(path, rows, ABOUT, summarise(rows, ABOUT, 0, 0), film.stills())
    with Image.open(path) as opened:
        return np.asarray(opened.convert("RGB"))


@pytest.mark.parametrize("count", [0, 1, 5, 20_000])
@pytest.mark.parametrize("lock", [Lock.SEARCHING, Lock.LOCKED, Lock.LOST])
def test_a_picture_can_be_drawn_of_anything(tmp_path: Path, count: int, lock: Lock) -> None:
    rows, film = Rows(), FilmStrip()
    for i in range(count):
        rows.frame(frame(i))
        film.add(frame(i))
        seen_um = (1000.0 + i % 7, -500.0) if lock is Lock.LOCKED else None
        pose_um, at_ns = (1000.0, -500.0, 0.0), 7 + i * 10 * MS
        rows.decision(Decision(i, at_ns, pose_um, 1, lock, seen_um=seen_um))
        if lock is Lock.LOCKED:
            rows.report(Issued(i, 1, 1, 12 * MS, 0.0, 0.0, None))
    assert picture(tmp_path / "summary.png", rows, film).shape[1] == 1440


def test_corners_mark_where_the_target_was(tmp_path: Path) -> None:
    """It is at (300, 150) of 400 x 200 pixels: 50 and 25 µm from the middle."""
    rows, film = Rows(), FilmStrip()
    image = np.full((200, 400), 100, np.uint16)
    image[140:161, 290:311] = 1000
    rows.frame(frame(0, image))
    film.add(frame(0, image))
    rows.decision(Decision(0, 7, (1000.0, -500.0, 0.0), 1, Lock.LOCKED, seen_um=(1050.0, -475.0)))
    drawn = picture(tmp_path / "summary.png", rows, film)[:200, :300].astype(int)
    yellow = np.argwhere((drawn[..., 0] - drawn[..., 2]) > 150)
    target = np.argwhere((drawn.min(2) > 250) & (drawn.max(2) > 250))
    inside = target[(target > yellow.min(0)).all(1) & (target < yellow.max(0)).all(1)]
    np.testing.assert_allclose(yellow.mean(0), inside.mean(0), atol=1.5)


@settings(deadline=None, max_examples=50)
@given(count=st.integers(1, 3_000), gap=st.integers(1, 3))
def test_a_film_strip_spans_the_session(count: int, gap: int) -> None:
    film = FilmStrip()
    for i in range(count):
        film.add(frame(i * gap, np.full((3, 5), i, np.uint16)))
    stills = film.stills()
    indices = [still.index for still in stills]
    assert len(stills) == min(count, STILLS)
    assert all((still.image == still.index // gap).all() for still in stills)
    assert (indices[0], indices[-1]) == (0, (count - 1) * gap)
    if count > STILLS:
        even = (count - 1) * gap / (STILLS - 1)
        assert max(np.diff(indices)) < 1.5 * even + gap and min(np.diff(indices)) > 0.5 * even - gap


def test_large_images_are_kept_small_and_lost_ones_left_out() -> None:
    film = FilmStrip()
    film.add(frame(0, np.full((1024, 2048), 500, np.uint16)))
    film.add(frame(1, np.empty((0, 0), np.uint16)))
    (still,) = film.stills()
    assert still.index == 0
    assert still.image.shape == (120, 240)
    assert (still.image == 500).all()

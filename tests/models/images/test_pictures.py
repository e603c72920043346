"""Pictures and animations are read as viewers show them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from pursuit.models.images import open_recording, read_grey


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_all_frames_of_an_animation_are_a_movie(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"m.{suffix}"
    first, *others = (Image.fromarray(np.full((20, 30), 10 * n, np.uint8)) for n in range(1, 8))
    first.save(path, save_all=True, append_images=others, duration=40, lossless=True)
    movie = open_recording(path)
    assert [movie[n].mean() for n in range(len(movie))] == pytest.approx(
        10 * np.arange(1, 8), abs=1
    )
    assert movie.interval_s == pytest.approx(0.04)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_viewers_show_it(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.arange(54, dtype=np.uint8).reshape(6, 9)).save(tmp_path / "p.png", exif=exif)
    with Image.open(tmp_path / "p.png") as stored:
        shown = np.asarray(ImageOps.exif_transpose(stored))
    np.testing.assert_array_equal(read_grey(tmp_path / "p.png"), shown)

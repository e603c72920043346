"""``pursuit bench track``: linkers beside one another on the same detections."""

from __future__ import annotations

import csv
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import tifffile
from pursuit.controller.bench import track
from pursuit.controller.bench.track import peers
from pursuit.controller.offline import Linker

FRAMES = 10
TABLES = {"detector": {"name": "blobs", "diameter_px": 7, "polarity": "bright"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A movie of three spots that move, and their tracks."""
    y, x = np.mgrid[:96, :120]
    starts, steps = np.array([(20, 20), (60, 40), (30, 80)]), np.array([(3, 1), (-2, 1), (1, -3)])
    frames, rows = [], []
    for frame in range(FRAMES):
        light = np.random.default_rng(frame).normal(200, 5, x.shape)
        for spot, (at_x, at_y) in enumerate(starts + frame * steps):
            light += 600 * np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * 2.5**2))
            rows.append((spot, frame, at_x, at_y))
        frames.append(light.astype(np.uint16))
    tifffile.imwrite(
        tmp_path / "movie.tif", np.stack(frames), metadata={"axes": "TYX"}, imagej=True
    )
    with (tmp_path / "tracks.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("track", "frame", "x", "y"), *rows])
    return tmp_path


def test_what_is_easy_is_linked_without_a_mistake(folder: Path) -> None:
    row = track.run([folder], TABLES, on_note=lambda note: None)[0]
    assert row["linker"] == "pursuit" and row["count"] == 1
    assert row["idf1"] == pytest.approx(1) and row["switches"] == 0
    assert row["tracks"] == 3 and row["long_steps"] == 0


def test_another_linker_of_the_command_gets_the_same_detections(folder: Path) -> None:
    rows = track.run([folder], TABLES, on_note=lambda note: None, others={"again": Linker})
    own, again = rows[:2]
    assert (own["linker"], again["linker"]) == ("pursuit", "again")
    assert own["idf1"] == again["idf1"] and own["tracks"] == again["tracks"]


@pytest.mark.parametrize("peer", ["trackpy", "laptrack"])
def test_a_peer_links_the_same_detections(folder: Path, peer: str) -> None:
    if find_spec(peer) is None:
        pytest.skip(f"{peer} is not installed")
    rows = {row["linker"]: row for row in track.run([folder], TABLES, on_note=print)}
    assert rows[f"{peer}, best"]["idf1"] >= rows[peer]["idf1"] > 0.5
    assert rows[f"{peer}, best"]["tracks"] == 3


def test_a_peer_that_is_missing_is_left_out_with_a_reason(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    notes: list[str] = []
    rows = track.run([folder], TABLES, on_note=notes.append)
    assert [row["linker"] for row in rows] == ["pursuit"]
    assert len(notes) == 2 and all("pursuit[bench]" in note for note in notes)


def test_a_movie_without_truth_tells_of_steps_only(folder: Path) -> None:
    row = track.run([folder / "movie.tif"], TABLES, on_note=lambda note: None)[0]
    assert "idf1" not in row and row["long_steps"] == 0

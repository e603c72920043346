"""``pursuit track``: a movie becomes tracks, and is judged by those that somebody drew."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from pursuit.controller.cli.app import app
from pursuit.models.datasets import read_tracks
from typer.testing import CliRunner, Result

FRAMES = 8
STARTS = np.array([(30.0, 40.0), (90.0, 60.0), (60.0, 100.0)])
STEPS = np.array([(3.0, 1.0), (-2.0, 2.0), (0.0, -4.0)])
HIDDEN = 4
"""Frame in which the last spot is dark."""
BLOBS = ("--detector", "blobs", "--diameter-px", "7", "--set", "detector.polarity=bright")
DATA = Path(os.environ.get("PURSUIT_DATA", Path(__file__).parents[4] / "shared" / "data"))


def pursuit(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    """A movie of three spots that move, one of which is dark for a frame, and their tracks."""
    y, x = np.mgrid[:128, :144]
    frames, rows = [], []
    for frame in range(FRAMES):
        light = np.random.default_rng(frame).normal(200, 5, x.shape)
        for spot, (at_x, at_y) in enumerate(STARTS + frame * STEPS):
            if (spot, frame) != (2, HIDDEN):
                light += 600 * np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * 2.5**2))
            rows.append((spot, frame, at_x, at_y))
        frames.append(light.astype(np.uint16))
    path = tmp_path / "spots.tif"
    tifffile.imwrite(path, np.stack(frames), metadata={"axes": "TYX"}, imagej=True)
    with (tmp_path / "truth.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("track", "t", "x", "y"), *rows])
    return path


def test_a_movie_becomes_a_table_of_tracks(movie: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "tracks.csv"
    ran = pursuit("track", movie, *BLOBS, "--out", out, "--json")
    assert ran.exit_code == 0, ran.output
    said = json.loads(ran.stdout)
    assert (said["tracks"], said["frames"], said["positions"]) == (3, FRAMES, 3 * FRAMES)
    with out.open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [*table[0]] == ["track", "t", "x", "y", "seen", "score", "size", "mother"]
    dark = [row["t"] for row in table if row["seen"] == "0"]
    assert dark == [str(HIDDEN)]
    tracks = read_tracks(out)
    assert len(tracks) == 3 and tracks.interval == 1
    ends = np.array(sorted(places[-1].tolist() for places in tracks.positions))
    expected = sorted((STARTS + (FRAMES - 1) * STEPS).tolist())
    np.testing.assert_allclose(ends, expected, atol=0.3)
    picture = cv2.imread(said["picture"])
    assert picture is not None
    assert np.ptp(picture.astype(int), axis=2).max() > 100


def test_more_hits_than_there_are_frames_are_refused(movie: Path, tmp_path: Path) -> None:
    out = tmp_path / "tracks.csv"
    ran = pursuit("track", movie, *BLOBS, "--set", "tracking.confirm_hits=9", "--out", out)
    assert ran.exit_code == 1 and not out.exists()
    assert "tracking.confirm_hits = 9 measurements in 8 frames: ask for fewer." in ran.stderr


def test_scales_turn_pixels_and_frames_into_um_and_s(movie: Path, tmp_path: Path) -> None:
    out = tmp_path / "tracks.csv"
    ran = pursuit("track", movie, *BLOBS, "--pixel-um", 0.5, "--interval-s", 2, "--out", out)
    assert "in µm, t is in s" in ran.stdout
    tracks = read_tracks(out)
    assert tracks.interval == 2
    first = min(places[0].tolist() for places in tracks.positions)
    np.testing.assert_allclose(first, STARTS[0] / 2, atol=0.2)


def test_truth_scores_what_is_annotated(movie: Path, tmp_path: Path) -> None:
    lines = (tmp_path / "truth.csv").read_text().splitlines()
    (tmp_path / "truth.csv").write_text("\n".join(line for line in lines if line[0] != "1"))
    arguments = ("--truth", tmp_path / "truth.csv", "--out")
    ran = pursuit("track", movie, *BLOBS, *arguments, tmp_path / "a.csv", "--json")
    said = json.loads(ran.stdout)
    assert said["scores"]["recall"] == said["scores"]["idf1"] == 1
    assert said["scores"]["hota"] > 0.8
    ran = pursuit("track", movie, *BLOBS, *arguments, tmp_path / "b.csv")
    assert "IDF1 1.000" in ran.stdout


@pytest.mark.parametrize("there", ["tracks.csv", "tracks.png"])
def test_what_is_there_already_is_not_written_over(
    movie: Path, there: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(movie.parent)
    Path(there).write_text("mine")
    ran = pursuit("track", movie, *BLOBS, "--out", "tracks.csv")
    assert ran.exit_code == 1
    assert ran.stderr == f"Error: {there} exists already: choose another name with --out.\n"
    assert Path(there).read_text() == "mine"


@pytest.mark.parametrize("frames", [np.zeros((64, 64), np.uint8), np.zeros((1, 64, 64), np.uint8)])
def test_one_frame_is_no_movie(frames: np.ndarray, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "one.tif", frames, metadata={"axes": "TYX"[-frames.ndim :]})
    ran = pursuit("track", tmp_path / "one.tif", *BLOBS, "--out", tmp_path / "o.csv")
    assert ran.exit_code == 1 and not (tmp_path / "o.csv").exists()
    assert "only one frame in" in ran.stderr and "pursuit detect" in ran.stderr


def test_nothing_to_follow_is_a_result_with_a_hint(tmp_path: Path) -> None:
    dark = np.zeros((3, 64, 64), np.uint16)
    tifffile.imwrite(tmp_path / "dark.tif", dark, metadata={"axes": "TYX"}, imagej=True)
    ran = pursuit("track", tmp_path / "dark.tif", *BLOBS, "--out", tmp_path / "o.csv")
    assert ran.exit_code == 0
    assert "0 tracks" in ran.stdout and "--diameter-px" in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("missing.tif",), "no movie missing.tif"),
        (("spots.tif", "--detector", "blob"), "did you mean 'blobs'?"),
        (("spots.tif", "--predictor", "kalmann"), "did you mean 'kalman'?"),
        (("spots.tif", "--set", "policy.name=reactive"), "is not about"),
        (("spots.tif", *BLOBS, "--truth", "none.csv"), "none.csv"),
        (("spots.tif", *BLOBS, "--truth", "late.csv"), "from frame 6 to 9, the movie has 8: they"),
        (("spots.tif", *BLOBS, "--truth", "far.csv"), "leave the 144 x 128 pixels of the movie"),
        (("spots.tif", *BLOBS, "--truth", "truth.csv", "--out", "truth.csv"), "another file"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(
    movie: Path, arguments: Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(movie.parent)
    Path("late.csv").write_text("track,t,x,y\n" + "".join(f"1,{t},9,9\n" for t in range(6, 10)))
    Path("far.csv").write_text("track,t,x,y\n" + "".join(f"1,{t},900,9\n" for t in range(8)))
    ran = pursuit("track", *arguments)
    assert ran.exit_code == 1
    assert ran.stderr.startswith("Error: ") and ran.stderr.count("\n") == 1
    assert said in ran.stderr


def test_real_loci_are_told_apart(tmp_path: Path) -> None:
    folder = DATA / "movies" / "loci_fluorescence"
    if not folder.exists():
        pytest.skip(f"there is no {folder}: set PURSUIT_DATA")
    ran = pursuit(
        *("track", folder / "movie.tif", "--detector", "blobs", "--diameter-px", 5),
        *("--set", "detector.method=log", "--set", "detector.polarity=bright"),
        *("--truth", folder / "tracks.csv", "--tolerance-px", 4),
        *("--out", tmp_path / "tracks.csv", "--json"),
    )
    scores = json.loads(ran.stdout)["scores"]
    assert scores["recall"] > 0.6 and scores["assa"] > 0.6

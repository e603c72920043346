"""Every annotated object is followed once, and each failure has the cause that it has."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from pursuit.controller.bench import movies
from pursuit.controller.bench.movies.textured import textured_movies
from pursuit.controller.cli.app import app
from typer.testing import CliRunner

FRAMES = 20


def write_movie(folder: Path, paths: dict[int, np.ndarray], shown: set[int], size: float) -> None:
    """Draw round spots, and annotate all of them whether they are shown or not."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:160, :200]
    stack = rng.normal(100, 3, (FRAMES, 160, 200))
    rows = ["id,frame,x,y,size"]
    for k, path in paths.items():
        for t, (at_x, at_y) in enumerate(path):
            if k in shown:
                far = ((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * (size / 4) ** 2)
                stack[t] += 150 * np.exp(-far)
            rows.append(f"{k},{t},{at_x},{at_y},{size}")
    tifffile.imwrite(folder / "movie.tif", stack.astype(np.uint8))
    (folder / "tracks.csv").write_text("\n".join(rows))


def straight(x: float, y: float, right: float, down: float) -> np.ndarray:
    return np.array([x, y]) + np.arange(FRAMES)[:, None] * (right, down)


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    paths = {
        1: straight(90, 80, 0.5, 0.2),
        2: straight(150, 40, 0, 0),
        3: straight(120, 130, 0, 5),
    }
    write_movie(tmp_path / "spots", paths, {1, 3}, 12)
    return tmp_path / "spots"


def test_each_object_is_followed_and_failures_are_sorted(movie: Path, tmp_path: Path) -> None:
    pictures = tmp_path / "failures"
    (row,) = movies.run([movie], ["blobs"], ["predictive"], ["found"], 0.5, pictures=pictures)
    assert row["targets"] == 3
    assert row["kept"] == pytest.approx(1 / 3)
    assert sorted(row["causes"].split(", ")) == ["border 1", "detection 1"]
    assert row["rms_px"] < 10
    assert {path.name for path in pictures.glob("spots/*_found_*")} == {
        "blobs_predictive_found_0001.png",
        "blobs_predictive_found_0002.png",
    }


def test_policies_are_compared_in_the_frames_in_which_both_follow(tmp_path: Path) -> None:
    """One object goes straight on, as can be foreseen; a second is not there."""
    paths = {1: straight(70, 70, 2.5, 1), 2: straight(40, 130, 0, 0)}
    write_movie(tmp_path / "spots", paths, {1}, 12)
    policies = ["reactive", "predictive"]
    reactive, predictive = movies.run([tmp_path / "spots"], ["blobs"], policies, field=0.5)
    assert reactive["over_reactive"] == pytest.approx(1.0)
    assert predictive["over_reactive"] < 0.8
    (alone,) = movies.run([tmp_path / "spots"], ["blobs"], ["predictive"], field=0.5)
    assert alone["over_reactive"] is None
    assert alone["rms_px"] == predictive["rms_px"]


def test_the_command_writes_the_table(movie: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.json"
    result = CliRunner().invoke(
        app,
        [
            *("bench", "movies", str(movie), "--detector", "blobs", "--policy", "reactive"),
            *("--targets", "1", "--field", "0.5", "--json", str(out)),
        ],
    )
    assert result.exit_code == 0, result.output
    (row,) = json.loads(out.read_text())["rows"]
    assert (row["targets"], row["kept"], row["causes"]) == (1, 1.0, "none")


def test_tracks_too_short_to_be_followed_are_refused(movie: Path) -> None:
    table = movie / "tracks.csv"
    rows = table.read_text().splitlines()
    kept = [row for row in rows if row.startswith("id") or int(row.split(",")[1]) < 4]
    table.write_text("\n".join(kept))
    result = CliRunner().invoke(app, ["bench", "movies", str(movie), "--detector", "blobs"])
    assert result.exit_code == 1
    assert "no track has 5 frames" in result.output


def test_a_detector_that_is_not_there_is_refused(movie: Path) -> None:
    result = CliRunner().invoke(app, ["bench", "movies", str(movie), "--detector", "blob"])
    assert result.exit_code == 1
    assert "blobs" in result.output
    assert "Traceback" not in result.output


def test_a_folder_without_a_movie_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["bench", "movies", str(tmp_path)])
    assert result.exit_code == 1
    assert "is no annotated movie" in result.output
    assert (
        "--size is one of"
        in CliRunner().invoke(app, ["bench", "movies", str(tmp_path), "--size", "big"]).output
    )


def test_movies_are_made_of_stills_with_exact_truth(tmp_path: Path) -> None:
    """Two squares, one bright and one half as bright, whatever way they go and turn."""
    write_stills(tmp_path, count=40)
    made = textured_movies(tmp_path)
    again = textured_movies(tmp_path)
    assert 2 <= len(made) <= 10
    assert len({movie.name for movie in made}) == len(made), "pictures are called after it"
    for movie, same in zip(made, again, strict=True):
        np.testing.assert_array_equal(movie.recording[7], same.recording[7])
        born = [int(track.frames[0]) for track in movie.tracks]
        assert born.count(15) == 2, "one divides in the middle"
        assert sum(len(track) == 15 for track in movie.tracks) == 3
        first = np.array([track.positions_px[0] for track in movie.tracks if track.frames[0] == 0])
        apart = np.hypot(*(first[:, None] - first).transpose(2, 0, 1)) + 1e3 * np.eye(len(first))
        assert apart.min() >= 20, "none lies hidden under another when it is pointed at"
    track = max(made[0].tracks, key=len)
    for frame in (0, 15, 29):
        x, y = track.positions_px[frame].round().astype(int)
        assert made[0].recording[frame][y, x] > 80, "something bright is where it should be"


def test_objects_of_stills_are_pointed_at_anywhere_on_their_bodies(tmp_path: Path) -> None:
    write_stills(tmp_path, count=40)
    tracks = [track for movie in textured_movies(tmp_path) for track in movie.tracks]
    places = np.array([track.anywhere_px for track in tracks])
    aside = np.abs(places - [track.positions_px[0] for track in tracks])
    half_px = np.array([track.sizes_px[0] for track in tracks])[:, None] / 2
    assert (aside <= half_px + 1).all()
    assert (aside.max(axis=1) > half_px[:, 0] / 2).mean() > 0.2, "not only in the middle"
    rows = [
        movies.run([tmp_path], ["blobs"], ["predictive"], most=1, field=0.6, point=point)
        for point in ("middle", "anywhere")
    ]
    middle, anywhere = (sum(row["kept"] for row in some) for some in rows)
    assert len(rows[0]) > 5
    assert anywhere >= middle - 1, "where something overlaps, chance decides"


def test_where_bodies_end_must_be_known_to_point_anywhere_on_them(movie: Path) -> None:
    call = ["bench", "movies", str(movie), "--detector", "blobs", "--point"]
    result = CliRunner().invoke(app, [*call, "anywhere"])
    assert result.exit_code == 1
    assert "is not annotated: leave --point out" in " ".join(result.output.split())
    assert "--point is one of" in CliRunner().invoke(app, [*call, "rim"]).output


def write_stills(folder: Path, count: int) -> None:
    for name in ("images", "labels"):
        (folder / name).mkdir()
    rng = np.random.default_rng(0)
    for index in range(count):
        image, labels = rng.normal(50, 3, (160, 200)), np.zeros((160, 200), np.uint16)
        for number, (x, y) in enumerate([(40, 40), (100, 60), (60, 110)], start=1):
            image[y : y + 20, x : x + 20] += 80 + 20 * number
            labels[y : y + 20, x : x + 20] = number
        tifffile.imwrite(folder / "images" / f"{index}.tif", image.astype(np.uint8))
        tifffile.imwrite(folder / "labels" / f"{index}.tif", labels)

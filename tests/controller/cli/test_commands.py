"""Every command explains itself, and answers what a user can do wrong with one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from pursuit.controller.cli.app import app
from typer.main import get_command
from typer.testing import CliRunner

ROOT = get_command(app)


def commands(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if inside := getattr(command, "commands", None):
        for name, inner in inside.items():
            yield from commands(inner, f"{path} {name}".strip())
    else:
        yield path, command


COMMANDS = dict(commands(ROOT))


@pytest.mark.parametrize("path", COMMANDS)
def test_help_has_an_example_and_says_what_each_option_is(path: str) -> None:
    command = COMMANDS[path]
    assert f"`pursuit {path}" in (command.help or "")
    for parameter in command.params:
        assert parameter.hidden or parameter.help, parameter.name


def test_help_of_follow_says_where_the_settings_are() -> None:
    assert "docs/configuration.md" in (COMMANDS["follow"].help or "")


def test_it_says_which_version_it_is() -> None:
    said = CliRunner().invoke(app, ["--version"])
    assert (said.exit_code, said.output) == (0, f"pursuit {version('pursuit')}\n")


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("follow nowhere.toml", "nowhere.toml cannot be read"),
        ("follow --scenario swimer", "There is no scenario 'swimer'"),
        ("follow --set a.b", "not of the form table.key=value"),
        ("follow --set tracking.births=2", "is now called tracking.confirm_hits"),
        ("follow --set policy.name=predictiv", "did you mean 'predictive'?"),
        ("follow --set policy.name=no.such:Policy", "cannot be imported"),
        ("follow --set policy.gain=3", "unknown option 'gain' of policy 'predictive'"),
        ("follow --start 1", "not of the form X,Y"),
        ("follow --start nan,80", "--start nan,80 is no place: give two numbers, X,Y."),
        ("follow --model none.onnx", "none.onnx"),
        ("follow --specimen none.tif", "none.tif"),
        ("init none.cfg", "none.cfg"),
        ("microscope --mm-config none.cfg", "none.cfg"),
        ("record --microscope here:x --out x", "not of the form HOST:PORT"),
        ("record --microscope 127.0.0.1 --out x --decisions here", "not of the form HOST:PORT"),
        ("follow --microscope 127.0.0.1:65533", "HOST:PORT, with a port from 1 to 65532"),
        ("follow --microscope 127.0.0.1:²", "not of the form HOST:PORT"),
        ("arm localhost", "no microscope answers at localhost:5710"),
        ("follow --lockstep --scenario nucleus --set camera.pixel_um=0.000325", "makes a pixel"),
        (
            "follow --lockstep --set camera.pixel_um=0.65 --set camera.affine=[1e-3,0,0,1e-3]",
            "makes a pixel 0.001 µm, pixel_um under [camera] is 0.65 µm",
        ),
        ("follow --lockstep --set camera.affine=[1e-3,0,0,1e-3]", "makes a pixel 0.001 µm"),
        ("detect none.tif", "none.tif"),
        ("track none.tif", "none.tif"),
        ("track none.tif --set camera.label=x", "not about detector, tracking or predictor"),
        ("eval yolo none", "none"),
        ("export yolo --runtime none", "none"),
        ("train predictor none.csv", "none.csv"),
        ("bench movies none --detector blob", "unknown detector 'blob'; did you mean 'blobs'?"),
        ("bench movies none --policy predictiv", "did you mean 'predictive'?"),
        ("bench follow --scenario none --seeds 1", "There is no scenario 'none'"),
    ],
)
def test_what_a_user_can_do_wrong_gets_one_sentence(
    line: str, why: str, empty_folder: Path
) -> None:
    result = CliRunner().invoke(app, line.split())
    assert result.exit_code == 1
    text = result.stderr.strip().rpartition("\n")[2]
    assert text.startswith("Error: ")
    assert why.lower() in text.lower()
    assert not [*empty_folder.iterdir()]


@pytest.mark.parametrize("port", [-5, 65_533, 70_000, 99_999])
def test_a_port_that_there_is_not_is_refused(port: int) -> None:
    result = CliRunner().invoke(app, ["microscope", "--port", str(port)])
    assert result.exit_code == 2 and "'--port'" in result.stderr


@pytest.mark.parametrize("wrong", ["detector.name=nope", "policy.name=nope", "predictor.name=nope"])
def test_what_is_followed_is_told_once_the_models_are_known(wrong: str, empty_folder: Path) -> None:
    result = CliRunner().invoke(app, ["follow", "--lockstep", "--set", wrong])
    assert "'nope'" in result.stderr
    assert "followed in" not in result.output


def test_a_start_outside_the_movie_is_refused(tmp_path: Path) -> None:
    movie, out = tmp_path / "movie.tif", tmp_path / "out"
    tifffile.imwrite(movie, np.zeros((6, 80, 100), np.uint8))
    line = ["follow", "--lockstep", "--specimen", str(movie), "--start", "100,20"]
    result = CliRunner().invoke(app, [*line, "--out", str(out)])
    assert result.exit_code == 1 and not out.exists()
    assert "(100, 20) px is outside the movie of 100 × 80 px: point at" in result.stderr


def test_a_start_without_a_movie_is_refused(empty_folder: Path) -> None:
    result = CliRunner().invoke(app, ["follow", "--lockstep", "--start", "100,20"])
    assert result.exit_code == 1 and not [*empty_folder.iterdir()]
    assert "--start is a pixel of a movie, and none is given" in result.stderr


@pytest.mark.parametrize(("frames", "said"), [(1, "1 frame,"), (2, "2 frames,"), (3, "3 frames,")])
def test_a_movie_that_ends_during_the_first_moves_is_refused(
    frames: int, said: str, empty_folder: Path
) -> None:
    image = np.random.default_rng(0).normal(100, 3, (frames, 64, 64))
    image[:, 28:36, 28:36] += 100
    tifffile.imwrite(
        "cells.tif", image.astype(np.uint8), photometric="minisblack", metadata={"axes": "TYX"}
    )
    line = ["follow", "--lockstep", "--specimen", "cells.tif", "--start", "31,31", "--out", "s"]
    result = CliRunner().invoke(app, line)
    assert result.exit_code == 1 and not Path("s").exists()
    assert f"cells.tif has {said} too few" in result.stderr and "at least 4" in result.stderr
    dry = [*line, "--dry-run", "--detector", "blobs", "--set", "microscope.field_px=64"]
    assert CliRunner().invoke(app, dry).exit_code == 0


def test_a_configuration_is_not_written_over(empty_folder: Path) -> None:
    (empty_folder / "scope.toml").write_text("mine")
    result = CliRunner().invoke(app, ["init", "none.cfg"])
    assert result.exit_code == 1
    assert "exists already" in result.stderr
    assert (empty_folder / "scope.toml").read_text() == "mine"


@pytest.mark.parametrize(
    "line",
    [
        "follow --lockstep --seconds 0.1",
        "follow --seconds 0.1",
        "calibrate --scenario nucleus --lockstep",
        "detect cells.tif --detector blobs",
        "export yolo --runtime onnx",
    ],
)
def test_a_file_where_a_folder_is_to_be_made_is_named_one(line: str, empty_folder: Path) -> None:
    tifffile.imwrite(empty_folder / "cells.tif", np.zeros((5, 32, 32), np.uint8))
    (empty_folder / "there").write_text("mine")
    result = CliRunner().invoke(app, [*line.split(), "--out", "there"])
    assert result.exit_code == 1
    assert "there is a file, not a folder: choose another folder with --out." in result.stderr
    assert (empty_folder / "there").read_text() == "mine"


SHORT = ("follow", "--lockstep", "--seconds", "0.1", "--scenario", "swimmer")


def test_what_follows_is_called_by_its_kind(empty_folder: Path) -> None:
    result = CliRunner().invoke(app, [*SHORT, "--detector", "blobs", "--out", "s"])
    assert "detector blobs, predictor auto, policy predictive" in " ".join(result.output.split())


def test_a_size_that_is_given_counts_whatever_its_unit(empty_folder: Path) -> None:
    sizes = ("--detector", "blobs", "--set", "detector.diameter_px=22")
    CliRunner().invoke(app, [*SHORT, *sizes, "--out", "s"])
    config = (empty_folder / "s" / "config.toml").read_text("utf-8")
    assert "diameter_px = 22" in config and "diameter_um" not in config
    both = (*sizes, "--set", "detector.diameter_um=4")
    result = CliRunner().invoke(app, [*SHORT, *both])
    assert result.exit_code == 1 and "keep one" in result.output


def test_a_detector_of_ones_own_is_asked_for_nothing_that_nobody_gave(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty_folder / "my_detectors.py").write_text(
        """from pursuit.models.detections import Detections
class Blind:
    name = "blind"
    def detect(self, image):
        return Detections.none()
""",
        "utf-8",
    )
    monkeypatch.syspath_prepend(empty_folder)
    result = CliRunner().invoke(app, [*SHORT, "--detector", "my_detectors:Blind"])
    assert "Nothing to follow was found" in result.output


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("track cells.tif --diameter-px 100", "diameter_px = 100 is larger than the movie"),
        ("track cells.tif --detector blobs --diameter-px 65", "than the movie of 96 × 64 px: give"),
        (
            "detect cells.tif --detector blobs --set detector.diameter_px=80",
            "diameter_px = 80 is larger than the image of 96 × 64 px: give the diameter of one",
        ),
        (
            "follow --lockstep --specimen cells.tif --detector template"
            " --set detector.diameter_px=1000",
            "diameter_px = 1000 is larger than the movie of 96 × 64 px: give the diameter of one",
        ),
        (
            "follow --lockstep --specimen cells.tif --start 9,9 --set camera.pixel_um=0.5"
            " --set detector.diameter_um=40",
            "diameter_um = 40, which is 80 px, is larger than the movie of 96 × 64 px",
        ),
        (
            "follow --lockstep --specimen cells.tif --set microscope.field_px=32"
            " --set detector.diameter_px=33",
            "diameter_px = 33 is larger than the field of 32 × 32 px",
        ),
        (
            "follow --lockstep --detector blobs --set detector.diameter_px=5000",
            "diameter_px = 5000 is larger than the field of",
        ),
    ],
)
def test_objects_larger_than_what_shows_them_are_refused(
    line: str, said: str, empty_folder: Path
) -> None:
    tifffile.imwrite("cells.tif", np.zeros((5, 64, 96), np.uint8), metadata={"axes": "TYX"})
    result = CliRunner().invoke(app, line.split())
    assert result.exit_code == 1 and said in result.stderr
    assert [path.name for path in empty_folder.iterdir()] == ["cells.tif"]


def test_images_without_any_object_are_nothing_to_judge_on(empty_folder: Path) -> None:
    for folder in ("images", "labels"):
        (empty_folder / "d" / folder).mkdir(parents=True)
    tifffile.imwrite(empty_folder / "d" / "images" / "a.tif", np.zeros((64, 64), np.uint8))
    (empty_folder / "d" / "labels" / "a.txt").write_text("")
    result = CliRunner().invoke(app, ["eval", "yolo", "cell=d"])
    assert result.exit_code == 1
    assert "There is no object in the 1 images of d" in result.stderr


@pytest.mark.parametrize("name", ["lower", "my cells", "a"])
@pytest.mark.parametrize("line", ["eval yolo", "detect", "track", "follow --specimen", "follow"])
def test_names_stay_as_they_are(line: str, name: str, empty_folder: Path) -> None:
    (empty_folder / name).mkdir()
    result = CliRunner().invoke(app, [*line.split(), name])
    assert result.exit_code == 1
    said = result.stderr.strip().rpartition("\n")[2]
    assert re.search(rf"\b{name} (has|is|cannot)", said)


def test_a_movie_is_not_written_over(empty_folder: Path) -> None:
    movie = empty_folder / "cells.tif"
    tifffile.imwrite(movie, np.zeros((5, 32, 32), np.uint8))
    before = movie.read_bytes()
    for out, why in (("cells.tif", "is an input"), ("cells.png", "name the table")):
        result = CliRunner().invoke(
            app, ["track", "cells.tif", "--detector", "blobs", "--out", out]
        )
        assert result.exit_code == 1 and why in result.output
    assert movie.read_bytes() == before

"""What commands write is looked at before the work, and whole or not there after it."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from pursuit.controller import offline
from pursuit.controller.bench import system
from pursuit.controller.cli.app import app
from typer.testing import CliRunner, Result

NOWHERE = Path("/proc/nowhere")
"""Cannot be made, by root neither."""
DETECTORS = """from pursuit.models.detections import Detections
class Stopping:
    name, seen = "stopping", 0
    def detect(self, image):
        self.seen += 1
        if self.seen > 3:
            raise KeyboardInterrupt
        return Detections.of([[3, 3, 9, 9]])
class Crowded:
    name, notes, max_objects = "crowded", ("objects are small",), 2
    def detect(self, image):
        return Detections.of([[3, 3, 9, 9], [20, 20, 26, 26]])
"""
LIMIT = "no more than 2 objects of a frame are kept: raise detector.max_objects"


def pursuit(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a movie, and with detectors, one of which is interrupted in the third frame."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    tifffile.imwrite("cells.tif", np.zeros((5, 32, 32), np.uint8), metadata={"axes": "TYX"})
    Path("odd_detectors.py").write_text(DETECTORS)
    return tmp_path


@pytest.mark.parametrize("command", ["detect", "track"])
def test_what_is_interrupted_leaves_nothing_and_can_be_run_again(
    command: str, folder: Path
) -> None:
    line = (command, "cells.tif", "--out", "found")
    ran = pursuit(*line, "--detector", "odd_detectors:Stopping")
    assert ran.exit_code == 1 and "stopped" in ran.stderr.lower()
    assert not [path for path in Path("found").rglob("*") if path.is_file()]
    assert pursuit(*line, "--detector", "blobs").exit_code == 0


@pytest.mark.parametrize(
    ("line", "fails"),
    [("track cells.tif --out found/t.csv", "draw_tracks"), ("bench sim --json found/t.json", "")],
)
def test_a_full_disk_leaves_nothing_and_the_same_line_can_be_run_again(
    line: str, fails: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(system, "time_simulator", lambda: [{"ms": 1.0}])
    with monkeypatch.context() as patched:
        patched.setattr(*((offline, fails) if fails else (Path, "write_text")), full)
        ran = pursuit(*line.split(), *(("--detector", "blobs") if fails else ()))
    assert ran.exit_code == 1 and "no space left on the disk" in ran.stderr
    assert not [*Path("found").iterdir()]
    ran = pursuit(*line.split(), *(("--detector", "blobs") if fails else ()))
    assert ran.exit_code == 0, ran.output


@pytest.mark.skipif(not NOWHERE.parent.exists(), reason="for systems with /proc")
@pytest.mark.parametrize(
    "line",
    [
        "track cells.tif --out {}/t.csv",
        "detect cells.tif --out {}",
        "calibrate --scenario nucleus --lockstep --out {}",
        "follow --lockstep --seconds 0.1 --out {}",
        "bench movies none --pictures {}",
        "bench movies none --json {}/t.json",
        "bench sim --json {}/t.json",
        "bench track none --json {}/t.json",
        "eval yolo none --json {}/t.json",
        "train predictor --out {}/t.onnx",
        "init none.cfg --out {}/t.toml",
    ],
)
def test_where_nothing_can_be_written_is_said_before_the_work(line: str, folder: Path) -> None:
    ran = pursuit(*line.format(NOWHERE).split())
    option = line.split()[-2]
    assert ran.exit_code == 1
    assert "Nothing can be written in /proc (" in ran.stderr
    assert ran.stderr.endswith(f"choose another place with {option}.\n")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("bench movies none --json there", "there exists already: choose another name with --json"),
        ("bench movies none --json there/t.json", "there is a file, not a folder: choose another"),
        ("bench movies none --json .", ". is a folder: name a file in it with --json"),
        ("bench movies none --pictures there", "there is a file, not a folder: choose another"),
        ("bench movies none --pictures .", ". is not empty: choose another folder with --pictures"),
        ("bench follow --json there", "there exists already: choose another name with --json"),
        ("eval yolo none --json there", "there exists already: choose another name with --json"),
        ("train defocus --out there", "there exists already: choose another name with --out"),
        ("train detector --out card.onnx", "card.json exists already: choose another name"),
        ("track cells.tif --out there/t.csv", "there is a file, not a folder: choose another"),
    ],
)
def test_what_is_there_already_is_said_before_the_work(line: str, said: str, folder: Path) -> None:
    Path("there").write_text("mine")
    Path("card.json").write_text("mine")
    ran = pursuit(*line.split())
    assert ran.exit_code == 1 and ran.stderr.count("\n") == 1
    assert said in ran.stderr
    assert Path("there").read_text() == Path("card.json").read_text() == "mine"


def test_notes_of_the_detector_and_its_limit_are_told(folder: Path) -> None:
    line = ("cells.tif", "--detector", "odd_detectors:Crowded")
    for command in ("detect", "track"):
        said = pursuit(command, *line).stdout
        assert said.startswith(f"crowded: objects are small\ncrowded: {LIMIT}\n")
    told = json.loads(pursuit("track", *line, "--out", "t.csv", "--json").stdout)
    assert told["notes"] == ["objects are small", LIMIT]

"""``pursuit detect`` and ``pursuit models``: what is written, and what is said if it cannot be."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from pursuit.controller.cli.app import app
from typer.testing import CliRunner, Result

SPOTS = ((30.0, 40.0), (90.5, 60.25), (70.0, 100.0))
BLOBS = ("--detector", "blobs", "--set", "detector.diameter_px=7")


def spotted(shift_px: float = 0.0) -> NDArray[np.uint16]:
    """Draw spots on a dim, noisy ground."""
    y, x = np.mgrid[:128, :144]
    light = np.random.default_rng(1).normal(200, 5, x.shape)
    for at_x, at_y in SPOTS:
        light += 600 * np.exp(-((x - at_x - shift_px) ** 2 + (y - at_y) ** 2) / (2 * 2.5**2))
    return light.astype(np.uint16)


def pursuit(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "detections.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", ["spots.png", "spots.tif"])
def test_a_picture_becomes_a_table_and_an_overlay(name: str, tmp_path: Path) -> None:
    write = tifffile.imwrite if name.endswith("tif") else cv2.imwrite
    write(str(tmp_path / name), spotted())
    ran = pursuit("detect", tmp_path / name, *BLOBS, "--out", tmp_path / "found", "--json")
    assert ran.exit_code == 0
    said = json.loads(ran.stdout)
    assert (said["objects"], said["frames"], said["classes"]) == (3, 1, {"object": 3})
    rows = table(tmp_path / "found")
    places = sorted((float(row["x_px"]), float(row["y_px"])) for row in rows)
    np.testing.assert_allclose(places, sorted(SPOTS), atol=0.2)
    for row in rows:
        assert row["frame"] == "0" and row["class"] == "object"
        assert float(row["left_px"]) < float(row["x_px"]) < float(row["right_px"])
        assert 0 < float(row["score"]) <= 1
    overlay = cv2.imread(said["overlay"])
    assert overlay is not None
    assert min(overlay.shape[:2]) > 128
    assert np.ptp(overlay.astype(int), axis=2).max() > 100


def test_a_movie_is_drawn_on_a_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    frames = np.stack([spotted(shift_px=t) for t in range(8)])
    tifffile.imwrite("cells.ome.tif", frames, metadata={"axes": "TYX"})
    ran = pursuit("detect", "cells.ome.tif", *BLOBS)
    assert ran.exit_code == 0
    assert "24 objects in 8 frames" in ran.stdout
    rows = table(Path("cells_detections"))
    assert [int(row["frame"]) for row in rows] == sorted([*range(8)] * 3)
    sheet = cv2.imread("cells_detections/overlay.png")
    assert sheet is not None
    assert sheet.shape[1] > 3 * 144


def test_colour_turns_grey(tmp_path: Path) -> None:
    grey = (spotted() // 4).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "spots.jpg"), np.stack([grey] * 3, axis=-1))
    ran = pursuit("detect", tmp_path / "spots.jpg", *BLOBS, "--out", tmp_path / "o", "--json")
    assert json.loads(ran.stdout)["objects"] == 3


def test_nothing_found_is_a_result_with_a_hint(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "dark.png"), np.zeros((64, 64), np.uint16))
    ran = pursuit("detect", tmp_path / "dark.png", *BLOBS, "--out", tmp_path / "o")
    assert ran.exit_code == 0
    assert "0 objects in 1 frame" in ran.stdout and "try other values" in ran.stdout
    assert table(tmp_path / "o") == []
    assert (tmp_path / "o" / "overlay.png").stat().st_size > 0


def test_results_are_not_overwritten(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "spots.png"), spotted())
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "mine.txt").write_text("precious")
    assert "not empty" in refusal(tmp_path / "spots.png", *BLOBS, "--out", tmp_path / "o")
    assert [path.name for path in (tmp_path / "o").iterdir()] == ["mine.txt"]


def refusal(*arguments: object) -> str:
    ran = pursuit("detect", *arguments)
    assert ran.exit_code == 1
    assert ran.stderr.startswith("Error: ") and ran.stderr.count("\n") == 1
    return ran.stderr


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    assert "no picture or movie" in refusal(tmp_path / "missing.png")
    for name in ("text.png", "text.tif"):
        (tmp_path / name).write_text("not a picture")
        assert name in refusal(tmp_path / name)
    assert "OME-Zarr" in refusal(tmp_path)
    tifffile.imwrite(tmp_path / "complex.tif", spotted().astype(np.complex64))
    said = refusal(tmp_path / "complex.tif")
    assert "complex64: save it with unsigned whole numbers of 8 or 16 bits, uint8" in said


def test_what_was_made_of_a_file_is_told(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "signed.tif", spotted().astype(np.int16))
    ran = pursuit("detect", tmp_path / "signed.tif", *BLOBS, "--out", tmp_path / "found")
    assert ran.exit_code == 0
    assert "pixels of type int16 are taken as 16 bits" in ran.stdout


def test_of_two_channels_one_is_chosen(tmp_path: Path) -> None:
    two, path = np.stack([spotted(), spotted()]), tmp_path / "2024.05.01_two.tif"
    tifffile.imwrite(path, two, imagej=True, metadata={"axes": "CYX"})
    assert "choose one with --channel" in refusal(path)
    ran = pursuit("detect", path, *BLOBS, "--channel", "1", "--out", tmp_path / "found")
    assert ran.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--detector", "blob"), "did you mean 'blobs'?"),
        (("--detector", "blobs", "--set", "detector.diameter=7"), "diameter_px"),
        (("--detector", "blobs", "--set", "detector.diameter_um=7"), "give detector.diameter_px"),
        (("--detector", "blobs", "--set", "tracking.confirm_hits=1"), "detector.key=value"),
        (("--model", "missing.onnx"), "missing.onnx"),
    ],
)
def test_wrong_settings_are_refused(arguments: Any, said: str, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "spots.png"), spotted())
    assert said in refusal(tmp_path / "spots.png", *arguments, "--out", tmp_path / "o")
    assert not (tmp_path / "o").exists()


def test_models_says_what_works_here_and_why_not() -> None:
    listed = json.loads(pursuit("models", "--json").stdout)
    assert {row["name"] for row in listed["runtimes"]} >= {"openvino", "onnx", "torch"}
    for row in listed["runtimes"]:
        assert row["works"] != bool(row["reason"])
    for model in listed["models"]:
        assert Path(model["file"]).is_file() and model["classes"]
    assert pursuit("models").exit_code == 0

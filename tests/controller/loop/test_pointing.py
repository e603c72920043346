"""In a movie that is pointed at, what is there is followed, with a detector that sees it."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from pursuit.controller.assembly import complete, make_loop, open_lockstep
from pursuit.controller.configuration import ConfigError

START_PX = (150.0, 130.0)
FAINT, STRONG = 0, 1


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    """A faint dark spot that drifts to the right beside a strong bright disc that stays."""
    frames = []
    rng = np.random.default_rng(4)
    for number in range(12):
        image = np.full((256, 320), 120, np.float32)
        cv2.circle(image, (int(START_PX[0]) + 2 * number, int(START_PX[1])), 4, 70.0, -1)
        cv2.circle(image, (190, 170), 9, 220.0, -1)
        noisy = cv2.GaussianBlur(image, (0, 0), 1) + rng.normal(0, 3, image.shape)
        frames.append(np.clip(noisy, 0, 255).astype(np.uint8))
    path = tmp_path / "spots.tif"
    tifffile.imwrite(path, np.stack(frames), metadata={"axes": "TYX"})
    return path


def tables(movie: Path, **more: Any) -> dict[str, Any]:
    source = {"specimen": str(movie), "field_px": 160, "start_px": START_PX}
    return {"microscope": source, **more}


def test_what_is_pointed_at_is_followed_and_not_what_is_stronger(movie: Path) -> None:
    config, simulated = complete(tables(movie))
    assert config.detector["name"] == "auto"
    assert simulated is not None and simulated.movie is not None
    with open_lockstep(config, simulated) as microscope:
        steps = list(islice(make_loop(config, microscope).steps(), 12))
    last = steps[-1].decision
    target = next(track for track in last.tracks if track.id == last.target)
    x_px, y_px = simulated.movie.px_of_um(target.x_um, target.y_um)
    assert np.hypot(x_px - START_PX[0] - 22, y_px - START_PX[1]) < 3


@pytest.mark.parametrize(
    ("name", "start_px"),
    [
        ("template", (60.0, 200.0)),
        ("template", (3.0, 3.0)),
        ("template", (310.0, 128.0)),
        ("auto", (60.0, 200.0)),
        ("auto", (310.0, 128.0)),
    ],
)
def test_at_nothing_nothing_is_taken_and_what_is_near_is_told_in_pixels_of_the_movie(
    movie: Path, name: str, start_px: tuple[float, float]
) -> None:
    source = {"specimen": str(movie), "field_px": 300, "start_px": start_px}
    detector = {"name": name, "diameter_px": 10} if name == "auto" else {"name": name}
    config, simulated = complete({"microscope": source, "detector": detector})
    assert simulated is not None
    with open_lockstep(config, simulated) as microscope:
        loop = make_loop(config, microscope, simulated.movie)
        decisions = [step.decision for step in islice(loop.steps(), 3)]
    assert all(decision.target is None for decision in decisions)
    notes = " ".join(note for decision in decisions for note in decision.notes)
    x, y = start_px
    assert f"Nothing is at ({x:.0f}, {y:.0f}) px: the " in notes
    told = re.search(r"point at it with --start (\d+),(\d+)\.", notes)
    assert told is not None
    objects_px = np.array([START_PX, (190.0, 170.0)])
    assert np.hypot(*(objects_px - [float(v) for v in told.groups()]).T).min() < 9


def test_who_points_at_the_end_of_a_long_body_means_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The middle of a disc is nearer to the place than that of the bar on whose end it is."""
    image = np.full((256, 320), 100, np.float32)
    cv2.line(image, (120, 130), (210, 130), 180.0, 14)
    cv2.circle(image, (208, 164), 14, 180.0, -1)
    rng = np.random.default_rng(1)
    noisy = [cv2.GaussianBlur(image, (0, 0), 1) + rng.normal(0, 3, image.shape) for _ in range(4)]
    path = tmp_path / "bar.tif"
    tifffile.imwrite(path, np.clip(noisy, 0, 255).astype(np.uint8), metadata={"axes": "TYX"})
    function = "import cv2\n\ndef labels(image):\n    bright = (image > 140).astype('uint8')\n"
    (tmp_path / "bright.py").write_text(
        function + "    return cv2.connectedComponents(cv2.medianBlur(bright, 5))[1]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    source = {"specimen": str(path), "field_px": 240, "start_px": (206.0, 131.0)}
    detector = {"name": "segmenter", "function": "bright:labels"}
    config, simulated = complete({"microscope": source, "detector": detector})
    assert simulated is not None and simulated.movie is not None
    with open_lockstep(config, simulated) as microscope:
        steps = list(islice(make_loop(config, microscope, simulated.movie).steps(), 4))
    last = steps[-1].decision
    assert len(last.tracks) == 2
    target = next(track for track in last.tracks if track.id == last.target)
    x_px, y_px = simulated.movie.px_of_um(target.x_um, target.y_um)
    assert np.hypot(x_px - 165, y_px - 130) < 2
    assert not [note for step in steps for note in step.decision.notes if "Nothing is" in note]


def test_a_bud_that_touches_a_larger_cell_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = np.full((256, 320), 100, np.float32)
    cv2.circle(image, (150, 130), 30, 180.0, -1)
    cv2.circle(image, (177, 103), 8, 150.0, -1)
    rng = np.random.default_rng(1)
    noisy = [cv2.GaussianBlur(image, (0, 0), 1) + rng.normal(0, 2, image.shape) for _ in range(4)]
    path = tmp_path / "bud.tif"
    tifffile.imwrite(path, np.clip(noisy, 0, 255).astype(np.uint8), metadata={"axes": "TYX"})
    (tmp_path / "drawn.py").write_text(
        "import cv2, numpy\n\ndef labels(image):\n"
        "    bright = (image > 128).astype('uint8')\n"
        "    core = cv2.morphologyEx(bright, cv2.MORPH_OPEN, numpy.ones((33, 33), 'uint8'))\n"
        "    rest = cv2.morphologyEx(bright - core, cv2.MORPH_OPEN, numpy.ones((7, 7), 'uint8'))\n"
        "    return core.astype(int) + 2 * rest\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    source = {"specimen": str(path), "field_px": 240, "start_px": (177.0, 103.0)}
    detector = {"name": "segmenter", "function": "drawn:labels"}
    config, simulated = complete({"microscope": source, "detector": detector})
    assert simulated is not None and simulated.movie is not None
    with open_lockstep(config, simulated) as microscope:
        steps = list(islice(make_loop(config, microscope, simulated.movie).steps(), 4))
    last = steps[-1].decision
    target = next(track for track in last.tracks if track.id == last.target)
    x_px, y_px = simulated.movie.px_of_um(target.x_um, target.y_um)
    assert np.hypot(x_px - 177, y_px - 103) < 5


def test_a_detector_that_is_named_is_the_one(movie: Path) -> None:
    config, _ = complete(tables(movie, detector={"name": "blobs"}))
    assert config.detector["name"] == "blobs"


@pytest.mark.parametrize("diameter_px", [0, -5, float("nan"), float("inf"), "8"])
def test_a_diameter_that_is_none_is_named(movie: Path, diameter_px: Any) -> None:
    with pytest.raises(ConfigError, match=r"detector.diameter_px = \S+ is no size"):
        complete(tables(movie, detector={"diameter_px": diameter_px}))


def test_without_a_point_nothing_is_pointed_at(movie: Path) -> None:
    config, _ = complete({"microscope": {"specimen": str(movie), "field_px": 160}})
    assert config.detector["name"] == "yolo"
    assert config.target.point_um is None

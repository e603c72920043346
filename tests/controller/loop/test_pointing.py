"""In a movie that is pointed at, what is there is followed, with a detector that sees it."""

from __future__ import annotations

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

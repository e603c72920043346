"""Real recordings as specimens: the field moves across them, after a target pointed at."""

from __future__ import annotations

import csv
import os
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import tifffile
from pursuit.controller.assembly import Simulation, complete, make_loop, open_lockstep
from pursuit.controller.decisions import Decision, Lock
from pursuit.models.detectors import create

DATA = Path(os.environ.get("PURSUIT_DATA", Path(__file__).parents[3] / "shared" / "data"))
SPOTS = {"name": "blobs", "method": "log", "diameter_px": 6.0, "polarity": "dark"}


def movie(name: str) -> Path:
    path = DATA / "movies" / name / "movie.tif"
    if not path.exists():
        pytest.skip(f"there is no {path}: set PURSUIT_DATA to the folder of real data")
    return path


def follow(
    path: Path,
    start_px: tuple[float, float],
    frames: int,
    detector: dict[str, object],
    **tracking: int,
) -> tuple[Simulation, list[Decision]]:
    source = {"specimen": str(path), "start_px": start_px}
    tables = {"microscope": source, "detector": detector, "tracking": tracking}
    config, simulated = complete(tables)
    assert simulated is not None
    with open_lockstep(config, simulated) as microscope:
        steps = islice(make_loop(config, microscope).steps(), frames)
        return simulated, [step.decision for step in steps]


@pytest.mark.parametrize("start_px", [(336.0, 304.0), (397.0, 300.0), (310.0, 408.0)])
def test_a_t_cell_pointed_at_is_followed_to_the_last_frame(start_px: tuple[float, float]) -> None:
    path = movie("tcells_brightfield")
    simulated, decisions = follow(path, start_px, 15, {"name": "yolo", "diameter_px": 22})
    assert len(decisions) == 15
    with (path.parent / "tracks.csv").open() as file:
        rows = list(csv.DictReader(file))
    first = [row for row in rows if float(row["time"]) == 0]
    nearest = min(first, key=lambda r: np.hypot(*(place(r) - start_px)))["track"]
    (last,) = [row for row in rows if row["track"] == nearest and float(row["time"]) == 14]
    assert simulated.movie is not None and decisions[-1].seen_um is not None
    found_px = simulated.movie.px_of_um(*decisions[-1].seen_um)
    assert np.hypot(*(place(last) - found_px)) < 15
    assert np.hypot(*(place(last) - start_px)) > 40


def test_the_learned_detector_sees_more_t_cells_than_the_classical_one() -> None:
    path = movie("tcells_brightfield")
    frames = tifffile.imread(path)
    with (path.parent / "tracks.csv").open() as file:
        rows = list(csv.DictReader(file))
    eyes = {
        "yolo": {"diameter_px": 22, "score": 0.1, "max_objects": 1000},
        "blobs": {"diameter_px": 16, "method": "threshold", "polarity": "both"},
    }
    seen = {}
    for name, options in eyes.items():
        detector, near = create(name, options), []
        for k in (0, 7, 14):
            found = detector.detect(frames[k]).centres_px
            there = np.array([place(row) for row in rows if float(row["time"]) == k])
            near.append(np.hypot(*(there[:, None] - found).transpose(2, 0, 1)).min(axis=1) < 8)
        seen[name] = np.concatenate(near).mean()
    assert seen["yolo"] > 0.85
    assert seen["yolo"] > seen["blobs"] + 0.08


def place(row: dict[str, str]) -> np.ndarray:
    return np.array([float(row["X"]), float(row["Y"])])


@pytest.mark.parametrize("start_px", [(498.0, 70.0), (357.0, 154.0), (486.0, 180.0)])
def test_a_bead_is_followed_for_300_frames(start_px: tuple[float, float]) -> None:
    path = movie("beads_brightfield")
    _, decisions = follow(path, start_px, 300, SPOTS, confirm_hits=3, divisions=False)
    locks = [decision.lock for decision in decisions]
    assert len(locks) == 300
    assert locks.count(Lock.LOCKED) > 0.9 * 300
    assert Lock.LOST not in locks
    assert len({decision.target for decision in decisions[2:]}) == 1


def test_a_locus_is_followed_to_the_last_frame() -> None:
    spots = {
        "name": "blobs",
        "method": "log",
        "diameter_px": 4.0,
        "polarity": "bright",
        "threshold_sigmas": 15.0,
    }
    _, decisions = follow(movie("loci_fluorescence"), (240.0, 471.0), 15, spots)
    assert [decision.lock for decision in decisions] == [Lock.LOCKED] * 15

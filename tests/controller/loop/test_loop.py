"""The whole loop in virtual time: it follows, repeats itself, and leaves a readable session."""

from __future__ import annotations

import csv
import errno
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
import tensorstore
from pursuit.controller.assembly import (
    complete,
    make_focus,
    make_loop,
    make_policy,
    make_predictor,
    open_lockstep,
)
from pursuit.controller.bench.truth import truth_about
from pursuit.controller.configuration import make_config, read_tables
from pursuit.controller.decisions import Decision, Lock
from pursuit.controller.loop import Loop, Step
from pursuit.controller.session import SessionError, run_lockstep
from pursuit.controller.targets import TargetSelection
from pursuit.controller.tracking import FieldGeometry, Tracker
from pursuit.drivers.messages import Issued
from pursuit.models.detections import Detections
from pursuit.sim.scenarios import scenario_names

FRAMES = {"swimmer": 150, "tumbler": 120, "nucleus": 40, "crowd": 30}
FRAMES_ELSE = 60

MOUNTED = """
title = "A cell seen by a camera that is mounted in its own way"
processing_ms = 2.0

[specimen]
shape = "spot"
radius_um = 2.0
brightness = 3000.0
motion = {{ kind = "persistent", speed_um_s = 150.0, persistence_s = 1.0 }}

[optics]
pixel_um = 0.65

[sensor]
width_px = 160
height_px = 128

[camera]
exposure_ms = 4.0
interval_ms = 10.0
affine = {affine}

[stage]
speed_um_s = 10_000.0
acceleration_um_s2 = 300_000.0

[task]
detector = {{ diameter_um = 4.5 }}
predictor = {{ speed_um_s = 100.0 }}
"""


def follow(scenario: str, frames: int, seed: int = 0, **tables: Any) -> list[Step]:
    config, simulated = complete(
        {
            "microscope": {"scenario": scenario},
            "detector": {"name": "blobs"},
            "session": {"seed": seed},
            **tables,
        }
    )
    with (
        open_lockstep(config, simulated) as microscope,
        closing(make_loop(config, microscope).steps()) as steps,
    ):
        return list(islice(steps, frames))


def errors_um(steps: list[Step]) -> np.ndarray:
    """True centring error of every frame, (N, 2)."""
    truths = [truth_about(step.frame, step.reports) for step in steps]
    return np.array([(truth.x_um, truth.y_um) for truth in truths])


def without_timings(steps: list[Step]) -> list[Decision]:
    return [msgspec.structs.replace(step.decision, timings_us={}) for step in steps]


@pytest.mark.parametrize("detector", ["blobs", "yolo"])
@pytest.mark.parametrize("name", scenario_names())
def test_every_scenario_is_held(name: str, detector: str) -> None:
    frames = FRAMES.get(name, FRAMES_ELSE)
    steps = follow(name, frames, seed=3, detector={"name": detector})
    locks = Counter(step.decision.lock for step in steps)
    half_px = np.array(steps[0].frame.image.shape) / 4
    _, simulated = complete({"microscope": {"scenario": name}})
    assert simulated is not None
    held = (np.abs(errors_um(steps)) <= half_px * simulated.scenario.optics.pixel_um).all(axis=1)
    assert held.mean() >= 0.99
    assert locks[Lock.LOST] == 0
    assert locks[Lock.LOCKED] >= 0.9 * len(steps)
    assert len({step.decision.target for step in steps if step.decision.target}) == 1


@pytest.mark.parametrize("policy", ["predictive", "reactive"])
@pytest.mark.parametrize(
    "affine",
    [
        pytest.param((-0.65, 0.0, 0.0, 0.65), id="mirrored"),
        pytest.param((0.0, 0.65, -0.65, 0.0), id="rotated a quarter"),
        pytest.param((0.0, 0.65, 0.65, 0.0), id="transposed"),
        pytest.param((-0.52, 0.39, 0.39, 0.52), id="rotated and mirrored"),
    ],
)
def test_any_mounting_of_the_camera_converges(
    affine: tuple[float, ...], policy: str, tmp_path: Path
) -> None:
    path = tmp_path / "mounted.toml"
    path.write_text(MOUNTED.format(affine=list(affine)), "utf-8")
    steps = follow(str(path), 80, policy={"name": policy})
    errors = np.hypot(*errors_um(steps)[40:].T)
    travelled_um = np.hypot(*np.ptp([step.decision.pose_um[:2] for step in steps], axis=0))
    assert travelled_um > 20
    assert errors.max() < 5
    assert steps[-1].decision.lock is Lock.LOCKED


def test_a_decision_says_what_was_seen_and_done() -> None:
    steps = follow("swimmer", 60, stage={"ring_hz": 0.0, "ring_damping": 0.0})
    first, last = steps[0].decision, steps[-1].decision
    assert (first.lock, first.target, first.move_um) == (Lock.SEARCHING, None, None)
    assert first.reason == "no target"
    assert steps[1].decision.reason.startswith("found at (")
    assert (last.frame, last.exposed_ns) == (steps[-1].frame.index, steps[-1].frame.exposed_ns)
    assert (last.lock, last.target, last.detections) == (Lock.LOCKED, 1, 1)
    assert last.seen_um is not None and last.move_um == last.predicted_um
    truth_um = np.add(last.pose_um[:2], errors_um(steps)[-1])
    assert last.seen_um == pytest.approx(truth_um, abs=0.3)
    assert last.horizon_ms > 0 and last.predicted_sigma_um > 0
    assert [point.id for point in last.tracks] == [1]
    assert set(last.timings_us) == {"learn", "detect", "track", "plan", "move"}


def test_how_focusing_was_decided_is_said_once() -> None:
    steps = follow("nucleus", 4, focusing={"method": "learned"})
    said = [note for step in steps for note in step.decision.notes]
    assert sum("not its sign" in note for note in said) == 1
    assert "not its sign" in steps[0].decision.notes[0]


def test_the_same_seed_decides_the_same_and_another_differently() -> None:
    runs = [without_timings(follow("tumbler", 40, seed)) for seed in (5, 5, 6)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


class Blind:
    """A detector that finds nothing."""

    name = "blind"

    def detect(self, image: np.ndarray) -> Detections:
        return Detections.none()


def test_what_takes_long_the_first_time_is_done_before_the_stream() -> None:
    config, simulated = complete(
        {
            "microscope": {"scenario": "nucleus"},
            "detector": {"name": "auto"},
            "target": {"point_um": [0.0, 0.0]},
        }
    )
    config = msgspec.structs.replace(config, detector={"name": "auto"})
    with open_lockstep(config, simulated) as microscope:
        loop = make_loop(config, microscope)
        loop.prepare()
        before_um = microscope.reports(), microscope.describe()
        with closing(loop.steps()) as steps:
            first = next(steps)
            looked = list(islice(steps, 30))
    assert not [report for report in before_um[0] if isinstance(report, Issued)]
    assert first.frame.index == 0
    assert any("objects" in note and "px large" in note for note in first.decision.notes)
    assert not [note for step in looked for note in step.decision.notes if "px large" in note]
    assert looked[-1].decision.lock is Lock.LOCKED


def test_with_nothing_found_it_searches_and_does_not_move() -> None:
    config, simulated = complete({"microscope": {"scenario": "swimmer"}})
    with open_lockstep(config, simulated) as microscope:
        description = microscope.describe()
        loop = Loop(
            microscope,
            Blind(),
            Tracker(config.tracking, FieldGeometry(description), make_predictor(config)),
            TargetSelection(config.target),
            make_policy(config),
            config.attention,
            make_focus(config, description),
        )
        with closing(loop.steps()) as steps:
            decisions = [step.decision for step in islice(steps, 20)]
    assert {d.lock for d in decisions} == {Lock.SEARCHING}
    assert {d.move_um for d in decisions} == {None}
    assert {d.target for d in decisions} == {None}
    assert np.ptp([d.pose_um for d in decisions], axis=0).max() < 0.1


def record(folder: Path, seconds: float = 0.5, seed: int = 4) -> dict[str, Any]:
    tables = {"scenario": "swimmer"}
    session = {"seconds": seconds, "seed": seed}
    config, simulated = complete(
        {"microscope": tables, "detector": {"name": "blobs"}, "session": session}
    )
    return run_lockstep(config, simulated, folder)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("session") / "swimmer"
    yield folder, record(folder)


def lines(folder: Path) -> list[dict[str, Any]]:
    """The decisions of a session, without what the host's clock had to do with."""
    text = (folder / "decisions.jsonl").read_text("utf-8")
    decisions = [json.loads(line) for line in text.splitlines()]
    for decision in decisions:
        del decision["timings_us"]
    return decisions


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_session_holds_everything_and_can_be_read(session: tuple[Path, dict[str, Any]]) -> None:
    folder, summary = session
    assert json.loads((folder / "summary.json").read_text("utf-8")) == summary
    assert (summary["frames"], summary["recorded"], summary["lost"]) == (50, 50, 0)
    assert (summary["held"], summary["faults"]) == (1.0, [])
    assert [d["frame"] for d in lines(folder)] == list(range(50))
    rows = {name: table(folder / f"{name}.csv") for name in ("frames", "tracks", "stage")}
    assert len(rows["frames"]) == 50
    assert {row["track"] for row in rows["tracks"]} == {"1"}
    assert {row["event"] for row in rows["stage"]} == {"move", "read"}
    assert (folder / "faults.txt").read_text("utf-8") == ""
    assert (folder / "summary.png").read_bytes().startswith(b"\x89PNG")


def test_its_configuration_repeats_it(session: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, _ = session
    tables = read_tables(folder / "config.toml")
    assert make_config(tables).session.seed == 4
    config, simulated = complete(tables)
    run_lockstep(config, simulated, tmp_path / "again")
    assert lines(tmp_path / "again") == lines(folder)
    for name in ("frames.csv", "tracks.csv", "stage.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_its_pixels_are_those_the_loop_saw(session: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = session
    path = str(folder / "frames.ome.zarr" / "0")
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": path}}
    planes = tensorstore.open(spec, read=True).result().read().result()
    seen = [step.frame.image for step in follow("swimmer", 50, seed=4)]
    np.testing.assert_array_equal(planes, seen)


def test_a_full_disk_ends_it_in_one_sentence_and_closes_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=0))
    folder = tmp_path / "session"
    with pytest.raises(SessionError, match=r"is full: .* --out\.$") as ended:
        record(folder, seconds=20)
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    assert summary == ended.value.summary
    assert summary["faults"] == [str(ended.value)]
    assert summary["recorded"] == 0 < summary["frames"] < 2_000
    assert (folder / "faults.txt").read_text("utf-8") == f"{ended.value}\n"


def test_a_disk_that_is_full_only_at_the_end_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pursuit.controller.session.report.figure.draw", full)
    with pytest.raises(SessionError, match="is full") as ended:
        record(tmp_path / "session", seconds=0.1)
    assert ended.value.summary["recorded"] == 10


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", "utf-8")
    with pytest.raises(FileExistsError, match="choose another folder"):
        record(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]

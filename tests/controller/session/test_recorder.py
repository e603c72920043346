"""A session folder holds everything, whatever happens to the disk or the process."""

from __future__ import annotations

import csv
import errno
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
import tensorstore
from pursuit.controller.decisions import Decision, Lock, TrackPoint
from pursuit.controller.session import Recorder
from pursuit.drivers.messages import (
    Description,
    Dynamics,
    Fault,
    Frame,
    Image,
    Issued,
    PoseRead,
    StagePose,
    Truth,
)

MS = 1_000_000
START_NS = 5_000 * MS
DESCRIPTION = Description(
    name="test",
    camera="Camera",
    xy_stage="XY",
    focus="",
    width_px=24,
    height_px=16,
    dtype="uint16",
    pixel_um=0.5,
    affine=(0.5, 0, 0, 0.5),
    exposure_ms=5,
    interval_ms=10,
    dynamics=Dynamics(),
    limits_um=((-1e4, 1e4), (-1e4, 1e4), (-1e4, 1e4)),
)
FULL = OSError(errno.ENOSPC, "No space left on device")


def frame(index: int) -> Frame:
    at_ns = START_NS + index * 10 * MS
    image = np.full((16, 24), index + 1, np.uint16)
    pose = StagePose(index, 2.5, 3.0, at_ns, 0.1)
    return Frame(image, index, at_ns, at_ns, 5.0, pose, 'GFP, "dim"')


def decision(index: int, us: float = 1.0) -> Decision:
    tracks = tuple(TrackPoint(t, t + 0.5, index, 3.0, t == 4) for t in (4, 9))
    at_ns = START_NS + index * 10 * MS
    return Decision(
        *(index, at_ns, (index, 2.5, 3.0), 2, Lock.LOCKED),
        target=4,
        seen_um=(index + 3.0, 6.5),
        tracks=tracks,
        timings_us={"detect": us},
    )


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def planes(folder: Path) -> np.ndarray:
    path = str(folder / "frames.ome.zarr" / "0")
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": path}}
    return tensorstore.open(spec, read=True).result().read().result()


class Stream:
    """Stands in for the pixels: fails where told, waits if told."""

    def __init__(self, fail_at: int = -1, error: Exception = FULL) -> None:
        self.fail_at, self.error = fail_at, error
        self.values: list[int] = []
        self.go = threading.Event()
        self.go.set()

    def append(self, frame: Image) -> None:
        self.go.wait()
        if len(self.values) == self.fail_at:
            raise self.error
        self.values.append(int(frame[0, 0]))

    pending = 0

    def close(self, interval_s: float | None = None) -> None:
        if self.fail_at >= 0:
            raise self.error


def record(folder: Path, us: float = 1.0) -> dict:
    with Recorder(folder, DESCRIPTION, 'name = "µ"\r\n') as recorder:
        recorder.report(PoseRead(StagePose(0, 0, 0, START_NS - 4 * MS)))
        for i in range(6):
            recorder.frame(frame(i))
            if i % 2:
                recorder.report(Truth(i, 1.0, 0.0, 0.0))
            if i != 2:
                recorder.decision(decision(i, us))
        recorder.report(Issued(1, START_NS, START_NS, START_NS + 12 * MS, 1.5, -2.0, None))
        recorder.report(Fault(START_NS + 20 * MS, "The lamp is off."))
        summary = recorder.finish()
        assert recorder.finish() is summary
        assert recorder.fault == ""
    return summary


def test_everything_is_in_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "session"
    summary = record(folder)
    assert (folder / "config.toml").read_bytes() == 'name = "µ"\r\n'.encode()
    assert json.loads((folder / "summary.json").read_text("utf-8")) == summary
    assert (folder / "summary.png").stat().st_size > 10_000
    counts = ("frames", "recorded", "dropped", "recording_lost")
    assert [summary[key] for key in counts] == [5, 6, 1, 0]
    assert summary["faults"] == ["The lamp is off."]

    assert (planes(folder) == np.arange(1, 7)[:, None, None]).all()
    attributes = json.loads((folder / "frames.ome.zarr/zarr.json").read_text())["attributes"]
    image = attributes["ome"]["multiscales"][0]
    assert [axis.get("unit") for axis in image["axes"]] == ["second", "micrometer", "micrometer"]
    scale = image["datasets"][0]["coordinateTransformations"][0]["scale"]
    assert scale == [0.01, 0.5, 0.5]

    frames = rows(folder / "frames.csv")
    assert [row["frame"] for row in frames] == list("012345")
    assert [float(row["t_s"]) for row in frames] == [0, 0.01, 0.02, 0.03, 0.04, 0.05]
    assert (frames[1]["truth_x_um"], frames[2]["truth_x_um"]) == ("1.0000", "")
    assert frames[3]["channel"] == 'GFP, "dim"'

    tracks = rows(folder / "tracks.csv")
    assert [(row["track"], row["seen"]) for row in tracks] == [("4", "1"), ("9", "0")] * 5
    assert [row["target"] for row in tracks] == ["1", "0"] * 5
    assert (tracks[0]["x_um"], tracks[0]["y_um"]) == ("4.5000", "0.0000")
    assert (tracks[0]["x_px"], tracks[0]["y_px"]) == ("20.50", "2.50")
    read, move = rows(folder / "stage.csv")
    assert (read["event"], float(read["t_s"]), read["frame"]) == ("read", -0.004, "")
    assert (move["event"], move["x_um"], move["z_um"]) == ("move", "1.5000", "")
    assert (move["frame"], float(move["latency_ms"])) == ("1", 12)
    assert (folder / "faults.txt").read_text() == "0.020 s: The lamp is off.\n"
    lines = (folder / "decisions.jsonl").read_text().splitlines()
    assert [json.loads(line)["frame"] for line in lines] == [0, 1, 3, 4, 5]
    assert "tracks" not in json.loads(lines[0])


def test_the_same_session_gives_the_same_bytes_but_for_timings(tmp_path: Path) -> None:
    record(tmp_path / "a", us=1.0)
    record(tmp_path / "b", us=22.5)
    for name in ("frames.csv", "tracks.csv", "stage.csv", "faults.txt"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    a, b = ((tmp_path / x / "decisions.jsonl").read_text().splitlines() for x in "ab")
    assert a != b
    assert [x.split(',"timings_us"')[0] for x in a] == [x.split(',"timings_us"')[0] for x in b]


def truths(folder: Path) -> list[str]:
    return [row["truth_x_um"] for row in rows(folder / "frames.csv")]


def test_rows_wait_for_a_truth_that_comes_later(tmp_path: Path) -> None:
    with Recorder(tmp_path, DESCRIPTION, "") as recorder:
        for i in range(40):
            recorder.frame(frame(i))
            if i >= 5 and i != 20:
                recorder.report(Truth(i - 5, i, 0.0, 0.0))
    wanted = [f"{i + 5:.4f}" if i < 35 and i != 15 else "" for i in range(40)]
    assert truths(tmp_path) == wanted


def test_rows_do_not_wait_where_there_is_no_truth(tmp_path: Path) -> None:
    stream = Stream(fail_at=30)
    with Recorder(tmp_path, DESCRIPTION, "", open_stream=lambda *_: stream) as recorder:
        for i in range(30):
            recorder.frame(frame(i))
        while len(stream.values) < 30:
            time.sleep(0.001)
        recorder.frame(frame(30))  # it is taken when all before are done
        while not recorder.fault:
            time.sleep(0.001)
        assert len(rows(tmp_path / "frames.csv")) == 30


def test_an_acquisition_has_a_folder_of_its_own(tmp_path: Path) -> None:
    with Recorder(tmp_path, DESCRIPTION, "") as recorder:
        for number, start in ((0, 0), (1, 0), (0, 4), (2, 0)):
            for i in range(start, start + 4):
                recorder.frame(msgspec.structs.replace(frame(i), acquisition=number))
        summary = recorder.finish()
    assert (summary["recorded"], summary["recording_lost"]) == (8, 0)
    assert [row["frame"] for row in rows(tmp_path / "frames.csv")] == list("01234567")
    assert planes(tmp_path)[:, 0, 0].tolist() == list(range(1, 9))
    for number in (1, 2):
        folder = tmp_path / f"acquisition_00{number}"
        assert [row["frame"] for row in rows(folder / "frames.csv")] == list("0123")
        assert planes(folder)[:, 0, 0].tolist() == [1, 2, 3, 4]


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for taken in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(FileExistsError, match="choose another folder with --out"):
            Recorder(taken, DESCRIPTION, "")


@pytest.mark.parametrize(
    "error", [FULL, ValueError("RESOURCE_EXHAUSTED: write failed: No space left on device")]
)
def test_a_full_disk_stops_the_recording_and_nothing_else(tmp_path: Path, error: Exception) -> None:
    stream = Stream(fail_at=3, error=error)
    recorder = Recorder(tmp_path, DESCRIPTION, "", open_stream=lambda *_: stream)
    for i in range(6):
        recorder.frame(frame(i))
        recorder.decision(decision(i))
    summary = recorder.finish()
    assert recorder.fault == (
        f"The disk of {tmp_path} is full: recording stopped at frame 3; "
        "free some space or choose another folder with --out."
    )
    assert summary["faults"] == [recorder.fault]
    assert (tmp_path / "faults.txt").read_text("utf-8") == recorder.fault + "\n"
    assert (summary["recorded"], summary["recording_lost"], summary["frames"]) == (3, 3, 6)
    assert [row["frame"] for row in rows(tmp_path / "frames.csv")] == ["0", "1", "2"]
    assert len((tmp_path / "decisions.jsonl").read_text().splitlines()) == 6
    assert summary["rms_error_um"] is not None


def test_a_disk_without_room_is_not_filled_to_the_brim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 50_000_000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    recorder = Recorder(tmp_path, DESCRIPTION, "")
    recorder.frame(frame(0))
    assert recorder.finish()["recorded"] == 0
    assert "is full: recording stopped at frame 0" in recorder.fault


def test_a_slow_disk_costs_frames_not_time(tmp_path: Path) -> None:
    stream = Stream()
    stream.go.clear()
    recorder = Recorder(
        tmp_path, DESCRIPTION, "", queue_bytes=3 * 768, open_stream=lambda *_: stream
    )
    for i in range(10):
        recorder.frame(frame(i))
    stream.go.set()
    summary = recorder.finish()
    assert stream.values == [1, 2, 3]
    assert (summary["recorded"], summary["recording_lost"]) == (3, 7)
    assert len(summary["faults"]) == 1 and "cannot keep up" in summary["faults"][0]
    assert recorder.fault in (tmp_path / "faults.txt").read_text("utf-8")


def test_an_image_of_another_size_is_a_fault(tmp_path: Path) -> None:
    small = Frame(np.zeros((4, 4), np.uint16), 0, 0, 0, 5, StagePose(0, 0, 0, 0))
    with Recorder(tmp_path, DESCRIPTION, "") as recorder:
        recorder.frame(small)
    assert "the image is 4 x 4 uint16, but 24 x 16 uint16 was agreed" in recorder.fault


def test_an_empty_session_is_summed_up_too(tmp_path: Path) -> None:
    summary = Recorder(tmp_path, DESCRIPTION, "").finish()
    assert (summary["frames"], summary["recorded"], summary["faults"]) == (0, 0, [])


KILLED = """
import importlib.util, os, sys, time
from pathlib import Path
spec = importlib.util.spec_from_file_location("cases", sys.argv[1])
cases = importlib.util.module_from_spec(spec)
spec.loader.exec_module(cases)
folder = Path(sys.argv[2])
recorder = cases.Recorder(folder, cases.DESCRIPTION, "a = 1")
i = 0
while (folder / "frames.csv").read_text("utf-8").count("\\n") <= 30:  # rows follow their pixels
    recorder.frame(cases.frame(i))
    recorder.decision(cases.decision(i))
    i += 1
    time.sleep(0.01)
os._exit(9)
"""


def test_a_killed_process_leaves_a_readable_folder(tmp_path: Path) -> None:
    folder = tmp_path / "session"
    arguments = [sys.executable, "-c", KILLED, __file__, str(folder)]
    assert subprocess.run(arguments, timeout=60, check=False).returncode == 9
    pixels = planes(folder)
    assert (pixels[:20] == np.arange(1, 21)[:, None, None]).all()
    text = (folder / "frames.csv").read_text("utf-8")
    assert text.endswith("\n")
    assert 30 <= len(rows(folder / "frames.csv")) <= len(pixels)
    lines = (folder / "decisions.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["frame"] for line in lines] == list(range(len(lines)))
    assert len(lines) >= 30

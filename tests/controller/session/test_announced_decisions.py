"""Any process can find and listen to decisions, by way of the microscope that they are about."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorstore
from pursuit.controller.assembly import complete
from pursuit.controller.decisions import Decision, DecisionListener, DecisionPublisher, Lock
from pursuit.controller.loop import Step
from pursuit.controller.session import Acquisitions, Observer, RecorderProcess, run_live
from pursuit.drivers.microscope import Microscope, MicroscopeError
from pursuit.drivers.wire import MicroscopeServer, RemoteMicroscope
from pursuit.sim.stand import SimulatedMicroscope, World, load_scenario
from useq import MDASequence

SCENARIO = Path(__file__).parents[2] / "contract" / "stand.toml"
COMMAND = [sys.executable, "-m", "pursuit.controller.cli"]


def simulated() -> Microscope:
    scenario = load_scenario(str(SCENARIO))
    return SimulatedMicroscope(World(scenario, seed=1), scenario.stand("stand"))


@pytest.fixture
def port() -> Iterator[int]:
    with MicroscopeServer(simulated()) as server:
        yield server.port


def until(happened: Callable[[], Any]) -> None:
    for _ in range(2_000):
        if happened():
            return
        time.sleep(0.01)
    raise AssertionError("did not happen")


def decision(index: int) -> Decision:
    return Decision(index, index, (0.0, 0.0, 0.0), 0, Lock.SEARCHING)


def test_a_controller_announces_them_and_whoever_asks_is_told(port: int) -> None:
    with RemoteMicroscope("127.0.0.1", port) as other:
        assert other.find_decisions() == ""
        with RemoteMicroscope("127.0.0.1", port) as controller:
            publisher = DecisionPublisher()
            controller.announce(publisher.address)
            with pytest.raises(MicroscopeError, match="Another controller holds"):
                other.announce("127.0.0.1:1")
            assert other.find_decisions() == publisher.address
            with closing(DecisionListener.at(other.find_decisions())) as listener:
                assert publisher.wait_for_listener(10.0)
                publisher.publish(decision(3))
                publisher.close()
                heard: list[Decision] = []
                until(lambda: heard.extend(listener.take(10)) or listener.ended)
                assert heard == [decision(3)]
        assert other.find_decisions() == ""


class Recording:
    """A recorder that runs in a thread."""

    def __init__(self, port: int, folder: Path) -> None:
        self.process = RecorderProcess(("127.0.0.1", port), folder, "")
        self.summary: dict[str, Any] = {}
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.summary = self.process.run(lambda text, stopped: None)

    def result(self) -> dict[str, Any]:
        self._thread.join(30)
        assert not self._thread.is_alive()
        return self.summary


def follow_a_little(port: int) -> int:
    """Be a controller for some frames, with an acquisition in between; return how many."""
    seen = 0
    with RemoteMicroscope("127.0.0.1", port) as controller:
        publisher = DecisionPublisher()
        controller.announce(publisher.address)
        assert publisher.wait_for_listener(10.0)
        for resume in (False, True):
            with closing(controller.frames(every=True, resume=resume)) as frames:
                for frame in islice(frames, 10):
                    publisher.publish(decision(frame.index))
                    seen += 1
            if not resume:
                sequence = MDASequence.model_validate({"z_plan": {"range": 2, "step": 1}})
                assert len(list(controller.acquire(sequence))) == 3
        publisher.close()
    return seen


def test_a_recorder_waits_for_a_controller_and_records_all_that_it_does(
    port: int, tmp_path: Path
) -> None:
    recording = Recording(port, tmp_path / "s")
    assert not recording.process.has_controller
    published = follow_a_little(port)
    summary = recording.result()
    assert recording.process.has_controller
    assert (summary["frames"], summary["faults"]) == (published, [])
    assert summary["recorded"] >= published
    indices = [int(row.split(",")[0]) for row in lines(tmp_path / "s" / "frames.csv")]
    assert indices == list(range(summary["recorded"]))
    acquired = lines(tmp_path / "s" / "acquisition_001" / "frames.csv")
    assert len(acquired) == 3
    truths = [row.split(",")[-3:] for row in lines(tmp_path / "s" / "frames.csv")]
    assert all(all(truth) for truth in truths)


def lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()[1:]


def test_without_a_controller_of_ours_the_end_of_the_stream_is_the_end(
    port: int, tmp_path: Path
) -> None:
    recording = Recording(port, tmp_path / "s")
    with RemoteMicroscope("127.0.0.1", port) as controller:
        list(islice(controller.frames(), 5))
    summary = recording.result()
    assert (summary["frames"], summary["faults"]) == (0, [])
    assert summary["recorded"] >= 5


def test_record_needs_nothing_but_the_microscope(port: int, tmp_path: Path) -> None:
    recorder = subprocess.Popen(
        [*COMMAND, "record", "--microscope", f"127.0.0.1:{port}", "--out", "s"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert recorder.stderr is not None
    assert "No controller follows with this microscope yet" in recorder.stderr.readline()
    published = follow_a_little(port)
    out, err = recorder.communicate(timeout=60)
    assert (recorder.returncode, err) == (0, "")
    assert json.loads(out)["frames"] == published
    assert len(lines(tmp_path / "s" / "acquisition_001" / "frames.csv")) == 3


class Asking(Observer):
    """Asks for an acquisition in the middle of a session."""

    name, in_step = "The asking one", True

    def __init__(self) -> None:
        self.queue = Acquisitions()
        self.frames = 0
        self.indices: list[int] = []

    def observe(self, step: Step) -> None:
        self.indices.append(step.frame.index)
        if len(self.indices) == 50:
            self.queue.put(MDASequence.model_validate({"z_plan": {"range": 4, "step": 1}}))

    def acquired(self, frame: Any) -> None:
        self.frames += 1


def test_a_session_of_real_processes_records_an_acquisition(tmp_path: Path) -> None:
    config, scene = complete(
        {
            "microscope": {"scenario": "swimmer"},
            "detector": {"name": "blobs"},
            "session": {"seconds": 3.0},
        }
    )
    asking = Asking()
    folder = tmp_path / "s"
    summary = run_live(config, scene, folder, [asking], acquisitions=asking.queue)
    assert (asking.frames, summary["faults"]) == (5, [])
    assert np.all(np.diff(asking.indices) > 0)
    assert summary["frames"] == len(asking.indices)
    indices = [int(row.split(",")[0]) for row in lines(folder / "frames.csv")]
    assert indices == list(range(len(indices)))
    assert len(lines(folder / "acquisition_001" / "frames.csv")) == 5
    path = str(folder / "acquisition_001" / "frames.ome.zarr" / "0")
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": path}}
    assert tensorstore.open(spec, read=True).result().shape[0] == 5

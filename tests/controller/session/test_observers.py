"""Observers see every step and cannot hold up the loop, whatever they do."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import useq
from pursuit.controller.assembly import complete
from pursuit.controller.decisions import Decision
from pursuit.controller.loop import Step
from pursuit.controller.session import Acquisitions, Interrupted, Observer, run_lockstep
from pursuit.drivers.messages import Frame, Move
from pursuit.sim.stand import LockstepMicroscope

SECONDS = 3.0
FRAMES = 300


class Noting(Observer):
    """Notes what it is told."""

    name = "The notebook"

    def __init__(self, in_step: bool = True) -> None:
        self.in_step = in_step
        self.decisions: list[Decision] = []
        self.acquisition: list[Frame] = []
        self.threads: set[int] = set()
        self.closed = 0

    def observe(self, step: Step) -> None:
        self.decisions.append(msgspec.structs.replace(step.decision, timings_us={}))
        self.threads.add(threading.get_ident())

    def acquired(self, frame: Frame) -> None:
        self.acquisition.append(frame)

    def close(self) -> None:
        self.closed += 1


class Failing(Noting):
    name = "The broken one"

    def observe(self, step: Step) -> None:
        super().observe(step)
        if len(self.decisions) == 5:
            raise RuntimeError("its file\nis gone.")


class Slow(Noting):
    """Is busy with its first step until another has noted most of a session."""

    name = "The slow one"

    def __init__(self, quick: Noting) -> None:
        super().__init__(in_step=False)
        self._quick = quick

    def observe(self, step: Step) -> None:
        super().observe(step)
        while len(self._quick.decisions) < 200:
            time.sleep(0.001)


class Blocked(Noting):
    name = "The blocked one"

    def __init__(self) -> None:
        super().__init__(in_step=False)
        self.go = threading.Event()

    def observe(self, step: Step) -> None:
        super().observe(step)
        self.go.wait()


def follow(
    folder: Path,
    observers: Sequence[Observer],
    acquisitions: Acquisitions | None = None,
    seconds: float = SECONDS,
) -> dict[str, Any]:
    config, simulated = complete(
        {
            "microscope": {"scenario": "swimmer"},
            "detector": {"name": "blobs"},
            "session": {"seed": 2, "seconds": seconds},
        }
    )
    return run_lockstep(config, simulated, folder, observers, acquisitions)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[Decision]:
    """What is decided when nobody but the recorder watches, and a notebook in step with it."""
    notes = Noting()
    summary = follow(tmp_path_factory.mktemp("session") / "s", [notes])
    assert (summary["faults"], summary["recorded"], notes.closed) == ([], FRAMES, 1)
    assert notes.threads == {threading.get_ident()}
    assert len(notes.decisions) == FRAMES
    return notes.decisions


@pytest.mark.parametrize("in_step", [True, False])
def test_one_that_fails_is_detached_and_the_others_see_everything(
    tmp_path: Path, undisturbed: list[Decision], in_step: bool
) -> None:
    failing, notes = Failing(in_step), Noting()
    summary = follow(tmp_path / "s", [failing, notes])
    fault = "The broken one failed and is told nothing more: RuntimeError: its file is gone."
    assert summary["faults"] == [fault]
    assert (tmp_path / "s" / "faults.txt").read_text("utf-8") == fault + "\n"
    assert (len(failing.decisions), failing.closed) == (5, 1)
    assert notes.decisions == undisturbed
    assert summary["recorded"] == FRAMES


def test_one_that_is_slow_misses_steps_which_are_counted(
    tmp_path: Path, undisturbed: list[Decision]
) -> None:
    notes = Noting()
    slow = Slow(notes)
    summary = follow(tmp_path / "s", [slow, notes])
    assert notes.decisions == undisturbed
    assert threading.get_ident() not in slow.threads
    first, last = summary["faults"]
    assert first == "The slow one is too slow: it is not told everything."
    assert last == f"The slow one was not told of {FRAMES - len(slow.decisions)} steps."
    assert [d for d in undisturbed if d in slow.decisions] == slow.decisions
    assert slow.closed == 1


def test_one_that_is_blocked_holds_up_nothing(tmp_path: Path, undisturbed: list[Decision]) -> None:
    blocked, notes = Blocked(), Noting()
    summary = follow(tmp_path / "s", [blocked, notes])
    blocked.go.set()
    assert notes.decisions == undisturbed
    assert "The blocked one did not come to an end." in summary["faults"]
    assert summary["recorded"] == FRAMES


class Asking(Noting):
    """Asks for an acquisition once it has seen so many steps."""

    def __init__(self, sequence: useq.MDASequence, after: int) -> None:
        super().__init__()
        self.queue = Acquisitions()
        self._sequence, self._after = sequence, after

    def observe(self, step: Step) -> None:
        super().observe(step)
        if len(self.decisions) == self._after:
            self.queue.put(self._sequence)


def stack(**more: Any) -> useq.MDASequence:
    return useq.MDASequence.model_validate({"z_plan": {"range": 4, "step": 1}, **more})


def test_an_acquisition_runs_between_two_steps_and_following_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    asking = Asking(stack(), after=50)
    summary = follow(folder, [asking], asking.queue, seconds=2.0)
    assert [frame.index for frame in asking.acquisition] == [0, 1, 2, 3, 4]
    heights = [frame.pose.z_um for frame in asking.acquisition]
    assert heights == pytest.approx([z + heights[2] for z in (-2, -1, 0, 1, 2)], abs=0.1)
    frames = [decision.frame for decision in asking.decisions]
    assert frames == list(range(len(frames)))
    before, after = asking.decisions[49], asking.decisions[50]
    first, *_, last = asking.acquisition
    assert before.exposed_ns < first.exposed_ns < last.exposed_ns < after.exposed_ns
    assert before.target == after.target == asking.decisions[-1].target == 1
    assert {decision.lock for decision in asking.decisions[60:]} == {"locked"}
    z_um = [decision.pose_um[2] for decision in (before, asking.decisions[-1])]
    assert z_um == pytest.approx([z_um[0]] * 2, abs=0.1)
    gap_ms = (after.exposed_ns - before.exposed_ns) / 1e6
    assert all(d.horizon_ms < gap_ms / 2 for d in asking.decisions[50:])
    assert (summary["faults"], summary["lost"], summary["recorded"]) == ([], 0, len(frames))
    assert summary["latency_ms"]["p99"] < 50
    rows = (folder / "frames.csv").read_text("utf-8").splitlines()[1:]
    acquired = (folder / "acquisition_001" / "frames.csv").read_text("utf-8").splitlines()[1:]
    assert (len(rows), len(acquired)) == (len(frames), 5)
    assert all(row.split(",")[-1] for row in rows)  # the truth is in all of them
    assert (folder / "acquisition_001" / "frames.ome.zarr" / "zarr.json").exists()


def test_an_acquisition_outside_the_limits_is_refused_and_following_goes_on(
    tmp_path: Path,
) -> None:
    asking = Asking(stack(stage_positions=[(1e9, 0.0)]), after=50)
    summary = follow(tmp_path / "s", [asking], asking.queue, seconds=1.0)
    assert len(asking.decisions) > 90
    assert asking.acquisition == []
    (fault,) = summary["faults"]
    assert fault.startswith("An acquisition was given up: ") and "outside the limits" in fault
    assert not (tmp_path / "s" / "acquisition_001").exists()


def test_an_interrupted_acquisition_sends_no_further_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moves: list[Move] = []
    move = LockstepMicroscope.move

    def note(self: LockstepMicroscope, wanted: Move) -> None:
        moves.append(wanted)
        move(self, wanted)

    class Interrupting(Asking):
        before = 0

        def acquired(self, frame: Frame) -> None:
            self.before = len(moves)
            raise KeyboardInterrupt

    monkeypatch.setattr(LockstepMicroscope, "move", note)
    asking = Interrupting(stack(), after=50)
    with pytest.raises(Interrupted):
        follow(tmp_path / "s", [asking], asking.queue, seconds=1.0)
    assert len(moves) == asking.before > 0


def test_ctrl_c_in_compiled_code_is_ctrl_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: LockstepMicroscope, wanted: Move) -> None:
        raise SystemError("returned a result with an exception set") from KeyboardInterrupt()

    monkeypatch.setattr(LockstepMicroscope, "move", interrupted)
    with pytest.raises(Interrupted):
        follow(tmp_path / "s", [], None, seconds=1.0)

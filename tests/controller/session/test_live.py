"""The whole program as a user starts it: real processes, real time, and days that go wrong."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import tensorstore
from pursuit.controller.assembly import complete
from pursuit.controller.configuration import ConfigError
from pursuit.controller.session import run_live

FOLLOW = [sys.executable, "-m", "pursuit.controller.cli", "follow"]
HANGUP = getattr(signal, "SIGHUP", signal.SIGINT)
posix = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")


STARTED: list[subprocess.Popen[str]] = []


@pytest.fixture(autouse=True)
def nothing_runs_on() -> Iterator[None]:
    yield
    while STARTED:
        STARTED.pop().kill()


def start(*arguments: str, cwd: Path, hears_ctrl_c: bool = True) -> subprocess.Popen[str]:
    """Start following; what is ignored, Ctrl-C too, a process has from the one that starts it."""
    inherited = signal.default_int_handler if hears_ctrl_c else signal.SIG_IGN
    old = {signum: signal.signal(signum, inherited) for signum in (signal.SIGINT, HANGUP)}
    try:
        process = subprocess.Popen(
            [*FOLLOW, *arguments],
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=sys.platform != "win32",
        )
    finally:
        for signum, handler in old.items():
            signal.signal(signum, handler)
    STARTED.append(process)
    return process


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=90)
    return process.returncode, out, err


def wait_until(condition: Callable[[], object]) -> None:
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen within a minute")


def children(pid: int) -> dict[str, int]:
    """Process ids of the children of a process, by the command that they run."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                words = (entry / "cmdline").read_text().split("\0")
            except (OSError, IndexError):
                continue
            if parent == pid and "pursuit.controller.cli" in words:
                found[words[words.index("pursuit.controller.cli") + 1]] = int(entry.name)
    return found


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def rings(pid: int) -> set[str]:
    """Shared memory that a process has mapped, by its names under /dev/shm."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return {line.rpartition("/dev/shm/")[2] for line in lines if "/dev/shm/psm_" in line}


def gone(names: set[str]) -> bool:
    return bool(names) and not any(Path("/dev/shm", name).exists() for name in names)


def check_readable(folder: Path, least: int) -> None:
    """A session folder that is closed and complete."""
    summary = json.loads((folder / "summary.json").read_text())
    decisions = [json.loads(line) for line in (folder / "decisions.jsonl").read_text().splitlines()]
    rows = (folder / "frames.csv").read_text().splitlines()[1:]
    store = {"driver": "file", "path": str(folder / "frames.ome.zarr" / "0")}
    images = tensorstore.open({"driver": "zarr3", "kvstore": store}).result()
    assert len(decisions) == summary["frames"] >= least
    assert images.shape[0] == len(rows) == summary["recorded"]
    assert np.ptp(np.asarray(images[len(rows) - 1].read().result())) > 0
    assert (folder / "summary.png").stat().st_size > 10_000


def test_follow_with_nothing_else_holds_a_simulated_cell(tmp_path: Path) -> None:
    code, out, err = finish(start("--seconds", "8", "--json", cwd=tmp_path))
    assert code == 0, err
    summary = json.loads(out)
    assert summary["frames"] > 200
    assert summary["held"] > 0.95
    assert summary["latency_ms"]["p50"] > 0
    check_readable(Path(summary["session"]), least=200)


def follow_a_bead(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start following a bead of Micro-Manager's demo camera, from 91 and 123 µm away."""
    adapters = pytest.importorskip("mm_test_adapters").device_adapter_path()
    demo = (Path(adapters) / "MMConfig_demo.cfg").read_text()
    (folder / "beads.cfg").write_text(f"{demo}\nProperty,Camera,Mode,Fluorescent Beads\n")
    return start(
        *("--mm-config", "beads.cfg", "--detector", "blobs", *arguments),
        *("--set", "detector.diameter_px=8", "--set", "target.point_um=[91, 123]"),
        *("--set", "stage.speed_um_s=1e6", "--set", "stage.acceleration_um_s2=1e9"),
        *("--set", "stage.delay_ms=1", "--set", "stage.settle_ms=1"),
        cwd=folder,
    )


@posix
def test_ctrl_c_is_how_a_session_without_end_ends(tmp_path: Path) -> None:
    process = follow_a_bead(tmp_path, "--out", "s")
    decisions = tmp_path / "s" / "decisions.jsonl"
    wait_until(lambda: decisions.exists() and decisions.stat().st_size > 200_000)
    process.send_signal(signal.SIGINT)
    code, out, err = finish(process)
    assert code == 0, err
    unseen = r"(, not seen in \d of \d+ frames)?"
    assert re.search(rf"Stopped by the user\. The target was followed to the end{unseen}\.\n", out)


def test_a_bead_under_micro_managers_own_devices_is_brought_to_the_middle(tmp_path: Path) -> None:
    code, out, err = finish(follow_a_bead(tmp_path, "--seconds", "3", "--json"))
    assert code == 0, err
    folder = Path(json.loads(out)["session"])
    last = json.loads((folder / "decisions.jsonl").read_text().splitlines()[-1])
    assert last["pose_um"][:2] == pytest.approx([91, 123], abs=2)
    assert last["seen_um"] == pytest.approx(last["pose_um"][:2], abs=0.2)


def test_nothing_to_follow_is_said_plainly(tmp_path: Path) -> None:
    adapters = pytest.importorskip("mm_test_adapters").device_adapter_path()
    demo = str(Path(adapters) / "MMConfig_demo.cfg")
    code, _, err = finish(start("--mm-config", demo, "--seconds", "1", cwd=tmp_path))
    assert code == 1
    assert "Nothing to follow was found" in err.strip().splitlines()[-1]


either_signal = pytest.mark.parametrize(
    ("signum", "hears_ctrl_c"), [(signal.SIGINT, True), (HANGUP, True), (signal.SIGTERM, False)]
)
"""Ctrl-C, a terminal that is closed, or what the system asks in the background of a script, where
Ctrl-C is ignored."""


@posix
@either_signal
def test_an_interrupt_closes_the_session_and_leaves_nothing_behind(
    tmp_path: Path, signum: int, hears_ctrl_c: bool
) -> None:
    arguments = ("--detector", "blobs", "--seconds", "60", "--out", "s")
    process = start(*arguments, cwd=tmp_path, hears_ctrl_c=hears_ctrl_c)
    decisions = tmp_path / "s" / "decisions.jsonl"
    wait_until(lambda: decisions.exists() and decisions.stat().st_size > 20_000)
    started = children(process.pid)
    shared = rings(started["microscope"])
    assert set(started) == {"microscope", "record"}
    process.send_signal(signum)
    process.send_signal(signal.SIGTERM)
    code, _, err = finish(process)
    assert code == 1
    assert err.strip().splitlines()[-1].startswith("Error: Stopped by the user. ")
    assert "Traceback" not in err
    check_readable(tmp_path / "s", least=20)
    assert not any(alive(pid) for pid in started.values())
    assert gone(shared)


@posix
@either_signal
def test_an_interrupt_in_virtual_time_leaves_a_complete_folder(
    tmp_path: Path, signum: int, hears_ctrl_c: bool
) -> None:
    arguments = ("--lockstep", "--detector", "blobs", "--seconds", "600", "--out", "s")
    process = start(*arguments, cwd=tmp_path, hears_ctrl_c=hears_ctrl_c)
    decisions = tmp_path / "s" / "decisions.jsonl"
    wait_until(lambda: decisions.exists() and decisions.stat().st_size > 20_000)
    process.send_signal(signum)
    code, _, err = finish(process)
    assert code == 1
    assert err.strip().splitlines()[-1].startswith("Error: Stopped by the user. ")
    assert "Traceback" not in err
    check_readable(tmp_path / "s", least=20)


@posix
@pytest.mark.parametrize("victim", ["microscope", "record"])
@pytest.mark.parametrize(
    ("signum", "said"),
    [
        (signal.SIGTERM, "process was ended from outside."),
        (getattr(signal, "SIGKILL", 0), "process ended unexpectedly (code -9)."),
    ],
)
def test_a_child_that_dies_ends_the_session_in_one_sentence(
    tmp_path: Path, victim: str, signum: int, said: str
) -> None:
    process = start("--detector", "blobs", "--seconds", "60", "--out", "s", cwd=tmp_path)
    decisions = tmp_path / "s" / "decisions.jsonl"
    wait_until(lambda: decisions.exists() and decisions.stat().st_size > 20_000)
    started = children(process.pid)
    shared = rings(started["microscope"])
    os.kill(started[victim], signum)
    code, _, err = finish(process)
    assert code == 1
    assert said in err.strip().splitlines()[-1]
    assert "Traceback" not in err
    if victim == "microscope":
        check_readable(tmp_path / "s", least=20)
    wait_until(lambda: not any(alive(pid) for pid in started.values()))
    assert gone(shared)


@posix
def test_children_go_down_with_a_controller_that_is_killed(tmp_path: Path) -> None:
    process = start("--detector", "blobs", "--seconds", "60", "--out", "s", cwd=tmp_path)
    decisions = tmp_path / "s" / "decisions.jsonl"
    wait_until(lambda: decisions.exists() and decisions.stat().st_size > 20_000)
    started = children(process.pid)
    shared = rings(started["microscope"])
    process.kill()
    process.communicate()
    wait_until(lambda: not any(alive(pid) for pid in started.values()))
    check_readable(tmp_path / "s", least=20)
    assert gone(shared)


@posix
def test_a_session_whose_loop_cannot_be_made_leaves_no_folder_and_no_process(
    tmp_path: Path,
) -> None:
    """The recorder is started early, so that it is ready in time; it writes nothing till then."""

    def refuse(*_: object) -> NoReturn:
        raise ConfigError("This is not to be.")

    config, scene = complete({"microscope": {"scenario": "swimmer"}})
    before = children(os.getpid())
    with pytest.raises(ConfigError, match="not to be"):
        run_live(config, scene, tmp_path / "s", make=refuse)
    assert list(tmp_path.iterdir()) == []
    assert children(os.getpid()) == before

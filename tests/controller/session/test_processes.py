"""Processes of a session are disturbed neither by files that lie about nor by what is printed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pursuit.controller.session.processes import Child

SAFE = [sys.executable, "-P"]
"""As the ``pursuit`` command is started: without the current folder."""
PRINTS = """
import os, sys, threading, time

def print_for_ever():
    while True:
        os.write(1, b"Camera ready \\xff ")
        time.sleep(0.01)

if "--supervised" in sys.orig_argv:
    print("Library loaded", flush=True)
    threading.Thread(target=print_for_ever, daemon=True).start()
"""
"""Prints from the start on, in any order with what the process itself writes."""
WORKERS = """
import sys
from pursuit.controller.cli import main

if __name__ == "__main__":
    try:
        main()
    except SystemExit:
        pass
    from pursuit.controller.bench.report import in_parallel

    print(list(in_parallel(abs, [-1])))
"""
"""A command, and then what benches do."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where files lie that are called like modules of Python's own."""
    for name in ("json", "queue", "random", "signal"):
        (tmp_path / f"{name}.py").write_text(f"raise RuntimeError('{name} of this folder')")
    return tmp_path


def follow_a_little(folder: Path, **environment: str) -> None:
    command = [*SAFE, "-m", "pursuit.controller.cli", "follow", "--detector", "blobs", "--json"]
    ended = subprocess.run(
        [*command, "--seconds", "2"],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert ended.stdout, ended.stderr
    summary = json.loads(ended.stdout)
    assert summary["recorded"] >= summary["frames"] > 10
    assert not summary["faults"]


def test_files_in_the_current_folder_are_not_imported(folder: Path) -> None:
    follow_a_little(folder)


def test_workers_of_a_bench_import_none_either(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    script = tmp_path_factory.mktemp("elsewhere") / "pursuit"
    script.write_text(WORKERS)
    ended = subprocess.run(
        [sys.executable, str(script), "arm", "--help"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.stdout.splitlines()[-1] == "[(-1, 1)]", ended.stderr


def test_devices_and_libraries_may_print(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(PRINTS)
    before = os.environ.get("PYTHONPATH", "")
    follow_a_little(tmp_path, PYTHONPATH=os.pathsep.join([str(tmp_path), before]))


def test_a_child_that_told_nothing_in_the_end_says_how_it_ended() -> None:
    child = Child("microscope", ["microscope", "--scenario", "swimmer"])
    os.kill(child.pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
    assert "The microscope process ended unexpectedly" in child.end()["fault"]

"""``pursuit follow --microscope`` at a microscope of another kind than the default one."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pursuit.controller.configuration import read_tables

PURSUIT = [sys.executable, "-m", "pursuit.controller.cli"]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where a microscope with a nucleus listens."""
    command = [*PURSUIT, "microscope", "--scenario", "nucleus", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        found = re.search(r"listens at ([\d.]+:\d+)", server.stdout.readline())
        assert found is not None
        try:
            yield found[1]
        finally:
            server.send_signal(signal.SIGTERM)


def follow(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PURSUIT, "follow", *arguments], cwd=folder, capture_output=True, text=True, timeout=120
    )


def test_it_is_followed_as_what_it_says_that_it_is(address: str, tmp_path: Path) -> None:
    wrong = follow(tmp_path, "--microscope", address, "--set", "limits.x_um=[-5, 5]")
    assert wrong.returncode == 1
    assert "limits.x_um is [-5.0, 5.0] here" in wrong.stderr
    assert not (tmp_path / "sessions").exists()
    ended = follow(tmp_path, "--microscope", address, "--seconds", "8", "--out", "s")
    assert f"The microscope at {address}, opened with the scenario nucleus" in ended.stdout
    assert ended.returncode == 0
    kept = read_tables(tmp_path / "s" / "config.toml")
    assert kept["microscope"]["scenario"] == "nucleus"
    assert kept["camera"]["interval_ms"] == 1000.0

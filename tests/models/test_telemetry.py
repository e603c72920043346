"""OpenVINO asks nobody, and leaves nothing in the home folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

WATCHED = """
import os, socket, time
from pathlib import Path

def ask(*address, **options):
    with open(os.environ["ASKED"], "a") as asked:
        print(address, file=asked)
    raise OSError("no network")

socket.getaddrinfo = socket.create_connection = ask

from pursuit.models.weights import find
{use}
time.sleep(1)
"""
"""Notes in a file what is asked: OpenVINO asks in a fork of the process, which takes a moment."""

USES = {
    "detector": "from pursuit.models.runtimes import load\nload(find('ssd'), 'openvino')",
    "predictor": "from pursuit.models.predictors.learned import Recurrent\nRecurrent()",
    "export": "from pursuit.models.export import export_model\n"
    "export_model(find('defocus'), 'openvino', Path('exported'))",
}


@pytest.mark.parametrize("use", USES)
def test_no_host_is_asked_and_no_file_is_left(tmp_path: Path, use: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    places = dict.fromkeys(("HOME", "USERPROFILE"), str(home))
    ours = {"PURSUIT_CACHE": str(tmp_path / "cache"), "ASKED": str(tmp_path / "asked")}
    elsewhere = {k: v for k, v in os.environ.items() if not k.startswith("XDG_") and k != "CI"}
    subprocess.run(
        [sys.executable, "-c", WATCHED.format(use=USES[use])],
        cwd=tmp_path,
        env=elsewhere | places | ours,
        check=True,
        timeout=120,
    )
    assert not (tmp_path / "asked").exists()
    assert not list(home.rglob("*"))
